"""Events that tests use instead of detected ones."""

from __future__ import annotations

import numpy as np

from epifiji.data.events import Event

CLASSES = ("cell_death", "cell_sop", "cell_division")


def planted() -> list[Event]:
    """Return thirty events in time order, far enough from the edges of an 80 x 70 movie of 12 frames for clicks near them."""
    random = np.random.default_rng(5)
    places = sorted((i * 12 // 30, float(random.integers(25, 45)), float(random.integers(25, 55))) for i in range(30))
    return [Event(CLASSES[i % 3], t, y, x, round(0.6 + 0.01 * ((7 * i) % 30), 4)) for i, (t, y, x) in enumerate(places)]
