"""A person's review of detected events: decisions, their order, and undo.

A review consists of its events and the list of actions; everything else is computed from these. So undo removes the
last action, any number of times, also after a review was read from its file.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, in_fixed_order
from epifiji.data.opinions import Opinion, by_disagreement

Decision = Literal["", "keep", "reject", "skip"]
Order = Literal["time", "score", "random", "informative", "disagreement"]

DECISIONS: tuple[Decision, ...] = ("keep", "reject", "skip")
Z_95 = 1.959963984540054
"""Quantile of the normal distribution at 0.975."""


@dataclass(frozen=True)
class Action:
    """One action of a review.

    Parameters
    ----------
    item
        Index of the event, from 0.
    what
        ``keep``, ``reject``, ``skip``, ``class``, ``move`` or ``add``.
    event
        The event after the action, for ``class``, ``move`` and ``add``.
    seconds
        Time since the previous action.
    """

    item: int
    what: str
    event: Event | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Item:
    """An event under review.

    Parameters
    ----------
    detected
        The event as it was detected; None for one that the person added.
    event
        The current event, with corrected class and position.
    decision
        ``keep``, ``reject``, ``skip`` or empty. An added event is kept.
    seconds
        Time spent on it.
    """

    detected: Event | None
    event: Event
    decision: Decision = ""
    seconds: float = 0.0

    @property
    def judged(self) -> bool:
        """Whether it was detected, and kept or rejected."""
        return self.detected is not None and self.decision in ("keep", "reject")

    @property
    def correct(self) -> bool:
        """Whether it was detected and kept, with its detected class."""
        return self.detected is not None and self.decision == "keep" and self.event.event == self.detected.event


@dataclass(frozen=True)
class Precision:
    """Share of correct events among those that were kept or rejected, with a 95 % interval (Wilson); None without any."""

    correct: int
    judged: int

    @property
    def value(self) -> float | None:
        """The fraction of correct events."""
        return self.correct / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end, 0–1; see :func:`wilson`."""
        return wilson(self.correct / self.judged, self.judged) if self.judged else None


def wilson(fraction: float, judged: float) -> tuple[float, float]:
    """Return the 95 % interval of a fraction of `judged` events, above 0 (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).

    The number may be an effective one that is not an integer, which :func:`scipy.stats.binomtest` does not accept.
    """
    z2 = Z_95**2
    middle = (fraction + z2 / (2 * judged)) / (1 + z2 / judged)
    half = Z_95 / (1 + z2 / judged) * math.sqrt(fraction * (1 - fraction) / judged + z2 / (4 * judged**2))
    # The fraction lies within its interval, so rounding cannot move the ends away from 0 and 1.
    return max(0.0, min(fraction, middle - half)), min(1.0, max(fraction, middle + half))


class Review:
    """Events and a person's decisions on them.

    Parameters
    ----------
    events
        As they were detected.
    actions
        Earlier actions, in order.

    Raises
    ------
    WrongInputError
        If an action does not fit the events.
    """

    def __init__(self, events: Iterable[Event], actions: Iterable[Action] = ()) -> None:
        self.detected = tuple(events)
        self._items = [Item(event, event) for event in self.detected]
        self._before: list[Item | None] = []
        self._decided = self._judged = self._correct = 0
        self.actions: list[Action] = []
        for action in actions:
            self.do(action)

    def __repr__(self) -> str:
        added = len(self._items) - len(self.detected)
        return f"<Review: {self.decided} of {len(self.detected)} events decided, {added} added>"

    @property
    def items(self) -> Sequence[Item]:
        """All events: the detected ones in their order, then the added ones."""
        return tuple(self._items)

    @property
    def decided(self) -> int:
        """Number of detected events with a decision."""
        return self._decided

    def event(self, item: int) -> Event:
        """Return one current event, without copying all of them as `items` does.

        Raises
        ------
        IndexError
            If there is no such event.
        """
        return self._items[item].event

    def do(self, action: Action) -> None:
        """Apply an action to an event; see :class:`Action`.

        Raises
        ------
        WrongInputError
            If there is no such event or no such action.
        """
        last = len(self._items) - (action.what != "add")
        if not 0 <= action.item <= last or (action.what == "add" and action.item != last):
            raise WrongInputError(
                f"The review has {len(self._items)} events, but number {action.item + 1} was to be changed."
            )
        if action.what == "add" and action.event is not None:
            self._before.append(None)
            self._items.append(Item(None, action.event, "keep", action.seconds))
        else:
            before = self._items[action.item]
            self._put(action.item, _after(before, action))
            self._before.append(before)
        self.actions.append(action)

    def undo(self) -> int | None:
        """Undo the last action; return the index of its event, or None if there is nothing to undo."""
        if not self.actions:
            return None
        action, before = self.actions.pop(), self._before.pop()
        if before is None:
            self._items.pop()
        else:
            self._put(action.item, before)
        return action.item

    def _put(self, index: int, item: Item) -> None:
        """Replace an event's state, and update the counts."""
        for state, step in ((self._items[index], -1), (item, 1)):
            if state.detected is not None:
                self._decided += step * bool(state.decision)
                self._judged += step * state.judged
                self._correct += step * state.correct
        self._items[index] = item

    def precision(self, event: str | None = None) -> Precision:
        """Return the precision of the decisions so far: for one detected class, or for all."""
        if event is None:
            return Precision(self._correct, self._judged)
        judged = [item for item in self._items if item.judged and item.detected and item.detected.event == event]
        return Precision(sum(item.correct for item in judged), len(judged))

    def kept(self) -> list[Event]:
        """Return the kept events, corrected, and the added ones."""
        return [item.event for item in self._items if item.decision == "keep"]

    def rejected(self) -> list[Event]:
        """Return the rejected events as they were detected."""
        return [item.detected for item in self._items if item.decision == "reject" and item.detected is not None]


def _after(item: Item, action: Action) -> Item:
    seconds = item.seconds + action.seconds
    if action.event is None:
        for decision in DECISIONS:
            if action.what == decision:
                return replace(item, decision=decision, seconds=seconds)
    # Each action changes only what it names, because its entry in the review's file contains nothing else.
    if action.what == "class" and action.event is not None:
        return replace(item, event=replace(item.event, event=action.event.event), seconds=seconds)
    if action.what == "move" and action.event is not None:
        there = action.event
        return replace(item, event=replace(item.event, frame=there.frame, y=there.y, x=there.x), seconds=seconds)
    raise WrongInputError(
        f"{action.what!r} was to be done in a review, but {', '.join(DECISIONS)}, class, move or add can be."
    )


def order_of(
    review: Review,
    order: Order,
    classes: Iterable[str] | None = None,
    seed: int = 1,
    opinions: Sequence[Opinion | None] = (),
) -> list[int]:
    """Return the order in which the items of a review are presented, the same before and after an interruption.

    It depends on the detected events, not on corrected positions and classes. Added events are sorted in by time, or
    come at the end of any other order. An event is presented if it has, or had, one of the `classes`. `opinions` are those
    on the detected events, for the order by disagreement.
    """
    wanted = None if classes is None else set(classes)
    chosen = presented(review.detected, order, None, seed, opinions)
    added = range(len(review.detected), len(review.items))
    if order == "time":
        chosen = presented([item.detected or item.event for item in review.items], order)
    else:
        chosen += added
    items = review.items

    def named(item: Item) -> set[str]:
        return {event.event for event in (item.detected, item.event) if event is not None}

    return [index for index in chosen if wanted is None or wanted & named(items[index])]


def place_to_go_on(review: Review, order: Sequence[int]) -> int:
    """Return the index in `order` at which a review continues: of the next event to decide after the last one that was changed.

    If only class or position of that event were changed, it is the next itself. Earlier events without a decision come
    after the last event; if all have one, the result is the index of the event that was last changed.
    """
    places = {item: place for place, item in enumerate(order)}
    items, last, start = review.items, len(order) - 1, 0
    for action in reversed(review.actions):
        if action.item in places and items[action.item].detected is not None:
            last = places[action.item]
            start = last + (action.what in DECISIONS)
            break
    turned = [(start + step) % len(order) for step in range(len(order))]
    return next((place for place in turned if not items[order[place]].decision), last)


def presented(
    events: Sequence[Event],
    order: Order,
    classes: Iterable[str] | None = None,
    seed: int = 1,
    opinions: Sequence[Opinion | None] = (),
) -> list[int]:
    """Return the order in which events are presented, as indices into `events`.

    Parameters
    ----------
    events
        All events.
    order
        By ``time``, by ``score`` (ascending, those without a score at the end), ``random``, ``informative``: the classes
        in turn, and the events of each spread evenly over its scores, however many of them are reviewed; or by
        ``disagreement`` with the cells around them (:func:`epifiji.data.opinions.by_disagreement`).
    classes
        Classes to present. Default: all.
    seed
        Of the random and the informative order.
    opinions
        The second opinion on each event, for the order by disagreement.
    """
    wanted = None if classes is None else set(classes)
    chosen = [i for i, event in enumerate(events) if wanted is None or event.event in wanted]
    if order == "random":
        random.Random(seed).shuffle(chosen)
        return chosen
    # Calibrated scores may be equal where the raw ones are not.
    by_score = sorted(
        chosen, key=lambda i: (math.isnan(events[i].score), events[i].score, events[i].raw_score, events[i].frame, i)
    )
    if order == "score":
        return by_score
    if order == "disagreement":
        # Events with equal opinions come by score, so that the least sure ones are first.
        known = [opinions[i] if opinions else None for i in by_score]
        return [by_score[place] for place in by_disagreement(known)]
    if order == "informative":
        groups = [
            [i for i in by_score if events[i].event == name and not math.isnan(events[i].score)]
            for name in in_fixed_order(events[i].event for i in chosen)
        ]
        turns = zip_longest(*([group[place] for place in _spread(len(group), seed)] for group in groups))
        scored = [i for turn in turns for i in turn if i is not None]
        return scored + [i for i in by_score if math.isnan(events[i].score)]
    return sorted(chosen, key=lambda i: (events[i].frame, events[i].y, events[i].x, i))


def _spread(count: int, seed: int) -> list[int]:
    """Return all places below a number, each beginning of which is spread evenly: van der Corput's sequence, shifted."""
    bits = max(1, count - 1).bit_length()
    shift = random.Random(seed).randrange(1 << bits)
    places = [(int(f"{step:0{bits}b}"[::-1], 2) + shift) % (1 << bits) for step in range(1 << bits)]
    return [place for place in places if place < count]
