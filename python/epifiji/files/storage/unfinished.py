"""Results of interrupted runs, kept so that the same run continues from there."""

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
from epifiji.files.storage.journals import recover

KEPT_DAYS = 14
DIGEST_BYTES = 32
"""A part ends with the SHA-256 of the bytes before it, so any changed bit is found."""


def cache_folder() -> Path:
    """Return the folder in the user's cache in which unfinished runs are kept; it may not exist yet.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return own_folders.cache_folder() / "unfinished"


class Unfinished:
    """The finished parts of a run, numbered, each consisting of arrays; all are removed when the run is complete.

    Keeping them is optional: if the disk is full or read-only the run continues without.

    Parameters
    ----------
    identity
        Plain JSON values that identify the run: another run with the same values would compute the same.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        text = json.dumps(identity, sort_keys=True)
        # Without a home folder: a path below a file, where nothing is found and nothing can be kept.
        place = Path(__file__)
        with suppress(own_folders.NoHomeError):
            place = cache_folder()
        self._folder = place / hashlib.sha256(text.encode()).hexdigest()[:32]

    def get(self, number: int) -> list[np.ndarray] | None:
        """Return a finished part; None if there is none, or it is damaged."""
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
        """Keep a finished part; it is not compressed, because that would take a sixth of EpiNet's time."""
        content = io.BytesIO()
        np.savez(content, *arrays)
        data = content.getbuffer()
        with suppress(OSError, WrongInputError), replacing(self._file(number)) as part, part.open("wb") as file:
            file.write(data)
            file.write(hashlib.sha256(data).digest())

    def remove(self) -> None:
        """Remove this run, and runs that nobody has continued for `KEPT_DAYS`."""
        with suppress(OSError, WrongInputError):
            # A run that was killed while it kept a part may have left files in the folders around.
            recover(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)
        with suppress(OSError):
            for other in self._folder.parent.iterdir():
                if time.time() - other.stat().st_mtime > KEPT_DAYS * 86400:
                    shutil.rmtree(other, ignore_errors=True)
            self._folder.parent.rmdir()

    def _file(self, number: int) -> Path:
        return self._folder / f"{number}.npz"
