"""Cell events: where and when a cell dies, divides or differentiates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from epifiji.data.palette import BLUE, FURTHER, GREEN, RED

EVENT_COLOURS = {
    "cell_death": RED,
    "cell_sop": BLUE,
    "cell_division": GREEN,
}
"""Red, green, blue (0–255) of the known classes, similar to those in which the authors of DeXtrusion draw them."""

LONGEST_CLASS = 100
"""Most letters of a class's name."""


@lru_cache(maxsize=1000)
def wrong_class_name(name: str) -> str:
    """Return why a name cannot be that of a class, which is part of file names; an empty text if it can."""
    if name in ("", ".", ".."):
        return f"a class is called {name!r}, which is not a file name"
    wrong = next((letter for letter in name if letter in "/\\:" or not letter.isprintable()), None)
    if wrong is not None:
        return f"the class {name!r} has the character {wrong!r}, which no file name may have"
    return f"the class {name[:20]!r}... has more than {LONGEST_CLASS} letters" if len(name) > LONGEST_CLASS else ""


def two_spellings(classes: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two different names that differ only in letter case, spaces or hyphens, earlier one first; or None."""
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(name.casefold().replace(" ", "_").replace("-", "_"), name)
        if other != name:
            return other, name
    return None


def colour_of(event: str, classes: Iterable[str] = ()) -> tuple[int, int, int]:
    """Return red, green, blue (0–255) of a class.

    Parameters
    ----------
    event
        Name of the class.
    classes
        All classes of the network, in any order. Those without a fixed colour get further colours of the palette, by name:
        networks, tables and plots have their classes in different orders.
    """
    if event in EVENT_COLOURS:
        return EVENT_COLOURS[event]
    others = sorted({*classes} - EVENT_COLOURS.keys())
    return FURTHER[others.index(event) % len(FURTHER) if event in others else 0]


def group_of(event: str, classes: Iterable[str] = ()) -> int:
    """Return the number of a class's ROI group in ImageJ, from 1; `classes` are all those of the network.

    The known classes have the same numbers in every network.
    """
    fixed = [*EVENT_COLOURS]
    names = [*fixed, *(name for name in classes if name not in fixed)]
    return names.index(event) + 1 if event in names else len(names) + 1


SAME_PLACE_PX = 0.5
"""Two events of one class in one frame at most this far apart in y and in x are one event that was marked twice."""


AS_SCORE = -1.0
"""The raw score of an event of which only one score is known."""


@dataclass(frozen=True)
class Event:
    """One cell event.

    Parameters
    ----------
    event
        Name of the class, such as ``cell_death``.
    frame
        0-based frame of the movie.
    y, x
        0-based position in pixels of the movie.
    score
        The share of such events that are right, 0–1, if the network's scores are calibrated, else the raw score; NaN if there
        is none.
    volume
        Voxels of the event in the probability map; 0 if there is no map.
    border
        True if the network could not see a whole window around the event.
    raw_score
        Mean probability over the event's volume, 0–1, to which thresholds apply; NaN if it is not known. Default: `score`.
    """

    event: str
    frame: int
    y: float
    x: float
    score: float = math.nan
    volume: int = 0
    border: bool = False
    raw_score: float = AS_SCORE

    def __post_init__(self) -> None:
        """Take the score as the raw one if only it is given."""
        if self.raw_score == AS_SCORE:
            object.__setattr__(self, "raw_score", self.score)

    def over(self, threshold: int) -> bool:
        """Return whether the mean probability is above a threshold, 0–255."""
        # This is the same comparison as of means with integer thresholds, without rounding of 255 x score.
        return self.raw_score > threshold / 255


def in_fixed_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return each class once: those of DeXtrusion in their fixed order, then all others by name."""
    found = set(names)
    return (*(name for name in EVENT_COLOURS if name in found), *sorted(found - EVENT_COLOURS.keys()))


def by_class(events: Iterable[Event], classes: Iterable[str] = ()) -> dict[str, list[Event]]:
    """Group events by class: first the given classes, in order and even if empty, then all others by name."""
    groups: dict[str, list[Event]] = {name: [] for name in classes}
    for event in sorted(events, key=lambda e: e.event):
        groups.setdefault(event.event, []).append(event)
    return {name: sorted(group, key=lambda e: (e.frame, e.y, e.x)) for name, group in groups.items()}


def without_repeats(events: Iterable[Event]) -> tuple[list[Event], list[Event]]:
    """Separate events from their repeats: events at the position of an earlier one of the same class (see `SAME_PLACE_PX`).

    Returns
    -------
    list of Event
        The first event at each position, in their order.
    list of Event
        The others.
    """
    first: list[Event] = []
    repeats: list[Event] = []
    seen: dict[tuple[str, int, int, int], list[Event]] = {}
    size = 2 * SAME_PLACE_PX
    for event in events:
        if not (math.isfinite(event.y) and math.isfinite(event.x)):
            first.append(event)
            continue
        row, column = square = math.floor(event.y / size), math.floor(event.x / size)
        # A repeat lies in the event's square, or in one of the next that it is nearest to.
        rows = row, row + (1 if event.y / size - row >= 0.5 else -1)
        columns = column, column + (1 if event.x / size - column >= 0.5 else -1)
        near = [other for place in product(rows, columns) for other in seen.get((event.event, event.frame, *place), ())]
        if any(max(abs(other.y - event.y), abs(other.x - event.x)) <= SAME_PLACE_PX for other in near):
            repeats.append(event)
            continue
        first.append(event)
        seen.setdefault((event.event, event.frame, *square), []).append(event)
    return first, repeats


def same_events(some: Sequence[Event], others: Sequence[Event]) -> bool:
    """Return whether both are the same events without repeats, in any order; zips and tables round positions differently."""
    some, others = without_repeats(some)[0], without_repeats(others)[0]
    # In the joined list, each event of one side then repeats one of the other.
    return len(some) == len(others) == len(without_repeats([*some, *others])[1])


def repeats_notice(what: str, repeats: Iterable[Event]) -> tuple[str, ...]:
    """Return a sentence about the repeats that were left out of `what`; empty if there are none."""
    counts = {name: len(group) for name, group in by_class(repeats).items()}
    if not counts:
        return ()
    total, listed = sum(counts.values()), ", ".join(f"{count} {name}" for name, count in counts.items())
    which, left = ("event that repeats", "was") if total == 1 else ("events that repeat", "were")
    return (f"{total} {which} another of the same class, frame and place {left} left out of {what} ({listed}).",)
