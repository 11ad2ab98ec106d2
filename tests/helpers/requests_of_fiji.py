"""Requests as Fiji's commands send them, and the answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from epifiji.bridge.fiji.requests.answer import answer
from epifiji.data.progress import silent

PLAIN = {
    "pixel_width": 1.0,
    "pixel_height": 1.0,
    "x_unit": "pixel",
    "y_unit": "pixel",
    "interval": 0.0,
    "time_unit": "sec",
}


def bytes_of(array: np.ndarray, *lengths: int) -> list[np.ndarray]:
    """Put frames into blocks of bytes as ImageJ does: little-endian, with this number of frames in each."""
    lengths = lengths or (len(array),)
    parts = np.split(array, np.cumsum(lengths)[:-1])
    return [np.frombuffer(bytearray(part.astype(part.dtype.newbyteorder("<")).tobytes()), np.uint8) for part in parts]


def image(array: np.ndarray, **more: object) -> dict[str, Any]:
    known = {"title": "noise.tif", "shape": list(array.shape), "bits": 8 * array.dtype.itemsize, "signed": False}
    return {**known, "calibration": PLAIN, "notices": [], "file": None, **more}


def ask(job: str, request: object, blocks: Any = (), report: Any = silent) -> dict[str, Any]:
    answered = answer(job, json.dumps(request), blocks, report)
    assert answered.isascii()
    return json.loads(answered)


def refused(job: str, request: object, blocks: Any = (), kind: str = "input") -> str:
    """Send an impossible request, and return the error message."""
    answered = ask(job, request, blocks)
    assert answered.keys() == {"error", "kind", "details"}
    assert answered["kind"] == kind, answered
    assert bool(answered["details"]) == (kind == "failure")
    assert "\n" not in answered["error"]
    assert answered["error"].endswith(".")
    return answered["error"]
