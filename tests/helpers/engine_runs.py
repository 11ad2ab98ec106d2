"""The engine without files and jobs, for comparisons in tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from epifiji.data.movie import Movie
from epifiji.data.progress import Report, silent
from epifiji.engine.networks.dexnet.exact import ExactPredictor
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.blocks import BlockPredictor, divide, read_strip
from epifiji.engine.tiling.maps import Arithmetic, map_frames


def maps_of(
    movie: Movie,
    classifier: Classifier,
    arithmetic: Arithmetic,
    rows: int = 10_000,
    predictor: BlockPredictor | None = None,
    report: Report = silent,
) -> Iterator[np.ndarray]:
    """Return the maps of a movie frame by frame, from blocks with at most this number of rows."""
    predictor = predictor or ExactPredictor(classifier)
    blocks = divide(arithmetic.grids, movie.shape, predictor.frames_at_once, rows)

    def answers() -> Iterator[list[np.ndarray]]:
        for number, block in enumerate(blocks):
            yield predictor(
                read_strip(movie, block, classifier.description, predictor),
                [block.of(grid) for grid in arithmetic.grids],
                lambda done, doing, number=number: report((number + done) / len(blocks), doing),
            )

    return map_frames(movie.shape, arithmetic, blocks, answers())
