"""Precision, recall and F1 that a review lets expect of all events at each threshold, and the threshold for a wish."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Interval, in_words
from epifiji.data.events import Event, in_fixed_order
from epifiji.data.opinions import VERDICTS, Opinion, opinions_of
from epifiji.data.paths import path_from
from epifiji.data.review import Item, Review
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.scoring import ExpectedScoresSettings
from epifiji.engine.metrics.review_estimates import DRAWS, THRESHOLDS, Expected, expect
from epifiji.files.results.complete_checks import CHECK, read_check
from epifiji.files.results.opinions import read_opinions
from epifiji.files.results.places import folder_of
from epifiji.files.results.reviews import REVIEW, review_of_results
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.scoring.complete_check import CompleteCheck

TABLE, PICTURE = "expected_scores.csv", "expected_scores.png"
FILES = (TABLE, PICTURE)
SCORES = ("precision", "recall", "f1", "false_unreviewed")
LITTLE = 0.02
"""A possible gain in F1 up to which more decisions would change little."""

FEWEST = 10
"""Decisions on a class below which a sentence warns that intervals are wide."""


@dataclass(frozen=True, eq=False)
class ExpectedOfClass:
    """What is expected of a class.

    Parameters
    ----------
    event
        The class.
    reviewed, added
        Number of events that were kept or rejected, and of those that the reviewer added.
    lowest
        Lowest threshold that has an effect: all events are above it.
    recommended
        Threshold for the wish, 0-254; None if no threshold is expected to fulfil it.
    possible_gain
        By how much F1 at another threshold may exceed that at the recommended one, with a probability of 95 % at most so
        much; None if the wish is another.
    expected
        Scores at each threshold.
    boxes
        Number of complete boxes from which recall is estimated; 0 if it is that among detected and added events.
    """

    event: str
    reviewed: int
    added: int
    lowest: int
    recommended: int | None
    possible_gain: float | None
    expected: Expected
    boxes: int = 0

    @property
    def sentence_of_gain(self) -> str:
        """Whether more decisions would change the choice of the threshold; empty if the wish is not the highest F1."""
        if self.possible_gain is None:
            return ""
        if self.possible_gain <= LITTLE:
            return "More decisions would change little."
        return f"With more decisions another threshold may turn out better, with F1 up to {self.possible_gain:.2f} higher (95 %)."

    def at(self, threshold: int) -> dict[str, Any]:
        """Return number of events and scores with intervals at a threshold."""
        scores = {score: self.expected.interval(score, threshold) for score in SCORES}
        return {"threshold": threshold, "events": int(self.expected.events[threshold]), **scores}

    def thresholds(self) -> list[int]:
        """Return the thresholds at which the number of events is another than at the next lower one, rising."""
        counts = self.expected.events
        return [
            n for n in range(self.lowest, THRESHOLDS) if counts[n] and (n == self.lowest or counts[n] != counts[n - 1])
        ]

    @cached_property
    def levels(self) -> list[dict[str, Any]]:
        """What :meth:`at` returns for each of :meth:`thresholds`."""
        return [self.at(threshold) for threshold in self.thresholds()]


@dataclass(frozen=True, eq=False)
class ExpectedScores:
    """What is expected of all events of a review.

    Parameters
    ----------
    classes
        For each class with decisions.
    wish
        What the recommended thresholds are for.
    notices
        Sentences about what was left out and what to consider.
    """

    classes: tuple[ExpectedOfClass, ...]
    wish: str
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        chosen = {one.event: one.recommended for one in self.classes}
        return f"<ExpectedScores for {self.wish}: {chosen}>"

    @staticmethod
    def columns() -> list[str]:
        """Return the headings of a table for people."""
        return ["class", "threshold", "events", "precision", "recall", "F1", "false, not reviewed"]

    def rows(self) -> list[list[str]]:
        """Return rows for the lowest and the recommended threshold of each class."""
        rows = []
        for one in self.classes:
            for threshold in sorted({one.lowest, one.lowest if one.recommended is None else one.recommended}):
                found = one.at(threshold)
                scores = [in_words(found[score]) for score in SCORES[:3]]
                rows.append(
                    [one.event, str(threshold), str(found["events"]), *scores, _count(found["false_unreviewed"])]
                )
        return rows

    def recommendations(self) -> list[str]:
        """Return a sentence about each class."""
        return [
            f"{one.event}: no threshold is expected to give {self.wish}."
            if one.recommended is None
            else f"{one.event}: threshold {one.recommended} for {self.wish} "
            f"({one.reviewed} of {int(one.expected.events[one.lowest])} events reviewed). {one.sentence_of_gain}".rstrip()
            for one in self.classes
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        classes = {
            one.event: {
                "reviewed": one.reviewed,
                "added": one.added,
                "complete_boxes": one.boxes,
                "recommended": one.recommended,
                "possible_gain": one.possible_gain,
                "scores": [
                    {key: asdict(value) if isinstance(value, Interval) else value for key, value in level.items()}
                    for level in one.levels
                ],
            }
            for one in self.classes
        }
        return {"wish": self.wish, "classes": classes, "notices": list(self.notices)}

    def save(self, folder: str | Path, overwrite: bool = False) -> list[Path]:
        """Write ``expected_scores.csv`` and ``expected_scores.png`` into a folder.

        Raises
        ------
        WrongInputError
            If one exists and `overwrite` is false.
        """
        from epifiji.files.figures.expected import draw_expected

        folder = path_from(folder, "the folder to write into")
        require_absent(folder, FILES, overwrite)
        header = [
            "class",
            "threshold",
            "events",
            *(f"{score}{end}" for score in SCORES for end in ("", "_from", "_to")),
        ]
        thresholds = {one.event: one.thresholds() for one in self.classes}
        curves = {
            one.event: {score: [level[score] for level in one.levels] for score in SCORES[:3]} for one in self.classes
        }
        chosen = {one.event: one.recommended for one in self.classes if one.recommended is not None}
        with new_files(folder, FILES) as partial:
            write_table(partial / TABLE, [header, *self._table()])
            draw_expected(partial / PICTURE, thresholds, curves, chosen)
        return [folder / name for name in FILES]

    def _table(self) -> Iterator[list[str]]:
        for one in self.classes:
            for found in one.levels:
                values = [
                    "" if value is None else f"{value:.4f}"
                    for score in SCORES
                    for value in (found[score].value, found[score].low, found[score].high)
                ]
                yield [one.event, str(found["threshold"]), str(found["events"]), *values]


def _count(found: Interval) -> str:
    if found.value is None or found.low is None or found.high is None:
        return "-"
    return f"{found.value:.0f} ({found.low:.0f} to {found.high:.0f})"


def expected_scores(review: Review | str | Path, **settings: Any) -> ExpectedScores:
    """Estimate precision, recall and F1 of all events at each threshold from the decisions of a review on some of them.

    Recall is that among the right events that were detected or added in the review; what neither saw is unknown, unless there is
    a complete check (:func:`epifiji.complete_check`), from which recall is then estimated. An event whose class was corrected
    counts as false for its detected class. The intervals need decisions on events of all scores, as in the review's informative
    and random order (:func:`epifiji.engine.metrics.review_estimates.expect`). If the cells around all events of a class were
    measured, those that they contradict are estimated apart: in the order by disagreement they are reviewed first.

    Parameters
    ----------
    review
        A review, its file ``review.csv``, or the result folder with it.
    **settings
        Those of :class:`~epifiji.data.settings.scoring.ExpectedScoresSettings`.

    Raises
    ------
    WrongInputError
        If there is no review, it has no decisions, or its events have no scores.
    """
    chosen = parse_settings(ExpectedScoresSettings, settings)
    chosen.require_fitting()
    check, known = None, []
    if isinstance(review, Review):
        found = review
    else:
        place = path_from(review, "the review")
        found, check, known = _read(place), _check(place), read_opinions(place)
    notices = [] if check is None else check.notices
    classes = []
    judged = [item for item in found.items if item.judged and item.detected is not None]
    if not judged:
        raise WrongInputError(
            "The review has no event that was kept or rejected, but some are needed: review some events first, for "
            "example 60 in informative order."
        )
    detected = Counter(event.event for event in found.detected)
    reviewed = {item.detected.event for item in judged if item.detected is not None}
    for event in in_fixed_order(reviewed):
        one = _of_class(found, event, chosen, notices, check, known)
        if one is not None:
            classes.append(one)
    for event in in_fixed_order(detected.keys() - reviewed):
        notices.append(f"{event}: none of {detected[event]} events was reviewed, so nothing is estimated.")
    if not classes:
        raise WrongInputError(
            "The reviewed events have no raw scores, as ROIs and tables without the column raw_score have none: review the "
            "result folder of a detection as it was written instead."
        )
    return ExpectedScores(tuple(classes), chosen.in_words(), tuple(notices))


def _read(place: Path) -> Review:
    file = folder_of(place) / REVIEW if place.is_dir() else place
    if not file.exists():
        raise WrongInputError(f"{file} does not exist, but a review is needed: review some events first.")
    return review_of_results(file)


def _check(place: Path) -> CompleteCheck | None:
    """Return the complete check next to a review; None if there is none."""
    folder = folder_of(place)
    check = read_check(folder / CHECK)
    return None if check is None else CompleteCheck(folder, check, _read(place))


def _of_class(
    review: Review,
    event: str,
    chosen: ExpectedScoresSettings,
    notices: list[str],
    check: CompleteCheck | None,
    known: Sequence[tuple[Event, Opinion]],
) -> ExpectedOfClass | None:
    """Return what is expected of a class; None, with a notice, if its events have no scores."""
    items = [item for item in review.items if item.detected is not None and item.detected.event == event]
    scored = [item for item in items if item.detected is not None and not math.isnan(item.detected.raw_score)]
    if len(scored) < len(items):
        notices.append(f"{event}: {len(items) - len(scored)} of {len(items)} events have no score and were left out.")
    reviewed = sum(item.judged for item in scored)
    if not reviewed:
        return None
    if reviewed < min(FEWEST, len(scored)):
        only = "event was" if reviewed == 1 else "events were"
        notices.append(f"{event}: only {reviewed} {only} reviewed, so intervals are wide.")
    added = sum(item.detected is None and item.event.event == event for item in review.items)
    scores = [item.detected.raw_score for item in scored if item.detected is not None]
    found = None if check is None else check.recall_draws(event, chosen.seed, DRAWS)
    boxes = 0 if check is None or found is None else len(check.complete)
    if boxes:
        are = "box is" if boxes == 1 else "boxes are"
        notices.append(f"{event}: recall is estimated from the complete check, in which {boxes} {are} complete.")
    right = [item.correct if item.judged else None for item in scored]
    expected = expect(scores, right, added, chosen.seed, found, _groups(event, scored, known, notices))
    lowest = int(np.flatnonzero(expected.events == expected.events[0])[-1])
    recommended = _recommended(expected, lowest, chosen)
    gain = _possible_gain(expected, lowest, recommended) if chosen.wish == "f1" and recommended is not None else None
    return ExpectedOfClass(event, reviewed, added, lowest, recommended, gain, expected, boxes)


def _groups(
    event: str, items: Sequence[Item], known: Sequence[tuple[Event, Opinion]], notices: list[str]
) -> list[int] | None:
    """Return the verdict of the cells around each event as a number; None unless all were measured before the review.

    In the order by disagreement false events are reviewed first, so decisions on contradicted events say nothing of others.
    """
    opinions = opinions_of([item.detected for item in items if item.detected is not None], known)
    verdicts = [VERDICTS.index(one.verdict) for one in opinions if one is not None]
    if len(verdicts) < len(items) or len(set(verdicts)) < 2:
        return None
    decided = Counter(verdict for verdict, item in zip(verdicts, items, strict=True) if item.judged)
    words = {"disagrees": "disagree", "unknown": "cannot say", "agrees": "agree"}
    counted = [
        f"{words[name]} ({decided[number]} of {verdicts.count(number)} reviewed)"
        for number, name in enumerate(VERDICTS)
        if number in verdicts
    ]
    notices.append(f"{event}: events are estimated apart by whether the cells around them {', '.join(counted)}.")
    return verdicts


def _recommended(expected: Expected, lowest: int, chosen: ExpectedScoresSettings) -> int | None:
    """Return the threshold for a wish: with the highest F1, or with the most events whose score is high enough."""
    usable = [n for n in range(lowest, THRESHOLDS) if expected.events[n]]
    values = expected.mean(chosen.wish)
    if chosen.least is None:
        return max(usable, key=lambda n: values[n])
    enough = [n for n in usable if values[n] >= chosen.least]
    if not enough:
        return None
    # Recall falls with the threshold, so the highest threshold that keeps it leaves the fewest false events.
    return max(enough) if chosen.wish == "recall" else min(enough)


def _possible_gain(expected: Expected, lowest: int, recommended: int) -> float:
    """Return the 95 % quantile of the difference of the best F1 and that at the recommended threshold."""
    draws = np.nan_to_num(expected.f1)
    return float(np.quantile(draws[:, lowest:].max(1) - draws[:, recommended], 0.95))
