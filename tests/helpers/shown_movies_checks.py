"""Movie files as ImageJ shows them, compared with what EpiFiji reads; checks that run inside a JVM, see :mod:`jvm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.bridge.imagej import ImageJ
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie
from refusals import refusal

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
    """Return the values of a slice (from 1), calibrated as ImageJ shows them under the cursor."""
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
    """Do the same for open images: of one channel, as an image sends its frames to Python."""
    seen = {}
    for name, (axes, pixels, channel, _) in LAYOUTS.items():
        if channel is None and axes:
            path = folder / f"open {name}.tif"
            tifffile.imwrite(path, pixels, metadata={"axes": axes}, imagej=True)
            image = opened(path)
            seen[name] = frames_by_layout(image, imagej.to_movie(image))
    return seen


def _lut(*colours: np.ndarray) -> np.ndarray:
    return np.stack(colours).astype(np.uint16) * 257


RAMP = np.arange(256)
LOW, WIDE = NUMBERED[:, 0], NUMBERED[:, 0].astype(np.uint16) * 100
SHOWN: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "black_is_0": (LOW, {}),
    "white_is_0": (LOW, {"photometric": "miniswhite"}),
    "white_is_0_16_bit": (WIDE, {"photometric": "miniswhite"}),
    "white_is_0_float": (WIDE.astype(np.float32), {"photometric": "miniswhite"}),
    "white_is_0_bits": (LOW % 3 == 0, {"photometric": "miniswhite"}),
    "white_is_0_compressed": (LOW, {"photometric": "miniswhite", "compression": "lzw"}),
    "white_is_0_imagej": (LOW, {"photometric": "miniswhite", "imagej": True, "metadata": {"axes": "TYX"}}),
    "grey_palette": (LOW, {"photometric": "palette", "colormap": _lut(RAMP, RAMP, RAMP)}),
    "green_palette": (LOW, {"photometric": "palette", "colormap": _lut(RAMP * 0, RAMP, RAMP * 0)}),
    "inverted_palette": (LOW, {"photometric": "palette", "colormap": _lut(*[RAMP[::-1]] * 3)}),
    "twelve_bits": (np.resize(WIDE % 4096, (6, 8, 10)), {"bitspersample": 12}),
    "signed": (LOW.astype(np.int16) - 100, {}),
    "predictor": (WIDE, {"predictor": True, "compression": "zlib"}),
}
"""Files by name: pixels as stored, options of tifffile."""

SAVED = {
    "saved_inverted_8_bit": 'newImage("a","8-bit ramp",10,8,6); run("Invert LUT");',
    "saved_inverted_16_bit": 'newImage("a","16-bit ramp",10,8,6); run("Invert LUT");',
    "saved_inverted_32_bit": 'newImage("a","32-bit ramp",10,8,6); run("Invert LUT");',
    "saved_green": 'newImage("a","8-bit ramp",10,8,6); run("Green");',
    "saved_fire": 'newImage("a","8-bit ramp",10,8,6); run("Fire");',
    "saved_grays": 'newImage("a","16-bit ramp",10,8,6);',
}
"""Files that ImageJ saves, with the LUT that it shows."""


LARGEST_STEP_BACK = 15
"""Of 255, by which the colours of ImageJ's Fire fall back here and there."""


def brightness_shown(image: Any) -> np.ndarray:
    """Return the luminance (ITU-R BT.601) that ImageJ paints for each slice, with the full display range."""
    painted = []
    for number in range(1, int(image.getStackSize()) + 1):
        processor = image.getStack().getProcessor(number)
        processor.setLut(image.getProcessor().getLut())
        processor.resetMinAndMax()
        rgb = np.asarray(processor.convertToRGB().getPixels()).astype(np.uint32)
        seen = sum(part * (rgb >> shift & 255) for part, shift in ((0.299, 16), (0.587, 8), (0.114, 0)))
        painted.append(seen.reshape(image.getHeight(), -1))
    return np.stack(painted)


def _in_order(painted: np.ndarray, values: np.ndarray) -> bool:
    """Return whether brighter pixels of each frame have larger values, or equal ones because a screen has few greys."""
    return all(
        bool((np.diff(frame.ravel()[np.argsort(value.ravel(), kind="stable")]) >= -LARGEST_STEP_BACK).all())
        and np.ptp(frame) > 0
        for frame, value in zip(painted, values, strict=True)
    )


def brightness_of_files(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    seen = {}
    for name, (stored, options) in SHOWN.items():
        tifffile.imwrite(folder / f"{name}.tif", stored, **{"metadata": None, "photometric": "minisblack", **options})
    for name, code in SAVED.items():
        imagej.run_macro(f'{code} saveAs("Tiff", "{folder / name}.tif"); close();')
    for name in [*SHOWN, *SAVED]:
        image, movie = opened(folder / f"{name}.tif"), read_movie(folder / f"{name}.tif")
        from_image = imagej.to_movie(image)
        painted = brightness_shown(image)
        seen[name] = {
            "file": _in_order(painted, movie.frames(0, 99)),
            "image": _in_order(painted, from_image.frames(0, 99)),
            "said": [any("inverted" in notice for notice in m.notices) for m in (movie, from_image)],
            "inverting": bool(image.isInvertedLut()),
        }
    return seen


def pages_of_files(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Open files with ImageJ whose headers have the wrong number of pages."""
    with tifffile.TiffWriter(folder / "in_a_loop.tif") as writer:
        for frame in LOW:
            writer.write(frame)
    for first in range(0, 6, 2):
        tifffile.imwrite(folder / "appended.tif", LOW[first : first + 2], append=first > 0)
    for name, header in {"fewer_frames": "images=6\nframes=5", "no_number": "loop=false"}.items():
        tifffile.imwrite(folder / f"{name}.tif", LOW, metadata=None, description=f"ImageJ=1.54f\n{header}\n")
    names = ("in_a_loop", "appended", "fewer_frames", "no_number")
    return {n: frames_by_layout(opened(folder / f"{n}.tif"), read_movie(folder / f"{n}.tif")) for n in names}


OPTIONS = "network=small threshold=100 min_volume=10"
VARIANTS: dict[str, str] = {
    "inverted": 'run("Invert"); run("Invert LUT");',
    "slices": 'run("Properties...", "channels=1 slices=12 frames=1");',
    "channels": 'run("Properties...", "channels=12 slices=1 frames=1");',
    "green": 'run("Green");',
}
"""What is done to a movie in ImageJ that changes nothing of what is seen."""


def detected_in_variants(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Detect the events of an open movie in other pixel types and units, with the menu command."""
    from scyjava import jimport

    movie = os.environ["EPIFIJI_TEST_MOVIE"]
    seen: dict[str, Any] = {}
    for name, code in {"plain": "", **VARIANTS}.items():
        invert = code.replace('run("Invert");', 'run("Invert", "stack");')
        imagej.run_macro(
            f'open("{movie}"); {invert} run("Detect Epithelial Events...", "{OPTIONS} output=[{folder / name}]");'
        )
        image = jimport("ij.WindowManager").getCurrentImage()
        seen[name] = {
            "events": (next(folder.glob(f"{name}/**/events.csv"))).read_text(),
            "dimensions": [int(n) for n in image.getDimensions()][2:],
        }
        image.close()
    code = f'open("{movie}"); run("glasbey"); run("Detect Epithelial Events...", "{OPTIONS} output=[{folder / "no"}]");'
    table = np.stack([np.random.default_rng(0).permutation(256)] * 3).astype(np.uint8)
    (folder / "mixed.lut").write_bytes(table.tobytes())
    code = code.replace('run("glasbey");', f'open("{folder / "mixed.lut"}");')
    return {**seen, "refused": refusal(imagej, code)}
