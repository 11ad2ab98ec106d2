"""Where in a movie events may lie, as a user specified it."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.paths import path_from
from epifiji.data.region import Region
from epifiji.data.settings.comparison import FRAME
from epifiji.data.stack_layout import StackLayout
from epifiji.data.statistics import Extent
from epifiji.files.results.layouts import layout_of
from epifiji.files.rois.areas import read_areas


def region_of(
    within: str, extent: Extent, layout: StackLayout | None, place: Path | None, notices: list[str]
) -> Region:
    """Return the region that a user specified for a movie, if it is not the tissue.

    Parameters
    ----------
    within
        ``frame``, or a file of areas.
    extent
        The movie's size.
    layout
        Positions of its frames in ImageJ's stack; None if it is unknown.
    place
        Location of the events, from which the layout may be known too; None if they are in memory.
    notices
        Receives sentences about the areas.

    Raises
    ------
    WrongInputError
        If the areas cannot be read or do not belong to such a movie, or its size is unknown.
    """
    if within == FRAME:
        return Region.frame(extent.shape)
    file = path_from(within, "the file of areas")
    _require_file(file, within)
    if not extent.known:
        raise WrongInputError(
            f"The size of the events' movie is unknown, but the areas of {file.name} need it: specify the movie with --movie, "
            "or --within frame."
        )
    if layout is None and place is not None:
        layout = layout_of(place)
    return read_areas(file, extent.shape, layout, notices)


def _require_file(file: Path, within: str) -> None:
    if not file.is_file():
        raise WrongInputError(
            f"within is {within!r}, which is not a file, but tissue, frame or a file of ROIs is expected: check the path."
        )
