"""Review of detected events: starting or continuing one, and writing its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import EVENT_COLOURS, Event, same_events, without_repeats
from epifiji.data.paths import path_from
from epifiji.data.review import Action, Precision, Review
from epifiji.data.stack_layout import StackLayout
from epifiji.files.event_sources import events_given, events_of
from epifiji.files.results.layouts import layout_of
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import read_record
from epifiji.files.results.reviews import REVIEW, REVIEWED, read_review, remove_reviewed, write_review, write_reviewed


@dataclass(frozen=True)
class ReviewSummary:
    """Counts and precision of a review.

    Parameters
    ----------
    counts
        For each detected class, and ``all``: the numbers of events that were detected, kept, rejected, skipped, are
        undecided, were given another class, were moved, and were added to that class.
    precision
        For the same names: the share of correct events among those decided on, with its interval.
    files
        The files that were written.
    """

    counts: dict[str, dict[str, int]]
    precision: dict[str, Precision]
    files: tuple[Path, ...] = ()

    def __repr__(self) -> str:
        counted = ", ".join(f"{count} {what}" for what, count in self.counts.get("all", {}).items() if count)
        return f"<ReviewSummary: {counted or 'no events'}; {len(self.files)} files>"


def start_review(source: str | Path | Sequence[Event], folder: str | Path | None = None) -> tuple[Path, Review]:
    """Start a review, or continue an existing one.

    Events that repeat another (see :func:`~epifiji.data.events.without_repeats`) are reviewed once. The order of the
    events has no effect on a review that is continued.

    Parameters
    ----------
    source
        A result folder, a ROI zip, a table, or events.
    folder
        The folder of ``review.csv``. Default: the result folder, or the folder of the file.

    Returns
    -------
    Path
        The review's file. It is written with the first decision.
    Review
        With all earlier decisions; one without decisions is started again.

    Raises
    ------
    WrongInputError
        If there are no events, or the existing review is of other events.
    """
    given = events_given(source)
    events = events_of(given)
    if folder is None:
        if not isinstance(given, str | Path):
            raise WrongInputError("Events without a file need a folder for their review: specify one.")
        folder = folder_of(Path(given))
    events, _ = without_repeats(events)
    if not events:
        raise WrongInputError("There are no events to review: detect some first, or lower the thresholds.")
    path = path_from(folder, "the review's folder") / REVIEW
    if not path.exists():
        return path, Review(events)
    review = read_review(path)
    if not review.actions:
        return path, Review(events)
    if not same_events(review.detected, events):
        raise WrongInputError(
            f"{path} is the review of {len(review.detected)} other events: move it away to start a new one, or specify "
            "another folder for this review."
        )
    return path, review


def decide(path: str | Path, review: Review, action: Action | None) -> int | None:
    """Apply an action to a review, or undo the last one if `action` is None, and write the review's file.

    Returns
    -------
    int or None
        The event that was changed; None if there was nothing to undo.
    """
    undone = review.actions[-1] if action is None and review.actions else None
    if action is None:
        item = review.undo()
    else:
        review.do(action)
        item = action.item
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        write_review(Path(path), review)
    except OSError:
        # What could not be written is undone.
        if action is not None:
            review.undo()
        elif undone is not None:
            review.do(undone)
        raise
    return item


def finish_review(path: str | Path, movie: str | None = None, layout: StackLayout | None = None) -> ReviewSummary:
    """Write the results of a review into the folder ``reviewed`` next to its file.

    These are a ROI zip of the kept and added events of each class, corrected; ``<movie>_nothing.zip`` with the rejected
    ones, in the form that training reads; and ``events.csv``. Files of an earlier result of the same review are
    replaced.

    Parameters
    ----------
    path
        The review's file.
    movie
        Beginning of the files' names. Default: the movie of ``run.json`` next to the review, else the folder's name.
    layout
        Positions of the movie's frames in ImageJ's stack. Default: those in ``run.json``.
    """
    path = path_from(path, "the review")
    review = read_review(path)
    known = read_record(path.parent).movie
    name = _movie_of(path, movie or known.name)
    scale = known.pixel_size_um, known.frame_interval_s
    files = write_reviewed(path.parent / REVIEWED, name, review, *scale, layout or layout_of(path))
    counts, precision = summarised(review)
    return ReviewSummary(counts, precision, tuple(files))


def drop_review(path: Path, review: Review, movie: str | None = None) -> None:
    """Delete a review without decisions, and the results of decisions that were undone since; see :func:`finish_review`."""
    remove_reviewed(path.parent / REVIEWED, _movie_of(path, movie or read_record(path.parent).movie.name), review)
    path.unlink(missing_ok=True)


def _movie_of(path: Path, known: str | None) -> str:
    return known or path.parent.name.removesuffix("_epifiji")


def summarised(review: Review) -> tuple[dict[str, dict[str, int]], dict[str, Precision]]:
    """Return counts and precision of a review; see :class:`ReviewSummary`."""
    named = [event.event for item in review.items for event in (item.detected, item.event) if event is not None]
    classes = sorted(set(named), key=lambda name: ([*EVENT_COLOURS, name].index(name), name))
    return (
        {name or "all": _counts(review, name) for name in (*classes, None)},
        {name or "all": review.precision(name) for name in (*classes, None)},
    )


def _counts(review: Review, name: str | None) -> dict[str, int]:
    detected = [item for item in review.items if item.detected is not None and name in (None, item.detected.event)]
    added = [item for item in review.items if item.detected is None and name in (None, item.event.event)]
    return {
        "detected": len(detected),
        "kept": sum(item.decision == "keep" for item in detected),
        "rejected": sum(item.decision == "reject" for item in detected),
        "skipped": sum(item.decision == "skip" for item in detected),
        "open": sum(not item.decision for item in detected),
        "other class": sum(item.detected is not None and item.event.event != item.detected.event for item in detected),
        "moved": sum(item.detected is not None and _moved(item.detected, item.event) for item in detected),
        "added": sum(item.decision == "keep" for item in added),
    }


def _moved(before: Event, after: Event) -> bool:
    return (before.frame, before.y, before.x) != (after.frame, after.y, after.x)
