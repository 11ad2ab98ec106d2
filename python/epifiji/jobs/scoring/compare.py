"""Compare detected with reference events, wherever they are kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

from epifiji.data.errors import WrongInputError
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
    require_understood,
)
from epifiji.files.results.comparisons import write_comparison
from epifiji.files.results.movie_identity import record_of_events

Counting = Literal["one-to-one", "authors"]
"""How events are matched: the best matching, or as DeXtrusion's authors count."""


@dataclass(frozen=True)
class Comparison:
    """How detected events agree with a reference.

    Parameters
    ----------
    scores
        Precision, recall and so on, for each class and overall.
    matching
        Matched and unmatched events.
    distance_xy_px, distance_t_frames
        How far apart matched events may lie.
    notices
        Sentences about events that were not judged or classes that were joined.
    counting
        How the events were matched.
    movie
        What files of the comparison are named after.
    layout
        Where the movie's frames lie in ImageJ's stack, where that is known.
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
        """Give the detected events that match and that do not, and the reference events that were missed."""
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
            Where a file would be overwritten without being asked, or the folder cannot be written to.
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
        """Scores, distances and notices as plain JSON types, unrounded; what is undefined is None."""
        return {
            "distance_xy_px": self.distance_xy_px,
            "distance_t_frames": self.distance_t_frames,
            "counting": self.counting,
            **asdict(self.scores),
            "notices": list(self.notices),
        }

    def columns(self) -> list[str]:
        """Give the headings of a table for people."""
        return ["event", *(field.name.replace("_", " ") for field in fields(ClassScores))]

    def rows(self) -> list[list[str]]:
        """Give a row of texts for each class and one for all, three decimals, a dash where nothing is defined."""
        return [[name, *map(_text, astuple(scores))] for name, scores in self._by_name().items()]


@dataclass(frozen=True)
class Compared:
    """What is compared with what: events of the judged classes alone, these classes, and what a user should know."""

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
    """Match detected to reference events one to one and score the match.

    Each side is a result folder (its ``events.csv``, else its ROI zips), such a table, one ROI file, a
    sequence of ROI files (each named after its class), a detection's result, or a sequence of events. Classes that are judged:

    - two single ROI files are compared as one class, whatever their names; it has the reference's name;
    - a single ROI file against anything else: the class it is named after;
    - ROI files as reference: the classes they are named after;
    - otherwise: the classes of either side.

    Events of other classes are left out, and a notice says how many.

    Parameters
    ----------
    detected, reference
        The two sides.
    distance_xy, distance_t
        See :func:`epifiji.engine.metrics.events.match_events`; in pixels and frames.
    counting
        ``one-to-one``, or ``authors`` for :func:`epifiji.engine.metrics.events.match_as_authors`, which says how it differs.

    Raises
    ------
    WrongInputError
        Where a side cannot be read, holds one class twice, or has no class in common with the other side.
    """
    movie = getattr(detected, "movie", None)
    detected, reference = events_given(detected), events_given(reference)
    sides = judge(detected, reference)
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
    """Give the function that matches in a way, within the distances.

    Raises
    ------
    WrongInputError
        Where there is no such way.
    """
    ways = {"one-to-one": match_events, "authors": match_as_authors}
    if counting not in ways:
        raise WrongInputError(f"counting is {counting!r}, but it must be one of {', '.join(ways)}: give another value.")
    return partial(ways[counting], distance_xy=distance_xy, distance_t=distance_t)


def judge(detected: Events, reference: Events, looked_for: Iterable[str] = ()) -> Compared:
    """Read both sides and say which classes are compared; see :func:`compare`.

    `looked_for` are classes that the detected side looked for, where events alone do not tell.
    """
    found, known = read_sides(detected, reference, looked_for)
    notices = [*found.notices, *known.notices]
    if found.alone and known.alone:
        found = joined(found, known, notices)
    require_understood(found, known)
    require_understood(known, found)
    judged = _judged_classes(found, known)
    for side, name, other in ((found, "Detected", "reference"), (known, "Reference", "detected side")):
        for event in sorted(side.classes - judged):
            count = sum(one.event == event for one in side.events)
            notices.append(f"{name} events of {event} were left out ({count}): the {other} says nothing of this class.")
    notices += _of_two_movies(detected, reference)
    detected_events, known_events = (
        _distinct(side.events, judged, f"the {name} events", notices)
        for side, name in ((found, "detected"), (known, "reference"))
    )
    return Compared(detected_events, known_events, judged, tuple(notices))


def _distinct(events: list[Event], classes: frozenset[str], what: str, notices: list[str]) -> list[Event]:
    """Give the events of some classes; one that is there twice would count as two."""
    first, repeats = without_repeats(event for event in events if event.event in classes)
    notices += repeats_notice(what, repeats)
    return first


def _of_two_movies(detected: Events, reference: Events) -> list[str]:
    """Say where the two sides were found in different movies, as their records know."""
    sides = [source for source in (detected, reference) if isinstance(source, str | Path)]
    movies = [record_of_events(Path(source)).movie for source in sides]
    hashes = [{value for value in (movie.sha256, movie.pixels_sha256) if value} for movie in movies]
    if len(sides) < 2 or not all(hashes) or hashes[0] & hashes[1]:
        return []
    names = " and ".join(movie.file or movie.name or "another movie" for movie in movies)
    return [f"The two sides were found in movies with different pixels ({names})."]


def _judged_classes(found: Side, known: Side) -> frozenset[str]:
    """Classes that the comparison is about; see :func:`compare`."""
    if found.alone:
        return found.classes
    return found.classes | known.classes if known.complete else known.classes


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
