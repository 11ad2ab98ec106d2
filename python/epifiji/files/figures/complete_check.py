"""A complete check as PNG: where and when the boxes are, and the scores with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epifiji.data.complete_check import ALL, Box, CheckedScores
from epifiji.files.figures.curves import SCORE_COLOURS
from epifiji.files.figures.look import DARK
from epifiji.files.figures.overlay import FOREGROUND
from epifiji.files.figures.plots import class_colour, class_name, new_panels

COMPLETE, OPEN = "#ffd34d", "#8a919e"
SCORES = ("precision", "recall", "f1")
CONTRAST = (1.0, 99.7)


def draw_complete_check(
    path: Path,
    shape: tuple[int, int, int],
    boxes: Sequence[tuple[int, Box, bool]],
    scores: Sequence[CheckedScores],
    frame: np.ndarray | None,
) -> None:
    """Draw the boxes on a frame and over time, and the scores of each class.

    Parameters
    ----------
    path
        A PNG to write.
    shape
        (T, Y, X) of the movie.
    boxes
        Number of each box, the box, and whether it is complete.
    scores
        Of the classes, and of all.
    frame
        A frame of the movie, (Y, X); None if it was not found.
    """
    from matplotlib.patches import Rectangle

    figure, (place, time, found) = new_panels(3, scores[-1].in_words())
    _, height, width = shape
    if frame is not None:
        low, high = np.percentile(frame, CONTRAST)
        place.imshow(frame, cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
    place.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), aspect="equal", xlabel="x (px)", ylabel="y (px)")
    place.set_title("where", color=FOREGROUND, fontsize=10)
    place.grid(visible=False)
    time.set_title("when", color=FOREGROUND, fontsize=10)
    for number, box, is_complete in boxes:
        colour = COMPLETE if is_complete else OPEN
        (top, bottom), (left, right) = box.rows, box.columns
        place.add_patch(Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, ec=colour, lw=1.6))
        # Boxes at the same place and other times have their numbers beside each other.
        before = sum(other.rows == box.rows and other.columns == box.columns for _, other, _ in boxes[: number - 1])
        at = left + (0.02 + 0.045 * before) * width, top + 0.02 * height
        place.text(*at, str(number), color=colour, va="top", fontsize=9)
        first, end = box.frames
        time.barh(number, end - first, left=first + 0.5, height=0.6, color=colour)
    time.set(xlim=(0.5, shape[0] + 0.5), ylim=(len(boxes) + 0.6, 0.4), xlabel="frame", ylabel="box")
    time.yaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    _draw_scores(found, scores)
    DARK.save(figure, path)


def _draw_scores(axes: object, scores: Sequence[CheckedScores]) -> None:
    """Draw a row for each class and score, with its interval."""
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    names = [one.event for one in scores if one.event != ALL]
    rows = [(one, name) for one in scores for name in SCORES]
    for row, (one, name) in enumerate(rows):
        interval = getattr(one, name)
        if interval.value is not None:
            axes.plot((interval.low, interval.high), (row, row), color=SCORE_COLOURS[name], lw=2)
            axes.plot(interval.value, row, "o", color=SCORE_COLOURS[name], ms=5)
    for place, one in enumerate(scores):
        colour = FOREGROUND if one.event == ALL else class_colour(one.event, names)
        axes.text(0.01, 3 * place - 0.38, class_name(one.event), color=colour, fontsize=9, va="bottom")
    axes.set_yticks(range(len(rows)), ["F1" if name == "f1" else name for _, name in rows])
    axes.set(xlim=(0, 1.02), ylim=(len(rows) - 0.4, -1.0), xlabel="score, with 95 % interval")
    axes.set_title("what they show", color=FOREGROUND, fontsize=10)
