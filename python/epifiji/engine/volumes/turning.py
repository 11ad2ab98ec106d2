"""A 3D view of the cells of a volume: their outer surface in colours, from all sides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

FRAMES = 36
LARGEST_SIDE, MOST_ENLARGED = 220, 3
"""Largest side of the box around the cells in the view, in pixels, and how many times pixels of small volumes are enlarged."""

SMOOTHING = 1.5
"""Smoothing of the surface whose direction gives its brightness, a standard deviation in widths of a voxel."""

AMBIENT, LIGHT = 0.35, (-0.45, -0.35, -0.82)
"""Brightness without light, and where the light comes from, along x, y and z: from the upper left of the viewer."""

LINE = 0.45
"""Brightness of the lines between cells, as a part of that beside them."""


def turning_view(
    labels: np.ndarray, spacing: Sequence[float], colours: np.ndarray, frames: int = FRAMES
) -> Iterator[np.ndarray]:
    """Yield pictures (Y, X, 3), uint8, of the cells from all sides; the volume turns once around its Y axis.

    The first picture is seen from the first plane, with X to the right and Y downwards, as in the planes. Hidden surfaces are not
    drawn. Cells of other surfaces than the outer one, such as the lumen's, are seen where the outer one is open.

    Parameters
    ----------
    labels
        (Z, Y, X), whole numbers from 0; at least one cell.
    spacing
        Distances between voxels along Z, Y and X in one unit; only their ratios matter.
    colours
        (n, 3), uint8, of which the first is the background; the colour of a cell is that of its label, which begins again
        after n - 1 labels.
    frames
        Number of pictures.
    """
    cells, voxel = _cubes(labels, spacing)
    places, values = _surface(cells)
    shown = colours[1 + (cells[tuple(places.T)] - 1) % (len(colours) - 1)].astype(np.float32)
    normals = _normals(cells, places, SMOOTHING * max(1.0, voxel))
    z, y, x = (places - np.array(cells.shape) / 2).T
    side = int(np.ceil(np.hypot(cells.shape[0], cells.shape[2]))) + 4
    height = cells.shape[1] + 4
    for number in range(frames):
        turn = 2 * np.pi * number / frames
        cosine, sine = np.cos(turn), np.sin(turn)
        across, depth = x * cosine + z * sine, z * cosine - x * sine
        facing = np.stack(
            [normals[2] * cosine + normals[0] * sine, normals[1], normals[0] * cosine - normals[2] * sine]
        )
        light = np.clip(np.tensordot(np.array(LIGHT), facing, 1), 0, 1)
        brightness = values * (AMBIENT + (1 - AMBIENT) * light)
        drawn = np.clip(shown * brightness[:, None], 0, 255).astype(np.uint8)
        yield _drawn(across + side / 2, y + height / 2, depth, drawn, (height, side), colours[0])


def _cubes(labels: np.ndarray, spacing: Sequence[float]) -> tuple[np.ndarray, float]:
    """Return the box around the cells in cubes, with an empty margin, and the width of a voxel in cubes.

    Each cube has the label of the nearest voxel.
    """
    from scipy.ndimage import find_objects

    (box,) = find_objects((labels > 0).astype(np.uint8))
    cells = labels[box]
    sizes = np.array(cells.shape) * np.array(spacing)
    step = max(float(min(spacing)) / MOST_ENLARGED, float(sizes.max()) / LARGEST_SIDE)
    counts = np.maximum(1, np.round(sizes / step).astype(int))
    places = [
        np.minimum(((np.arange(count) + 0.5) * old / count).astype(int), old - 1)
        for count, old in zip(counts, cells.shape, strict=True)
    ]
    return np.pad(cells[np.ix_(*places)], 2), float(min(spacing)) / step


def _surface(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the voxels (n, 3) with a side on no cell, and their brightness (n,): less beside another cell."""
    there = cells > 0
    bare, beside = np.zeros(cells.shape, bool), np.zeros(cells.shape, bool)
    for axis in range(3):
        for way in (1, -1):
            other = np.roll(cells, way, axis)
            bare |= other == 0
            beside |= (other != cells) & (other > 0)
    places = np.argwhere(there & bare)
    return places, np.where(beside[tuple(places.T)], LINE, 1.0).astype(np.float32)


def _normals(cells: np.ndarray, places: np.ndarray, smoothing: float) -> np.ndarray:
    """Return the outward directions (3, n) of the surface along z, y and x."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter((cells > 0).astype(np.float32), smoothing)
    found = np.stack([-np.gradient(smooth, axis=axis)[tuple(places.T)] for axis in range(3)])
    length = np.linalg.norm(found, axis=0)
    normals: np.ndarray = found / np.where(length > 0, length, 1)
    return normals


def _drawn(
    across: np.ndarray,
    down: np.ndarray,
    depth: np.ndarray,
    colours: np.ndarray,
    shape: tuple[int, int],
    background: np.ndarray,
) -> np.ndarray:
    """Draw points as squares of two pixels, so that no gaps are left between them; the nearest ones last."""
    picture = np.empty((*shape, 3), np.uint8)
    picture[:] = background
    order = np.argsort(-depth, kind="stable")
    row, column = np.floor(down[order]).astype(int), np.floor(across[order]).astype(int)
    # Of equal places numpy keeps the last value.
    rows = np.stack([row, row, row + 1, row + 1], 1).ravel()
    columns = np.stack([column, column + 1, column, column + 1], 1).ravel()
    picture[rows, columns] = np.repeat(colours[order], 4, axis=0)
    return picture
