"""The course of a training, from its sources to the network's folder, for networks with any task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from epifiji.data.image import Image
from epifiji.data.network import AnyNetwork, NetworkDescription, Weights
from epifiji.data.progress import Report
from epifiji.data.settings.training import CourseSettings
from epifiji.data.training import Point
from epifiji.engine.training.mixing import Draws
from epifiji.engine.training.recipe import TrainingRecipe, held_out_parts
from epifiji.engine.training.validation_split import Split
from epifiji.files.storage.unfinished import Unfinished
from epifiji.jobs.learnt_movies import KnownMovie, with_learnt
from epifiji.jobs.new_network import Target
from epifiji.jobs.training.loop import TrainingLoop
from epifiji.jobs.training.result import Summary, TrainingResult, write_trained
from epifiji.jobs.versions import versions

HELD_OUT_PARTS = 12


class TrainingTask(Summary, Protocol):
    """What a network learns: its sources, how they are divided, and how a network is scored on those held out.

    See :class:`~epifiji.jobs.training.events.EventTask`, :class:`~epifiji.jobs.training.cells.CellTask` and
    :class:`~epifiji.jobs.training.volumes.VolumeTask`.
    """

    task: ClassVar[str]
    """That of the networks; see :class:`epifiji.data.network.NetworkDescription`."""

    @property
    def settings(self) -> CourseSettings:
        """Of the training."""

    description: Any
    """Of the network to train."""

    parent: Any
    """The network with which the training begins; None for random weights."""

    recipe: TrainingRecipe[Any]

    notices: list[str]
    """Sentences for the user, also about how the sources were understood."""

    @property
    def images(self) -> Sequence[Image]:
        """The movies, images or volumes that are annotated."""

    def divided(self, report: Report) -> Split[Any]:
        """Bring the sources to the network's scale, and divide them; adds notices about what is too little."""

    def identity(self) -> dict[str, Any]:
        """Return values that identify what is learnt from, after :meth:`divided`."""

    @property
    def is_scored(self) -> bool:
        """Whether something is held out that is scored, after :meth:`divided`."""

    def scores(self, network: Any, report: Report) -> tuple[float, float | None, Any]:
        """Score a network on what is held out; before the scores, the criterion by which the best step is chosen, and F1."""

    def parent_scores(self, report: Report) -> Any:
        """Score the parent as users have it; None if it cannot be compared."""

    def described(self, after: Any) -> Any:
        """Return the description of the finished network from its scores."""

    def record(self, parted: Split[Any]) -> dict[str, Any]:
        """Return the entries of ``training.json`` about sources and division."""


def run_training(task: TrainingTask, target: Target, report: Report, keep: float | None = None) -> TrainingResult:
    """Train a network.

    Parameters
    ----------
    keep
        Share of training parts for what the parent knew; None for a new network.
    """
    settings, recipe, parent = task.settings, task.recipe, task.parent
    parted = task.divided(report)
    # TensorFlow or Cellpose start now, and parts of images are arranged.
    report(0, "preparing the training")
    samplers = _samplers(task, parted, report, keep)
    unfinished = Unfinished(_identity(task, keep))

    def validate(weights: Weights, report: Report) -> tuple[float, float | None, Any]:
        return task.scores(recipe.network(weights, task.description), report)

    loop = TrainingLoop(
        recipe,
        samplers,
        settings,
        held_out_parts(recipe, parted.held_out, HELD_OUT_PARTS),
        validate if task.is_scored else None,
        unfinished,
    )
    if loop.resumed_at:
        task.notices.append(f"The training continued from step {loop.resumed_at}, where it was interrupted.")
    weights = loop.run(report)
    after = loop.best_scores
    if task.is_scored and after is None:
        # The best step was before an interruption.
        after = validate(weights, report)[-1]
    before = task.parent_scores(report) if task.is_scored else None
    learnt_by = parent.description if parent else None
    described: NetworkDescription = with_learnt(task.described(after), task.images, learnt_by)
    points = loop.progress.points
    record = {
        "epifiji": 1,
        "network": target.name,
        **task.record(parted),
        "settings": settings.of_task(task.task),
        "seconds": round(loop.progress.seconds, 1),
        "versions": versions(),
    }
    network = recipe.network(weights, described)
    result = write_trained(
        network, target, parent, task, after, before, points, _best_step(points), record, task.notices
    )
    unfinished.remove()
    return result


def _samplers(task: TrainingTask, parted: Split[Any], report: Report, keep: float | None) -> list[tuple[Draws, float]]:
    """Return what draws training parts from the sources and from what the parent knew, and the share of each."""
    recipe, without = task.recipe, frozenset(task.settings.without or ())
    learnt = parted.learnt if keep is None else recipe.prepared(parted.learnt, report)
    samplers = [(recipe.sampler(learnt, without), 1 - (keep or 0))]
    kept = recipe.rehearsed(report) if keep else []
    if keep and kept:
        samplers.append((recipe.sampler(kept, without), keep))
    return samplers


def _best_step(points: Sequence[Point]) -> int:
    """Return the step whose weights :class:`TrainingLoop` returns: the first of the best ones, or the last if none is scored."""
    scored = [(rank, point.step) for point in points if (rank := point.rank) is not None]
    if not scored:
        return points[-1].step if points else 0
    return max(scored, key=lambda one: one[0])[1]


def seen_before(parent: AnyNetwork | None, images: Iterable[Image]) -> list[str]:
    """Return the names of the movies or images that a network learnt from."""
    known = parent.description.learnt_from if parent else ()
    return [image.name for image in images if KnownMovie(image).is_one_of(known)]


def notices_of_seen(parent: AnyNetwork | None, images: Iterable[Image], held_out: str) -> list[str]:
    """Say that scores on what is held out are too high for a network that learnt from some of the images; nothing otherwise."""
    seen = seen_before(parent, images)
    if parent is None or not seen:
        return []
    return [
        f"{parent.description.name} learnt from {', '.join(seen)} before, so its scores on {held_out} held out there are too "
        "high to compare the new network with."
    ]


def file_of(image: Image) -> str | None:
    """Return the path of an image's file; None if it has none."""
    path: Path | None = image.path
    return str(path) if path else None


def _identity(task: TrainingTask, keep: float | None) -> dict[str, Any]:
    """Return values that identify the training: a stored one with the same values can be continued."""
    # Maximum time, patience and steps may change in between.
    left_out = frozenset({"minutes", "patience", "steps"})
    return {
        "training": 1,
        **task.identity(),
        "parent": task.parent.sha256 if task.parent else None,
        "settings": task.settings.of_task(task.task, left_out),
        "keep": keep,
        "versions": versions(),
    }
