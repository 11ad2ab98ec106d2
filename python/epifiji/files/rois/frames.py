"""The frames of the ROIs in a file: by the movie's layout, or without it as far as the ROIs determine them.

ImageJ gives a ROI a position in a hyperstack (c, z, t), or the number of a slice in the stack, which counts channels
too. Each point of a point ROI has such a number. Which of these is the frame depends on the movie.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from epifiji.data.errors import WrongInputError
from epifiji.data.stack_layout import StackLayout

_NAME = re.compile(r"(\d{4,})-(\d{4,})-(\d{4,})(?!\d)")


@dataclass(frozen=True)
class RoiPlace:
    """Position at which ImageJ shows a ROI; all numbers from 1, or 0 if not set.

    Parameters
    ----------
    where
        The ROI's name for messages.
    name
        The ROI's own name.
    c, z, t
        Its position in a hyperstack.
    number
        The number of its slice in the stack.
    points
        The number of the slice of each of its points.
    """

    where: str
    name: str
    c: int
    z: int
    t: int
    number: int
    points: tuple[int, ...]

    @property
    def pointwise(self) -> bool:
        """Whether points lie in different slices, so that the ROI has no position of its own."""
        return len(set(self.points)) > 1

    @property
    def named(self) -> int | None:
        """0-based frame by a name of the form ``FFFF-YYYY-XXXX``."""
        named = _NAME.match(self.name)
        return int(named[1]) - 1 if named and int(named[1]) > 0 else None


def frames_of(
    places: Sequence[RoiPlace], layout: StackLayout | None, file: str, notices: list[str] | None = None
) -> list[list[int]]:
    """Return the 0-based frame of each point of each ROI of a file.

    With a layout, a position counts along the movie's time axis. A position that this layout cannot have, such as a
    plane of a movie without planes, comes from another arrangement of the same frames, and is the frame.

    Without a layout, the frame is the t position, or the z position if t is 1 or not set, or the number of the slice,
    as in a movie of one channel, or the first number of the name.

    Parameters
    ----------
    places
        Of all ROIs of the file, because each may depend on the others.
    layout
        Positions of the movie's frames in the stack; None if the movie is unknown.
    file
        Name of the file, for notices.
    notices
        Receives sentences about assumptions.

    Raises
    ------
    WrongInputError
        If a ROI has no frame, or without the movie two frames are possible.
    """
    said = [] if notices is None else notices
    if layout is None:
        over_time = any(max(place.t, place.z) > 1 for place in places)
        found = [[_unknown(place, number, over_time) for number in place.points] for place in places]
        said += _assumed(places, file)
        return found
    return [[_known(place, number, layout) for number in place.points] for place in places]


def _known(place: RoiPlace, point: int, layout: StackLayout) -> int:
    """Return the 0-based frame of a point in a movie of this layout."""
    if place.pointwise and point:
        return _of_slice(place, point, layout)
    own = {"C": place.c, "Z": place.z, "T": place.t}
    most = {"C": layout.channels, "Z": 1, "T": 1}
    along = own[layout.time_axis]
    beyond = [own[axis] for axis in ("T", "Z", "C") if axis != layout.time_axis and own[axis] > most[axis]]
    if along <= 1 and beyond:
        return beyond[0] - 1
    if along:
        return _along(place, along, layout)
    if place.number or point:
        return _of_slice(place, place.number or point, layout)
    return _required(place.named, place)


def _of_slice(place: RoiPlace, number: int, layout: StackLayout) -> int:
    along = number if layout.time_axis == "C" else (number - 1) // layout.channels + 1
    return _along(place, along, layout)


def _along(place: RoiPlace, along: int, layout: StackLayout) -> int:
    """Return the 0-based frame at a position along the time axis. Other channels of a frame follow it before the next frame."""
    # If ImageJ treats channels as slices, those of one frame follow each other.
    start = 1 if layout.step > 1 else layout.first
    if along < start:
        raise WrongInputError(
            f"{place.where} lies at position {along} of the stack, before the first frame of the movie ({layout.first}): "
            "specify the movie's channel on which it was drawn, or set its position in ImageJ (ROI Manager > Properties)."
        )
    return (along - start) // layout.step


def _unknown(place: RoiPlace, point: int, over_time: bool) -> int:
    """Return the 0-based frame of a point of an unknown movie; `over_time`: ROIs of the file are along T rather than Z."""
    if place.pointwise and point:
        return point - 1
    along = place.t if place.t > 1 else place.z if place.z > 1 else max(place.t, place.z)
    if place.c > 1 and along == 1 and not over_time:
        raise WrongInputError(
            f"{place.where} lies in channel {place.c} of frame 1; if a movie's frames were opened as channels that is "
            f"frame {place.c}, but this depends on the movie: put the movie next to the ROIs, specify its result "
            "folder, or set the ROI's position in ImageJ (ROI Manager > Properties)."
        )
    if along:
        return along - 1
    if place.number or point:
        return (place.number or point) - 1
    return _required(place.named, place)


def _assumed(places: Iterable[RoiPlace], file: str) -> list[str]:
    """Describe what was assumed about an unknown movie."""
    sentences = []
    if any(
        place.pointwise or (max(place.t, place.z) == 0 and max(place.number, *place.points) > 1) for place in places
    ):
        sentences.append(
            f"The movie of {file} is unknown: slices of the stack were taken as frames, as in a movie of one channel."
        )
    if any(place.t > 1 for place in places) and any(place.z > 1 >= place.t for place in places):
        sentences.append(
            f"The movie of {file} is unknown: ROIs in frame 1 and another plane (Z) were taken to lie in the frame of that "
            "number, although others are along T."
        )
    return sentences


def _required(frame: int | None, place: RoiPlace) -> int:
    if frame is None:
        raise WrongInputError(
            f"{place.where} has no position in the stack, but every event needs its frame: set it in ImageJ "
            "(ROI Manager > Properties > Position) or name the ROI FFFF-YYYY-XXXX by frame, y and x."
        )
    return frame
