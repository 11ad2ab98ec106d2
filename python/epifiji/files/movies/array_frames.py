"""Frames of arrays with several named axes, as in HDF5 and Zarr."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from epifiji.files.movies.frames import FramesOnDisk, Planes


def axes_of(shape: Sequence[int], labels: Sequence[object], planes: Planes = "time") -> str | None:
    """Return a letter for each axis of an array; None if more than three axes have no labels.

    Three axes without labels, not counting those of length 1, are (T, Y, X), or (Z, Y, X) of a volume.

    Parameters
    ----------
    shape
        Length of each axis.
    labels
        Names of the axes, such as ``t`` or ``time``; empty if there are none.
    """
    letters = letters_of(labels)
    if len(letters) == len(shape) and {"Y", "X"} <= set(letters):
        return letters
    unnamed = "ZYX" if planes == "volume" else "TYX"
    if len(shape) == 3:
        return unnamed
    if sum(n > 1 for n in shape) != 3:
        return None
    names = iter(unnamed)
    return "".join(next(names) if n > 1 else "Q" for n in shape)


AXIS_LETTERS: Mapping[str, str] = {
    "time": "T",
    "frame": "T",
    "channel": "C",
    "channels": "C",
    "depth": "Z",
    "plane": "Z",
    "row": "Y",
    "col": "X",
    "column": "X",
}
"""Letters of axes whose names are words (lower case)."""


def letters_of(labels: Sequence[object]) -> str:
    """Return a letter for each name of an axis; empty if one of them is unknown or two are the same."""
    names = [str(label).strip().lower() for label in labels]
    letters = "".join(AXIS_LETTERS.get(name, name.upper() if len(name) == 1 else "") for name in names)
    return letters if len(letters) == len(set(letters)) == len(names) else ""


class ArrayFrames(FramesOnDisk):
    """Frames of an array in a file; its axes have any order.

    Parameters
    ----------
    path
        The file.
    shape
        Length of each axis of the array.
    stored
        Type of its values.
    axes
        A letter for each axis.
    index
        The part that is the movie, see :class:`epifiji.files.movies.frames.Picked`. If it has several planes (Z), they
        are successive frames.
    """

    def __init__(
        self,
        path: Path,
        shape: Sequence[int],
        stored: np.dtype[np.generic],
        axes: str,
        index: tuple[int | slice, ...],
    ) -> None:
        kept = [i for i, part in enumerate(index) if isinstance(part, slice)]
        outer = sorted((i for i in kept if axes[i] not in "YX"), key=lambda i: axes[i] == "Z")
        ordered = [*outer, axes.index("Y"), axes.index("X")]
        self._depth = shape[outer[1]] if len(outer) > 1 else 1
        count = shape[outer[0]] * self._depth if outer else 1
        super().__init__(path, (count, shape[ordered[-2]], shape[ordered[-1]]), stored)
        self._index = index
        self._outer = outer
        self._order = [kept.index(i) for i in ordered]

    @abstractmethod
    def _part(self, index: tuple[int | slice, ...]) -> np.ndarray:
        """Read a part of the array; slices have a positive step."""

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        ascending = wanted if wanted.step > 0 else wanted[::-1]
        filled = pixels if wanted.step > 0 else pixels[::-1]
        if len(self._outer) < 2:
            filled[...] = self._along(slice(ascending.start, ascending.stop, ascending.step))
            return
        start = 0
        for t, planes in groupby(ascending, lambda frame: frame // self._depth):
            inside = [frame % self._depth for frame in planes]
            part = slice(inside[0], inside[-1] + 1, ascending.step)
            filled[start : start + len(inside)] = self._along(slice(t, t + 1), part)
            start += len(inside)

    def _along(self, *parts: slice) -> np.ndarray:
        """Read the given parts of the axes along which the frames lie, as (n, Y, X)."""
        index = list(self._index)
        for axis, part in zip(self._outer, parts, strict=False):
            index[axis] = part
        read = self._part(tuple(index)).transpose(self._order)
        return read.reshape(-1, *read.shape[-2:])
