"""The report of an evaluation: scores and differences, as tables, sentences and files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from epifiji.data.evaluation import AnyDifference, Difference, Interval, NetworkEvaluation, Scored, in_words
from epifiji.data.paths import path_from
from epifiji.data.settings.base import Settings, formerly
from epifiji.files.results.evaluations import (
    CURVES_TABLE,
    DIFFERENCES_TABLE,
    PICTURE,
    SCORES_TABLE,
    write_evaluation,
)
from epifiji.jobs.versions import versions

COLUMNS = (
    "event",
    "network",
    "threshold",
    "right",
    "false",
    "missed",
    "precision",
    "recall",
    "F1",
    "F1 unseen",
)
DIFFERENCE_COLUMNS = ("event", "thresholds", "networks", "difference of F1", "p")

Rows = Iterable[Mapping[str, Any]]


class Evaluation(ABC):
    """Scores of networks on annotated movies or images, as tables, sentences and files."""

    notices: tuple[str, ...]
    """Sentences about what was left out and what to consider."""

    evaluated_on = "movies"
    """What the networks were evaluated on, in words."""

    @property
    @abstractmethod
    def conclusion(self) -> str:
        """State in one sentence which network is better, if the data show it."""

    def choices(self) -> list[str]:
        """Return what was chosen on the data, in the form of settings."""
        return []

    @abstractmethod
    def columns(self) -> list[str]:
        """Return the headings of a table for people."""

    @abstractmethod
    def rows(self) -> list[list[str]]:
        """Return the rows of that table, as texts."""

    @abstractmethod
    def difference_columns(self) -> list[str]:
        """Return the headings of a table of differences."""

    @abstractmethod
    def difference_rows(self) -> list[list[str]]:
        """Return a row of texts for each difference; none for one network."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types, unrounded; undefined values are None."""

    @abstractmethod
    def _tables(self) -> dict[str, Rows]:
        """Return the rows of each table by the name of its file."""

    @abstractmethod
    def _pictures(self) -> dict[str, Callable[[Path], None]]:
        """Return a function for each picture that writes it, by the name of its file."""

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write scores and differences as tables, pictures, and a record; return the files.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        folder = path_from(out, "the folder to write into")
        return write_evaluation(folder, self._tables(), self._pictures(), self.to_dict(), overwrite)

    def _shown_name(self, name: str, learnt_from: Sequence[str]) -> str:
        """Return a network's name in tables for people, which shows if it learnt from some of the data."""
        return f"{name} (learnt from {len(learnt_from)} of these {self.evaluated_on})" if learnt_from else name

    def _with_warning(self, conclusion: str, learnt: Sequence[str]) -> str:
        """Add to a conclusion which networks learnt from the data."""
        if not learnt:
            return f"{conclusion}."
        where = f"some of these {self.evaluated_on}"
        return f"{conclusion}; but {' and '.join(learnt)} learnt from {where}, so its scores are too high."


def record_of(place: Path, settings: Settings, **evaluated_on: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record: what is needed to repeat the evaluation."""
    return {
        "epifiji": 1,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "folder": str(place.resolve()),
        **evaluated_on,
        "settings": settings.model_dump(),
        "versions": versions(),
    }


def learnt_notices(learnt_from: Mapping[str, Sequence[str]], count: int, kind: str) -> Iterator[str]:
    """Yield a notice about each network that learnt from some of the movies or images, whose names are given."""
    for name, learnt in learnt_from.items():
        yield (
            f"{name} learnt from {len(learnt)} of these {count} {kind} ({', '.join(learnt)}), so its scores here are too high: "
            f"evaluate it on {kind} that it has not seen."
        )


@dataclass(frozen=True)
class EventEvaluation(Evaluation):
    """Scores of networks on movies with annotated events.

    Parameters
    ----------
    networks
        In the order given.
    differences
        Of F1 between every two networks that know a class, at default and at best thresholds. With more than two
        networks p is multiplied by the number of pairs (Bonferroni).
    classes
        The evaluated classes.
    record
        Settings, movies and versions, to repeat the evaluation.
    notices
        Sentences about what was left out and what to consider.
    """

    networks: tuple[NetworkEvaluation, ...]
    differences: tuple[Difference, ...]
    classes: tuple[str, ...]
    record: dict[str, Any]
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        names = ", ".join(one.name for one in self.networks)
        return f"<Evaluation of {names}: classes {', '.join(self.classes)}>"

    @property
    def thresholds(self) -> dict[str, dict[str, int]]:
        """Return the best thresholds by network and class."""
        return {
            one.name: {event: found.best.threshold for event, found in one.classes.items()} for one in self.networks
        }

    @property
    def conclusion(self) -> str:
        """State in one sentence which network is better for each class, if the data show it; for one network, its thresholds."""
        if len(self.networks) == 1:
            parts = [_advice(event, found.default, found.best) for event, found in self.networks[0].classes.items()]
        else:
            parts = [self._verdict(event) for event in self.classes]
        return self._with_warning("; ".join(parts), [one.name for one in self.networks if one.learnt_from])

    def choices(self) -> list[str]:
        """Return each network's best thresholds in the form of the setting ``threshold``."""
        texts = {
            one.name: ",".join(
                f"{event}={found.best.threshold}"
                for event, found in one.classes.items()
                if not _without_events(found.default)
            )
            for one in self.networks
        }
        return [f"best for {name}: --threshold {text}" for name, text in texts.items() if text]

    def columns(self) -> list[str]:
        """Return the headings of a table for people."""
        return list(COLUMNS)

    def rows(self) -> list[list[str]]:
        """Return a row of texts for each class, network and threshold; one row if the default threshold is the best.

        The last column is :attr:`~epifiji.data.evaluation.ClassEvaluation.unseen_f1`.
        """
        found = []
        for event, network in self._networks_by_class():
            scored = network.classes[event]
            same = scored.default.threshold == scored.best.threshold
            kinds = {"default, best": scored.best} if same else {"default": scored.default, "best": scored.best}
            for kind, one in kinds.items():
                numbers = one.counts.true_positives, one.counts.false_positives, one.counts.false_negatives
                unseen = None if kind == "default" else scored.unseen_f1
                texts = [in_words(one.precision), in_words(one.recall), in_words(one.f1), _number(unseen)]
                found.append(
                    [
                        event,
                        self._shown_name(network.name, network.learnt_from),
                        f"{one.threshold} {kind}",
                        *map(str, numbers),
                        *texts,
                    ]
                )
        return found

    def difference_columns(self) -> list[str]:
        """Return the headings of a table of differences."""
        return list(DIFFERENCE_COLUMNS)

    def difference_rows(self) -> list[list[str]]:
        """Return a row of texts for each difference."""
        return [
            [one.event, one.at, f"{one.network} - {one.other}", in_words(one.f1), f"{one.p:.4f}"]
            for one in self.differences
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types, unrounded; undefined values are None."""
        return {
            **self.record,
            "networks": [asdict(network) for network in self.networks],
            "differences": [asdict(difference) | {"telling": difference.telling} for difference in self.differences],
            "best_thresholds": self.thresholds,
            "conclusion": self.conclusion,
            "notices": list(self.notices),
        }

    def _tables(self) -> dict[str, Rows]:
        tables = self._score_table(), self._difference_table(), self._curve_table()
        return dict(zip((SCORES_TABLE, DIFFERENCES_TABLE, CURVES_TABLE), tables, strict=True))

    def _pictures(self) -> dict[str, Callable[[Path], None]]:
        from epifiji.files.figures.curves import draw_evaluation

        return {PICTURE: partial(draw_evaluation, networks=self.networks)}

    def _networks_by_class(self) -> Iterator[tuple[str, NetworkEvaluation]]:
        """Yield the classes, and for each the networks that know it, so that these are next to each other."""
        for event in self.classes:
            yield from ((event, network) for network in self.networks if event in network.classes)

    def _score_table(self) -> Iterator[dict[str, Any]]:
        for event, network in self._networks_by_class():
            found = network.classes[event]
            for at, scored, unseen in (("default", found.default, None), ("best", found.best, found.unseen_f1)):
                yield {
                    "event": event,
                    "network": network.name,
                    "at": at,
                    "threshold": scored.threshold,
                    "movies": found.movies,
                    "movies_learnt_from": len(network.learnt_from),
                    **asdict(scored.counts),
                    **spread("precision", scored.precision),
                    **spread("recall", scored.recall),
                    **spread("f1", scored.f1),
                    "unseen_f1": unseen,
                }

    def _difference_table(self) -> Iterator[dict[str, Any]]:
        for one in self.differences:
            names = {"event": one.event, "at": one.at, "network": one.network, "other": one.other}
            yield {**names, **spread("f1_difference", one.f1), "p": one.p, "telling": int(one.telling)}

    def _curve_table(self) -> Iterator[dict[str, Any]]:
        for event, network in self._networks_by_class():
            for threshold, counts in network.classes[event].curve.items():
                names = {"event": event, "network": network.name, "threshold": threshold}
                scores = {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1}
                yield {**names, **asdict(counts), **scores}

    def _verdict(self, event: str) -> str:
        """State which network finds a class best, at best thresholds, and from which others the data cannot distinguish it."""
        known = {one.name: one.classes[event].default for one in self.networks if event in one.classes}
        if all(map(_without_events, known.values())):
            false = ", ".join(f"{name} {one.counts.false_positives}" for name, one in known.items())
            return f"{event}: no annotated events, and false detections: {false}"
        f1 = {one.name: one.classes[event].best.f1.value or 0.0 for one in self.networks if event in one.classes}
        if len(f1) == 1:
            return f"{event}: only {next(iter(f1))} knows it"
        return (
            f"{event}: {verdict('F1', f1, [one for one in self.differences if (one.event, one.at) == (event, 'best')])}"
        )


def verdict(score: str, values: Mapping[str, float], differences: Sequence[AnyDifference]) -> str:
    """State which network is best, and from which others the data cannot distinguish it.

    Parameters
    ----------
    score
        The score that decides.
    values
        Each network's.
    differences
        Between every two of them, in whichever order.
    """
    first, *others = sorted(values, key=lambda name: -values[name])
    between = {name: next(one for one in differences if {one.network, one.other} == {first, name}) for name in others}
    in_short = {name: f"{name} ({values[name]:.2f}; {_by(between[name])})" for name in others}
    worse = [in_short[name] for name in others if between[name].telling]
    equal = [in_short[name] for name in others if not between[name].telling]
    best = f"{first} ({score} {values[first]:.2f})"
    if not worse:
        return f"the data cannot distinguish {best} from {' and '.join(equal)}"
    rest = f", and the data cannot distinguish it from {' and '.join(equal)}" if equal else ""
    return f"{best} is better than {' and '.join(worse)}{rest}"


def _advice(event: str, default: Scored, best: Scored) -> str:
    if _without_events(default):
        return f"{event}: {default.counts.false_positives} false at {default.threshold}, and no annotated event to find"
    if best.threshold == default.threshold:
        return f"{event}: no threshold gives a better F1 than {default.threshold}, {in_words(default.f1)}"
    return (
        f"{event}: the threshold {best.threshold} gives the best F1, {in_words(best.f1)}, "
        f"against {in_words(default.f1)} at {default.threshold}"
    )


def _without_events(scored: Scored) -> bool:
    """Return whether no event of a class is annotated, so that recall and F1 are undefined."""
    return scored.counts.true_positives + scored.counts.false_negatives == 0


def _by(difference: AnyDifference) -> str:
    """Write the absolute difference, with its interval."""
    value, low, high = difference.size.value, difference.size.low, difference.size.high
    if value is None or low is None or high is None:
        return "without a difference"
    sign = -1 if value < 0 else 1
    low, high = sorted((sign * low, sign * high))
    return f"difference {abs(value):.2f}, {low:.2f} to {high:.2f}, p = {difference.p:.2g}"


def spread(name: str, found: Interval) -> dict[str, float | None]:
    """Return the columns of a score and its interval in a table."""
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
