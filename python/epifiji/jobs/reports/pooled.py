"""The part of a report about several movies together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from epifiji.data.document import Block, Section, Table, Text
from epifiji.engine.events.cell_bins import mean_interval, poisson_interval
from epifiji.engine.events.conditions import ConditionTest, compare_conditions
from epifiji.files.figures.conditions import draw_conditions
from epifiji.files.results.conditions import condition_of
from epifiji.files.results.places import folder_of
from epifiji.jobs.reports.pictures import drawn
from epifiji.jobs.reports.reported import Reported
from epifiji.jobs.reports.words import class_in_words

Rates = Mapping[str, Mapping[str, np.ndarray]]
"""By class and condition: the rate of each movie, (movies,)."""


def rate_in_words(events: int, exposure: float) -> str:
    """Write a rate with its exact 95 % interval; `exposure` in the unit of time of rates."""
    if exposure <= 0:
        return "-"
    low, high = (float(end) / exposure for end in poisson_interval(np.array(events)))
    return f"{events / exposure:.3g} ({low:.3g} to {high:.3g})"


def exposure_of(one: Reported) -> float:
    """Return the time in which events of a movie may lie, in the unit of time of its rates."""
    return int(one.statistics.region.observed.sum()) * one.statistics.extent.rate_time


def pooled(reported: Sequence[Reported], conditions: Mapping[str, str] | None, seed: int) -> Section:
    """Return the section about all movies together: each movie's counts and rates, those of all, and of conditions."""
    units = {one.statistics.extent.rate_unit for one in reported}
    unit = units.pop() if len(units) == 1 else None
    names = list(dict.fromkeys(name for one in reported for name in one.statistics.classes))
    condition = [condition_of(conditions, folder_of(one.place), one.name) for one in reported]
    rows = [_row(one, which, names) for one, which in zip(reported, condition, strict=True)]
    blocks: list[Block] = []
    if unit is None:
        blocks.append(
            Text("Some movies have no frame interval, so rates cannot be pooled: they are per hour or per frame.")
        )
    else:
        rows.append(_all(reported, names))
    heads = [f"{class_in_words(name)}: events; per {unit or 'hour or frame'} (95 %)" for name in names]
    blocks.append(Table(("movie", "condition", *heads), rows))
    if unit is not None and names:
        blocks += _compared(_rates(reported, condition, names), unit, seed)
    return Section("All movies", blocks)


def _row(one: Reported, condition: str, names: Sequence[str]) -> list[str]:
    counts = [_count(one, name) for name in names]
    return [one.name, condition, *(f"{count}; {rate_in_words(count, exposure_of(one))}" for count in counts)]


def _all(reported: Sequence[Reported], names: Sequence[str]) -> list[str]:
    time = sum(map(exposure_of, reported))
    totals = [sum(_count(one, name) for one in reported) for name in names]
    return ["all movies", "", *(f"{total}; {rate_in_words(total, time)}" for total in totals)]


def _count(one: Reported, name: str) -> int:
    found = one.statistics.classes.get(name)
    return 0 if found is None else len(found.places)


def _rates(reported: Sequence[Reported], condition: Sequence[str], names: Sequence[str]) -> Rates:
    known = [(one, which) for one, which in zip(reported, condition, strict=True) if exposure_of(one) > 0]
    return {
        name: {
            kind: np.array([_count(one, name) / exposure_of(one) for one, which in known if which == kind])
            for kind in dict.fromkeys(which for _, which in known)
        }
        for name in names
    }


def _compared(rates: Rates, unit: str, seed: int) -> Iterator[Block]:
    """Yield the means of conditions, their tests, and the picture of both."""
    means = {name: {kind: mean_interval(of) for kind, of in kinds.items()} for name, kinds in rates.items()}
    tests = {name: compare_conditions(list(kinds.values()), seed) for name, kinds in rates.items()}
    movies = {kind: len(of) for kind, of in next(iter(rates.values())).items()}
    rows = [[f"{kind} ({movies[kind]})", *(_mean(means[name][kind]) for name in rates)] for kind in movies]
    heads = [f"{class_in_words(name)} per {unit} (95 %)" for name in rates]
    yield Table(("condition (movies)", *heads), rows)
    p_values = {name: None if test is None else test.p for name, test in tests.items()}
    yield drawn(
        lambda path, look: draw_conditions(path, rates, means, p_values, f"events per {unit}", look),
        "Rates of all movies: each movie is a point, lines are means with 95 % intervals (Student's t).",
    )
    yield Text(_about(tests))


def _mean(found: tuple[float, float, float]) -> str:
    mean, low, high = found
    return f"{mean:.3g} ({low:.3g} to {high:.3g})" if np.isfinite(low) else f"{mean:.3g}"


def _about(tests: Mapping[str, ConditionTest | None]) -> str:
    tested = [f"{class_in_words(name)} p = {test.p:.2g}" for name, test in tests.items() if test is not None]
    means = "Intervals of means include the differences between movies; those of single movies are those of counts."
    if not tested:
        return f"{means} Conditions were not compared: there is one, or one has fewer than two movies."
    return f"{means} Conditions differ with {', '.join(tested)} (permutation test with movies as the unit, not events)."
