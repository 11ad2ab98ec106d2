"""Still images in PNG and JPEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie

PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff")


def open_picture(path: Path, name: str, channel: int | None) -> Movie:
    """Read a PNG or JPEG file as a movie of one frame: grey, of 8 or 16 bit, or colour of which one channel is used.

    That is the requested channel, red, green or blue; otherwise the only one that is not black, as microscopes colour a
    stain, or any if all are equal.

    Raises
    ------
    WrongInputError
        If it has colours, or a channel is requested that it does not have.
    """
    from skimage.io import imread

    pixels = np.asarray(imread(path))
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4):
        # The last one is opacity.
        pixels = pixels[..., :-1]
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    notices: tuple[str, ...] = ()
    if pixels.ndim == 3:
        lit = [number for number, one in enumerate(np.moveaxis(pixels, -1, 0)) if one.any()]
        if channel is not None and 1 <= channel <= pixels.shape[-1]:
            pixels, channel = pixels[..., channel - 1], None
        elif channel is None and len(lit) == 1:
            notices = (f"{path.name} is a colour image of which only channel {lit[0] + 1} is not black: it is used.",)
            pixels = pixels[..., lit[0]]
    if pixels.ndim != 2:
        raise WrongInputError(
            f"{path} is a colour (RGB) image with {pixels.shape[-1]} values in each pixel, but one grey value is needed: "
            "in Fiji use Image > Type > 8-bit, or split its channels, and save it, or choose a channel."
        )
    if channel not in (None, 1):
        raise WrongInputError(f"{path} has one channel, but channel {channel} was asked for: leave it out.")
    return Movie(pixels[None], name=name, path=path, notices=notices)
