"""What a network takes over from another one, and how it keeps what that knew while it learns more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Protocol

import numpy as np


class Draws(Protocol):
    """Draws parts of movies, in the form that the family's trainer takes."""

    def reseed(self, random: np.random.Generator) -> None:
        """Draw all further parts with these random numbers."""

    def draw(self) -> Any:
        """Draw the next part."""


class Mixed:
    """Gives the parts of step after step, drawn by one sampler or another, from a seed and the step's number alone.

    Parameters
    ----------
    samplers
        Who draws, with the share of the parts of each; at least one.
    seed
        Where all chance comes from.
    first
        Number of the first step, from 0.
    parts
        Parts of a step.
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
        """Say who draws the parts of a step: everyone's turn comes as regularly as the shares allow."""
        drawn = np.arange(step * self._parts, (step + 1) * self._parts)
        ends = np.cumsum(self._shares)
        # The golden ratio's multiples fill the unit interval evenly.
        return [
            int(np.searchsorted(ends, place, side="right").clip(0, len(ends) - 1)) for place in drawn * 0.6180339887 % 1
        ]
