"""The events among the ROIs of ImageJ's ROI Manager, which a client sends as a zip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, repeats_notice, without_repeats
from epifiji.data.stack_layout import StackLayout

UNNAMED = "event"
"""Class of ROIs whose name gives none."""


def events_of_manager(
    manager: str | None,
    to_do: str,
    image: dict[str, Any] | None = None,
    key: str = "results",
    unnamed: str = UNNAMED,
) -> tuple[list[Event], tuple[str, ...]]:
    """Read the events of a zip of ROIs, each once.

    Parameters
    ----------
    manager
        The zip; None where the manager has no ROIs of the movie.
    to_do
        What was to be done with them, such as ``plot``, for the message.
    image
        The client's description of the movie's image, whose ``layout`` the ROIs' positions refer to; None where none is open.
    key
        The setting that names other events.
    unnamed
        Class of ROIs whose name gives none. Such a ROI at the place of another event is a repeat of it.

    Returns
    -------
    list of Event
        In the manager's order.
    tuple of str
        Sentences about what was left out.

    Raises
    ------
    WrongInputError
        Where there are none.
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
