"""Traces aligned in time: their mean with an interval, and the onset and speed of constriction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.cell_traces import AlignedMean, CellTrace, Constriction
from epifiji.data.evaluation import CONFIDENCE

_FEWEST_FRAMES = 5
_ONSET_STEP = 0.25  # frames
_DECLINE_FRAMES, _MOST_UNSEEN_FRAMES = 3, 2


def align(traces: Sequence[CellTrace], quantity: str) -> AlignedMean:
    """Average a quantity of several cells frame by frame, relative to each cell's t = 0.

    The interval of a mean is that of Student's t over events; there is none for a single event.
    """
    from scipy import stats

    numbers = [int(t) for one in traces for t in one.frames - one.zero]
    offsets = np.arange(min(numbers), max(numbers) + 1) if numbers else np.empty(0, int)
    values = np.full((len(traces), len(offsets)), np.nan)
    for row, one in enumerate(traces):
        values[row, one.frames - one.zero - offsets[0]] = one.values[quantity]
    known = ~np.isnan(values)
    counts = known.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, values, 0).sum(0) / counts
        squares = np.where(known, (values - means) ** 2, 0).sum(0) / (counts - 1)
        half = stats.t.ppf((1 + CONFIDENCE) / 2, counts - 1) * np.sqrt(squares / counts)
    half[counts < 2] = np.nan
    return AlignedMean(offsets, counts, means, means - half, means + half)


def fit_constriction(areas: np.ndarray) -> Constriction | None:
    """Fit a constant area that declines linearly from an onset on, by least squares.

    The area is ``A - v max(0, t - onset)``. Onsets between the first and the last but one frame are tried in steps of a
    quarter of a frame; for each, A and v follow from linear regression.

    Parameters
    ----------
    areas
        (n,): area in each frame until the cell disappears, NaN where it is unknown.

    Returns
    -------
    Constriction or None
        The onset as an index of `areas`. None with fewer than five known areas, or if the area does not decline.
    """
    frames = np.flatnonzero(~np.isnan(areas))
    if len(frames) < _FEWEST_FRAMES:
        return None
    known = areas[frames]
    best: tuple[float, float, float] | None = None
    for onset in np.arange(frames[0], frames[-1] - 1 + _ONSET_STEP / 2, _ONSET_STEP):
        design = np.stack([np.ones(len(frames)), -np.clip(frames - onset, 0, None)], 1)
        solution = np.linalg.lstsq(design, known, rcond=None)[0]
        error = float(((design @ solution - known) ** 2).sum())
        if best is None or error < best[0]:
            best = error, float(onset), float(solution[1])
    spread = float(((known - known.mean()) ** 2).sum())
    if best is None or best[2] <= 0 or spread == 0:
        return None
    return Constriction(best[1], best[2], 1 - best[0] / spread)


def frames_to_end(areas: np.ndarray) -> int:
    """Return how many frames after the last known area a cell is gone, 1 to 3.

    The last pixels of a cell are hidden by the light of its own junctions. So its area is extrapolated linearly, with
    the mean decline of its last three frames: the cell is gone in the first frame in which it would be 0 or less.

    Parameters
    ----------
    areas
        (n,): area in each frame until the last in which the cell is seen, NaN where it is unknown.
    """
    frames = np.flatnonzero(~np.isnan(areas))
    if not len(frames) or frames[-1] != len(areas) - 1:
        return 1
    first = frames[frames >= frames[-1] - _DECLINE_FRAMES][0]
    decline = (areas[first] - areas[-1]) / max(1, frames[-1] - first)
    if decline <= 0:
        return 1
    return int(np.clip(np.ceil(areas[-1] / decline), 1, 1 + _MOST_UNSEEN_FRAMES))
