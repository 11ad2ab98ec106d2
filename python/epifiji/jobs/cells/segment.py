"""Segmentation of the cells of an image, or of each frame of a movie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.cells import CellMaps
from epifiji.data.movie import Movie
from epifiji.data.network import AnyNetwork
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.backend.devices import choose_device
from epifiji.engine.cells.diameter import estimate_cell_diameter
from epifiji.engine.networks.families import cell_family_of
from epifiji.engine.tiling.levels import levelled
from epifiji.files.movies.movie_file import open_movie
from epifiji.jobs.networks import cell_network_of

_warm: dict[tuple[str, str], Any] = {}


@dataclass
class Segmentation:
    """The cells of an image, or of each frame of a movie.

    Parameters
    ----------
    movie
        The image or movie.
    labels
        (T, Y, X), int32: a number for each cell of a frame, from 1 on; 0 where there is none.
    diameter_px
        Diameter of the cells that the segmentation used.
    """

    movie: Movie
    labels: np.ndarray
    diameter_px: float


def segment(
    image: Movie | np.ndarray | str | Path,
    network: AnyNetwork | str | Path | None = None,
    report: Report = silent,
    **settings: Any,
) -> Segmentation:
    """Segment the cells of an image, or of each frame of a movie.

    Parameters
    ----------
    image
        An array (Y, X) or (T, Y, X) of any real dtype, a file, or a :class:`~epifiji.data.movie.Movie`.
    network
        Name, folder or zip of a network. Default: EpiFiji's own for cells.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.segmentation.SegmentationSettings`.

    Raises
    ------
    WrongInputError
        If the image, the network or a setting is not usable; the message says what to do.
    """
    chosen = parse_settings(SegmentationSettings, settings)
    if isinstance(image, np.ndarray) and image.ndim == 2:
        image = image[None]
    movie = open_movie(image, chosen.channel, least_frames=1)
    movie.require_finite()
    segmenter = segmenter_for(movie, cell_network_of(network), chosen)
    labels = np.empty(movie.shape, np.int32)
    for t in range(len(movie)):
        report(t / len(movie), "segmenting")
        labels[t] = segmenter(movie.frames(t, t + 1)[0]).labels
    return Segmentation(movie, labels, segmenter.diameter_px)


class Segmenter:
    """Segments frames, or parts of frames, whose cells are of one size.

    Parameters
    ----------
    network
        The network.
    diameter_px
        Typical diameter of the cells, in pixels.
    dark
        Whether borders are darker than cells.
    settings
        Those of the separation, and the device.
    """

    def __init__(self, network: CellNetwork, diameter_px: float, dark: bool, settings: SegmentationSettings) -> None:
        self.network, self.diameter_px, self.dark, self.settings = network, diameter_px, dark, settings
        self._family = cell_family_of(network.description)
        self._loaded = self._load()

    def __call__(self, frame: np.ndarray) -> CellMaps:
        """Segment a frame (Y, X) of any real dtype, with finite pixels."""
        return self._family.separate(self.maps(frame), self.network.description, self.diameter_px, self.settings)

    def maps(self, frame: np.ndarray) -> np.ndarray:
        """Predict the network's outputs at the frame's own size: (Y, X, outputs), float32 from 0 to 1."""
        pixels = levelled(Movie(frame[None])).frames(0, 1)[0].astype(np.float64)
        scaled = _resized(-pixels if self.dark else pixels, self._size(frame.shape))
        maps = self._family.maps(self._loaded, scaled, self.settings.flips)
        return np.stack([_resized(maps[..., n], frame.shape) for n in range(maps.shape[-1])], -1).astype(np.float32)

    def _size(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        described = self.network.description
        factor = described.cell_diameter_px / self.diameter_px if described.rescales else 1.0
        return tuple(max(1, round(side * factor)) for side in shape)

    def _load(self) -> Any:
        """Return the last network as loaded by its family, or load it."""
        device = self.settings.device
        if not self.network.sha256:
            return self._family.load(self.network, choose_device(device))
        key = self.network.sha256, device
        if key not in _warm:
            _warm.clear()
            _warm[key] = self._family.load(self.network, choose_device(device))
        return _warm[key]


def segmenter_for(movie: Movie, network: CellNetwork, settings: SegmentationSettings) -> Segmenter:
    """Return the segmenter for a movie or a still image; what the settings leave to be estimated is estimated.

    Raises
    ------
    WrongInputError
        If the size cannot be estimated.
    """
    diameter = estimate_cell_diameter(movie) if settings.cell_diameter == "auto" else settings.cell_diameter
    return Segmenter(network, diameter, settings.borders == "dark", settings)


def _resized(image: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Interpolate an image (Y, X) linearly; it is smoothed first if it becomes smaller."""
    from skimage.transform import resize

    if image.shape == shape:
        return image
    resized: np.ndarray = resize(image, shape, order=1, mode="edge", preserve_range=True, anti_aliasing=True)
    return resized
