"""Movie files as ImageJ itself shows them, beside what is read of them; checks that run inside a JVM, see :mod:`jvm`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.bridge.imagej import ImageJ
from epifiji.data.movie import Movie
from epifiji.files.movies import read_movie

NUMBERED = np.arange(6 * 3 * 5 * 7, dtype=np.uint8).reshape(6, 3, 5, 7) % 251
"""(T, C, Y, X), where every plane is another."""

LAYOUTS: dict[str, tuple[str, np.ndarray, int | None, dict[str, Any]]] = {
    "time": ("TYX", NUMBERED[:, 0], None, {"imagej": True}),
    "slices": ("ZYX", NUMBERED[:, 0], None, {"imagej": True}),
    "channels_as_frames": ("CYX", NUMBERED[:, 0], None, {"imagej": True}),
    "time_and_channels": ("TCYX", NUMBERED, 2, {"imagej": True}),
    "slices_and_channels": ("ZCYX", NUMBERED, 3, {"imagej": True}),
    "pages": ("", NUMBERED[:, 0], None, {}),
    "pages_of_channels": ("TCYX", NUMBERED, 2, {}),
    "pages_of_channels_one_after_the_other": ("CTYX", NUMBERED.swapaxes(0, 1), 2, {}),
}
"""Files by name: axes, pixels, the channel to read, options of tifffile."""


def opened(path: Path) -> Any:
    from scyjava import jimport

    return jimport("ij.IJ").openImage(str(path))


def shown_slice(image: Any, number: int) -> np.ndarray:
    """Give the values of a slice (from 1), calibrated as ImageJ shows them under the cursor."""
    processor = image.getStack().getProcessor(number)
    processor.setCalibrationTable(image.getCalibration().getCTable())
    return np.array([list(row) for row in zip(*processor.getFloatArray(), strict=True)])


def frames_by_layout(image: Any, movie: Movie) -> dict[str, Any]:
    """Find each frame of a movie in ImageJ's image of the same file, by the movie's layout."""
    layout, count = movie.layout, movie.shape[0]
    dimensions = [int(n) for n in image.getDimensions()][2:]
    numbers = [layout.slice_number(t) for t in range(count)]
    shown = np.stack([shown_slice(image, number) for number in numbers])
    return {
        "same": bool(np.array_equal(shown, movie.frames(0, count))),
        "indices": [int(image.getStackIndex(*layout.position(t))) for t in range(count)] == numbers,
        "back": [layout.frame_of_slice(number) for number in numbers] == list(range(count)),
        "dimensions": dimensions,
        "layout": list(layout.__dict__.values()),
    }


def layouts_of_files(_: ImageJ, folder: Path) -> dict[str, Any]:
    seen = {}
    for name, (axes, pixels, channel, options) in LAYOUTS.items():
        path = folder / f"{name}.tif"
        tifffile.imwrite(path, pixels, metadata={"axes": axes} if axes else None, photometric="minisblack", **options)
        seen[name] = frames_by_layout(opened(path), read_movie(path, channel))
    return seen


def layouts_of_images(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """The same of images that are open: of one channel, as an image gives its frames to Python."""
    seen = {}
    for name, (axes, pixels, channel, _) in LAYOUTS.items():
        if channel is None and axes:
            path = folder / f"open {name}.tif"
            tifffile.imwrite(path, pixels, metadata={"axes": axes}, imagej=True)
            image = opened(path)
            seen[name] = frames_by_layout(image, imagej.to_movie(image))
    return seen
