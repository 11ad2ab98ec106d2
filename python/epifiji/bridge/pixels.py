"""Pixels that ImageJ wrote into blocks of memory, used as a movie without a copy."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.lookup_table import brightness_order
from epifiji.data.movie import Movie
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.calibration import Calibration, checked, in_units_of
from epifiji.files.movies.frames import colours_refusal, inversion_notice, invert
from epifiji.files.movies.movie_file import EXTENSION

DTYPES: dict[int, np.dtype[np.generic]] = {8: np.dtype(np.uint8), 16: np.dtype(np.uint16), 32: np.dtype(np.float32)}
"""The pixel types of ImageJ's grey images by their number of bits."""

SIGN = np.uint16(0x8000)
"""ImageJ stores signed 16-bit pixels as unsigned values plus 32768; flipping this bit restores them."""


NOT_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
"""Characters that file names on Windows may not contain.

ImageJ's titles often do, and results may be opened on Windows later.
"""


def movie_name_of_title(title: str) -> str:
    """Make a movie's name, valid as a file name, from an image's title."""
    return NOT_IN_NAMES.sub("_", EXTENSION.sub("", title)).strip().rstrip(". ") or "movie"


def calibration_of_image(
    pixel_width: float,
    pixel_height: float,
    x_unit: Any,
    y_unit: Any,
    interval: float,
    time_unit: Any,
    pixel_depth: float | None = None,
    z_unit: Any = None,
) -> Calibration:
    """Convert ImageJ's calibration, given in its units, to micrometres and seconds; volumes have a depth of a voxel."""
    y, z = (
        in_units_of(size, unit, x_unit) if size and unit else size
        for size, unit in ((pixel_height, y_unit), (pixel_depth, z_unit))
    )
    return checked((pixel_width, y), x_unit, interval, time_unit, z)


def movie_of_image(image: dict[str, Any] | None, blocks: Sequence[np.ndarray], least_frames: int = MIN_FRAMES) -> Movie:
    """Make a movie of the pixels that a client sent.

    Parameters
    ----------
    image
        ``title``, ``shape`` (T, Y, X), ``bits`` (8, 16 or 32), ``signed``, ``calibration`` (the arguments of
        :func:`calibration_of_image`), ``notices`` (sentences), ``file`` (the path if the pixels are those of a file),
        ``lut`` (the 256 red, then the 256 green, then the 256 blue values of the lookup table), and ``layout`` (the
        arguments of :class:`~epifiji.data.stack_layout.StackLayout`).
    blocks
        The pixels' bytes, little-endian, whole frames in each block, in the frames' order. Signed and inverted pixels
        are converted in place.
    least_frames
        The smallest number of frames that is accepted.

    Raises
    ------
    WrongInputError
        If there is no image, it has too few frames, its pixel type or colours cannot be used, or its blocks do not
        match its shape.
    """
    if image is None:
        raise WrongInputError("No image came with the request, but a movie is needed: open one first.")
    title, bits = str(image["title"]), int(image["bits"])
    if bits not in DTYPES:
        raise WrongInputError(
            f"{title} has {bits} bits in each pixel, but 8, 16 or 32 are needed: use Image > Type > 8-bit."
        )
    dtype = DTYPES[bits].newbyteorder("<")
    frames, height, width = (int(size) for size in image["shape"])
    frame_bytes = height * width * dtype.itemsize
    if not frame_bytes or any(len(block) == 0 or len(block) % frame_bytes for block in blocks):
        raise WrongInputError(
            f"{title} came in blocks that do not hold whole frames of {frame_bytes} bytes: try again."
        )
    parts = [block.view(dtype).reshape(-1, height, width) for block in blocks]
    held = sum(len(part) for part in parts)
    if held != frames:
        raise WrongInputError(f"{title} came with {held} of its {frames} frames: try again.")
    if image.get("signed"):
        for part in parts:
            np.bitwise_xor(part, SIGN, out=part)
        parts = [part.view(np.int16) for part in parts]
    inverted = _shown_inverted(image.get("lut"), bits, title)
    if inverted:
        for part in parts:
            invert(part)
    if sys.byteorder == "big":
        parts = [part.astype(part.dtype.newbyteorder("=")) for part in parts]
    read = calibration_of_image(**image["calibration"])
    file = image.get("file")
    return Movie(
        parts[0] if len(parts) == 1 else FrameBlocks(parts),
        movie_name_of_title(title),
        read.x_um,
        read.interval_s,
        Path(file) if file else None,
        (*image.get("notices", ()), *([inversion_notice(title)] if inverted else []), *read.notices(title)),
        StackLayout(**image.get("layout", {})),
        pixel_height_um=read.y_um,
        voxel_depth_um=read.z_um,
    ).require_frames(least_frames)


def volume_of_image(image: dict[str, Any] | None, blocks: Sequence[np.ndarray]) -> Image:
    """Make a volume (Z, Y, X) of the planes that a client sent, as :func:`movie_of_image` makes a movie of frames."""
    movie = movie_of_image(image, blocks, least_frames=1)
    return Image(
        movie.pixels,
        movie.name,
        movie.pixel_size_um,
        None,
        movie.path,
        movie.notices,
        movie.layout,
        axes="ZYX",
        pixel_height_um=movie.pixel_height_um,
        voxel_depth_um=movie.voxel_depth_um,
    )


def _shown_inverted(lut: Sequence[int] | None, bits: int, title: str) -> bool:
    """Return whether an image's LUT shows smaller values brighter; refuse 8-bit pixels that are indices of colours."""
    order = 1 if lut is None else brightness_order(np.reshape(lut, (3, -1)))
    if order is None and bits == 8:
        raise colours_refusal(title)
    return order == -1


class FrameBlocks:
    """Frames (T, Y, X) stored in several arrays, one after the other."""

    def __init__(self, parts: Sequence[np.ndarray]) -> None:
        self._parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self.shape = (int(self._starts[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Return the frames ``start:stop``; they are copied only if they are in several blocks."""
        start, stop, _ = frames.indices(self.shape[0])
        pieces = [
            part[max(0, start - first) : max(0, stop - first)]
            for part, first in zip(self._parts, self._starts, strict=False)
            if start < first + len(part) and stop > first
        ]
        if not pieces:
            return self._parts[0][:0]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
