"""Checks of the images on which results may be shown, in ImageJ without a window; see :mod:`jvm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej import ImageJ
from refusals import refusal

COMMANDS = {
    "open": 'run("Open Epithelial Events...", "results=[{results}]{more}");',
    "gallery": 'run("Show Event Gallery...", "results=[{results}]{more}");',
    "crop": 'run("Crop Movie and Events...", "results=[{results}] first_frame=2 last_frame=9{more}");',
    "maps": 'run("Show Event Probability Maps...", "results=[{results}]{more}");',
    "adjust": 'run("Adjust Event Thresholds...", "results=[{results}] threshold=0 min_volume=0{more}");',
    "compare": 'run("Compare Event ROIs...", "detected=[{results}] reference=[{results}]{more}");',
    "plot": 'run("Plot Event Statistics...", "results=[{results}] output=[{out}] permutations=19{more}");',
}
MOVIE, ANOTHER, RESULTS = "EPIFIJI_TEST_MOVIE", "EPIFIJI_TEST_ANOTHER", "EPIFIJI_TEST_RESULTS"


def _macro(command: str, opened: str, more: str = "", folder: Path | None = None) -> str:
    run = COMMANDS[command].format(results=os.environ[RESULTS], more=more, out=folder)
    return f"{opened}\n{run}\nclose('*');"


def another_movie(imagej: ImageJ, folder: Path) -> dict[str, str]:
    """A movie of the same size from another file: every command refuses it."""
    opened = f'close("*"); open("{os.environ[ANOTHER]}");'
    return {name: refusal(imagej, _macro(name, opened, folder=folder / name)) for name in COMMANDS}


def changed_in_memory(imagej: ImageJ, _: Path) -> str:
    """The movie itself after its pixels were changed, so that it has no file."""
    opened = f'close("*"); open("{os.environ[MOVIE]}"); run("Invert", "stack");'
    return refusal(imagej, _macro("open", opened))


def asked_for(imagej: ImageJ, folder: Path) -> str:
    """Another movie, with other_movie."""
    opened = f'close("*"); open("{os.environ[ANOTHER]}");'
    for name in COMMANDS:
        imagej.run_macro(_macro(name, opened, " other_movie", folder / f"{name}_asked"))
    return "done"


def its_own(imagej: ImageJ, folder: Path) -> Any:
    """The movie's file, a copy in memory under another title, and the same pixels in a new image: every command accepts them."""
    movie = os.environ[MOVIE]
    ways = {
        "file": f'open("{movie}");',
        "copy": f'open("{movie}"); run("Duplicate...", "title=other.tif duplicate");',
        "twice": f'open("{movie}"); run("Invert", "stack"); run("Invert", "stack");',
    }
    for way, opened in ways.items():
        for name in COMMANDS:
            imagej.run_macro(_macro(name, 'close("*"); ' + opened, folder=folder / f"{name}_{way}"))
    return "done"


IDENTITY = (another_movie, changed_in_memory, asked_for, its_own)
