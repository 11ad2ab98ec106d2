"""Classifying only relevant windows, and encoding their frames once: the mode fast.

Nearly all windows contain no event. A :class:`~epifiji.engine.networks.dexnet.prefilter.Prefilter` processes whole
frames first, for a hundredth of the cost, and windows are classified only where it predicts any event. For networks
with classes that the prefilter does not know, every second place is classified first, and the places around it only if
an event is at all probable. Where the first member of an ensemble predicts nothing the others are not evaluated: the
mean of two would be at most a half, which is no event.

A window's frames are also those of its neighbours in time. Encoding a frame is nearly all of the work, so successive
windows at one place are normalised together, by the mean of their minima and of their maxima, and share their frames'
features: eight windows at steps of 2 frames need 24 encodings instead of 80. In the final classification only windows
share whose minima and maxima are nearly equal, as those of most neighbours are. Always sharing three, however
different, needed as many encodings and lost 9 of 80 events in real outlines of an eye disc instead of 4. The first pass
need not be so strict.

Two ideas were rejected. Encoding whole frames at once by the DeXNet's own convolutions is wrong, since each window's
zero padding reaches all of its features. Classifying only every second place of those that the prefilter selects saves
a tenth to a quarter, but loses events that a single window detects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from epifiji.data.progress import LOOKING, Report
from epifiji.engine.backend.devices import TENSORFLOW
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.networks.dexnet.prefilter import HALO_PX, REACH_FRAMES, Prefilter
from epifiji.engine.tiling.blocks import Probabilities, Strip
from epifiji.engine.tiling.windows import ROUNDING, Grid

LONGEST_RUN = 8
"""Most windows that are normalised together in the final classification."""

LARGEST_DIFFERENCE = 0.02
"""Largest difference of their minima, and of their maxima, as a fraction of the range between."""

TRAINING_RUN = 10
"""Windows per run, however different, if all are classified to train a prefilter: a few hundredths are irrelevant."""

LONGEST_GAP = 2
"""Windows between two runs that are classified too: nearly all of their frames are encoded anyway."""

PREFILTER_LEVEL = -0.5
"""Logit above which the prefilter selects a window. Events have a weight of 13 in its training, so this is a probability of 0.04.

In a crowded movie with 73 events and flickering spots, 2 were lost at 0, with nine tenths of the work, and none at
-0.5. In real outlines of an eye disc, whose cells move irregularly, 1 of 49 was lost at 0 and 10 at 0.7, with three
fifths of the work.
"""

FIRST_PASS_LEVEL = 0.02
"""Event probability above which the neighbours of a window of the first pass are classified."""

WINDOWS_AT_ONCE = 400
"""Approximate number of windows classified at once: limits the delay of a cancellation, and memory for their features."""


PREFILTERING = 0.3
"""Approximate share of the time that the prefilter takes."""


class Fast:
    """See :class:`epifiji.engine.tiling.blocks.BlockPredictor`."""

    frames_at_once = 24
    bytes_for_place = bytes_held = 0.0
    runtime = TENSORFLOW

    def __init__(self, classifier: Classifier, prefilter: Prefilter | None) -> None:
        self._classifier, self._prefilter = classifier, prefilter
        self.precision, self.prefiltered = classifier.precision, prefilter is not None
        description = classifier.description
        self.margin_frames = (
            max(0, REACH_FRAMES + 1 - min(description.frames_before, description.frames_after)) if prefilter else 0
        )
        self.margin_rows = max(0, HALO_PX - description.window_half_size_px) if prefilter else 0
        self.bytes_for_pixel = 16.0 if prefilter else 0.0

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Classify the relevant windows; the others get probability 1 of no event."""
        prefiltering = 0.0 if self._prefilter is None else PREFILTERING
        promising = self._promising(strip, lambda done: report(prefiltering * done, LOOKING))
        answers: list[np.ndarray] = []
        for member, grid in enumerate(grids):

            def report_done(done: float, member: int = member) -> None:
                report(prefiltering + (1 - prefiltering) * (member + done) / len(grids), LOOKING)

            windows = _Windows(strip, grid, member, self._classifier)
            answer, begun = windows.nothing(), 0.0
            chosen = np.ones(answer.shape[:-1], bool) if promising is None else self._chosen(promising, strip, grid)
            if answers:
                chosen &= near(_likely(answers[0]), grids[0], grid)
            elif promising is None:
                windows.classify(
                    _every_second(grid), len(grid.frames), np.inf, answer, lambda done: report_done(done / 2)
                )
                begun = 0.5
                if answer.size:
                    chosen = ndimage.maximum_filter(_likely(answer), (3, 3, 3))
            windows.classify(chosen, LONGEST_RUN, LARGEST_DIFFERENCE, answer, _beginning_at(begun, report_done))
            answers.append(answer)
        report(1, LOOKING)
        return answers

    def everywhere(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Classify all windows, in runs: the targets for the training of a prefilter."""
        answers = []
        for member, grid in enumerate(grids):
            windows = _Windows(strip, grid, member, self._classifier)
            chosen = np.ones((len(grid.frames), len(grid.ys), len(grid.xs)), bool)
            answers.append(
                windows.classify(chosen, TRAINING_RUN, np.inf, windows.nothing(), lambda done: report(done, LOOKING))
            )
        return answers

    def _promising(self, strip: Strip, report_done: Callable[[float], None]) -> np.ndarray | None:
        """Return the prefilter's prediction for the strip's frames, the maximum of each place and its neighbours."""
        if self._prefilter is None:
            return None
        highest: np.ndarray = ndimage.maximum_filter(self._prefilter(strip.pixels, report_done), (1, 3, 3))
        return highest

    def _chosen(self, promising: np.ndarray, strip: Strip, grid: Grid) -> np.ndarray:
        """Return for each window (frames, ys, xs) whether to classify it."""
        # The prefilter's prediction begins REACH_FRAMES after the strip's first frame.
        t = grid.frames - strip.first - REACH_FRAMES
        y, x = (grid.ys - strip.top) // STRIDE, grid.xs // STRIDE
        chosen: np.ndarray = promising[np.ix_(t, y, x)] > PREFILTER_LEVEL
        return chosen


def _beginning_at(begun: float, report_done: Callable[[float], None]) -> Callable[[float], None]:
    return lambda done: report_done(begun + (1 - begun) * done)


def _likely(answer: np.ndarray) -> np.ndarray:
    """Return where an event is at all probable (frames, ys, xs)."""
    return np.asarray(answer[..., 1:].sum(-1) > FIRST_PASS_LEVEL)


def near(likely: np.ndarray, first: Grid, grid: Grid) -> np.ndarray:
    """Return for each window of a grid (frames, ys, xs) whether a neighbour in another member's grid may contain an event.

    Windows beyond the outermost of the other grid, which continues in other blocks, are always included.
    """
    for axis, (known, places) in enumerate(
        zip((first.frames, first.ys, first.xs), (grid.frames, grid.ys, grid.xs), strict=True)
    ):
        adjacent = np.abs(places[:, None] - known) <= np.diff(known).max(initial=1)
        likely = np.moveaxis(np.tensordot(adjacent, likely, (1, axis)), 0, axis)
        beyond = (places < known.min(initial=places.max(initial=0) + 1)) | (places > known.max(initial=-1))
        likely |= np.expand_dims(beyond, [other for other in range(3) if other != axis])
    return likely


def _every_second(grid: Grid) -> np.ndarray:
    """Choose every second row and column of windows (frames, ys, xs), and the last."""
    chosen = np.zeros((len(grid.frames), len(grid.ys), len(grid.xs)), bool)
    rows, columns = (np.unique([*range(0, n, 2), n - 1]) for n in chosen.shape[1:])
    chosen[:, rows[:, None], columns] = True
    return chosen


@dataclass(frozen=True)
class _Windows:
    """The windows of one member in a strip."""

    strip: Strip
    grid: Grid
    member: int
    classifier: Classifier

    def nothing(self) -> np.ndarray:
        """Return probabilities (frames, ys, xs, classes) that no window contains an event."""
        grid, classes = self.grid, len(self.classifier.description.classes)
        answer = np.zeros((len(grid.frames), len(grid.ys), len(grid.xs), classes), np.float32)
        answer[..., 0] = 1
        return answer

    def classify(
        self,
        chosen: np.ndarray,
        longest: int,
        tolerance: float,
        answer: np.ndarray,
        report_done: Callable[[float], None],
    ) -> np.ndarray:
        """Write the probabilities of chosen windows (frames, ys, xs) into `answer`, and return it.

        At most `longest` windows are normalised together, if they differ by at most `tolerance` (see
        :func:`groups_of`).
        """
        runs = runs_of(chosen, longest)
        batch = max(1, WINDOWS_AT_ONCE // longest)
        for at in range(0, len(runs), batch):
            self._classify_runs(runs[at : at + batch], tolerance, answer)
            report_done(min(1.0, (at + batch) / len(runs)))
        return answer

    def _classify_runs(self, runs: np.ndarray, tolerance: float, answer: np.ndarray) -> None:
        """Classify runs (n, 4): first window in time, number of windows, index of y, index of x."""
        description, grid = self.classifier.description, self.grid
        half, length = description.window_half_size_px, description.window_frames
        side = description.window_size_px
        views = np.lib.stride_tricks.sliding_window_view(self.strip.pixels, (side, side), axis=(1, 2))
        begin = grid.frames - description.frames_before - self.strip.first
        crops, places, taken = [], [], 0
        for first, count, row, column in runs.tolist():
            starts = begin[first : first + count]
            seen = views[starts[0] : starts[-1] + length, grid.ys[row] - self.strip.top - half, grid.xs[column] - half]
            starts = starts - starts[0]
            least, greatest = extremes(seen, starts, length)
            for group in groups_of(least, greatest, tolerance):
                within = starts[group]
                frames = seen[within[0] : within[-1] + length]
                crops.append(normalised_together(frames, least[group], greatest[group]))
                places.append(taken + within - within[0])
                taken += len(frames)
        features = self.classifier.encode(self.member, np.concatenate(crops))
        frames = np.concatenate(places)[:, None] + np.arange(length)
        found = self.classifier.classify_features(self.member, features[frames])
        counts = runs[:, 1]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        first, row, column = (np.repeat(runs[:, i], counts) for i in (0, 2, 3))
        answer[first + within, row, column] = found


def extremes(frames: np.ndarray, starts: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the minimum and the maximum of each of the windows of a place's frames (n, side, side), float64."""
    windows = starts[:, None] + np.arange(length)
    least, greatest = frames.min(axis=(1, 2)), frames.max(axis=(1, 2))
    return least[windows].min(1).astype(np.float64), greatest[windows].max(1).astype(np.float64)


def groups_of(least: np.ndarray, greatest: np.ndarray, tolerance: float) -> list[slice]:
    """Divide successive windows into groups whose minima and maxima differ by at most `tolerance` of their mean span."""
    cuts = [0]
    for stop in range(1, len(least)):
        low, high = least[cuts[-1] : stop + 1], greatest[cuts[-1] : stop + 1]
        # The margin prevents rounding from deciding.
        if np.isfinite(tolerance) and max(np.ptp(low), np.ptp(high)) > 1.00001 * tolerance * (high - low).mean():
            cuts.append(stop)
    return [slice(a, b) for a, b in pairwise([*cuts, len(least)])]


def normalised_together(frames: np.ndarray, least: np.ndarray, greatest: np.ndarray) -> np.ndarray:
    """Scale the frames (n, side, side) of windows with these minima and maxima to 0–255, uint8, all by the same factors.

    0 and 255 are the means of the minima and maxima; values beyond are clipped.
    """
    low = least.mean()
    span = greatest.mean() - low
    scaled = (frames.astype(np.float64) - low) * (255 / (span or 1))
    normalised: np.ndarray = np.clip(scaled + ROUNDING, 0, 255).astype(np.uint8)
    return normalised


def runs_of(chosen: np.ndarray, longest: int) -> np.ndarray:
    """Divide the chosen windows (frames, ys, xs) at each place into runs of at most `longest` successive windows.

    Gaps of at most `LONGEST_GAP` windows are filled.

    Returns
    -------
    (n, 4): first window in time, number of windows, index of y, index of x.
    """
    if not chosen.any():
        return np.empty((0, 4), int)
    rows, columns = np.nonzero(chosen.any(0))
    along = chosen[:, rows, columns].T
    along = ndimage.binary_closing(
        np.pad(along, ((0, 0), (LONGEST_GAP, LONGEST_GAP))), np.ones((1, LONGEST_GAP + 1), bool)
    )[:, LONGEST_GAP:-LONGEST_GAP]
    edges = np.diff(np.pad(along, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    place, first = np.nonzero(edges == 1)
    _, end = np.nonzero(edges == -1)
    runs = []
    for p, begin, stop in zip(place.tolist(), first.tolist(), end.tolist(), strict=True):
        pieces = -(-(stop - begin) // longest)
        cuts = np.linspace(begin, stop, pieces + 1).round().astype(int).tolist()
        runs += [(a, b - a, rows[p], columns[p]) for a, b in pairwise(cuts)]
    return np.array(runs, int)
