"""Training a network on annotated movies, and retraining one with more movies or with reviews."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import AnnotatedMovie, TrainingMovie
from epifiji.data.network import AnyNetwork, Weights
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import DEFAULT_THRESHOLD
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.data.training import ValidationScores
from epifiji.engine.networks.families import EVENT_FAMILIES, event_family_of
from epifiji.engine.training.recipe import TrainingRecipe, held_out_parts
from epifiji.engine.training.validation_split import Split, split
from epifiji.files.networks.store import shipped_network
from epifiji.files.storage.unfinished import Unfinished
from epifiji.jobs.learnt_movies import KnownMovie, with_learnt
from epifiji.jobs.networks import event_network_of
from epifiji.jobs.training.loop import TrainingLoop
from epifiji.jobs.training.result import Target, TrainingResult, target_for, write_trained
from epifiji.jobs.training.sources import classes_in, prepare, read_sources
from epifiji.jobs.training.validation import Validator, candidates
from epifiji.jobs.versions import versions

OWN_FAMILY = EVENT_FAMILIES["epinet"]
"""The family of networks that are trained from a folder only."""

HELD_OUT_PARTS = 12
FEW_EVENTS = 10
"""With fewer events of a class the user is warned that it can hardly be learnt."""


def train(
    folder: str | Path,
    network: AnyNetwork | str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    from_scratch: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Train a network on a folder of annotated movies, with event classes of any names.

    An interrupted training continues when it is called again with the same arguments.

    Parameters
    ----------
    folder
        Movies, each with the ROIs of its events in ``<movie>_<class>.zip``, and of places that look like events but are
        not in ``<movie>_nothing.zip``.
    network
        The EpiNet whose weights initialise the training. Default: the default network (``epifiji networks default``) if
        it is an EpiNet, else the one that comes with EpiFiji, with a notice.
    name
        Of the new network. Default: that of the folder.
    out
        A folder for figures and ``training.json``. Default: the new network's.
    overwrite
        Whether an earlier network of that name, and files in `out`, may be replaced.
    from_scratch
        Begin with random weights instead.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.training.TrainingSettings`.

    Returns
    -------
    TrainingResult
        The new network is in the user's folder of networks, and available by its name.

    Raises
    ------
    WrongInputError
        If the folder, the network, the name or a setting is not usable.
    """
    chosen = parse_settings(TrainingSettings, settings)
    if from_scratch and network is not None:
        raise WrongInputError(
            "from_scratch means random weights, but a network to begin with was given: leave one out."
        )
    parent, notices = (None, []) if from_scratch else _beginning(network)
    folder = path_from(folder, "the folder of annotated movies")
    target = target_for(name, Path(os.path.realpath(folder)).name, _path(out), overwrite, parent)
    sources = read_sources([folder], chosen)
    description = OWN_FAMILY.description_for(target.name, classes_in(sources), parent.description if parent else None)
    recipe = OWN_FAMILY.recipe(description, parent, chosen, keeping=False)
    return _Training(target, chosen, sources, description, parent, recipe, report, notices).run()


def retrain(
    network: AnyNetwork | str | Path,
    sources: str | Path | Sequence[str | Path],
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Retrain a network with reviews of detected events, and with folders of annotated movies or crops.

    The new network keeps the old one's classes and what it knew of them, and gets the new classes. The old one is
    unchanged. An interrupted training continues when it is called again with the same arguments.

    Parameters
    ----------
    network
        Name, folder or zip of an EpiNet, or of one of the authors' networks.
    sources
        Reviews (``review.csv``, or the result folder that holds it) and folders as :func:`train` takes them.
    name, out, overwrite, report
        As for :func:`train`; the default name combines the old network's and the first movie's.
    **settings
        Those of :class:`~epifiji.data.settings.training.RetrainingSettings`.

    Raises
    ------
    WrongInputError
        If the network, a source, the name or a setting is not usable.
    """
    chosen = parse_settings(RetrainingSettings, settings)
    parent = event_network_of(network)
    given: list[Any] = list(sources) if isinstance(sources, list | tuple) else [sources]
    read = read_sources(given, chosen, chosen.unmarked)
    target = target_for(name, f"{parent.description.name}_{read[0].movie.name}", _path(out), overwrite, parent)
    known = parent.description.events
    classes = (*known, *(event for event in classes_in(read) if event not in known))
    family = event_family_of(parent.description)
    family.check(parent)
    description = family.description_for(target.name, classes, parent.description)
    recipe = family.recipe(description, parent, chosen, keeping=True)
    return _Training(target, chosen, read, description, parent, recipe, report).run(chosen.keep)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else path_from(given, "the folder to write into")


def _beginning(network: AnyNetwork | str | Path | None) -> tuple[EventNetwork, list[str]]:
    """Read the EpiNet to begin with; a notice says if it is not the default network although none was specified."""
    read = event_network_of(network)
    of_own_family = event_family_of(read.description) is OWN_FAMILY
    if not of_own_family and network is None:
        own = event_network_of(shipped_network())
        notice = (
            f"The default network {read.description.name} is one of the authors', which cannot initialise a training: the "
            f"training began with {own.description.name}. To train {read.description.name} further, use retrain."
        )
        return own, [notice]
    if not of_own_family:
        raise WrongInputError(
            f"{read.description.name} is one of the authors' networks, but a training begins with an EpiNet or with "
            "random weights: specify another network, or use retrain to train this one further."
        )
    OWN_FAMILY.check(read)
    return read, []


@dataclass
class _Training:
    """One training, from its sources to the network's folder."""

    target: Target
    settings: TrainingSettings
    sources: list[AnnotatedMovie]
    description: EventNetworkDescription
    parent: EventNetwork | None
    recipe: TrainingRecipe
    report: Report
    notices: list[str] = field(default_factory=list)

    def run(self, keep: float | None = None) -> TrainingResult:
        """Train; `keep` is the share of training parts for what the parent knew, None for a new network."""
        settings, classes = self.settings, self.description.events
        movies = prepare(self.sources, self.description, settings, self.report)
        self._require_trainable(movies)
        parted = split(movies, len(classes), settings.held_out, np.random.default_rng(settings.seed))
        self._add_notices(parted)
        validator = Validator(parted.held_out, classes, self.description.thresholds)
        recipe, without = self.recipe, frozenset(settings.without or ())
        learnt = parted.learnt if keep is None else recipe.prepared(parted.learnt, self.report)
        samplers = [(recipe.sampler(learnt, without), 1 - (keep or 0))]
        if keep:
            samplers.append((recipe.sampler(recipe.rehearsed(self.report), without), keep))
        unfinished = Unfinished(self._identity(movies, keep))
        loop = TrainingLoop(
            recipe,
            samplers,
            settings,
            held_out_parts(recipe, parted.held_out, HELD_OUT_PARTS),
            (lambda weights, report: self._validate(weights, validator, report)) if validator.scored_classes else None,
            unfinished,
        )
        if loop.resumed_at:
            self.notices.append(f"The training continued from step {loop.resumed_at}, where it was interrupted.")
        weights = loop.run(self.report)
        after = self._scored(weights, validator)
        before = self._scored_parent(validator)
        chosen = {event: after.thresholds[event] for event in validator.scored_classes} if after else {}
        thresholds = self.description.thresholds | chosen
        described = self.description.model_copy(update={"thresholds": thresholds})
        learnt_by = self.parent.description if self.parent else None
        described = with_learnt(described, (source.movie for source in self.sources), learnt_by)
        points = loop.progress.points
        best = max(points, key=lambda p: (p.quality if p.quality is not None else 0, p.step)) if points else None
        result = write_trained(
            recipe.network(weights, described),
            self.target,
            self.parent,
            self.parent if before else None,
            after,
            before,
            points,
            best.step if best else 0,
            self._record(parted, loop.progress.seconds),
            self.notices,
        )
        unfinished.remove()
        return result

    def _require_trainable(self, movies: Sequence[TrainingMovie]) -> None:
        family, rescaled = event_family_of(self.description), self.settings.cell_diameter is not None
        for movie in movies:
            t, y, x = movie.pixels.shape
            family.require_trainable(movie.name, (t, y, x), self.description, rescaled)

    def _validate(self, weights: Weights, validator: Validator, report: Report) -> tuple[float, float | None]:
        found = candidates(self.recipe.network(weights, self.description), validator.held_out, report)
        return validator.quality(found), validator.score(found).f1()

    def _scored(self, weights: Weights, validator: Validator) -> ValidationScores | None:
        if not validator.scored_classes:
            return None
        return validator.score(
            candidates(self.recipe.network(weights, self.description), validator.held_out, self.report)
        )

    def _scored_parent(self, validator: Validator) -> ValidationScores | None:
        """Score the parent as users have it, with its own thresholds, if it knows a class with held-out events."""
        if self.parent is None or not set(validator.scored_classes) & set(self.parent.description.events):
            return None
        own = dict.fromkeys(self.parent.description.events, DEFAULT_THRESHOLD["fast"])
        found = candidates(self.parent, validator.held_out, self.report)
        known = [[event for event in one if event.event in self.description.events] for one in found]
        return validator.score(known, own | self.parent.description.thresholds)

    def _add_notices(self, parted: Split) -> None:
        """Add notices about how the sources were used, and what is too little."""
        for source in self.sources:
            self.notices += source.notices
        known = self.parent.description.learnt_from if self.parent else ()
        seen = [source.movie.name for source in self.sources if KnownMovie(source.movie).is_one_of(known)]
        if self.parent and seen:
            self.notices.append(
                f"{self.parent.description.name} learnt from {', '.join(seen)} before, so its scores on events held out "
                "there are too high to compare the new network with."
            )
        counts: Mapping[str, int] = {
            event: sum(one.event == event for source in self.sources for one in source.events)
            for event in self.description.events
        }
        held = dict(zip(self.description.events, parted.held_out_events(len(counts)), strict=True))
        for event, count in counts.items():
            if 0 < count < FEW_EVENTS:
                self.notices.append(
                    f"Only {count} events of {event} are marked: with fewer than {FEW_EVENTS} little can be learnt."
                )
            if count and not held[event]:
                self.notices.append(f"No event of {event} could be held out, so it is unknown how well it is found.")
        own = [event for event, count in counts.items() if count]
        if len(own) == 1 and len(counts) == 1:
            self.notices.append(f"Only events of {own[0]} are marked, so the network will find only that class.")

    def _identity(self, movies: Sequence[TrainingMovie], keep: float | None) -> dict[str, Any]:
        """Return values that identify the training: a stored one with the same values can be continued."""
        # Maximum time, patience and steps may change in between.
        left_out = {"minutes", "patience", "steps"}
        return {
            "training": 1,
            "movies": [movie.sha256() for movie in movies],
            "classes": list(self.description.classes),
            "scale": [self.description.cell_diameter_px, self.description.event_duration_frames],
            # Weights that were trained for other frames may have the same shapes.
            "frames": [self.description.frames_before, self.description.frames_after],
            "parent": self.parent.sha256 if self.parent else None,
            "settings": self.settings.model_dump(exclude=left_out),
            "keep": keep,
            "versions": versions(),
        }

    def _record(self, parted: Split, seconds: float) -> dict[str, Any]:
        held = parted.held_out_events(len(self.description.events))
        return {
            "epifiji": 1,
            "network": self.target.name,
            "classes": list(self.description.classes),
            "movies": [
                {
                    "name": source.movie.name,
                    "file": str(source.movie.path) if source.movie.path else None,
                    "shape": list(source.movie.shape),
                    "counts": source.counts(),
                    "all_marked": source.complete,
                }
                for source in self.sources
            ],
            "split": parted.way,
            "held_out": dict(zip(self.description.events, held, strict=True)),
            "held_out_movies": [
                {"name": one.name, "counts_from": list(low), "counts_to": list(high)}
                for one in parted.held_out
                for low, high in [one.scored_region]
            ],
            "settings": self.settings.model_dump(),
            "seconds": round(seconds, 1),
            "versions": versions(),
        }
