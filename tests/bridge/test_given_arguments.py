"""Inputs of Python users and shells: arrays of many kinds, events in many forms, paths, repeated options."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import dask.array
import h5py
import numpy as np
import pytest

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.engine.tiling.scaling import rescale
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.storage.scratch import ScratchArray, ScratchFolder
from small_networks import small_network

SHAPE = (8, 12, 10)
PIXELS = np.random.default_rng(4).integers(0, 250, SHAPE).astype(np.uint8)
EVENTS = [Event("cell_death", 2, 3, 4, 0.9, 900), Event("cell_death", 5, 6, 7, 0.8, 800)]


class Tensor:
    """An array of another library, which numpy can convert."""

    shape, dtype = SHAPE, "another library's uint8"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return PIXELS


class TestMovies:
    @pytest.mark.parametrize(
        "make",
        [
            lambda pixels: pixels.tolist(),
            list,
            tuple,
            lambda pixels: dask.array.from_array(pixels, chunks=(3, 5, 5)),
            lambda pixels: Tensor(),
            lambda pixels: np.ma.masked_array(pixels, mask=False),
            lambda pixels: pixels[::-1][::-1],
            np.asfortranarray,
            lambda pixels: pixels.astype(">f4"),
        ],
        ids=["lists", "list", "tuple", "dask", "tensor", "unmasked", "strides", "fortran", "big-endian"],
    )
    def test_arrays_of_any_kind_are_movies_with_their_pixels(self, make: Callable[[np.ndarray], Any]):
        taken = epifiji.crop(make(PIXELS), [], x=2, y=3, width=4, height=5).movie
        np.testing.assert_array_equal(np.asarray(taken), PIXELS[:, 3:8, 2:6])

    def test_a_dataset_stays_in_its_file_and_is_read_in_pieces(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            movie = Movie(file.create_dataset("pixels", data=PIXELS))
            assert isinstance(movie.pixels, h5py.Dataset)
            np.testing.assert_array_equal(movie.frames(2, 5), PIXELS[2:5])

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            (None, "NoneType"),
            (5, "int"),
            (b"movie.tif", "bytes"),
            (open, "builtin"),
            ({"a": 1}, "dict"),
            ([[1, 2], [3]], "list"),
            (["a.tif", "b.tif"], "2 paths"),
            ("", "''"),
            ("  ", "'  '"),
        ],
    )
    def test_objects_that_are_not_movies_are_refused_with_their_kind(self, given, words, tmp_path):
        for use in (
            epifiji.detect,
            lambda movie: epifiji.crop(movie, EVENTS),
            lambda movie: epifiji.rescale_with_events(movie, EVENTS, factor_xy=0.5),
            lambda movie: epifiji.save_gallery(movie, EVENTS, tmp_path / "gallery.png"),
        ):
            with pytest.raises(WrongInputError, match=words) as refused:
                use(given)
            assert "\n" not in str(refused.value)

    def test_masked_pixels_are_refused(self):
        mask = np.zeros(SHAPE, bool)
        mask[:, :2, :3] = True
        with pytest.raises(WrongInputError, match="48 masked pixels"):
            epifiji.detect(np.ma.masked_array(PIXELS, mask))

    def test_a_second_channel_of_an_array_is_refused(self):
        with pytest.raises(WrongInputError, match="channel is 2"):
            epifiji.detect(PIXELS, channel=2)


class TestEvents:
    @pytest.mark.parametrize(
        "make",
        [list, tuple, iter, lambda events: (event for event in events), lambda events: epifiji.crop(PIXELS, events)],
        ids=["list", "tuple", "iterator", "generator", "what has events"],
    )
    def test_all_forms_of_events_are_accepted(self, make: Callable[[list[Event]], Any]):
        assert epifiji.crop(PIXELS, make(EVENTS)).events == EVENTS
        assert epifiji.compare(make(EVENTS), make(EVENTS)).scores.overall.f1 == 1
        assert epifiji.event_statistics(make(EVENTS), PIXELS, within="frame").classes["cell_death"].places.shape == (
            2,
            3,
        )
        assert sorted(epifiji.draw_events(make(EVENTS), 5).events, key=lambda event: event.frame) == EVENTS

    @pytest.mark.parametrize(
        "given", [None, 5, "", b"x", {"a": 1}, PIXELS, Movie(PIXELS), [1, 2], [EVENTS[0], "a.zip"]]
    )
    def test_objects_that_are_not_events_are_refused_with_their_kind(self, given, tmp_path):
        for use in (
            lambda events: epifiji.compare(events, EVENTS),
            lambda events: epifiji.compare(EVENTS, events),
            epifiji.event_statistics,
            lambda events: epifiji.crop(PIXELS, events),
            lambda events: epifiji.rescale_with_events(PIXELS, events, factor_xy=0.5),
            lambda events: epifiji.save_gallery(PIXELS, events, tmp_path / "gallery.png"),
            lambda events: epifiji.start_review(events, tmp_path),
            lambda events: epifiji.draw_events(events, 3),
        ):
            with pytest.raises(WrongInputError) as refused:
                use(given)
            assert "\n" not in str(refused.value)
        assert not list(tmp_path.iterdir())


class TestPaths:
    @pytest.mark.parametrize("given", [None, 5, "", " ", b"x", ["a"], PIXELS], ids=lambda given: type(given).__name__)
    def test_objects_that_are_not_paths_are_refused_everywhere(self, given, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for use in (
            epifiji.crop(PIXELS, EVENTS).save,
            epifiji.compare(EVENTS, EVENTS).save,
            epifiji.event_statistics(EVENTS, PIXELS, within="frame").save,
            epifiji.simulate_movies,
            epifiji.events_from_maps,
            epifiji.read_movie,
            epifiji.finish_review,
            epifiji.train,
            lambda path: epifiji.threshold_curve(path, EVENTS),
            lambda path: epifiji.evaluate("epinet", path),
            lambda path: epifiji.export_network("epinet", path),
            lambda path: epifiji.retrain("epinet", path),
            lambda path: epifiji.save_gallery(PIXELS, EVENTS, path),
            lambda path: epifiji.start_review(EVENTS, path),
        ):
            with pytest.raises(WrongInputError) as refused:
                use(given)
            assert "\n" not in str(refused.value)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("given", [5, "", " ", b"x", ["epinet"], {"epinet"}])
    def test_objects_that_do_not_name_a_network_are_refused(self, given, tmp_path):
        for use in (
            lambda network: epifiji.detect(PIXELS, network),
            lambda network: epifiji.export_network(network, tmp_path / "a.onnx"),
            lambda network: epifiji.train(tmp_path, network),
            lambda network: epifiji.retrain(network, tmp_path),
        ):
            with pytest.raises(WrongInputError, match="network"):
                use(given)

    def test_a_tilde_is_the_home_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        epifiji.crop(PIXELS, EVENTS).save("~/cropped")
        assert list((tmp_path / "cropped").glob("*.tif"))


class TestSettings:
    @pytest.mark.parametrize(
        "setting",
        [
            {"cell_diameter": True},
            {"workers": True},
            {"threshold": False},
            {"threshold": {"cell_death": True}},
            {"step_xy": np.bool_(True)},
            {"events": []},
            {"events": ()},
            {"events": set()},
        ],
        ids=str,
    )
    def test_booleans_are_no_numbers_and_empty_texts_no_classes(self, setting):
        with pytest.raises(WrongInputError, match=next(iter(setting))):
            parse_settings(DetectionSettings, setting)

    @pytest.mark.parametrize("number", [np.int64(9), np.uint8(9), np.float64(9), 9.0, "9", np.array(9)])
    def test_numbers_of_any_kind_are_numbers(self, number):
        assert parse_settings(DetectionSettings, {"step_xy": number}).step_xy == 9

    @pytest.mark.parametrize("factors", [(1, 1e9), (1e12, 1), (1e5, 1e5)])
    def test_an_implausible_scale_is_refused_before_anything_is_written(self, factors):
        with pytest.raises(WrongInputError, match="would be rescaled to .* frames"):
            rescale(Movie(PIXELS), *factors, False, ScratchFolder())

    def test_a_scale_that_leaves_no_pixel_is_refused(self):
        with pytest.raises(WrongInputError, match="less than a pixel"):
            rescale(Movie(PIXELS), 1, 1e-9, False, ScratchFolder())

    def test_a_file_that_is_too_large_for_the_system_is_refused(self, tmp_path):
        # 2 ** 66 bytes: the product of the sides does not fit into 64 bits.
        with pytest.raises(WrongInputError, match="no room"):
            ScratchArray(tmp_path, (2**22, 2**22, 2**22), np.dtype(np.uint8))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_results_with_arrays_on_disk_are_copied_with_their_values(copied):
    small = epifiji.rescale_with_events(PIXELS, EVENTS, factor_xy=0.5)
    values = np.asarray(small.movie)
    twin = copied(small)
    np.testing.assert_array_equal(np.asarray(twin.movie), values)
    assert twin.events == small.events


class TestTheCommandLine:
    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "epifiji", *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | environment,
        )

    @pytest.mark.parametrize(
        "arguments",
        [
            ("detect", "a.tif", "--threshold", "170", "--threshold", "200"),
            ("detect", "--out=a", "--out", "b", "a.tif"),
            ("networks", "export", "epinet", "--out", "a.onnx", "--out", "b.onnx"),
        ],
    )
    def test_an_option_with_two_values_is_refused(self, arguments):
        ended = self.run(*arguments)
        assert ended.returncode == 2
        assert "given 2 times" in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_options_with_several_values_can_be_repeated(self):
        assert "given 2 times" not in self.run("crop", "a.tif", "--events", "a.zip", "--events", "b.zip").stderr

    @pytest.mark.parametrize("option", [("--out", "~/results"), ("--out=~/results",)])
    def test_a_tilde_that_the_shell_did_not_expand_is_the_home_folder(self, option, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        home = tmp_path / "home"
        home.mkdir()
        write_movie(Movie(PIXELS), tmp_path / "movie.tif")
        ended = self.run("crop", "movie.tif", *option, HOME=str(home), USERPROFILE=str(home))
        assert ended.returncode == 0, ended.stderr
        assert list((home / "results").glob("*.tif"))
        assert not (tmp_path / "~").exists()


def test_results_are_printed_in_one_line_without_arrays(tmp_path):
    event = EVENTS[0]
    path, review = epifiji.start_review([event], tmp_path / "review")
    epifiji.decide(path, review, epifiji.Action(0, "keep"))
    statistics = epifiji.event_statistics(EVENTS, PIXELS, within="frame")
    for given in (
        statistics,
        *statistics.classes.values(),
        epifiji.compare(EVENTS, EVENTS),
        epifiji.crop(PIXELS, EVENTS),
        epifiji.finish_review(path, "movie"),
        review,
        epifiji.detect(PIXELS.repeat(8, 1).repeat(8, 2)),
        Movie(PIXELS),
    ):
        text = repr(given)
        assert "array(" not in text
        assert "\n" not in text
        assert len(text) < 300, text


def test_a_script_without_a_guard_gets_a_message_when_workers_start(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import numpy, epifiji\n"
        "pixels = numpy.random.default_rng(1).integers(0, 255, (8, 96, 96)).astype('uint8')\n"
        "epifiji.detect(pixels, workers=1)\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert ended.returncode == 1
    last = ended.stderr.strip().splitlines()[-1]
    assert "WrongInputError: workers (1) did not start" in last
    assert "if __name__ == '__main__':" in last


FORKED = """
import multiprocessing, sys
import numpy, epifiji
pixels = numpy.random.default_rng(1).integers(0, 255, (8, 96, 96)).astype("uint8")

def work(pipe):
    try:
        pipe.send(epifiji.detect(pixels, *sys.argv[3:]).counts)
    except epifiji.WrongInputError as problem:
        pipe.send(str(problem))

if __name__ == "__main__":
    if sys.argv[2] == "computed":
        epifiji.detect(pixels, *sys.argv[3:])
    context = multiprocessing.get_context(sys.argv[1])
    near, far = context.Pipe()
    process = context.Process(target=work, args=(far,))
    process.start()
    print(near.recv() if near.poll(200) else "hangs")
    process.kill()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize(
    ("how", "before", "network", "answer"),
    [
        ("fork", "computed", "dexnet", "this process was forked from one in which TensorFlow had computed"),
        ("fork", "nothing", "dexnet", "{'cell_death'"),
        ("spawn", "computed", "dexnet", "{'cell_death'"),
        ("fork", "computed", "epinet", "{'cell_death'"),
    ],
)
def test_a_detection_in_a_process_forked_after_another_one_is_refused(how, before, network, answer, tmp_path):
    """TensorFlow would wait forever; ONNX Runtime, which computes EpiNet, makes its threads again."""
    (tmp_path / "script.py").write_text(FORKED)
    write_network(small_network(1, name="dexnet"), tmp_path / "dexnet")
    given = str(tmp_path / "dexnet") if network == "dexnet" else network
    ended = subprocess.run(
        [sys.executable, tmp_path / "script.py", how, before, given], capture_output=True, text=True, timeout=400
    )
    assert ended.stdout.startswith(answer), ended.stdout + ended.stderr


@pytest.mark.parametrize("value", ["-3", "1000000"])
def test_a_number_of_threads_that_crashes_tensorflow_is_refused(value, tmp_path):
    write_movie(Movie(PIXELS.repeat(8, 1).repeat(8, 2)), tmp_path / "movie.tif")
    ended = TestTheCommandLine().run("detect", str(tmp_path / "movie.tif"), TF_NUM_INTRAOP_THREADS=value)
    assert ended.returncode == 2
    assert f"TF_NUM_INTRAOP_THREADS is {value}" in ended.stderr
