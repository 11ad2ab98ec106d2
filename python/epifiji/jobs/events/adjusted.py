"""Events with other thresholds in the folder of a review: the events that a person worked on stay, the others follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import SAME_PLACE_PX, Event, by_class, without_repeats
from epifiji.data.review import Action, Review
from epifiji.data.settings.detection import EventSettings
from epifiji.files.results.events_table import read_events
from epifiji.files.results.result_folder import EVENTS_TABLE, record_of
from epifiji.files.results.reviews import REVIEW, read_review
from epifiji.jobs.events.result import Result
from epifiji.jobs.events.review import same_events

DISTANCES = ("seed_distance_xy", "seed_distance_t")
"""Settings that decide which peaks are one event. Thresholds only choose among the events that these give."""


@dataclass(frozen=True)
class Decided:
    """The actions of a review, its number of detected events, and those that the actions are about, by index."""

    actions: tuple[Action, ...]
    detected: int
    events: dict[int, Event]


def decided_in(folder: Path) -> Decided | None:
    """Return what was decided about the events of a result folder; None if nothing was, or about other events.

    Raises
    ------
    WrongInputError
        If the review or the table of events cannot be read.
    """
    path, table = folder / REVIEW, folder / EVENTS_TABLE
    if not (path.is_file() and table.is_file()):
        return None
    review = read_review(path)
    events = read_events(table)
    if not review.actions or not same_events(review.detected, events):
        return None
    count = len(review.detected)
    chosen = sorted({action.item for action in review.actions if action.item < count})
    return Decided(tuple(review.actions), count, dict(zip(chosen, _found(review, chosen, events), strict=True)))


def keep_decided(result: Result, folder: Path) -> Result:
    """Add the events of a result folder that a person decided about, changed or skipped to its events with other thresholds.

    The decisions belong to the new result, and are saved with it. Undecided events are only those of `result`.

    Parameters
    ----------
    result
        Events from the maps of the folder.
    folder
        The result folder, with its earlier events and perhaps a review of these.

    Raises
    ------
    WrongInputError
        If there are decisions, and the mode or a distance between peaks differs, which gives other events.
    """
    decided = decided_in(folder)
    if decided is None:
        return result
    _require_same_peaks(result, folder)
    first, _ = without_repeats([*decided.events.values(), *result.events])
    events = [event for group in by_class(first, result.classes).values() for event in group]
    places = {id(event): number for number, event in enumerate(events)}
    items = {item: places[id(event)] for item, event in decided.events.items()}
    added = len(events) - decided.detected
    actions = tuple(replace(one, item=items.get(one.item, one.item + added)) for one in decided.actions)
    own = {id(event) for event in without_repeats([*result.events, *decided.events.values()])[0]}
    below = sum(id(event) in own for event in decided.events.values())
    notices = (*result.notices, f"{below} events stay that do not pass, because they were reviewed.") if below else ()
    record = result.record | {"reviewed_events": {"kept": len(decided.events), "not_passing": below}}
    return replace(result, events=events, actions=actions, record=record, notices=notices or result.notices)


def _found(review: Review, chosen: list[int], events: list[Event]) -> list[Event]:
    """Return the events of a table for those of a review, which have neither volume nor border."""
    known: dict[tuple[str, int], list[Event]] = {}
    for event in events:
        known.setdefault((event.event, event.frame), []).append(event)
    detected = [review.detected[item] for item in chosen]
    return [next(e for e in known[one.event, one.frame] if _is_at(e, one)) for one in detected]


def _is_at(event: Event, other: Event) -> bool:
    return max(abs(event.y - other.y), abs(event.x - other.x)) <= SAME_PLACE_PX


def _require_same_peaks(result: Result, folder: Path) -> None:
    recorded, chosen = record_of(folder).settings.of_run(), result.record["settings"]
    for key in (*DISTANCES, "mode"):
        default = EventSettings.model_fields[key].default if key in DISTANCES else chosen[key]
        before = recorded.get(key, default)
        if chosen[key] != before:
            raise WrongInputError(
                f"--{key.replace('_', '-')} is {chosen[key]}, but the events of {folder}, about which a review decides, were "
                f"made with {before}, and another value makes other events: keep it, or undo the decisions first."
            )
