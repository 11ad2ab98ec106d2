"""The compatible arithmetic compared with files that the authors' package wrote."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import run_here
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.engine.events.peaks import PeakFinder, Volume
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.scaling import place_in_movie, rescale, rescale_map
from epifiji.engine.tiling.windows import normalised
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import read_network
from epifiji.files.results.events_table import read_events
from epifiji.files.rois.roi_files import read_rois

PARITY = Path(__file__).parents[2] / "reference_files" / "parity"
CASES: dict[str, dict[str, Any]] = json.loads((PARITY / "cases.json").read_text(encoding="utf-8"))
CLASSES = ("cell_death", "cell_sop", "cell_division")

LEAST_EQUAL = 0.9999
"""Share of the voxels that must be equal; the others may differ by one level, if a float's last digit decides a rounding."""

SPLINE_GAIN = 2
"""A cubic spline can make two levels of a difference of one."""

LARGEST_SOFTMAX_DIFFERENCE = 1e-5

CUT_Y, FIRST_WHOLE_Y = 120, 164
"""The oracle movie is detected from its first row here on, a multiple of the windows' step, so that windows are at the authors'
places; rows are compared from the second on, which no window reaches that the cut leaves out."""


def assert_same_map(found: np.ndarray, expected: np.ndarray, levels: int = 1) -> None:
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert (difference == 0).mean() >= LEAST_EQUAL
    assert difference.max() <= levels


def places(events: Iterable[Event]) -> list[tuple[int, float, float]]:
    return sorted((event.frame, event.y, event.x) for event in events)


def of_class(events: Iterable[Event], name: str) -> list[Event]:
    return [event for event in events if event.event == name]


def expected_places(path: Path, name: str) -> list[tuple[int, float, float]]:
    return places(read_rois(path, name))


def volumes(pixels: np.ndarray, seed_distance_t: int, seed_distance_xy: int) -> list[Volume]:
    finder = PeakFinder(pixels.shape[1:], seed_distance_t, seed_distance_xy, joining=True)
    return [volume for frame in pixels for volume in finder.feed(frame)] + list(finder.finish())


def expected_maps(name: str, kind: str) -> np.ndarray:
    """Return the authors' maps of a small case (classes, T, Y, X)."""
    with np.load(PARITY / f"{name}_maps.npz") as maps:
        return np.stack([maps[f"{event}_{kind}"] for event in CLASSES])


@pytest.fixture(scope="module", params=CASES)
def small_case(request: pytest.FixtureRequest) -> tuple[str, epifiji.Result]:
    """Each small case and its result."""
    name = request.param
    settings = CASES[name] | {"mode": "compatible", "maps": "scaled"}
    return name, epifiji.detect(PARITY / f"{name}.tif", network=PARITY / "network", **settings)


@pytest.mark.parametrize("kind,levels", [("rawproba", 1), ("proba", SPLINE_GAIN)])
def test_small_case_has_the_authors_maps(small_case: tuple[str, epifiji.Result], kind: str, levels: int) -> None:
    name, result = small_case
    expected = expected_maps(name, kind)
    assert ((expected > 125).any((1, 2, 3))).all()
    assert_same_map(np.stack([result.maps[kind][event][:] for event in CLASSES]), expected, levels)


@pytest.mark.parametrize("name", CASES)
def test_authors_maps_are_scaled_to_every_voxel(name: str) -> None:
    for raw, expected in zip(expected_maps(name, "rawproba"), expected_maps(name, "proba"), strict=True):
        scaled = rescale_map(raw, tifffile.imread(PARITY / f"{name}.tif").shape, compatible=True, create=np.empty)
        np.testing.assert_array_equal(scaled, expected)


@pytest.mark.parametrize("event", CLASSES)
def test_small_case_has_the_authors_events(small_case: tuple[str, epifiji.Result], event: str) -> None:
    name, result = small_case
    expected = expected_places(PARITY / f"{name}_{event}.zip", event)
    assert expected
    assert places(of_class(result.events, event)) == expected


@pytest.fixture(scope="module")
def default_folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The result folder that the command line writes for the lower half of the oracle movie."""
    folder = tmp_path_factory.mktemp("default")
    lower_half = tifffile.imread(shared_data / "oracle" / "movie.tif")[:, CUT_Y:]
    tifffile.imwrite(folder / "movie.tif", lower_half, imagej=True, metadata={"axes": "TYX"})
    command = ["detect", str(folder / "movie.tif")]
    command += ["--network", str(shared_data / "dexnets" / "notum_all.zip"), "--compatible"]
    command += ["--maps", "raw", "--threshold", "180", "--min-volume", "800", "--out", str(folder / "results")]
    code, _, error = run_here(*command)
    assert code == 0, error
    return folder / "results" / "movie_epifiji"


def in_whole_rows(found: list[tuple[int, float, float]], first_y: int = 0) -> list[tuple[int, float, float]]:
    """Return the places below the rows that the cut changes, in the whole movie."""
    return [(t, y + first_y, x) for t, y, x in found if y + first_y >= FIRST_WHOLE_Y]


@pytest.mark.parametrize("event", CLASSES)
def test_command_line_writes_the_authors_maps(default_folder: Path, shared_data: Path, event: str) -> None:
    name = f"movie_{event}_rawproba.tif"
    expected = tifffile.imread(shared_data / "oracle" / "default" / name)
    found = tifffile.imread(default_folder / name)
    assert found.shape == (40, 256 - CUT_Y, 256)
    assert_same_map(found[:, FIRST_WHOLE_Y - CUT_Y :], expected[:, FIRST_WHOLE_Y:])


@pytest.mark.parametrize("event,count", [("cell_death", 5), ("cell_sop", 0), ("cell_division", 0)])
def test_command_line_writes_the_authors_events(
    default_folder: Path, shared_data: Path, event: str, count: int
) -> None:
    expected = in_whole_rows(expected_places(shared_data / "oracle" / "default" / f"movie_{event}.zip", event))
    assert len(expected) == count
    assert in_whole_rows(places(of_class(read_events(default_folder / "events.csv"), event)), CUT_Y) == expected
    rois = default_folder / f"movie_{event}.zip"
    assert in_whole_rows(expected_places(rois, event) if rois.exists() else [], CUT_Y) == expected
    assert rois.exists() == bool(expected)


@pytest.fixture(scope="module")
def single_network(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of notumAll0, one of the two networks of notum_all."""
    folder = tmp_path_factory.mktemp("network")
    with zipfile.ZipFile(shared_data / "dexnets" / "notum_all.zip") as archive:
        archive.extractall(folder, [name for name in archive.namelist() if "/notumAll0/" in name])
    return folder / "notum_all" / "notumAll0"


@pytest.fixture(scope="module")
def rescaled_result(shared_data: Path, single_network: Path) -> epifiji.Result:
    """The result for the oracle's second movie, whose cells and events are larger and longer than the network's."""
    return epifiji.detect(
        shared_data / "oracle" / "movie2_uint16.tif",
        network=single_network,
        cell_diameter=40,
        event_duration=9,
        threshold=180,
        min_volume=800,
        maps="scaled",
        mode="compatible",
    )


@pytest.mark.parametrize("event", CLASSES)
@pytest.mark.parametrize("kind,levels", [("rawproba", 1), ("proba", SPLINE_GAIN)])
def test_rescaled_movie_has_the_authors_maps(
    rescaled_result: epifiji.Result, shared_data: Path, event: str, kind: str, levels: int
) -> None:
    expected = tifffile.imread(shared_data / "oracle" / "rescaled" / f"movie2_uint16_{event}_{kind}.tif")
    assert_same_map(rescaled_result.maps[kind][event][:], expected, levels)


@pytest.mark.parametrize("event", CLASSES)
def test_authors_map_of_a_rescaled_movie_is_scaled_to_every_voxel(shared_data: Path, event: str) -> None:
    stem = shared_data / "oracle" / "rescaled" / f"movie2_uint16_{event}"
    raw, expected = tifffile.imread(f"{stem}_rawproba.tif"), tifffile.imread(f"{stem}_proba.tif")
    scaled = rescale_map(raw, (30, 260, 331), compatible=True, create=np.empty)
    np.testing.assert_array_equal(scaled, expected)


@pytest.mark.parametrize("event", CLASSES)
def test_rescaled_movie_has_the_authors_events(rescaled_result: epifiji.Result, shared_data: Path, event: str) -> None:
    expected = expected_places(shared_data / "oracle" / "rescaled" / f"movie2_uint16_{event}.zip", event)
    assert places(of_class(rescaled_result.events, event)) == expected


POST_MAPS = ["blobs_dense", "blocky", "real_notum_all_death", "empty", "full"]
POST_KEY = re.compile(r"init\((\d+), (\d+), (\d+)\)_dxy(\d+)_dt(\d+)_vol(\d+)_p(\d+)")


@pytest.mark.parametrize("name", POST_MAPS)
def test_maps_give_the_authors_events_at_all_thresholds(shared_data: Path, name: str) -> None:
    with np.load(shared_data / "oracle" / "post" / "maps.npz") as maps:
        pixels = maps[name]
    cases = json.loads((shared_data / "oracle" / "post" / "events.json").read_text())[name]
    assert len(cases) == 16
    for key, expected in cases.items():
        *shape, distance_xy, distance_t, least_volume, least_value = map(int, POST_KEY.fullmatch(key).groups())
        found = [
            place_in_movie(volume.centroid, pixels.shape, tuple(shape), compatible=True)
            for volume in volumes(pixels, distance_t, distance_xy)
            if len(volume.voxels) > least_volume and volume.value > least_value
        ]
        assert sorted(found) == sorted(map(tuple, expected)), key


@pytest.mark.parametrize("name", POST_MAPS)
@pytest.mark.parametrize("distance_xy,distance_t", [(10, 4), (5, 3)])
def test_volumes_paint_the_authors_cleaned_maps(
    shared_data: Path, name: str, distance_xy: int, distance_t: int
) -> None:
    folder = shared_data / "oracle" / "post"
    with np.load(folder / "maps.npz") as maps, np.load(folder / "cleaned.npz") as cleaned:
        pixels, expected = maps[name], cleaned[f"{name}_dxy{distance_xy}_dt{distance_t}"]
    painted = np.zeros_like(pixels)
    for volume in volumes(pixels, distance_t, distance_xy):
        if len(volume.voxels) > 150 and volume.value > 150:
            painted[tuple(volume.voxels.T)] = int(volume.value)
    np.testing.assert_array_equal(painted, expected)


def member_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(name.split("/")[-2] for name in archive.namelist() if name.endswith("/config.cfg"))


@pytest.mark.parametrize("name", ["notum_all", "notum_ExtSOP", "notum_ExtSOPDiv"])
def test_networks_give_the_authors_softmax(shared_data: Path, name: str) -> None:
    path = shared_data / "dexnets" / f"{name}.zip"
    classifier = Classifier(read_network(path))
    members = member_names(path)
    assert len(classifier) == len(members) == 2
    with np.load(shared_data / "oracle" / "networks" / "golden.npz") as golden:
        for number, member in enumerate(members):
            found = classifier(number, golden["windows_uint8"])
            np.testing.assert_allclose(found, golden[member], rtol=0, atol=LARGEST_SOFTMAX_DIFFERENCE)


def assert_same_softmax(movie: Movie, network: Network, member: int, group: Path) -> None:
    """Compare the 100 windows with the highest probabilities, and every 50th, with the values of the authors' package."""
    with np.load(group) as stored:
        expected, centres = stored["preds"], stored["index_tyx"]
    chosen = np.union1d(np.argsort(expected[:, 0])[:100], np.arange(0, len(expected), 50))
    half, before, after = network.description.window_half_size_px, 5, 5
    padded = np.pad(movie.frames(0, movie.shape[0]), ((before, after), (0, 0), (0, 0)), mode="edge")
    windows = np.stack(
        [
            padded[t - before : t + after, y - half : y + half + 1, x - half : x + half + 1]
            for t, y, x in centres[chosen]
        ]
    )
    found = Classifier(network)(member, normalised(windows))
    assert expected[chosen, 0].min() < 0.1
    np.testing.assert_allclose(found, expected[chosen], rtol=0, atol=LARGEST_SOFTMAX_DIFFERENCE)


@pytest.mark.parametrize("member", [0, 1])
def test_windows_of_the_movie_get_the_authors_softmax(shared_data: Path, member: int) -> None:
    movie = read_movie(shared_data / "oracle" / "movie.tif")
    network = read_network(shared_data / "dexnets" / "notum_all.zip")
    assert_same_softmax(movie, network, member, shared_data / "oracle" / "default" / f"windows_group{member}.npz")


def test_windows_of_a_rescaled_movie_get_the_authors_softmax(shared_data: Path, single_network: Path) -> None:
    movie = read_movie(shared_data / "oracle" / "movie2_uint16.tif")
    scaled = rescale(movie, 4.5 / 9, 25 / 40, compatible=True, create=np.empty)
    network = read_network(single_network)
    assert_same_softmax(scaled, network, 0, shared_data / "oracle" / "rescaled" / "windows_group0.npz")
