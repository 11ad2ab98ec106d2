"""Simulated movies: identical for the same seed, with events that agree with the cells' geometry."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.movie import (
    DEMO,
    Simulation,
    simulate,
    simulate_tissue,
)
from epifiji.engine.simulation.planning import SEPARATION_FRAMES

EDGE_FRAMES = SimulationSettings().margin_frames
EDGE_DIAMETERS = SimulationSettings().margin_diameters
SEPARATION_DIAMETERS = SimulationSettings().separation_diameters
MOVED = 0.3
"""How far a cell may move from the planned position of its event, in diameters."""

SMALL: dict[str, Any] = {"frames": 5, "height": 60, "width": 70, "extrusions": 0, "divisions": 0, "sops": 0}


@pytest.fixture(scope="module")
def demo() -> Simulation:
    return simulate_tissue(**DEMO)


@pytest.fixture(scope="module")
def plain() -> Simulation:
    """Cells of another size, and no events."""
    return simulate_tissue(
        seed=3, frames=6, height=150, width=180, cell_diameter_px=14, extrusions=0, divisions=0, sops=0
    )


def of_class(simulation: Simulation, name: str) -> list[Event]:
    return [event for event in simulation.events if event.event == name]


def cell_at(simulation: Simulation, frame: int, event: Event) -> int:
    return int(simulation.labels[frame, round(event.y), round(event.x)])


def areas(simulation: Simulation, cell: int) -> np.ndarray:
    """Pixels of a cell in every frame."""
    return (simulation.labels == cell).sum(axis=(1, 2))


def whole_cells(labels: np.ndarray) -> np.ndarray:
    """Areas of the cells that do not touch the border of an image."""
    border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    cells, sizes = np.unique(labels, return_counts=True)
    return sizes[~np.isin(cells, border)]


def test_same_seed_gives_same_bytes_and_events() -> None:
    first, second = (
        simulate(seed=4, **SMALL | {"frames": 18, "height": 100, "width": 100, "sops": 1}) for _ in range(2)
    )
    assert np.array_equal(first[0].frames(0, 18), second[0].frames(0, 18))
    assert first[1] == second[1]


def test_other_seed_gives_another_movie() -> None:
    first, second = (simulate(seed=seed, **SMALL)[0].frames(0, 5) for seed in (4, 5))
    assert np.mean(first != second) > 0.5


def test_demo_is_the_movie_of_its_arguments(demo: Simulation) -> None:
    movie, events = simulate(**DEMO)
    assert movie.shape == (DEMO["frames"], DEMO["height"], DEMO["width"])
    assert np.array_equal(movie.frames(0, DEMO["frames"]), demo.pixels)
    assert events == demo.events
    assert movie.name == f"simulated_{DEMO['seed']}"


def test_movie_uses_the_range_of_8_bits(demo: Simulation) -> None:
    assert demo.pixels.dtype == np.uint8
    assert 0 < np.percentile(demo.pixels, 1) < 20
    assert 80 < np.percentile(demo.pixels, 99) < 220
    assert np.mean(demo.pixels == 255) < 0.001


def test_events_have_the_specified_numbers(demo: Simulation) -> None:
    assert Counter(event.event for event in demo.events) == {
        "cell_death": DEMO["extrusions"],
        "cell_division": DEMO["divisions"],
        "cell_sop": DEMO["sops"],
    }


def test_events_of_the_demo_keep_away_from_edges_and_from_each_other(demo: Simulation) -> None:
    diameter = 25
    frames, height, width = demo.pixels.shape
    for event in demo.events:
        assert EDGE_FRAMES <= event.frame < frames - EDGE_FRAMES
        assert min(event.y, event.x, height - 1 - event.y, width - 1 - event.x) >= (EDGE_DIAMETERS - MOVED) * diameter
    for number, one in enumerate(demo.events):
        for other in demo.events[:number]:
            distance = np.hypot(one.y - other.y, one.x - other.x)
            apart_in_time = abs(one.frame - other.frame) > SEPARATION_FRAMES
            assert apart_in_time or distance >= (SEPARATION_DIAMETERS - MOVED) * diameter


def test_extruded_cell_shrinks_to_nothing_at_the_stated_frame(demo: Simulation) -> None:
    for event in of_class(demo, "cell_death"):
        cell = cell_at(demo, event.frame - 1, event)
        area = areas(demo, cell)
        assert not area[event.frame :].any()
        assert (area[: event.frame] > 0).all()
        assert area[event.frame - 1] < 0.1 * np.pi / 4 * 25**2
        assert area[event.frame - 6] > 2 * area[event.frame - 2]


def test_division_puts_two_new_cells_in_the_place_of_one(demo: Simulation) -> None:
    for event in of_class(demo, "cell_division"):
        before, after = demo.labels[event.frame - 1], demo.labels[event.frame]
        known = np.unique(demo.labels[: event.frame])
        mother = cell_at(demo, event.frame - 1, event)
        inside, sizes = np.unique(after[before == mother], return_counts=True)
        daughters = inside[~np.isin(inside, known)]
        assert len(daughters) == 2
        assert not areas(demo, mother)[event.frame :].any()
        assert sizes[np.isin(inside, daughters)].sum() > 0.7 * sizes.sum()
        y, x = np.nonzero(np.isin(after, daughters))
        assert (event.y, event.x) == pytest.approx((y.mean(), x.mean()))
        area = areas(demo, mother)
        assert area[event.frame - 1] > 1.5 * area[max(0, event.frame - 12) : event.frame].min()


def test_spot_of_an_sop_shines_around_its_frame_and_not_long_before_or_after(demo: Simulation) -> None:
    frames = len(demo.pixels)
    for event in of_class(demo, "cell_sop"):
        cell = cell_at(demo, event.frame, event)
        light = np.array([np.median(demo.pixels[frame][demo.labels[frame] == cell]) for frame in range(frames)])
        middle = light[event.frame - 4 : event.frame + 5]
        outside = np.concatenate([light[: max(0, event.frame - 8)], light[event.frame + 9 :]])
        assert middle.min() > 2 * outside.max()


@pytest.mark.parametrize("frame", [0, -1])
def test_cells_have_the_specified_diameter(demo: Simulation, plain: Simulation, frame: int) -> None:
    for simulation, diameter in ((demo, 25), (plain, 14)):
        measured = np.sqrt(4 / np.pi * whole_cells(simulation.labels[frame]))
        assert measured.mean() == pytest.approx(diameter, rel=0.1)


def test_membranes_are_bright_and_cells_dark(plain: Simulation) -> None:
    labels, pixels = plain.labels[2], plain.pixels[2].astype(float)
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    near = edge.copy()
    for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
        near |= np.roll(edge, step, axis)
    assert pixels[edge].mean() > 3 * pixels[~near].mean()


def test_cells_keep_their_numbers_and_move_little_in_a_frame(plain: Simulation) -> None:
    for one, next_one in zip(plain.labels[:-1], plain.labels[1:], strict=True):
        assert np.mean(one == next_one) > 0.8
    assert not np.array_equal(plain.labels[0], plain.labels[-1])


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            {"cell_diameter_px": 7.5},
            "cell_diameter_px is 7.5, but it must be a number from 8 to 200: give another value, or leave "
            "cell_diameter_px out.",
        ),
        ({"cell_diameter_px": float("nan")}, "cell_diameter_px is nan, but it must be a number from 8 to 200"),
        ({"frames": 4}, "frames is 4, but it must be a whole number from 5 to 100000"),
        (
            {"height": 49},
            "height is 49 px, but at least two cell diameters, 50 px, are needed: specify a larger height or a smaller "
            "cell_diameter_px.",
        ),
        ({"width": 60.5}, "width is 60.5, but it must be a whole number from 16 to 20000"),
        ({"seed": -1}, "seed is -1, but it must be a whole number from 0 to"),
        ({"extrusions": -1}, "extrusions is -1, but it must be a whole number from 0 to 100000"),
        ({"bit_depth": 12}, "bit_depth is 12, but it must be one of 8, 16"),
        ({"extrusion": 3}, "there is no setting 'extrusion': the settings are seed, frames"),
        (
            {"divisions": 1},
            "Events asked for: 1, but 5 frames of 60 x 70 px with cells of 25 px have room for 0: ask for fewer",
        ),
    ],
)
def test_refuses_what_it_cannot_simulate(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongInputError) as refusal:
        simulate(**SMALL | argument)
    assert str(refusal.value).startswith(message)


def test_refuses_more_events_than_there_is_room_for() -> None:
    with pytest.raises(WrongInputError, match=r"^Events asked for: 60, but .* have room for \d+: ask for fewer"):
        simulate(seed=1, frames=30, height=170, width=170, extrusions=60, divisions=0, sops=0)
