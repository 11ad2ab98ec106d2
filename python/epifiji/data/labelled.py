"""A movie with known events: what a network learns from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Labelled:
    """A movie at the network's scale, with its events.

    Parameters
    ----------
    pixels
        (T, Y, X), any real dtype.
    events
        (n, 4), float: class from 0, frame, y, x.
    marked
        (m, 3), float: frame, y, x of places that look like events and are none.
    judged
        (T, Y, X), bool, or None for all: where all events are known. Elsewhere `taught` is learnt, or nothing.
    labelled
        For each class whether its events are known in this movie, or None for all; those of the others are taught.
    taught
        (T, Y/4, X/4, n), uint8 in 0–255, or None: answers of another network to the first n classes.
    sure
        Where `taught` is learnt from: everywhere, or only where it says that nothing is there.
    """

    pixels: np.ndarray
    events: np.ndarray
    marked: np.ndarray
    judged: np.ndarray | None = None
    labelled: tuple[bool, ...] | None = None
    taught: np.ndarray | None = None
    sure: bool = False
