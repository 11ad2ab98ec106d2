"""Arrays in temporary files, for arrays that do not fit into memory."""

from __future__ import annotations

import errno
import math
import os
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError

MEGABYTE = 1 << 20


class ScratchArray:
    """An array on disk, of which only indexed parts are loaded into memory.

    The file is mapped anew at each access, so its pages do not remain counted as the process's memory. It has no name,
    or on Windows one that is deleted when it is closed: nothing is left, even if the process is killed.
    """

    def __init__(self, parent: Path | None, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self._file = tempfile.TemporaryFile(prefix="epifiji-", dir=parent)  # noqa: SIM115 - it is closed with the array
        self.close = weakref.finalize(self, self._file.close)
        size = math.prod(map(int, shape)) * self.dtype.itemsize
        try:
            _reserve(self._file.fileno(), size)
        except (OSError, OverflowError) as problem:
            self.close()
            if isinstance(problem, OSError) and problem.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            folder = parent or tempfile.gettempdir()
            what = (
                f"a temporary file of {size / MEGABYTE:.0f} MB"
                if size >= MEGABYTE
                else f"a temporary file of {size} bytes"
            )
            elsewhere = "set the environment variable TMPDIR to a folder on another disk."
            if not isinstance(problem, OSError) or problem.errno != errno.EFBIG:
                raise WrongInputError(
                    f"{folder} has no room for {what}: free some disk space, or {elsewhere}"
                ) from problem
            raise WrongInputError(
                f"{folder} takes no {what[2:]}: neither the disk nor your account allows a file so large; {elsewhere}"
            ) from problem

    def __getitem__(self, place: Any) -> np.ndarray:
        """Copy a part into memory, indexed as a numpy array."""
        return np.array(np.memmap(self._file, self.dtype, "r", shape=self.shape)[place])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Copy the whole into memory, so that numpy and libraries based on it accept it."""
        return np.array(self[...], dtype=dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy, or send to another process, as an array in memory: the file belongs to this process."""
        return np.asarray, (self[...],)

    def __setitem__(self, place: Any, values: np.ndarray) -> None:
        """Write a part, indexed as a numpy array."""
        np.memmap(self._file, self.dtype, "r+", shape=self.shape)[place] = values


class ScratchFolder:
    """Makes scratch arrays in the folder for temporary files; a file is removed with its array, or by :meth:`remove`."""

    def __init__(self, parent: Path | None = None) -> None:
        self._parent = parent
        self._arrays: weakref.WeakSet[ScratchArray] = weakref.WeakSet()

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[np.generic] | type) -> ScratchArray:
        """Make an array of zeros.

        Raises
        ------
        WrongInputError
            If the disk has no room for it.
        """
        array = ScratchArray(self._parent, shape, np.dtype(dtype))
        self._arrays.add(array)
        return array

    def remove(self) -> None:
        """Remove the files of all arrays, which cannot be used afterwards."""
        for array in self._arrays:
            array.close()


def _reserve(file: int, size: int) -> None:
    """Write `size` zeros to a file, allocated on the disk if the system can: a full disk found later ends the process."""
    os.truncate(file, size)
    if size and hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(file, 0, size)
        except OSError as problem:
            if problem.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
