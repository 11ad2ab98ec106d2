"""Who computes the blocks of a movie: this process, or workers on this or other machines by dask.distributed.

A block's task carries the pixels that it looks at and the network, so workers need neither the movie's file nor a common disk,
and the task of a worker that is lost is given to another.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.network import EPINET, Network
from epifiji.data.progress import Report, silent
from epifiji.data.settings import ComputingSettings
from epifiji.engine.blocks import Asker, Block, Probabilities, Strip, read_strip
from epifiji.engine.devices import Device, choose_device
from epifiji.engine.epinet import EpiNet
from epifiji.engine.every_window import LOOKING, EveryWindow
from epifiji.engine.fast import Fast
from epifiji.engine.network import Classifier
from epifiji.engine.screen import Screen
from epifiji.engine.windows import ROUNDING, Grid
from epifiji.files.screens import read_screen

TASKS_A_WORKER = 2
"""Tasks given to each worker ahead of time, so that none waits for its pixels."""

WAIT_S, SCHEDULER_TIMEOUT_S = 0.2, 10

ADDRESSES, ENCRYPTED = ("tcp", "tls", "ws", "wss"), ("tls", "wss")

_warm: dict[tuple[str, str, str, str], Any] = {}
_screens: dict[tuple[str, str], Screen | None] = {}


def asker_of(network: Network, mode: str, device: str = "auto") -> Asker:
    """Give what classifies windows in a mode; networks are kept from one detection to the next while they stay the same."""
    if network.description.kind == EPINET:
        precise = mode != "fast"
        asker: Asker = _kept_warm(
            network, device, lambda chosen: EpiNet(network, "float32" if precise else chosen.precision), str(precise)
        )
        return asker
    classifier = warm_classifier(network, device)
    if mode == "fast":
        return Fast(classifier, warm_screen(network, device))
    return EveryWindow(classifier, 0.0 if mode == "compatible" else ROUNDING)


def warm_classifier(network: Network, device: str = "auto") -> Classifier:
    """Give the classifier of a network, kept from one detection to the next while the network stays the same."""
    classifier: Classifier = _kept_warm(
        network, device, lambda chosen: Classifier(network, chosen.batch, chosen.precision)
    )
    return classifier


def _kept_warm(network: Network, device: str, make: Callable[[Device], Any], way: str = "") -> Any:
    """Give what was made of the last network, or make it for the device."""
    chosen = choose_device(device)
    if not network.sha256:
        return make(chosen)
    key = network.sha256, network.description.model_dump_json(), device, way
    if key not in _warm:
        _warm.clear()
        _warm[key] = make(chosen)
    return _warm[key]


def warm_screen(network: Network, device: str = "auto") -> Screen | None:
    """Give the screen for a network, or None where it was not trained for it."""
    key = network.sha256, device
    if key not in _screens:
        found = read_screen(network)
        screen = None if found is None else Screen(*found, choose_device(device).precision)
        if not network.sha256:
            return screen
        _screens[key] = screen
    return _screens[key]


class Computer(Protocol):
    """Computes blocks."""

    def __call__(
        self, movie: Movie, blocks: Sequence[tuple[Block, list[Grid]]], network: Network, mode: str, report: Report
    ) -> Iterator[Probabilities]:
        """Give the blocks' answers in order."""


@contextmanager
def computer_for(settings: ComputingSettings) -> Iterator[Computer]:
    """Give what computes by the settings, with workers where they ask for some, which end at the end.

    Raises
    ------
    WrongInputError
        Where both `workers` and `scheduler` are given, dask is not installed, or no scheduler answers.
    """
    if settings.workers is None and settings.scheduler is None:
        yield Here(settings.device)
        return
    if settings.workers is not None and settings.scheduler is not None:
        raise WrongInputError(
            "both workers and scheduler are given, but the work is done either by processes here or by a scheduler's workers: "
            "leave one of them out."
        )
    try:
        from distributed import Client
    except ImportError as problem:
        raise WrongInputError(
            "workers and scheduler need the package distributed, which is not installed: pip install 'epifiji[cluster]'."
        ) from problem
    if settings.scheduler is not None:
        with _client_of(settings.scheduler) as client:
            yield OnWorkers(client, settings.device)
        return
    with _cluster(settings.workers or 1) as cluster, Client(cluster) as client:
        yield OnWorkers(client, settings.device)


def _cluster(workers: int) -> Any:
    """Start workers on this machine.

    Raises
    ------
    WrongInputError
        Where they do not start, as in a script that calls this without a guard: each worker runs the script's lines first.
    """
    from distributed import LocalCluster, Security

    guard = (
        "in a script, put what calls EpiFiji below a line \"if __name__ == '__main__':\", as each worker runs the lines "
        "outside it first"
    )
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WrongInputError(f"workers were asked for by a process that is only starting: {guard}.")
    try:
        # Certificates for this run alone: the workers' ports are local, but other users of the machine could reach them.
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            # Its page of figures needs some port; a fixed one is taken where a second run or a cluster of the user's is there.
            scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
            dashboard_address=None,
            memory_limit=None,
            security=Security.temporary(),
            silence_logs=logging.CRITICAL,
            env={"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // workers))},
        )
    except RuntimeError as problem:
        reason = str(problem).rstrip(".")
        raise WrongInputError(f"workers ({workers}) did not start ({reason}): {guard}.") from problem


def _client_of(address: str) -> Any:
    """Connect to a scheduler, or say within `SCHEDULER_TIMEOUT_S` seconds that none answers, whatever dask waits for."""
    from distributed import Client, Security

    kind = address.partition("://")[0] if "://" in address else "tcp"
    if kind not in ADDRESSES:
        raise WrongInputError(_no_scheduler(address, f"its kind is {kind}, but {', '.join(ADDRESSES)} are known"))
    # Looked at first: a client that fails over this does not end cleanly.
    if kind in ENCRYPTED and Security().get_connection_args("client").get("ssl_context") is None:
        raise WrongInputError(
            f"the scheduler {address!r} wants certificates, but dask's configuration names none: set distributed.comm.tls in "
            "~/.config/dask/distributed.yaml, or give the address of a scheduler without encryption."
        )
    made: queue.Queue[Any] = queue.Queue()
    nobody_waits = threading.Event()

    class ExplicitlyClosedClient(Client):
        """A client that garbage collection does not close: it may run while dask holds the lock that closing waits for."""

        def __del__(self) -> None:
            pass

    def connect() -> None:
        try:
            client = ExplicitlyClosedClient(address, timeout=SCHEDULER_TIMEOUT_S, set_as_default=False)
        except Exception as problem:
            made.put(problem)
            return
        made.put(client)
        if nobody_waits.is_set():
            client.close()

    # A scheduler that takes the connection and says nothing, or that was suspended, keeps dask waiting beyond its own timeout.
    threading.Thread(target=connect, name="EpiFiji-Scheduler", daemon=True).start()
    try:
        client = made.get(timeout=SCHEDULER_TIMEOUT_S + WAIT_S)
    except queue.Empty:
        nobody_waits.set()
        client = TimeoutError(f"nothing came within {SCHEDULER_TIMEOUT_S} s")
    if not isinstance(client, Exception):
        return client
    raise WrongInputError(_no_scheduler(address, " ".join(str(client).split()) or type(client).__name__)) from client


def _no_scheduler(address: str, why: str) -> str:
    return f"no dask scheduler answers at {address!r} ({why}): give its address as it prints it, such as tcp://10.0.0.1:8786."


class Here:
    """Computes blocks in this process, one after the other."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device

    def __call__(
        self, movie: Movie, blocks: Sequence[tuple[Block, list[Grid]]], network: Network, mode: str, report: Report
    ) -> Iterator[Probabilities]:
        """See :class:`Computer`."""
        asker = asker_of(network, mode, self._device)
        for number, (block, grids) in enumerate(blocks):

            def tell(done: float, doing: str, number: int = number) -> None:
                report((number + done) / len(blocks), doing)

            yield asker(read_strip(movie, block, network.description, asker), grids, tell)


class OnWorkers:
    """Computes blocks on dask's workers."""

    def __init__(self, client: Any, device: str = "auto") -> None:
        self._client, self._device = client, device

    def __call__(
        self, movie: Movie, blocks: Sequence[tuple[Block, list[Grid]]], network: Network, mode: str, report: Report
    ) -> Iterator[Probabilities]:
        """See :class:`Computer`."""
        from distributed import wait

        asker = asker_of(network, mode, self._device)
        todo = list(enumerate(blocks))[::-1]
        running: dict[int, Any] = {}
        try:
            for number in range(len(blocks)):
                while todo and len(running) < TASKS_A_WORKER * max(1, len(self._client.scheduler_info()["workers"])):
                    at, (block, grids) = todo.pop()
                    strip = read_strip(movie, block, network.description, asker)
                    running[at] = self._client.submit(
                        _task, strip, grids, network, mode, self._device, pure=False, priority=-at
                    )
                ready = False
                while not ready:
                    with suppress(TimeoutError), self._client.as_current():
                        wait([running[number]], timeout=WAIT_S)
                    ready = running[number].done()
                    report((number + sum(one.done() for one in running.values())) / len(blocks), LOOKING)
                yield _result(running.pop(number))
        finally:
            self._client.cancel(list(running.values()), force=True)


def _task(strip: Strip, grids: list[Grid], network: Network, mode: str, device: str) -> Probabilities:
    """Classify a block's windows, in a worker."""
    return asker_of(network, mode, device)(strip, grids, silent)


def _result(future: Any) -> Probabilities:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as problem:
        raise WrongInputError(
            f"Several workers ended in the middle of their work ({problem}): their memory may have been full; give fewer workers "
            "or machines with more memory."
        ) from problem
