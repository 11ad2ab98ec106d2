"""A complete check of boxes in place and time, drawn at random: in each of them a person marks every event, found or not.

The movie is divided into boxes of about the same size, so that every event lies in exactly one and has the same chance to be
checked. A detected event is in the box in which its ring is; a missed one in that of its place.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from epifiji.data.errors import WrongInputError
from epifiji.data.evaluation import Counts, Interval, in_words, pooled
from epifiji.data.events import Event, in_fixed_order
from epifiji.data.review import Item, Review

MOST_BOXES = 100_000
"""Most boxes into which a movie is divided."""

ALL = "all"
"""Name of all classes together."""


@dataclass(frozen=True)
class Box:
    """A box in place and time: first and last frame, row and column, from 0; the last are not part of it."""

    frames: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]

    def holds(self, event: Event, shape: tuple[int, int, int]) -> bool:
        """Return whether an event of a movie (T, Y, X) is in the box; one beyond the movie's edge is at the edge."""
        place = event.frame, event.y, event.x
        return all(
            first <= min(max(0, int(where + 0.5)), side - 1) < end
            for where, side, (first, end) in zip(place, shape, (self.frames, self.rows, self.columns), strict=True)
        )

    def ends(self) -> dict[str, list[int]]:
        """Return the first and the last of its ``frames`` (from 1), ``y`` and ``x``, as files, tables and windows have them."""
        (first, end), (top, bottom), (left, right) = self.frames, self.rows, self.columns
        return {"frames": [first + 1, end], "y": [top, bottom - 1], "x": [left, right - 1]}


@dataclass(frozen=True)
class Drawn:
    """A box that was drawn.

    Parameters
    ----------
    box
        The box.
    marked
        Whether the person said that every event in it is marked.
    seconds
        Time that this took.
    """

    box: Box
    marked: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Check:
    """The boxes of a complete check.

    Parameters
    ----------
    shape
        (T, Y, X) of the movie.
    parts
        Numbers of boxes into which time, rows and columns are divided.
    seed
        Of the draw.
    drawn
        The boxes, in the order in which they were drawn.
    """

    shape: tuple[int, int, int]
    parts: tuple[int, int, int]
    seed: int
    drawn: tuple[Drawn, ...] = ()

    @classmethod
    def of(cls, shape: tuple[int, int, int], size: tuple[float, float, float], seed: int) -> Check:
        """Divide a movie (T, Y, X) into boxes of about a size in frames and pixels, none of which is drawn yet.

        Raises
        ------
        WrongInputError
            If these are more than `MOST_BOXES`.
        """
        parts = [min(side, max(1, round(side / length))) for side, length in zip(shape, size, strict=True)]
        check = cls(shape, (parts[0], parts[1], parts[2]), seed)
        if check.boxes_in_all > MOST_BOXES:
            raise WrongInputError(
                f"Boxes of {size[0]:g} frames and {size[1]:g} x {size[2]:g} px divide the movie into {check.boxes_in_all}, "
                f"but at most {MOST_BOXES} are possible: make --box-side or --box-frames larger."
            )
        return check

    @property
    def boxes_in_all(self) -> int:
        """Number of boxes into which the movie is divided."""
        return self.parts[0] * self.parts[1] * self.parts[2]

    def all_boxes(self) -> list[Box]:
        """Return all boxes of the movie."""
        ends = [
            [(side * part // parts, side * (part + 1) // parts) for part in range(parts)]
            for side, parts in zip(self.shape, self.parts, strict=True)
        ]
        return [Box(*one) for one in product(*ends)]

    def draw(self, boxes: int) -> Check:
        """Return the check with so many boxes, or with all of the movie; those that were drawn before stay."""
        if boxes <= len(self.drawn):
            return self
        order = self.all_boxes()
        random.Random(self.seed).shuffle(order)
        known = {one.box for one in self.drawn}
        new = [box for box in order if box not in known][: boxes - len(self.drawn)]
        return replace(self, drawn=(*self.drawn, *map(Drawn, new)))

    def mark(self, number: int, marked: bool = True, seconds: float = 0.0) -> Check:
        """Return the check in which every event in a box, by its number from 1, is marked, or not.

        Raises
        ------
        WrongInputError
            If there is no such box.
        """
        if not 1 <= number <= len(self.drawn):
            raise WrongInputError(
                f"Box {number} was to be marked, but boxes 1 to {len(self.drawn)} were drawn: check the number, or draw more."
            )
        drawn = list(self.drawn)
        drawn[number - 1] = replace(drawn[number - 1], marked=marked, seconds=drawn[number - 1].seconds + seconds)
        return replace(self, drawn=tuple(drawn))


def items_in(box: Box, review: Review, shape: tuple[int, int, int]) -> list[Item]:
    """Return the events of a review, detected and added, that are in a box."""
    return [item for item in review.items if box.holds(item.event, shape)]


def open_in(items: Iterable[Item]) -> int:
    """Return how many of some events still need a decision; skipped ones do."""
    return sum(item.decision not in ("keep", "reject") for item in items)


def counts_in(items: Sequence[Item], event: str | None = None) -> Counts:
    """Count right, false and missed events of a class, or of all, among decided ones.

    An event with a corrected class is false for the class that was detected, and missed for the right one.
    """
    judged = [item for item in items if item.judged and item.detected is not None]
    of_class = [item for item in judged if item.detected is not None and event in (None, item.detected.event)]
    right = sum(item.correct for item in of_class)
    missed = sum(item.decision == "keep" and not item.correct and event in (None, item.event.event) for item in items)
    return Counts(right, len(of_class) - right, missed)


def classes_of(review: Review) -> tuple[str, ...]:
    """Return the classes of a review's events, detected and corrected, in fixed order."""
    return in_fixed_order(
        event.event for item in review.items for event in (item.detected, item.event) if event is not None
    )


@dataclass(frozen=True)
class CheckedScores:
    """What complete boxes let conclude about all events of a class.

    Parameters
    ----------
    event
        The class, or `ALL`.
    boxes
        Right, false and missed events in each complete box.
    precision, recall, f1
        Scores of all events of the movie, with 95 % intervals.
    """

    event: str
    boxes: tuple[Counts, ...]
    precision: Interval
    recall: Interval
    f1: Interval

    @property
    def counts(self) -> Counts:
        """Events in all complete boxes."""
        return pooled(self.boxes)

    def in_words(self) -> str:
        """Say what was found, and the scores."""
        count, boxes = self.counts, len(self.boxes)
        there = count.true_positives + count.false_negatives
        named = "" if self.event == ALL else f"{self.event}: "
        what = f"{named}In {boxes} box{'' if boxes == 1 else 'es'} all events were marked: "
        if not there:
            return f"{what}there were none, so recall is not known yet."
        return (
            f"{what}{count.true_positives} of {there} had been found, recall {in_words(self.recall)}; "
            f"{count.true_positives} of {count.true_positives + count.false_positives} finds were right, "
            f"precision {in_words(self.precision)}."
        )
