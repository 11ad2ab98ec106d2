"""Frames that are skipped, black or repeated, saturated pixels, and random settings that use them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.engine.simulation.random_settings import (
    EDGE_RANGES,
    HARD_RANGES,
    LOSSES,
    PLAIN_RANGES,
    WIDE_EDGE_RANGES,
    WIDE_HARD_RANGES,
    WIDE_PLAIN_RANGES,
    WIDTHS_PX,
    draw_wide_settings,
)

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

from epinet_scores import CONDITIONS

SMALL: dict[str, Any] = {
    "seed": 4,
    "frames": 24,
    "height": 90,
    "width": 90,
    "cell_diameter_px": 18,
    "extrusions": 2,
    "divisions": 1,
    "sops": 1,
    "margin_frames": 2,
    "margin_diameters": 0.5,
    "event_duration": 8,
}


@pytest.fixture(scope="module")
def regular() -> Simulation:
    return simulate_tissue(**SMALL)


def test_black_and_repeated_frames_are_as_many_as_asked(regular: Simulation) -> None:
    made = simulate_tissue(**SMALL, black_frames=0.1, repeated_frames=0.2)
    black = (made.pixels == 0).all((1, 2))
    repeated = (made.pixels[1:] == made.pixels[:-1]).all((1, 2)) & ~black[1:]
    assert black.sum() == round(0.1 * 24)
    assert repeated.sum() >= round(0.2 * 24) - black.sum()
    kept = ~black & ~np.concatenate([[False], repeated])
    np.testing.assert_array_equal(made.pixels[kept], regular.pixels[kept])
    np.testing.assert_array_equal(made.labels, regular.labels)
    assert made.events == regular.events


def test_a_movie_with_skipped_frames_is_a_part_of_a_regular_one(regular: Simulation) -> None:
    made = simulate_tissue(**SMALL | {"frames": 18, "skipped_frames": 0.25})
    assert made.pixels.shape == (18, 90, 90)
    times = [int(np.flatnonzero((regular.pixels == frame).all((1, 2)))[0]) for frame in made.pixels]
    assert times[0] == 0
    assert times[-1] == 23
    assert (np.diff(times) > 0).all()
    assert len(made.events) == len(regular.events)
    for event, whole in zip(made.events, regular.events, strict=True):
        assert event.event == whole.event
        assert times[event.frame] >= whole.frame  # not before it has happened
        assert event.frame == 0 or times[event.frame - 1] < whole.frame  # and in the first frame after that


@pytest.mark.parametrize(("bits", "highest"), [(8, 255), (16, 16 * 255 + 100)])
def test_an_overexposed_movie_is_cut_off_at_the_cameras_highest_level(bits: int, highest: int) -> None:
    made = simulate_tissue(**SMALL | {"frames": 5, "bit_depth": bits, "overexposure": 6})
    usual = simulate_tissue(**SMALL | {"frames": 5, "bit_depth": bits})
    assert made.pixels.max() == highest
    assert (made.pixels == highest).mean() > 0.05
    assert (usual.pixels == highest).mean() < 0.001


def test_wide_settings_are_within_their_ranges_and_lose_frames() -> None:
    drawn = [draw_wide_settings(seed) for seed in range(150)]
    assert drawn[3] == draw_wide_settings(3)
    short = [one for one in drawn if one.frames <= 25]
    assert 0.2 < len(short) / len(drawn) < 0.5
    assert min(one.frames for one in drawn) >= 10
    for name, (probability, (low, high)) in LOSSES.items():
        default = SimulationSettings.model_fields[name].default
        used = [getattr(one, name) for one in drawn if getattr(one, name) != default]
        assert 0.3 * probability < len(used) / len(drawn) < 2 * probability, name
        assert low <= min(used) <= max(used) <= high
    for name, (low, high) in WIDE_HARD_RANGES.items():
        if name != "flow_px":  # it is in px for cells of 25 px
            least, most = (
                min(low, WIDE_PLAIN_RANGES.get(name, (low,))[0]),
                max(high, WIDE_PLAIN_RANGES.get(name, (0, 0))[1]),
            )
            default = SimulationSettings.model_fields[name].default
            used = [getattr(one, name) for one in drawn if getattr(one, name) != default]
            assert least <= min(used) <= max(used) <= most, name


def outside(condition: dict[str, Any], *ranges: dict[str, tuple[float, float]]) -> set[str]:
    """Return the settings whose value no range contains."""
    found = set()
    for name, value in condition.items():
        ends = [one[name] for one in ranges if name in one]
        if ends and not any(low <= value <= high for low, high in ends):
            found.add(name)
    return found


@pytest.mark.parametrize("title", CONDITIONS)
def test_movies_for_scoring_stay_outside_the_wide_ranges(title: str) -> None:
    """Settings of 0 are no degradation, and are in the ranges of movies that lack it."""
    narrow = outside(CONDITIONS[title], PLAIN_RANGES, HARD_RANGES, EDGE_RANGES, WIDTHS_PX)
    wide = outside(CONDITIONS[title], WIDE_PLAIN_RANGES, WIDE_HARD_RANGES, WIDE_EDGE_RANGES, WIDTHS_PX)
    assert wide == narrow


@pytest.mark.parametrize("seed", [2, 3])
def test_movies_of_wide_settings_can_be_simulated(seed: int) -> None:
    settings = draw_wide_settings(seed)
    settings = settings.model_copy(update={"frames": 10, "height": 160, "width": 160})
    made = simulate_tissue(settings, fewer=True)
    assert made.pixels.shape == (10, 160, 160)
    assert all(0 <= event.frame < 10 for event in made.events)
