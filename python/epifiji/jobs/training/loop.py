"""The loop of a training: steps, regular validation, early stopping, and continuation after an interruption."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from epifiji.data.errors import CancelledError
from epifiji.data.interrupts import Interrupted, collected_signals
from epifiji.data.network import Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import CourseSettings
from epifiji.data.training import Point
from epifiji.engine.training.mixing import Draws, Mixed
from epifiji.engine.training.recipe import TrainingRecipe
from epifiji.engine.training.trainer import PARTS_A_STEP, AnyTrainer, Arrays, State, drawn_ahead
from epifiji.files.storage.unfinished import Unfinished

CHECKPOINT_S = 60.0
FEWEST_STEPS_BETWEEN = 25
TIMED_STEPS = 15
"""Steps after which their speed determines how many the time allows."""

LEAST_GAIN = 0.01
"""Smallest relative decrease of the loss that counts as an improvement."""

LEARNING = "learning"

Scorer = Callable[[Weights, Report], tuple[float, float | None, Any]]
"""Returns quality, F1, and all scores of weights on held-out events."""


@dataclass
class Progress:
    """Progress of a training in addition to the trainer's state; both are stored for a continuation.

    Parameters
    ----------
    best
        The averaged weights at the best step.
    best_rank
        Their :attr:`~epifiji.data.training.Point.rank`; None before the first validation.
    points
        Measurements during the training.
    seconds
        Time spent.
    since
        Validations without an improvement.
    seen
        Steps whose losses are included in points.
    """

    best: Weights
    best_rank: tuple[float, float] | None = None
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    since: int = 0
    seen: int = 0


class TrainingLoop:
    """A training.

    Parameters
    ----------
    recipe
        The family's training recipe.
    samplers
        Samplers of the training set, with shares.
    settings
        Steps, minutes, patience, rate and seed.
    held_out
        Parts around held-out events without augmentation, for the loss; empty if there are none.
    scorer
        Scores weights; None if there are no held-out events.
    unfinished
        Storage of the state.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        samplers: Sequence[tuple[Draws, float]],
        settings: CourseSettings,
        held_out: Sequence[Arrays],
        scorer: Scorer | None,
        unfinished: Unfinished,
    ) -> None:
        self._recipe, self._samplers, self._settings = recipe, samplers, settings
        self._held_out, self._scorer, self._unfinished = held_out, scorer, unfinished
        kept = _read(unfinished)
        self.resumed_at = kept[0].step if kept else 0
        self.state, self.progress = kept or _begun(recipe.first_weights())
        self.best_scores: Any = None
        self._begun = time.monotonic() - self.progress.seconds
        self._saved = time.monotonic()
        self._started_at = self.state.step

    def run(self, report: Report) -> Weights:
        """Train, and return the averaged weights at the best step, or at the last one if there are no held-out events.

        The state is stored for a continuation, whatever ends the training.

        Raises
        ------
        CancelledError
            If the user stops it, by the report or by an interrupt; the message describes what is stored.
        """
        # An exception in the middle of TensorFlow's work may crash it.
        with collected_signals() as signals:

            def report_all(done: float, doing: str) -> None:
                if signals:
                    raise Interrupted(signals[0])
                report(done, doing)

            return self._run(report_all)

    def _run(self, report: Report) -> Weights:
        settings, state = self._settings, self.state
        trainer = self._recipe.trainer(state, settings.steps, settings.rate or self._recipe.rate)
        parts = drawn_ahead(Mixed(self._samplers, settings.seed, state.step, PARTS_A_STEP), PARTS_A_STEP)
        try:
            if not self.progress.points:
                self._measure(trainer, report)
            if state.step >= TIMED_STEPS:
                self._plan(trainer)
            while not self._ended(trainer):
                trainer.step(next(parts))
                # The first steps after a start are slow, because TensorFlow prepares its functions.
                if state.step - self._started_at >= TIMED_STEPS and state.step % 5 == 0:
                    self._plan(trainer)
                report(min(1.0, state.step / trainer.steps), f"{LEARNING}, step {state.step} of {trainer.steps}")
                if self._due(trainer):
                    self._measure(trainer, report)
                if time.monotonic() - self._saved > CHECKPOINT_S:
                    self._save()
            # An interrupt may have come between the last step and its validation.
            if self.progress.points[-1].step < state.step:
                self._measure(trainer, report)
        except (CancelledError, Interrupted, KeyboardInterrupt) as end:
            self._save()
            raise CancelledError(
                f"the state after {state.step} steps is stored: start the training again to continue from there."
            ) from end
        except BaseException:
            self._save()
            raise
        finally:
            parts.close()
        return self.progress.best if self._scorer else state.average

    def _due(self, trainer: AnyTrainer) -> bool:
        """Return whether it is time to validate."""
        step, last = self.state.step, self.progress.points[-1].step
        return step >= trainer.steps or step - last >= max(FEWEST_STEPS_BETWEEN, trainer.steps // self._recipe.points)

    def _ended(self, trainer: AnyTrainer) -> bool:
        return self.state.step >= trainer.steps or self.progress.since >= self._settings.patience

    def _plan(self, trainer: AnyTrainer) -> None:
        """Plan as many steps as there is time for; the learning rate falls to 0 at the last."""
        step, spent = self.state.step, time.monotonic() - self._begun
        left = max(0.0, 60 * self._settings.minutes - spent)
        trainer.steps = int(min(step + left * step / spent, self._settings.steps))

    def _measure(self, trainer: AnyTrainer, report: Report) -> None:
        """Score the averaged weights, and keep them if they are the best so far."""
        progress, state = self.progress, self.state
        losses = state.losses[progress.seen :]
        loss = float(np.mean(losses)) if losses else None
        quality = f1 = held_out_loss = None
        if self._scorer is not None:
            held_out_loss = trainer.loss(self._held_out) if self._held_out else None
            quality, f1, scores = self._scorer(state.average, report)
            least = min((p.held_out_loss for p in progress.points if p.held_out_loss is not None), default=np.inf)
            gained = held_out_loss is not None and held_out_loss < (1 - LEAST_GAIN) * least
            rank = Point(state.step, 0.0, loss, held_out_loss, f1, quality).rank
            if rank is not None and (progress.best_rank is None or rank > progress.best_rank):
                progress.best_rank, self.best_scores, gained = rank, scores, True
                progress.best = {name: values.copy() for name, values in state.average.items()}
            progress.since = 0 if gained else progress.since + 1
        progress.seconds = time.monotonic() - self._begun
        progress.points.append(Point(state.step, progress.seconds, loss, held_out_loss, f1, quality))
        progress.seen = len(state.losses)
        self._save()

    def _save(self) -> None:
        self.progress.seconds = time.monotonic() - self._begun
        _write(self._unfinished, self.state, self.progress)
        self._saved = time.monotonic()


def _begun(weights: Weights) -> tuple[State, Progress]:
    copies = ({name: values.copy() for name, values in weights.items()} for _ in range(3))
    return State(next(copies), next(copies)), Progress(next(copies))


def _write(unfinished: Unfinished, state: State, progress: Progress) -> None:
    """Store a training: its arrays, and all else as JSON."""
    groups = {"weights": state.weights, "average": state.average, "moments": state.moments, "best": progress.best}
    known = {
        "step": state.step,
        "losses": state.losses,
        "names": {group: sorted(arrays) for group, arrays in groups.items()},
        "points": [asdict(point) for point in progress.points],
        **{name: getattr(progress, name) for name in ("best_rank", "seconds", "since", "seen")},
    }
    text = np.frombuffer(json.dumps(known).encode(), np.uint8)
    unfinished.put(0, [text, *(arrays[name] for arrays in groups.values() for name in sorted(arrays))])


def _read(unfinished: Unfinished) -> tuple[State, Progress] | None:
    """Read a stored training; None if there is none, or it cannot be read."""
    arrays = unfinished.get(0)
    if not arrays:
        return None
    try:
        known: Mapping[str, Any] = json.loads(arrays[0].tobytes())
        values = iter(arrays[1:])
        groups = {group: {name: next(values) for name in names} for group, names in known["names"].items()}
        state = State(groups["weights"], groups["average"], groups["moments"], known["step"], known["losses"])
        points = [Point(**point) for point in known["points"]]
        kept = {name: known[name] for name in ("seconds", "since", "seen")}
        rank = None if known["best_rank"] is None else tuple(known["best_rank"])
        return state, Progress(groups["best"], rank, points=points, **kept)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
