"""Training targets: from events, from annotations, and from another network's predictions."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.labelled import TrainingMovie
from epifiji.data.network import Network
from epifiji.data.settings.training import CHANGES
from epifiji.engine.networks.epinet.model import (
    REACH_FRAMES,
    contrast,
    encode_frames,
    join_frames,
    new_weights,
)
from epifiji.engine.networks.epinet.predictor import mean_predictions
from epifiji.engine.networks.epinet.sampling import Part, Sampler, part_size
from epifiji.engine.networks.epinet.training import carried_over
from epifiji.engine.training import augmentation
from epifiji.engine.training.mixing import Mixed
from epifiji.engine.training.trainer import State, Trainer

SHAPE = (32, 128, 128)
NONE = np.empty((0, 3))
PLAIN = frozenset(CHANGES)


def part_of(movie: TrainingMovie, classes: int = 1, without: frozenset[str] = PLAIN, seed: int = 0) -> Part:
    return Sampler([movie], classes, np.random.default_rng(seed), without).draw()


def pixels(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, shape).astype(np.uint8)


def events(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, float).reshape(-1, 4)


def test_every_change_can_be_switched_off_by_its_name() -> None:
    assert set(CHANGES) == {*augmentation.CHANGES, augmentation.ROTATION, augmentation.FLIP, augmentation.ZOOM}
    movie = TrainingMovie(pixels((60, 200, 200)), events((0, 30, 100, 100)), NONE)
    cut = part_of(movie)
    levels = np.unique(np.round(255 * cut.frames, 3))
    assert np.allclose(levels, np.round(levels), atol=0.01), "frames are the movie's own grey levels"


@pytest.mark.parametrize("seed", range(6))
def test_turned_and_zoomed_answers_lie_on_what_they_answer(seed: int) -> None:
    """The event is the only bright spot: the highest target lies at the brightest pixels."""
    dark = np.zeros((60, 220, 220), np.float32)
    dark[30, 100:105, 90:95] = 1
    movie, only = TrainingMovie(dark, events((0, 30, 102, 92)), NONE), PLAIN - {"rotation", "flip", "zoom"}
    sampler = Sampler([movie], 1, np.random.default_rng(seed), only)
    part = next(part for part in sampler if part.answers.max() == 1)
    t, y, x = (part.answers[..., 0] * (part.answers[..., 0] == part.answers.max())).nonzero()
    frames, rows, columns = np.nonzero(part.frames > 0.5)
    assert abs(t.mean() + REACH_FRAMES - frames.mean()) < 0.5
    assert abs(4 * y.mean() + 1.5 - rows.mean()) < 2
    assert abs(4 * x.mean() + 1.5 - columns.mean()) < 2


def test_nothing_is_learnt_from_unannotated_places() -> None:
    judged = np.zeros(SHAPE, bool)
    judged[:, :64] = True
    movie = TrainingMovie(pixels(), events((0, 16, 32, 64), (0, 16, 96, 64)), NONE, known=judged)
    for seed in range(5):
        part = part_of(movie, seed=seed)
        assert part.answers[:, :16].max() == 1
        inside = part.weights[..., 0].any(axis=(1, 2))
        assert (part.weights[inside, :16] == 1).all()
        assert not part.weights[:, 16:].any()


def test_another_networks_predictions_are_the_targets_of_unknown_places() -> None:
    judged = np.zeros(SHAPE, bool)
    judged[:, :64] = True
    predicted = np.full((32, 32, 32, 1), 51, np.uint8)
    part = part_of(TrainingMovie(pixels(), events((0, 16, 32, 64)), NONE, known=judged, predicted=predicted))
    inside = part.weights[..., 0].any(axis=(1, 2))
    assert np.allclose(part.answers[inside, 16:], 0.2)
    assert (part.weights[inside] == 1).all()
    assert part.answers[inside, :16].max() == 1
    assert part.answers[inside, :3].max() < 0.05


def test_a_class_that_is_not_marked_is_learnt_from_predictions_and_an_unknown_one_is_left_out() -> None:
    predicted = np.full((32, 32, 32, 2), 102, np.uint8)
    movie = TrainingMovie(pixels(), events((0, 16, 64, 64)), NONE, annotated=(True, False, False), predicted=predicted)
    part = part_of(movie, classes=3)
    inside = part.weights[..., 0].any(axis=(1, 2))
    assert part.answers[inside][..., 0].max() == 1
    assert np.allclose(part.answers[inside][..., 1], 0.4)
    assert (part.weights[inside][..., :2] == 1).all()
    assert not part.weights[..., 2].any()


def test_uncertain_predictions_are_not_learnt_if_only_certain_ones_count() -> None:
    predicted = np.zeros((32, 32, 32, 1), np.uint8)
    predicted[:, 20:] = 120
    movie = TrainingMovie(
        pixels(), events(), NONE, known=np.zeros(SHAPE, bool), predicted=predicted, predicted_nothing_only=True
    )
    part = part_of(movie)
    inside = part.weights[..., 0].any(axis=(1, 2))
    assert (part.weights[inside, :20] == 1).all()
    assert not part.weights[:, 20:].any()


def test_small_movies_are_learnt_from_in_small_parts() -> None:
    assert part_size([(200, 512, 512)]) == (44, 128)
    assert part_size([(12, 45, 45), (9, 45, 70)]) == (36, 72)
    assert part_size([(5, 20, 20)]) == (32, 64)
    part = part_of(TrainingMovie(pixels((12, 45, 60)), events((0, 6, 20, 30)), NONE), without=frozenset())
    assert part.frames.shape == (36, 64, 64)
    assert part.answers.shape == part.weights.shape == (12, 16, 16, 1)


def test_a_steps_parts_depend_only_on_its_number() -> None:
    movie = TrainingMovie(pixels((60, 200, 200)), events((0, 30, 100, 100)), NONE)

    def drawn(first: int) -> list[Part]:
        sampler = Sampler([movie], 1, np.random.default_rng(99))
        return list(islice(Mixed([(sampler, 1.0)], 3, first, 2), 4))

    whole, later = drawn(0) + drawn(2), drawn(1)
    for one, other in zip(whole[2:6], later, strict=True):
        assert np.array_equal(one.frames, other.frames)
    assert not np.array_equal(whole[0].frames, whole[2].frames)


def test_parts_are_divided_by_the_specified_shares() -> None:
    bright, dark = (
        Sampler(
            [TrainingMovie(np.full((20, 64, 64), level), events(), NONE, annotated=(level > 0,))],
            1,
            np.random.default_rng(0),
        )
        for level in (1, 0)
    )
    parts = islice(Mixed([(bright, 0.7), (dark, 0.3)], 1, 0, 2), 200)
    share = np.mean([part.weights.any() for part in parts])
    assert abs(share - 0.7) < 0.02


def test_an_extended_network_predicts_known_classes_as_before() -> None:
    random = np.random.default_rng(1)
    parent = new_weights(2, random)
    child = carried_over(parent, ("a", "b"), ("b", "new", "a"), random)
    frames = random.random((2 * REACH_FRAMES + 4, 32, 32)).astype(np.float32)

    def answered(weights: dict) -> np.ndarray:
        return join_frames(weights, encode_frames(weights, contrast(frames))).numpy()

    before, after = answered(parent), answered(child)
    assert np.allclose(after[..., [2, 0]], before, atol=1e-5)
    assert not np.allclose(after[..., 1], before[..., 0], atol=0.01)
    child["answer/kernel"][:] = 0
    assert parent["answer/kernel"].any(), "the parent's arrays are its own"


def test_a_networks_predictions_for_a_movie_are_those_of_its_whole_frames() -> None:
    random = np.random.default_rng(2)
    weights = new_weights(2, random, rarity=0.4)
    described = EpiNetDescription(
        name="any",
        classes=("nothing", "a", "b"),
        frames_before=REACH_FRAMES,
        frames_after=REACH_FRAMES + 1,
        cell_diameter_px=25,
        event_duration_frames=4.5,
    )
    movie = random.integers(0, 255, (9, 42, 50)).astype(np.uint8)
    found = mean_predictions(Network(described, (weights,)), movie)
    padded = np.pad(movie.astype(np.float32), [(REACH_FRAMES, REACH_FRAMES), (0, 6), (0, 6)], "edge")
    logits = join_frames(weights, encode_frames(weights, contrast(padded))).numpy()
    expected = 255 / (1 + np.exp(-logits))
    assert found.shape == (9, 11, 13, 2)
    assert np.abs(found - expected[:, :11, :13]).max() < 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_training_that_diverges_ends_with_a_sentence_and_keeps_what_was_finite(bad: float) -> None:
    first = np.array([1.0, 2.0], np.float32)
    state = State({"a": first.copy()}, {"a": first.copy()})

    class One:
        def __init__(self, value: float) -> None:
            self.arrays = (np.array(value, np.float32),)

    trainer = Trainer(state, 10, 0.05, loss=lambda weights, value: (weights["a"] * value)[0])
    trainer.step([One(1)])
    moved = state.weights["a"].copy()
    with pytest.raises(
        WrongInputError, match=r"the training diverged at step 2 with a rate of 0\.05, .*: give a lower rate\."
    ):
        trainer.step([One(1), One(bad)])
    assert (state.step, len(state.losses)) == (1, 1)
    for values in (state.weights["a"], state.average["a"], *state.moments.values()):
        assert np.isfinite(values).all()
    assert np.array_equal(state.weights["a"], moved)
