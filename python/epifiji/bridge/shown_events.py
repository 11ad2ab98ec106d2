"""Events as ImageJ shows them: ROIs with names, colours and groups, and the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from epifiji.data.events import Event, by_class, colour_of, group_of
from epifiji.files.rois import shown_name
from epifiji.files.tables import event_rows


def shown_events(
    events: list[Event], classes: Sequence[str], pixel_size_um: float | None, interval_s: float | None
) -> dict[str, Any]:
    """Describe events as ROIs and as a table for people."""
    groups = by_class(events, classes)
    rows = list(event_rows((e for group in groups.values() for e in group), pixel_size_um, interval_s))
    return {
        "classes": [
            {"name": name, "colour": colour_of(name, groups), "group": group_of(name, groups), "count": len(group)}
            for name, group in groups.items()
        ],
        "events": [
            shown_event(event, number) for group in groups.values() for number, event in enumerate(group, start=1)
        ],
        "columns": rows[0],
        "rows": rows[1:],
    }


def shown_event(event: Event, number: int) -> dict[str, Any]:
    """Describe an event as the client makes a ROI of it; `number` counts its class, from 1."""
    return {
        "name": shown_name(event, number),
        "event": event.event,
        "frame": event.frame + 1,
        "y": event.y,
        "x": event.x,
    }
