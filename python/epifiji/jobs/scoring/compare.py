"""Comparison of detected with reference events, from any source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import score_text
from epifiji.data.events import Event, repeats_notice, without_repeats
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.settings.base import formerly
from epifiji.data.stack_layout import StackLayout
from epifiji.engine.metrics.curves import Match
from epifiji.engine.metrics.events import (
    DISTANCE_T_FRAMES,
    DISTANCE_XY_PX,
    ClassScores,
    Matching,
    Scores,
    match_as_authors,
    match_events,
    score,
)
from epifiji.files.event_sources import (
    Events,
    Side,
    events_given,
    joined,
    layout_of_events,
    movie_of,
    read_sides,
    require_one_spelling,
    require_understood,
)
from epifiji.files.results.comparisons import write_comparison
from epifiji.files.results.movie_identity import record_of_events

Counting = Literal["one-to-one", "authors"]
"""The way of matching events: the best matching, or as DeXtrusion's authors do."""


@dataclass(frozen=True)
class Comparison:
    """Agreement of detected events with a reference.

    Parameters
    ----------
    scores
        Precision, recall and other scores, for each class and overall.
    matching
        Matched and unmatched events.
    distance_xy_px, distance_t_frames
        Largest distances of matched events.
    notices
        Sentences about events that were not scored or classes that were joined.
    counting
        The way of matching.
    movie
        Beginning of the names of the comparison's files.
    layout
        Positions of the movie's frames in ImageJ's stack, if known.
    """

    scores: Scores
    matching: Matching
    distance_xy_px: float
    distance_t_frames: float
    notices: tuple[str, ...] = ()
    counting: Counting = "one-to-one"
    movie: str = "movie"
    layout: StackLayout | None = None

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(events)} {name}" for name, events in self.outcomes.items())
        return f"<Comparison of {self.movie}: {counts}>"

    @property
    def outcomes(self) -> dict[str, list[Event]]:
        """Return matched detections, detections without a match, and missed reference events."""
        return {
            "match": [found for found, _ in self.matching.pairs],
            "falsepositive": list(self.matching.false_positives),
            "falsenegative": list(self.matching.false_negatives),
        }

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False) -> Path:
        """Write the scores as ``comparison.csv``, and a ROI zip for each class and outcome that has events.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        folder = path_from(out, "the folder to write into")
        how = {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            "counting": self.counting,
        }
        scores = {name: asdict(found) | how for name, found in self._by_name().items()}
        write_comparison(folder, self.movie, scores, self.outcomes, overwrite, self.layout)
        return folder

    def _by_name(self) -> dict[str, ClassScores]:
        return {**self.scores.classes, "all": self.scores.overall}

    def to_dict(self) -> dict[str, Any]:
        """Return scores, distances and notices as plain JSON types, unrounded; undefined values are None."""
        return {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            "counting": self.counting,
            **asdict(self.scores),
            "notices": list(self.notices),
        }

    def columns(self) -> list[str]:
        """Return the headings of a table for people."""
        return ["event", *(field.name.replace("_", " ") for field in fields(ClassScores))]

    def rows(self) -> list[list[str]]:
        """Return a row of texts for each class and one for all, with three decimals, or a dash for undefined values."""
        return [[name, *map(score_text, astuple(scores))] for name, scores in self._by_name().items()]


@dataclass(frozen=True)
class Compared:
    """The two sides of a comparison, restricted to the scored classes; these classes; notices for the user."""

    detected: list[Event]
    reference: list[Event]
    classes: frozenset[str]
    notices: tuple[str, ...]


def compare(
    detected: Events,
    reference: Events,
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
    counting: Counting = "one-to-one",
) -> Comparison:
    """Match detected to reference events one to one, and score the matching.

    Each side is a result folder (its ``events.csv``, else its ROI zips), such a table, one ROI file, a sequence of ROI
    files (each named after its class), a detection's result, or a sequence of events. The scored classes are:

    - two single ROI files are compared as one class, whatever their names; it has the reference's name;
    - a single ROI file against anything else: the class it is named after;
    - ROI files as reference: the classes they are named after;
    - otherwise: the classes of either side.

    Events of other classes are left out, and a notice reports how many.

    Parameters
    ----------
    detected, reference
        The two sides.
    distance_xy, distance_t
        See :func:`epifiji.engine.metrics.events.match_events`; in pixels and frames.
    counting
        ``one-to-one``, or ``authors`` for :func:`epifiji.engine.metrics.events.match_as_authors`, which describes the
        differences.

    Raises
    ------
    WrongInputError
        If a side cannot be read, contains one class twice, has no class in common with the other side, or a class is written
        in two ways.
    """
    movie = getattr(detected, "movie", None)
    detected, reference = events_given(detected), events_given(reference)
    sides = compared_sides(detected, reference)
    matching = matcher(counting, distance_xy, distance_t)(sides.detected, sides.reference)
    return Comparison(
        score(matching, sides.classes),
        matching,
        float(distance_xy),
        float(distance_t),
        sides.notices,
        counting,
        movie.name if isinstance(movie, Movie) else movie_of(detected),
        movie.layout if isinstance(movie, Movie) else layout_of_events(detected) or layout_of_events(reference),
    )


def matcher(counting: str, distance_xy: float, distance_t: float) -> Match:
    """Return the matching function for a way of counting, within the distances.

    Raises
    ------
    WrongInputError
        If there is no such way.
    """
    ways = {"one-to-one": match_events, "authors": match_as_authors}
    if counting not in ways:
        raise WrongInputError(
            f"counting is {counting!r}, but it must be one of {', '.join(ways)}: specify another value."
        )
    return partial(ways[counting], distance_xy=distance_xy, distance_t=distance_t)


def compared_sides(detected: Events, reference: Events, looked_for: Iterable[str] = ()) -> Compared:
    """Read both sides and determine which classes are compared; see :func:`compare`.

    `looked_for` are classes that the detected side searched for, if its events do not show them.
    """
    found, known = read_sides(detected, reference, looked_for)
    notices = [*found.notices, *known.notices]
    if found.alone and known.alone:
        found = joined(found, known, notices)
    require_one_spelling(found, known)
    require_understood(found, known)
    require_understood(known, found)
    scored = _scored_classes(found, known)
    for side, name, other in ((found, "Detected", "reference"), (known, "Reference", "detected side")):
        for event in sorted(side.classes - scored):
            count = sum(one.event == event for one in side.events)
            notices.append(
                f"{name} events of {event} were left out ({count}): the {other} does not contain this class."
            )
    notices += _of_two_movies(detected, reference)
    detected_events, known_events = (
        _distinct(side.events, scored, f"the {name} events", notices)
        for side, name in ((found, "detected"), (known, "reference"))
    )
    return Compared(detected_events, known_events, scored, tuple(notices))


def _distinct(events: list[Event], classes: frozenset[str], what: str, notices: list[str]) -> list[Event]:
    """Return the events of some classes, without repeats, which would count twice."""
    first, repeats = without_repeats(event for event in events if event.event in classes)
    notices += repeats_notice(what, repeats)
    return first


def _of_two_movies(detected: Events, reference: Events) -> list[str]:
    """Return a notice if the two sides were found in different movies according to their records."""
    sides = [source for source in (detected, reference) if isinstance(source, str | Path)]
    movies = [record_of_events(Path(source)).movie for source in sides]
    hashes = [{value for value in (movie.sha256, movie.pixels_sha256) if value} for movie in movies]
    if len(sides) < 2 or not all(hashes) or hashes[0] & hashes[1]:
        return []
    names = " and ".join(movie.file or movie.name or "another movie" for movie in movies)
    return [f"The two sides were found in movies with different pixels ({names})."]


def _scored_classes(found: Side, known: Side) -> frozenset[str]:
    """Return the classes that are scored; see :func:`compare`."""
    if found.alone:
        return found.classes
    return found.classes | known.classes if known.complete else known.classes
