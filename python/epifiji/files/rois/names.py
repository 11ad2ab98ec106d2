"""Meaning of a ROI file's name: its class, and whether its events were annotated, reviewed or compared."""

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
"""Names of versions of a file; they are not names of classes."""

Role = Literal["annotated", "kept", "rejected", "compared"]


@dataclass(frozen=True)
class Meaning:
    """Content of a ROI file according to its name.

    Parameters
    ----------
    event
        The class; empty if the ROIs' own names specify it, and ``nothing`` for places without an event of any class.
    role
        Whether these events were annotated, kept or rejected in a review, or are an outcome of a comparison.
    """

    event: str
    role: Role


def meaning_of(path: Path, movie: str, classes: Collection[str]) -> Meaning:
    """Interpret a file's name after its movie's name; `classes` are those of other files in the folder.

    Raises
    ------
    WrongInputError
        If the rest of the name is not a class, or looks like another version of a class's file.
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
            f"{path.name} names the class {rest!r}, but a class's name begins with a letter and has only letters, digits and "
            f"_: call the file {movie}_<class>{path.suffix}, such as {movie}_cell_death{path.suffix}."
        )
    if VERSION.fullmatch(ending) and (not base or base in EVENT_COLOURS or base in classes):
        raise WrongInputError(
            f"{path.name} would name a class {rest!r}, but that looks like another version of the ROIs of {base or 'a class'}: "
            f"call the file {movie}_<class>{path.suffix}, such as {movie}_cell_death{path.suffix}, or move it elsewhere."
        )
    return found


def other_reading(event: str, classes: Collection[str]) -> str | None:
    """Return the known class with which the name of a class begins, of which it may be meant as a part; None if there is none."""
    known = [name for name in (*EVENT_COLOURS, *classes) if event.startswith(f"{name}_")]
    return max(known, key=len, default=None)
