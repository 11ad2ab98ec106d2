"""What a report says about one movie, before it is put into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, without_repeats
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.data.record import RunRecord
from epifiji.data.review import Precision
from epifiji.data.settings.comparison import StatisticsSettings
from epifiji.data.settings.reports import ReportSettings
from epifiji.data.statistics import Extent
from epifiji.files.event_sources import events_of, existing_place
from epifiji.files.movies.movie_file import open_movie, read_movie
from epifiji.files.results.movie_identity import find_movie, require_movie, run_of_events
from epifiji.files.results.reviews import REVIEW, REVIEWED, finished_results, review_of_results
from epifiji.jobs.events.pooled import require_different, result_folders_in
from epifiji.jobs.events.review import summarised
from epifiji.jobs.events.statistics import event_statistics
from epifiji.jobs.events.statistics_result import Statistics
from epifiji.jobs.scoring.complete_check import CompleteCheck, check_in

MOST_RESULTS = 1000


@dataclass(frozen=True)
class ReviewOutcome:
    """Counts and precision of a review; see :class:`~epifiji.jobs.events.review.ReviewSummary`."""

    counts: dict[str, dict[str, int]]
    precision: dict[str, Precision]


@dataclass(frozen=True)
class Reported:
    """The results of one movie.

    Parameters
    ----------
    place
        The result folder, or the file with the events.
    record
        The record of the run that found them; empty if there is none.
    statistics
        Of the events that the report is about.
    events
        These events, in the order of their numbers: by time.
    reviewed
        Whether they are the kept ones of a finished review.
    review
        The review, finished or not; None without one.
    check
        The complete check of the review; None without one, or if no box is complete.
    movie
        The movie; None if it was not found.
    notices
        Sentences for the reader.
    """

    place: Path
    record: RunRecord
    statistics: Statistics
    events: list[Event]
    reviewed: bool
    review: ReviewOutcome | None
    check: CompleteCheck | None
    movie: Movie | None
    notices: tuple[str, ...]

    @property
    def name(self) -> str:
        """The movie's name."""
        return self.statistics.movie


def places_of(results: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the results that are meant: those given, and those in folders that contain result folders.

    Raises
    ------
    WrongInputError
        If there are none, one does not exist, or one is given twice, or its movie is that of another.
    """
    given = [results] if isinstance(results, str | Path) else list(results)
    found: list[Path] = []
    for one in given:
        found += _meant(existing_place(one))
    if not found:
        raise WrongInputError("There are no results to report: give one or more result folders.")
    if len(found) > MOST_RESULTS:
        raise WrongInputError(f"{len(found)} results were given, but a report has at most {MOST_RESULTS}: give fewer.")
    repeated = next((place for place in found if [one.resolve() for one in found].count(place.resolve()) > 1), None)
    if repeated is not None:
        raise WrongInputError(f"{repeated} was given twice: give each result once.")
    require_different({place: run_of_events(place)[1] for place in found})
    return found


def _meant(place: Path) -> list[Path]:
    """Return the result folders in a folder, or what was given if it is a file or a folder of ROI zips."""
    try:
        found = result_folders_in(place) if place.is_dir() else [place]
    except WrongInputError:
        found = [place]
    # The report finds the results of a review itself, and shows its precision.
    return [one.parent if one.name == REVIEWED else one for one in found]


def collect(
    place: Path,
    movie: str | Path | Movie | None,
    other_movie: bool,
    settings: ReportSettings,
    report: Report,
    extent: Extent | None = None,
) -> Reported:
    """Collect what a report says about one movie.

    Parameters
    ----------
    place
        A result folder, a ROI zip, or a table.
    movie
        The movie; None for the one in ``run.json``.
    other_movie
        Whether it may be another one than that in which the events were found.
    settings
        Of the report.
    report
        Called with the progress; may raise to cancel.
    extent
        Size and scale if there is neither movie nor record.
    """
    folder, record = run_of_events(place)
    notices: list[str] = []
    opened = open_movie(movie) if movie is not None else None
    if opened is not None:
        notices += require_movie(opened, record.movie, place, other_movie)
    elif file := find_movie(record, folder):
        opened = read_movie(file, record.settings.channel)
    source, review, check = place, None, None
    if place.is_dir() and (place / REVIEW).is_file():
        decided = review_of_results(place / REVIEW)
        review = ReviewOutcome(*summarised(decided))
        check = check_in(place, decided, record)
        notices += check.notices if check is not None else []
        source = finished_results(place, decided) or place
    chosen: dict[str, Any] = settings.model_dump(include=set(StatisticsSettings.model_fields))
    shape = record.movie.shape
    if shape is not None:
        extent = Extent(shape, record.movie.pixel_size_um, record.movie.frame_interval_s)
    # The movie was compared above.
    statistics = event_statistics(source, opened, report, extent, record.movie.name, True, **chosen)
    if opened is None:
        notices.append("The movie was not found, so there are no pictures and clips of it: specify it to have them.")
    events, _ = without_repeats(events_of(source))
    return Reported(
        place,
        record,
        statistics,
        sorted(events, key=lambda event: (event.frame, event.y, event.x, event.event)),
        source != place,
        review,
        check if check is not None and check.complete else None,
        opened,
        tuple(dict.fromkeys([*notices, *statistics.notices])),
    )
