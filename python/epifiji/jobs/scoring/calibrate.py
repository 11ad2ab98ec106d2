"""Calibration of a network's scores: a map from raw scores to shares of right events, measured by cross-validation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Interval, ScoreBin, in_words
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.network import AnyNetwork, Network
from epifiji.data.paths import path_from
from epifiji.data.progress import Report, silent
from epifiji.data.score_map import ScoreMap
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.engine.metrics.reliability import calibration_error, cross_validated, fitted_map, reliability
from epifiji.files.networks.store import card, own_card, read_network, write_network
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.jobs.networks import event_network_of
from epifiji.jobs.new_network import Target, target_for
from epifiji.jobs.scoring.judged_events import JudgedEvent, judged_events
from epifiji.jobs.versions import versions

TABLE, PICTURE, RECORD = "calibration.csv", "calibration.png", "calibration.json"
FILES = (TABLE, PICTURE, RECORD)

FEWEST_EVENTS = 50
"""Of a class: two steps of a map, one of which is left out where the map is measured."""

KINDS = ("raw", "calibrated")


@dataclass(frozen=True)
class CalibratedClass:
    """Reliability of a class's scores before and after the calibration.

    Parameters
    ----------
    event
        The class.
    events, movies
        Number of judged events and of their movies.
    score_map
        The map from all judged events.
    bins, errors
        By kind of score, ``raw`` or ``calibrated``: reliability, and expected calibration error, of the events over the
        threshold. Each calibrated score is by a map from other movies.
    """

    event: str
    events: int
    movies: int
    score_map: ScoreMap
    bins: dict[str, tuple[ScoreBin, ...]]
    errors: dict[str, Interval]


@dataclass(frozen=True)
class ScoreCalibration:
    """A network with calibrated scores.

    Parameters
    ----------
    network
        The network as it was written.
    folder
        Its folder.
    classes
        The calibrated classes.
    files
        Table, picture and record.
    notices
        Sentences about what was left out and what to consider.
    """

    network: AnyNetwork
    folder: Path
    classes: tuple[CalibratedClass, ...]
    files: tuple[Path, ...]
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        errors = {one.event: round(one.errors["calibrated"].value or 0.0, 3) for one in self.classes}
        return f"<ScoreCalibration {self.network.description.name}: error {errors}>"

    @staticmethod
    def columns() -> list[str]:
        """Return the headings of a table for people."""
        return ["class", "events", "movies", "calibration error before", "after (on movies not used)"]

    def rows(self) -> list[list[str]]:
        """Return a row for each class."""
        return [
            [one.event, str(one.events), str(one.movies), *(in_words(one.errors[kind]) for kind in KINDS)]
            for one in self.classes
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        return {
            "network": self.network.description.name,
            "folder": str(self.folder),
            "classes": _described(self.classes),
            "notices": list(self.notices),
        }


def calibrate_scores(
    network: AnyNetwork | str | Path,
    sources: str | Path | Sequence[str | Path],
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    report: Report = silent,
    **settings: Any,
) -> ScoreCalibration:
    """Make a copy of a network whose scores are the shares of its events that are right.

    The network itself and what it finds stay as they are. In annotated movies the events with a score above 125 / 255 are
    detected, and are right if they match an annotated one, as in :func:`epifiji.evaluate`.

    Parameters
    ----------
    network
        Name, folder or zip of a network for events.
    sources
        Folders of annotated movies (:func:`epifiji.files.training_data.read_training_folder`), and result folders of this
        network with a review.
    name
        Name of the copy in the user's folder of networks. Default: that of the network with ``_calibrated``.
    out
        Folder for table, picture and record. Default: the copy's folder.
    overwrite
        Whether an earlier network of that name, and earlier files, may be replaced.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.evaluation.EventEvaluationSettings`. Reliability is measured on events over
        the ``threshold``.

    Raises
    ------
    WrongInputError
        If the network, a source or a setting is not usable, or there are too few events.
    """
    chosen = parse_settings(EventEvaluationSettings, settings)
    loaded = event_network_of(network)
    folder = None if out is None else path_from(out, "the folder to write into")
    target = target_for(name, f"{loaded.description.name}_calibrated", folder, overwrite, loaded, FILES)
    given = [sources] if isinstance(sources, str | Path) else list(sources)
    places = [path_from(one, "a source of judged events") for one in given]
    notices: list[str] = []
    judged = judged_events(loaded, places, chosen, notices, report)
    classes = tuple(_calibrated(judged, loaded, chosen, notices))
    return _written(loaded, classes, target, places, chosen, notices)


def _calibrated(
    judged: Sequence[JudgedEvent], network: EventNetwork, chosen: EventEvaluationSettings, notices: list[str]
) -> Iterable[CalibratedClass]:
    """Return the classes with enough events; a class that was asked for by name needs enough.

    Raises
    ------
    WrongInputError
        If one has too few, or all have.
    """
    names = chosen.chosen_events(network.description.events)
    groups = {name: [one for one in judged if one.event == name] for name in names}
    few = {name: len(group) for name, group in groups.items() if len(group) < FEWEST_EVENTS}
    if few and (chosen.events or len(few) == len(groups)):
        counts = ", ".join(f"{count} of {name}" for name, count in few.items())
        raise WrongInputError(
            f"there are too few judged events ({counts}), but a map of scores needs at least {FEWEST_EVENTS} of a class: add "
            "annotated movies or reviewed results."
        )
    for name, count in few.items():
        notices.append(
            f"{name}: {count} judged events are fewer than {FEWEST_EVENTS}, so its scores stay as they were."
        )
    return [_of_class(name, group, chosen.seed, notices) for name, group in groups.items() if name not in few]


def _of_class(name: str, group: Sequence[JudgedEvent], seed: int, notices: list[str]) -> CalibratedClass:
    raw, right, movies, over = (
        np.array([getattr(one, key) for one in group]) for key in ("raw", "right", "movie", "reported")
    )
    count = len(np.unique(movies))
    if count == 1:
        notices.append(f"{name}: all events are of one movie, so the error was measured on other parts of it.")
    scores = {"raw": raw[over], "calibrated": cross_validated(raw, right, movies)[over]}
    return CalibratedClass(
        name,
        len(group),
        count,
        fitted_map(raw, right),
        {kind: reliability(found, right[over]) for kind, found in scores.items()},
        {kind: calibration_error(found, right[over], movies[over], seed) for kind, found in scores.items()},
    )


def _written(
    network: EventNetwork,
    classes: Sequence[CalibratedClass],
    target: Target,
    places: Sequence[Path],
    chosen: EventEvaluationSettings,
    notices: list[str],
) -> ScoreCalibration:
    """Write the copy with its maps, the table, the picture and the record, all or nothing."""
    from epifiji.files.figures.reliability import draw_reliability

    described, used = network.description, versions()
    date = datetime.now(UTC)
    made = (
        f"Scores calibrated on {date:%Y-%m-%d} with EpiFiji {used['epifiji']} on "
        f"{', '.join(f'{one.events} events of {one.event}' for one in classes)}."
    )
    changed = described.model_copy(
        update={"name": target.name, "origin": network.source, **_changes(described, classes, made)}
    )
    known = own_card(Path(network.source)) if network.source else None
    record = {
        "epifiji": 1,
        "created": date.isoformat(timespec="seconds"),
        "network": {"name": described.name, "source": network.source or None, "sha256": network.sha256},
        "sources": [str(place.resolve()) for place in places],
        "classes": _described(classes),
        "settings": chosen.model_dump(),
        "notices": notices,
        "versions": used,
    }

    def write_files(change: Change, folder: Path) -> None:
        folder = folder if target.out is None else change.add(target.out, FILES)
        write_table(folder / TABLE, _table(classes))
        (folder / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        panels = {one.event: {kind: (one.bins[kind], one.errors[kind]) for kind in KINDS} for one in classes}
        draw_reliability(folder / PICTURE, described.name, panels, {one.event: one.score_map for one in classes})

    text = f"{(known or card(changed)).rstrip()}\n\n{made}\n" if known else card(changed)
    write_network(Network(changed, network.weights), target.folder, target.overwrite, text, write_files)
    files = tuple((target.out or target.folder) / name for name in FILES)
    return ScoreCalibration(read_network(target.folder), target.folder, tuple(classes), files, tuple(notices))


def _changes(described: EventNetworkDescription, classes: Sequence[CalibratedClass], made: str) -> dict[str, Any]:
    """Return what the description of the copy says of its scores; `made` is a sentence about the calibration."""
    events, movies = sum(one.events for one in classes), max(one.movies for one in classes)
    return {
        "calibration": described.calibration | {one.event: one.score_map for one in classes},
        "calibrated_on": f"{events} judged events of {movies} movies",
        "provenance": f"{described.provenance}\n\n{made}".strip(),
    }


def _table(classes: Iterable[CalibratedClass]) -> Iterable[list[str]]:
    yield ["class", "scores", "events", "mean_score", "right", "right_from", "right_to"]
    for one in classes:
        for kind in KINDS:
            for found in one.bins[kind]:
                ends = [
                    f"{end:.4f}" for end in (found.right.value, found.right.low, found.right.high) if end is not None
                ]
                yield [one.event, kind, str(found.events), f"{found.score:.4f}", *ends]


def _described(classes: Iterable[CalibratedClass]) -> dict[str, Any]:
    return {
        one.event: {
            "events": one.events,
            "movies": one.movies,
            "map": one.score_map.model_dump(),
            "errors": {kind: asdict(one.errors[kind]) for kind in KINDS},
            "bins": {kind: [asdict(found) for found in one.bins[kind]] for kind in KINDS},
        }
        for one in classes
    }
