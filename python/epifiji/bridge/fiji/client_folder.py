"""Temporary folders with files for Fiji, such as pictures that it only shows.

The client removes them at the end of its command: each answer lists those that were made for it. What a killed Fiji left
behind is removed some days later.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from pathlib import Path

PREFIX = "epifiji-client-"
LEFT_BEHIND_S = 3 * 86400
"""If nothing in a folder was changed for this time, its command has ended."""

_handed_over: ContextVar[list[str] | None] = ContextVar("_handed_over", default=None)


@contextmanager
def client_folder(holds: str) -> Iterator[Path]:
    """Make a temporary folder, named after what it holds; if the block raises, it is removed."""
    remove_left_behind()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{holds}-"))
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    made = _handed_over.get()
    if made is not None:
        made.append(str(folder))


def chosen_or_client_folder(chosen: str | None, holds: str) -> AbstractContextManager[Path]:
    """Return the folder that the user chose, or else a temporary one for files that are only shown."""
    return client_folder(holds) if chosen is None else nullcontext(Path(chosen))


def chosen_or_shown_folder(chosen: str | None, holds: str, is_shown: bool) -> AbstractContextManager[Path | None]:
    """Return the folder that the user chose, else a temporary one if its files are shown, else None."""
    return chosen_or_client_folder(chosen, holds) if chosen is not None or is_shown else nullcontext()


@contextmanager
def handed_over() -> Iterator[list[str]]:
    """Collect the folders that are made in the block; if it raises, they are removed."""
    made: list[str] = []
    token = _handed_over.set(made)
    try:
        yield made
    except BaseException:
        for folder in made:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        _handed_over.reset(token)


def remove_left_behind() -> None:
    """Remove the folders in which nothing was changed for some days."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - max(path.stat().st_mtime for path in (folder, *folder.iterdir())) > LEFT_BEHIND_S:
                shutil.rmtree(folder, ignore_errors=True)
