"""Drawing training parts from several samplers, so that a network keeps what its parent knew while it learns more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Protocol

import numpy as np


class Draws(Protocol):
    """Draws parts of movies, in the form of the family's trainer."""

    def reseed(self, random: np.random.Generator) -> None:
        """Draw all further parts with these random numbers."""

    def draw(self) -> Any:
        """Draw the next part."""


class Mixed:
    """Yields the parts of successive steps, drawn by several samplers; they depend only on a seed and the step's number.

    Parameters
    ----------
    samplers
        Samplers, with the share of parts from each; at least one.
    seed
        Of the random numbers.
    first
        Number of the first step, from 0.
    parts
        Parts per step.
    """

    def __init__(self, samplers: Sequence[tuple[Draws, float]], seed: int, first: int, parts: int) -> None:
        self._samplers, self._seed, self._first, self._parts = samplers, seed, first, parts
        shares = np.array([share for _, share in samplers], float)
        self._shares = shares / shares.sum()

    def __iter__(self) -> Iterator[Any]:
        for step in count(self._first):
            random = np.random.default_rng([self._seed, step])
            for number in self._whose(step):
                sampler = self._samplers[number][0]
                sampler.reseed(random)
                yield sampler.draw()

    def _whose(self, step: int) -> list[int]:
        """Return which sampler draws each part of a step; they alternate as regularly as the shares allow."""
        drawn = np.arange(step * self._parts, (step + 1) * self._parts)
        ends = np.cumsum(self._shares)
        # The multiples of the golden ratio fill the unit interval evenly.
        return [
            int(np.searchsorted(ends, place, side="right").clip(0, len(ends) - 1)) for place in drawn * 0.6180339887 % 1
        ]
