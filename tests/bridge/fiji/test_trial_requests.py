"""The requests of the command that tries networks at one place of the open movie."""

from __future__ import annotations

import base64
import csv
import zlib
from pathlib import Path

import numpy as np
import pytest

from demo_movie import demo_movie
from epifiji.jobs.events.trial import try_networks
from requests_of_fiji import ask, bytes_of, image, refused

SETTINGS = {
    "networks": "epinet",
    "x": "40",
    "y": "45",
    "width": "90",
    "height": "80",
    "frame": "12",
    "cell_diameter": "25",
}


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.asarray(demo_movie()[0].pixels)


def test_the_answer_for_a_part_is_that_of_the_whole_movie(pixels: np.ndarray, tmp_path: Path) -> None:
    settings = SETTINGS | {"out": str(tmp_path / "new")}
    asked = ask("trial_place", {"settings": settings, "name": "m", "shape": pixels.shape, "view": None})["result"]
    part = asked["part"]
    cut = pixels[
        part["first"] : part["stop"], part["y"] : part["y"] + part["height"], part["x"] : part["x"] + part["width"]
    ]
    request = {"settings": settings, "image": image(cut), "shape": pixels.shape, "place": asked["place"], "part": part}
    found = ask("trial", request, bytes_of(cut))["result"]
    whole = try_networks(pixels, ["epinet"], x=40, y=45, width=90, height=80, frame=12, cell_diameter=25).networks[0]
    (one,) = found["networks"]
    known = [(e.event, e.frame + 1, e.y, e.x, e.raw_score, e.volume) for e in whole.candidates]
    assert [
        tuple(e[key] for key in ("event", "frame", "y", "x", "raw_score", "volume")) for e in one["events"]
    ] == known
    assert known
    for name, packed in one["maps"].items():
        levels = np.frombuffer(zlib.decompress(base64.b64decode(packed["pixels"])), np.uint8)
        assert np.array_equal(levels.reshape(9, 80, 90), (whole.maps or {})[name])
    assert found["suggested"]["value"] == "epinet"
    assert [setting["key"] for setting in one["settings"]] == ["cell_diameter", "event_duration", "threshold", "mode"]
    rows = list(csv.reader(Path(found["file"]).read_text(encoding="utf-8").splitlines()))
    assert rows == [found["columns"], *found["rows"]]
    assert rows[0][:3] == ["network", "event", "frame"]
    assert len(rows) == 1 + len(whole.finds)
    again = refused("trial_place", {"settings": settings, "name": "m", "shape": pixels.shape})
    assert "trial.csv" in again
    assert "overwrite" in again


def test_an_unknown_network_is_named(pixels: np.ndarray) -> None:
    settings = SETTINGS | {"networks": "epinet,none_of_this_name"}
    asked = ask("trial_place", {"settings": settings, "name": "m", "shape": pixels.shape})["result"]
    request = {
        "settings": settings,
        "image": image(pixels),
        "shape": pixels.shape,
        "place": asked["place"],
        "part": asked["part"],
    }
    assert "none_of_this_name" in refused("trial", request, bytes_of(pixels))
