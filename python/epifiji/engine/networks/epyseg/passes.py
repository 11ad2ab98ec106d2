"""EPySeg's predictions of an image: tile by tile, once or averaged over changed images (its "high quality predictions")."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from epifiji.data.linknet import MAPS
from epifiji.engine.networks.epyseg.tiles import Tiling, scaled

Change = Callable[[np.ndarray], np.ndarray]

PERCENTILES = ((0.9, 98), (5, 95))
"""Between which the contrast is stretched in two of the passes."""


def predict_maps(model: Change, image: np.ndarray, averaged: bool) -> np.ndarray:
    """Predict the maps of an image of any size.

    Parameters
    ----------
    model
        Predicts tiles: (n, Y, X), float32, to (n, Y, X, 7), float32 from 0 to 1.
    image
        (Y, X), real and finite, with bright borders.
    averaged
        Whether to average the maps of the image, of its seven rotations and reflections (three where tiles are not
        square), and of five images with other contrast. This takes 13 times as long; EPySeg does so by default.

    Returns
    -------
    numpy.ndarray
        (Y, X, 7), float32.
    """
    pixels = scaled(image)
    tiling = Tiling((pixels.shape[0], pixels.shape[1]))
    changes = [*_symmetries(tiling), *((change, _same) for change in _contrasts(pixels, tiling))] if averaged else []
    maps = np.empty((*pixels.shape, len(MAPS)), np.float32)
    for tile in tiling:
        cut = tiling.cut(pixels, tile)
        total = model(cut[None])[0]
        for change, undo in changes:
            total = total + undo(model(np.ascontiguousarray(change(cut))[None])[0])
        tiling.place(maps, tile, total / np.float32(1 + len(changes)))
    return maps


def _same(values: np.ndarray) -> np.ndarray:
    return values


def _symmetries(tiling: Tiling) -> Iterator[tuple[Change, Change]]:
    """Yield rotations and reflections of a tile, and how to return its maps, in EPySeg's order."""
    turns = ((1, None), (1, 1), (1, 0), (3, None)) if len(set(tiling.tile_shape)) == 1 else ()
    for turn, axis in (*turns, (2, None), (0, 1), (0, 0)):

        def change(values: np.ndarray, turn: int = turn, axis: int | None = axis) -> np.ndarray:
            turned = np.rot90(values, turn)
            return turned if axis is None else np.flip(turned, axis)

        def undo(values: np.ndarray, turn: int = turn, axis: int | None = axis) -> np.ndarray:
            return np.rot90(values if axis is None else np.flip(values, axis), -turn)

        yield change, undo


def _contrasts(pixels: np.ndarray, tiling: Tiling) -> list[Change]:
    """Return the changes of contrast, in EPySeg's order; percentiles are those of all tiles together."""
    from skimage import exposure

    everything = np.stack([tiling.cut(pixels, tile) for tile in tiling])
    ranges = [tuple(np.percentile(everything, limits)) for limits in PERCENTILES]
    return [
        lambda values: exposure.rescale_intensity(values, in_range=ranges[0]),
        lambda values: exposure.rescale_intensity(values, in_range=ranges[1]),
        lambda values: exposure.adjust_gamma(values, gamma=0.8, gain=0.9),
        exposure.adjust_log,
        lambda values: exposure.adjust_sigmoid(values, gain=5),
    ]
