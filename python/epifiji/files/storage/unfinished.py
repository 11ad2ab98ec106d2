"""What an interrupted run had computed, kept so that the same run goes on from there."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data import own_folders
from epifiji.data.errors import WrongInputError
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import settle

KEPT_DAYS = 14
DIGEST_BYTES = 32
"""A part ends with the SHA-256 of what comes before: a changed bit is found, wherever it is."""


def cache_folder() -> Path:
    """Give the folder in the user's cache where unfinished runs are kept; it may not exist yet.

    Raises
    ------
    NoHomeError
        Where the user has no home folder.
    """
    return own_folders.cache_folder() / "unfinished"


class Unfinished:
    """The finished parts of a run, numbered, each some arrays; all of it goes when the run has ended.

    Keeping them is a convenience: where the disk is full or read-only the run goes on without.

    Parameters
    ----------
    identity
        Plain JSON values that say which run it is: another run with the same ones would compute the same.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        text = json.dumps(identity, sort_keys=True)
        # Below a file nothing can be: reading finds nothing there, and what is to be kept is not.
        place = Path(__file__)
        with suppress(own_folders.NoHomeError):
            place = cache_folder()
        self._folder = place / hashlib.sha256(text.encode()).hexdigest()[:32]

    def get(self, number: int) -> list[np.ndarray] | None:
        """Give a finished part; None where there is none, or it is damaged."""
        try:
            data = self._file(number).read_bytes()
        except OSError:
            return None
        content, digest = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return [arrays[f"arr_{i}"] for i in range(len(arrays.files))]

    def put(self, number: int, arrays: Sequence[np.ndarray]) -> None:
        """Keep a finished part, not compressed, which would take EpiNet a sixth of its time."""
        content = io.BytesIO()
        np.savez(content, *arrays)
        data = content.getbuffer()
        with suppress(OSError, WrongInputError), replacing(self._file(number)) as part, part.open("wb") as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())

    def remove(self) -> None:
        """Forget this run, and those that nobody has gone on with for a while."""
        with suppress(OSError, WrongInputError):
            # A run that was killed while it kept a part may have left something in the folders around.
            settle(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):
            for other in self._folder.parent.iterdir():
                if time.time() - other.stat().st_mtime > KEPT_DAYS * 86400:
                    shutil.rmtree(other, ignore_errors=True)
            self._folder.parent.rmdir()

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.npz"
