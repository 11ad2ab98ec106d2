"""A movie of an epithelium: an image over time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.settings.base import MIN_FRAMES

WINDOW_FRAMES = 10


@dataclass(frozen=True, repr=False)
class Movie(Image):
    """Pixels (T, Y, X) of any real dtype, one grey plane over time, with their metadata.

    It may have a single frame: code that needs more calls :meth:`require_frames`.

    Parameters
    ----------
    pixels
        The frames, in memory or read from the file when sliced.
    name, path, notices, layout, file_state
        See :class:`~epifiji.data.image.Image`.
    pixel_size_um
        Width of a pixel in µm, or None if unknown.
    frame_interval_s
        Time between frames in seconds, or None if unknown.

    Raises
    ------
    WrongInputError
        If the pixels are not an array, not three-dimensional, not real or have an empty side, or some of them are
        masked.
    """

    name: str = "movie"
    axes: str = field(default="TYX", init=False)

    _noun: ClassVar[str] = "a movie"
    _needed: ClassVar[str] = "a file's path, an array or a Movie is needed: give one of them"
    _to_do: ClassVar[str] = "give one channel and one plane over time"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, Y, X) in frames and pixels."""
        t, y, x = self.pixels.shape
        return int(t), int(y), int(x)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Read the frames ``start:stop`` as an array (stop - start, Y, X)."""
        return self.part(start, stop)

    def require_frames(self, least: int = MIN_FRAMES) -> Self:
        """Return the movie itself, or refuse it if it is too short.

        Parameters
        ----------
        least
            Fewest frames that are needed. Default: the fewest in which events are detected.

        Raises
        ------
        WrongInputError
            If it has fewer.
        """
        if len(self) < least:
            raise WrongInputError(
                f"{self.name} has {len(self)} frame{'s' if len(self) > 1 else ''}, but at least {least} are needed "
                f"({WINDOW_FRAMES} or more are better): give a movie, not a still image."
            )
        return self

    def require_finite(self) -> tuple[str, ...]:
        """Read the movie once, refuse it if a pixel is NaN or infinite, and find frames without new information.

        Returns
        -------
        tuple of str
            Sentences about frames in which all pixels are equal, such as dropped ones, and about frames that repeat
            another.

        Raises
        ------
        WrongInputError
            If there is such a pixel; the message has its first frame (1-based, as in ImageJ).
        """
        flat: list[int] = []
        first_with: dict[bytes, int] = {}
        copies: list[tuple[int, int]] = []
        for start, frames, equal in self._finite_chunks():
            flat += [start + int(t) for t in np.flatnonzero(equal)]
            for t in np.flatnonzero(~equal).tolist():
                # No two images of a camera are equal in each pixel.
                known = hashlib.sha256(np.ascontiguousarray(frames[t]).data).digest()
                first = first_with.setdefault(known, start + t)
                copies += [(start + t, first)] if first != start + t else []
        return (*self._without_picture(flat), *self._repeated(copies))

    def _without_picture(self, flat: list[int]) -> tuple[str, ...]:
        if not flat:
            return ()
        if len(flat) == self.shape[0]:
            return (f"All pixels of each frame of {self.name} are equal, so no events can be found in it.",)
        return (
            f"{self.name} has {len(flat)} of {self.shape[0]} frames in which all pixels are equal ({frame_ranges(flat)}), "
            "such as frames that were dropped: no events are found in them, and events around them may be missed.",
        )

    def _repeated(self, copies: list[tuple[int, int]]) -> tuple[str, ...]:
        """Report frames whose pixels are those of an earlier frame; `copies` are pairs of a frame and the earlier one."""
        if not copies:
            return ()
        copy, first = copies[0]
        return (
            f"{self.name} has {len(copies)} of {self.shape[0]} frames with the pixels of an earlier frame "
            f"({frame_ranges([copy for copy, _ in copies])}; frame {copy + 1} is the same as frame {first + 1}): events there "
            "may be missed or found twice. If frames were stored twice, delete the copies, in Fiji with Image > Stacks > "
            "Delete Slice.",
        )


def size_in_words(shape: Sequence[int], noun: str = "frame") -> str:
    """Return a shape (T, Y, X) as ImageJ shows it, such as ``2 frames of 640 x 480 pixels``: the width first."""
    frames, height, width = shape
    return f"{frames} {noun}{'' if frames == 1 else 's'} of {width} x {height} pixels"


def frame_ranges(frames: list[int], shown: int = 6) -> str:
    """List frames (from 0) as people count them, such as ``frames 1 to 3, 8``; at most `shown` of the ranges."""
    starts = [f for i, f in enumerate(frames) if i == 0 or frames[i - 1] != f - 1]
    ends = [f for i, f in enumerate(frames) if i == len(frames) - 1 or frames[i + 1] != f + 1]
    parts = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in zip(starts, ends, strict=True)]
    listed = ", ".join(parts[:shown]) + (", ..." if len(parts) > shown else "")
    return f"frame{'s' if len(frames) > 1 else ''} {listed}"
