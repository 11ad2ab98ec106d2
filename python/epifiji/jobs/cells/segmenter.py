"""The segmenter of frames: a network, the scale of the cells, and how they are separated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.progress import Report, silent
from epifiji.data.settings.detection import BASE_MEGABYTES
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.cells.scale import Scale, Seen, estimate_scale, resized
from epifiji.engine.networks.families import cell_family_of
from epifiji.engine.tiling.levels import levelled
from epifiji.jobs.networks import loaded_for_cells

SEGMENTING = "segmenting cells"

SEPARATION_BYTES = 140
"""Approximate memory for a pixel of a frame whose cells are separated."""

SCALED_BYTES = 40
"""The same for a pixel of the frame at the network's scale: levels, padded levels and maps."""

LEAST_MEGABYTES = 300
"""Least memory for the network's predictions."""


class Segmenter:
    """Segments frames, or parts of frames, whose cells are of one size.

    Parameters
    ----------
    network
        The network.
    scale
        Diameter of the cells in pixels, and whether borders are darker than cells.
    settings
        Those of the separation, and the device.
    loaded
        The network as loaded by its family, if it is at hand.
    """

    def __init__(
        self, network: CellNetwork, scale: Scale, settings: SegmentationSettings, loaded: Any | None = None
    ) -> None:
        self.network, self.scale, self.settings = network, scale, settings
        self._family = cell_family_of(network.description)
        self._loaded = loaded_for_cells(network, settings.device) if loaded is None else loaded

    @property
    def runtime(self) -> str:
        """What computes the network, such as ``ONNX Runtime``."""
        return str(self._loaded.runtime)

    def __call__(self, frame: np.ndarray, report: Report = silent) -> CellMaps:
        """Segment a frame (Y, X) of any real dtype, with finite pixels; `report` may raise to cancel."""
        report(0, SEGMENTING)
        maps = self.maps(frame)
        report(0.5, SEGMENTING)
        return self.separate(maps)

    def __reduce__(self) -> tuple[Any, ...]:
        """Load the network again in another process."""
        return Segmenter, (self.network, self.scale, self.settings)

    def maps(self, frame: np.ndarray) -> np.ndarray:
        """Predict the network's outputs at the frame's own size: (Y, X, outputs), float32."""
        mean = self.network_maps(frame)
        if mean.shape[:2] == frame.shape:
            return mean
        maps = np.empty((*frame.shape, mean.shape[-1]), np.float32)
        for n in range(mean.shape[-1]):
            maps[..., n] = resized(mean[..., n], frame.shape)
        return maps

    def network_maps(self, frame: np.ndarray) -> np.ndarray:
        """Predict the network's outputs at its own scale."""
        megabytes = self.require_memory(frame.shape)
        maps: np.ndarray = self._family.maps(self._loaded, self._scaled(frame), self.settings.flips, megabytes)
        return maps

    def _scaled(self, frame: np.ndarray) -> np.ndarray:
        """Return a frame at the network's scale, with bright borders, float64."""
        pixels = levelled(Movie(frame[None])).frames(0, 1)[0].astype(np.float64)
        if self.scale.dark:
            np.negative(pixels, out=pixels)
        return resized(pixels, self._size(frame.shape))

    def separate(self, maps: np.ndarray, diameter_px: float | None = None) -> CellMaps:
        """Separate the cells of maps; `diameter_px` is that of cells in pixels of the maps. Default: of the frame."""
        described = self.network.description
        return self._family.separate(maps, described, diameter_px or self.scale.diameter_px, self.settings)

    def require_memory(self, shape: tuple[int, ...]) -> float:
        """Return the megabytes that are left for the network if it segments frames (Y, X).

        Raises
        ------
        WrongInputError
            If the frames need more memory than the settings allow.
        """
        height, width = shape
        pixels, scaled = height * width / 1e6, math.prod(self._size(shape)) / 1e6
        left = self.settings.memory - BASE_MEGABYTES - SCALED_BYTES * scaled
        needed = BASE_MEGABYTES + max(SEPARATION_BYTES * pixels, SCALED_BYTES * scaled + LEAST_MEGABYTES)
        if needed > self.settings.memory:
            raise WrongInputError(
                f"Frames of {height} x {width} pixels (Y, X) with cells of {self.scale.diameter_px:g} px need about "
                f"{needed:.0f} MB, but --memory is {self.settings.memory}: specify --memory {math.ceil(needed / 100) * 100} if "
                "the computer has as much, check --cell-diameter, or crop the image."
            )
        return left

    def _size(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        described = self.network.description
        factor = described.cell_diameter_px / self.scale.diameter_px if described.rescales else 1.0
        return tuple(max(1, round(side * factor)) for side in shape)


def segmenter_for(movie: Movie, network: CellNetwork, settings: SegmentationSettings) -> Segmenter:
    """Return the segmenter for a movie or a still image; the cells' diameter and their borders' sign are estimated if auto.

    Raises
    ------
    WrongInputError
        If they cannot be estimated.
    """
    diameter = None if settings.cell_diameter == "auto" else settings.cell_diameter
    dark = None if settings.borders == "auto" else settings.borders == "dark"
    described = network.description
    described.require_settings(settings)
    loaded = loaded_for_cells(network, settings.device)
    if not described.estimates:
        # Its authors' code does not estimate it.
        diameter = diameter or described.default_diameter_px
    if not described.inverts:
        dark = bool(dark)
    if diameter is not None and dark is not None:
        return Segmenter(network, Scale(diameter, dark), settings, loaded)
    quick = settings.model_copy(update={"flips": False})

    def segmented(window: np.ndarray, scale: Scale) -> Seen:
        segmenter = Segmenter(network, scale, quick, loaded)
        maps = segmenter.network_maps(window)
        cells = segmenter.separate(maps, described.cell_diameter_px)
        return Seen(cells.labels, cell_family_of(described).certainty(maps, cells))

    middle = len(movie) // 2
    numbers = dict.fromkeys((middle, 0, len(movie) - 1))
    frames = [movie.frames(n, n + 1)[0] for n in numbers]
    scale = estimate_scale(frames, segmented, diameter, dark, described.tried_per_octave, described.largest_misfit)
    if scale is None:
        missing = "cell diameter" if diameter is None else "sign of the borders"
        sign = ", and whether borders are bright or dark" if described.inverts else ""
        raise WrongInputError(
            f"{movie.name} shows too few whole cells with clear borders to estimate the {missing}: specify cell_diameter in "
            f"pixels{sign}."
        )
    return Segmenter(network, scale, settings, loaded)
