"""The loop of a training: validation, the number of steps in the available time, and interruptions."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from epifiji.data.errors import CancelledError
from epifiji.data.network import Weights
from epifiji.data.progress import Report, silent
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.training.trainer import State
from epifiji.files.storage.unfinished import Unfinished
from epifiji.jobs.training import loop, run
from epifiji.jobs.training.loop import TIMED_STEPS, TrainingLoop

STEP_S = 1.0


class Clock:
    """A clock that advances with each step."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Counting:
    """Trains a network whose only weight is the number of steps, and records how many were planned."""

    def __init__(self, state: State, steps: int, clock: Clock) -> None:
        self.state, self.steps, self._clock = state, steps, clock
        self.planned: list[int] = []

    def step(self, parts: list[None]) -> float:
        self.planned.append(self.steps)
        self._clock.now += STEP_S
        self.state.step += 1
        self.state.average["steps"] = np.array([self.state.step], np.float32)
        self.state.losses.append(1 / self.state.step)
        return self.state.losses[-1]

    def loss(self, parts: list[None]) -> float:
        return 1 / (1 + self.state.step)


class Nothing:
    """Draws empty parts."""

    def reseed(self, random: np.random.Generator) -> None:
        pass

    def draw(self) -> None:
        pass


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for the test, and an empty folder for unfinished trainings."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = Clock()
    monkeypatch.setattr(loop, "time", made)
    return made


Scorer = Callable[[Weights, Report], tuple[float, float | None, Any]]


def better_and_better(weights: Weights, report: Report) -> tuple[float, float | None, Any]:
    """Score weights by the number of steps."""
    report(1.0, "judging")
    return float(weights["steps"][0]), None, None


def course_of(
    clock: Clock, scorer: Scorer | None = better_and_better, held_out: Sequence[None] = (), **settings: float
) -> tuple[TrainingLoop, list[Counting]]:
    """Start or continue a loop; returns its trainer too, once it runs."""
    trainers: list[Counting] = []

    def trainer(state: State, steps: int, rate: float) -> Counting:
        trainers.append(Counting(state, steps, clock))
        return trainers[-1]

    recipe = SimpleNamespace(
        rate=1e-3, points=4, first_weights=lambda: {"steps": np.zeros(1, np.float32)}, trainer=trainer
    )
    chosen = TrainingSettings(**({"steps": 60, "minutes": 1000} | settings))
    unfinished = Unfinished({"test": len(held_out)})
    return TrainingLoop(recipe, [(Nothing(), 1.0)], chosen, held_out, scorer, unfinished), trainers


def stop_where(told: str, at: Callable[[], bool] = lambda: True) -> Report:
    def report(done: float, doing: str) -> None:
        if doing.startswith(told) and at():
            raise CancelledError

    return report


class TestAfterAnInterruption:
    def test_the_last_step_is_validated(self, clock):
        first, _ = course_of(clock)
        with pytest.raises(CancelledError, match="the state after 60 steps is stored"):
            first.run(stop_where("learning, step 60 "))
        resumed, _ = course_of(clock)
        assert resumed.run(silent)["steps"] == 60
        assert resumed.progress.points[-1].step == 60
        assert resumed.progress.best_rank == (1, 60)

    def test_the_last_step_is_validated_if_its_validation_was_interrupted(self, clock):
        first, _ = course_of(clock)
        with pytest.raises(CancelledError):
            first.run(stop_where("judging", lambda: first.state.step == 60))
        resumed, _ = course_of(clock)
        assert resumed.run(silent)["steps"] == 60

    def test_the_losses_of_all_steps_go_into_the_points(self, clock):
        first, _ = course_of(clock)
        with pytest.raises(CancelledError):
            first.run(stop_where("judging", lambda: first.state.step == 25))
        resumed, _ = course_of(clock)
        resumed.run(silent)
        losses, points = resumed.state.losses, resumed.progress.points
        assert len(losses) == 60
        assert [point.loss for point in points[1:]] == [
            pytest.approx(np.mean(losses[before.step : after.step])) for before, after in pairwise(points)
        ]

    def test_as_many_steps_are_planned_as_before(self, clock):
        minutes = 40 * STEP_S / 60
        whole, trainers = course_of(clock, minutes=minutes)
        with pytest.raises(CancelledError):
            whole.run(stop_where("learning, step 30 "))
        assert trainers[0].planned[TIMED_STEPS:] == [40] * 15
        resumed, trainers = course_of(clock, minutes=minutes)
        resumed.run(silent)
        assert trainers[0].planned == [40] * 10

    def test_before_it_is_known_how_many_there_is_time_for_all_are_planned(self, clock):
        first, _ = course_of(clock)
        with pytest.raises(CancelledError):
            first.run(stop_where("learning, step 5 "))
        resumed, trainers = course_of(clock)
        resumed.run(silent)
        assert trainers[0].planned[0] == 60


def test_weights_that_learnt_nothing_are_not_chosen_where_no_step_finds_anything_right(clock):
    """Without any cell the quality is 0; with wrong ones it is below, though such weights are nearer to the right ones."""

    def wrong(weights: Weights, report: Report) -> tuple[float, float | None, Any]:
        step = float(weights["steps"][0])
        return -0.5 * (step > 0), 0.0, step

    def once_right(weights: Weights, report: Report) -> tuple[float, float | None, Any]:
        step = float(weights["steps"][0])
        return -0.5 * (step > 0), 0.1 * (0 < step < 40), step

    ended, _ = course_of(clock, wrong, [None])
    assert ended.run(silent)["steps"] == ended.best_scores == run._best_step(ended.progress.points) == 60
    ended, _ = course_of(clock, once_right, [None, None])
    first = ended.run(silent)["steps"]
    assert first == ended.best_scores == run._best_step(ended.progress.points) == ended.progress.points[1].step < 40


@pytest.mark.parametrize("earlier", [signal.SIG_IGN, signal.SIG_DFL])
def test_an_interrupt_that_was_ignored_stays_ignored_and_any_other_handler_comes_back(clock, earlier):
    before = signal.signal(signal.SIGINT, earlier)
    try:
        during = []
        course_of(clock)[0].run(lambda done, doing: during.append(signal.getsignal(signal.SIGINT)))
        assert all((now == signal.SIG_IGN) == (earlier == signal.SIG_IGN) for now in during)
        assert signal.getsignal(signal.SIGINT) == earlier
    finally:
        signal.signal(signal.SIGINT, before)
