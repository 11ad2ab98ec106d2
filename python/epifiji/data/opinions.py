"""The second opinion on an event: whether the cells around it change as its class says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from epifiji.data.events import SAME_PLACE_PX, Event

Verdict = Literal["agrees", "disagrees", "unknown"]

VERDICTS: tuple[Verdict, ...] = ("disagrees", "unknown", "agrees")
"""In the order of a review by disagreement."""


@dataclass(frozen=True)
class Opinion:
    """What a segmentation of the frames before and after an event says of it.

    Parameters
    ----------
    verdict
        ``agrees`` or ``disagrees`` with the event's class; ``unknown`` if the cells cannot say.
    reason
        Why, in a few words.
    remaining_area
        Area after the event as a share of that before, of the cell next to the event that kept least: about 1 if nothing
        changes, 0 if it disappears, and of a cell that divides the share of its larger daughter. NaN if it is unknown.
    """

    verdict: Verdict
    reason: str
    remaining_area: float = math.nan


def opinions_of(events: Iterable[Event], known: Iterable[tuple[Event, Opinion]]) -> list[Opinion | None]:
    """Return the opinion on each event: that on an event of the same class and frame at its place, or None.

    Tables and ROIs round positions differently, so places are the same within :data:`~epifiji.data.events.SAME_PLACE_PX`.
    """
    by_frame: dict[tuple[str, int], list[tuple[Event, Opinion]]] = {}
    for event, opinion in known:
        by_frame.setdefault((event.event, event.frame), []).append((event, opinion))
    return [
        next(
            (
                opinion
                for other, opinion in by_frame.get((event.event, event.frame), ())
                if max(abs(other.y - event.y), abs(other.x - event.x)) <= SAME_PLACE_PX
            ),
            None,
        )
        for event in events
    ]


def by_disagreement(opinions: Sequence[Opinion | None]) -> list[int]:
    """Return the indices of opinions: first those that disagree, then those that do not know, then those that agree.

    Among those with one verdict the largest remaining area comes first, as least has changed there. Indices without an
    opinion are at the end.
    """

    def place(index: int) -> tuple[float, ...]:
        opinion = opinions[index]
        if opinion is None:
            return len(VERDICTS), 0, index
        area = opinion.remaining_area
        return VERDICTS.index(opinion.verdict), 1 if math.isnan(area) else -area, index

    return sorted(range(len(opinions)), key=place)
