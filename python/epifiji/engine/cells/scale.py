"""Estimating the diameter of cells, and whether their borders are bright or dark, from a network's own segmentation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from epifiji.data.cells import CellMaps
from epifiji.data.label_images import areas_of, at_outlines
from epifiji.engine.cells.diameter import busiest_window, structure_of

SMALLEST_PX, OCTAVES = 10.0, 4
"""The smallest diameter that is tried first, and how often the largest is twice as large."""

WINDOW_CELLS = 16
"""Side of the part of a frame that is segmented for an estimate, in cell diameters."""

FIRST_WINDOW_CELLS, PROMISING = 8, 0.15
"""Side of the smaller part in which all scales are tried, and the difference in certainty up to which others are promising."""

LEAST_SIDE_CELLS = 3
"""Shortest side of a frame in which cells of a diameter are searched for, in diameters."""

LEAST_CELLS = 10
"""Fewest whole cells of an estimate."""

LEAST_CERTAINTY = 0.66
"""Least certainty of an estimate. Of EpiCells 0.72 to 0.95 in real tissues, up to 0.62 in smooth noise; of networks for separate
cells 0.70 to 0.85 in dense immune cells, up to 0.62 in noise where the cells that are found have the size that is tried."""


@dataclass(frozen=True)
class Scale:
    """Diameter of the cells in pixels, and whether their borders are darker than they are."""

    diameter_px: float
    dark: bool


@dataclass(frozen=True)
class _Measurement:
    """What a segmentation at one scale shows, and how certain it is; see :class:`Seen`."""

    scale: Scale
    certainty: float


class _Frame(NamedTuple):
    """A frame (Y, X), and where it has structure."""

    pixels: np.ndarray
    structure: np.ndarray


class Seen(NamedTuple):
    """Labels (Y, X) of a part of a frame, at the network's scale, and their certainty from 0 to 1; None without cells."""

    labels: np.ndarray
    certainty: float | None


Segment = Callable[[np.ndarray, Scale], Seen]


def border_certainty(cells: CellMaps) -> float | None:
    """Return the mean probability of a border on the borders of cells minus that in cells; None without cells."""
    borders = at_outlines(cells.labels)
    inside = ~borders & (cells.labels > 0)
    if not (borders.any() and inside.any()):
        return None
    return float(cells.border[borders].mean() - cells.border[inside].mean())


def resized(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate an image (Y, X) linearly; it is smoothed first if it becomes smaller."""
    from skimage.transform import resize

    if image.shape == shape:
        return image
    scaled: np.ndarray = resize(image, shape, order=1, mode="edge", preserve_range=True, anti_aliasing=True)
    return scaled


def estimate_scale(
    frames: Sequence[np.ndarray],
    segment: Segment,
    diameter_px: float | None = None,
    dark: bool | None = None,
    per_octave: int = 1,
    misfit: float = math.inf,
) -> Scale | None:
    """Estimate the diameter of the cells and the sign of their borders.

    Parts of the first frame are segmented as if cells had a diameter of 10 to 160 px, in steps of a factor of 2 or less, and
    borders either sign: small parts at all of these scales, larger ones at the promising scales. The most certain
    segmentation has the sign, and its median diameter is the first estimate. All frames are then segmented
    at that scale, and the median of all whole cells is the estimate. The diameter of a cell is that of the disk of its
    area, ``2 * sqrt(area / pi)``.

    Parameters
    ----------
    frames
        (Y, X) each, real and finite.
    segment
        Segments a part of a frame whose cells have a certain scale; the result has the size that the network sees.
    diameter_px, dark
        What is known already.
    per_octave
        With how many diameters per doubling the estimate begins.
    misfit
        Largest factor between a diameter that is tried and the one that is found with it.

    Returns
    -------
    Scale or None
        None if no scale shows at least ten whole cells with clear borders.
    """
    tried = SMALLEST_PX * 2.0 ** (np.arange(OCTAVES * per_octave + 1) / per_octave)
    diameters = tuple(map(float, tried)) if diameter_px is None else (diameter_px,)
    signs = (False, True) if dark is None else (dark,)
    known = [_Frame(one, structure_of(one)) for one in frames]
    scales = [Scale(one, sign) for one in diameters for sign in signs]
    best = _best(known[:1], segment, scales, math.inf if diameter_px is not None else misfit)
    if best is None:
        return None
    if diameter_px is not None:
        return Scale(diameter_px, best.dark)
    refined = _measured(known, segment, best, WINDOW_CELLS)
    return best if refined is None else refined.scale


def _best(frames: Sequence[_Frame], segment: Segment, scales: list[Scale], misfit: float) -> Scale | None:
    """Return what the most certain segmentation shows; None if none is certain, or finds cells of the size that is tried."""

    def fits(scale: Scale, found: _Measurement | None) -> bool:
        return found is not None and 1 / misfit <= found.scale.diameter_px / scale.diameter_px <= misfit

    first = {scale: _measured(frames, segment, scale, FIRST_WINDOW_CELLS) for scale in scales}
    certainties = {scale: one.certainty for scale, one in first.items() if one is not None and fits(scale, one)}
    least = max(certainties.values(), default=0.0) - PROMISING
    promising = [scale for scale, certainty in certainties.items() if certainty >= least]
    for some in (promising, [scale for scale in scales if scale not in promising]):
        measured = [(scale, _measured(frames, segment, scale, WINDOW_CELLS)) for scale in some]
        fitting = [one for scale, one in measured if one is not None and fits(scale, one)]
        found = [one for one in fitting if one.certainty >= LEAST_CERTAINTY]
        if found:
            return max(found, key=lambda one: one.certainty).scale
    return None


def _measured(frames: Sequence[_Frame], segment: Segment, scale: Scale, window_cells: float) -> _Measurement | None:
    """Segment parts of frames, of a side in cell diameters, at a scale; None if they show too few whole cells."""
    from skimage.segmentation import clear_border

    diameters, certainties = [], []
    for frame, structure in frames:
        if min(frame.shape) < LEAST_SIDE_CELLS * scale.diameter_px:
            continue
        window = busiest_window(frame, structure, math.ceil(window_cells * scale.diameter_px))
        seen = segment(window, scale)
        areas = areas_of(clear_border(seen.labels))[1][1:]
        pixel = math.sqrt(window.size / seen.labels.size)
        diameters.append(2 * np.sqrt(areas / np.pi) * pixel)
        if len(areas) and seen.certainty is not None:
            certainties.append(seen.certainty)
    pooled = np.concatenate(diameters) if diameters else np.empty(0)
    if len(pooled) < LEAST_CELLS:
        return None
    return _Measurement(Scale(float(np.median(pooled)), scale.dark), float(np.mean(certainties)))
