"""A person's review of detected events: what was decided, in which order, and how to take it back.

A review is its events and the list of what was done to them; everything else follows by doing it again. So undoing takes away
the last thing done, to any depth, also after a review was read from its file.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event

Decision = Literal["", "keep", "reject", "skip"]
Order = Literal["time", "score", "random"]

DECISIONS: tuple[Decision, ...] = ("keep", "reject", "skip")
Z_95 = 1.959963984540054
"""Quantile of the normal distribution at 0.975."""


@dataclass(frozen=True)
class Action:
    """One thing that was done.

    Parameters
    ----------
    item
        Which event it was done to, from 0.
    what
        ``keep``, ``reject``, ``skip``, ``class``, ``move`` or ``add``.
    event
        The event as it is afterwards, for ``class``, ``move`` and ``add``.
    seconds
        How long it took since the thing before.
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
        The event as it is now, with corrected class and position.
    decision
        What was decided; empty while nothing was. An added event is kept.
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
        """Whether it was detected, kept, and has the class that was detected."""
        return self.detected is not None and self.decision == "keep" and self.event.event == self.detected.event


@dataclass(frozen=True)
class Precision:
    """How many of the judged events were right, with a 95 % interval (Wilson's score interval); None before the first."""

    correct: int
    judged: int

    @property
    def value(self) -> float | None:
        """The fraction that was right."""
        return self.correct / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper end, 0–1; see :func:`wilson`."""
        return wilson(self.correct / self.judged, self.judged) if self.judged else None


def wilson(fraction: float, judged: float) -> tuple[float, float]:
    """Give the 95 % interval of a fraction of `judged` events, above 0 (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927).

    The number may be an effective one that is no integer, which :func:`scipy.stats.binomtest` does not take.
    """
    z2 = Z_95**2
    middle = (fraction + z2 / (2 * judged)) / (1 + z2 / judged)
    half = Z_95 / (1 + z2 / judged) * math.sqrt(fraction * (1 - fraction) / judged + z2 / (4 * judged**2))
    # The fraction lies within it; so rounding cannot move the ends away from 0 and 1.
    return max(0.0, min(fraction, middle - half)), min(1.0, max(fraction, middle + half))


class Review:
    """Events, and what a person decided about them.

    Parameters
    ----------
    events
        As they were detected.
    actions
        What was done already, in order.

    Raises
    ------
    WrongInputError
        Where an action does not fit the events.
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
        """How many of the detected events have a decision."""
        return self._decided

    def event(self, item: int) -> Event:
        """Give one event as it is now, without a copy of all as `items` is one.

        Raises
        ------
        IndexError
            Where there is no such event.
        """
        return self._items[item].event

    def do(self, action: Action) -> None:
        """Do something to an event; see :class:`Action`.

        Raises
        ------
        WrongInputError
            Where there is no such event or no such action.
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
        """Take the last thing back; give the event that it was done to, or None where there is nothing to take back."""
        if not self.actions:
            return None
        action, before = self.actions.pop(), self._before.pop()
        if before is None:
            self._items.pop()
        else:
            self._put(action.item, before)
        return action.item

    def _put(self, index: int, item: Item) -> None:
        """Put an event in the place of its earlier state, and keep the counts."""
        for state, step in ((self._items[index], -1), (item, 1)):
            if state.detected is not None:
                self._decided += step * bool(state.decision)
                self._judged += step * state.judged
                self._correct += step * state.correct
        self._items[index] = item

    def precision(self, event: str | None = None) -> Precision:
        """Give the precision of the events judged so far: of one detected class, or of all."""
        if event is None:
            return Precision(self._correct, self._judged)
        judged = [item for item in self._items if item.judged and item.detected and item.detected.event == event]
        return Precision(sum(item.correct for item in judged), len(judged))

    def kept(self) -> list[Event]:
        """Give the kept events, corrected, and the added ones."""
        return [item.event for item in self._items if item.decision == "keep"]

    def rejected(self) -> list[Event]:
        """Give the rejected events as they were detected."""
        return [item.detected for item in self._items if item.decision == "reject" and item.detected is not None]


def _after(item: Item, action: Action) -> Item:
    seconds = item.seconds + action.seconds
    if action.event is None:
        for decision in DECISIONS:
            if action.what == decision:
                return replace(item, decision=decision, seconds=seconds)
    # Each changes what it names and nothing else, because its line in the review's file says no more.
    if action.what == "class" and action.event is not None:
        return replace(item, event=replace(item.event, event=action.event.event), seconds=seconds)
    if action.what == "move" and action.event is not None:
        there = action.event
        return replace(item, event=replace(item.event, frame=there.frame, y=there.y, x=there.x), seconds=seconds)
    raise WrongInputError(
        f"{action.what!r} was to be done in a review, but {', '.join(DECISIONS)}, class, move or add can be."
    )


def order_of(review: Review, order: Order, classes: Iterable[str] | None = None, seed: int = 1) -> list[int]:
    """Give the order in which to look at the items of a review, the same before and after it was interrupted.

    So it goes by what was detected, and not by places and classes as they were corrected; events that were added come where
    they belong in time, at the end of any other order. An event is looked at where it has, or had, one of the `classes`.
    """
    wanted = None if classes is None else set(classes)
    chosen = presented(review.detected, order, None, seed)
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
    """Give the place in `order` at which a review stands: that of the next event to decide after the one that was last worked on.

    An event of which only class or place were changed is the next itself. What was left open before comes after the last
    event; where nothing is open it is the place of the event that was last worked on.
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


def presented(events: Sequence[Event], order: Order, classes: Iterable[str] | None = None, seed: int = 1) -> list[int]:
    """Give the order in which to look at events: their places in `events`.

    Parameters
    ----------
    events
        All events.
    order
        By ``time``, by ``score`` (the least sure first, those without a score at the end) or ``random``.
    classes
        Those to look at. Default: all.
    seed
        Of the random order.
    """
    wanted = None if classes is None else set(classes)
    chosen = [i for i, event in enumerate(events) if wanted is None or event.event in wanted]
    if order == "random":
        random.Random(seed).shuffle(chosen)
        return chosen
    if order == "score":
        return sorted(chosen, key=lambda i: (math.isnan(events[i].score), events[i].score, events[i].frame, i))
    return sorted(chosen, key=lambda i: (events[i].frame, events[i].y, events[i].x, i))
