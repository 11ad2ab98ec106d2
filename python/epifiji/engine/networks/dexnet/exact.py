"""Classifying every window independently, as in training: the modes exact and compatible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from epifiji.data.progress import LOOKING, Report
from epifiji.engine.backend.devices import TENSORFLOW
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.blocks import Probabilities, Strip
from epifiji.engine.tiling.windows import Grid, cut_windows, normalised


class ExactPredictor:
    """Predicts every window independently (see :class:`~epifiji.engine.tiling.blocks.BlockPredictor`).

    `lift` is that of :func:`~epifiji.engine.tiling.windows.normalised`.
    """

    frames_at_once = 24
    margin_frames = margin_rows = 0
    bytes_for_pixel = bytes_for_place = bytes_held = 0.0
    precision, prefiltered, runtime = "float32", False, TENSORFLOW

    def __init__(self, classifier: Classifier, lift: float = 0.0) -> None:
        self._classifier, self._lift = classifier, lift

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Classify the windows member by member, for each by frame, y and x."""
        description, batch = self._classifier.description, self._classifier.batch
        half, before, length = description.window_half_size_px, description.frames_before, description.window_frames
        done, total = 0, max(1, sum(grid.size for grid in grids))
        answers = []
        for member, grid in enumerate(grids):
            placed = Grid(grid.frames, grid.ys - strip.top, grid.xs)
            parts = [np.empty((0, len(description.classes)), np.float32)]
            for centre in grid.frames:
                first = int(centre) - before - strip.first
                cut = cut_windows(strip.pixels[first : first + length], placed, half, batch)
                for windows in ahead(normalised(one, self._lift) for one in cut):
                    parts.append(self._classifier(member, windows))
                    done += len(windows)
                    report(done / total, LOOKING)
            shape = len(grid.frames), len(grid.ys), len(grid.xs), len(description.classes)
            answers.append(np.concatenate(parts).reshape(shape))
        return answers


def ahead(values: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Compute each value while the previous one is used, so that a GPU need not wait for its windows."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, values, None)
        while (value := coming.result()) is not None:
            coming = maker.submit(next, values, None)
            yield value
