"""Events of a network of which it is known whether they are right, from annotated movies and from reviews."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.events import Event, in_fixed_order
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.opinions import opinions_of
from epifiji.data.progress import PartReport, Report
from epifiji.data.review import Review
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.engine.metrics.events import match_events
from epifiji.files.results.opinions import read_opinions
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import read_record
from epifiji.files.results.reviews import REVIEW, REVIEWED, review_of_results
from epifiji.files.training_data import classes_of, read_training_folder
from epifiji.jobs.events.detect import detect
from epifiji.jobs.events.pooled import result_folders_in
from epifiji.jobs.executors import executor_for
from epifiji.jobs.learnt_movies import KnownMovie, require_each_once
from epifiji.jobs.scoring.evaluate_events import candidate_settings, own_settings
from epifiji.jobs.scoring.report import learnt_notices

UNFAIR, TENTHS = 3.1, 10
"""Standard deviations above which contradicted events were reviewed too often: by chance in one of a thousand reviews."""


class JudgedEvent(NamedTuple):
    """An event, its raw score, whether it is right, the number of its movie, and whether it is over the threshold."""

    event: str
    raw: float
    right: bool
    movie: int
    reported: bool


def judged_events(
    network: EventNetwork,
    places: Sequence[Path],
    chosen: EventEvaluationSettings,
    notices: list[str],
    report: Report,
) -> list[JudgedEvent]:
    """Return the judged events of all sources: folders of annotated movies, and results of the network with a review.

    Raises
    ------
    WrongInputError
        If a source is neither, or is the review of another network's events, or two are of the same movie.
    """
    if chosen.mode == "compatible":
        raise WrongInputError(
            "mode is 'compatible', whose scores are always those of the authors' package: choose another mode to calibrate."
        )
    own = own_settings(chosen, network)
    reviews = [place for place in places if place.name == REVIEW or (place / REVIEW).is_file()]
    found: list[JudgedEvent] = []
    for place in reviews:
        found += _of_review(place, network, len({one.movie for one in found}))
    confirmed = "unmarked" in chosen.model_fields_set and chosen.unmarked == "none"
    movies = [
        movie
        for place in places
        if place not in reviews
        for movie in read_training_folder(place, chosen.channel, confirmed)
    ]
    require_each_once([*map(_movie_of, reviews), *((one.name, KnownMovie(one.movie).pixels_sha256) for one in movies)])
    if not movies:
        return found
    learnt = [one.name for one in movies if KnownMovie(one.movie).is_one_of(network.description.learnt_from)]
    if learnt:
        notices += learnt_notices({network.description.name: learnt}, len(movies), "movies")
    marked = classes_of(movies)
    classes = tuple(name for name in chosen.chosen_events(network.description.events) if name in marked)
    if not classes:
        raise WrongInputError(
            f"the movies have ROI files of {', '.join(marked) or 'no class'}, but {network.description.name} finds "
            f"{', '.join(network.description.events)}: name the files <movie>_<class>.zip after the network's classes."
        )
    first = 1 + max((one.movie for one in found), default=-1)
    with executor_for(chosen) as executor:
        for number, movie in enumerate(movies):
            part = PartReport(report, number, len(movies), f"{movie.name}: ")
            detected = detect(movie.movie, network, part, executor, **candidate_settings(own, classes)).events
            known = [name for name in classes if chosen.unmarked == "none" or name in movie.classes]
            found += matched_events([one for one in detected if one.event in known], movie, own, first + number)
    return found


def _movie_of(review: Path) -> tuple[str, str]:
    """Return the place of a review, and the hash of its movie; its folder if that is not known."""
    folder = folder_of(review)
    movie = read_record(folder).movie
    return str(review), movie.pixels_sha256 or movie.sha256 or str(folder.resolve())


def matched_events(
    detected: Sequence[Event], movie: AnnotatedMovie, own: EventEvaluationSettings, number: int
) -> Iterator[JudgedEvent]:
    """Match events with the annotated ones: those over the threshold first, so that weaker ones take none of theirs."""
    over = [one for one in detected if one.over(own.threshold_of(one.event, own.mode))]
    above = {id(one) for one in over}
    first = match_events(over, movie.events, own.distance_xy, own.distance_t)
    weaker = [one for one in detected if id(one) not in above]
    second = match_events(weaker, first.false_negatives, own.distance_xy, own.distance_t)
    right = {id(one) for one, _ in (*first.pairs, *second.pairs)}
    for one in detected:
        yield JudgedEvent(one.event, one.raw_score, id(one) in right, number, id(one) in above)


def reviewed_results_in(place: Path) -> list[Path]:
    """List the result folders with a review, of a result folder or of all in a folder, at any depth.

    Raises
    ------
    WrongInputError
        If there are none.
    """
    folders = [one.parent if one.name == REVIEWED else one for one in result_folders_in(place)]
    found = [one for one in folders if (one / REVIEW).is_file()]
    if not found:
        raise WrongInputError(
            f"{place} contains results without a review, but reviewed ones are needed: review some of the events first."
        )
    return found


def _of_review(place: Path, network: EventNetwork, number: int) -> Iterator[JudgedEvent]:
    """Return the decided events of a review with raw scores."""
    file = place if place.name == REVIEW else place / REVIEW
    record, review = read_record(file.parent), review_of_results(file)
    if record.network.sha256 != network.sha256:
        name, given = record.network.name or "an unknown network", network.description.name
        whose = f"{name} with other weights, as of another version" if name == given else name
        raise WrongInputError(
            f"{file} is a review of events of {whose}, but the scores of {given} are to be calibrated: specify results of this "
            "network, or the network of these results."
        )
    if record.settings.mode == "compatible":
        raise WrongInputError(
            f"{file} is a review of events that were detected in compatible mode, whose scores are never calibrated: specify "
            "results of another mode."
        )
    _require_fair(file, review)
    for item in review.items:
        if item.judged and item.detected is not None and not math.isnan(item.detected.raw_score):
            yield JudgedEvent(item.detected.event, item.detected.raw_score, item.correct, number, True)


def _require_fair(file: Path, review: Review) -> None:
    """Refuse a review of events that were chosen by what the cells around them say, as in the order by disagreement.

    In that order false events are reviewed first, also among those with equal scores.

    Raises
    ------
    WrongInputError
        If events that the cells contradict were reviewed more often than others with such scores.
    """
    known = read_opinions(file)
    for name in in_fixed_order(one.event for one in review.detected):
        items = [item for item in review.items if item.detected is not None and item.detected.event == name]
        opinions = opinions_of([item.detected for item in items if item.detected is not None], known)
        if None in opinions:
            continue
        scores = [item.detected.raw_score for item in items if item.detected is not None]
        judged = np.array([item.judged for item in items])
        against = np.array([one is not None and one.verdict == "disagrees" for one in opinions])
        if _excess(np.array(scores), judged, against) > UNFAIR:
            raise WrongInputError(
                f"{file} has decisions on {sum(judged & against)} of {sum(against)} events of {name} that the cells around them "
                f"contradict, but on {sum(judged & ~against)} of {sum(~against)} others, so shares of right events would be too "
                "low: review others too, for example in informative order."
            )


def _excess(scores: np.ndarray, judged: np.ndarray, against: np.ndarray) -> float:
    """Return by how many standard deviations more contradicted events were reviewed than by chance among equal scores.

    Events are compared within tenths of the scores (N. Mantel and W. Haenszel, J. Natl. Cancer Inst. 22, 719-748, 1959).
    """
    excess = variance = 0.0
    for part in np.array_split(np.argsort(scores, kind="stable"), TENTHS):
        count, reviewed, contradicted = len(part), int(judged[part].sum()), int(against[part].sum())
        if count > 1:
            excess += int((judged & against)[part].sum()) - reviewed * contradicted / count
            others = (count - reviewed) * (count - contradicted)
            variance += reviewed * contradicted * others / (count**2 * (count - 1))
    return excess / variance**0.5 if variance > 0 else 0.0
