"""Where the frames of a movie lie in the stack that ImageJ shows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TimeAxis = Literal["C", "Z", "T"]


@dataclass(frozen=True)
class StackLayout:
    """Where the frames of a movie lie in the hyperstack (C, Z, T) that ImageJ shows of the same file or image.

    Frames are counted from 0; positions and slices from 1, as ImageJ counts them.

    Parameters
    ----------
    time_axis
        Axis of the hyperstack along which the frames lie. Of the other two, Z and T have the length 1; C has
        `channels`, or 1 where the frames lie along C.
    channels
        Channels of the hyperstack; 1 where `time_axis` is C.
    channel
        Channel that the movie is; 1 where there is only one, or where `time_axis` is C.
    first
        Position of the first frame along `time_axis`.
    step
        Steps along `time_axis` from one frame to the next. It differs from 1 only where ImageJ does not know the
        channels of a file, and shows them as slices.
    """

    time_axis: TimeAxis = "T"
    channels: int = 1
    channel: int = 1
    first: int = 1
    step: int = 1

    def position(self, frame: int) -> tuple[int, int, int]:
        """Give the position (c, z, t) of a frame in the hyperstack."""
        along = self.first + self.step * frame
        return (
            along if self.time_axis == "C" else self.channel,
            along if self.time_axis == "Z" else 1,
            along if self.time_axis == "T" else 1,
        )

    def slice_number(self, frame: int) -> int:
        """Give the number of a frame's slice in the stack, where channels change fastest."""
        c, z, t = self.position(frame)
        return c if self.time_axis == "C" else (max(z, t) - 1) * self.channels + c

    def frame_of_slice(self, number: int) -> int | None:
        """Give the frame that a slice of the stack belongs to, whatever its channel; None where it belongs to none."""
        along = number if self.time_axis == "C" else (number - 1) // self.channels + 1
        frame, rest = divmod(along - self.first, self.step)
        return frame if frame >= 0 and rest == 0 else None
