"""An image: pixels along named axes, read piece by piece, with their scale."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, cast

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.stack_layout import StackLayout

POSITIONS = {"T": "frame", "Z": "plane", "C": "channel", "Y": "row", "X": "column"}
"""The axes that an image may have, in their order, and the name of a position along each."""

NUMBERS = ("no", "one", "two", "three", "four", "five")

NEARLY_SQUARE = 0.01
"""Relative difference between width and height of a pixel that is accepted as square."""

NOT_SQUARE = "which are not square"
"""Part of the notice about such pixels, which says what commands on events do with them."""

FileState = tuple[int, int, int, int]
"""Bytes, times of the last changes of content and of anything (ns), and number of a file: if all are equal it is unchanged."""


class Sliced(Protocol):
    """Any object that returns values when sliced along its first axis: a numpy array, an HDF5 dataset, a file read by pages."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, such as (T, Y, X)."""

    def __getitem__(self, positions: slice) -> np.ndarray:
        """Return the positions ``start:stop`` of the first axis as an array of as many axes, such as (n, Y, X)."""


class Stack(Sliced, Protocol):
    """Such an object with pixels of a known type."""

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """A real numeric type."""


@dataclass(frozen=True)
class Image:
    """Pixels of any real dtype along named axes, with their metadata.

    Parameters
    ----------
    pixels
        In memory, or read from the file when sliced; see :func:`stack_of` for accepted types.
    name
        Beginning of the names of results: the file's name without its extension, or the image's title.
    pixel_size_um
        Width of a pixel in µm, or None if unknown.
    frame_interval_s
        Time between frames in seconds, or None if unknown.
    path
        The file, if the image came from one.
    notices
        Sentences for the user about how the file was interpreted, such as Z taken as time.
    layout
        Positions of the frames in the stack that ImageJ shows of the same file or image, to which ROIs refer.
    file_state
        The file's state before it was opened, if pixels are read from it.
    axes
        One letter for each axis of `pixels`: any of T, Z and C, then Y and X, in this order, such as ``TYX`` or
        ``ZYX``.
    pixel_height_um
        Height of a pixel in µm; None if it equals the width.
    voxel_depth_um
        Distance between planes (Z) in µm, or None if unknown.

    Raises
    ------
    WrongInputError
        If the pixels are not an array, not real, have other axes or an empty side, or some of them are masked.
    """

    pixels: Stack
    name: str = "image"
    pixel_size_um: float | None = None
    frame_interval_s: float | None = None
    path: Path | None = None
    notices: tuple[str, ...] = field(default=())
    layout: StackLayout = field(default_factory=StackLayout)
    file_state: FileState | None = None
    axes: str = field(kw_only=True)
    pixel_height_um: float | None = field(default=None, kw_only=True)
    voxel_depth_um: float | None = field(default=None, kw_only=True)

    _noun: ClassVar[str] = "an image"
    _needed: ClassVar[str] = "an array is needed: give one"
    _to_do: ClassVar[str] = "give an array of these axes"

    def __post_init__(self) -> None:
        if not re.fullmatch("T?Z?C?YX", self.axes):
            raise WrongInputError(
                f"{self.name} was given the axes {self.axes!r}, but they are letters out of T, Z, C, Y, X in this "
                "order, with Y and X: name those of the array, as in 'ZYX'."
            )
        object.__setattr__(self, "pixels", self._stack())
        shape = tuple(self.pixels.shape)
        if len(shape) != len(self.axes):
            raise WrongInputError(
                f"{self.name} is an array of shape {shape}, but {self._noun} has the {NUMBERS[len(self.axes)]} axes "
                f"({', '.join(self.axes)}): {self._to_do}."
            )
        if 0 in shape:
            raise WrongInputError(
                f"{self.name} has the shape {shape} and so no pixels: give {self._noun} that is not empty."
            )
        if self.pixels.dtype.kind not in "buif":
            raise WrongInputError(
                f"{self.name} has pixels of type {self.pixels.dtype}, but real numbers are needed: "
                "convert it to 8, 16 or 32 bit."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in the order of `axes`."""
        return tuple(map(int, self.pixels.shape))

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type in which pixels are read; see :func:`working_dtype`."""
        return working_dtype(self.pixels.dtype)

    @property
    def has_square_pixels(self) -> bool:
        """Whether pixels are as high as wide, as far as is known."""
        return are_square(self.pixel_size_um, self.pixel_height_um)

    @property
    def spacing(self) -> dict[str, float | None]:
        """Distance from one position to the next along each axis: s along T, µm along Z, Y and X; None if unknown, and for C."""
        known = {
            "T": self.frame_interval_s,
            "Z": self.voxel_depth_um,
            "Y": self.pixel_height_um or self.pixel_size_um,
            "X": self.pixel_size_um,
        }
        return {axis: known.get(axis) for axis in self.axes}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read the whole image as an array, so that numpy and libraries based on it accept an image."""
        whole = self.pixels if isinstance(self.pixels, np.ndarray) else self.part(0, len(self))
        return np.array(whole, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        *outer, y, x = self.shape
        counts = [f"{n} {POSITIONS[axis]}s" for n, axis in zip(outer, self.axes, strict=False)]
        scale = [
            f"{value:g} {unit}"
            for value, unit in (
                (self.pixel_size_um, "µm a pixel"),
                (self.voxel_depth_um if "Z" in self.axes else None, "µm a plane"),
                (self.frame_interval_s, "s a frame"),
            )
            if value
        ]
        size = " of ".join([*counts, f"{x} x {y} px"])
        return f"<{type(self).__name__} {self.name}: {', '.join([size, str(self.pixels.dtype), *scale])}>"

    def part(self, start: int, stop: int) -> np.ndarray:
        """Read the positions ``start:stop`` of the first axis as an array of as many axes as the image."""
        return np.asarray(self.pixels[start:stop]).astype(self.dtype, copy=False)

    def box(self, place: tuple[slice, ...]) -> np.ndarray:
        """Read a box, one slice ``start:stop`` for each axis, as an array; of a file, only its part of the first axis is read."""
        first, *others = place
        return self.part(first.start, first.stop)[(slice(None), *others)]

    def chunks(self, megabytes: float = 32) -> Iterator[tuple[int, np.ndarray]]:
        """Iterate along the first axis: (first position, pixels) with at most `megabytes` of pixels at once."""
        count, *inner = self.shape
        size = max(1, int(megabytes * 1e6 / (math.prod(inner) * self.dtype.itemsize)))
        for start in range(0, count, size):
            yield start, self.part(start, min(start + size, count))

    def sha256(self) -> str:
        """Compute the SHA-256 of the pixels, in order."""
        digest = hashlib.sha256()
        for _, pixels in self.chunks():
            digest.update(np.ascontiguousarray(pixels).data)
        return digest.hexdigest()

    def require_finite(self) -> tuple[str, ...]:
        """Read the image once, and refuse it if a pixel is NaN or infinite.

        Returns
        -------
        tuple of str
            Notices about the pixels.

        Raises
        ------
        WrongInputError
            If there is such a pixel; the message has its position along the first axis (1-based, as in ImageJ).
        """
        for _ in self._finite_chunks():
            pass
        return ()

    def _finite_chunks(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Iterate along the first axis as :meth:`chunks` does, and return for each position whether all its pixels are equal."""
        inner = tuple(range(1, len(self.axes)))
        for start, pixels in self.chunks():
            low, high = pixels.min(axis=inner), pixels.max(axis=inner)
            # NaN in any pixel makes both NaN; an infinite pixel is one of them.
            bad = ~(np.isfinite(low) & np.isfinite(high))
            if bad.any():
                raise WrongInputError(
                    f"{self.name} has pixels that are not numbers (NaN or infinite), first in {POSITIONS[self.axes[0]]} "
                    f"{start + int(np.argmax(bad)) + 1}, but every pixel needs a value: replace them, in Fiji with "
                    "Process > Math > NaN Background or Remove NaNs."
                )
            yield start, pixels, low == high

    def _stack(self) -> Stack:
        """Return the pixels as a stack; see :func:`stack_of`."""
        given: Any = self.pixels
        taken = stack_of(given, self.name)
        if taken is not None:
            return taken
        kind, noun = type(given).__name__, self._noun.rpartition(" ")[2]
        if isinstance(given, list | tuple) and given and isinstance(given[0], str | os.PathLike):
            raise WrongInputError(
                f"a {kind} of {len(given)} paths was given, but one {noun} is used at a time: give one after the other, or the "
                "frames of one movie as a folder or a pattern such as 'frames/*.tif'."
            )
        raise WrongInputError(
            f"{self._noun} was given as {kind}, which is no array of numbers ({', '.join(self.axes)}), but {self._needed}."
        )


def are_square(width: float | None, height: float | None) -> bool:
    """Return whether pixels are as high as wide, as far as is known."""
    return width is None or height is None or math.isclose(width, height, rel_tol=NEARLY_SQUARE)


def stack_of(given: Any, name: str) -> Stack | None:
    """Return pixels as a stack: an object that can be sliced unchanged, another array or a list of frames as a numpy array.

    A dask or zarr array and an HDF5 dataset are not loaded, but read piece by piece. None if it is not an array of
    numbers.

    Raises
    ------
    WrongInputError
        If pixels are masked.
    """
    if np.ma.is_masked(given):
        raise WrongInputError(
            f"{name} has {np.count_nonzero(np.ma.getmaskarray(given))} masked pixels, but every pixel needs a value: fill them "
            "first, as in movie.filled(0)."
        )
    if _is_stack(given):
        return cast(Stack, given)
    if not (hasattr(given, "__array__") or isinstance(given, list | tuple)):
        return None
    try:
        array = np.asarray(given)
    except Exception:
        # Frames of different sizes, or an object of another library that only looks like an array.
        return None
    return array if array.dtype.kind in "buif" else None


def _is_stack(given: object) -> bool:
    shape = getattr(given, "shape", None)
    return (
        isinstance(getattr(given, "dtype", None), np.dtype)
        and isinstance(shape, tuple)
        and all(isinstance(side, int | np.integer) for side in shape)
        and hasattr(given, "__getitem__")
    )


def working_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    """Return the type to compute in: the pixels' own in native byte order, or one that scipy supports if it lacks theirs."""
    unknown = {np.dtype(bool): np.uint8, np.dtype(np.float16): np.float32, np.dtype(np.longdouble): np.float64}
    native = np.dtype(dtype).newbyteorder("=")
    return np.dtype(unknown.get(native, native))
