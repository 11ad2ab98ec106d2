"""What a network learns that finds events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.labelled import AnnotatedMovie, TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.data.settings.detection import DEFAULT_THRESHOLD
from epifiji.data.settings.training import TrainingSettings
from epifiji.data.training import ValidationScores, in_words
from epifiji.engine.networks.families import event_family_of
from epifiji.engine.training.recipe import TrainingRecipe
from epifiji.engine.training.validation_split import Split, held_out_events, split
from epifiji.files.figures.training import CONFUSION, NO_EVENTS, PRECISION_RECALL, draw_confusion, draw_precision_recall
from epifiji.jobs.training.run import file_of, notices_of_seen
from epifiji.jobs.training.sources import prepare
from epifiji.jobs.training.validation import Validator, candidates

FEW_EVENTS = 10
"""With fewer events of a class the user is warned that it can hardly be learnt."""


@dataclass
class EventTask:
    """See :class:`epifiji.jobs.training.run.TrainingTask`."""

    settings: TrainingSettings
    sources: Sequence[AnnotatedMovie]
    description: EventNetworkDescription
    parent: EventNetwork | None
    recipe: TrainingRecipe[TrainingMovie]
    notices: list[str] = field(default_factory=list)

    task: ClassVar[str] = "events"
    figures: ClassVar[tuple[str, ...]] = (CONFUSION, PRECISION_RECALL)
    curve: ClassVar[tuple[str, str, str]] = ("F1 on held-out events", "best thresholds", "mean over thresholds")
    nothing_held_out: ClassVar[str] = NO_EVENTS
    caveat: ClassVar[str] = (
        "The moment of the training and the thresholds were chosen by the same held-out events, so on other movies it will do a "
        "little less well."
    )

    def divided(self, report: Report) -> Split[TrainingMovie]:
        """See :class:`TrainingTask`."""
        settings, classes = self.settings, self.description.events
        self._movies = prepare(self.sources, self.description, settings, report)
        self._require_trainable()
        parted = split(self._movies, len(classes), settings.held_out, np.random.default_rng(settings.seed))
        self._add_notices(parted)
        self._validator = Validator(parted.held_out, classes, self.description.thresholds)
        return parted

    @property
    def images(self) -> list[Movie]:
        """See :class:`TrainingTask`."""
        return [source.movie for source in self.sources]

    def identity(self) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        return {
            "movies": [movie.sha256() for movie in self._movies],
            "classes": list(self.description.classes),
            "scale": [self.description.cell_diameter_px, self.description.event_duration_frames],
            # Weights that were trained for other frames may have the same shapes.
            "frames": [self.description.frames_before, self.description.frames_after],
        }

    @property
    def is_scored(self) -> bool:
        """See :class:`TrainingTask`."""
        return bool(self._validator.scored_classes)

    def scores(self, network: EventNetwork, report: Report) -> tuple[float, float | None, ValidationScores]:
        """See :class:`TrainingTask`."""
        found = candidates(network, self._validator.held_out, report)
        scores = self._validator.score(found)
        return self._validator.quality(found), scores.f1(), scores

    def parent_scores(self, report: Report) -> ValidationScores | None:
        """See :class:`TrainingTask`: with its own thresholds, if it knows a class with held-out events."""
        if self.parent is None or not set(self._validator.scored_classes) & set(self.parent.description.events):
            return None
        own = dict.fromkeys(self.parent.description.events, DEFAULT_THRESHOLD["fast"])
        found = candidates(self.parent, self._validator.held_out, report)
        known = [[event for event in one if event.event in self.description.events] for one in found]
        return self._validator.score(known, own | self.parent.description.thresholds)

    def described(self, after: ValidationScores | None) -> EventNetworkDescription:
        """See :class:`TrainingTask`: with the thresholds that are best on the held-out events."""
        chosen = {event: after.thresholds[event] for event in self._validator.scored_classes} if after else {}
        return self.description.model_copy(update={"thresholds": self.description.thresholds | chosen})

    def in_words(self, name: str, after: ValidationScores | None, before: ValidationScores | None) -> tuple[str, bool]:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        parent = self._compared(before)
        known, earlier = (parent.description.events, parent.description.name) if parent else ((), None)
        return in_words(name, earlier, after, before, known)

    def draw(self, folder: Path, name: str, after: ValidationScores | None, before: ValidationScores | None) -> None:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        parent = self._compared(before)
        draw_confusion(folder / CONFUSION, name, after.confusion if after else {})
        earlier = parent.description.name if parent else None
        draw_precision_recall(folder / PRECISION_RECALL, name, after, before, earlier)

    def learnt_from(self, record: Mapping[str, Any]) -> str:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        movies = "; ".join(
            f"{one['name']} ({', '.join(f'{count} {event}' for event, count in one['counts'].items())})"
            for one in record["movies"]
        )
        way = {"movies": "whole movies were held out", "parts": "parts of the movies were held out"}
        return f"{movies}; {way.get(record['split'], 'nothing was held out')}"

    def _compared(self, before: ValidationScores | None) -> EventNetwork | None:
        return self.parent if before else None

    def _require_trainable(self) -> None:
        family, rescaled = event_family_of(self.description), self.settings.cell_diameter is not None
        for movie in self._movies:
            t, y, x = movie.pixels.shape
            family.require_trainable(movie.name, (t, y, x), self.description, rescaled)

    def _add_notices(self, parted: Split[TrainingMovie]) -> None:
        """Add notices about how the sources were used, and what is too little."""
        for source in self.sources:
            self.notices += source.notices
        self.notices += notices_of_seen(self.parent, self.images, "events")
        counts: Mapping[str, int] = {
            event: sum(one.event == event for source in self.sources for one in source.events)
            for event in self.description.events
        }
        held = dict(zip(self.description.events, held_out_events(parted.held_out, len(counts)), strict=True))
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

    def record(self, parted: Split[TrainingMovie]) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        held = held_out_events(parted.held_out, len(self.description.events))
        return {
            "classes": list(self.description.classes),
            "movies": [
                {
                    "name": source.movie.name,
                    "file": file_of(source.movie),
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
        }
