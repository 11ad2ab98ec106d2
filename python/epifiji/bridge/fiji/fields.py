"""Fields that several of Fiji's commands have."""

from __future__ import annotations

from typing import Any, Literal

from epifiji.data.settings.base import LAST, Page, setting


def flag(label: str, description: str, page: Page = "first", default: bool = False) -> Any:
    """Make the field of a checkbox."""
    return setting(default, description=description, page=page, label=label)


def path(
    kind: Literal["file", "folder", "image"], label: str, description: str, page: Page = "first", order: int = LAST
) -> Any:
    """Make the field of a file, a folder, or an image that may be open."""
    return setting(None, kind=kind, description=description, page=page, label=label, order=order)


REPLACE = (
    "Empty the ROI Manager first, of your own ROIs too. By default only EpiFiji's earlier ROIs of the same movie are replaced, "
    "and those that you moved or renamed stay."
)
TABLE = (
    "Show the events as a table too, unless the navigator opens, which has one; table=false in a macro shows none, table=true "
    "both."
)
NAVIGATOR = (
    "Open the navigator: a window to find, filter and review the events. A macro opens it only with navigator=true."
)
KEEP_GOING = (
    "In a macro, continue after an error: call('java.lang.System.getProperty', 'epifiji.error', '') then returns the message, "
    "which is empty if there was no error."
)
