"""A complete check: boxes of a movie drawn at random, in each of which every event is marked, and recall with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from epifiji.data.complete_check import (
    ALL,
    Check,
    CheckedScores,
    classes_of,
    counts_in,
    items_in,
    open_in,
)
from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import in_words
from epifiji.data.paths import path_from
from epifiji.data.record import RunRecord
from epifiji.data.review import Item, Review
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.scoring import CompleteCheckSettings
from epifiji.engine.metrics.box_estimates import box_scores, recall_part, share_draws
from epifiji.files.results.complete_checks import CHECK, CHECK_PICTURE, CHECK_TABLE, read_check, write_check
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import read_record
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.events.review import start_review

SIDE_PX, FRAMES = 200.0, 25.0
"""Size of a box at the network's scale."""

FILES = (CHECK, CHECK_TABLE, CHECK_PICTURE)
SCORES = ("precision", "recall", "f1")
COLUMNS = (
    *("class", "boxes", "right", "false", "missed"),
    *(f"{score}{end}" for score in SCORES for end in ("", "_from", "_to")),
)
"""Columns of the table: class or ``all``, number of complete boxes, events in them, and scores with their 95 % intervals."""


@dataclass(frozen=True, eq=False)
class CompleteCheck:
    """A complete check with the decisions of its review.

    Parameters
    ----------
    folder
        The folder of the review and of the check.
    check
        The boxes.
    review
        The decisions.
    record
        Of the run.
    """

    folder: Path
    check: Check
    review: Review
    record: RunRecord = field(default_factory=RunRecord)

    def __repr__(self) -> str:
        done = len(self.complete)
        return f"<CompleteCheck: {done} of {len(self.check.drawn)} boxes complete>"

    def items(self, number: int) -> list[Item]:
        """Return the events in a box, by its number from 1."""
        return items_in(self.check.drawn[number - 1].box, self.review, self.check.shape)

    @property
    def complete(self) -> list[int]:
        """Numbers (from 1) of the boxes in which every event is marked, and has a decision."""
        return [n for n, one in enumerate(self.check.drawn, 1) if one.marked and not open_in(self.items(n))]

    @property
    def notices(self) -> list[str]:
        """Sentences about boxes that do not count."""
        complete = self.complete
        return [
            f"Box {n} was marked, but {open_in(self.items(n))} of its events have no decision now, so it does not count."
            for n, one in enumerate(self.check.drawn, 1)
            if one.marked and n not in complete
        ]

    def mark(self, number: int, marked: bool = True, seconds: float = 0.0) -> CompleteCheck:
        """Say that every event in a box, by its number from 1, is marked; the files are written again.

        Raises
        ------
        WrongInputError
            If there is no such box, or a detected event in it was neither kept nor rejected.
        """
        check = self.check.mark(number, marked, seconds)
        undecided = open_in(self.items(number))
        if marked and undecided:
            raise WrongInputError(
                f"Box {number} has {undecided} event{'s' if undecided > 1 else ''} without a decision: keep or reject "
                "them first, also those that were skipped."
            )
        changed = replace(self, check=check)
        changed.write()
        return changed

    def scores(self) -> list[CheckedScores]:
        """Return the scores of each class, then of all together; empty without complete boxes."""
        numbers = self.complete
        if not numbers:
            return []
        within = [self.items(number) for number in numbers]
        found = []
        for name in (*classes_of(self.review), None):
            counts = tuple(counts_in(items, name) for items in within)
            found.append(CheckedScores(name or ALL, counts, *box_scores(counts, self.check.boxes_in_all)))
        # One class is all.
        return found if len(found) > 2 else found[-1:]

    def recall_draws(self, event: str, seed: int, draws: int) -> Any:
        """Draw the recall of a class, (draws,), at most `DRAWS`; None without a complete box that has an event of the class."""
        counts = [counts_in(self.items(number), event) for number in self.complete]
        found = share_draws(counts, self.check.boxes_in_all, recall_part, seed) if counts else None
        return None if found is None else found[:draws]

    def sentences(self) -> list[str]:
        """Say what is known: one sentence for all classes, or what is still to do."""
        scores = self.scores()
        return [scores[-1].in_words()] if scores else ["No box is complete yet, so recall is not known."]

    @staticmethod
    def columns() -> list[str]:
        """Return the headings of a table of scores for people."""
        return ["class", "right", "false", "missed", "precision", "recall", "F1"]

    def rows(self) -> list[list[str]]:
        """Return the rows of that table."""
        return [
            [one.event, *map(str, asdict(one.counts).values()), *(in_words(getattr(one, name)) for name in SCORES)]
            for one in self.scores()
        ]

    @staticmethod
    def box_columns() -> list[str]:
        """Return the headings of a table of boxes for people."""
        return ["box", "frames", "x", "y", "detected", "undecided", "added", "all marked"]

    def box_rows(self) -> list[list[str]]:
        """Return the rows of that table."""
        rows = []
        for number, one in enumerate(self.check.drawn, 1):
            items, ends = self.items(number), one.box.ends()
            added = sum(item.detected is None for item in items)
            counts = len(items) - added, open_in(items), added
            rows.append(
                [
                    str(number),
                    *("{} to {}".format(*ends[key]) for key in ("frames", "x", "y")),
                    *map(str, counts),
                    "yes" if one.marked else "no",
                ]
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types; frames and boxes are from 1."""
        boxes = [dict(zip(self.box_columns(), row, strict=True)) for row in self.box_rows()]
        return {
            "boxes": boxes,
            "boxes_in_all": self.check.boxes_in_all,
            "complete": self.complete,
            "scores": _described(self.scores()),
        }

    def files(self) -> list[Path]:
        """Return the files that there are: the boxes and, with a complete box, the table and the picture."""
        return [self.folder / name for name in FILES if (self.folder / name).is_file()]

    def write(self) -> None:
        """Write the boxes and, with a complete box, the table and the picture, in place of earlier ones of this check.

        Raises
        ------
        WrongInputError
            If a file of such a name is there that is no check's.
        """
        require_absent(self.folder, FILES, (self.folder / CHECK).is_file(), "move them away")
        scores = self.scores()
        with new_files(self.folder, FILES) as partial:
            write_check(partial / CHECK, self.check, _described(scores))
            if scores:
                write_table(partial / CHECK_TABLE, [COLUMNS, *map(_row, scores)])
                self._draw(partial / CHECK_PICTURE, scores)

    def _draw(self, path: Path, scores: Sequence[CheckedScores]) -> None:
        from epifiji.files.figures.complete_check import draw_complete_check

        complete = self.complete
        boxes = [(number, one.box, number in complete) for number, one in enumerate(self.check.drawn, 1)]
        first = self.check.drawn[complete[0] - 1].box
        draw_complete_check(path, self.check.shape, boxes, scores, _frame(self.record, self.folder, first.frames[0]))


def _described(scores: Sequence[CheckedScores]) -> list[dict[str, Any]]:
    return [
        {"class": one.event, "boxes": len(one.boxes)}
        | dict(zip(("right", "false", "missed"), asdict(one.counts).values(), strict=True))
        | {name: asdict(getattr(one, name)) for name in SCORES}
        for one in scores
    ]


def _row(one: CheckedScores) -> list[str]:
    values = [value for name in SCORES for value in asdict(getattr(one, name)).values()]
    texts = ["" if value is None else f"{value:.4f}" for value in values]
    return [one.event, str(len(one.boxes)), *map(str, asdict(one.counts).values()), *texts]


def _frame(record: RunRecord, folder: Path, number: int) -> Any:
    """Return a frame of the movie, (Y, X); None if the movie is not found."""
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.files.results.movie_identity import find_movie

    try:
        file = find_movie(record, folder)
        movie = read_movie(file, record.settings.channel) if file else None
    except WrongInputError:
        return None
    return None if movie is None or number >= movie.shape[0] else movie.frames(number, number + 1)[0]


def complete_check(
    results: str | Path, shape: Sequence[int] | None = None, folder: str | Path | None = None, **settings: Any
) -> CompleteCheck:
    """Draw boxes of a movie at random for a complete check, or continue one, and estimate recall from the complete boxes.

    The movie is divided into boxes of about the same size in place and time, from which boxes are drawn at random. In each,
    decide about every detected event and add every missed one (:func:`epifiji.decide`, or in Fiji), then call
    :meth:`CompleteCheck.mark`. The boxes are in ``complete_check.json``, next to the review; :func:`epifiji.expected_scores` uses
    them too.

    Parameters
    ----------
    results
        A result folder, a ROI zip or a table of events.
    shape
        (T, Y, X) of the movie, if ``run.json`` does not have it.
    folder
        The folder of the review and of the check. Default: the result folder.
    **settings
        Those of :class:`~epifiji.data.settings.scoring.CompleteCheckSettings`.

    Raises
    ------
    WrongInputError
        If there are no events, the movie's size is unknown, or another size of boxes or another seed is specified than that of
        the check.
    """
    chosen = parse_settings(CompleteCheckSettings, settings)
    place = path_from(results, "the results")
    path, review = start_review(place, folder)
    record = read_record(folder_of(place))
    check = read_check(path.parent / CHECK)
    if check is None:
        check = _new(record, shape, chosen)
        require_absent(path.parent, FILES, False, "move them away")
    else:
        _require_same(path.parent / CHECK, check, record, chosen, settings)
    drawn = check.draw(chosen.boxes)
    found = CompleteCheck(path.parent, drawn, review, record)
    if drawn is not check or not (path.parent / CHECK).exists():
        found.write()
    return found


def check_in(folder: Path, review: Review, record: RunRecord) -> CompleteCheck | None:
    """Return the complete check of a review in its folder; None if there is none, or if its boxes are those of another movie.

    Raises
    ------
    WrongInputError
        If its file cannot be read.
    """
    check = read_check(folder / CHECK)
    if check is None or record.movie.shape not in (None, check.shape):
        return None
    return CompleteCheck(folder, check, review, record)


def _new(record: RunRecord, shape: Sequence[int] | None, chosen: CompleteCheckSettings) -> Check:
    known = record.movie.shape or shape
    if known is None:
        raise WrongInputError(
            "The size of the events' movie is unknown, but boxes are drawn from it: specify the result folder of a detection."
        )
    frames, height, width = (int(side) for side in known)
    return Check.of((frames, height, width), _size(record, chosen), chosen.seed)


def _size(record: RunRecord, chosen: CompleteCheckSettings) -> tuple[float, float, float]:
    """Return the wanted size of a box in frames and pixels of the movie."""
    side = chosen.box_side or SIDE_PX / (record.scale.factor_xy or 1)
    return chosen.box_frames or FRAMES / (record.scale.factor_t or 1), side, side


def _require_same(
    path: Path, check: Check, record: RunRecord, chosen: CompleteCheckSettings, given: dict[str, Any]
) -> None:
    """Refuse settings that differ from those with which the boxes were drawn, and boxes of another movie."""
    if record.movie.shape not in (None, check.shape):
        raise WrongInputError(
            f"{path} has boxes of a movie of {' x '.join(map(str, check.shape))}, but that of the events has "
            f"{' x '.join(map(str, record.movie.shape))} (frames, height, width): move the file away to begin another check."
        )
    named = [name for name in ("box_side", "box_frames", "seed") if given.get(name) is not None]
    wanted = Check.of(check.shape, _size(record, chosen), chosen.seed)
    differs = [name for name in named if name == "seed" and wanted.seed != check.seed]
    differs += [name for name in named if name == "box_side" and wanted.parts[1:] != check.parts[1:]]
    differs += [name for name in named if name == "box_frames" and wanted.parts[0] != check.parts[0]]
    if differs:
        name = differs[0]
        size = [math.ceil(side / part) for side, part in zip(check.shape, check.parts, strict=True)]
        raise WrongInputError(
            f"{name} is {given[name]}, but {path} has boxes of {size[0]} frames and {size[2]} x {size[1]} px with the seed "
            f"{check.seed}: leave it out to continue this check, or move the file away to begin another."
        )
