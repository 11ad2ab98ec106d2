"""Events that tests use instead of detected ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from epifiji.data.events import Event
from epifiji.data.opinions import Opinion
from epifiji.files.results.comparisons import write_table
from epifiji.files.results.opinions import opinion_columns

CLASSES = ("cell_death", "cell_sop", "cell_division")


def planted() -> list[Event]:
    """Return thirty events in time order, far enough from the edges of an 80 x 70 movie of 12 frames for clicks near them."""
    random = np.random.default_rng(5)
    places = sorted((i * 12 // 30, float(random.integers(25, 45)), float(random.integers(25, 55))) for i in range(30))
    return [Event(CLASSES[i % 3], t, y, x, round(0.6 + 0.01 * ((7 * i) % 30), 4)) for i, (t, y, x) in enumerate(places)]


def write_opinions(folder: Path, opinions: Mapping[Event, Opinion]) -> None:
    """Write second opinions on some events into a result folder, as a measurement of the cells around events does."""
    (folder / "cells").mkdir()
    rows = [
        {"number": number, "event": event.event, "frame": event.frame + 1, "y": event.y, "x": event.x}
        | opinion_columns(opinion)
        for number, (event, opinion) in enumerate(opinions.items(), start=1)
    ]
    write_table(folder / "cells" / "followed_events.csv", rows)


def opinions_as_measured(events: list[Event]) -> dict[Event, Opinion]:
    """Return opinions of which each contradicts the extrusion, and the division, with the lowest score."""
    still = {
        "cell_death": "the cell is still there 6 frames later",
        "cell_division": "not divided: one cell 6 frames later",
    }
    changes = {"cell_death": "a cell disappears", "cell_division": "a cell divides"}
    opinions = dict.fromkeys(events, Opinion("unknown", "outlines of cells do not show this class"))
    for name, reason in still.items():
        group = sorted((event for event in events if event.event == name), key=lambda event: event.score)
        opinions |= dict.fromkeys(group, Opinion("agrees", changes[name], 0.1))
        opinions[group[0]] = Opinion("disagrees", reason, 0.95)
    return opinions
