"""Computation of the parts of a job: in this process, or by workers on this or other machines with dask.distributed.

A part's task contains its pixels and the network, so workers need neither the movie's file nor a common disk, and the
task of a lost worker is given to another.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from epifiji.data.errors import WrongInputError
from epifiji.data.progress import PartReport, Report
from epifiji.data.settings.detection import ComputingSettings

TASKS_A_WORKER = 2
"""Tasks given to each worker in advance, so that none waits for its pixels."""

WAIT_S, SCHEDULER_TIMEOUT_S = 0.2, 10

ADDRESSES, ENCRYPTED = ("tcp", "tls", "ws", "wss"), ("tls", "wss")


class Work(Protocol):
    """Parts of a job that are computed each for itself: the blocks of a movie, or its frames."""

    @property
    def doing(self) -> str:
        """Return what is done, for the report."""

    def __len__(self) -> int:
        """Return the number of parts."""

    def read(self, number: int) -> Any:
        """Return what a part is computed from, such as its pixels; it can be sent to another process."""

    def compute(self, read: Any, report: Report) -> Any:
        """Compute a part in this process."""

    def task(self) -> Callable[[Any], Any]:
        """Return a function that computes a part in another process; it can be sent there, and contains the network."""


class Executor(Protocol):
    """Computes the parts of a job."""

    def __call__(self, work: Work, report: Report) -> Iterator[Any]:
        """Yield the parts' results in order."""


@contextmanager
def executor_for(settings: ComputingSettings) -> Iterator[Executor]:
    """Yield the executor for the settings, with workers if they are requested, which are stopped at the end.

    Raises
    ------
    WrongInputError
        If both `workers` and `scheduler` are specified, dask is not installed, or no scheduler answers.
    """
    if settings.workers is None and settings.scheduler is None:
        yield InProcess()
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
            yield DaskWorkers(client)
        return
    with _cluster(settings.workers or 1) as cluster, Client(cluster) as client:
        yield DaskWorkers(client)


def _cluster(workers: int) -> Any:
    """Start workers on this machine.

    Raises
    ------
    WrongInputError
        If they do not start, as in a script that calls this without a guard: each worker runs the script's lines first.
    """
    from distributed import LocalCluster, Security

    guard = (
        "in a script, put what calls EpiFiji below a line \"if __name__ == '__main__':\", as each worker runs the lines "
        "outside it first"
    )
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WrongInputError(f"workers were requested by a process that is only starting: {guard}.")
    try:
        # Certificates for this run only: the workers' ports are local, but other users of the machine could reach them.
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            # Its web page needs a port; a fixed one is occupied if there is a second run or a cluster of the user's.
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
    """Connect to a scheduler, or raise within `SCHEDULER_TIMEOUT_S` seconds if none answers, whatever dask waits for."""
    from distributed import Client, Security

    kind = address.partition("://")[0] if "://" in address else "tcp"
    if kind not in ADDRESSES:
        raise WrongInputError(_no_scheduler(address, f"its kind is {kind}, but {', '.join(ADDRESSES)} are known"))
    # Checked first, because a client that fails with this error does not end cleanly.
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

    # A scheduler that accepts the connection without an answer, or is suspended, makes dask wait beyond its own timeout.
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


class InProcess:
    """Computes parts in this process, one after the other."""

    def __call__(self, work: Work, report: Report) -> Iterator[Any]:
        """See :class:`Executor`."""
        for number in range(len(work)):
            yield work.compute(work.read(number), PartReport(report, number, len(work)))


class DaskWorkers:
    """Computes parts on dask's workers."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __call__(self, work: Work, report: Report) -> Iterator[Any]:
        """See :class:`Executor`."""
        from distributed import wait

        task, count = work.task(), len(work)
        waiting = list(range(count))[::-1]
        running: dict[int, Any] = {}
        try:
            for number in range(count):
                while waiting and len(running) < TASKS_A_WORKER * max(1, len(self._client.scheduler_info()["workers"])):
                    at = waiting.pop()
                    running[at] = self._client.submit(task, work.read(at), pure=False, priority=-at)
                ready = False
                while not ready:
                    with suppress(TimeoutError), self._client.as_current():
                        wait([running[number]], timeout=WAIT_S)
                    ready = running[number].done()
                    report((number + sum(one.done() for one in running.values())) / count, work.doing)
                yield _result(running.pop(number))
        finally:
            self._client.cancel(list(running.values()), force=True)


def _result(future: Any) -> Any:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker as problem:
        raise WrongInputError(
            f"Several workers ended in the middle of their work ({problem}): their memory may have been full; give "
            "fewer workers or machines with more memory."
        ) from problem
