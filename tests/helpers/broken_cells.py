"""Segmented fields with errors put in on purpose, and what a person draws to mend each, exactly."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage
from scipy.spatial import cKDTree

from epifiji.data.errors import WrongInputError
from epifiji.engine.cells.edits import changed, line_pixels, split_along
from epifiji.files.labels import write_labels

HEIGHT, WIDTH, CELLS = 150, 200, 130

Points = list[tuple[float, float]]
"""(y, x) in px; integers are centres of pixels."""


@dataclass
class BrokenField:
    """A field: its true cells (Y, X), the cells with errors, the image, and the repairs as (what is done, where)."""

    truth: np.ndarray
    labels: np.ndarray
    image: np.ndarray
    repairs: list[tuple[str, Points]] = field(default_factory=list)


def same_cells(some: np.ndarray, others: np.ndarray) -> bool:
    """Return whether two label images have the same cells, whatever their numbers, and none at the same pixels."""
    pairs = np.unique(np.stack([some.ravel(), others.ravel()]), axis=1)
    one_to_one = all(len(np.unique(side)) == pairs.shape[1] for side in pairs)
    return one_to_one and np.array_equal(some == 0, others == 0)


def voronoi_cells(seed: int, height: int = HEIGHT, width: int = WIDTH, cells: int = CELLS) -> np.ndarray:
    """Return labels (Y, X) of the regions nearest to points that keep a distance, numbered at random."""
    draw = np.random.default_rng(seed)
    points = draw.random((cells, 2)) * (height, width)
    pixels = np.stack(np.mgrid[:height, :width], -1).reshape(-1, 2)
    for _ in range(3):
        nearest = cKDTree(points).query(pixels)[1]
        areas = np.maximum(np.bincount(nearest, minlength=cells), 1)
        points = np.stack([np.bincount(nearest, axis, cells) / areas for axis in pixels.T], 1)
    numbers = draw.permutation(cells) + 1
    return numbers[cKDTree(points).query(pixels)[1]].reshape(height, width).astype(np.int32)


def image_of(labels: np.ndarray, seed: int) -> np.ndarray:
    """Render membranes: bright blurred borders with noise, uint8."""
    border = np.zeros(labels.shape, bool)
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    border[:-1] |= labels[:-1] != labels[1:]
    membranes = ndimage.gaussian_filter(border.astype(float), 1.2)
    noise = np.random.default_rng(seed).normal(0, 6, labels.shape)
    return np.clip(30 + 330 * membranes + noise, 0, 255).astype(np.uint8)


def broken_field(seed: int) -> BrokenField:
    """Return a field with six errors: two borders missed, two cells cut, one cell missed and one where there is none."""
    truth = voronoi_cells(seed)
    image = image_of(truth, seed)
    chosen = iter(_apart(truth, np.random.default_rng(seed)))
    hole = next(chosen)
    where = truth == hole
    truth[where] = 0
    made = BrokenField(truth, truth.copy(), image)
    made.labels[where] = hole
    made.repairs.append(("delete", [_middle(where)]))
    steps = [_missed_border, _missed_border, _cut, _cut, _missed_cell]
    for cell in chosen:
        if steps and steps[0](made, cell):
            steps.pop(0)
    assert not steps, "the field has too few cells"
    return made


def write_field(folder: Path, name: str, made: BrokenField) -> None:
    """Write the image, its labels, and what mends them."""
    tifffile.imwrite(folder / f"{name}.tif", made.image, imagej=True)
    write_labels(folder / f"{name}_labels.tif", made.labels[None])
    (folder / f"{name}_repairs.txt").write_text(json.dumps(made.repairs))


def _apart(labels: np.ndarray, draw: np.random.Generator) -> list[int]:
    """Return cells inside the field of which no two have a neighbour in common, in random order."""
    chosen: list[int] = []
    taken: set[int] = set()
    edge = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]).tolist())
    for cell in draw.permutation(np.unique(labels)).tolist():
        around = set(np.unique(labels[ndimage.binary_dilation(labels == cell, iterations=2)]).tolist())
        if cell not in edge and not around & taken:
            chosen.append(cell)
            taken |= around
    return chosen


def _middle(mask: np.ndarray) -> tuple[float, float]:
    """Return the pixel of a region that is farthest from its border."""
    y, x = np.unravel_index(ndimage.distance_transform_edt(np.pad(mask, 1)).argmax(), np.array(mask.shape) + 2)
    return float(y - 1), float(x - 1)


def _missed_border(made: BrokenField, cell: int) -> bool:
    """Let a cell be one with a neighbour. The repair is a line along the border, on the pixels of the larger cell."""
    mask = made.truth == cell
    around = made.truth[ndimage.binary_dilation(mask) & ~mask]
    return any(_merged(made, cell, other) for other in np.unique(around[around > 0]).tolist())


def _merged(made: BrokenField, cell: int, other: int) -> bool:
    merged = made.labels.copy()
    merged[made.labels == other] = cell
    larger, smaller = sorted((cell, other), key=lambda one: -np.count_nonzero(made.truth == one))
    path = _in_order(np.argwhere((made.truth == larger) & ndimage.binary_dilation(made.truth == smaller)))
    if path is None:
        return False
    line = _corners(path, merged.shape)
    mended = merged.copy()
    try:
        region, mended_region = changed(merged, split_along(merged, 0, line, 1000))
    except WrongInputError:
        return False
    mended[region] = mended_region
    if not same_cells(mended, made.labels):
        return False
    made.labels = merged
    made.repairs.append(("polyline", line))
    return True


def _in_order(pixels: np.ndarray) -> np.ndarray | None:
    """Order the pixels of a border as a path in which each touches the next; None if that is not possible."""
    left = {(int(y), int(x)) for y, x in pixels}

    def around(place: tuple[int, int]) -> list[tuple[int, int]]:
        y, x = place
        steps = [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]
        return [(y + dy, x + dx) for dy, dx in steps if (y + dy, x + dx) in left]

    ends = [place for place in left if len(around(place)) == 1]
    if len(ends) != 2:
        return None
    path = [ends[0]]
    left.remove(ends[0])
    while following := around(path[-1]):
        path.append(following[0])
        left.remove(following[0])
    return None if left else np.array(path)


def _corners(path: np.ndarray, shape: tuple[int, ...]) -> Points:
    """Return as few points as possible whose line covers exactly a path of pixels."""
    corners, at = [0], 0
    while at < len(path) - 1:
        at = next(
            to
            for to in range(len(path) - 1, at, -1)
            if np.array_equal(line_pixels([tuple(path[at]), tuple(path[to])], shape), path[at : to + 1])
        )
        corners.append(at)
    return [(float(y), float(x)) for y, x in path[corners]]


def _cut(made: BrokenField, cell: int) -> bool:
    """Cut a cell through its middle. The repair is a click at the border."""
    mask = made.truth == cell
    y, x = _middle(mask)
    rows = np.mgrid[: mask.shape[0], : mask.shape[1]][0]
    made.labels[mask & (rows > y)] = made.labels.max() + 1
    made.repairs.append(("click", [(y + 0.5, x)]))
    return True


def _missed_cell(made: BrokenField, cell: int) -> bool:
    """Remove a cell. The repair is a coarse outline around it, because the pixels of its neighbours stay theirs."""
    mask = made.truth == cell
    made.labels[mask] = 0
    places = np.argwhere(mask)
    middle = places.mean(axis=0)
    reach = np.hypot(*(places - middle).T).max() + 3
    turns = 2 * np.pi * np.arange(8) / 8
    outline = np.round(middle + reach / np.cos(np.pi / 8) * np.stack([np.sin(turns), np.cos(turns)], 1))
    made.repairs.append(("polygon", [(float(y), float(x)) for y, x in outline]))
    return _covers(made.repairs[-1][1], mask)


def _covers(outline: Sequence[tuple[float, float]], mask: np.ndarray) -> bool:
    from epifiji.data.polygons import filled

    return bool(filled(np.array(outline), mask.shape)[mask].all())
