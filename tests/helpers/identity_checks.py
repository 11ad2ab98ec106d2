"""Checks of the images on which results may be shown, in ImageJ without a window; see :mod:`jvm`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
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
    "plot": 'run("Plot Event Statistics...", "results=[{results}] output=[{out}] permutations=19 within=frame{more}");',
}
TYPES = ("uint8", "uint16", "float32")
"""Types of pixels; the working folder has a folder for each, with a movie, another movie, and results of the first."""

Check = Callable[[ImageJ, Path], Any]


def _of_each_type(check: Check) -> Check:
    """Let a check run in the folder of each type, and return its values by type, or the errors that it raised."""

    @wraps(check)
    def all_types(imagej: ImageJ, folder: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in TYPES:
            try:
                values[name] = check(imagej, folder / name)
            except Exception as error:
                values[name] = f"{type(error).__name__}: {error}"
        return values

    return all_types


def _macro(command: str, opened: str, folder: Path, more: str = "", out: str = "") -> str:
    run = COMMANDS[command].format(results=folder / "movie_epifiji", more=more, out=folder / out)
    return f"{opened}\n{run}\nclose('*');"


@_of_each_type
def another_movie(imagej: ImageJ, folder: Path) -> dict[str, str]:
    """A movie of the same size from another file: every command refuses it."""
    opened = f'close("*"); open("{folder / "another.tif"}");'
    return {name: refusal(imagej, _macro(name, opened, folder, out=name)) for name in COMMANDS}


@_of_each_type
def changed_in_memory(imagej: ImageJ, folder: Path) -> str:
    """The movie itself after its pixels were changed, so that it has no file."""
    opened = f'close("*"); open("{folder / "movie.tif"}"); run("Invert", "stack");'
    return refusal(imagej, _macro("open", opened, folder))


@_of_each_type
def asked_for(imagej: ImageJ, folder: Path) -> str:
    """Another movie, with other_movie."""
    opened = f'close("*"); open("{folder / "another.tif"}");'
    for name in COMMANDS:
        imagej.run_macro(_macro(name, opened, folder, " other_movie", f"{name}_asked"))
    return "done"


@_of_each_type
def its_own(imagej: ImageJ, folder: Path) -> str:
    """The movie's file, a copy in memory under another title, and the same pixels in a new image: every command accepts them."""
    movie = folder / "movie.tif"
    ways = {
        "file": f'open("{movie}");',
        "copy": f'open("{movie}"); run("Duplicate...", "title=other.tif duplicate");',
        "twice": f'open("{movie}"); run("Invert", "stack"); run("Invert", "stack");',
    }
    for way, opened in ways.items():
        for name in COMMANDS:
            imagej.run_macro(_macro(name, 'close("*"); ' + opened, folder, out=f"{name}_{way}"))
    return "done"


IDENTITY = (another_movie, changed_in_memory, asked_for, its_own)
