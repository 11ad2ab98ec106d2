"""Requests of Fiji that are simultaneous, cancelled, or have their pixels in several blocks."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_requests import LOOSE

from epifiji.bridge.fiji.requests import registry
from epifiji.bridge.pixels import FrameBlocks, movie_name_of_title
from epifiji.data.errors import CancelledError
from epifiji.data.progress import silent
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.networks.store import write_network
from requests_of_fiji import ask, bytes_of, image
from small_networks import small_network


@pytest.fixture(scope="module")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a network of one member, because these tests run it often."""
    return write_network(small_network(1, seed=15), tmp_path_factory.mktemp("network") / "quick")


@pytest.fixture(scope="module")
def pixels(movie_file: Path) -> np.ndarray:
    return read_movie(movie_file).frames(0, 12)


class TestTwoAtOnce:
    def test_the_second_detection_waits_for_the_first(self, pixels, network_folder):
        request = {"settings": {"network": str(network_folder), **LOOSE}, "image": image(pixels)}
        begun, go_on = threading.Event(), threading.Event()
        heard: list[str] = []
        answers: dict[str, dict[str, Any]] = {}

        def holding(done: float, doing: str) -> None:
            begun.set()
            assert go_on.wait(60)

        def listening(done: float, doing: str) -> None:
            heard.append(doing)
            go_on.set()

        def run(name: str, report: Any) -> None:
            answers[name] = ask("detect", request, bytes_of(pixels), report)

        first = threading.Thread(target=run, args=("first", holding))
        second = threading.Thread(target=run, args=("second", listening))
        first.start()
        assert begun.wait(60)
        second.start()
        first.join()
        second.join()
        assert heard[0] == "waiting for another detection or training"
        assert answers["first"]["result"]["events"] == answers["second"]["result"]["events"]

    @pytest.mark.parametrize("job", ["evaluate", "train", "retrain"])
    def test_training_and_evaluation_wait_too(self, job):
        heard: list[str] = []

        def cancelling(done: float, doing: str) -> None:
            heard.append(doing)
            raise CancelledError

        with registry.exclusive_use(silent):
            assert ask(job, {"settings": {}}, report=cancelling)["kind"] == "cancelled"
        assert heard == ["waiting for another detection or training"]
        assert ask(job, {"settings": {}}, report=cancelling)["kind"] == "input"

    def test_a_waiting_job_can_be_cancelled(self, pixels, network_folder):
        request = {"settings": {"network": str(network_folder)}, "image": image(pixels)}
        begun, go_on = threading.Event(), threading.Event()

        def holding(done: float, doing: str) -> None:
            begun.set()
            assert go_on.wait(60)

        def cancelling(done: float, doing: str) -> None:
            raise CancelledError

        first = threading.Thread(target=ask, args=("detect", request, bytes_of(pixels), holding))
        first.start()
        assert begun.wait(60)
        try:
            assert ask("detect", request, bytes_of(pixels), cancelling)["kind"] == "cancelled"
        finally:
            go_on.set()
            first.join()


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0])
def test_cancelling_leaves_nothing(moment, pixels, network_folder, tmp_path):
    def cancel(done: float, doing: str) -> None:
        if done >= moment:
            raise CancelledError

    settings = {"network": str(network_folder), "output": str(tmp_path), "maps": "clean"}
    answered = ask("detect", {"settings": settings, "image": image(pixels)}, bytes_of(pixels), cancel)
    assert answered["kind"] == "cancelled"
    assert list(tmp_path.iterdir()) == []
    request = {"settings": {"network": str(network_folder)}, "image": image(pixels)}
    assert "result" in ask("detect", request, bytes_of(pixels))


class TestFrameBlocks:
    @pytest.mark.parametrize("lengths", [(7,), (3, 4), (1, 5, 1), (1,) * 7])
    def test_slices_are_those_of_the_whole_array(self, lengths):
        whole = np.arange(7 * 2 * 3, dtype=np.uint16).reshape(7, 2, 3)
        blocks = FrameBlocks(np.split(whole, np.cumsum(lengths)[:-1]))
        assert blocks.shape == whole.shape
        assert blocks.dtype == whole.dtype
        for start in (*range(-8, 9), None):
            for stop in (*range(-8, 9), None):
                np.testing.assert_array_equal(blocks[start:stop], whole[start:stop])

    def test_frames_of_one_block_are_not_copied(self):
        parts = [np.zeros((3, 2, 2)), np.zeros((3, 2, 2))]
        assert np.shares_memory(FrameBlocks(parts)[3:5], parts[1])


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("a/b\\c.tiff", "a_b_c"),
        ("frames 1.2", "frames 1.2"),
        ("  ", "movie"),
        (".tif", "movie"),
        ("C1:movie?.tif", "C1_movie_"),
        ("ends with a dot. .tif", "ends with a dot"),
        ("Zelle \u00fc.TIF", "Zelle \u00fc"),
    ],
)
def test_movies_are_named_after_titles(title: str, name: str) -> None:
    assert movie_name_of_title(title) == name
