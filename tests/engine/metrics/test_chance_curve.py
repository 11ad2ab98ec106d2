"""Draws of the chance that an event is right, against integrals over its prior."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.special import expit

from epifiji.engine.metrics.chance_curve import CONSTANT_SD, LOCAL_RANGE, LOCAL_SDS, TREND_SDS, draw_chances

GRID = np.linspace(-30, 30, 601)


def drawn(ranks: list[float], right: list[int], judged: list[int], draws: int = 20_000) -> np.ndarray:
    return draw_chances(np.array(ranks), np.array(right), np.array(judged), draws, np.random.default_rng(3))


def integrated(ranks: tuple[float, float], right: tuple[int, int], judged: tuple[int, int]) -> list[float]:
    """Integrate mean and standard deviation of the chance at the first of two places on a grid of both logits."""
    first, second = np.meshgrid(GRID, GRID, indexing="ij")
    points = np.stack([first.ravel(), second.ravel()], 1)
    likelihood = points @ right - np.logaddexp(0, points) @ judged
    density = np.zeros(len(points))
    centred = np.array(ranks) - 0.5
    local = np.exp(-abs(ranks[0] - ranks[1]) / LOCAL_RANGE)
    for trend_sd, local_sd in product(TREND_SDS, LOCAL_SDS):
        prior = CONSTANT_SD**2 + trend_sd**2 * np.outer(centred, centred)
        prior += local_sd**2 * np.array([[1, local], [local, 1]])
        form = ((points @ np.linalg.inv(prior)) * points).sum(1)
        density += np.exp(likelihood - form / 2) / np.sqrt(np.linalg.det(prior))
    density /= density.sum()
    chance = expit(points[:, 0])
    mean = float(density @ chance)
    return [mean, float(np.sqrt(density @ (chance - mean) ** 2))]


@pytest.mark.parametrize(
    ("ranks", "right", "judged"),
    [
        ((0.2, 0.8), (3, 5), (6, 5)),
        ((0.2, 0.8), (0, 12), (12, 12)),
        ((0.4, 0.6), (9, 10), (10, 10)),
        ((0.1, 0.9), (0, 7), (0, 8)),
    ],
    ids=["few", "opposite", "nearly all right", "one place not judged"],
)
def test_mean_and_spread_are_those_of_the_posterior(
    ranks: tuple[float, float], right: tuple[int, int], judged: tuple[int, int]
) -> None:
    chances = drawn([*ranks], [*right], [*judged])[:, 0]
    assert [chances.mean(), chances.std()] == pytest.approx(integrated(ranks, right, judged), abs=0.015)


def test_without_decisions_chances_are_those_of_the_prior() -> None:
    chances = drawn([0.3, 0.7], [0, 0], [0, 0])[:, 0]
    assert [chances.mean(), chances.std()] == pytest.approx(integrated((0.3, 0.7), (0, 0), (0, 0)), abs=0.015)


def test_the_same_seed_gives_the_same_draws() -> None:
    assert np.array_equal(drawn([0.3, 0.7], [1, 2], [2, 2], 50), drawn([0.3, 0.7], [1, 2], [2, 2], 50))
