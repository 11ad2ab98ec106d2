"""Training a network on annotated movies, and retraining one with more of them or with reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.network import EPINET, NOTHING, Network, NetworkDescription, Weights
from epifiji.data.progress import Report, silent
from epifiji.data.settings import DEFAULT_THRESHOLD, parse_settings
from epifiji.data.training import Examination
from epifiji.data.training_settings import CHANGES, RetrainingSettings, TrainingSettings
from epifiji.engine.epinet import REACH_FRAMES, check_epinet, new_weights
from epifiji.engine.retraining import carried_over
from epifiji.engine.samples import Labelled, Part, Sampler
from epifiji.engine.splitting import Split, split
from epifiji.files.networks import SHIPPED, SHIPPED_FOLDER, find_network, read_network
from epifiji.files.unfinished import Unfinished
from epifiji.jobs.course import Course
from epifiji.jobs.held_out import Examiner, candidates
from epifiji.jobs.rehearsal import rehearsal, taught_by
from epifiji.jobs.result import versions
from epifiji.jobs.trained import Target, TrainingResult, target_for, write_trained
from epifiji.jobs.training_input import Material, Source, classes_in, prepare, read_sources

CELL_DIAMETER_PX, EVENT_DURATION_FRAMES = 25.0, 4.5
"""The scale of a network that begins with nothing."""

MIN_VOLUME = 150
"""Voxels that an event of a new class exceeds; the answers to one are taught in about 1,000."""

RATE, KEEPING_RATE = 1e-3, 5e-4
HELD_OUT_PARTS = 12
FEW_EVENTS = 10
"""A class with fewer is hardly learnt; the user is told."""


def train(
    folder: str | Path,
    network: Network | str | Path | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    from_scratch: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Train a network on a folder of annotated movies, with event classes of any names.

    An interrupted training goes on when it is called again in the same way.

    Parameters
    ----------
    folder
        Movies, each with the ROIs of its events in ``<movie>_<class>.zip``, and of places that look like events and are none in
        ``<movie>_nothing.zip``.
    network
        The EpiNet whose eyes it begins with; the one that comes with EpiFiji where not given.
    name
        Of the new network; after the folder where not given.
    out
        A folder for pictures and ``training.json``; that of the new network where not given.
    overwrite
        Whether an earlier network of that name, and files in `out`, may be replaced.
    from_scratch
        Begin with nothing instead.
    report
        Called with progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.training_settings.TrainingSettings`.

    Returns
    -------
    TrainingResult
        The new network is in the user's folder of networks, and known by its name.

    Raises
    ------
    WrongInputError
        Where the folder, the network, the name or a setting cannot be used.
    """
    chosen = parse_settings(TrainingSettings, settings)
    if from_scratch and network is not None:
        raise WrongInputError("from_scratch begins with nothing, but a network to begin with was given: leave one out.")
    parent = None if from_scratch else _beginning(network)
    target = target_for(name, Path(folder).resolve().name, _path(out), overwrite, parent)
    sources = read_sources([folder], chosen)
    classes = classes_in(sources)
    notices = (
        [] if parent or from_scratch else ["There is no EpiNet to begin with, so the training began with nothing."]
    )
    description = _description(target.name, classes, parent.description if parent else None)
    return _Training(target, chosen, sources, description, parent, notices, report).run(keep=0.0)


def retrain(
    network: Network | str | Path,
    sources: str | Path | Sequence[str | Path],
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> TrainingResult:
    """Let a network learn more: from reviews of what was detected, and from folders of annotated movies or crops.

    The new network keeps the old one's classes, and what it knew of them, and gets those that are new. The old one stays as it
    is. An interrupted training goes on when it is called again in the same way.

    Parameters
    ----------
    network
        Name, folder or zip of an EpiNet.
    sources
        Reviews (``review.csv``, or the result folder that holds it) and folders as :func:`train` takes them.
    name, out, overwrite, report
        As for :func:`train`; without a name it is made of the old network's and the first movie's.
    **settings
        Those of :class:`~epifiji.data.training_settings.RetrainingSettings`.

    Raises
    ------
    WrongInputError
        Where the network, a source, the name or a setting cannot be used.
    """
    chosen = parse_settings(RetrainingSettings, settings)
    parent = network if isinstance(network, Network) else read_network(find_network(network))
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    read = read_sources(given, chosen, chosen.unmarked)
    target = target_for(name, f"{parent.description.name}_{read[0].movie.name}", _path(out), overwrite, parent)
    check_epinet(parent)
    known = parent.description.events
    classes = (*known, *(event for event in classes_in(read) if event not in known))
    description = _description(target.name, classes, parent.description)
    return _Training(target, chosen, read, description, parent, [], report).run(chosen.keep)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _beginning(network: Network | str | Path | None) -> Network:
    """Read the EpiNet to begin with: the one that comes with EpiFiji where none is named."""
    if network is None:
        return read_network(SHIPPED_FOLDER / SHIPPED)
    read = network if isinstance(network, Network) else read_network(find_network(network))
    if read.description.kind != EPINET:
        raise WrongInputError(
            f"{read.description.name} is one of the authors' networks, but a training begins with an EpiNet or with "
            "nothing: name another network, or use retrain to let this one learn more."
        )
    check_epinet(read)
    return read


def _description(name: str, classes: Sequence[str], parent: NetworkDescription | None) -> NetworkDescription:
    """Describe the new network; thresholds and volumes of classes that are new are put in later."""
    thresholds, volumes = (dict(parent.thresholds), dict(parent.min_volumes)) if parent else ({}, {})
    return NetworkDescription(
        kind=EPINET,
        name=name,
        classes=(NOTHING, *classes),
        window_half_size_px=parent.window_half_size_px if parent else 22,
        frames_before=REACH_FRAMES,
        frames_after=REACH_FRAMES + 1,
        cell_diameter_px=parent.cell_diameter_px if parent else CELL_DIAMETER_PX,
        event_duration_frames=parent.event_duration_frames if parent else EVENT_DURATION_FRAMES,
        thresholds={event: level for event, level in thresholds.items() if event in classes},
        min_volumes={event: volumes.get(event, MIN_VOLUME) for event in classes},
    )


@dataclass
class _Training:
    """One training, from its sources to the network's folder."""

    target: Target
    settings: TrainingSettings
    sources: list[Source]
    description: NetworkDescription
    parent: Network | None
    notices: list[str]
    report: Report

    def run(self, keep: float) -> TrainingResult:
        """Train; `keep` is the part of the learning that is spent on what the parent knew."""
        settings, classes = self.settings, self.description.events
        material = prepare(self.sources, self.description, settings, self.report)
        parted = split(
            material.movies, material.names, len(classes), settings.held_out, np.random.default_rng(settings.seed)
        )
        self._tell_of(parted)
        examiner = Examiner(parted.held_out, classes, self.description.thresholds)
        learnt = parted.learnt
        samplers: list[tuple[Sampler, float]] = []
        if self.parent is not None and keep:
            learnt = taught_by(self.parent, learnt, self.report)
            kept = rehearsal(self.parent, classes, self.report)
            samplers.append((self._sampler(kept), keep))
        samplers.insert(0, (self._sampler(learnt), 1 - keep))
        unfinished = Unfinished(self._identity(material, keep))
        rate = settings.rate or (KEEPING_RATE if keep else RATE)
        course = Course(
            self._first_weights(),
            samplers,
            settings,
            rate,
            self._unchanged(parted),
            (lambda weights, report: self._judge(weights, examiner, report)) if examiner.judged else None,
            unfinished,
        )
        if course.resumed_at:
            self.notices.append(f"The training went on from step {course.resumed_at}, where it was interrupted.")
        weights = course.run(self.report)
        after = self._examined(weights, examiner)
        before = self._examined_parent(examiner)
        thresholds = {**self.description.thresholds, **(after.thresholds if after else {})}
        described = self.description.model_copy(update={"thresholds": thresholds})
        points = course.progress.points
        best = max(points, key=lambda p: (p.quality if p.quality is not None else 0, p.step)) if points else None
        result = write_trained(
            Network(described, (weights,)),
            self.target,
            self.parent,
            self.parent if before else None,
            after,
            before,
            points,
            best.step if best else 0,
            self._record(parted, course.progress.seconds),
            self.notices,
        )
        unfinished.remove()
        return result

    def _first_weights(self) -> Weights:
        random = np.random.default_rng(self.settings.seed)
        if self.parent is None:
            return new_weights(len(self.description.events), random)
        return carried_over(self.parent.weights[0], self.parent.description.events, self.description.events, random)

    def _sampler(self, movies: Sequence[Labelled]) -> Sampler:
        random = np.random.default_rng(self.settings.seed)
        return Sampler(movies, len(self.description.events), random, frozenset(self.settings.without))

    def _unchanged(self, parted: Split) -> list[Part]:
        """Cut parts out of what is held out, without changing them."""
        movies = [one.movie for one in parted.held_out]
        if not movies:
            return []
        random = np.random.default_rng(self.settings.seed)
        sampler = Sampler(movies, len(self.description.events), random, frozenset(CHANGES))
        return [sampler.draw() for _ in range(HELD_OUT_PARTS)]

    def _judge(self, weights: Weights, examiner: Examiner, report: Report) -> tuple[float, float | None]:
        found = candidates(Network(self.description, (weights,)), examiner.held_out, report)
        return examiner.quality(found), examiner.examine(found).f1()

    def _examined(self, weights: Weights, examiner: Examiner) -> Examination | None:
        if not examiner.judged:
            return None
        return examiner.examine(candidates(Network(self.description, (weights,)), examiner.held_out, self.report))

    def _examined_parent(self, examiner: Examiner) -> Examination | None:
        """Judge the parent as users have it, by its own thresholds, where it knows a class that is held out."""
        if self.parent is None or not set(examiner.judged) & set(self.parent.description.events):
            return None
        own = dict.fromkeys(self.parent.description.events, DEFAULT_THRESHOLD["fast"])
        found = candidates(self.parent, examiner.held_out, self.report)
        known = [[event for event in one if event.event in self.description.events] for one in found]
        return examiner.examine(known, own | self.parent.description.thresholds)

    def _tell_of(self, parted: Split) -> None:
        """Say what was made of the sources, and what is too little."""
        for source in self.sources:
            self.notices += source.notices
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
                self.notices.append(
                    f"No event of {event} could be held out, so nothing is known of how well it is found."
                )
        own = [event for event, count in counts.items() if count]
        if len(own) == 1 and len(counts) == 1:
            self.notices.append(f"Events of {own[0]} alone are marked, so the network will find that class alone.")

    def _identity(self, material: Material, keep: float) -> dict[str, Any]:
        """Say which training it is: what was kept of another one with the same values can be gone on with."""
        # How long it may take, and when to stop, may change in between.
        left_out = {"minutes", "patience", "steps"}
        return {
            "training": 1,
            "movies": material.sha256,
            "classes": list(self.description.classes),
            "scale": [self.description.cell_diameter_px, self.description.event_duration_frames],
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
                {"name": one.name, "counts_from": list(one.low), "counts_to": list(one.high)} for one in parted.held_out
            ],
            "settings": self.settings.model_dump(),
            "seconds": round(seconds, 1),
            "versions": versions(),
        }
