"""Tiles of images that a U-Net for cells is trained on, with their targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.label_images import at_outlines
from epifiji.data.labelled import TrainingField
from epifiji.data.settings.training import OF_MOVIES, ZOOM
from epifiji.engine.training.augmentation import changed, turned

MARGIN_PX = 24
"""Pixels around a tile from which its targets are computed too: about a cell, so that distances are those of whole cells."""

LARGEST_ZOOM = 0.3
"""Largest logarithm of the factor by which the scale is changed; the estimated diameter of cells may be as wrong."""


@dataclass(frozen=True)
class Tiles:
    """Tiles and their targets.

    Parameters
    ----------
    images
        (n, Y, X), float32.
    targets
        (n, Y, X, outputs), float32, as the family's function makes them of labels.
    counted
        (n, Y, X), float32: 1 where it is known what is there, else 0.
    """

    images: np.ndarray
    targets: np.ndarray
    counted: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """See :class:`epifiji.engine.training.trainer.Arrays`."""
        return self.images, self.targets, self.counted


class TileSampler:
    """Draws tiles around annotated places; fields are drawn as often as their annotated area is large.

    Parameters
    ----------
    fields
        At the network's scale.
    side_px
        Side of a tile.
    random
        All choices depend on it.
    without
        Augmentations that are left out.
    targets_of
        Makes the targets (Y, X, outputs), float32, of labels (Y, X) and of the pixels that touch one of another label.
    count
        Number of tiles of a part.
    """

    def __init__(
        self,
        fields: Sequence[TrainingField],
        side_px: int,
        random: np.random.Generator,
        without: frozenset[str],
        targets_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
        count: int = 4,
    ) -> None:
        self._fields, self._side, self._random, self._without = fields, side_px, random, without | OF_MOVIES
        self._targets_of, self._count = targets_of, count
        self._places = [np.flatnonzero(field.known).astype(np.int32) for field in fields]
        areas = np.array([len(places) for places in self._places], float)
        self._shares = areas / areas.sum()

    def reseed(self, random: np.random.Generator) -> None:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        self._random = random

    def draw(self) -> Tiles:
        """See :class:`epifiji.engine.training.mixing.Draws`."""
        drawn = [self._tile() for _ in range(self._count)]
        return Tiles(*(np.stack(arrays) for arrays in zip(*drawn, strict=True)))

    def _tile(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        random = self._random
        number = int(random.choice(len(self._fields), p=self._shares))
        field = self._fields[number]
        places = self._places[number]
        centre = np.array(np.unravel_index(places[random.integers(len(places))], field.labels.shape))
        # A place near the middle of the tile, so that places at the edge of a field are not always central.
        centre = centre + random.integers(-self._side // 4, self._side // 4 + 1, 2)
        factor = 1.0 if ZOOM in self._without else float(np.exp(random.uniform(-LARGEST_ZOOM, LARGEST_ZOOM)))
        pixels, labels, known = _window(field, centre, self._side + 2 * MARGIN_PX, factor)
        # Targets are made of turned labels, because some are directions.
        arrays = turned((pixels[None], labels[None], known[None]), random, self._without)
        pixels, labels, known = (one[0] for one in arrays)
        targets = self._targets_of(labels, at_outlines(labels))
        inside = np.s_[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        image = changed(pixels[inside][None], random, self._without)[0]
        return image, targets[inside], known[inside].astype(np.float32)


def _window(
    field: TrainingField, centre: np.ndarray, side: int, factor: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a square out of a field, `factor` times as large; outside, the last pixels are repeated and nothing is known."""
    from scipy import ndimage

    shape = np.array(field.labels.shape)
    rows, columns = (centre[axis] + (np.arange(side) - (side - 1) / 2) / factor for axis in (0, 1))
    nearest = [np.rint(places).astype(int) for places in (rows, columns)]
    inside = [(places >= 0) & (places < size) for places, size in zip(nearest, shape, strict=True)]
    there = np.ix_(*(places.clip(0, size - 1) for places, size in zip(nearest, shape, strict=True)))
    known = field.known[there] & inside[0][:, None] & inside[1][None, :]
    if factor == 1:
        return field.pixels[there], field.labels[there], known
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    pixels = ndimage.map_coordinates(field.pixels, grid, order=1, mode="nearest")
    return pixels.astype(np.float32), field.labels[there], known
