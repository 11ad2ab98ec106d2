"""What dialogs show in micrometres and minutes, and what empty fields mean."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described

# A module of Jython's without Java: it runs in this Python too.
UNITS: dict[str, Any] = runpy.run_path(
    str(Path(__file__).parents[3] / "jars" / "Lib" / "epifiji_client" / "commands" / "units.py")
)
NEEDED = {"results", "folder", "reference", "annotated", "images", "input", "network", "out"}


@pytest.mark.parametrize(
    ("pixels", "factor", "shown"), [("25", 5, "5"), ("10", 3.1, "3.2258"), ("auto", 5, "auto"), ("", 5, "")]
)
def test_pixels_are_shown_in_micrometres(pixels: str, factor: float, shown: str) -> None:
    assert UNITS["in_units"](pixels, factor) == shown


@pytest.mark.parametrize(
    ("text", "factor", "whole", "pixels"),
    [
        ("5.5", 5, False, "27.5"),
        ("5.5", 5, True, "28"),
        ("-3", 5, False, "-15"),
        ("auto", 5, False, "auto"),
        ("1e1", 2, True, "20"),
    ],
)
def test_micrometres_are_read_in_pixels(text: str, factor: float, whole: bool, pixels: str) -> None:
    assert UNITS["in_pixels"](text, factor, whole) == pixels


def test_every_field_that_may_be_empty_shows_what_that_means() -> None:
    for label in COMMANDS:
        for one in described(label)["parameters"]:
            if one["page"] != "macro" and one["kind"] in ("text", "file", "folder", "image") and not one["default"]:
                assert one["empty"] or one["key"] in NEEDED, (label, one["key"])
                assert len(one["empty"]) <= 48, (label, one["key"])
