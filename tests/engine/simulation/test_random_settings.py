"""Simulated movies beyond the plain ones: true events, distractors, imaging, and random settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from epifiji.data.events import Event
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.geometry import measure
from epifiji.engine.simulation.microscope import Spot, _shine
from epifiji.engine.simulation.movie import Simulation, simulate_tissue
from epifiji.engine.simulation.random_settings import EDGE_RANGES, HARD_RANGES, PLAIN_RANGES, draw_settings

QUIET: dict[str, Any] = {"frames": 8, "height": 120, "width": 120, "extrusions": 0, "divisions": 0, "sops": 0}
DIAMETER = 20


@pytest.fixture(scope="module", params=[1, 2], ids=["varied", "very varied"])
def varied(request: pytest.FixtureRequest) -> Simulation:
    """Events and distractors of all kinds, up to the ends of the movie."""
    return simulate_tissue(
        seed=2,
        frames=50,
        height=220,
        width=220,
        cell_diameter_px=DIAMETER,
        extrusions=10,
        divisions=8,
        sops=5,
        shrinking_cells=8,
        small_cells=5,
        debris=4,
        flickering_spots=5,
        event_variety=request.param,
        margin_frames=2,
        margin_diameters=0.5,
    )


@pytest.fixture(scope="module")
def plain() -> Simulation:
    """Extrusions without variety."""
    return simulate_tissue(**QUIET | {"seed": 3, "frames": 60, "height": 200, "width": 200, "extrusions": 8})


@pytest.fixture(scope="module")
def quiet() -> Simulation:
    """A few frames without events."""
    return simulate_tissue(**QUIET)


@pytest.fixture(scope="module")
def cut_off() -> Simulation:
    """A movie with a part outside the tissue."""
    return simulate_tissue(**QUIET | {"no_tissue": 0.3, "height": 200, "width": 200})


def of(simulation: Simulation, name: str) -> list[Event]:
    return [event for event in simulation.events if event.event == name]


def kinds(simulation: Simulation, kind: str) -> list[Any]:
    return [distractor for distractor in simulation.distractors if distractor.kind == kind]


def middle_of(labels: np.ndarray, cells: Any) -> np.ndarray:
    return np.argwhere(np.isin(labels, cells)).mean(0)


def test_an_extrusions_frame_is_the_first_without_its_cell(varied: Simulation) -> None:
    for event in of(varied, "cell_death"):
        gone = set(np.unique(varied.labels[event.frame - 1])) - set(np.unique(varied.labels[event.frame :]))
        places = [middle_of(varied.labels[event.frame - 1], cell) for cell in gone]
        assert min(np.hypot(y - event.y, x - event.x) for y, x in places) < 1e-6


def test_a_divisions_frame_is_the_first_with_two_daughters(varied: Simulation) -> None:
    for event in of(varied, "cell_division"):
        new = set(np.unique(varied.labels[event.frame])) - set(np.unique(varied.labels[: event.frame]))
        pairs = [(a, b) for a in new for b in new if a < b]
        places = [middle_of(varied.labels[event.frame], pair) for pair in pairs]
        assert min(np.hypot(y - event.y, x - event.x) for y, x in places) < 1e-6


def test_no_cell_inside_vanishes_without_an_event(varied: Simulation) -> None:
    """Except for mothers, which are replaced by their daughters."""
    frames, height, width = varied.labels.shape
    deaths = {(event.frame, round(event.y), round(event.x)) for event in of(varied, "cell_death")}
    for frame in range(1, frames):
        before, after = varied.labels[frame - 1], varied.labels[frame:]
        for cell in set(np.unique(before)) - set(np.unique(after)):
            y, x = middle_of(before, cell)
            inside = min(y, x, height - 1 - y, width - 1 - x) > DIAMETER
            taken = np.unique(varied.labels[frame][before == cell])
            mother = not np.isin(taken, np.unique(varied.labels[:frame])).all()
            if inside and not mother:
                assert (frame, round(y), round(x)) in deaths


def test_events_differ_in_duration_and_in_the_shape_of_their_course(plain: Simulation, varied: Simulation) -> None:
    spreads = []
    for simulation in (plain, varied):
        halves = []
        for event in of(simulation, "cell_death"):
            cell = simulation.labels[event.frame - 1, round(event.y), round(event.x)]
            area = (simulation.labels[: event.frame] == cell).sum((1, 2))[::-1]
            if len(area) > 16:
                halves.append(int(np.argmax(area > area[:16].max() / 2)))
        assert len(halves) > 3
        spreads.append(np.std(halves))
    assert spreads[1] > 1.5 * spreads[0]


def test_shrinking_cells_recover(varied: Simulation) -> None:
    shown = kinds(varied, "shrinking_cell")
    assert len(shown) >= 5
    for distractor in shown:
        cell = varied.labels[distractor.frame, round(distractor.y), round(distractor.x)]
        area = (varied.labels == cell).sum((1, 2))
        assert area[max(0, distractor.frame - 12) : distractor.frame + 12].min() > 0
        # Near the movie's ends one of the two sides is missing.
        assert max(area[: distractor.frame + 1].max(), area[distractor.frame :].max()) > 2 * area[distractor.frame]
        if distractor.frame < len(area) - 20:
            assert area[distractor.frame :].max() > 1.7 * area[distractor.frame]


def test_small_cells_stay_small(varied: Simulation) -> None:
    mean = np.pi / 4 * DIAMETER**2
    for distractor in kinds(varied, "small_cell"):
        cell = varied.labels[distractor.frame, round(distractor.y), round(distractor.x)]
        area = (varied.labels == cell).sum((1, 2))
        last = int(np.flatnonzero(area)[-1])
        left = np.abs(middle_of(varied.labels[last], cell) - 109.5).max() > 105
        assert left or (area > 0).sum() > 0.9 * len(area)
        assert np.median(area) < 0.5 * mean


def test_specks_and_flickering_spots_are_bright_at_their_listed_positions(varied: Simulation) -> None:
    typical = np.median(varied.pixels)
    shown = kinds(varied, "debris")
    assert shown
    for speck in shown:
        y, x = round(speck.y), round(speck.x)
        around = varied.pixels[speck.frame, max(0, y - 5) : y + 6, max(0, x - 5) : x + 6]
        assert around.max() > 3 * typical
    assert len(kinds(varied, "flickering_spot")) == 5


def test_a_mother_with_a_furrow_is_one_cell_until_its_junction_is_there() -> None:
    made = simulate_tissue(
        **QUIET | {"seed": 1, "frames": 40, "height": 260, "width": 260, "divisions": 12, "event_variety": 2}
    )
    assert len(of(made, "cell_division")) == 12
    for event in of(made, "cell_division"):
        new = set(np.unique(made.labels[event.frame])) - set(np.unique(made.labels[: event.frame]))
        daughters = [
            cell for cell in new if np.hypot(*(middle_of(made.labels[event.frame], cell) - [event.y, event.x])) < 15
        ]
        assert len(daughters) == 2
        pair = np.isin(made.labels[event.frame], daughters)
        mothers = made.labels[event.frame - 1][pair]
        assert np.bincount(mothers).max() > 0.6 * pair.sum()


def test_the_rim_of_a_spot_is_as_sharp_as_described() -> None:
    """At one standard deviation a Gaussian has exp(-1/2) of its height; with sharpness n it has exp(-(1/2)^n)."""
    for sharpness in (0.7, 1.0, 2.5):
        image = np.zeros((41, 41))
        _shine(image, Spot(20.0, 20.0, 2.0, 5.0, sharpness))
        assert image[20, 20] == 2
        np.testing.assert_allclose(image[20, 25], 2 * np.exp(-(0.5**sharpness)))


def test_half_of_the_varied_sops_divide_into_unequal_daughters() -> None:
    settings = QUIET | {"frames": 40, "height": 260, "width": 260, "sops": 12, "event_variety": 1}
    made = simulate_tissue(**settings)
    divided = 0
    for event in of(made, "cell_sop"):
        near = made.labels[
            event.frame, round(event.y) - 3 : round(event.y) + 4, round(event.x) - 3 : round(event.x) + 4
        ]
        divided += not np.isin(near, np.unique(made.labels[: event.frame])).all()
    assert 3 <= divided <= 9


@pytest.mark.parametrize("duration", [7, 20])
def test_events_have_the_specified_duration(duration: int) -> None:
    """The time from half the area to nothing is half of a linear course, which is the duration, within a sixth."""
    made = simulate_tissue(
        **QUIET
        | {"frames": 70, "height": 180, "width": 180, "extrusions": 5, "event_duration": duration, "margin_frames": 30}
    )
    for event in of(made, "cell_death"):
        cell = made.labels[event.frame - 1, round(event.y), round(event.x)]
        area = (made.labels == cell).sum((1, 2))
        start = area[event.frame - round(1.3 * duration)]
        half = event.frame - int(np.flatnonzero(area > start / 2)[-1])
        assert 0.3 * duration < half < 0.75 * duration + 2


def test_the_specified_share_of_the_field_has_no_tissue(cut_off: Simulation) -> None:
    outside = cut_off.labels == 0
    assert outside.mean() == pytest.approx(0.3, abs=0.08)
    inner = ndimage.binary_erosion(outside[3], iterations=6)
    assert cut_off.pixels[3][inner].mean() < 0.5 * cut_off.pixels[3][~outside[3]].mean()
    _, parts = ndimage.label(outside[3])
    assert parts <= 3


def test_no_event_lies_outside_the_tissue() -> None:
    made = simulate_tissue(
        **QUIET | {"frames": 40, "height": 220, "width": 220, "no_tissue": 0.4, "extrusions": 5, "divisions": 3}
    )
    assert len(made.events) == 8
    for event in made.events:
        frame = event.frame - 1 if event.event == "cell_death" else event.frame
        assert made.labels[frame, round(event.y), round(event.x)] > 0


def test_drift_moves_everything_and_events_stay_true() -> None:
    settings = QUIET | {"frames": 40, "height": 200, "width": 200, "extrusions": 5, "divisions": 3, "seed": 4}
    made = simulate_tissue(**settings, drift_px=2)
    for event in of(made, "cell_death"):
        gone = set(np.unique(made.labels[event.frame - 1])) - set(np.unique(made.labels[event.frame :]))
        places = [middle_of(made.labels[event.frame - 1], cell) for cell in gone]
        assert min(np.hypot(y - event.y, x - event.x) for y, x in places) < 1e-6
    steps = []
    for frame in range(1, 40):
        one, other = made.labels[frame - 1], made.labels[frame]
        inner = np.unique(one[60:140, 60:140])
        ways = [middle_of(other, cell) - middle_of(one, cell) for cell in inner if (other == cell).any()]
        steps.append(np.median(ways, axis=0))
    assert np.sqrt((np.array(steps) ** 2).sum(1).mean()) == pytest.approx(2, rel=0.3)


def membrane_light(made: Simulation, frame: int) -> float:
    return float(np.quantile(made.pixels[frame], 0.95)) - float(np.quantile(made.pixels[frame], 0.05))


def test_bleaching_leaves_the_stated_part() -> None:
    made = simulate_tissue(**QUIET, bleaching=0.6)
    assert membrane_light(made, 7) / membrane_light(made, 0) == pytest.approx(0.4, abs=0.07)


def test_16_bits_show_the_same_light(quiet: Simulation) -> None:
    eight, sixteen = quiet.pixels, simulate_tissue(**QUIET, bit_depth=16).pixels
    assert (eight.dtype, sixteen.dtype) == (np.uint8, np.uint16)
    assert np.abs((sixteen.astype(float) - 100) / 16 - eight).max() <= 0.5 + 100 / 16


def test_frames_out_of_focus_are_blurred() -> None:
    made = simulate_tissue(**QUIET | {"frames": 20}, unfocused_frames=0.3)
    sharpness = np.array([np.abs(np.diff(frame.astype(float), axis=0)).mean() for frame in made.pixels])
    assert 0.2 <= np.mean(sharpness < 0.75 * sharpness.max()) <= 0.5


def test_dark_regions_are_dark(quiet: Simulation) -> None:
    usual, dark = (made.pixels[0].astype(float) for made in (quiet, simulate_tissue(**QUIET, dark_regions=0.4)))
    ratio = ndimage.uniform_filter(dark, 15) / ndimage.uniform_filter(usual, 15)
    assert np.mean(ratio < 0.6) == pytest.approx(0.4, abs=0.12)


@pytest.mark.parametrize(("fewer", "more"), [({"photons": 20}, {"photons": 500}), ({"camera_noise": 12}, {})])
def test_less_light_and_a_poor_camera_are_noisier(fewer: dict, more: dict) -> None:
    noises = []
    for settings in (fewer, more):
        pixels = simulate_tissue(**QUIET, **settings).pixels.astype(float)
        noises.append(np.median(np.abs(np.diff(pixels, axis=2))))
    assert noises[0] > 1.5 * noises[1]


def test_restless_cells_exchange_more_neighbours() -> None:
    def exchanges(restlessness: float) -> int:
        made = simulate_tissue(**QUIET | {"frames": 30, "seed": 5}, restlessness=restlessness)
        found = []
        for labels in (made.labels[0], made.labels[-1]):
            beside = np.stack([labels[:, 1:], labels[:, :-1]], -1), np.stack([labels[1:], labels[:-1]], -1)
            pairs = np.sort(np.concatenate([p[p[..., 0] != p[..., 1]] for p in beside]), 1)
            found.append({tuple(pair) for pair in pairs})
        return len(found[0] ^ found[1])

    assert exchanges(3) > 1.5 * exchanges(0.3)


def test_a_lattice_of_bricks_has_six_sides_and_one_of_squares_four() -> None:
    y, x = np.indices((120, 120))
    bricks = 1 + (y // 10) * 20 + (x + 5 * (y // 10 % 2)) // 10
    squares = 1 + (y // 12) * 20 + x // 12
    for lattice, sides, side_px in ((bricks, 6, 10), (squares, 4, 12)):
        found = measure(lattice[None])
        assert found.sides[sides] == 1
        assert found.area_cv == 0
        assert found.diameter_px == pytest.approx(side_px * 2 / np.sqrt(np.pi))


def test_cells_have_the_specified_variation_of_area_and_as_many_sides_as_in_real_tissues() -> None:
    """Ranges as measured in an eye disc, a notum and a wing, with two standard errors of about 600 cells."""
    frames = [
        simulate_tissue(**QUIET | {"seed": seed, "frames": 5, "height": 300, "width": 300}, cell_diameter_px=18).labels[
            0
        ]
        for seed in (1, 2, 3)
    ]
    found = measure(np.stack(frames))
    assert found.cells > 500
    assert found.area_cv == pytest.approx(np.sqrt(np.exp(0.3**2) - 1), rel=0.12)
    real = {4: (0.01, 0.056), 5: (0.21, 0.27), 6: (0.43, 0.53), 7: (0.16, 0.23), 8: (0.018, 0.044)}
    for sides, (low, high) in real.items():
        share = found.sides[sides]
        error = 2 * np.sqrt(share * (1 - share) / found.cells)
        assert low - error <= share <= high + error, sides


def test_the_same_seed_draws_the_same_settings_and_another_seed_others() -> None:
    assert draw_settings(5) == draw_settings(5)
    assert draw_settings(5) != draw_settings(6)


def test_drawn_settings_are_of_all_kinds_and_within_their_ranges() -> None:
    drawn = [draw_settings(seed) for seed in range(110)]
    for name, (low, high) in HARD_RANGES.items():
        least, most = min(low, PLAIN_RANGES.get(name, (low, high))[0]), max(high, PLAIN_RANGES.get(name, (0, 0))[1])
        values = [getattr(one, name) for one in drawn]
        if name == "flow_px":
            values = [one.flow_px / one.cell_diameter_px * 25 for one in drawn]
        used = [value for value in values if value != SimulationSettings.model_fields[name].default]
        assert least <= min(used) <= max(used) <= most, name
        assert max(used) - min(used) > 0.6 * (most - least), name
    edges = [one for one in drawn if any(getattr(one, name) for name in EDGE_RANGES)]
    assert 0.15 < len(edges) / len(drawn) < 0.45
    usual = [one for one in drawn if 18 <= one.cell_diameter_px <= 30]
    assert 0.6 < len(usual) / len(drawn) < 0.95
    without = [one for one in drawn if one.extrusions + one.divisions + one.sops == 0]
    assert 0.03 < len(without) / len(drawn) < 0.25
    assert {one.bit_depth for one in drawn} == {8, 16}


@pytest.mark.parametrize("seed", range(4))
def test_there_is_room_for_the_events_of_drawn_settings(seed: int) -> None:
    settings = draw_settings(seed, frames=20, height=130, width=150)
    made = simulate_tissue(settings)
    assert made.pixels.shape == (20, 130, 150)
    assert made.settings == settings
    planned = settings.extrusions + settings.divisions + settings.sops
    assert 0.7 * planned <= len(made.events) <= planned
    assert all(0 <= event.frame < 20 and 0 <= event.y < 130 and 0 <= event.x < 150 for event in made.events)


def test_if_fewer_are_allowed_there_are_as_many_as_there_is_room_for() -> None:
    made = simulate_tissue(fewer=True, **QUIET | {"frames": 20, "extrusions": 50})
    assert 0 < len(made.events) < 50
