"""The worker's reaction to lines that are not requests; test_worker uses Appose's own client."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from epifiji.bridge.fiji.worker import do_task
from epifiji.engine.backend.devices import gpu_possible
from small_networks import chosen

ENGINE = [sys.executable, "-m", "epifiji.bridge.fiji.worker"]
TASK = {
    "task": "t",
    "requestType": "EXECUTE",
    "script": "task.outputs['name'] = name",
    "inputs": {"name": "h\u00e9t\u00e9"},
}


def output_of_worker(sent: bytes) -> tuple[int, list[dict], str]:
    """Send a line and leave the input open, so that the worker can only end by itself."""
    with subprocess.Popen(ENGINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as worker:
        worker.stdin.write(sent)
        worker.stdin.flush()
        try:
            code = worker.wait(120)
        finally:
            worker.kill()
        answers = [json.loads(line) for line in worker.stdout.read().splitlines()]
        return code, answers, worker.stderr.read().decode()


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"[]",
        b"3",
        b"{",
        b"{}",
        b'{"task": "t"}',
        b'{"task": "t", "requestType": "DANCE"}',
        b'{"task": {}, "requestType": "EXECUTE", "script": "1"}',
        b"\xff\xfe",
        b"\x00",
        b"[" * 100_000,
        b'{"task": ' + b"9" * 10_000 + b"}",
        json.dumps(TASK)[:-5].encode(),
    ],
    ids=lambda line: line[:30].decode("latin-1"),
)
def test_an_invalid_line_ends_the_worker_with_one_sentence(line: bytes) -> None:
    code, answers, said = output_of_worker(line + b"\n")
    assert (code, answers) == (2, [])
    last = said.strip().splitlines()[-1]
    assert last.startswith("epifiji: the engine received a line that is not a request (")
    assert len(last) < 400


@pytest.mark.parametrize("module", [ENGINE[-1], "epifiji.bridge.worker"], ids=["now", "before"])
def test_empty_lines_are_skipped_and_requests_are_utf8_in_every_locale(module: str) -> None:
    sent = b"\n  \n" + json.dumps(TASK, ensure_ascii=False).encode("utf-8") + b"\n"
    with subprocess.Popen(
        [*ENGINE[:-1], module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONIOENCODING": "cp1252"},
    ) as worker:
        watch = threading.Timer(120, worker.kill)
        watch.start()
        worker.stdin.write(sent)
        worker.stdin.flush()
        # The input stays open until the answer arrives: if it is closed, the worker ends, because its client has ended.
        answers = [json.loads(worker.stdout.readline()) for _ in range(2)]
        worker.stdin.close()
        code = worker.wait()
        watch.cancel()
    assert [answer["responseType"] for answer in answers] == ["LAUNCH", "COMPLETION"]
    assert answers[-1]["outputs"] == {"name": "h\u00e9t\u00e9"}
    assert code == 0


class AnyTask:
    """A task as Appose hands it over."""

    cancel_requested = False

    def __init__(self) -> None:
        self.outputs: dict[str, str] = {}


def test_a_request_without_pixels_does_not_wait_for_a_collection_of_garbage() -> None:
    """Which takes up to a second with TensorFlow loaded, after each step of a correction."""
    collected: list[int] = []

    def seen(phase: str, info: dict[str, int]) -> None:
        collected.append(info["generation"])

    task = AnyTask()
    gc.disable()
    gc.callbacks.append(seen)
    try:
        do_task(task, "describe_command", json.dumps({"command": "Correct Cells..."}), [])
    finally:
        gc.callbacks.remove(seen)
        gc.enable()
    assert "result" in json.loads(task.outputs["answer"])
    assert collected == []


@pytest.mark.parametrize(("network", "with_tensorflow"), [("epinet_folder", False), ("network_folder", True)])
def test_tensorflow_is_loaded_before_the_first_detection_only_if_the_users_network_needs_it(
    network: str, with_tensorflow: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    env = {"EPIFIJI_NETWORKS": str(request.getfixturevalue(network).parent), **chosen("small", tmp_path)}
    code = (
        "import sys; from epifiji.bridge.fiji import worker; worker._load_engine(); print('tensorflow' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | env, capture_output=True, text=True, timeout=300, check=True
    )
    # A card of the system leaves the choice to TensorFlow.
    cards = gpu_possible() and "tensorflow" not in sys.modules
    assert ended.stdout.strip() == str(with_tensorflow or cards)
