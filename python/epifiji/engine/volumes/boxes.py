"""Boxes of a volume, outside of which nothing has to be computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def box_around(mask: np.ndarray, margin: Sequence[int]) -> tuple[slice, ...] | None:
    """Return the box around a mask (Z, Y, X), within the volume, with a margin (voxels) along each axis; None if it is empty."""
    spans = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    if not all(len(span) for span in spans):
        return None
    return tuple(
        slice(max(0, int(span[0]) - more), int(span[-1]) + 1 + more) for span, more in zip(spans, margin, strict=True)
    )
