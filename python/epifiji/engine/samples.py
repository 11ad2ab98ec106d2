"""Parts of labelled movies to learn from: frames, and where the network shall answer what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from epifiji.engine.augmentation import TURNS, changed
from epifiji.engine.epinet import REACH_FRAMES, STRIDE

PART_FRAMES, PART_PX = 32, 128
"""A part has so many frames, of which the first and last `REACH_FRAMES` are not answered, and so many pixels a side."""

SIGMA_PX, SIGMA_FRAMES = 6.0, 1.5
"""How far an event's answer reaches: 1 up to 1.2 of these, half at 1.7."""

AT_EVENTS = 0.75
"""Share of parts that are chosen to hold an event or a place marked as none."""

ZOOMS = (0.8, 1.25)
"""Range of the factors by which a part is shrunk or enlarged."""


@dataclass(frozen=True)
class Labelled:
    """A movie at the network's scale, with its events.

    Parameters
    ----------
    pixels
        (T, Y, X), any real dtype.
    events
        (n, 4), float: class from 0, frame, y, x.
    marked
        (m, 3), float: frame, y, x of places that look like events and are none.
    judged
        (T, Y, X), bool, or None for all: what may be learnt from. Events elsewhere count as unknown.
    """

    pixels: np.ndarray
    events: np.ndarray
    marked: np.ndarray
    judged: np.ndarray | None = None


@dataclass(frozen=True)
class Part:
    """What a network learns from in one go.

    Parameters
    ----------
    frames
        (PART_FRAMES, PART_PX, PART_PX), float32, of any level.
    answers, weights
        (PART_FRAMES - 2 * REACH_FRAMES, PART_PX/4, PART_PX/4, events), float32: probabilities, and how much each counts.
    """

    frames: np.ndarray
    answers: np.ndarray
    weights: np.ndarray


def answers_for(events: np.ndarray, shape: tuple[int, int, int], classes: int) -> np.ndarray:
    """Give the answers (T, Y/4, X/4, classes), float32 in 0–1, for events (n, 4) at class, frame, y, x in `shape` (T, Y, X).

    ``min(1, 2 exp(-d² / 2))`` with d² = (distance in the plane / `SIGMA_PX`)² + (frames / `SIGMA_FRAMES`)²; the greatest of
    all events.
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
    """Draws parts at random, of every class as many.

    Parameters
    ----------
    movies
        At the network's scale; at least one.
    classes
        Number of event classes.
    random
        Where all chance comes from.
    without
        Names of changes that are not made; see :mod:`epifiji.engine.augmentation`.
    """

    def __init__(
        self,
        movies: Sequence[Labelled],
        classes: int,
        random: np.random.Generator,
        without: frozenset[str] = frozenset(),
    ) -> None:
        self._movies, self._classes, self._random, self._without = movies, classes, random, without
        self._targets: list[list[tuple[int, np.ndarray]]] = [
            [(n, e[1:]) for n, movie in enumerate(movies) for e in movie.events if int(e[0]) == kind]
            for kind in range(classes)
        ]
        self._targets.append([(n, place) for n, movie in enumerate(movies) for place in movie.marked])
        self._targets = [targets for targets in self._targets if targets]
        areas = np.array([movie.pixels.size for movie in movies], float)
        self._shares = areas / areas.sum()

    def __iter__(self) -> Iterator[Part]:
        while True:
            yield self.draw()

    def draw(self) -> Part:
        """Draw a part."""
        random = self._random
        zoom = (
            float(np.exp(random.uniform(*np.log(ZOOMS))))
            if "zoom" not in self._without and random.random() < 0.3
            else 1.0
        )
        side = int(np.ceil(PART_PX / zoom))
        size = np.array([PART_FRAMES, side, side])
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
        return self._part(self._movies[number], start, size, zoom)

    def _part(self, movie: Labelled, start: np.ndarray, size: np.ndarray, zoom: float) -> Part:
        """Cut a part of this size; where it leaves the movie it begins with repeated frames, or at the field's edge."""
        shape = np.array(movie.pixels.shape)
        low = np.array([-REACH_FRAMES, 0, 0])
        start = np.clip(start, low, np.maximum(shape - size - low, low))
        ts = np.clip(np.arange(start[0], start[0] + size[0]), 0, shape[0] - 1)
        y, x = (slice(a, a + n) for a, n in zip(start[1:], size[1:], strict=True))
        cut = movie.pixels[ts[0] : ts[-1] + 1, y, x][ts - ts[0]].astype(np.float32)
        short = [(0, n - m) for n, m in zip(size[1:].tolist(), cut.shape[1:], strict=True)]
        cut = np.pad(cut, [(0, 0), *short], "reflect" if min(cut.shape[1:]) > max(s for _, s in short) else "edge")
        known = np.ones(cut.shape, bool)
        if movie.judged is not None:
            judged = movie.judged[ts[0] : ts[-1] + 1, y, x][ts - ts[0]]
            known = np.pad(judged, [(0, 0), *short])
        known[(np.arange(start[0], start[0] + size[0]) < 0) | (np.arange(start[0], start[0] + size[0]) >= shape[0])] = (
            False
        )
        known[:, cut.shape[1] - short[0][1] :] = False
        known[:, :, cut.shape[2] - short[1][1] :] = False
        events = movie.events.copy()
        events[:, 1:] -= start
        if zoom != 1:
            grown = ndimage.zoom(
                cut, (1, PART_PX / size[1], PART_PX / size[2]), order=1, grid_mode=True, mode="nearest"
            )
            cut = grown
            events[:, 2:] = (events[:, 2:] + 0.5) * PART_PX / size[1] - 0.5
            places = ((np.arange(PART_PX) + 0.5) * size[1] / PART_PX).astype(int)
            known = known[:, places][:, :, places]
        if TURNS not in self._without:
            cut, known, events = self._turned(cut, known, events)
        spread = float(cut.max() - cut.min()) or 1.0
        frames = changed((cut - cut.min()) / np.float32(spread), self._random, self._without)
        answered = slice(REACH_FRAMES, PART_FRAMES - REACH_FRAMES)
        answers = answers_for(
            events - [0, REACH_FRAMES, 0, 0], (PART_FRAMES - 2 * REACH_FRAMES, PART_PX, PART_PX), self._classes
        )
        weights = known[answered, ::STRIDE, ::STRIDE].astype(np.float32)
        return Part(np.ascontiguousarray(frames), answers, np.repeat(weights[..., None], self._classes, -1))

    def _turned(
        self, frames: np.ndarray, known: np.ndarray, events: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Flip and turn a square part."""
        for axis in (1, 2):
            if self._random.random() < 0.5:
                frames, known = np.flip(frames, axis), np.flip(known, axis)
                events[:, axis + 1] = PART_PX - 1 - events[:, axis + 1]
        if self._random.random() < 0.5:
            frames, known = frames.transpose(0, 2, 1), known.transpose(0, 2, 1)
            events[:, 2:] = events[:, 3:1:-1].copy()
        return frames, known, events
