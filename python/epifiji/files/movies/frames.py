"""What all movie files share: frames that are read when sliced, axes in order, and errors reported in one sentence."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout, TimeAxis

AXIS_NAMES = {"T": "time points", "Z": "planes (Z)", "C": "channels"}
PAGE_AXES = "TIQ"
"""Time, and the two letters that tifffile gives to pages without named axes."""

Planes = Literal["time", "none", "max", "volume"]
"""What is done with several planes (Z): frames if there is no time, refused, their maximum is read, or all are a volume."""


@contextmanager
def readable(
    path: Path,
    expected: str = "a TIFF or HDF5 file",
    to_do: str = "copy it again, or open it in Fiji and save it as TIFF",
) -> Iterator[None]:
    """Report any error while a file is read in one sentence.

    The libraries that decode files raise many kinds of exceptions; none of them names the file.

    Parameters
    ----------
    path
        The file or folder.
    expected
        What it should be, for the message.
    to_do
        What the user can do if it is damaged.

    Raises
    ------
    WrongInputError
        If a file is missing, forbidden, damaged or not understood; the message names it and the cause.
    """
    try:
        yield
    except WrongInputError:
        raise
    except FileNotFoundError as error:
        raise WrongInputError(
            f"{path} does not exist, but {expected} was expected: check its name and its folder."
        ) from error
    except PermissionError as error:
        raise WrongInputError(
            f"{path} may not be read by this user, but read permission is needed: ask for it or copy the file."
        ) from error
    except Exception as error:
        raise WrongInputError(
            f"{path} could not be read ({_cause(error)}), but {expected.replace(' ', ' whole ', 1)} was expected: {to_do}."
        ) from error


def _cause(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    first = text.splitlines()[0]
    return first if len(first) <= 120 else first[:117] + "..."


def require_channel_number(channel: int | None) -> None:
    """Refuse a channel below 1: channels are counted from 1, as in ImageJ."""
    if channel is not None and channel < 1:
        raise WrongInputError(f"Channel {channel} was asked for, but channels are counted from 1: choose 1 or more.")


@dataclass(frozen=True)
class Picked:
    """The part of a file's array that is the movie.

    Parameters
    ----------
    index
        For each axis a whole slice (time, Y, X) or a number; a movie of one frame has no slice for time.
    layout
        Positions of the frames in ImageJ's hyperstack, if ImageJ reads the axes in this order.
    notices
        Sentences about an axis that was taken as time.
    """

    index: tuple[int | slice, ...]
    layout: StackLayout = field(default_factory=StackLayout)
    notices: tuple[str, ...] = ()
    depth: int = 1
    """Number of planes that are projected to one frame; both time and Z are then whole slices."""


def pick(
    axes: str, shape: Sequence[int], channel: int | None, source: str, least_frames: int, planes: Planes = "time"
) -> Picked:
    """Find the part of a file's array that is the movie.

    Parameters
    ----------
    axes
        One letter for each axis: T, Z, C, S (colour samples), Y, X, or others.
    shape
        Length of each axis.
    channel
        Channel to read, from 1; required if there are several.
    source
        The file or dataset, for messages.
    least_frames
        Fewest frames that are needed. If more than one, several channels of a single time point are frames; if one,
        they are channels of a still image.
    planes
        What is done with several planes (Z). Of a volume the planes are the frames; a time axis is taken as planes if there
        is no other.

    Raises
    ------
    WrongInputError
        For colours, several channels without a choice, a channel that is not there, both T and Z unless Z is
        projected, or Z if it is refused; for a single plane where a volume is needed.
    """
    if planes == "volume":
        return _pick_volume(axes, shape, channel, source)
    depth = math.prod(n for axis, n in zip(axes, shape, strict=True) if axis == "Z") if planes != "time" else 1
    if depth > 1 and planes == "none":
        raise planes_refusal(source, depth)
    if depth > 1:
        flat = [1 if axis == "Z" else n for axis, n in zip(axes, shape, strict=True)]
        picked = pick(axes, flat, channel, source, least_frames)
        whole = tuple(slice(None) if axis == "Z" else one for axis, one in zip(axes, picked.index, strict=True))
        return replace(picked, index=whole, depth=depth)
    time = _time_axis(axes, shape, source)
    channels = math.prod(n for axis, n in zip(axes, shape, strict=True) if axis == "C")
    index: list[int | slice] = [slice(None) if axis in "YX" else 0 for axis in axes]
    still = time is None and least_frames == 1
    if time is None and channel is None and channels >= MIN_FRAMES and not still:
        index[axes.index("C")] = slice(None)
        return Picked(tuple(index), StackLayout("C"), (taken_as_time(source, channels, "C"),))
    chosen = _channel_index(channels, channel, time is not None or still, source)
    if "C" in axes:
        index[axes.index("C")] = chosen
    letter: TimeAxis = "Z" if time is not None and axes[time] == "Z" else "T"
    layout = StackLayout(letter, channels, chosen + 1)
    if time is None:
        return Picked(tuple(index), layout)
    index[time] = slice(None)
    if axes[time] in PAGE_AXES:
        return Picked(tuple(index), layout)
    return Picked(tuple(index), layout, (taken_as_time(source, shape[time], axes[time]),))


def _pick_volume(axes: str, shape: Sequence[int], channel: int | None, source: str) -> Picked:
    """Find the part of a file's array that is the volume."""
    along = _time_axis(axes, shape, source, _MOVIE_OF_VOLUMES)
    if along is None:
        raise WrongInputError(
            f"{source} has a single plane, but a volume has several (Z): give a stack of planes; if they are channels, use "
            "Image > Hyperstacks > Re-order Hyperstack... in Fiji and save it."
        )
    channels = math.prod(n for axis, n in zip(axes, shape, strict=True) if axis == "C")
    chosen = _channel_index(channels, channel, True, source)
    index: list[int | slice] = [slice(None) if axis in "YX" else chosen if axis == "C" else 0 for axis in axes]
    index[along] = slice(None)
    notices = (
        (f"{source} has {shape[along]} time points and one plane (Z): they were taken as planes.",)
        if axes[along] == "T"
        else ()
    )
    letter: TimeAxis = "T" if axes[along] == "T" else "Z"
    return Picked(tuple(index), StackLayout(letter, channels, chosen + 1), notices)


def planes_refusal(source: str, count: int) -> WrongInputError:
    """Return the error for a stack of planes (Z) where one plane is needed."""
    return WrongInputError(
        f"{source} has {count} planes (Z), but one plane is needed: specify --project max for their maximum, or keep one plane "
        "in Fiji; if they are time points, set them as frames in Image > Properties... and save it."
    )


def perhaps_turned(shape: Sequence[int], source: str, planes: Planes = "time") -> tuple[str, ...]:
    """Report how axes without names were interpreted if their lengths look like (Y, X, T), or (Y, X, Z) of a volume."""
    lengths = [n for n in shape if n > 1]
    if len(lengths) != 3 or 4 * lengths[2] > min(lengths[:2]):
        return ()
    t, y, x = lengths
    axis, what = ("Z", "planes") if planes == "volume" else ("T", "frames")
    return (
        f"{source} has axes without names of {t} x {y} x {x}, which were taken as {t} {what} of {x} x {y} pixels ({axis}, Y, X): "
        f"if they are (Y, X, {axis}), save them in the other order.",
    )


def taken_as_time(source: str, count: int, axis: str) -> str:
    """Report that the `count` images of a source along an axis other than T were taken as its frames."""
    what = AXIS_NAMES.get(axis, f"images along the axis {axis}")
    return f"{source} has {count} {what} and one time point: they were taken as time."


_MOVIE_OF_VOLUMES = (
    "but one volume is used at a time: in Fiji keep one time point (Image > Duplicate..., or Image > Hyperstacks > Make "
    "Subset...), and save it"
)
_NO_MOVIE = (
    "but a movie has one plane over time: in Fiji project it (Image > Stacks > Z Project...) or keep one plane (Image > "
    "Hyperstacks > Reduce Dimensionality...), and save it"
)


def _time_axis(axes: str, shape: Sequence[int], source: str, expected: str = _NO_MOVIE) -> int | None:
    """Find the only axis apart from channels, Y and X that is longer than 1; None if there is none."""
    samples = math.prod(n for axis, n in zip(axes, shape, strict=True) if axis == "S")
    if samples > 1:
        raise WrongInputError(
            f"{source} is a colour (RGB) image with {samples} values in each pixel, but one grey value is needed: "
            "in Fiji use Image > Type > 8-bit, or split its channels, and save it."
        )
    long = [i for i, (axis, n) in enumerate(zip(axes, shape, strict=True)) if axis not in "CSYX" and n > 1]
    if len(long) > 1:
        held = " and ".join(f"{shape[i]} {AXIS_NAMES.get(axes[i], f'along {axes[i]}')}" for i in long)
        raise WrongInputError(f"{source} has {held}, {expected}.")
    return long[0] if long else None


def _channel_index(count: int, channel: int | None, has_frames: bool, source: str) -> int:
    if channel is not None and channel > count:
        has, choose = (f"{count} channels", f"choose 1 to {count}") if count > 1 else ("one channel", "leave it out")
        raise WrongInputError(f"{source} has {has}, but channel {channel} was asked for: {choose}.")
    if channel is None and count > 1 and not has_frames:
        raise WrongInputError(
            f"{source} has {count} channels and a single time point, but frames over time are needed: if the channels "
            "are the frames, use Image > Hyperstacks > Re-order Hyperstack... in Fiji and save it."
        )
    if channel is None and count > 1:
        raise WrongInputError(
            f"{source} has {count} channels, but one is needed: choose it with --channel N (1 to {count})."
        )
    return 0 if channel is None else channel - 1


class FramesOnDisk(ABC):
    """Frames (T, Y, X) of a file, read when sliced.

    The file is opened for each slice and closed after it, so that threads and processes may share the object and no
    memory remains allocated. Pixels are those that ImageJ shows: bits as 0 and 255 (uint8), and inverted if in the file
    white is the smallest value. Any byte order is converted to the machine's.

    Parameters
    ----------
    path
        The file.
    shape
        (T, Y, X) in frames and pixels.
    stored
        Type of the pixels in the file.
    inverted
        Whether smaller values are shown brighter.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int, int], stored: np.dtype[np.generic], inverted: bool = False
    ) -> None:
        self.path = path
        self.inverted = inverted
        self.shape = shape
        self.stored = stored
        self.dtype = np.dtype(np.uint8) if stored.kind == "b" else stored.newbyteorder("=")
        self._file_size = self._size_of_file()

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        # Without this numpy would make an array of Python objects.
        return self[:].astype(dtype or self.dtype, copy=False)

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Read the frames of a slice as an array (n, Y, X).

        Raises
        ------
        TypeError
            For anything but a slice of frames.
        WrongInputError
            If the file was removed, truncated or damaged since it was opened.
        """
        if not isinstance(frames, slice):
            raise TypeError(f"frames are read by slices such as [0:10], not by {frames!r}")
        wanted = range(*frames.indices(len(self)))
        pixels = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        with self._readable():
            if self._size_of_file() != self._file_size:
                raise WrongInputError(
                    f"{self.path} has changed since it was opened, but it must not change while it is read: "
                    "start again when no program writes to it any more."
                )
            if len(wanted) > 0:
                self._read(pixels, wanted)
        if self.stored.kind == "b":
            pixels *= 255
        if self.inverted:
            invert(pixels)
        return pixels

    def _size_of_file(self) -> int:
        """Return the number of bytes that changes if the file is changed."""
        return self.path.stat().st_size

    def _readable(self) -> AbstractContextManager[None]:
        """Return what reports errors while the file is read."""
        return readable(self.path)

    @abstractmethod
    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        """Fill `pixels` (n, Y, X) with the `wanted` frames, of which there is at least one."""


class ProjectedFrames:
    """The maximum of several successive planes (Z) for each frame (T, Y, X), read when sliced.

    Parameters
    ----------
    planes
        (T * depth, Y, X): the planes of the first frame, then those of the next.
    depth
        Number of planes of each frame.
    """

    def __init__(self, planes: Any, depth: int) -> None:
        self._planes, self._depth = planes, depth
        self.shape = (planes.shape[0] // depth, *planes.shape[1:])
        self.dtype = planes.dtype

    def __getitem__(self, frames: slice) -> np.ndarray:
        """Read the frames ``start:stop``, one after the other, so that the planes of one frame are in memory."""
        wanted = range(*frames.indices(self.shape[0]))
        projected = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        for frame, t in zip(projected, wanted, strict=True):
            np.max(self._planes[t * self._depth : (t + 1) * self._depth], axis=0, out=frame)
        return projected


def invert(pixels: np.ndarray) -> None:
    """Invert pixels in place: integers within the range of their type, floats around 0."""
    (np.negative if pixels.dtype.kind == "f" else np.invert)(pixels, out=pixels)


def inversion_notice(source: str) -> str:
    """Report that the pixels of a source were inverted."""
    return (
        f"{source} shows small values bright (an inverting LUT, or a file whose white is 0): its pixels were inverted, "
        "so they are read as they are shown."
    )


def colours_refusal(source: str) -> WrongInputError:
    """Return the error for pixels that are indices of colours in no order of brightness."""
    return WrongInputError(
        f"{source} shows its values in colours that have no order of brightness, but brighter pixels need larger values: in "
        "Fiji use Image > Lookup Tables > Grays where the values are intensities, else Image > Type > RGB Color and then "
        "8-bit, and save it."
    )
