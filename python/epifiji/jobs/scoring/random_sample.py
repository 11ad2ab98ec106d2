"""Precision estimated from a random sample of events that a person scores."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class, group_of, without_repeats
from epifiji.data.paths import path_from
from epifiji.data.review import Precision, Review, wilson
from epifiji.files.event_sources import events_given, events_of
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import require_absent

SCORE = "score.csv"
COLUMNS = ("class", "events", "drawn", "judged", "right", "precision", "from", "to")
"""Columns of the table: class or ``all``; numbers of all, drawn, decided and correct events; precision with its 95 % interval."""


@dataclass(frozen=True)
class Sample:
    """Events drawn at random.

    Parameters
    ----------
    events
        The events that were drawn, in a random order.
    totals
        Number of events of each class from which events were drawn.
    each_class
        Whether each class was sampled separately, so that small classes are over-represented.
    """

    events: tuple[Event, ...]
    totals: Mapping[str, int]
    each_class: bool = False


def draw_events(
    events: Sequence[Event],
    number: int,
    classes: Sequence[str] | None = None,
    each_class: bool = False,
    seed: int = 1,
) -> Sample:
    """Draw events at random, each at most once.

    Parameters
    ----------
    events
        All of them; those that repeat another (see :func:`~epifiji.data.events.without_repeats`) are left out.
    number
        Number of events to draw, or all if there are fewer.
    classes
        Classes to draw from. Default: all.
    each_class
        Draw `number` events of each class, instead of in all.
    seed
        The same seed draws the same from the same events.

    Raises
    ------
    WrongInputError
        If there are no events, or none of a class.
    """
    groups = by_class(without_repeats(events_of(events_given(events)))[0])
    for name in classes or ():
        if name not in groups:
            raise WrongInputError(
                f"There are no events of the class {name!r}: the classes are {', '.join(groups) or 'none'}."
            )
    chosen = {name: group for name, group in groups.items() if classes is None or name in classes}
    if not chosen:
        raise WrongInputError("There are no events to score: detect some first, or lower the thresholds.")
    source = random.Random(seed)
    pools = list(chosen.values()) if each_class else [[event for group in chosen.values() for event in group]]
    drawn = [event for pool in pools for event in source.sample(pool, min(number, len(pool)))]
    source.shuffle(drawn)
    return Sample(tuple(drawn), {name: len(group) for name, group in chosen.items()}, each_class)


def score_table(review: Review, totals: Mapping[str, int], each_class: bool) -> list[list[str]]:
    """Return the rows of the table, a text for each of `COLUMNS`: every class, and all together.

    If each class was sampled separately, the overall precision weights the classes by their numbers of events, and its
    interval is Wilson's with the effective number of events, 1 / sum(weight^2 / judged) (L. Kish, Survey Sampling,
    1965). Classes without any decision are left out of it.

    Parameters
    ----------
    review
        Of the events that were drawn.
    totals, each_class
        See :class:`Sample`.
    """
    # Jython's dictionaries, from which the totals may come, keep no order.
    totals = dict(sorted(totals.items(), key=lambda total: (group_of(total[0]), total[0])))
    rows = [_row(name, count, review, review.precision(name)) for name, count in totals.items()]
    pooled = review.precision()
    last = _row("all", sum(totals.values()), review, pooled)
    if each_class and pooled.judged:
        judged = {name: found for name in totals if (found := review.precision(name)).judged}
        whole = sum(totals[name] for name in judged)
        weights = {name: totals[name] / whole for name in judged}
        fraction = sum(weights[name] * found.correct / found.judged for name, found in judged.items())
        effective = 1 / sum(weights[name] ** 2 / found.judged for name, found in judged.items())
        last[-3:] = _texts(fraction, effective)
    return [*rows, last]


def _row(name: str, count: int, review: Review, found: Precision) -> list[str]:
    drawn = sum(name in ("all", event.event) for event in review.detected)
    texts = ["", "", ""] if found.value is None else _texts(found.value, found.judged)
    return [name, str(count), str(drawn), str(found.judged), str(found.correct), *texts]


def _texts(fraction: float, judged: float) -> list[str]:
    return [f"{value:.4f}" for value in (fraction, *wilson(fraction, judged))]


def require_place(folder: str | Path, overwrite: bool) -> None:
    """Refuse a folder in which ``score.csv`` cannot be written or would be overwritten.

    Raises
    ------
    WrongInputError
        If so; the message names the file or the folder.
    """
    require_absent(path_from(folder, "the folder to write into"), [SCORE], overwrite)


def write_score(folder: str | Path, rows: Sequence[Sequence[str]]) -> Path:
    """Write ``score.csv`` into a folder, which is made if it does not exist."""
    path = path_from(folder, "the folder to write into") / SCORE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, [COLUMNS, *rows])
    return path
