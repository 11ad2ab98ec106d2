"""Fast mode: which windows share their frames' features, and that sharing changes little."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from engine_runs import maps_of
from epifiji.data.movie import Movie
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.networks.dexnet.exact import ExactPredictor
from epifiji.engine.networks.dexnet.fast import (
    LONGEST_GAP,
    Fast,
    extremes,
    groups_of,
    near,
    normalised_together,
    runs_of,
)
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.networks.dexnet.prefilter import LAYERS, REACH_FRAMES, Prefilter, shapes
from epifiji.engine.tiling.maps import Exact
from epifiji.engine.tiling.windows import ROUNDING, Grid, exact_grids, normalised
from small_networks import small_network


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("longest", [1, 3, 5, 100])
def test_runs_hold_every_chosen_window_once_and_no_more_than_the_gaps_between(seed: int, longest: int) -> None:
    random = np.random.default_rng(seed)
    chosen = random.random((17, 4, 3)) < random.choice([0.02, 0.3, 0.8])
    held = np.zeros(chosen.shape, int)
    for first, count, y, x in runs_of(chosen, longest).reshape(-1, 4):
        assert 1 <= count <= longest
        held[first : first + count, y, x] += 1
    assert held.max(initial=0) <= 1
    assert held[chosen].all()
    for _, y, x in np.argwhere((held > 0) & ~chosen):
        line = chosen[:, y, x]
        inside = np.flatnonzero(line)
        gaps = np.diff(inside)
        filled = sum(gap - 1 for gap in gaps if 1 < gap <= LONGEST_GAP + 1)
        assert held[:, y, x].sum() == line.sum() + filled


def test_a_single_window_is_normalised_as_in_exact_mode() -> None:
    for dtype in (np.uint8, np.uint16, np.float32):
        window = np.random.default_rng(1).integers(7, 200, (10, 45, 45)).astype(dtype)
        alike = normalised_together(window, *extremes(window, np.array([0]), 10))
        assert np.abs(alike.astype(int) - normalised(window[None])[0]).max() <= 1


def test_windows_in_a_run_share_the_mean_of_their_limits() -> None:
    frames = np.random.default_rng(2).integers(0, 1000, (14, 45, 45)).astype(np.uint16)
    frames[0, 0, 0], frames[13, 0, 0] = 5000, 3000
    starts = np.array([0, 2, 4])
    windows = [frames[s : s + 10].astype(float) for s in starts]
    low, high = np.mean([w.min() for w in windows]), np.mean([w.max() for w in windows])
    expected = np.clip(255 * (frames - low) / (high - low) + ROUNDING, 0, 255).astype(np.uint8)
    assert np.array_equal(normalised_together(frames, *extremes(frames, starts, 10)), expected)


def test_pixels_that_are_all_the_same_are_no_division_by_zero() -> None:
    frames = np.full((10, 45, 45), 7, np.uint8)
    limits = extremes(frames, np.array([0]), 10)
    assert not normalised_together(frames, *limits).any()
    assert groups_of(*limits, 0) == [slice(0, 1)]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("tolerance", [0, 0.02, 0.3, np.inf])
def test_groups_hold_all_windows_in_order_and_those_that_are_alike(seed: int, tolerance: float) -> None:
    random = np.random.default_rng(seed)
    least = random.integers(0, 30, 12).astype(float).repeat(random.integers(1, 4, 12))
    greatest = least + random.integers(1, 100, 12).repeat(len(least) // 12 + 1)[: len(least)]
    groups = groups_of(least, greatest, tolerance)
    assert np.concatenate([np.arange(len(least))[group] for group in groups]).tolist() == list(range(len(least)))

    def alike(part: slice) -> bool:
        low, high = least[part], greatest[part]
        return max(low.max() - low.min(), high.max() - high.min()) <= tolerance * (high - low).mean()

    assert all(alike(group) for group in groups)
    # None could be longer.
    assert not any(alike(slice(group.start, group.stop + 1)) for group in groups[:-1])
    assert (len(groups) == 1) >= (tolerance == np.inf)


def random_prefilter(seed: int = 0, precision: str = "float32") -> Prefilter:
    random = np.random.default_rng(seed)
    weights = {
        name: (random.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32)
        for name, shape in shapes(3).items()
    }
    # With large logits, so that some windows are selected and others are not.
    weights["answer/kernel"] *= 20
    return Prefilter(weights, ("cell_death", "cell_sop", "cell_division"), precision)


def test_a_prefilter_predicts_for_every_place_and_frame() -> None:
    frames = np.random.default_rng(3).integers(0, 255, (15, 50, 61), np.uint8)
    assert random_prefilter()(frames).shape == (15 - 2 * REACH_FRAMES, 13, 16)
    assert sum(layer.frames - 1 for layer in LAYERS if layer.frames) == 2 * REACH_FRAMES


def test_a_prefilter_predicts_nearly_the_same_in_either_precision() -> None:
    frames = np.random.default_rng(3).integers(0, 255, (15, 50, 61), np.uint8)
    full, half = random_prefilter()(frames), random_prefilter(precision="bfloat16")(frames)
    assert half.dtype == np.float32
    assert 0 < np.abs(full - half).max() < 0.06 * np.abs(full).max()


def test_a_prefilter_does_not_depend_on_brightness_and_contrast_of_the_whole() -> None:
    frames = np.random.default_rng(3).integers(0, 255, (12, 48, 48)).astype(np.float32)
    prefilter = random_prefilter()
    assert np.allclose(prefilter(frames), prefilter(40 * frames + 1000), atol=0.1)


def test_a_part_of_a_frame_has_the_answers_of_the_whole_where_it_reaches_far_enough() -> None:
    from epifiji.engine.networks.dexnet.prefilter import HALO_PX

    frames = np.random.default_rng(5).integers(0, 255, (11, 240, 64), np.uint8)
    prefilter = random_prefilter()
    top = 80
    part = prefilter(frames[:, top - HALO_PX : top + 40 + HALO_PX])
    inside = part[:, HALO_PX // STRIDE : (HALO_PX + 40) // STRIDE]
    assert np.allclose(inside, prefilter(frames)[:, top // STRIDE : (top + 40) // STRIDE], atol=1e-2)


@pytest.fixture(scope="module")
def movie() -> Movie:
    return Movie(np.random.default_rng(8).integers(0, 255, (31, 90, 75), np.uint8))


class Everywhere:
    """Replaces a prefilter by one that selects everything."""

    def __call__(self, frames: np.ndarray, report_done: object) -> np.ndarray:
        return np.full(
            (len(frames) - 2 * REACH_FRAMES, -(-frames.shape[1] // STRIDE), -(-frames.shape[2] // STRIDE)), 9.0
        )


class Nowhere(Everywhere):
    def __call__(self, frames: np.ndarray, report_done: object) -> np.ndarray:
        return -super().__call__(frames, report_done)


def test_if_all_windows_are_selected_maps_are_nearly_the_exact_ones(movie: Movie) -> None:
    network = small_network(2)
    classifier = Classifier(network)
    arithmetic = Exact(movie.shape, network.description, 10, 2)
    exact = np.stack(list(maps_of(movie, classifier, arithmetic, predictor=ExactPredictor(classifier))))
    shared = np.stack(list(maps_of(movie, classifier, arithmetic, predictor=Fast(classifier, Everywhere()))))
    assert exact.std() > 1
    assert np.abs(exact.astype(int) - shared).max() <= 3


def test_if_no_window_is_selected_maps_are_empty(movie: Movie) -> None:
    network = small_network(2)
    classifier = Classifier(network)
    arithmetic = Exact(movie.shape, network.description, 10, 2)
    assert not np.stack(list(maps_of(movie, classifier, arithmetic, predictor=Fast(classifier, Nowhere())))).any()


@pytest.mark.parametrize("rows", [60, 30])
def test_strips_of_fast_mode_give_what_the_whole_gives(movie: Movie, rows: int) -> None:
    network = small_network(2)
    classifier = Classifier(network)
    arithmetic = Exact(movie.shape, network.description, 10, 2)
    for prefilter in (random_prefilter(), None):
        predictor = Fast(classifier, prefilter)
        whole = np.stack(list(maps_of(movie, classifier, arithmetic, predictor=predictor)))
        strips = np.stack(list(maps_of(movie, classifier, arithmetic, rows, predictor)))
        assert 0 < (whole > 0).mean() < 1
        assert (whole != strips).mean() < 0.001


def test_a_network_whose_classes_the_prefilter_does_not_know_is_evaluated_at_every_second_place_first(
    movie: Movie,
) -> None:
    network = small_network(1)
    classifier = Classifier(network)
    arithmetic = Exact(movie.shape, network.description, 10, 2)
    encoded = []
    encode = classifier.encode
    classifier.encode = lambda member, crops: encoded.append(len(crops)) or encode(member, crops)
    list(maps_of(movie, classifier, arithmetic, predictor=Fast(classifier, None)))
    every_second = len(arithmetic.grids[0].ys[::2]) * len(arithmetic.grids[0].xs[::2])
    assert sum(encoded) >= every_second * movie.shape[0]


@pytest.mark.parametrize("part", [(0, 30, 0, 400), (6, 18, 60, 180)])
def test_windows_near_a_likely_one_are_those_that_its_neighbours_in_space_and_time_surround(
    part: tuple[int, int, int, int],
) -> None:
    first, second = exact_grids((30, 200, 170), small_network(2).description, 10, 2)
    start, stop, top, bottom = part

    def of(grid: Grid) -> Grid:
        frames, ys = grid.frames, grid.ys
        return Grid(frames[(frames >= start) & (frames < stop)], ys[(ys >= top) & (ys < bottom)], grid.xs)

    known, asked = of(first), of(second)
    likely = np.random.default_rng(1).random((len(known.frames), len(known.ys), len(known.xs))) < 0.02
    found = near(likely, known, asked)
    assert 0 < found.mean() < 0.6
    events = np.argwhere(likely)
    for (i, t), (j, y), (k, x) in product(*map(enumerate, (asked.frames, asked.ys, asked.xs))):
        beyond = not (known.frames[0] <= t <= known.frames[-1] and known.ys[0] <= y <= known.ys[-1])
        close = any(
            abs(t - known.frames[a]) <= 2 and abs(y - known.ys[b]) <= 10 and abs(x - known.xs[c]) <= 10
            for a, b, c in events
        )
        assert found[i, j, k] == (beyond or close)


def test_without_windows_of_the_first_member_all_are_near() -> None:
    some, none = np.arange(3), np.empty(0, int)
    assert near(np.empty((3, 0, 3), bool), Grid(some, none, some), Grid(some, some, some)).all()
    assert near(np.empty((3, 3, 3), bool), Grid(some, some, some), Grid(none, some, some)).shape == (0, 3, 3)


@pytest.mark.parametrize("prefilter", [Everywhere(), None])
def test_if_the_first_member_predicts_nothing_the_second_is_evaluated_only_at_the_ends_of_a_block(
    movie: Movie, prefilter: Everywhere | None
) -> None:
    network = small_network(2)
    network.weights[0]["dense_2/kernel"][:] = 0
    network.weights[0]["dense_2/bias"][:] = (9, 0, 0, 0)
    classifier = Classifier(network)
    arithmetic = Exact(movie.shape, network.description, 10, 2)
    judged = {0: 0, 1: 0}
    classify_features = classifier.classify_features

    def counted(member: int, features: np.ndarray) -> np.ndarray:
        judged[member] += len(features)
        return classify_features(member, features)

    classifier.classify_features = counted
    list(maps_of(movie, classifier, arithmetic, predictor=Fast(classifier, prefilter)))
    assert judged[0] > 0
    assert judged[1] <= 2 * len(arithmetic.grids[1].ys) * len(arithmetic.grids[1].xs)
