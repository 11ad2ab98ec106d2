"""Counts, densities and nearest neighbours of events. Everything random is seeded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from epifiji.data.progress import Report, silent
from epifiji.data.statistics import Neighbours, Rates

FEWEST = 5
"""Fewest events that a test against random arrangements needs."""

DENSITY_CELLS = 256
"""Largest number of cells along the longer side of a density map."""

DISTANCES = 100
FIRST_DRAWS = 19
"""Random arrangements from which the largest distance of a curve is chosen."""

ENVELOPE = (2.5, 50.0, 97.5)

EMPTY_SHARE, EMPTY_CHANCE = 0.1, 0.01
"""Smallest share of the frame, and largest probability by chance, for which an empty band along a side is reported."""

Draw = Callable[[np.random.Generator], np.ndarray]


def rates(frames: np.ndarray, frame_count: int, time_bin: int) -> Rates:
    """Count events in bins of `time_bin` frames; the last bin ends with the movie and may be shorter.

    Parameters
    ----------
    frames
        0-based frame of each event, (n,), less than `frame_count`.
    """
    edges = np.append(np.arange(0, frame_count, time_bin), frame_count)
    return Rates(edges, np.bincount(np.asarray(frames, int) // time_bin, minlength=len(edges) - 1))


def density(
    places: np.ndarray, shape: tuple[int, int], bandwidth_px: float, most_cells: int = DENSITY_CELLS
) -> tuple[np.ndarray, tuple[float, float]]:
    """Smooth events with a Gaussian into a map of events per pixel.

    The part of an event's Gaussian that lies outside the frame is reflected at the edge. So the map's integral is
    always the number of events, and the map is constant if events are spread evenly.

    Parameters
    ----------
    places
        y, x of each event in pixels, (n, 2), integers at the pixels' centres.
    shape
        (Y, X) of the frame.
    bandwidth_px
        Standard deviation of the Gaussian.
    most_cells
        Largest number of cells along the longer side.

    Returns
    -------
    ndarray
        Events per pixel in each cell, (rows, columns).
    (float, float)
        Sides (y, x) of a cell in pixels.
    """
    step = max(1.0, max(shape) / most_cells)
    cells = [max(1, round(side / step)) for side in shape]
    y, x = (_spread(places[:, axis], shape[axis], cells[axis], bandwidth_px) for axis in (0, 1))
    sides = shape[0] / cells[0], shape[1] / cells[1]
    return y.T @ x / (sides[0] * sides[1]), sides


def _spread(places: np.ndarray, side: int, cells: int, bandwidth_px: float) -> np.ndarray:
    """Share of each place's Gaussian in each cell of one axis, (n, cells); a row's sum is 1."""
    edges = np.linspace(-0.5, side - 0.5, cells + 1)
    inside = np.clip(places, -0.5, side - 0.5)
    images = (inside, -1 - inside, 2 * side - 1 - inside)
    shares = sum(np.diff(ndtr((edges - image[:, None]) / bandwidth_px), axis=1) for image in images)
    # Part of a Gaussian wider than the frame remains outside after one reflection.
    spread: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return spread


def nearest_distances(places: np.ndarray) -> np.ndarray:
    """Distance of each of at least two places (n, d) to the nearest other, (n,)."""
    distances: np.ndarray = cKDTree(places).query(places, k=2)[0][:, 1]
    return distances


def empty_band(places: np.ndarray, shape: tuple[int, int]) -> tuple[str, float] | None:
    """Find the widest band without events along a side of the frame, if chance rarely leaves such a band.

    Of `n` independent uniform places, none lies in a given share `f` of the frame with probability (1 - f)^n. For any
    of the four bands of that share the probability is at most four times that.

    Parameters
    ----------
    places
        y, x in pixels, (n, 2).
    shape
        (Y, X) of the frame.

    Returns
    -------
    (str, float) or None
        The side (``upper``, ``lower``, ``left`` or ``right``), and the band's share of the frame.
    """
    if not len(places):
        return None
    first, last = (places.min(axis=0) + 0.5) / shape, 1 - (places.max(axis=0) + 0.5) / shape
    shares = {"upper": first[0], "lower": last[0], "left": first[1], "right": last[1]}
    side = max(shares, key=lambda name: shares[name])
    share = float(shares[side])
    seldom = 4 * (1 - share) ** len(places) < EMPTY_CHANCE
    return (side, share) if share >= EMPTY_SHARE and seldom else None


def neighbours_in_space(
    places: np.ndarray, shape: tuple[int, int], permutations: int, seed: int, report: Report = silent
) -> Neighbours | None:
    """Compare distances in the plane with those of as many places drawn uniformly and independently in the frame.

    Places are drawn in the frame, not in the hull of the events: a hull around random places is always smaller than the
    field that they were drawn in, so any events would look dispersed in it. In the frame at most 5 % of random
    arrangements are significant at 5 %. If tissue fills only a part of the frame, small distances reflect only that.

    Parameters
    ----------
    places
        y, x in pixels, (n, 2).
    shape
        (Y, X) of the frame.

    Returns
    -------
    Neighbours or None
        None for fewer than `FEWEST` events.
    """
    count = len(places)
    return compare_with_random(
        places, lambda random: random.random((count, 2)) * shape - 0.5, permutations, seed, report
    )


def neighbours_in_space_and_time(
    places: np.ndarray, frame_distance_px: float, permutations: int, seed: int, report: Report = silent
) -> Neighbours | None:
    """Compare distances in space and time with those after the events' frames are permuted.

    Under this null hypothesis an event's position and its time are independent. Positions and frames are kept, so
    neither dense regions nor periods with many events count as clustering, only events that are close in both.

    Parameters
    ----------
    places
        Frame, y, x of the events of one class, (n, 3).
    frame_distance_px
        Pixels that correspond to one frame: the distance is the root of dy² + dx² + (frame_distance_px · dt)².

    Returns
    -------
    Neighbours or None
        None for fewer than `FEWEST` events.
    """
    scaled = places * [frame_distance_px, 1, 1]

    def permuted(random: np.random.Generator) -> np.ndarray:
        return np.column_stack([random.permutation(scaled[:, 0]), scaled[:, 1:]])

    return compare_with_random(scaled, permuted, permutations, seed, report)


def compare_with_random(
    places: np.ndarray, draw: Draw, permutations: int, seed: int, report: Report = silent
) -> Neighbours | None:
    """Compare nearest-neighbour distances with those of arrangements from `draw`; None for fewer than `FEWEST` events.

    This is a Monte Carlo test: the observed arrangement counts as one drawn under the null hypothesis, so p is exact
    and never 0.
    """
    if len(places) < FEWEST:
        return None
    random = np.random.default_rng(seed)
    observed = np.sort(nearest_distances(places))
    first = [np.sort(nearest_distances(draw(random))) for _ in range(min(FIRST_DRAWS, permutations))]
    distances = np.linspace(0, max(float(one[-1]) for one in (observed, *first)), DISTANCES)
    means = np.empty(permutations)
    shares = np.empty((permutations, DISTANCES), np.float32)
    for number in range(permutations):
        drawn = first[number] if number < len(first) else np.sort(nearest_distances(draw(random)))
        means[number] = drawn.mean()
        shares[number] = np.searchsorted(drawn, distances, side="right") / len(places)
        report((number + 1) / permutations, "comparing with random arrangements")
    mean = float(observed.mean())
    low, middle, high = np.percentile(shares, ENVELOPE, axis=0)
    # Sums of the same distances in another order may differ by rounding; that is not a difference.
    slack = 1e-9 * max(1.0, mean)
    smaller = (1 + np.count_nonzero(means <= mean + slack)) / (permutations + 1)
    larger = (1 + np.count_nonzero(means >= mean - slack)) / (permutations + 1)
    expected_low, expected_high = np.percentile(means, (ENVELOPE[0], ENVELOPE[2]))
    return Neighbours(
        distances=distances,
        share=np.searchsorted(observed, distances, side="right") / len(places),
        low=low,
        middle=middle,
        high=high,
        mean=mean,
        expected=float(means.mean()),
        expected_low=float(expected_low),
        expected_high=float(expected_high),
        p=float(min(1.0, 2 * min(smaller, larger))),
    )
