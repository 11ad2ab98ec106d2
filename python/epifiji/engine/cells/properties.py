"""Measurements of each cell of a segmented frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from epifiji.engine.cells.borders import contacts

PROPERTIES = ("label", "y", "x", "area", "perimeter", "elongation", "orientation", "neighbours", "border")
_S = 0.5**0.5
_CROFTON = np.pi / 4 * np.array([0, 1 + _S, _S, 2 * _S, 0, 1 + _S, 0, _S, 1, 2, _S, _S, 1, 2, 0, 0])
"""Perimeter of each arrangement of a square of 2 x 2 pixels; bits are the pixels at, above, left of and diagonal to one."""

STRIP_PX = 1_000_000
"""Pixels whose places are in memory at once."""


def cell_properties(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Measure the cells of labels (Y, X); 0 is no cell.

    Returns
    -------
    dict
        An array for each of `PROPERTIES`, with a row for each label in ascending order:

        - `label`;
        - `y`, `x`: centre of mass in px; integers are the centres of pixels;
        - `area`: number of pixels;
        - `perimeter`: in px, by Crofton's formula in four directions;
        - `elongation`: long by short axis of the ellipse with the same second moments, 1 for a round cell;
        - `orientation`: of the long axis, in degrees from 0 to below 180, counter-clockwise from the x axis as the image
          is shown;
        - `neighbours`: number of cells with which it shares at least one edge of a pixel;
        - `border`: 1 if it touches the edge of the image, else 0.
    """
    area = np.bincount(labels.ravel())
    area[0] = 0
    label = np.flatnonzero(area)
    area = area[label]
    numbers = np.zeros(int(label.max(initial=0)) + 1, np.int32)
    numbers[label] = np.arange(1, len(label) + 1)
    compact = numbers[labels]
    (y, x), (yy, xx, xy) = _moments(compact, area)
    mean, half = (yy + xx) / 2, np.hypot((yy - xx) / 2, xy)
    pairs = contacts(compact)
    neighbours = np.bincount(pairs[(pairs > 0).all(axis=1)].ravel(), minlength=len(label) + 1)[1:]
    edges = np.concatenate([compact[0], compact[-1], compact[:, 0], compact[:, -1]])
    return {
        "label": label,
        "y": y,
        "x": x,
        "area": area,
        "perimeter": _perimeters(compact, len(label)),
        "elongation": np.sqrt((mean + half) / (mean - half)),
        # The y axis points down.
        "orientation": np.degrees(np.arctan2(-2 * xy, xx - yy) / 2) % 180,
        "neighbours": neighbours,
        "border": np.isin(np.arange(1, len(label) + 1), edges).astype(int),
    }


def _moments(labels: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres (2, n) and central second moments (3, n: yy, xx, xy) of labels from 1 to n, of pixels as squares."""
    centre, moments = np.zeros((2, len(area))), np.zeros((3, len(area)))
    for numbers, *place in _places(labels):
        for total, one in zip(centre, place, strict=True):
            np.add.at(total, numbers, one)
    centre /= area
    for numbers, *place in _places(labels):
        y, x = (one - middle[numbers] for one, middle in zip(place, centre, strict=True))
        for total, one in zip(moments, (y * y, x * x, x * y), strict=True):
            np.add.at(total, numbers, one)
    moments /= area
    # The second moment of a square of side 1 along either axis.
    moments[:2] += 1 / 12
    return centre, moments


def _places(labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield label minus 1, y and x of the pixels of cells, some rows at a time, which need less memory than all."""
    rows = max(1, STRIP_PX // labels.shape[1])
    for top in range(0, len(labels), rows):
        y, x = np.nonzero(labels[top : top + rows])
        yield labels[top + y, x] - 1, (top + y).astype(float), x.astype(float)


def _perimeters(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the perimeters of labels from 1 to `count`, as scikit-image's ``perimeter_crofton`` computes that of one mask."""
    padded = np.pad(labels, 1)
    corners = [padded[1:, 1:], padded[:-1, 1:], padded[1:, :-1], padded[:-1, :-1]]
    mixed = np.zeros(corners[0].shape, bool)
    for other in corners[1:]:
        mixed |= corners[0] != other
    square = [corner[mixed] for corner in corners]
    found = np.zeros(count + 1)
    for n, corner in enumerate(square):
        code = sum((other == corner).astype(np.int8) << bit for bit, other in enumerate(square))
        # Each label once in a square.
        first = ~np.any([corner == earlier for earlier in square[:n]], axis=0) if n else np.ones(len(corner), bool)
        found += np.bincount(corner[first], _CROFTON[code[first]], count + 1)
    return found[1:]


def mixed_numbers(labels: np.ndarray) -> np.ndarray:
    """Renumber cells from 1 without gaps, so that neighbours have different colours where ImageJ has few colours for many.

    With up to 255 cells the order stays; beyond, the numbers are drawn at random, always the same for the same cells.
    """
    present = np.flatnonzero(np.bincount(labels.ravel()))
    present = present[present > 0]
    numbers = np.arange(1, len(present) + 1, dtype=np.int32)
    if len(numbers) > MOST_COLOURS:
        numbers = np.random.default_rng(0).permutation(numbers)
    table = np.zeros(int(labels.max(initial=0)) + 1, np.int32)
    table[present] = numbers
    mixed: np.ndarray = table[labels]
    return mixed


MOST_COLOURS = 255
"""Entries of ImageJ's lookup tables, without the one of no cell."""
