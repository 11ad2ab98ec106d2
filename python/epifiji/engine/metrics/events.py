"""Agreement of detected with reference events: one-to-one matching, precision, recall, and errors of position and time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Counts
from epifiji.data.events import Event, by_class
from epifiji.data.settings.comparison import ComparisonSettings

DISTANCE_XY_PX = ComparisonSettings().distance_xy
"""Largest distance in the plane, in pixels, between a detected event and its reference."""

DISTANCE_T_FRAMES = ComparisonSettings().distance_t
"""Largest distance in time, in frames."""

Candidates = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Pairs within the distances: indices of detected and of reference events, and cost, each of shape (n,)."""


@dataclass(frozen=True)
class Matching:
    """Pairs of detected and reference events, and the events without a partner.

    Parameters
    ----------
    pairs
        (detected, reference), both of one class; the true positives.
    false_positives
        Detected events without a reference event.
    false_negatives
        Reference events that were not detected.
    """

    pairs: tuple[tuple[Event, Event], ...] = ()
    false_positives: tuple[Event, ...] = ()
    false_negatives: tuple[Event, ...] = ()

    @property
    def counts(self) -> Counts:
        """Number of pairs, false positives and false negatives."""
        return Counts(len(self.pairs), len(self.false_positives), len(self.false_negatives))


@dataclass(frozen=True)
class ClassScores:
    """Counts and scores of one class, or of all classes; None for a ratio or mean whose denominator is 0.

    Parameters
    ----------
    true_positives, false_positives, false_negatives
        Matched events, detected events without a match, reference events without a match.
    precision
        TP / (TP + FP); None if nothing was detected.
    recall
        TP / (TP + FN); None if the reference is empty.
    f1
        2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; None if both sides are empty.
    position_error_px
        Mean distance in the plane of the matched events, in pixels.
    time_error_frames
        Mean absolute difference in time of the matched events, in frames.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    precision: float | None
    recall: float | None
    f1: float | None
    position_error_px: float | None
    time_error_frames: float | None


@dataclass(frozen=True)
class Scores:
    """Scores of all events together, and of each class by name."""

    overall: ClassScores
    classes: dict[str, ClassScores]


def match_events(
    detected: Iterable[Event],
    reference: Iterable[Event],
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
) -> Matching:
    """Match detected to reference events of the same class, one to one.

    A pair may match if its Euclidean distance in (y, x) is at most `distance_xy` and its frames differ by at most
    `distance_t`. Of all matchings with the most pairs, one with the smallest sum of distances is chosen (pixels plus
    frames, as DeXtrusion's authors add them). The order of the events has no effect.

    Parameters
    ----------
    detected, reference
        Events with finite positions.
    distance_xy
        In pixels, 0 or more; a pair at exactly this distance may match.
    distance_t
        In frames, 0 or more; a pair at exactly this distance may match.

    Raises
    ------
    WrongInputError
        If a distance is negative or not finite, or a position is not finite.
    """
    _require_distances(distance_xy, distance_t)
    found, known = by_class(detected), by_class(reference)
    return _together(
        _match_class(found.get(name, []), known.get(name, []), distance_xy, distance_t)
        for name in sorted({*found, *known})
    )


def match_as_authors(
    detected: Iterable[Event],
    reference: Iterable[Event],
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
) -> Matching:
    """Match events as DeXtrusion's authors do, for comparison with published scores.

    Detections are taken in their order. Each is paired with the nearest reference event of its class (by distance in
    pixels plus frames; the first of equally near ones) that lies within both distances and is not yet in a pair. This
    differs from :func:`match_events` in three ways:

    - The order of the detections matters: one may take the reference event that a later one needs, which leaves fewer pairs than
      possible.
    - A reference event is a false negative only if no detection lies near it, in a pair or not. One that shares its only
      detection with a neighbour counts as found, although it is in no pair.
    - So pairs and false negatives need not add up to the reference events, and TP / (TP + FN) is never less than the share
      of reference events that are in a pair.

    The authors' package reports 0 for precision and recall if nothing was detected; :func:`score` returns None for a
    ratio whose denominator is 0.

    Parameters
    ----------
    detected, reference, distance_xy, distance_t
        See :func:`match_events`; here the events' order matters.

    Raises
    ------
    WrongInputError
        As :func:`match_events`.
    """
    _require_distances(distance_xy, distance_t)
    found, known = _in_order(detected), _in_order(reference)
    return _together(
        _match_class_as_authors(found.get(name, []), known.get(name, []), distance_xy, distance_t)
        for name in sorted({*found, *known})
    )


def score(matching: Matching, classes: Iterable[str] = ()) -> Scores:
    """Compute precision, recall, F1 and mean errors of a matching, for each class and overall.

    Parameters
    ----------
    matching
        From :func:`match_events`.
    classes
        Classes to list even if neither side has an event of them.
    """
    sides = [*chain.from_iterable(matching.pairs), *matching.false_positives, *matching.false_negatives]
    names = sorted({*classes, *(event.event for event in sides)})
    return Scores(
        overall=_scores(matching),
        classes={name: _scores(_only(matching, name)) for name in names},
    )


def _require_distances(distance_xy: float, distance_t: float) -> None:
    for name, distance in (("distance_xy", distance_xy), ("distance_t", distance_t)):
        if not (math.isfinite(distance) and distance >= 0):
            raise WrongInputError(f"{name} is {distance}, but a distance of 0 or more is needed: change it.")


def _together(matchings: Iterable[Matching]) -> Matching:
    """Join the matchings of several classes."""
    parts = list(matchings)
    return Matching(
        pairs=tuple(chain.from_iterable(part.pairs for part in parts)),
        false_positives=tuple(chain.from_iterable(part.false_positives for part in parts)),
        false_negatives=tuple(chain.from_iterable(part.false_negatives for part in parts)),
    )


def _in_order(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Group events by class, each group in the events' order."""
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.event, []).append(event)
    return groups


def _match_class_as_authors(
    detected: Sequence[Event], reference: Sequence[Event], distance_xy: float, distance_t: float
) -> Matching:
    """Match events of one class as the authors do."""
    known = _places(reference)
    free, found = np.ones(len(known), bool), np.zeros(len(known), bool)
    pairs, false_positives = [], []
    for event, place in zip(detected, _places(detected), strict=True):
        near, cost = _near(place - known, distance_xy, distance_t)
        found |= near
        candidates = np.flatnonzero(near & free)
        if len(candidates):
            nearest = int(candidates[np.argmin(cost[candidates])])
            free[nearest] = False
            pairs.append((event, reference[nearest]))
        else:
            false_positives.append(event)
    false_negatives = tuple(event for event, near in zip(reference, found, strict=True) if not near)
    return Matching(tuple(pairs), tuple(false_positives), false_negatives)


def _match_class(
    detected: Sequence[Event], reference: Sequence[Event], distance_xy: float, distance_t: float
) -> Matching:
    """Match events of one class."""
    pairs = _assign(_candidates(_places(detected), _places(reference), distance_xy, distance_t))
    found, known = set(pairs), set(pairs.values())
    return Matching(
        pairs=tuple((detected[i], reference[pairs[i]]) for i in sorted(pairs)),
        false_positives=tuple(event for i, event in enumerate(detected) if i not in found),
        false_negatives=tuple(event for j, event in enumerate(reference) if j not in known),
    )


def _places(events: Sequence[Event]) -> np.ndarray:
    """Return frame, y, x of events, (n, 3)."""
    places = np.array([(event.frame, event.y, event.x) for event in events], dtype=float).reshape(-1, 3)
    bad = ~np.isfinite(places).all(axis=1)
    if bad.any():
        raise WrongInputError(
            f"{events[int(np.argmax(bad))]} has no position, but every event needs numbers: leave it out."
        )
    return places


def _candidates(detected: np.ndarray, reference: np.ndarray, distance_xy: float, distance_t: float) -> Candidates:
    """Find all pairs within the distances; the places have the shapes (n, 3) and (m, 3)."""
    # The tree searches a box slightly larger than the cylinder of allowed distances.
    box = np.array([distance_t, distance_xy, distance_xy]) * (1 + 1e-9) + 1e-9
    near = cKDTree(detected / box).sparse_distance_matrix(
        cKDTree(reference / box), max_distance=1.0, p=np.inf, output_type="ndarray"
    )
    i, j = near["i"], near["j"]
    within, cost = _near(detected[i] - reference[j], distance_xy, distance_t)
    return i[within], j[within], cost[within]


def _near(difference: np.ndarray, distance_xy: float, distance_t: float) -> tuple[np.ndarray, np.ndarray]:
    """Return which differences (n, 3) of frame, y and x may match, and their costs, in pixels plus frames."""
    in_plane, in_time = np.hypot(difference[:, 1], difference[:, 2]), np.abs(difference[:, 0])
    return (in_plane <= distance_xy) & (in_time <= distance_t), in_plane + in_time


def _assign(candidates: Candidates) -> dict[int, int]:
    """Choose the most pairs, and of these the ones with the smallest cost, with each event in at most one pair.

    Events that no chain of candidates connects do not compete, so each connected group is solved separately. Returns
    indices of reference events by indices of detected events.
    """
    i, j, cost = candidates
    if not len(i):
        return {}
    rows, columns = int(i.max()) + 1, int(j.max()) + 1
    links = coo_matrix((np.ones(len(i)), (i, rows + j)), shape=(rows + columns, rows + columns))
    group = connected_components(links, directed=False)[1][i]
    by_group = np.lexsort((j, i, group))
    pairs: dict[int, int] = {}
    for members in np.split(by_group, np.flatnonzero(np.diff(group[by_group])) + 1):
        pairs.update(_assign_group(i[members], j[members], cost[members]))
    return pairs


def _assign_group(i: np.ndarray, j: np.ndarray, cost: np.ndarray) -> dict[int, int]:
    """Solve one group of candidates by the Hungarian method."""
    rows, row_of = np.unique(i, return_inverse=True)
    columns, column_of = np.unique(j, return_inverse=True)
    # A pair that is not a candidate has cost 0; one more candidate saves more than any distances can cost.
    saving = (min(len(rows), len(columns)) + 1) * (float(cost.max()) + 1)
    matrix = np.zeros((len(rows), len(columns)))
    matrix[row_of, column_of] = cost - saving
    chosen_rows, chosen_columns = linear_sum_assignment(matrix)
    return {
        int(rows[row]): int(columns[column])
        for row, column in zip(chosen_rows, chosen_columns, strict=True)
        if matrix[row, column] < 0
    }


def _only(matching: Matching, name: str) -> Matching:
    """Return the part of a matching that concerns one class."""
    return Matching(
        pairs=tuple(pair for pair in matching.pairs if pair[1].event == name),
        false_positives=tuple(event for event in matching.false_positives if event.event == name),
        false_negatives=tuple(event for event in matching.false_negatives if event.event == name),
    )


def _scores(matching: Matching) -> ClassScores:
    """Compute counts and scores of a matching, regardless of class."""
    counts = matching.counts
    in_plane = [math.hypot(found.y - known.y, found.x - known.x) for found, known in matching.pairs]
    in_time = [float(abs(found.frame - known.frame)) for found, known in matching.pairs]
    return ClassScores(
        **asdict(counts),
        precision=counts.precision,
        recall=counts.recall,
        f1=counts.f1,
        position_error_px=_mean(in_plane),
        time_error_frames=_mean(in_time),
    )


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
