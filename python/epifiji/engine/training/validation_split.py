"""Training and validation sets: separated by movie or image, or else by a part of the field or of time.

Movies and images are divided before anything is drawn from them, so no pixel of a validation event or cell is ever in the
training set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Generic

import numpy as np

from epifiji.data.labelled import TrainingField, TrainingMovie, TrainingVolume
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.training.recipe import Item

WHOLE_MOVIES_FROM = 3
"""With this number of movies or more, whole movies are held out."""

GUARD_PX, GUARD_FRAMES = 24, 10
"""Events closer than this to a cut are in neither set."""

LEAST_PX, LEAST_FRAMES = 64, 24
"""Smallest part of a movie, in pixels and in frames."""

FEWEST_EVENTS = 4
"""A movie with fewer events is not divided."""

FEWEST_CELLS = 4
"""Fewest cells of a part of an image that is held out."""

LARGEST_ENUMERATED = 10
DRAWN_SUBSETS = 2000

BADLY_SPLIT = 1.0
"""Cost of a class without held-out events, or with most events held out."""

IN_TIME = 0.3
"""Cost of a cut in time, which leaves the same cells in both sets: it is chosen only if no cut in space is good."""


@dataclass(frozen=True)
class Split(Generic[Item]):
    """The training and the validation set, and how they were separated: by ``movies``, ``images``, ``volumes`` or ``parts``."""

    learnt: list[Item]
    held_out: list[Item]
    way: str


def held_out_events(movies: Sequence[TrainingMovie], classes: int) -> list[int]:
    """Count the validation events of each class."""
    return [
        int(sum((one.events[one.is_scored(one.events[:, 1:]), 0] == kind).sum() for one in movies))
        for kind in range(classes)
    ]


def split(
    movies: Sequence[TrainingMovie], classes: int, share: float, random: np.random.Generator
) -> Split[TrainingMovie]:
    """Hold out about `share` of the events of each class.

    Parameters
    ----------
    movies
        At the network's scale; at least one.
    classes
        Number of event classes.
    share
        0–1.
    random
        Used if there are too many movies to try all subsets.
    """
    counts = np.array([_counts(movie.events, classes) for movie in movies])
    if len(movies) >= WHOLE_MOVIES_FROM:
        chosen = min(_subsets(len(movies), random), key=lambda held: _cost(counts[held].sum(0), counts.sum(0), share))
        if _cost(counts[chosen].sum(0), counts.sum(0), share) < BADLY_SPLIT:
            return Split(
                [movie for movie, held in zip(movies, chosen, strict=True) if not held],
                [movie for movie, held in zip(movies, chosen, strict=True) if held],
                "movies",
            )
    learnt: list[TrainingMovie] = []
    held_out: list[TrainingMovie] = []
    for movie in movies:
        parts = _taken_apart(movie, classes, share)
        learnt.append(parts[0] if parts else movie)
        held_out += [parts[1]] if parts else []
    return Split(learnt, held_out, "parts" if held_out else "")


def split_fields(
    images: Sequence[Sequence[TrainingField]], share: float, random: np.random.Generator
) -> Split[TrainingField]:
    """Hold out about `share` of the cells.

    Parameters
    ----------
    images
        The frames of each image, at the network's scale; at least one.
    share
        0–1.
    random
        Used if there are too many images to try all subsets.

    Returns
    -------
    Split
        Whole images with all their frames are held out if there are three or more; otherwise one side of each image, the
        same in all its frames: the next frame shows the same cells.
    """
    counts = np.array([[sum(field.cells for field in image)] for image in images])
    if len(images) >= WHOLE_MOVIES_FROM:
        chosen = min(_subsets(len(images), random), key=lambda held: _cost(counts[held].sum(0), counts.sum(0), share))
        return Split(
            [field for image, held in zip(images, chosen, strict=True) if not held for field in image],
            [field for image, held in zip(images, chosen, strict=True) if held for field in image],
            "images",
        )
    learnt: list[TrainingField] = []
    held_out: list[TrainingField] = []
    for image in images:
        cut = _cut_of_field(image[0], share)
        learnt += [_part_of_field(field, *cut, held=False) if cut else field for field in image]
        held_out += [_part_of_field(field, *cut, held=True) for field in image] if cut else []
    return Split([field for field in learnt if field.known.any()], held_out, "parts" if held_out else "")


def split_volumes(
    volumes: Sequence[TrainingVolume], share: float, random: np.random.Generator
) -> Split[TrainingVolume]:
    """Hold out whole volumes with about `share` of the cells, at least one; at least two volumes are needed."""
    counts = np.array([[volume.cells] for volume in volumes])
    chosen = min(_subsets(len(volumes), random), key=lambda held: _cost(counts[held].sum(0), counts.sum(0), share))
    return Split(
        [volume for volume, held in zip(volumes, chosen, strict=True) if not held],
        [volume for volume, held in zip(volumes, chosen, strict=True) if held],
        "volumes",
    )


def _cut_of_field(field: TrainingField, share: float) -> tuple[int, int, bool] | None:
    """Return where to cut a field: axis, place, and whether the part after it is held out; None if no cut is good.

    Cells are counted by their centres.
    """
    from scipy import ndimage

    labels = np.unique(field.labels)
    centres = np.array(ndimage.center_of_mass(field.labels > 0, field.labels, labels[labels > 0])).reshape(-1, 2)
    best, found = share, None
    for axis, size in enumerate(field.labels.shape):
        for place in range(LEAST_PX, size - LEAST_PX + 1, STRIDE):
            for after in (True, False):
                held = centres[:, axis] >= place if after else centres[:, axis] < place
                if held.sum() >= FEWEST_CELLS and (cost := abs(held.mean() - share)) < best:
                    best, found = cost, (axis, place, after)
    return found


def _part_of_field(field: TrainingField, axis: int, place: int, after: bool, held: bool) -> TrainingField:
    there = (slice(None),) * axis + (slice(place, None) if after is held else slice(None, place),)
    return replace(field, pixels=field.pixels[there], labels=field.labels[there], known=field.known[there])


def _counts(events: np.ndarray, classes: int) -> np.ndarray:
    return np.bincount(events[:, 0].astype(int), minlength=classes)[:classes]


def _cost(held: np.ndarray, all_of_them: np.ndarray, share: float) -> float:
    """Return how far the numbers of held-out events are from a share of all; classes with a single event do not count."""
    several = all_of_them > 1
    if not several.any():
        return BADLY_SPLIT
    part = held[several] / all_of_them[several]
    badly = (part == 0) | (part > max(0.5, 1.5 * share))
    return float(np.abs(part - share).mean() + BADLY_SPLIT * badly.sum())


def _subsets(count: int, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield subsets of movies to hold out, but not all movies: every one of them, or many at random."""
    if count <= LARGEST_ENUMERATED:
        yield from (np.array(one, bool) for one in product((False, True), repeat=count) if 0 < sum(one) < count)
        return
    for size in range(DRAWN_SUBSETS):
        held = np.zeros(count, bool)
        held[random.choice(count, 1 + size % max(1, count // 2), replace=False)] = True
        yield held


def _taken_apart(movie: TrainingMovie, classes: int, share: float) -> tuple[TrainingMovie, TrainingMovie] | None:
    """Cut a movie in two at the place with the best numbers of held-out events; None if no cut is good."""
    if len(movie.events) < FEWEST_EVENTS:
        return None
    every = _counts(movie.events, classes)
    best, found = BADLY_SPLIT, None
    for axis, place, after in _cuts(movie):
        guard = GUARD_PX if axis else GUARD_FRAMES
        along = movie.events[:, axis + 1]
        held = along >= place + guard if after else along < place - guard
        lost = (along >= place if after else along < place) & ~held
        cost = _cost(_counts(movie.events[held], classes), every, share) + lost.mean() + (0 if axis else IN_TIME)
        if cost < best:
            best, found = cost, (axis, place, after)
    return None if found is None else _cut_at(movie, *found)


def _cuts(movie: TrainingMovie) -> Iterator[tuple[int, int, bool]]:
    """Yield possible cuts: axis, place, and whether the part after it is held out. The training part is the larger one."""
    for axis, size in enumerate(movie.pixels.shape):
        least, grain = (LEAST_PX, STRIDE) if axis else (LEAST_FRAMES, 1)
        for place in range(least, size - least + 1, grain):
            yield axis, place, place >= size / 2


def _cut_at(movie: TrainingMovie, axis: int, place: int, after: bool) -> tuple[TrainingMovie, TrainingMovie]:
    size = movie.pixels.shape[axis]
    first, second = _part(movie, axis, 0, place), _part(movie, axis, place, size)
    learnt, held = (first, second) if after else (second, first)
    guard = GUARD_PX if axis else GUARD_FRAMES
    low, high = [0, 0, 0], list(held.pixels.shape)
    if after:
        low[axis] = guard
    else:
        high[axis] -= guard
    t, y, x = low
    return learnt, replace(held, region=((t, y, x), (high[0], high[1], high[2])))


def _part(movie: TrainingMovie, axis: int, start: int, stop: int) -> TrainingMovie:
    """Return the part of a movie from `start` to `stop` along an axis; in the plane, multiples of the targets' stride."""

    def within(places: np.ndarray) -> np.ndarray:
        moved = places[(places[:, axis - 3] >= start) & (places[:, axis - 3] < stop)].copy()
        moved[:, axis - 3] -= start
        return moved

    there = (slice(None),) * axis + (slice(start, stop),)
    grain = STRIDE if axis else 1
    coarse = (slice(None),) * axis + (slice(start // grain, -(-stop // grain)),)
    return replace(
        movie,
        pixels=movie.pixels[there],
        events=within(movie.events),
        nothing=within(movie.nothing),
        known=None if movie.known is None else movie.known[there],
        predicted=None if movie.predicted is None else movie.predicted[coarse],
    )
