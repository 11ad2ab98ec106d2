"""The requests of ImageJ's commands to the engine; all answers are JSON."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import epifiji
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.network_commands import OF_RESULTS
from epifiji.bridge.fiji.requests.answer import answer
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.palette import BLUE, GREEN, RED
from epifiji.data.progress import silent
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import write_network
from epifiji.files.results.events_table import COLUMNS
from requests_of_fiji import PLAIN, ask, bytes_of, image, refused
from small_networks import small_network

LOOSE = {"threshold": "0", "min_volume": "0"}


@pytest.fixture(scope="module")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a network of one member, because these tests run it often."""
    return write_network(small_network(1, seed=15), tmp_path_factory.mktemp("network") / "quick")


@pytest.fixture(scope="module")
def pixels(movie_file: Path) -> np.ndarray:
    return read_movie(movie_file).frames(0, 12)


def detect(array: np.ndarray, network: Path, *lengths: int, **more: object) -> dict[str, Any]:
    settings = {"network": str(network), **LOOSE}
    answered = ask("detect", {"settings": settings, "image": image(array, **more)}, bytes_of(array, *lengths))
    return answered["result"]


def places(events: list[dict[str, Any]]) -> list[tuple[str, int, float, float]]:
    return [(e["event"], e["frame"] - 1, e["y"], e["x"]) for e in events]


class TestAnswers:
    def test_describe_returns_version_process_and_networks(self):
        result = ask("describe", {})["result"]
        assert result["process"] == os.getpid()

    def test_each_command_is_described(self):
        assert [ask("describe_command", {"command": label})["result"] for label in COMMANDS] == [
            json.loads(json.dumps(described(label))) for label in COMMANDS
        ]
        assert "There is no command 'Dance'" in refused("describe_command", {"command": "Dance"})

    def test_an_unknown_job_reports_that_scripts_and_engine_do_not_match(self):
        assert refused("dance", {}) == (
            "There is no job 'dance': the scripts in Fiji do not match this EpiFiji, install both again."
        )

    @pytest.mark.parametrize(
        "request_text", ["", "{", "[]", "null", '{"settings": 3}', '{"settings": {}, "image": {}}']
    )
    @pytest.mark.parametrize("job", ["detect", "open", "maps"])
    def test_every_answer_is_json(self, job, request_text):
        answered = json.loads(answer(job, request_text, [], silent))
        assert answered["kind"] in ("failure", "input")
        assert answered["error"]

    def test_an_invalid_character_passes_through_json(self, network_folder):
        said = refused("detect", {"settings": {"input": "/no/\udcff.tif", "network": str(network_folder)}})
        assert "/no/\udcff.tif" in said


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "bad setting": ({"threshold": "256"}, "threshold is '256', but it must be a whole number from 0 to 255"),
    "unknown key": ({"treshold": "3"}, "'treshold'"),
    "unknown class": ({"events": "mitosis"}, "'mitosis' is not known: the network's classes are cell_death"),
    "unknown network": ({"network": "nowhere"}, "there is no network 'nowhere'"),
    "missing input": ({"input": "/no/such.tif"}, "/no/such.tif"),
}


class TestRefusals:
    @pytest.mark.parametrize("what", REFUSED)
    def test_bad_settings(self, what, pixels, network_folder):
        settings, words = REFUSED[what]
        request = {"settings": {"network": str(network_folder)} | settings, "image": image(pixels)}
        assert words in refused("detect", request, bytes_of(pixels))

    def test_no_image(self, network_folder):
        said = refused("detect", {"settings": {"network": str(network_folder)}, "image": None})
        assert said == "No image came with the request, but a movie is needed: open one first."

    @pytest.mark.parametrize("more", [{"save": True}, {}])
    def test_no_folder_for_the_results(self, pixels, network_folder, more):
        settings = {"network": str(network_folder), **more}
        request = {"settings": settings, "image": image(pixels), "headless": not more}
        assert refused("detect", request, bytes_of(pixels)) == (
            "noise was not opened from a file, or was changed since, so there is no folder for the results: save it "
            "first, or give out=[folder]."
        )

    def test_existing_results_are_refused(self, pixels, network_folder, tmp_path):
        (tmp_path / "noise_epifiji").mkdir()
        (tmp_path / "noise_epifiji" / "events.csv").write_text("mine")
        settings = {"network": str(network_folder), "output": str(tmp_path)}
        said = refused("detect", {"settings": settings, "image": image(pixels)}, bytes_of(pixels))
        assert "events.csv exists and would be overwritten" in said
        assert (tmp_path / "noise_epifiji" / "events.csv").read_text() == "mine"

    def test_a_folder_without_write_permission(self, pixels, unprivileged_folder, monkeypatch):
        network, folder = unprivileged_folder
        monkeypatch.setenv("XDG_DATA_HOME", str(folder.parent))
        folder.chmod(0o555)
        settings = {"network": str(network), "output": str(folder)}
        said = refused("detect", {"settings": settings, "image": image(pixels)}, bytes_of(pixels))
        assert said.startswith(f"results cannot be written to {folder / 'noise_epifiji'} (Permission denied)")
        assert list(folder.iterdir()) == []

    def test_pixels_that_are_not_numbers(self, pixels, network_folder):
        array = pixels.astype(np.float32)
        array[6, 0, 0] = np.inf
        request = {"settings": {"network": str(network_folder)}, "image": image(array)}
        assert "noise has pixels that are not numbers (NaN or infinite), first in frame 7" in refused(
            "detect", request, bytes_of(array, 5, 7)
        )

    @pytest.mark.parametrize(
        ("change", "cut", "words"),
        [
            ({}, slice(None, -1), "noise.tif came in blocks that do not hold whole frames of 5600 bytes: try again."),
            ({}, slice(5600), "noise.tif came with 1 of its 12 frames: try again."),
            ({"shape": [13, 70, 80]}, slice(None), "noise.tif came with 12 of its 13 frames: try again."),
            ({"shape": [12, 70, 81]}, slice(None), "noise.tif came in blocks that do not hold whole frames"),
            ({"bits": 16}, slice(None), "noise.tif came with 6 of its 12 frames: try again."),
            ({"shape": [12, 0, 80]}, slice(None), "noise.tif came in blocks that do not hold whole frames of 0 bytes"),
            ({"bits": 24}, slice(None), "noise.tif has 24 bits in each pixel, but 8, 16 or 32 are needed"),
            ({}, slice(0), "noise.tif came in blocks that do not hold whole frames"),
        ],
    )
    def test_blocks_of_the_wrong_size(self, pixels, network_folder, change, cut, words):
        request = {"settings": {"network": str(network_folder)}, "image": image(pixels, **change)}
        assert words in refused("detect", request, [bytes_of(pixels)[0][cut]])

    def test_no_blocks(self, pixels):
        with pytest.raises(WrongInputError, match="came with 0 of its 12 frames"):
            movie_of_image(image(pixels), [])

    @pytest.mark.parametrize("job", ["open", "maps"])
    def test_missing_results(self, job, tmp_path):
        assert refused(job, {"settings": {}}).startswith("No results were specified, but a result folder is needed")
        assert "none does not exist" in refused(job, {"settings": {"results": str(tmp_path / "none")}})
        assert str(tmp_path) in refused(job, {"settings": {"results": str(tmp_path)}})


@pytest.fixture
def unprivileged_folder(network_folder: Path, pixels: np.ndarray, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Make a network and a folder of an unprivileged user, and become that user if this process runs as root."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no Unix permissions")
    administrator = os.geteuid() == 0
    # The modules that a detection imports may only be readable by the administrator, so they are imported before.
    settings = {"network": str(network_folder), "output": str(tmp_path)}
    assert "result" in ask("detect", {"settings": settings, "image": image(pixels)}, bytes_of(pixels))
    with tempfile.TemporaryDirectory() as name:
        network = Path(shutil.copytree(network_folder, Path(name) / "network"))
        folder = Path(name) / "out"
        folder.mkdir()
        if administrator:
            for path in (Path(name), folder, *Path(name).rglob("*")):
                os.chown(path, 65534, 65534)
            os.seteuid(65534)
        try:
            yield network, folder
        finally:
            if administrator:
                os.seteuid(0)
                importlib.invalidate_caches()
            folder.chmod(0o755)


class TestDetections:
    @pytest.mark.parametrize("lengths", [(12,), (1, 1, 10)])
    def test_blocks_give_the_same_events_as_the_array(self, pixels, network_folder, lengths):
        found = detect(pixels, network_folder, *lengths)
        expected = epifiji.detect(pixels, network_folder, threshold=0, min_volume=0)
        assert expected.events
        assert places(found["events"]) == [(e.event, e.frame, e.y, e.x) for e in expected.events]
        assert {kind["name"]: kind["count"] for kind in found["classes"]} == expected.counts

    @pytest.mark.parametrize(
        ("array", "signed"),
        [
            (lambda p: p.astype(np.uint16) * 257, False),
            (lambda p: (p.astype(np.int32) * 257 - 32768).astype(np.int16), True),
            (lambda p: p.astype(np.float32) / 3 - 40, False),
        ],
        ids=["16", "signed 16", "32"],
    )
    def test_all_of_imagejs_types(self, pixels, network_folder, array: Callable, signed):
        wanted = array(pixels)
        sent = (wanted.astype(np.int32) + 32768).astype(np.uint16) if signed else wanted
        found = detect(sent, network_folder, 5, 7, signed=signed)
        expected = epifiji.detect(wanted, network_folder, threshold=0, min_volume=0)
        assert expected.events
        assert places(found["events"]) == [(e.event, e.frame, e.y, e.x) for e in expected.events]

    def test_classes_have_their_colours_and_groups_and_rois_their_numbers(self, pixels, network_folder):
        found = detect(pixels, network_folder)
        assert [(kind["name"], kind["colour"], kind["group"]) for kind in found["classes"]] == [
            ("cell_death", [*RED], 1),
            ("cell_sop", [*BLUE], 2),
            ("cell_division", [*GREEN], 3),
        ]
        for kind in found["classes"]:
            own = [e["name"] for e in found["events"] if e["event"] == kind["name"]]
            scores = [float(row[4]) for row in found["rows"] if row[0] == kind["name"]]
            assert [name.partition(" (")[0] for name in own] == [
                f"{kind['name']} {n + 1}" for n in range(kind["count"])
            ]
            # The table has four decimals, which are rounded again.
            assert [float(name.partition(" (")[2].rstrip(")")) for name in own] == pytest.approx(scores, abs=0.00506)
        assert tuple(found["columns"]) == COLUMNS

    @pytest.mark.parametrize(
        ("calibration", "more", "notices"),
        [
            (PLAIN, 0, 0),
            (PLAIN | {"pixel_width": 200, "pixel_height": 200, "x_unit": "nm", "y_unit": "nm"}, 2, 0),
            (
                PLAIN | {"pixel_width": 0.2, "pixel_height": 0.3, "x_unit": "\u00b5m", "y_unit": None, "interval": 5},
                3,
                1,
            ),
            (PLAIN | {"interval": float("inf"), "time_unit": None, "x_unit": "furlong"}, 0, 0),
        ],
    )
    def test_the_table_has_the_columns_that_the_calibration_allows(
        self, pixels, network_folder, calibration, more, notices
    ):
        found = detect(pixels, network_folder, calibration=calibration, notices=["one from ImageJ"])
        assert len(found["columns"]) == len(COLUMNS) + more
        assert {len(row) for row in found["rows"]} == {len(COLUMNS) + more}
        assert found["notices"][0] == "one from ImageJ"
        assert sum("not square" in notice for notice in found["notices"]) == notices

    def test_results_are_next_to_the_images_file(self, pixels, network_folder, movie_file, tmp_path):
        file = Path(shutil.copyfile(movie_file, tmp_path / "noise.tif"))
        settings = {"network": str(network_folder), "save": True, **LOOSE}
        found = ask("detect", {"settings": settings, "image": image(pixels, file=str(file))}, bytes_of(pixels))[
            "result"
        ]
        assert found["folder"] == str(tmp_path / "noise_epifiji")
        opened = ask("open", {"settings": {"results": found["folder"]}})["result"]
        assert [(e["event"], e["frame"]) for e in opened["events"]] == [
            (e["event"], e["frame"]) for e in found["events"]
        ]
        assert opened["movie"] == str(file)
        assert opened["shape"] == [12, 70, 80]

    def test_maps_are_shown_at_the_movies_size_and_kept_ones_again(self, pixels, network_folder, tmp_path):
        settings = {"network": str(network_folder), "maps": "raw", "output": str(tmp_path)}
        found = ask("detect", {"settings": settings, "image": image(pixels)}, bytes_of(pixels))["result"]
        try:
            maps = {one["event"]: read_movie(one["file"]).frames(0, 12) for one in found["maps"]}
        finally:
            shutil.rmtree(found["maps_folder"])
        expected = epifiji.detect(pixels, network_folder, maps="raw").maps["rawproba"]
        for name, shown in maps.items():
            np.testing.assert_array_equal(shown, expected[name][:])
        shown_again = ask("maps", {"settings": {"results": found["folder"]}, "shape": [12, 70, 80]})["result"]
        try:
            for one in shown_again["maps"]:
                np.testing.assert_array_equal(read_movie(one["file"]).frames(0, 12), maps[one["event"]])
        finally:
            shutil.rmtree(shown_again["maps_folder"])
        said = refused("maps", {"settings": {"results": found["folder"]}, "shape": [12, 70, 81]})
        assert "belong to a movie of 12 frames of 80 x 70 pixels, but the open image has 12 frames of 81 x 70" in said

    def test_headless_detections_keep_no_maps_for_showing(self, pixels, network_folder, tmp_path):
        settings = {"network": str(network_folder), "maps": "raw", "output": str(tmp_path)}
        request = {"settings": settings, "image": image(pixels), "headless": True}
        assert "maps" not in ask("detect", request, bytes_of(pixels))["result"]


@pytest.mark.parametrize("place", [".", "review.csv", "reviewed", "reviewed/events.csv"])
def test_retraining_uses_the_network_that_the_review_records(place, tmp_path):
    (tmp_path / "reviewed").mkdir()
    for file in ("review.csv", "reviewed/events.csv"):
        (tmp_path / file).touch()
    (tmp_path / "run.json").write_text(json.dumps({"network": {"name": "gone"}}))
    assert refused("retrain", {"settings": {"results": str(tmp_path / place)}}).startswith("there is no network 'gone'")
    given = {"results": str(tmp_path / place), "network": OF_RESULTS}
    assert refused("retrain", {"settings": given}).startswith("there is no network 'gone'")
    (tmp_path / "run.json").unlink()
    assert "does not record which network found its events" in refused(
        "retrain", {"settings": {"results": str(tmp_path / place)}}
    )


def test_retraining_refuses_another_network_of_the_recorded_name(tmp_path, network_folder):
    (tmp_path / "review.csv").touch()
    network = {"name": "small", "source": str(network_folder), "sha256": "0" * 64}
    (tmp_path / "run.json").write_text(json.dumps({"network": network}))
    said = refused("retrain", {"settings": {"results": str(tmp_path)}})
    assert "were made with a network small, but another one has this name now: give network=NAME" in said
