"""Counts, densities and nearest neighbours of events. Everything random is seeded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from epifiji.data.progress import Report, silent
from epifiji.data.region import Region
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


def time_edges(frames: int, time_bin: int) -> np.ndarray:
    """Return the bounds of bins of `time_bin` frames; the last bin ends with the movie and may be shorter."""
    return np.append(np.arange(0, frames, time_bin), frames)


def rates(frames: np.ndarray, observed: np.ndarray, time_bin: int) -> Rates:
    """Count events in bins of time, see :func:`time_edges`.

    Parameters
    ----------
    frames
        0-based frame of each event, (n,).
    observed
        Whether events may lie in each frame of the movie, (T,).
    """
    edges = time_edges(len(observed), time_bin)
    counts = np.bincount(np.asarray(frames, int) // time_bin, minlength=len(edges) - 1)
    return Rates(edges, counts, np.add.reduceat(observed, edges[:-1], dtype=int))


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


def density_within(
    places: np.ndarray, region: Region, bandwidth_px: float, most_cells: int = DENSITY_CELLS
) -> tuple[np.ndarray, tuple[float, float]]:
    """Smooth events of a region with a Gaussian into a map of events per pixel of the region.

    The smoothed events are divided by the region, smoothed in the same way (Diggle 1985), so the map is constant if
    events are spread evenly over the region; outside it the map is 0. It is scaled so that its integral over the
    region, averaged over time, is the number of events. In the whole frame it is that of :func:`density`.

    Parameters
    ----------
    places
        Frame, y, x of each event, (n, 3), all in the region.
    region
        Where events may lie.
    bandwidth_px, most_cells
        As in :func:`density`, and so is what is returned.
    """
    shape = region.masks[0].shape
    smooth, sides = density(places[:, 1:], shape, bandwidth_px, most_cells)
    if region.is_frame:
        return smooth, sides
    cells = smooth.shape[0], smooth.shape[1]
    coverage = region.coverage(cells)
    y, x = (
        _spread((np.arange(count) + 0.5) * side / count - 0.5, side, count, bandwidth_px)
        for side, count in zip(shape, cells, strict=True)
    )
    seen = y.T @ coverage @ x
    within = np.divide(smooth, seen, out=np.zeros(cells), where=(coverage > 0) & (seen > 0))
    total = float((within * coverage).sum()) * sides[0] * sides[1]
    return within * (len(places) / total if total else 0.0), sides


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


def random_places(frames: np.ndarray, region: Region, random: np.random.Generator) -> np.ndarray:
    """Draw a place (y, x in pixels) for each event, uniformly and independently in the region at its frame, (n, 2)."""
    if region.is_frame:
        return random.random((len(frames), 2)) * region.masks[0].shape - 0.5
    places = random.random((len(frames), 2)) - 0.5
    numbers = region.of_frame[frames.astype(int)]
    for number in np.unique(numbers):
        here = np.flatnonzero(numbers == number)
        mask = region.masks[number]
        places[here] += mask.numbered(random.integers(0, mask.area, len(here)))
    return places


def neighbours_in_space(
    places: np.ndarray, region: Region, permutations: int, seed: int, report: Report = silent
) -> Neighbours | None:
    """Compare distances in the plane with those of as many places drawn uniformly and independently in the region.

    Places are drawn in the region, not in the hull of the events: a hull around random places is always smaller than the
    field that they were drawn in, so any events would look dispersed in it. In the region at most 5 % of random
    arrangements are significant at 5 %. If the region is the frame, and tissue fills only a part of it, small distances
    reflect only that. Edges need no correction, because random places are as near to them.

    Parameters
    ----------
    places
        Frame, y, x in pixels, (n, 3), all in the region.
    region
        Where events may lie.

    Returns
    -------
    Neighbours or None
        None for fewer than `FEWEST` events.
    """
    return compare_with_random(
        places[:, 1:], lambda random: random_places(places[:, 0], region, random), permutations, seed, report
    )


def neighbours_in_space_and_time(
    places: np.ndarray, frame_distance_px: float, permutations: int, seed: int, report: Report = silent
) -> Neighbours | None:
    """Compare distances in space and time with those after the events' frames are permuted.

    Under this null hypothesis an event's position and its time are independent. Positions and frames are kept, so
    neither dense regions nor periods with many events count as clustering, only events that are close in both. No place
    is drawn, so the result does not depend on where tissue is.

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
