"""From a movie to a result folder, in Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
from scipy import ndimage

import epifiji
from engine_runs import maps_of
from epifiji.data.movie import Movie
from epifiji.data.palette import TAN
from epifiji.engine.networks.dexnet.compatible import Compatible
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.maps import Exact
from epifiji.files.networks.store import read_network
from epifiji.files.results.events_table import read_events
from epifiji.files.rois.roi_files import read_rois
from small_networks import small_network

LOOSE = {"threshold": 0, "min_volume": 0}
"""A random network has low probabilities: keep whatever is over the positive level."""


@pytest.fixture(scope="module")
def pixels(movie_file: Path) -> np.ndarray:
    return tifffile.imread(movie_file)


def test_the_maps_are_those_of_the_engine(pixels: np.ndarray, network_folder: Path) -> None:
    network = read_network(network_folder)
    for mode, arithmetic in (("exact", Exact), ("compatible", Compatible)):
        result = epifiji.detect(pixels, network, mode=mode, maps="raw", **LOOSE)
        expected = np.stack(
            list(maps_of(Movie(pixels), Classifier(network), arithmetic(pixels.shape, network.description, 10, 2)))
        )
        for index, event in enumerate(network.description.events):
            assert np.array_equal(result.maps["rawproba"][event][:], expected[:, index])


def test_an_array_a_movie_and_a_file_give_the_same(pixels: np.ndarray, movie_file: Path, network_folder: Path) -> None:
    results = [
        epifiji.detect(movie, network_folder, **LOOSE) for movie in (pixels, Movie(pixels), movie_file, str(movie_file))
    ]
    assert results[0].events
    assert all(result.events == results[0].events for result in results)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_the_pixels_type_does_not_matter(pixels: np.ndarray, network_folder: Path, dtype: type) -> None:
    eight_bit = epifiji.detect(pixels, network_folder, maps="raw", events="cell_death")
    wide = pixels.astype(dtype) * 4 - (100 if np.dtype(dtype).kind != "u" else 0)
    other = epifiji.detect(wide.astype(dtype), network_folder, maps="raw", events="cell_death")
    difference = np.abs(
        eight_bit.maps["rawproba"]["cell_death"][:].astype(int) - other.maps["rawproba"]["cell_death"][:]
    )
    # Single precision may truncate a grey value to the level below.
    assert np.percentile(difference, 95) <= (3 if dtype is np.float32 else 0)


def test_events_agree_with_their_maps(pixels: np.ndarray, network_folder: Path) -> None:
    result = epifiji.detect(pixels, network_folder, maps="clean", threshold=130, min_volume=100)
    assert result.events
    for event in result.events:
        raw = result.maps["rawproba"][event.event][:]
        clean = result.maps["cleaned"][event.event][:]
        same = clean == int(event.score * 255 + 1e-9)
        labels, _ = ndimage.label(same, np.ones((3, 3, 3)))
        near = labels[event.frame, round(event.y) - 3 : round(event.y) + 4, round(event.x) - 3 : round(event.x) + 4]
        volume = labels == np.bincount(near[near > 0]).argmax()
        assert volume.sum() == event.volume
        assert raw[volume].mean() == pytest.approx(255 * event.score)
        assert ndimage.center_of_mass(volume)[1:] == pytest.approx((event.y, event.x))


def test_events_whose_centre_no_window_was_centred_on_are_flagged(pixels: np.ndarray, network_folder: Path) -> None:
    result = epifiji.detect(pixels, network_folder, **LOOSE)
    for event in result.events:
        assert event.border == (min(event.y, event.x, 69 - event.y, 79 - event.x) < 22)
    assert sum(result.border_counts.values()) == sum(event.border for event in result.events)


def test_a_result_folder_holds_what_was_found(movie_file: Path, network_folder: Path, tmp_path: Path) -> None:
    result = epifiji.detect(movie_file, network_folder, maps="scaled", **LOOSE)
    folder = result.save(tmp_path / "out")
    table = read_events(folder / "events.csv")
    assert [(e.event, e.frame, e.volume, e.border) for e in table] == [
        (e.event, e.frame, e.volume, e.border) for e in result.events
    ]
    header = (folder / "events.csv").read_text().splitlines()[0]
    assert header.startswith("event,frame,y,x,score,volume")
    assert header.endswith("y_um,x_um,time_min")
    for event, count in result.counts.items():
        zipped = folder / f"noise_{event}.zip"
        assert zipped.exists() == (count > 0)
        if count:
            assert len(read_rois(zipped, event)) == count
        with tifffile.TiffFile(folder / f"noise_{event}_rawproba.tif") as tif:
            assert tif.series[0].axes == "TYX"
            assert tif.imagej_metadata["finterval"] == 300
            assert np.array_equal(tif.asarray(), result.maps["rawproba"][event][:])
    record = json.loads((folder / "run.json").read_text())
    assert record["movie"]["shape"] == [12, 70, 80]
    assert record["network"]["sha256"] == read_network(network_folder).sha256
    assert record["settings"]["threshold"] == {"cell_death": 0, "cell_sop": 0, "cell_division": 0}
    assert record["versions"]["tensorflow"]
    assert record["runtime"] == "TensorFlow"
    assert set(record["files"]) == {file.name for file in folder.iterdir()}
    assert (folder / "overlay.png").read_bytes().startswith(b"\x89PNG")


def test_classes_of_ones_own_have_their_colours_and_their_maps_are_read_back(
    pixels: np.ndarray, tmp_path: Path
) -> None:
    network = small_network(1, seed=14, classes=("nothing", "blink", "flash"))
    result = epifiji.detect(pixels, network, maps="raw", **LOOSE)
    folder = result.save(tmp_path / "out")
    rois = roifile.roiread(folder / "movie_flash.zip")
    assert {tuple(roi.stroke_color) for roi in rois} == {(255, *TAN)}
    assert epifiji.events_from_maps(folder, **LOOSE).counts == result.counts


def test_a_record_is_enough_to_run_again(movie_file: Path, network_folder: Path, tmp_path: Path) -> None:
    first = epifiji.detect(movie_file, network_folder, mode="compatible", step_xy=7, **LOOSE)
    record = json.loads((first.save(tmp_path / "out") / "run.json").read_text())
    again = epifiji.detect(record["movie"]["file"], record["network"]["source"], **record["settings"])
    assert again.events == first.events


def test_no_events_leave_a_header_and_no_zip(pixels: np.ndarray, network_folder: Path, tmp_path: Path) -> None:
    folder = epifiji.detect(pixels, network_folder, threshold=255).save(tmp_path / "out")
    assert (folder / "events.csv").read_text().splitlines() == ["event,frame,y,x,score,volume,border,raw_score"]
    assert sorted(file.name for file in folder.iterdir()) == ["events.csv", "overlay.png", "run.json"]


def test_nothing_is_overwritten_without_permission_and_other_files_stay(
    pixels: np.ndarray, network_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    first = epifiji.detect(pixels, network_folder, **LOOSE)
    first.save(folder)
    (folder / "my notes.txt").write_text("keep")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    none = epifiji.detect(pixels, network_folder, threshold=255)
    with pytest.raises(epifiji.WrongInputError, match="events.csv exists and would be overwritten: .*--overwrite"):
        none.save(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    none.save(folder, overwrite=True)
    assert sorted(file.name for file in folder.iterdir()) == ["events.csv", "my notes.txt", "overlay.png", "run.json"]


def test_events_are_made_again_from_maps(movie_file: Path, network_folder: Path, tmp_path: Path) -> None:
    strict = epifiji.detect(movie_file, network_folder, maps="raw", threshold=255)
    folder = strict.save(tmp_path / "out")
    loose = epifiji.detect(movie_file, network_folder, **LOOSE)
    assert epifiji.events_from_maps(folder, **LOOSE).events == loose.events
    assert epifiji.events_from_maps(folder).events == epifiji.detect(movie_file, network_folder).events
    one = epifiji.events_from_maps(folder / "noise_cell_death_rawproba.tif", **LOOSE)
    assert one.events == [event for event in loose.events if event.event == "cell_death"]


def test_events_from_rescaled_maps_lie_where_the_detection_put_them(
    pixels: np.ndarray, network_folder: Path, tmp_path: Path
) -> None:
    from epifiji.files.movies.movie_file import write_movie

    large = ndimage.zoom(pixels, (2, 1.6, 1.6), order=1)
    write_movie(Movie(large), tmp_path / "large.tif")
    found = epifiji.detect(
        tmp_path / "large.tif", network_folder, maps="raw", cell_diameter=40, event_duration=9, **LOOSE
    )
    assert found.events
    assert found.record["scale"]["map_shape"] == [12, 70, 80]
    folder = found.save(tmp_path / "out")
    assert epifiji.events_from_maps(folder, **LOOSE).events == found.events
    with pytest.raises(epifiji.WrongInputError, match="belong to .*large.tif with 24 frames of 128 x 112 pixels"):
        epifiji.events_from_maps(folder, movie=Movie(pixels), **LOOSE)
    (tmp_path / "large.tif").unlink()
    without = epifiji.events_from_maps(folder, **LOOSE)
    assert without.events == found.events
    assert without.movie.shape == (24, 112, 128)


def test_short_movies_are_processed_with_a_notice(pixels: np.ndarray, network_folder: Path) -> None:
    (notice,) = epifiji.detect(pixels[:7], network_folder).notices
    assert notice.startswith("movie has 7 frames, fewer than 10")
    assert epifiji.detect(pixels, network_folder).notices == ()


def test_cancelling_leaves_nothing(
    pixels: np.ndarray, network_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def cancel(done: float, doing: str) -> None:
        if done > 0.4:
            raise epifiji.CancelledError

    with pytest.raises(epifiji.CancelledError):
        epifiji.detect(pixels, network_folder, report=cancel, maps="clean")
    assert list(tmp_path.iterdir()) == []


def test_scratch_files_go_with_the_result(
    pixels: np.ndarray, network_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    result = epifiji.detect(pixels, network_folder, maps="raw")
    assert result.maps["rawproba"]["cell_death"][:].shape == result.movie.shape
    del result
    gc.collect()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 60, 60), np.uint8), "movie has 4 frames, but at least 5 are needed"),
        (np.zeros((60, 60), np.uint8), "an array of shape (60, 60), but a movie has the three axes (T, Y, X)"),
        (np.zeros((9, 2, 60, 60), np.uint8), "an array of shape (9, 2, 60, 60)"),
        (np.zeros((9, 60, 60), complex), "pixels of type complex128, but real numbers are needed"),
        (np.zeros((9, 0, 60), np.uint8), "so no pixels"),
        (np.zeros((9, 44, 60), np.uint8), "movie is 60 x 44 px (width x height)"),
        (np.full((9, 60, 60), np.nan, np.float32), "not numbers (NaN or infinite), first in frame 1"),
    ],
)
def test_arrays_that_are_no_movie_are_refused(array: np.ndarray, words: str, network_folder: Path) -> None:
    with pytest.raises(epifiji.WrongInputError) as caught:
        epifiji.detect(array, network_folder)
    assert words in str(caught.value)


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "('numpy', 'tensorflow', 'scipy', 'jpype')"
    code = f"import sys, epifiji, epifiji.bridge.cli.main; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert answer.stdout.strip() == "[]"


def test_making_events_again_in_place_keeps_the_maps(movie_file: Path, network_folder: Path, tmp_path: Path) -> None:
    folder = epifiji.detect(movie_file, network_folder, maps="raw", **LOOSE).save(tmp_path / "out")
    maps = {file.name: file.read_bytes() for file in folder.glob("*_rawproba.tif")}
    assert len(maps) == 3
    assert list(folder.glob("*.zip"))
    epifiji.events_from_maps(folder, threshold=255).save(folder, overwrite=True)
    assert {file.name: file.read_bytes() for file in folder.glob("*_rawproba.tif")} == maps
    assert not list(folder.glob("*.zip"))
    assert set(json.loads((folder / "run.json").read_text())["files"]) == {file.name for file in folder.iterdir()}
    assert epifiji.events_from_maps(folder, **LOOSE).events


def test_a_network_of_the_same_weights_and_other_classes_is_checked_again(
    pixels: np.ndarray, network_folder: Path
) -> None:
    network = read_network(network_folder)
    epifiji.detect(pixels, network)
    renamed = network.description.model_copy(update={"classes": ("nothing", "a", "b", "c")})
    assert epifiji.detect(pixels, replace(network, description=renamed)).classes == ("a", "b", "c")
    fewer = network.description.model_copy(update={"classes": ("nothing", "blink")})
    with pytest.raises(epifiji.WrongInputError, match="are not those of a DeXNet with the classes nothing, blink"):
        epifiji.detect(pixels, replace(network, description=fewer))
