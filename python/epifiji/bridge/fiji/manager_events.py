"""The events among the ROIs of ImageJ's ROI Manager, which a client sends as a zip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, repeats_notice, without_repeats
from epifiji.data.stack_layout import StackLayout

UNNAMED = "event"
"""The class of ROIs whose names contain none."""


def events_of_manager(
    manager: str | None,
    to_do: str,
    image: dict[str, Any] | None = None,
    key: str = "results",
    unnamed: str = UNNAMED,
) -> tuple[list[Event], tuple[str, ...]]:
    """Read the events of the ROI Manager's zip, without duplicates.

    Parameters
    ----------
    manager
        The zip; None if the manager has no ROIs of the movie.
    to_do
        What the command does with the events, such as ``plot``; part of the error message.
    image
        The client's description of the open image, whose ``layout`` the ROIs' positions refer to; None if no image is
        open.
    key
        The setting with which a user specifies other events; part of the error message.
    unnamed
        The class of ROIs whose names contain none. Such a ROI at the frame and position of another event is a duplicate
        of it.

    Returns
    -------
    list of Event
        The events in the manager's order.
    tuple of str
        Notices about duplicates that were left out.

    Raises
    ------
    WrongInputError
        If there are no ROIs.
    """
    from epifiji.files.rois.roi_files import read_named_rois

    if not manager:
        raise WrongInputError(f"There are no ROIs in the manager to {to_do}: detect events first, or give --{key} DIR.")
    notices: list[str] = []
    layout = image.get("layout") if image else None
    found = read_named_rois(Path(manager), unnamed, StackLayout(**layout) if layout else None, notices)
    named = [replace(event, event=unnamed) for event in found if event.event != unnamed]
    _, again = without_repeats([*named, *(event for event in found if event.event == unnamed)])
    known = set(map(id, again))
    events, repeats = without_repeats(event for event in found if id(event) not in known)
    repeats += [event for event in found if id(event) in known]
    return events, (*notices, *repeats_notice("the ROI Manager's events", repeats))
