"""Where in a movie events may lie: the whole frame, the tissue, or areas that a user drew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from epifiji.data.settings.comparison import FRAME, TISSUE


@dataclass(frozen=True, eq=False)
class Mask:
    """Pixels of a frame, stored as runs, so that memory depends on the outline and not on the area.

    Parameters
    ----------
    shape
        (Y, X) of the frame.
    starts, ends
        First pixel of each run, and the one after its last, rising, as numbers in the frame read row by row, (n,).
    """

    shape: tuple[int, int]
    starts: np.ndarray = field(repr=False)
    ends: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, pixels: np.ndarray) -> Self:
        """Store the true pixels of an array (Y, X)."""
        height, width = pixels.shape
        changes = np.diff(np.asarray(pixels, bool).ravel().astype(np.int8), prepend=0, append=0)
        return cls((height, width), np.flatnonzero(changes == 1), np.flatnonzero(changes == -1))

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int((self.ends - self.starts).sum())

    def pixels(self) -> np.ndarray:
        """Return an array (Y, X) that is true in the mask."""
        flat = np.zeros(self.shape[0] * self.shape[1] + 1, np.int8)
        flat[self.starts] = 1
        flat[self.ends] -= 1
        pixels: np.ndarray = np.cumsum(flat[:-1], dtype=np.int8).reshape(self.shape).astype(bool)
        return pixels

    def holds(self, places: np.ndarray) -> np.ndarray:
        """Return for each place (y, x in pixels, (n, 2)) whether its pixel is in the mask, (n,)."""
        y, x = (np.clip(np.floor(places[:, axis] + 0.5), 0, self.shape[axis] - 1).astype(np.int64) for axis in (0, 1))
        numbers = y * self.shape[1] + x
        run = np.searchsorted(self.starts, numbers, side="right") - 1
        return (run >= 0) & (numbers < np.append(self.ends, -1)[run])

    def numbered(self, numbers: np.ndarray) -> np.ndarray:
        """Return y and x of the mask's pixels of these numbers, from 0 to less than its area, (n, 2)."""
        before = np.concatenate([[0], np.cumsum(self.ends - self.starts)])
        run = np.searchsorted(before, numbers, side="right") - 1
        return np.column_stack(np.divmod(self.starts[run] + numbers - before[run], self.shape[1]))

    def coverage(self, cells: tuple[int, int]) -> np.ndarray:
        """Return the share of each cell of a grid (rows, columns), at most one cell for each pixel, that is in the mask."""
        begins = [-(-np.arange(count) * side // count) for side, count in zip(self.shape, cells, strict=True)]
        covered = np.add.reduceat(np.add.reduceat(self.pixels(), begins[0], axis=0, dtype=np.int64), begins[1], axis=1)
        sizes = (np.diff(begin, append=side) for begin, side in zip(begins, self.shape, strict=True))
        return covered / np.outer(*sizes)


@dataclass(frozen=True, eq=False)
class Region:
    """Where events may lie in each frame of a movie.

    Parameters
    ----------
    name
        `FRAME`, `TISSUE`, or the name of a file of ROIs.
    masks
        The different masks.
    of_frame
        Number of the mask of each frame, (T,); -1 for a frame in which no event may lie.
    """

    name: str
    masks: tuple[Mask, ...] = field(repr=False)
    of_frame: np.ndarray = field(repr=False)

    @classmethod
    def frame(cls, shape: tuple[int, int, int]) -> Self:
        """Make the region that is the whole frame in each frame of a movie (T, Y, X)."""
        frames, height, width = shape
        whole = Mask((height, width), np.array([0]), np.array([height * width]))
        return cls(FRAME, (whole,), np.zeros(frames, int))

    @classmethod
    def of(cls, name: str, masks: Sequence[Mask], of_frame: np.ndarray) -> Self:
        """Make a region; frames with an empty mask have none."""
        empty = np.array([mask.area == 0 for mask in masks] + [True])
        return cls(name, tuple(masks), np.where(empty[of_frame], -1, of_frame))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, Y, X) of the movie."""
        return len(self.of_frame), *self.masks[0].shape

    @property
    def is_frame(self) -> bool:
        """Whether it is the whole frame."""
        return self.name == FRAME

    @property
    def noun(self) -> str:
        """Name it in a sentence, such as ``the tissue``."""
        return f"the {self.name}" if self.name in (FRAME, TISSUE) else self.name

    @property
    def text(self) -> str:
        """Describe it in titles and tables, such as ``within the tissue``."""
        return f"within {self.noun}"

    @property
    def observed(self) -> np.ndarray:
        """Whether events may lie in each frame, (T,)."""
        observed: np.ndarray = self.of_frame >= 0
        return observed

    @property
    def areas(self) -> np.ndarray:
        """Area in each frame in pixels, (T,)."""
        areas: np.ndarray = np.array([*(mask.area for mask in self.masks), 0])[self.of_frame]
        return areas

    def holds(self, places: np.ndarray) -> np.ndarray:
        """Return for each place (frame, y, x, (n, 3)) whether it is in the region, (n,)."""
        held = np.zeros(len(places), bool)
        numbers = self.of_frame[places[:, 0].astype(int)]
        for number in np.unique(numbers[numbers >= 0]):
            here = numbers == number
            held[here] = self.masks[number].holds(places[here, 1:])
        return held

    def coverage(self, cells: tuple[int, int]) -> np.ndarray:
        """Return the share of each cell of a grid (rows, columns) that is in the region, averaged over its frames."""
        frames = np.bincount(self.of_frame[self.observed], minlength=len(self.masks))
        parts = [mask.coverage(cells) * count for mask, count in zip(self.masks, frames, strict=True) if count]
        average: np.ndarray = sum(parts, np.zeros(cells)) / max(1, frames.sum())
        return average
