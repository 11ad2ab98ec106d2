"""Deformations of label images: cells that shrink, grow or become rounder, and a smooth flow."""

from __future__ import annotations

import numpy as np

REACH = 4.0
"""Radius around a shrinking or growing cell, in its radii, within which the tissue moves."""

_FLOW_DIAMETERS, _STEEPEST = 3.0, 0.4


def window(frame: np.ndarray, start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Cut a part (Y, X) out of a frame; it is False outside the frame."""
    part = np.zeros(size, frame.dtype)
    low, high = np.maximum(start, 0), np.minimum(start + size, frame.shape)
    if (low < high).all():
        inner = tuple(slice(a - s, b - s) for a, b, s in zip(low, high, start, strict=True))
        part[inner] = frame[low[0] : high[0], low[1] : high[1]]
    return part


def _around(middle: np.ndarray, reach: float, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Return the part of an image within a distance of a position."""
    y, x = (
        slice(max(0, int(m - reach)), min(side, max(0, int(m + reach) + 2)))
        for m, side in zip(middle, shape, strict=True)
    )
    return y, x


def change_area(moved: np.ndarray, middle: np.ndarray, radius: float, factor: float) -> None:
    """Add displacements to `moved` (2, Y, X) so that a cell's area changes by a factor."""
    near = _around(middle, REACH * radius, moved.shape[1:])
    y, x = (np.arange(part.start, part.stop, dtype=np.float32) - m for part, m in zip(near, middle, strict=True))
    y, x = np.meshgrid(y, x, indexing="ij")
    square, edge, reach = y**2 + x**2, factor * radius**2, (REACH * radius) ** 2
    fall = np.clip((reach - square) / (reach - edge), 0, 1)
    outer = np.sqrt(np.maximum(square - (factor - 1) * radius**2 * fall, 0) / np.maximum(square, 1e-6))
    times = np.where(square > edge, outer, 1 / np.sqrt(max(factor, 1e-6)))
    limit = 3 * radius / np.sqrt(np.maximum(square, 1))  # the place of a vanished cell would be filled from far away
    times = np.minimum(times, np.maximum(limit, 1)) - 1
    moved[0][near] += y * times
    moved[1][near] += x * times


def assign_to_neighbours(labels: np.ndarray, mine: np.ndarray) -> None:
    """Assign a cell's pixels `mine` (Y, X) to the nearest neighbours."""
    from scipy import ndimage

    if mine.any() and not mine.all():
        nearest = ndimage.distance_transform_edt(mine, return_distances=False, return_indices=True)
        labels[mine] = labels[tuple(index[mine] for index in nearest)]


def make_rounder(labels: np.ndarray, cell: int, share: float) -> None:
    """Bring a cell's shape closer to a disc of its area, by a fraction `share` (0–1); the neighbours adapt."""
    from scipy import ndimage

    where = np.argwhere(labels == cell)
    if len(where) < 4:
        return
    middle, radius = where.mean(0), float(np.sqrt(len(where) / np.pi))
    near = _around(middle, 3 * radius, labels.shape)
    part = labels[near]
    mine = part == cell
    inside = ndimage.distance_transform_edt(mine) - ndimage.distance_transform_edt(~mine)
    y, x = np.ogrid[near]
    disc = radius - np.hypot(y - middle[0], x - middle[1])
    round_cell = (1 - share) * inside + share * disc > 0
    round_cell &= part != 0
    part[round_cell] = cell
    lost = mine & ~round_cell
    if lost.any():
        nearest = ndimage.distance_transform_edt(part == cell, return_distances=False, return_indices=True)
        part[lost] = part[tuple(index[lost] for index in nearest)]


class Flow:
    """A smooth oscillating flow that moves the outlines of a single frame, too little to fold them.

    Parameters
    ----------
    shape
        Height and width (Y, X) of the outlines.
    pace
        Displacement per frame, px.
    diameter
        Mean diameter of the cells, px.
    random
        Source of the flow's shape.
    """

    def __init__(self, shape: tuple[int, int], pace: float, diameter: float, random: np.random.Generator) -> None:
        from scipy import ndimage

        sigma = _FLOW_DIAMETERS * diameter
        waves = np.stack(
            [ndimage.gaussian_filter(random.standard_normal(shape), sigma, mode="reflect") for _ in range(4)]
        ).reshape(2, 2, *shape)
        steepest = max(float(np.abs(np.gradient(wave, axis=(-2, -1))).max()) for wave in waves)
        self.waves = (_STEEPEST / 2 / max(steepest, 1e-9) * waves).astype(np.float32)
        size = float(np.sqrt((self.waves**2).sum(1).mean()))
        self.turns = pace / max(size, 1e-9) * random.uniform(0.7, 1.4, 2)
        self.phases = random.uniform(0, 2 * np.pi, 2)

    def image(self, frame: int, places: np.ndarray) -> np.ndarray:
        """Return the displacement from its origin of what is at these places, both y and x (2, …) in px of the outlines."""
        index = tuple(
            np.clip(np.round(place).astype(int), 0, side - 1)
            for place, side in zip(places, self.waves.shape[2:], strict=True)
        )
        pairs = zip(self.waves, self.turns, self.phases, strict=True)
        parts = [wave[:, index[0], index[1]] * np.float32(np.sin(turn * frame + phase)) for wave, turn, phase in pairs]
        rows: np.ndarray = parts[0] + parts[1]
        return rows

    def at(self, frame: int, middles: np.ndarray) -> np.ndarray:
        """Return the displacement of middles (n, 2) of the outlines, px of the outlines."""
        moved = np.zeros_like(middles)
        for _ in range(3):
            moved = self.image(frame, (middles - moved).T).T
        return moved
