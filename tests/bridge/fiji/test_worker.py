"""The engine as a separate process, for a Fiji that Python did not start: real JVMs, real workers."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

import epifiji
from epifiji.bridge.fiji.worker import Messages
from epifiji.files.networks.store import write_network
from plain_fiji import command_line, make_plain_fiji
from small_networks import small_network
from worker_scripts import IMAGES, KILLED, LIFE, LOOSE, TWO_AT_ONCE, run_script

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /dev/shm")

GONE_S = 10
STILL_S = 2


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Wait until a condition is true."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_gone(process: int) -> bool:
    """Return whether a process has ended; it may still be a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    field = gaussian_filter(np.random.default_rng(7).normal(size=(12, 70, 80)), (1, 3, 3))
    return (255 * (field - field.min()) / (field.max() - field.min())).astype(np.uint8)


@pytest.fixture(scope="module")
def fiji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_plain_fiji(tmp_path_factory.mktemp("worker") / "Fiji für Müller")


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory, pixels: np.ndarray) -> Path:
    """Make the same movie in many formats, and some files that are not movies."""
    folder = tmp_path_factory.mktemp("movies of all kinds")
    other = pixels[::-1]
    nan = pixels.astype(np.float32)
    nan[4, 2, 3] = np.nan
    forms: dict[str, tuple[np.ndarray, str]] = {
        "8": (pixels, "TYX"),
        "16": (pixels.astype(np.uint16) * 200, "TYX"),
        "32": (pixels.astype(np.float32) / 7 - 3, "TYX"),
        "z": (pixels, "ZYX"),
        "channels": (np.stack([other, pixels], axis=1), "TCYX"),
        "nan": (nan, "TYX"),
        "one": (pixels[0], "YX"),
        "volume": (np.stack([pixels, other], axis=1), "TZYX"),
    }
    for name, (array, axes) in forms.items():
        tifffile.imwrite(folder / f"{name}.tif", array, imagej=True, metadata={"axes": axes})
    tifffile.imwrite(folder / "rgb.tif", np.stack([pixels] * 3, axis=-1), imagej=True, metadata={"axes": "TYXS"})
    (pixels.astype(np.int16) * 100 - 9000).astype("<i2").tofile(folder / "signed.raw")
    return folder


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(small_network(1, seed=15), tmp_path_factory.mktemp("network") / "quick")


@pytest.fixture(scope="module")
def runs(fiji: Path, movies: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run two long scripts, each in its ImageJ, at the same time."""
    out = tmp_path_factory.mktemp("out")
    second = Path(shutil.copytree(fiji, tmp_path_factory.mktemp("second") / "Fiji"))
    given = {"movies": movies, "network": network, "out": out}
    with ThreadPoolExecutor(2) as both:
        images = both.submit(run_script, fiji, IMAGES, **given)
        life = both.submit(run_script, second, LIFE, **given)
        return {"images": images.result(), "life": life.result(), "second": second}


@pytest.fixture(scope="module")
def images(runs: dict[str, Any]) -> dict[str, Any]:
    """Run detections in images of all kinds in one JVM, then ten times in the same image."""
    return runs["images"]


@pytest.fixture(scope="module")
def life(runs: dict[str, Any]) -> dict[str, Any]:
    """Stop, kill and cancel the worker in one JVM."""
    return runs["life"]


@pytest.fixture(scope="module")
def expected(pixels: np.ndarray, network: Path) -> list[list[float]]:
    result = epifiji.detect(pixels, network, **LOOSE)
    assert len(result.events) > 3
    return places(result.events)


def places(events: list[epifiji.Event]) -> list[list[float]]:
    """Return events as ImageJ stores them: frames from 1, and positions as 32-bit floats."""
    return [[e.frame + 1, pytest.approx(e.x, abs=1e-4), pytest.approx(e.y, abs=1e-4)] for e in events]


class TestImages:
    @pytest.mark.parametrize("kind", ["8", "z", "channels", "virtual"])
    def test_the_same_movie_in_many_forms_has_the_events_that_python_finds(self, images, expected, kind):
        assert images["found"][kind] == {"error": "", "events": expected}

    @pytest.mark.parametrize("kind", ["16", "32", "signed"])
    def test_other_levels_have_the_events_that_python_finds(self, images, movies, network, pixels, kind):
        array = {
            "16": lambda: pixels.astype(np.uint16) * 200,
            "32": lambda: pixels.astype(np.float32) / 7 - 3,
            "signed": lambda: pixels.astype(np.int16) * 100 - 9000,
        }[kind]()
        result = epifiji.detect(array, network, **LOOSE)
        assert result.events
        assert images["found"][kind] == {"error": "", "events": places(result.events)}

    def test_planes_taken_as_frames_are_reported(self, images):
        assert "z.tif has 12 planes (Z) and one time point: they were taken as time." in images["out"]

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("rgb", "rgb.tif is a colour image, but one grey value in each pixel is needed"),
            ("one", "one has 1 frame, but at least 5 are needed"),
            ("nan", "nan has pixels that are not numbers (NaN or infinite), first in frame 5"),
            (
                "channels without a choice",
                "channels.tif has 2 channels, but one is needed: choose a channel from 1 to 2",
            ),
            ("third channel", "channels.tif has 2 channels, but channel 3 was asked for"),
            ("volume", "volume.tif has 2 planes (Z) in each of 12 frames"),
        ],
    )
    def test_an_image_that_is_not_a_movie_is_refused_in_one_sentence(self, images, kind, words):
        found = images["found"][kind]
        assert words in found["error"]
        assert "\n" not in found["error"]
        assert found["events"] == []

    def test_a_refused_image_leaves_no_files(self, images, movies):
        written = {path.name for path in movies.iterdir() if path.is_dir()}
        assert written == {f"{name}_epifiji" for name in ("8", "16", "32", "z", "channels")}

    def test_progress_shows_the_fraction_done_and_later_the_time_left(self, images):
        assert images["told"] == ["", ", 25 %", ", 25 %, 60 s left", ", 50 %, 5 min left", ", 99 %, 1 s left"]

    def test_a_movie_larger_than_the_shared_memory_is_refused_before_it_is_read(self, images):
        assert images["huge"].startswith("The movie needs 953674 MB of shared memory, but /dev/shm has ")
        assert images["huge"].endswith(
            " MB left: crop the movie, give its file as input in a macro, or make /dev/shm larger."
        )


class TestOneWorker:
    def test_the_worker_is_kept_for_the_next_command(self, images):
        assert len(set(images["processes"])) == 1
        assert images["processes"][0] != os.getpid()

    def test_shared_memory_is_released(self, images):
        """Other programs may use shared memory meanwhile, but only for a short time."""
        assert within(GONE_S, lambda: not any(Path("/dev/shm", name).exists() for name in images["shared"]))

    @pytest.mark.parametrize("whose", ["kB", "Java's kB"])
    def test_memory_does_not_keep_growing(self, images, whose):
        after_3, after_10 = images[whose][2], images[whose][9]
        assert after_10 < 1.1 * after_3

    def test_it_ends_with_imagej(self, images):
        assert within(GONE_S, lambda: is_gone(images["processes"][-1]))

    def test_two_simultaneous_detections_run_one_after_the_other(self, images):
        first, second = images["together"]
        assert first == second
        assert first
        assert "waiting for another detection or training" in images["heard"]


class TestEnds:
    def test_a_stopped_engine_is_started_again(self, life):
        assert life["stopped"] == [True, False]
        before, after = life["restarted"]
        assert before != after
        assert within(GONE_S, lambda: is_gone(before))

    def test_a_killed_worker_gives_one_sentence_and_the_next_command_works(self, life):
        assert life["killed"] == [
            "failure",
            "EpiFiji's engine ended during its work (signal 9); memory may have been full: close other programs or "
            "crop the movie, and try again.",
        ]
        assert life["after the kill"] > 0

    @pytest.mark.parametrize("moment", ["at once", "reading", "early", "middle"])
    def test_cancelling_takes_less_than_two_seconds_and_leaves_nothing(self, life, moment):
        kind, seconds, left, kept = life["cancelled"][moment]
        assert kind == "cancelled"
        assert seconds < STILL_S
        assert left == []
        assert kept

    def test_stopped_killed_and_cancelled_jobs_leave_no_shared_memory(self, life):
        assert within(GONE_S, lambda: not any(Path("/dev/shm", name).exists() for name in life["shared"]))

    def test_after_cancelling_the_next_command_works(self, life):
        assert life["after the cancelling"] > 0

    def test_a_worker_that_does_not_stop_is_killed(self, life):
        kind, seconds, left, process = life["stuck"]
        assert kind == "cancelled"
        # It is killed after 1.5 s; a busy computer takes longer to end it.
        assert seconds < 3 * STILL_S
        assert left == []
        assert process != life["cancelled by"]
        assert within(GONE_S, lambda: is_gone(life["cancelled by"]))


def descendants(process: int) -> Iterator[int]:
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield int(child)
        yield from descendants(int(child))


def test_when_imagej_is_killed_the_worker_ends_and_leaves_nothing(
    fiji: Path, movies: Path, network: Path, tmp_path: Path
) -> None:
    script, temporary, progress = fiji / "killed.py", tmp_path / "temporary", tmp_path / "progress"
    temporary.mkdir()
    script.write_text(KILLED)
    given = {"movies": str(movies), "network": str(network), "out": str(tmp_path / "out"), "progress": str(progress)}
    with (tmp_path / "log").open("w") as log:
        imagej = subprocess.Popen(
            command_line(fiji, script, json.dumps(given)),
            cwd=fiji,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        assert within(60, lambda: progress.exists() or imagej.poll() is not None)
        assert imagej.poll() is None, (tmp_path / "log").read_text()
        worker = int(progress.read_text())
        mapped = Path(f"/proc/{worker}/maps").read_text().split()
        shared = [Path(word) for word in mapped if word.startswith("/dev/shm/")]
        assert shared
        imagej.send_signal(signal.SIGKILL)
        imagej.wait()
    assert within(GONE_S, lambda: is_gone(worker))
    assert [memory for memory in shared if memory.exists()] == []
    assert list(temporary.rglob("*")) == []
    assert not (tmp_path / "out").exists()


def test_two_imagejs_at_once_have_a_worker_each(
    fiji: Path, runs: dict[str, Any], movies: Path, network: Path, expected: list[list[float]]
) -> None:
    folders = [fiji, runs["second"]]
    with ThreadPoolExecutor(2) as both:
        found = list(
            both.map(
                lambda f: run_script(f, TWO_AT_ONCE, movie=movies / "8.tif", network=network, out=f / "out"), folders
            )
        )
    assert [one["events"] for one in found] == [expected] * 2
    assert found[0]["process"] != found[1]["process"]


class TestMessages:
    def test_messages_of_many_threads_are_complete_and_other_output_is_separate(self):
        out, others = io.StringIO(), io.StringIO()
        messages = Messages(out, others)

        def talk(number: int) -> None:
            for count in range(200):
                print(f'{{"responseType": "UPDATE", "task": "{number}-{count}"}}', file=messages)
                print("a library says", number, end=" ", file=messages)
                print(count, file=messages)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(talk, range(8)))
        told = [json.loads(line)["task"] for line in out.getvalue().splitlines()]
        assert sorted(told) == sorted(f"{number}-{count}" for number in range(8) for count in range(200))
        said = others.getvalue().splitlines()
        assert sorted(said) == sorted(f"a library says {number} {count}" for number in range(8) for count in range(200))
