"""The loop of a training: step after step, judged now and then, ended where nothing is gained, gone on with after a break."""

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
from epifiji.data.settings.training import TrainingSettings
from epifiji.data.training import Point
from epifiji.engine.training.mixing import Draws, Mixed
from epifiji.engine.training.recipe import TrainingRecipe
from epifiji.engine.training.trainer import PARTS_A_STEP, Arrays, State, Trainer, drawn_ahead
from epifiji.files.storage.unfinished import Unfinished

CHECKPOINT_S = 60.0
FEWEST_STEPS_BETWEEN = 25
TIMED_STEPS = 15
"""After so many steps it is known how many the time allows."""

LEAST_GAIN = 0.01
"""A loss that is less by this part of it is a gain."""

LEARNING = "learning"

Judge = Callable[[Weights, Report], tuple[float, float | None]]
"""Gives quality and F1 of weights on held-out events."""


@dataclass
class Progress:
    """How far a training has come, beside the trainer's state: all that is kept of it over a break.

    Parameters
    ----------
    best
        The averaged weights at the best moment.
    best_quality
        Their quality; less than 0 before the first validation.
    points
        What was measured on the way.
    seconds
        Time spent.
    since
        Judgements without a gain.
    seen
        Steps whose losses went into points.
    """

    best: Weights
    best_quality: float = -1.0
    points: list[Point] = field(default_factory=list)
    seconds: float = 0.0
    since: int = 0
    seen: int = 0


class TrainingLoop:
    """A training.

    Parameters
    ----------
    recipe
        How the network is taught.
    samplers
        What is learnt from, with shares.
    settings
        Steps, minutes, patience, rate and seed.
    held_out
        Unchanged parts around held-out events, for the loss; none where nothing is held out.
    judge
        Judges weights; None where nothing is held out.
    unfinished
        Where it is kept.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        samplers: Sequence[tuple[Draws, float]],
        settings: TrainingSettings,
        held_out: Sequence[Arrays],
        judge: Judge | None,
        unfinished: Unfinished,
    ) -> None:
        self._recipe, self._samplers, self._settings = recipe, samplers, settings
        self._held_out, self._judge, self._unfinished = held_out, judge, unfinished
        kept = _read(unfinished)
        self.resumed_at = kept[0].step if kept else 0
        self.state, self.progress = kept or _begun(recipe.first_weights())
        self._begun = time.monotonic() - self.progress.seconds
        self._saved = time.monotonic()
        self._started_at = self.state.step

    def run(self, report: Report) -> Weights:
        """Learn, and give the averaged weights at the best moment, or at the end where nothing is held out.

        Whatever ends it, what was learnt is kept for the next time.

        Raises
        ------
        CancelledError
            Where the user stops it, by the report or by an interrupt; it says what is kept.
        """
        # In the middle of TensorFlow's work an exception may crash it.
        with collected_signals() as signals:

            def tell(done: float, doing: str) -> None:
                if signals:
                    raise Interrupted(signals[0])
                report(done, doing)

            return self._run(tell)

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
                # The first steps after a start are slow, as TensorFlow gets ready.
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
                f"what was learnt in {state.step} steps is kept: start it again to go on from there."
            ) from end
        except BaseException:
            self._save()
            raise
        finally:
            parts.close()
        return self.progress.best if self._judge else state.average

    def _due(self, trainer: Trainer) -> bool:
        """Say whether it is time to judge."""
        step, last = self.state.step, self.progress.points[-1].step
        return step >= trainer.steps or step - last >= max(FEWEST_STEPS_BETWEEN, trainer.steps // self._recipe.points)

    def _ended(self, trainer: Trainer) -> bool:
        return self.state.step >= trainer.steps or self.progress.since >= self._settings.patience

    def _plan(self, trainer: Trainer) -> None:
        """Make as many steps as there is time for; the rate falls to nothing at the last."""
        step, spent = self.state.step, time.monotonic() - self._begun
        left = max(0.0, 60 * self._settings.minutes - spent)
        trainer.steps = int(min(step + left * step / spent, self._settings.steps))

    def _measure(self, trainer: Trainer, report: Report) -> None:
        """Judge the averaged weights, and keep them where they are the best so far."""
        progress, state = self.progress, self.state
        losses = state.losses[progress.seen :]
        loss = float(np.mean(losses)) if losses else None
        quality = f1 = held_out_loss = None
        if self._judge is not None:
            held_out_loss = trainer.loss(self._held_out) if self._held_out else None
            quality, f1 = self._judge(state.average, report)
            least = min((p.held_out_loss for p in progress.points if p.held_out_loss is not None), default=np.inf)
            gained = held_out_loss is not None and held_out_loss < (1 - LEAST_GAIN) * least
            if quality > progress.best_quality:
                progress.best_quality, gained = quality, True
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
    """Keep a training: its arrays, and all else as JSON."""
    groups = {"weights": state.weights, "average": state.average, "moments": state.moments, "best": progress.best}
    known = {
        "step": state.step,
        "losses": state.losses,
        "names": {group: sorted(arrays) for group, arrays in groups.items()},
        "points": [asdict(point) for point in progress.points],
        **{name: getattr(progress, name) for name in ("best_quality", "seconds", "since", "seen")},
    }
    text = np.frombuffer(json.dumps(known).encode(), np.uint8)
    unfinished.put(0, [text, *(arrays[name] for arrays in groups.values() for name in sorted(arrays))])


def _read(unfinished: Unfinished) -> tuple[State, Progress] | None:
    """Read what was kept; None where there is nothing, or nothing that can be read."""
    arrays = unfinished.get(0)
    if not arrays:
        return None
    try:
        known: Mapping[str, Any] = json.loads(arrays[0].tobytes())
        values = iter(arrays[1:])
        groups = {group: {name: next(values) for name in names} for group, names in known["names"].items()}
        state = State(groups["weights"], groups["average"], groups["moments"], known["step"], known["losses"])
        points = [Point(**point) for point in known["points"]]
        kept = {name: known[name] for name in ("best_quality", "seconds", "since", "seen")}
        return state, Progress(groups["best"], points=points, **kept)
    except (ValueError, KeyError, TypeError, StopIteration):
        return None
