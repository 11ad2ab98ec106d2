"""Training parts from labelled movies: frames, and the target probabilities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from epifiji.data.labelled import TrainingMovie
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.networks.epinet.model import GRAIN_PX, REACH_FRAMES
from epifiji.engine.training.augmentation import ZOOM, changed, turned

PART_FRAMES, PART_PX = 44, 128
"""Frames of a part, of which the first and last `REACH_FRAMES` have no targets, and pixels per side."""

LEAST_FRAMES, LEAST_PX = 32, 64
"""The same for parts of small movies."""

SIGMA_PX, SIGMA_FRAMES = 6.0, 1.5
"""Size of an event's target: 1 up to 1.2 of these, half at 1.7."""

AT_EVENTS = 0.75
"""Share of parts that are chosen to contain an event or a place marked as none."""

ZOOMS = (0.8, 1.25)
"""Range of the factors by which a part is scaled."""

ZOOMED = 0.3
"""Share of parts that are scaled."""

SURELY_NOTHING = 0.1
"""Another network predicts nothing at a place if all its probabilities are below this."""


@dataclass(frozen=True)
class Part:
    """One unit of training.

    Parameters
    ----------
    frames
        (n, side, side), float32, of any level; `PART_FRAMES` and `PART_PX` unless the movies are small.
    answers, weights
        (n - 2 * REACH_FRAMES, side/4, side/4, events), float32: target probabilities, and their weights in the loss.
    """

    frames: np.ndarray
    answers: np.ndarray
    weights: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays in the form of a loss's arguments."""
        return self.frames, self.answers, self.weights


def targets_for(events: np.ndarray, shape: tuple[int, int, int], classes: int) -> np.ndarray:
    """Return the targets (T, Y/4, X/4, classes), float32 in 0–1, for events (n, 4) at class, frame, y, x in `shape` (T, Y, X).

    ``min(1, 2 exp(-d² / 2))`` with d² = (distance in the plane / `SIGMA_PX`)² + (frames / `SIGMA_FRAMES`)²; the maximum
    over all events.
    """
    count, height, width = shape
    result = np.zeros((count, height // STRIDE, width // STRIDE, classes), np.float32)
    ys, xs = (STRIDE * np.arange(n // STRIDE) + (STRIDE - 1) / 2 for n in (height, width))
    ts = np.arange(count)
    for kind, t, y, x in events:
        near = [np.flatnonzero(np.abs(a - b) < 3 * s) for a, b, s in zip((ts, ys, xs), (t, y, x), _SIGMAS, strict=True)]
        if all(len(n) for n in near):
            along = (((a[n] - b) / s) ** 2 for a, n, b, s in zip((ts, ys, xs), near, (t, y, x), _SIGMAS, strict=True))
            dt, dy, dx = along
            there = np.minimum(1, 2 * np.exp(-(dt[:, None, None] + dy[:, None] + dx) / 2))
            part = result[
                near[0][0] : near[0][-1] + 1, near[1][0] : near[1][-1] + 1, near[2][0] : near[2][-1] + 1, int(kind)
            ]
            np.maximum(part, there, out=part)
    return result


_SIGMAS = (SIGMA_FRAMES, SIGMA_PX, SIGMA_PX)


class Sampler:
    """Draws random parts, the same number for every class.

    Parameters
    ----------
    movies
        At the network's scale; at least one.
    classes
        Number of event classes.
    random
        Source of all random numbers.
    without
        Names of augmentations to leave out; see :mod:`epifiji.engine.training.augmentation`.
    """

    def __init__(
        self,
        movies: Sequence[TrainingMovie],
        classes: int,
        random: np.random.Generator,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._movies, self._classes, self._random, self._without = movies, classes, random, without
        self._targets: list[list[tuple[int, np.ndarray]]] = [
            [(n, e[1:]) for n, movie in enumerate(movies) for e in movie.events if int(e[0]) == kind]
            for kind in range(classes)
        ]
        self._targets.append([(n, place) for n, movie in enumerate(movies) for place in movie.nothing])
        self._targets = [targets for targets in self._targets if targets]
        self._frames, self._px = part_size([movie.pixels.shape for movie in movies])
        areas = np.array([movie.pixels.size for movie in movies], float)
        self._shares = areas / areas.sum()

    def __iter__(self) -> Iterator[Part]:
        while True:
            yield self.draw()

    def reseed(self, random: np.random.Generator) -> None:
        """Use this source of random numbers from now on, so that a step's parts depend only on its number."""
        self._random = random

    def draw(self) -> Part:
        """Draw a part."""
        random = self._random
        zoom = 1.0
        if ZOOM not in self._without and random.random() < ZOOMED:
            zoom = float(np.exp(random.uniform(*np.log(ZOOMS))))
        side = int(np.ceil(self._px / zoom))
        size = np.array([self._frames, side, side])
        if self._targets and random.random() < AT_EVENTS:
            targets = self._targets[random.integers(len(self._targets))]
            number, place = targets[random.integers(len(targets))]
            inside = random.uniform([REACH_FRAMES + 1, 10, 10], size - [REACH_FRAMES + 2, 11, 11])
            start = np.round(place - inside).astype(int)
        else:
            number = int(random.choice(len(self._movies), p=self._shares))
            shape = np.array(self._movies[number].pixels.shape)
            start = random.integers(
                -np.array([REACH_FRAMES, 0, 0]), np.maximum(shape - size + [REACH_FRAMES, 0, 0], 0) + 1
            )
        return self._part(self._movies[number], start, size)

    def _part(self, movie: TrainingMovie, start: np.ndarray, size: np.ndarray) -> Part:
        """Cut a part of this size; at the movie's ends it begins with repeated frames, or at the field's edge."""
        shape = np.array(movie.pixels.shape)
        low = np.array([-REACH_FRAMES, 0, 0])
        start = np.clip(start, low, np.maximum(shape - size - low, low))
        frames, events = _cut(movie.pixels, start, size), movie.events.copy()
        events[:, 1:] -= start
        answers, weights = self._answers(movie, events, start, size)
        if size[1] != self._px:
            scale = self._px / size[1]
            frames = ndimage.zoom(frames, (1, scale, scale), order=1, grid_mode=True, mode="nearest")
        frames, answers, weights = turned((frames, answers, weights), self._random, self._without)
        frames = changed(frames, self._random, self._without)
        return Part(*(np.ascontiguousarray(one, np.float32) for one in (frames, answers, weights)))

    def _answers(
        self, movie: TrainingMovie, events: np.ndarray, start: np.ndarray, size: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets of a part from its events (relative to `start`) and predictions, and their weights."""
        answered = (self._frames - 2 * REACH_FRAMES, self._px, self._px)
        events = events - [0, REACH_FRAMES, 0, 0]
        events[:, 2:] = (events[:, 2:] + 0.5) * self._px / size[1] - 0.5
        answers = targets_for(events, answered, self._classes)
        # The movie's frame, row and column at the centre of each target.
        grid = np.arange(0, self._px, STRIDE) + STRIDE / 2
        places = [start[0] + REACH_FRAMES + np.arange(answered[0])]
        places += [a + (grid * size[1] / self._px).astype(int) for a in start[1:].tolist()]
        within = [(p >= 0) & (p < n) for p, n in zip(places, movie.pixels.shape, strict=True)]
        inside = (within[0][:, None, None] & within[1][:, None] & within[2])[..., None]
        ts, ys, xs = (np.clip(p, 0, n - 1) for p, n in zip(places, movie.pixels.shape, strict=True))
        known = inside & np.array(movie.annotated or (True,) * self._classes)
        if movie.known is not None:
            known = known & movie.known[np.ix_(ts, ys, xs)][..., None]
        if movie.predicted is None:
            return answers, np.broadcast_to(known, answers.shape)
        rows, columns = (
            np.minimum(p // STRIDE, n - 1) for p, n in zip((ys, xs), movie.predicted.shape[1:], strict=False)
        )
        predicted = movie.predicted[np.ix_(ts, rows, columns)] / np.float32(255)
        counted = np.zeros(answers.shape, bool)
        counted[..., : predicted.shape[-1]] = (
            (predicted < SURELY_NOTHING).all(-1, keepdims=True) if movie.predicted_nothing_only else True
        )
        predicted = np.pad(predicted, [(0, 0)] * 3 + [(0, self._classes - predicted.shape[-1])])
        return np.where(known, answers, predicted), known | (inside & counted)


def part_size(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Return the frames and the side of parts of movies (T, Y, X): smaller than usual if none of them fills a part."""
    longest = max(shape[0] for shape in shapes) + 2 * REACH_FRAMES
    largest = max(max(shape[1:]) for shape in shapes)
    in_grain = -(-largest // GRAIN_PX) * GRAIN_PX
    return int(np.clip(longest, LEAST_FRAMES, PART_FRAMES)), int(np.clip(in_grain, LEAST_PX, PART_PX))


def _cut(pixels: np.ndarray, start: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Cut frames out of a movie, float64; beyond its ends its first and last frames are repeated and its rows mirrored."""
    ts = np.clip(np.arange(start[0], start[0] + size[0]), 0, pixels.shape[0] - 1)
    y, x = (slice(a, a + n) for a, n in zip(start[1:], size[1:], strict=True))
    cut = pixels[ts[0] : ts[-1] + 1, y, x][ts - ts[0]].astype(np.float64)
    short = [(0, n - m) for n, m in zip(size[1:].tolist(), cut.shape[1:], strict=True)]
    return np.pad(cut, [(0, 0), *short], "reflect" if min(cut.shape[1:]) > max(s for _, s in short) else "edge")
