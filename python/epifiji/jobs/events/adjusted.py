"""Events with other thresholds in the folder of a review: the events that a person worked on stay, the others follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import SAME_PLACE_PX, Event, by_class, same_events, without_repeats
from epifiji.data.review import Action, Review
from epifiji.data.settings.base import option_of
from epifiji.data.settings.detection import EventSettings
from epifiji.engine.metrics.events import match_events
from epifiji.files.results.events_table import read_events
from epifiji.files.results.result_folder import EVENTS_TABLE, record_of
from epifiji.files.results.reviews import REVIEW, read_review
from epifiji.jobs.events.result import Result

DISTANCES = ("seed_distance_xy", "seed_distance_t")
"""Settings that decide which peaks are one event. Thresholds only choose among the events that these give."""


@dataclass(frozen=True)
class Decided:
    """What was decided about the events of a table.

    Parameters
    ----------
    actions
        All actions of the review.
    detected
        Its number of detected events.
    events
        Those that the actions are about, as in the table, by their index in the review.
    others
        All other events of the table.
    own
        Events that the person added, or whose class or place the person changed, as they are now; without rejected ones.
    """

    actions: tuple[Action, ...]
    detected: int
    events: dict[int, Event]
    others: tuple[Event, ...]
    own: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Kept:
    """Events that stay with any thresholds, by their index in the review, and the events of the maps that they are.

    `own` are further events of the maps: those that the person's own events are, which only the review contains.
    """

    events: dict[int, Event]
    peaks: tuple[Event, ...]
    own: tuple[Event, ...] = ()

    def joined(self, events: Sequence[Event]) -> list[Event]:
        """Return the events that stay, then those of `events` that are others."""
        known = {id(peak) for peak in (*self.peaks, *self.own)}
        return without_repeats([*self.events.values(), *(event for event in events if id(event) not in known)])[0]


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
    events, _ = without_repeats(read_events(table))
    if not review.actions or not same_events(review.detected, events):
        return None
    count = len(review.detected)
    chosen = sorted({action.item for action in review.actions if action.item < count})
    found = dict(zip(chosen, _found(review, chosen, events), strict=True))
    about = {id(event) for event in found.values()}
    others = tuple(event for event in events if id(event) not in about)
    return Decided(tuple(review.actions), count, found, others, _own(review))


def _own(review: Review) -> tuple[Event, ...]:
    return tuple(
        item.event
        for item in review.items
        if item.decision != "reject" and (item.detected is None or item.event != item.detected)
    )


def kept_in(result: Result, decided: Decided | None) -> Kept:
    """Find the events of a result, passing or not, about which a person decided.

    A table need not have the places of the maps: it may be of an earlier version or another program, or be corrected by
    hand. So an event of the table is the event of the maps at its place, or else the nearest one within the distances of
    peaks that is at no other event's place. At most one event of the maps is an event of the table. An event that stays
    is as the maps have it if it has its place there, and otherwise as it was.

    An event that the person added or changed is likewise an event of the maps, but none that is an event of the table: the
    person saw that one, and marked another one beside it.
    """
    if decided is None:
        return Kept({}, ())
    distances = [result.record["settings"][key] for key in DISTANCES]
    of_maps = [*result.events, *result.not_passing]
    table = [*decided.events.values(), *decided.others]
    found = _peaks(table, of_maps, *distances)
    in_table = {id(peak) for peak in found}
    new = [peak for peak in of_maps if id(peak) not in in_table]
    own = tuple(peak for peak in _peaks(decided.own, new, *distances) if peak is not None)
    events, peaks = {}, []
    for (item, event), peak in zip(decided.events.items(), found, strict=False):
        events[item] = peak if peak is not None and _is_at(peak, event) else event
        peaks += [] if peak is None else [peak]
    return Kept(events, tuple(peaks), own)


def keep_decided(result: Result, folder: Path) -> Result:
    """Add the events of a result folder that a person decided about, changed or skipped to its events with other thresholds.

    The decisions belong to the new result, and are saved with it. Undecided events are only those of `result`, without those
    that the person already added or made of other events; see :func:`kept_in`.

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
    kept = kept_in(result, decided)
    grouped = by_class(kept.joined(result.events), result.classes)
    events = [event for group in grouped.values() for event in group]
    places = {id(event): number for number, event in enumerate(events)}
    items = {item: places[id(event)] for item, event in kept.events.items()}
    added = len(events) - decided.detected
    actions = tuple(replace(one, item=items.get(one.item, one.item + added)) for one in decided.actions)
    passing = {id(event) for event in result.events}
    below = len(kept.events) - sum(id(peak) in passing for peak in kept.peaks)
    own = sum(id(peak) in passing for peak in kept.own)
    record = result.record | {"reviewed_events": {"kept": len(kept.events), "not_passing": below, "own": own}}
    notices = (*result.notices, *_stay_notice(below), *_own_notice(own))
    return replace(result, events=events, actions=actions, record=record, notices=notices)


def _stay_notice(below: int) -> tuple[str, ...]:
    if not below:
        return ()
    which, were = ("event stays that does", "it was") if below == 1 else ("events stay that do", "they were")
    return (f"{below} {which} not pass, because {were} reviewed.",)


def _own_notice(own: int) -> tuple[str, ...]:
    if not own:
        return ()
    those = "1 event passes that is" if own == 1 else f"{own} events pass that are"
    return (f"{those} already in the review, because you added or corrected {'it' if own == 1 else 'them'}.",)


def _found(review: Review, chosen: list[int], events: list[Event]) -> list[Event]:
    """Return the events of a table for those of a review, which have neither volume nor border."""
    known: dict[tuple[str, int], list[Event]] = {}
    for event in events:
        known.setdefault((event.event, event.frame), []).append(event)
    detected = [review.detected[item] for item in chosen]
    return [next(e for e in known[one.event, one.frame] if _is_at(e, one)) for one in detected]


def _peaks(
    table: Sequence[Event], of_maps: Sequence[Event], distance_xy: float, distance_t: float
) -> list[Event | None]:
    """Return for each event of a table the event of the maps that it is; None if there is none."""
    free: dict[tuple[str, int], list[Event]] = {}
    for event in of_maps:
        free.setdefault((event.event, event.frame), []).append(event)
    found: dict[int, Event] = {}
    for event in table:
        near = free.get((event.event, event.frame), [])
        peak = min(near, key=lambda one: _distance(one, event), default=None)
        if peak is not None and _is_at(peak, event):
            found[id(event)] = peak
            near.remove(peak)
    elsewhere = [event for event in table if id(event) not in found]
    rest = [event for group in free.values() for event in group]
    for event, peak in match_events(elsewhere, rest, distance_xy, distance_t).pairs:
        found[id(event)] = peak
    return [found.get(id(event)) for event in table]


def _distance(event: Event, other: Event) -> float:
    return max(abs(event.y - other.y), abs(event.x - other.x))


def _is_at(event: Event, other: Event) -> bool:
    return event.frame == other.frame and _distance(event, other) <= SAME_PLACE_PX


def _require_same_peaks(result: Result, folder: Path) -> None:
    recorded, chosen = record_of(folder).settings.of_run(), result.record["settings"]
    for key in (*DISTANCES, "mode"):
        default = EventSettings.model_fields[key].default if key in DISTANCES else chosen[key]
        before = recorded.get(key, default)
        if chosen[key] != before:
            raise WrongInputError(
                f"{option_of(key)} is {chosen[key]}, but the events of {folder}, about which a review decides, were "
                f"made with {before}, and another value makes other events: keep it, or undo the decisions first."
            )
