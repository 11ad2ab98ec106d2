"""Interrupted runs continue where they stopped; workers give the same as one process, even if one of them is lost."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from distributed.utils import LoopRunner

import epifiji
from command_line import run_here
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.settings.detection import ComputingSettings
from epifiji.engine.networks.dexnet.exact import ExactPredictor
from epifiji.files.networks.store import read_network
from epifiji.files.storage.unfinished import Unfinished, cache_folder
from epifiji.jobs.events.blocks import prefilter_of
from epifiji.jobs.events.detect import detect
from epifiji.jobs.executors import DaskWorkers, executor_for
from small_networks import spoil_entry

SETTINGS = {"mode": "exact", "threshold": 0, "min_volume": 0, "maps": "raw", "step_xy": 24, "step_t": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def pixels(movie_file: Path) -> np.ndarray:
    return np.concatenate([tifffile.imread(movie_file)] * 8)


@pytest.fixture(scope="module")
def whole(pixels: np.ndarray, network_folder: Path) -> epifiji.Result:
    return detect(pixels, network_folder, **SETTINGS)


def assert_same(one: epifiji.Result, other: epifiji.Result) -> None:
    assert one.events
    assert one.events == other.events
    for name, found in one.maps["rawproba"].items():
        assert np.array_equal(found[:], other.maps["rawproba"][name][:])


class TestAnInterruptedRun:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """First frames of the blocks that were computed."""
        found: list[int] = []
        ask = ExactPredictor.__call__

        def noting(self: Any, strip: Any, grids: Any, report: Any) -> Any:
            found.append(strip.first + 5)
            return ask(self, strip, grids, report)

        monkeypatch.setattr(ExactPredictor, "__call__", noting)
        return found

    @staticmethod
    def interrupt(pixels: np.ndarray, network_folder: Path, **settings: Any) -> None:
        def report(done: float, doing: str) -> None:
            if doing == "looking for events" and done > 0.6:
                raise CancelledError

        with pytest.raises(CancelledError):
            detect(pixels, network_folder, report, **{**SETTINGS, **settings})

    def test_continues_where_it_stopped_and_gives_the_same(self, pixels, network_folder, whole, asked) -> None:
        self.interrupt(pixels, network_folder)
        assert asked == [0, 24, 48]
        asked.clear()
        assert_same(detect(pixels, network_folder, **SETTINGS), whole)
        assert asked == [48, 72]
        assert not cache_folder().exists()

    def test_is_not_continued_for_another_movie_or_step(self, pixels, network_folder, asked) -> None:
        self.interrupt(pixels, network_folder)
        asked.clear()
        other = pixels.copy()
        other[50, 3, 4] ^= 1
        detect(other, network_folder, **SETTINGS)
        detect(pixels, network_folder, **{**SETTINGS, "step_xy": 25})
        assert asked == [0, 24, 48, 72] * 2

    def test_may_have_other_thresholds(self, pixels, network_folder, asked) -> None:
        self.interrupt(pixels, network_folder)
        asked.clear()
        detect(pixels, network_folder, **{**SETTINGS, "threshold": 200})
        assert asked == [48, 72]

    def test_a_part_that_was_cut_off_is_computed_again(self, pixels, network_folder, whole, asked) -> None:
        self.interrupt(pixels, network_folder)
        part = next(cache_folder().rglob("1.npz"))
        part.write_bytes(part.read_bytes()[:100])
        asked.clear()
        assert_same(detect(pixels, network_folder, **SETTINGS), whole)
        assert asked == [24, 48, 72]

    def test_a_part_with_changed_bytes_is_none(self) -> None:
        kept = Unfinished({"run": 1})
        kept.put(0, [np.arange(1000)])
        spoil_entry(next(cache_folder().rglob("0.npz")), "arr_0.npy")
        assert kept.get(0) is None

    def test_a_part_with_any_changed_bit_is_none(self) -> None:
        kept = Unfinished({"run": 1})
        kept.put(0, [np.arange(40.0), np.ones((2, 3), np.uint8)])
        part = next(cache_folder().rglob("0.npz"))
        data = part.read_bytes()
        for place in range(len(data)):
            part.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
            assert kept.get(0) is None, place
        part.write_bytes(data)
        found = kept.get(0)
        assert found is not None
        assert np.array_equal(found[0], np.arange(40.0))

    def test_is_not_continued_for_other_numbers_of_the_same_bytes(self, pixels, network_folder, asked) -> None:
        self.interrupt(pixels.astype(np.uint16), network_folder)
        asked.clear()
        detect(pixels.astype(np.int16), network_folder, **SETTINGS)
        assert asked == [0, 24, 48, 72]

    def test_stays_until_the_result_is_saved(self, pixels, network_folder, asked, tmp_path: Path) -> None:
        result = detect(pixels, network_folder, keep_until_saved=True, **SETTINGS)
        (tmp_path / "out" / "events.csv").mkdir(parents=True)
        with pytest.raises(OSError, match=r"events\.csv"):
            result.save(tmp_path / "out", overwrite=True)
        asked.clear()
        again = detect(pixels, network_folder, keep_until_saved=True, **SETTINGS)
        assert asked == []
        assert_same(again, result)
        again.save(tmp_path / "elsewhere")
        assert not cache_folder().exists()

    def test_runs_even_if_nothing_can_be_kept(self, pixels, network_folder, whole, cache) -> None:
        cache.write_text("a file where the folder should be")
        assert_same(detect(pixels, network_folder, **SETTINGS), whole)

    def test_parts_that_nobody_used_are_removed_after_a_while(self) -> None:
        old, new = Unfinished({"run": 1}), Unfinished({"run": 2})
        old.put(0, [np.zeros(3)])
        new.put(0, [np.zeros(3)])
        (folder,) = {path.parent for path in cache_folder().rglob("0.npz")} - {new._file(0).parent}
        past = time.time() - 20 * 86400
        os.utime(folder, (past, past))
        new.remove()
        assert old.get(0) is None
        assert not cache_folder().exists()


class TestWorkers:
    @pytest.fixture(scope="class")
    @classmethod
    def two(cls) -> Iterator[DaskWorkers]:
        with executor_for(ComputingSettings(workers=2)) as executor:
            yield executor

    def test_give_what_one_process_gives(self, two, pixels, network_folder, whole) -> None:
        told: list[float] = []
        result = detect(pixels, network_folder, lambda done, _: told.append(done), two, **SETTINGS)
        assert_same(result, whole)
        assert told == sorted(told)
        assert told[-1] == 1

    def test_one_that_is_lost_changes_nothing(self, two, pixels, network_folder, whole) -> None:
        processes = two._client.run(os.getpid)
        killed = threading.Event()

        def report(done: float, doing: str) -> None:
            if done > 0.2 and not killed.is_set():
                killed.set()
                os.kill(next(iter(processes.values())), signal.SIGKILL)

        assert_same(detect(pixels, network_folder, report, two, **SETTINGS), whole)
        assert killed.is_set()

    def test_cancelling_leaves_them_ready(self, two, pixels, network_folder, whole) -> None:
        def report(done: float, doing: str) -> None:
            raise CancelledError

        with pytest.raises(CancelledError):
            detect(pixels[:40], network_folder, report, two, **SETTINGS)
        assert_same(detect(pixels, network_folder, executor=two, **SETTINGS), whole)

    def test_of_a_scheduler_are_used_by_its_address(self, pixels, network_folder, whole) -> None:
        from distributed import LocalCluster

        # The worker is a thread here, but all that it receives and sends passes through a port.
        with LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
        ) as cluster:
            assert cluster.scheduler_address.startswith("tcp://")
            result = detect(pixels, network_folder, scheduler=cluster.scheduler_address, **SETTINGS)
        assert_same(result, whole)

    def test_and_a_scheduler_contradict_each_other(self, pixels, network_folder) -> None:
        with pytest.raises(WrongInputError, match="both workers and scheduler are given"):
            detect(pixels, network_folder, workers=2, scheduler="tcp://127.0.0.1:1")

    def test_a_scheduler_that_does_not_answer_is_reported_in_a_sentence(
        self, pixels, network_folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("epifiji.jobs.executors.SCHEDULER_TIMEOUT_S", 1)
        for address in ("tcp://127.0.0.1:1", "no address"):
            with pytest.raises(WrongInputError, match=f"no dask scheduler answers at '{address}'"):
                detect(pixels, network_folder, scheduler=address)

    @pytest.mark.timeout(60)
    def test_what_is_left_of_a_client_without_scheduler_can_be_collected_at_any_time(self, monkeypatch) -> None:
        monkeypatch.setattr("epifiji.jobs.executors.SCHEDULER_TIMEOUT_S", 1)
        gc.disable()
        try:
            with (
                pytest.raises(WrongInputError, match="no dask scheduler answers") as refused,
                executor_for(ComputingSettings(scheduler="tcp://127.0.0.1:port")),
            ):
                pass
            # As if another client is started during garbage collection.
            with LoopRunner._lock:
                del refused
                gc.collect()
        finally:
            gc.enable()

    def test_a_scheduler_that_takes_the_connection_and_says_nothing_is_given_up_in_time(self, monkeypatch) -> None:
        monkeypatch.setattr("epifiji.jobs.executors.SCHEDULER_TIMEOUT_S", 2)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
            started = time.monotonic()
            with (
                pytest.raises(WrongInputError, match="no dask scheduler answers at"),
                executor_for(ComputingSettings(scheduler=address)),
            ):
                pass
            assert time.monotonic() - started < 10

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("tls://127.0.0.1:9", "wants certificates, but dask's configuration names none"),
            ("wss://127.0.0.1:9", "wants certificates"),
            ("ucx://127.0.0.1:9", "its kind is ucx, but tcp, tls, ws, wss are known"),
            ("http://127.0.0.1:9", "its kind is http"),
            ("tcp://127.0.0.1:port", "no dask scheduler answers"),
            ("nowhere", "no dask scheduler answers"),
        ],
    )
    def test_an_address_of_another_kind_is_refused_in_a_sentence(self, address, words) -> None:
        with pytest.raises(WrongInputError, match=words) as refused, executor_for(ComputingSettings(scheduler=address)):
            pass
        assert address in str(refused.value)

    def test_without_the_package_they_are_refused_with_what_to_do(
        self, pixels, network_folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "distributed", None)
        with pytest.raises(WrongInputError, match=r"pip install 'epifiji\[cluster\]'"):
            detect(pixels, network_folder, workers=2)


class TestResultFiles:
    """Those of the command line, byte by byte; in fast mode, whose predictions depend on the division into blocks."""

    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, pixels: np.ndarray, epinet_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
        folder = tmp_path_factory.mktemp("written")
        tifffile.imwrite(folder / "movie.tif", pixels[:60], imagej=True, metadata={"axes": "TYX"})

        def write(*options: str) -> dict[str, bytes]:
            out = folder / "_".join(["out", *options])
            command = ["detect", str(folder / "movie.tif"), "--out", str(out)]
            command += ["--network", str(epinet_folder), "--threshold", "0", "--min-volume", "0", "--maps", "clean"]
            code, _, error = run_here(*command, *options)
            assert code == 0, error
            return {path.name: path.read_bytes() for path in (out / "movie_epifiji").iterdir()}

        return write

    @pytest.fixture(scope="class")
    @classmethod
    def alone(cls, written: Any) -> dict[str, bytes]:
        return written()

    @pytest.mark.parametrize("workers", ["2", "3"])
    def test_are_the_same_with_workers(self, written: Any, alone: dict[str, bytes], workers: str) -> None:
        shared = written("--workers", workers)
        assert len(alone["events.csv"].splitlines()) > 2
        assert shared.keys() == alone.keys() > {"events.csv", "run.json", "overlay.png"}
        records = [json.loads(files.pop("run.json")) for files in (dict(shared), dict(alone))]
        assert [record["settings"].pop("workers") for record in records] == [int(workers), None]
        for record in records:
            del record["created"], record["seconds"]
        assert records[0] == records[1]
        assert [name for name in alone if name != "run.json" and shared[name] != alone[name]] == []


def test_a_gpu_that_is_not_there_is_refused(pixels: np.ndarray, network_folder: Path) -> None:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        assert detect(pixels, network_folder, device="gpu", **SETTINGS).events
    else:
        with pytest.raises(WrongInputError, match="device is gpu, but TensorFlow finds none here"):
            detect(pixels, network_folder, device="gpu")


def test_the_prefilter_is_used_for_the_networks_that_it_was_trained_for(
    shared_data: Path, network_folder: Path
) -> None:
    networks = shared_data / "dexnets"
    assert prefilter_of(read_network(networks / "notum_all.zip")) is not None
    assert prefilter_of(read_network(network_folder)) is None


def test_fast_mode_finds_the_events_of_exact_mode(shared_data: Path) -> None:
    """In a part of the synthetic movie; benchmarks/fast_mode.py does the same with hundreds of events."""
    part = tifffile.imread(shared_data / "oracle" / "movie.tif")[:20, :128, :128]
    network = read_network(shared_data / "dexnets" / "notum_all.zip")
    exact, fast = (detect(Movie(part), network, mode=mode).events for mode in ("exact", "fast"))
    assert len(exact) == 2
    for one, other in zip(exact, fast, strict=True):
        assert one.event == other.event
        assert abs(one.frame - other.frame) <= 1
        assert np.hypot(one.y - other.y, one.x - other.x) <= 5
        assert abs(one.score - other.score) <= 0.05
