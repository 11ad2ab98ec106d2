"""Arrays that are too large for memory, in a temporary file."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np


class ScratchArray:
    """An array on disk, of which only what is indexed comes into memory.

    The file is mapped anew at each access, so that its pages do not stay counted as the process's memory.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], folder: ScratchFolder) -> None:
        self.path, self.shape, self.dtype = path, shape, np.dtype(dtype)
        self._folder = folder
        with path.open("wb") as file:
            file.truncate(int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize)

    def __getitem__(self, place: Any) -> np.ndarray:
        """Copy a part into memory, indexed as a numpy array."""
        return np.array(np.memmap(self.path, self.dtype, "r", shape=self.shape)[place])

    def __setitem__(self, place: Any, values: np.ndarray) -> None:
        """Write a part, indexed as a numpy array."""
        np.memmap(self.path, self.dtype, "r+", shape=self.shape)[place] = values


class ScratchFolder:
    """Makes scratch arrays in a temporary folder, which goes with the last of them, or when it is removed."""

    def __init__(self, parent: Path | None = None) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="epifiji-", dir=parent))
        self._count = 0
        self.remove = weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any] | type) -> ScratchArray:
        """Make an array of zeros."""
        self._count += 1
        return ScratchArray(self._path / f"{self._count}.raw", shape, np.dtype(dtype), self)
