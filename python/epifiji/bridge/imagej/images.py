"""Conversion of movies to ImageJ's images and back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.imagej.errors import ImageJError, java_errors
from epifiji.bridge.pixels import DTYPES, calibration_of_image, movie_name_of_title
from epifiji.data.errors import WrongInputError
from epifiji.data.lookup_table import brightness_order
from epifiji.data.movie import Movie
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout, TimeAxis
from epifiji.files.movies.calibration import Calibration
from epifiji.files.movies.frames import colours_refusal, inversion_notice, invert, taken_as_time
from epifiji.files.storage.atomic import replacing

_logger = logging.getLogger(__name__)


def to_imageplus(movie: Movie) -> Any:
    """Convert a movie to an image; see :meth:`ImageJ.to_imageplus`."""
    from scyjava import jimport

    dtype, exact = imagej_dtype(movie)
    _, height, width = movie.shape
    with java_errors(f"Giving {movie.name} to ImageJ"):
        stack = jimport("ij.ImageStack")(width, height)
        for _, frames in movie.chunks():
            for frame in frames.astype(dtype, copy=False):
                stack.addSlice("", _java_pixels(frame))
        image = jimport("ij.ImagePlus")(movie.name, stack)
        image.setDimensions(1, 1, movie.shape[0])
        image.setOpenAsHyperStack(True)
        _calibrate(image, movie)
        if not exact:
            sentence = (
                f"{movie.name} has {movie.dtype} pixels; ImageJ holds them as 32-bit numbers, rounded to 24 bits."
            )
            image.setProp("EpiFiji", sentence)
            _logger.warning(sentence)
    return image


def imagej_dtype(movie: Movie) -> tuple[np.dtype[np.generic], bool]:
    """Choose the smallest of ImageJ's pixel types that holds every pixel of a movie.

    For a type that ImageJ does not have, all pixels are read once.

    Returns
    -------
    numpy.dtype
        uint8, uint16, or float32, which is also used if no type holds every pixel.
    bool
        Whether every pixel keeps its value.
    """
    if movie.dtype in DTYPES.values():
        return movie.dtype, True
    if movie.dtype == np.float16:
        return DTYPES[32], True
    fits = dict.fromkeys(DTYPES.values(), True)
    for _, frames in movie.chunks():
        for dtype in fits:
            fits[dtype] = fits[dtype] and _holds(dtype, frames)
    return next(((dtype, True) for dtype, holds in fits.items() if holds), (DTYPES[32], False))


def _holds(dtype: np.dtype[np.generic], frames: np.ndarray) -> bool:
    """Return whether all pixels keep their values when they are converted to another type and back."""
    with np.errstate(over="ignore", invalid="ignore"):
        there = frames.astype(dtype)
        back = there.astype(frames.dtype)
    return bool(np.array_equal(there, frames, equal_nan=True) and np.array_equal(back, frames, equal_nan=True))


def _java_pixels(frame: np.ndarray) -> Any:
    """Copy a frame into a Java array of bytes, shorts or floats, as ImageJ stores it."""
    import jpype

    signed = {1: (np.int8, jpype.JByte), 2: (np.int16, jpype.JShort), 4: (np.float32, jpype.JFloat)}
    kind, java_kind = signed[frame.dtype.itemsize]
    native = np.ascontiguousarray(frame, dtype=frame.dtype.newbyteorder("="))
    return jpype.JArray(java_kind)(native.view(kind).ravel())


def _calibrate(image: Any, movie: Movie) -> None:
    calibration = image.getCalibration()
    if movie.pixel_size_um:
        calibration.pixelWidth = calibration.pixelHeight = movie.pixel_size_um
        calibration.setUnit("micron")
    if movie.frame_interval_s:
        calibration.frameInterval = movie.frame_interval_s
        calibration.setTimeUnit("sec")


def to_movie(image: Any) -> Movie:
    """Convert an image to a movie; see :meth:`ImageJ.to_movie`."""
    title = str(image.getTitle())
    time_axis, notices = _require_one_plane_over_time(image, title)
    calibration = image.getCalibration()
    dtype, offset = DTYPES[int(image.getBitDepth())], 0
    if calibration.isSigned16Bit():
        dtype, offset = np.dtype(np.int16), 32768
    with java_errors(f"Taking {title} from ImageJ"):
        stack = image.getStack()
        pixels = np.empty((int(stack.getSize()), int(image.getHeight()), int(image.getWidth())), dtype)
        for index, frame in enumerate(pixels):
            values = np.asarray(stack.getPixels(index + 1)).view(DTYPES[int(image.getBitDepth())]).reshape(frame.shape)
            frame[:] = values if not offset else (values.astype(np.int32) - offset).astype(dtype)
        lut = np.asarray(image.getProcessor().getLut().getBytes()).view(np.uint8).reshape(3, -1)
    read = _read_calibration(calibration)
    order = brightness_order(lut)
    if order is None and pixels.dtype == np.uint8:
        raise colours_refusal(title)
    if order == -1:
        invert(pixels)
        notices += (inversion_notice(title),)
    notices += read.notices(title)
    movie = Movie(
        pixels,
        movie_name_of_title(title),
        read.x_um,
        read.interval_s,
        notices=notices,
        layout=StackLayout(time_axis),
        pixel_height_um=read.y_um,
    )
    return movie.require_frames()


def _require_one_plane_over_time(image: Any, title: str) -> tuple[TimeAxis, tuple[str, ...]]:
    """Refuse colours, channels and volumes over time. Return the axis that is time, and a notice if it is not T."""
    channels, planes, frames = int(image.getNChannels()), int(image.getNSlices()), int(image.getNFrames())
    if int(image.getBitDepth()) not in DTYPES or image.getType() == image.COLOR_256:
        raise WrongInputError(
            f"{title} is a colour image, but one grey value in each pixel is needed: use Image > Type > 8-bit, or split "
            "its channels."
        )
    if channels >= MIN_FRAMES and planes == frames == 1:
        return "C", (taken_as_time(title, channels, "C"),)
    if channels > 1:
        raise WrongInputError(
            f"{title} has {channels} channels, but one is needed: split them with Image > Color > Split Channels and "
            "choose one."
        )
    if planes > 1 and frames > 1:
        raise WrongInputError(
            f"{title} has {planes} planes (Z) in each of {frames} frames, but a movie has one plane over time: project it "
            "with Image > Stacks > Z Project..."
        )
    if planes > 1:
        return "Z", (taken_as_time(title, planes, "Z"),)
    return "T", ()


def _read_calibration(calibration: Any) -> Calibration:
    return calibration_of_image(
        calibration.pixelWidth,
        calibration.pixelHeight,
        calibration.getXUnit(),
        calibration.getYUnit(),
        calibration.frameInterval,
        calibration.getTimeUnit(),
    )


def save_tiff(image: Any, path: Path) -> None:
    """Write an image as ImageJ's TIFF; see :meth:`ImageJ.save_tiff`."""
    with java_errors(f"Copying {image.getTitle()}"):
        # ImageJ renames an image after the file it is saved to, which is a temporary one here.
        copy = _same_look(image, image.getStack(), _shown_rois(image))
        copy.setDimensions(image.getNChannels(), image.getNSlices(), image.getNFrames())
        copy.setOpenAsHyperStack(image.isHyperStack())
        copy.setCalibration(image.getCalibration())
        copy.setProperty("Info", image.getProperty("Info"))
        copy.setProperties(image.getPropertiesAsArray())
    _save(path, lambda part: _file_saver(copy).saveAsTiff(part))


def save_picture(image: Any, frame: int, path: Path) -> None:
    """Write one frame with its ROIs as PNG; see :meth:`ImageJ.save_picture`."""
    count = int(image.getStackSize())
    if not 0 <= frame < count:
        raise WrongInputError(
            f"Frame {frame} (0-based) of {image.getTitle()} was asked for, but it has {count}: choose 0 to {count - 1}."
        )
    with java_errors(f"Drawing {image.getTitle()}"):
        # On a single frame ImageJ draws every ROI, whatever its position.
        rois = [roi for roi in _shown_rois(image) if _slice_of(roi) in (0, frame + 1)]
        flat = _same_look(image, image.getStack().getProcessor(frame + 1), rois).flatten()
    _save(path, lambda part: _file_saver(flat).saveAsPng(part))


def _same_look(image: Any, pixels: Any, rois: list[Any]) -> Any:
    """Make an image of other pixels with this image's LUT and display range, and with ROIs as its overlay."""
    from scyjava import jimport

    copy = jimport("ij.ImagePlus")(image.getTitle(), pixels)
    copy.setLut(image.getProcessor().getLut())
    copy.setDisplayRange(image.getDisplayRangeMin(), image.getDisplayRangeMax())
    overlay = jimport("ij.gui.Overlay")()
    for roi in rois:
        overlay.add(roi.clone())
    if rois:
        copy.setOverlay(overlay)
    return copy


def _shown_rois(image: Any) -> list[Any]:
    """Return the ROIs of an image's overlay, and those of the ROI Manager if it shows all of them."""
    canvas = image.getCanvas()
    overlays = [image.getOverlay(), None if canvas is None else canvas.getShowAllList()]
    return [roi for overlay in overlays if overlay is not None for roi in overlay.toArray()]


def _slice_of(roi: Any) -> int:
    """Return the slice (from 1) of a stack over T or Z on which ImageJ shows a ROI; 0 for all slices."""
    position, z, t = int(roi.getPosition()), int(roi.getZPosition()), int(roi.getTPosition())
    return max(position, 0) or (t if z <= 1 else z)


def _file_saver(image: Any) -> Any:
    from scyjava import jimport

    return jimport("ij.io.FileSaver")(image)


def _save(path: Path, write: Callable[[str], bool]) -> None:
    if not path.parent.is_dir():
        raise WrongInputError(f"{path.parent} is no folder, but {path.name} is to be written into it: make it first.")
    with java_errors(f"Writing {path}"), replacing(path) as part:
        if not write(str(part)):
            raise ImageJError(f"Writing {path} failed: ImageJ could not save it; check the disk and your permission.")
