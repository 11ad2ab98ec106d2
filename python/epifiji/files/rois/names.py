"""What the name of a ROI file says: whose events it holds, and whether someone annotated, reviewed or compared them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS
from epifiji.data.network import NOTHING
from epifiji.files.rois.roi_files import COMPARED, KEPT

EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
REJECTED = (NOTHING, "rejected")
VERSION = re.compile(
    r"(?:old|new|copy|backup|bak|tmp|temp|test|final|edited|corrected|checked|reviewed|undecided|skipped|all|raw|rois?|roiset|v?\d+)",
    re.IGNORECASE,
)
"""How people call another version of a file; nobody calls a class so."""

Role = Literal["annotated", "kept", "rejected", "compared"]


@dataclass(frozen=True)
class Meaning:
    """What a ROI file holds.

    Parameters
    ----------
    event
        The class; empty where the ROIs' own names say it, and ``nothing`` for places without an event of any class.
    role
        Whether these are events that someone annotated, events kept or rejected in a review, or what a comparison leaves.
    """

    event: str
    role: Role


def meaning_of(path: Path, movie: str, classes: Collection[str]) -> Meaning:
    """Understand what a file says after its movie's name; `classes` are those that other files of the folder are named after.

    Raises
    ------
    WrongInputError
        Where the rest of the name is no class, or looks like another version of a class's file.
    """
    rest = path.stem[len(movie) + 1 :]
    base, _, ending = rest.rpartition("_")
    if ending in COMPARED:
        return Meaning(base, "compared")
    if rest == NOTHING:
        return Meaning(NOTHING, "rejected")
    if ending == KEPT:
        found = Meaning(base, "kept")
    elif ending in REJECTED:
        found = Meaning(base or NOTHING, "rejected")
    else:
        found = Meaning(rest, "annotated")
    if not (found.event or found.role == "kept") or (found.event and not EVENT_NAME.fullmatch(found.event)):
        raise WrongInputError(
            f"{path.name} names the class {rest!r}, but a class's name begins with a letter and has letters, digits and _ "
            f"alone: call the file {movie}_<class>{path.suffix}, such as {movie}_cell_death{path.suffix}."
        )
    if VERSION.fullmatch(ending) and (not base or base in EVENT_COLOURS or base in classes):
        raise WrongInputError(
            f"{path.name} would name a class {rest!r}, but that looks like another version of the ROIs of {base or 'a class'}: "
            f"call the file {movie}_<class>{path.suffix}, such as {movie}_cell_death{path.suffix}, or move it elsewhere."
        )
    return found


def other_reading(event: str, classes: Collection[str]) -> str | None:
    """Say of which class a class may have been meant to be a part: a known one that its name begins with."""
    known = [name for name in (*EVENT_COLOURS, *classes) if event.startswith(f"{name}_")]
    return max(known, key=len, default=None)
