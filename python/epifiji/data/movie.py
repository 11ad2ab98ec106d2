"""A movie of an epithelium: pixels over time, with their scale."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout

WINDOW_FRAMES = 10


FileState = tuple[int, int, int, int]
"""Bytes, times of the last changes of content and of anything (ns), and number of a file: with all the same it is unchanged."""


class Stack(Protocol):
    """Anything that gives frames: a numpy array, an HDF5 dataset, a file read page by page."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, Y, X)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """A real numeric type."""

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Give the frames ``start:stop`` as an array (n, Y, X)."""


@dataclass(frozen=True)
class Movie:
    """Pixels (T, Y, X) of any real dtype, with what is known about them.

    Parameters
    ----------
    pixels
        The frames, in memory or read from the file when sliced; see :func:`stack_of` for what can be given.
    name
        What the results are named after: the file's name without its extension, or the image's title.
    pixel_size_um
        Side of a pixel in µm, or None where the file does not say.
    frame_interval_s
        Time between frames in seconds, or None where the file does not say.
    path
        The file, if the movie came from one.
    notices
        Sentences for the user about how the file was understood, such as Z taken as time.
    file_state
        The file's state before it was opened, where frames are read from it.
    layout
        Where the frames lie in the stack that ImageJ shows of the same file or image, which ROIs refer to.

    Raises
    ------
    WrongInputError
        Where the pixels are no array, the array is not three-dimensional, not real, has fewer than 5 frames or an empty side,
        or some of its pixels are masked.
    """

    pixels: Stack
    name: str = "movie"
    pixel_size_um: float | None = None
    frame_interval_s: float | None = None
    path: Path | None = None
    notices: tuple[str, ...] = field(default=())
    layout: StackLayout = field(default_factory=StackLayout)
    file_state: FileState | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "pixels", stack_of(self.pixels, self.name))
        shape = tuple(self.pixels.shape)
        if len(shape) != 3:
            raise WrongInputError(
                f"{self.name} is an array of shape {shape}, but a movie has the three axes (T, Y, X): "
                "give one channel and one plane over time."
            )
        if 0 in shape:
            raise WrongInputError(
                f"{self.name} has the shape {shape} and so no pixels: give a movie that is not empty."
            )
        if self.pixels.dtype.kind not in "buif":
            raise WrongInputError(
                f"{self.name} has pixels of type {self.pixels.dtype}, but real numbers are needed: "
                "convert it to 8, 16 or 32 bit."
            )
        if shape[0] < MIN_FRAMES:
            raise WrongInputError(
                f"{self.name} has {shape[0]} frame{'s' if shape[0] > 1 else ''}, but at least {MIN_FRAMES} are needed "
                f"({WINDOW_FRAMES} or more are better): give a movie, not a still image."
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, Y, X) in frames and pixels."""
        t, y, x = self.pixels.shape
        return int(t), int(y), int(x)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which frames are read; see :func:`working_dtype`."""
        return working_dtype(self.pixels.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read the whole movie as an array (T, Y, X), so that numpy and all that builds on it take a movie."""
        whole = self.pixels if isinstance(self.pixels, np.ndarray) else self.frames(0, len(self))
        return np.array(whole, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        t, y, x = self.shape
        scale = [
            f"{value:g} {unit}"
            for value, unit in ((self.pixel_size_um, "µm a pixel"), (self.frame_interval_s, "s a frame"))
            if value
        ]
        return f"<Movie {self.name}: {', '.join([f'{t} frames of {x} x {y} px', str(self.pixels.dtype), *scale])}>"

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Read the frames ``start:stop`` as an array (stop - start, Y, X)."""
        return np.asarray(self.pixels[start:stop]).astype(self.dtype, copy=False)

    def chunks(self, megabytes: float = 32) -> Iterator[tuple[int, np.ndarray]]:
        """Walk through the movie: (first frame, frames) with at most `megabytes` of pixels at once."""
        count, height, width = self.shape
        size = max(1, int(megabytes * 1e6 / (height * width * self.dtype.itemsize)))
        for start in range(0, count, size):
            yield start, self.frames(start, min(start + size, count))

    def sha256(self) -> str:
        """Compute the SHA-256 of the pixels, in the frames' order."""
        digest = hashlib.sha256()
        for _, frames in self.chunks():
            digest.update(np.ascontiguousarray(frames).data)
        return digest.hexdigest()

    def require_finite(self) -> tuple[str, ...]:
        """Read the movie once, refuse it where a pixel is NaN or infinite, and look for frames without a picture of their own.

        Returns
        -------
        tuple of str
            Sentences about frames in which all pixels are equal, such as dropped ones, and about frames that repeat another.

        Raises
        ------
        WrongInputError
            Naming the first frame with such a pixel (1-based, as ImageJ counts).
        """
        flat: list[int] = []
        first_with: dict[bytes, int] = {}
        copies: list[tuple[int, int]] = []
        for start, frames in self.chunks():
            low, high = frames.min(axis=(1, 2)), frames.max(axis=(1, 2))
            # NaN in any pixel makes both NaN; an infinite one is one of them.
            bad = ~(np.isfinite(low) & np.isfinite(high))
            if bad.any():
                raise WrongInputError(
                    f"{self.name} has pixels that are not numbers (NaN or infinite), first in frame "
                    f"{start + int(np.argmax(bad)) + 1}, but every pixel needs a value: replace them, in Fiji with "
                    "Process > Math > NaN Background or Remove NaNs."
                )
            flat += [start + int(t) for t in np.flatnonzero(low == high)]
            for t in np.flatnonzero(low != high).tolist():
                # No two pictures of a camera are the same in each pixel.
                known = hashlib.sha256(np.ascontiguousarray(frames[t]).data).digest()
                first = first_with.setdefault(known, start + t)
                copies += [(start + t, first)] if first != start + t else []
        return (*self._without_picture(flat), *self._repeated(copies))

    def _without_picture(self, flat: list[int]) -> tuple[str, ...]:
        if not flat:
            return ()
        if len(flat) == self.shape[0]:
            return (f"All pixels of each frame of {self.name} are equal, so there is nothing to be found in it.",)
        return (
            f"{self.name} has {len(flat)} of {self.shape[0]} frames in which all pixels are equal ({frame_ranges(flat)}), "
            "such as frames that were dropped: nothing is found in them, and events around them may be missed.",
        )

    def _repeated(self, copies: list[tuple[int, int]]) -> tuple[str, ...]:
        """Report frames that have the pixels of an earlier one, given with it."""
        if not copies:
            return ()
        copy, first = copies[0]
        return (
            f"{self.name} has {len(copies)} of {self.shape[0]} frames with the pixels of an earlier frame "
            f"({frame_ranges([copy for copy, _ in copies])}; frame {copy + 1} is the same as frame {first + 1}): events there "
            "may be missed or found twice. If frames were stored twice, delete the copies, in Fiji with Image > Stacks > "
            "Delete Slice.",
        )


def stack_of(given: Any, name: str = "the movie") -> Stack:
    """Take pixels as a stack: what gives frames when it is sliced, as it is; another array, or a list of frames, as numpy's.

    A dask or zarr array and an HDF5 dataset stay where they are, and are read piece by piece.

    Raises
    ------
    WrongInputError
        Where it is no array of numbers, or has masked pixels.
    """
    if np.ma.is_masked(given):
        raise WrongInputError(
            f"{name} has {np.count_nonzero(np.ma.getmaskarray(given))} masked pixels, but every pixel needs a value: fill them "
            "first, as in movie.filled(0)."
        )
    if _is_stack(given):
        return cast(Stack, given)
    if not (hasattr(given, "__array__") or isinstance(given, list | tuple)):
        raise _no_movie(given)
    try:
        array = np.asarray(given)
    except Exception as problem:
        # Frames of different sizes, or what another library says of an array that it does not give.
        raise _no_movie(given) from problem
    if array.dtype.kind not in "buif":
        raise _no_movie(given)
    return array


def _is_stack(given: Any) -> bool:
    shape = getattr(given, "shape", None)
    return (
        isinstance(getattr(given, "dtype", None), np.dtype)
        and isinstance(shape, tuple)
        and all(isinstance(side, int | np.integer) for side in shape)
        and hasattr(given, "__getitem__")
    )


def _no_movie(given: Any) -> WrongInputError:
    kind = type(given).__name__
    if isinstance(given, list | tuple) and given and isinstance(given[0], str | os.PathLike):
        return WrongInputError(
            f"a {kind} of {len(given)} paths was given, but one movie is used at a time: give one after the other, or the frames "
            "of one movie as a folder or a pattern such as 'frames/*.tif'."
        )
    return WrongInputError(
        f"a movie was given as {kind}, which is no array of numbers (T, Y, X), but a file's path, an array or a Movie is needed: "
        "give one of them."
    )


def frame_ranges(frames: list[int], shown: int = 6) -> str:
    """List frames (from 0) as people count them, such as ``frames 1 to 3, 8``; at most so many of its parts."""
    starts = [f for i, f in enumerate(frames) if i == 0 or frames[i - 1] != f - 1]
    ends = [f for i, f in enumerate(frames) if i == len(frames) - 1 or frames[i + 1] != f + 1]
    parts = [f"{a + 1}" if a == b else f"{a + 1} to {b + 1}" for a, b in zip(starts, ends, strict=True)]
    listed = ", ".join(parts[:shown]) + (", ..." if len(parts) > shown else "")
    return f"frame{'s' if len(frames) > 1 else ''} {listed}"


def working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Give the type to compute in: the pixels' own, native byte order; one that scipy knows where it does not know theirs."""
    unknown = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32, np.dtype(np.longdouble): np.float64}
    native = np.dtype(dtype).newbyteorder("=")
    return np.dtype(unknown.get(native, native))
