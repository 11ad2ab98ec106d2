"""The events of many movies in one table, and comparison of their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import in_fixed_order, without_repeats
from epifiji.data.network import NOTHING
from epifiji.data.paths import path_from
from epifiji.data.pooled import PooledMovie, RateUnit
from epifiji.data.record import RunRecord
from epifiji.data.region import Region
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import TISSUE, PoolSettings
from epifiji.data.tissue import Tissue
from epifiji.engine.events.cell_bins import mean_interval, poisson_interval
from epifiji.engine.events.conditions import ConditionTest, compare_conditions
from epifiji.files.event_sources import events_of, movie_of
from epifiji.files.results.cell_results import TASK
from epifiji.files.results.comparisons import write_table
from epifiji.files.results.conditions import condition_of, read_conditions
from epifiji.files.results.movie_identity import record_of_events
from epifiji.files.results.result_folder import EVENTS_TABLE, read_record
from epifiji.files.results.reviews import REVIEW, REVIEWED, finished_results, result_folders, review_of_results
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.events.tissue import known_tissue
from epifiji.jobs.learnt_movies import require_each_once

TABLE, CONDITIONS_TABLE, PICTURE = "pooled.csv", "conditions.csv", "pooled.png"
FILES = (TABLE, CONDITIONS_TABLE, PICTURE)
LEAST = 0.05


@dataclass(frozen=True)
class Pooled:
    """Counts and rates of several movies.

    Parameters
    ----------
    movies
        An entry for each movie and class.
    unit
        What all rates refer to.
    seed
        Of the tests' random arrangements.
    notices
        Sentences for the user.
    """

    movies: tuple[PooledMovie, ...]
    unit: RateUnit
    seed: int
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Pooled: {len({one.place for one in self.movies})} movies, {len(self.conditions)} conditions>"

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes."""
        return in_fixed_order(one.event for one in self.movies)

    @property
    def conditions(self) -> tuple[str, ...]:
        """All conditions, in their order of appearance."""
        return tuple(dict.fromkeys(one.condition for one in self.movies))

    def of(self, event: str, condition: str | None = None) -> list[PooledMovie]:
        """Return the movies of a class, and of a condition if one is specified."""
        return [one for one in self.movies if one.event == event and condition in (None, one.condition)]

    def rates(self, event: str) -> dict[str, np.ndarray]:
        """Return the rates of a class: for each condition one of each movie."""
        return {name: np.array([self.unit.rate(one) for one in self.of(event, name)]) for name in self.conditions}

    @cached_property
    def tests(self) -> dict[str, ConditionTest | None]:
        """The test of each class whether its rate differs between conditions."""
        return {event: compare_conditions(list(self.rates(event).values()), self.seed) for event in self.classes}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each movie and class; undefined values are None."""
        unit = self.unit.text
        for one in self.movies:
            yield {
                "movie": one.movie,
                "condition": one.condition,
                "event": one.event,
                "events": one.events,
                "frames": one.frames,
                "hours": one.hours,
                "within": one.within,
                "area (µm²)": one.area_um2,
                "cells": one.cells,
                unit: self.unit.rate(one),
                f"{unit}, 2.5 %": self.unit.rate(one, one.low),
                f"{unit}, 97.5 %": self.unit.rate(one, one.high),
                "results": one.place,
            }

    def condition_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class and condition: the mean of its movies' rates with its interval, and the class's test."""
        unit = self.unit.text
        for event in self.classes:
            test = self.tests[event]
            for condition, rates in self.rates(event).items():
                mean, low, high = mean_interval(rates)
                known = np.isfinite(low)
                yield {
                    "event": event,
                    "condition": condition,
                    "movies": len(rates),
                    "events": sum(one.events for one in self.of(event, condition)),
                    f"mean {unit}": mean,
                    "2.5 %": low if known else None,
                    "97.5 %": high if known else None,
                    "p (conditions)": None if test is None else test.p,
                }

    def in_words(self, event: str) -> str:
        """Summarise a class in one line."""
        means = ", ".join(
            f"{condition} {rates.mean():.3g} ({len(rates)} movie{'s' if len(rates) > 1 else ''})"
            for condition, rates in self.rates(event).items()
        )
        test = self.tests[event]
        return f"{means} {self.unit.text}" + ("" if test is None else f"; p = {test.p:.2g}")

    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write the tables and the plot, all or none, and return their paths.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        from epifiji.files.figures.conditions import draw_conditions

        folder = path_from(out, "the folder to write into")
        require_absent(folder, FILES, overwrite)
        with new_files(folder, FILES) as partial:
            write_table(partial / TABLE, self.rows())
            write_table(partial / CONDITIONS_TABLE, self.condition_rows())
            tests = {event: None if test is None else test.p for event, test in self.tests.items()}
            rates = {event: self.rates(event) for event in self.classes}
            means = {event: {name: mean_interval(of) for name, of in rates[event].items()} for event in rates}
            draw_conditions(partial / PICTURE, rates, means, tests, self.unit.text)
        return [folder / name for name in FILES]


def pool_results(
    results: str | Path | Sequence[str | Path],
    conditions: str | Path | Mapping[str, str] | None = None,
    **settings: Any,
) -> Pooled:
    """Count the events of many movies, and test whether conditions differ, with movies as the independent observations.

    Rates refer to hours and area if all movies are calibrated, to hours if only their frame intervals are known, else to
    frames. Their intervals are those of Poisson-distributed numbers of events. The tests are described in
    :func:`~epifiji.engine.events.conditions.compare_conditions`.

    Parameters
    ----------
    results
        Result folders, or folders that contain some at any depth. If a review is finished, its kept and added events count.
    conditions
        The condition of each movie by its name, or a table with the columns `movie` and `condition`. Default: the name of
        the folder in which the result folder lies.
    **settings
        Those of :class:`~epifiji.data.settings.comparison.PoolSettings`.

    Raises
    ------
    WrongInputError
        If there are no results, a record is missing or cannot be read, a movie has no condition, or one appears twice.
    """
    chosen = parse_settings(PoolSettings, settings)
    given = [results] if isinstance(results, str | Path) else list(results)
    folders = list(dict.fromkeys(one for place in given for one in result_folders_in(path_from(place, "the results"))))
    for folder in folders:
        _require_current(folder)
    named = conditions_given(conditions)
    records = {folder: _record(folder) for folder in folders}
    require_different(records)
    notices: list[str] = []
    tissues = _tissues(records, notices) if chosen.within == TISSUE else {}
    counted = [
        _counted(
            folder, record, condition_of(named, result_folders(folder)[-1], _name(folder, record)), tissues.get(folder)
        )
        for folder, record in records.items()
    ]
    movies = _with_all_classes(counted, notices)
    unit = RateUnit(all(one.hours for one in movies), all(one.hours and one.area_um2 for one in movies))
    if not unit.by_area:
        notices.append(
            f"Not all movies are calibrated, so the rates are {unit.text}: movies of other sizes or intervals differ for this "
            "reason alone."
        )
    if named is not None:
        notices += _unused(named, records)
    notices += _reviewed(folders)
    pooled = Pooled(tuple(movies), unit, chosen.seed)
    return Pooled(pooled.movies, unit, chosen.seed, (*notices, *_few_movies(pooled)))


def conditions_given(conditions: str | Path | Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the conditions of movies by their names, or those in a table; None if there are none."""
    if conditions is None or isinstance(conditions, Mapping):
        return None if conditions is None else dict(conditions)
    return read_conditions(path_from(conditions, "the table of conditions"))


def result_folders_in(place: Path) -> list[Path]:
    """List a result folder, or all of a folder in the order of their paths; if a review is finished, its results."""
    if (place / EVENTS_TABLE).is_file():
        reviewed = place / REVIEWED
        return [reviewed if (reviewed / EVENTS_TABLE).is_file() else place]
    if not place.is_dir():
        raise WrongInputError(f"{place} is not a folder, but result folders are expected: check the path.")
    found: list[Path] = []
    for one in sorted(place.iterdir()):
        if one.is_dir() and not one.is_symlink() and not one.name.startswith("."):
            try:
                found += result_folders_in(one)
            except WrongInputError:
                continue
    if not found:
        raise WrongInputError(
            f"{place} contains no results of a detection, but {EVENTS_TABLE} is expected: check the path."
        )
    return found


def _require_current(folder: Path) -> None:
    """Refuse the results of a review that is of other events than those that are there now, or was changed since."""
    review = folder.parent / REVIEW
    if folder.name == REVIEWED and review.is_file():
        finished_results(folder.parent, review_of_results(review))


def _record(folder: Path) -> RunRecord:
    """Read the record of the run that found the events, of which size and scale of the movie are needed."""
    own = read_record(folder)
    record = own if own.movie.shape is not None else record_of_events(folder)
    if record.task == TASK or record.movie.shape is None:
        raise WrongInputError(
            f"{folder} does not record the size of its movie, but rates need it: detect its events with EpiFiji, or leave it out."
        )
    return record


def require_different(records: Mapping[Path, RunRecord]) -> None:
    """Refuse two results of the same movie."""
    known = ((str(folder), one.movie.pixels_sha256 or one.movie.sha256) for folder, one in records.items())
    require_each_once(known)


def _tissues(records: Mapping[Path, RunRecord], notices: list[str]) -> dict[Path, Tissue]:
    """Return the tissues that are kept with the results, or none if one is missing: regions of two kinds cannot be compared."""
    found = {folder: tissue for folder in records if (tissue := known_tissue(folder)) is not None}
    if len(found) == len(records):
        return found
    notices.append(
        f"The tissue of {len(records) - len(found)} of {len(records)} movies is not known, so events were counted in the whole "
        "frame: run 'epifiji plot' on their results first."
    )
    return {}


def _counted(folder: Path, record: RunRecord, condition: str, tissue: Tissue | None) -> dict[str, PooledMovie]:
    """Count the events of each class of a movie in the tissue, or in the frame."""
    movie, shape = record.movie, record.movie.shape
    assert shape is not None
    region = tissue.region if tissue is not None else Region.frame(shape)
    events, _ = without_repeats(events_of(folder))
    places = np.array([(one.frame, one.y, one.x) for one in events], float).reshape(-1, 3)
    inside = region.holds(places)
    frames = int(region.observed.sum())
    searched = record.counts or record.settings.events or set(record.network.classes) - {NOTHING}
    named = in_fixed_order({*searched, *(one.event for one in events)})
    found = {}
    for name in named:
        count = sum(bool(held) for one, held in zip(events, inside, strict=True) if one.event == name)
        low, high = (float(end) for end in poisson_interval(np.array(count)))
        area = movie.pixel_size_um**2 * float(region.areas[region.observed].mean()) if movie.pixel_size_um else None
        hours = frames * movie.frame_interval_s / 3600 if movie.frame_interval_s else None
        cells = None if tissue is None else float(tissue.counts_over_time[region.observed].mean())
        found[name] = PooledMovie(
            _name(folder, record),
            condition,
            str(folder),
            name,
            count,
            frames,
            hours,
            region.name,
            area,
            cells,
            low,
            high,
        )
    return found


def _with_all_classes(counted: Sequence[Mapping[str, PooledMovie]], notices: list[str]) -> list[PooledMovie]:
    """Return the entries of the classes that were searched for in all movies: one that was not is not absent."""
    shared = set.intersection(*(set(one) for one in counted))
    others = in_fixed_order({name for one in counted for name in one} - shared)
    if others and not shared:
        raise WrongInputError(
            "The movies have no class of events in common, but rates are compared by class: detect the same classes in all."
        )
    if others:
        notices.append(f"{', '.join(others)} was not searched for in all movies, and is left out.")
    return [one[name] for one in counted for name in in_fixed_order(shared)]


def _name(folder: Path, record: RunRecord) -> str:
    return record.movie.name or movie_of(result_folders(folder)[-1])


def _reviewed(folders: Sequence[Path]) -> list[str]:
    """Report if only some results were reviewed."""
    count = sum(folder.name == REVIEWED for folder in folders)
    if count in (0, len(folders)):
        return []
    return [
        f"{count} of {len(folders)} movies were reviewed: their kept and added events are counted, those of the others as they "
        "were detected."
    ]


def _unused(named: Mapping[str, str], records: Mapping[Path, RunRecord]) -> list[str]:
    used = {name for one, record in records.items() for name in (_name(one, record), result_folders(one)[-1].name)}
    unused = sorted(set(named) - used)
    return (
        [f"The table of conditions names {len(unused)} movies without results, such as {unused[0]}."] if unused else []
    )


def _few_movies(pooled: Pooled) -> list[str]:
    tests = [test for test in pooled.tests.values() if test is not None]
    if len(pooled.conditions) > 1 and not tests:
        return ["A condition has a single movie, so conditions are not tested: two or more movies of each are needed."]
    least = min((test.least_p for test in tests), default=0.0)
    if least <= LEAST:
        return []
    return [f"With so few movies p cannot be below {least:.2g}, however large a difference is."]
