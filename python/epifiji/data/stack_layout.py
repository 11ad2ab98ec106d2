"""Positions of the frames of a movie in the stack that ImageJ shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeAxis = Literal["C", "Z", "T"]


@dataclass(frozen=True)
class StackLayout:
    """Positions of the frames of a movie in the hyperstack (C, Z, T) that ImageJ shows of the same file or image.

    Frames are counted from 0; positions and slices from 1, as in ImageJ.

    Parameters
    ----------
    time_axis
        Axis of the hyperstack along which the frames lie. Of the other two, Z and T have the length 1; C has
        `channels`, or 1 if the frames lie along C.
    channels
        Channels of the hyperstack; 1 if `time_axis` is C.
    channel
        Channel of the movie; 1 if there is only one, or `time_axis` is C.
    first
        Position of the first frame along `time_axis`.
    step
        Steps along `time_axis` from one frame to the next. It differs from 1 only if ImageJ does not know the channels
        of a file, and shows them as slices.
    """

    time_axis: TimeAxis = "T"
    channels: int = 1
    channel: int = 1
    first: int = 1
    step: int = 1

    def position(self, frame: int) -> tuple[int, int, int]:
        """Return the position (c, z, t) of a frame in the hyperstack."""
        along = self.first + self.step * frame
        return (
            along if self.time_axis == "C" else self.channel,
            along if self.time_axis == "Z" else 1,
            along if self.time_axis == "T" else 1,
        )

    def slice_number(self, frame: int) -> int:
        """Return the number of a frame's slice in the stack, in which channels change fastest."""
        c, z, t = self.position(frame)
        return c if self.time_axis == "C" else (max(z, t) - 1) * self.channels + c

    def frame_of_slice(self, number: int) -> int | None:
        """Return the frame of a slice of the stack, for any channel; None if it belongs to no frame."""
        along = number if self.time_axis == "C" else (number - 1) // self.channels + 1
        frame, rest = divmod(along - self.first, self.step)
        return frame if frame >= 0 and rest == 0 else None
