"""Cells of volumes: separated without a network, and compared with annotated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cells import FieldScores
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.labelled import require_no_background
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import VolumeWatershedSettings
from epifiji.engine.simulation.cysts import SimulatedCyst
from epifiji.engine.volumes.contrast import border_contrast
from epifiji.engine.volumes.watershed import MANY_SIDES, Separated, separate_by_membranes
from epifiji.files.labels import read_cells, require_writable_labels, write_labels
from epifiji.files.movies.volume_file import read_volume
from epifiji.files.storage.writable import require_absent
from epifiji.jobs.cells.compare import compare_labels, scores_of

Volume = Image | np.ndarray | str | Path
AP_IOU = 0.5

LEAST_CONTRAST = {"network": 0.62, "watershed": 0.7}
"""Least contrast of borders (:func:`epifiji.engine.volumes.contrast.border_contrast`) without a notice.

In noise, a network's cells have 0.53 to 0.58, and those of the watershed, whose borders follow the noise, 0.62 to 0.70. In
simulated cysts of 2.5 photons a voxel they have 0.67 to 0.75 and 0.71 to 0.77, in others 0.73 to 0.94. Where membranes are dark
they have 0.32 to 0.52. Noise that is smooth over the width of a membrane is not noticed (0.75 and 0.77).
"""


@dataclass(frozen=True, eq=False)
class VolumeCells:
    """The cells of a volume.

    Parameters
    ----------
    volume
        The volume.
    labels
        (Z, Y, X), int32: the cell of each voxel, from 1 on; 0 where there is none.
    lumen
        (Z, Y, X), bool: the lumen, if one was found.
    settings
        The settings that were used.
    notices
        Sentences about how the volume was read, what was left out, and what is doubtful.
    """

    volume: Image
    labels: np.ndarray
    lumen: np.ndarray
    settings: VolumeWatershedSettings
    notices: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of cells."""
        return int(self.labels.max(initial=0))

    def __repr__(self) -> str:
        return f"<VolumeCells {self.volume.name}: {self.count} cells>"

    def save(self, out: str | Path, overwrite: bool = False) -> Path:
        """Write the labels as an ImageJ TIFF with the size of a voxel, and return its path.

        Raises
        ------
        WrongInputError
            If the file exists and may not be overwritten.
        """
        file = Path(out)
        require_absent(file.parent, [file.name], overwrite)
        require_writable_labels(self.count, self.volume.name)
        write_labels(file, self.labels, spacing=self.volume.spacing)
        return file


def segment_volume(volume: Volume, channel: int | None = None, **settings: Any) -> VolumeCells:
    """Separate the cells of a volume by their bright membranes, without a network.

    This is the baseline that a network has to exceed: a watershed from minima of the smoothed grey values.

    Parameters
    ----------
    volume
        A file as for :func:`epifiji.read_volume`, an image with the axes ZYX, or an array (Z, Y, X), whose voxels are taken
        for cubes.
    channel
        Channel of a file to read, from 1.
    **settings
        Those of :class:`epifiji.data.settings.cysts.VolumeWatershedSettings`.

    Raises
    ------
    WrongInputError
        If a setting is invalid, the volume cannot be read, has other axes, or a voxel has no value.
    """
    chosen = parse_settings(VolumeWatershedSettings, settings)
    opened = opened_volume(volume, channel)
    opened.require_finite()
    found = separated(opened, chosen)
    notices = [
        *opened.notices,
        *(() if isinstance(volume, np.ndarray) else _notices_of_cubes(opened)),
        *notices_of_separation(opened, found),
        *notices_of_contrast(opened, found.labels, "watershed"),
    ]
    return VolumeCells(opened, found.labels, found.lumen, chosen, tuple(notices))


def _notices_of_cubes(volume: Image) -> list[str]:
    """Say that voxels were taken for cubes, because their size is not known."""
    if all(volume.spacing.values()):
        return []
    return [
        f"The voxels of {volume.name} were taken for cubes, because their size is not known: set it in Fiji with Image > "
        "Properties... and save the file."
    ]


def separated(volume: Image, settings: VolumeWatershedSettings, report: Report = silent) -> Separated:
    """Separate the cells of a volume without a network."""
    return separate_by_membranes(np.asarray(volume), relative_spacing(volume), settings, report)


def notices_of_separation(volume: Image, found: Separated) -> list[str]:
    """Say that a volume has more cysts than the one that was segmented, or seems to be none, as its sides are reached."""
    notices = []
    if found.further:
        others = (
            "another object of similar size, which was"
            if found.further == 1
            else f"{found.further} others of similar size, which were"
        )
        notices.append(
            f"{volume.name} has {others} left out: crop the volume to one cyst, in Fiji with Image > Crop, to segment it."
        )
    if found.sides >= MANY_SIDES:
        notices.append(
            f"What is bright in {volume.name} reaches {found.sides} of the volume's 6 sides, but it was segmented as a cyst in a "
            "dark surrounding, which leaves out cells: if cells fill the volume, set --surrounding to false."
        )
    return notices


def notices_of_contrast(volume: Image, labels: np.ndarray, way: str) -> list[str]:
    """Say that borders between cells are hardly brighter than the cells, as in noise or if membranes are dark.

    Parameters
    ----------
    way
        ``network`` or ``watershed``, which separated the cells.
    """
    contrast = border_contrast(volume.pixels, labels)
    if contrast is None or contrast >= LEAST_CONTRAST[way]:
        return []
    return [
        f"Borders between the cells of {volume.name} are hardly brighter than the cells, if at all: a voxel of a border is the "
        f"brighter one in {contrast:.0%} of pairs. The cells may be noise: check the channel, and whether membranes are bright."
    ]


def relative_spacing(volume: Image) -> tuple[float, float, float]:
    """Return the distances between voxels along Z, Y and X; voxels whose size is not known are taken for cubes."""
    depth, height, width = (volume.spacing[axis] for axis in "ZYX")
    return (depth, height, width) if depth and height and width else (1.0, 1.0, 1.0)


def opened_volume(volume: Volume, channel: int | None) -> Image:
    """Open a volume with the axes ZYX, as :func:`segment_volume` accepts it.

    Raises
    ------
    WrongInputError
        If it cannot be read, or has other axes.
    """
    if isinstance(volume, str | Path):
        return read_volume(volume, channel)
    opened = volume if isinstance(volume, Image) else Image(volume, "volume", axes="ZYX")
    if opened.axes != "ZYX":
        raise WrongInputError(
            f"{opened.name} has the axes {opened.axes}, but a volume has planes (ZYX): give a stack of planes."
        )
    return opened


def compare_volumes(
    predicted: VolumeCells | np.ndarray | str | Path, annotated: np.ndarray | str | Path, name: str = "volume"
) -> FieldScores:
    """Compare the predicted cells of a volume with the annotated ones.

    Parameters
    ----------
    predicted, annotated
        Labels (Z, Y, X), whole numbers, 0 for no cell, or files of them. Cells that are cut off count like the others.
    name
        Name of the volume.

    Returns
    -------
    scores
        ``scores.matches[0.5].ap`` and ``.f1`` are the AP and F1 at an IoU of at least 0.5, and so on to 0.95;
        ``scores.rand_index`` is the adjusted Rand index of all voxels.

    Raises
    ------
    WrongInputError
        If their shapes differ, or they are no labels of a volume.
    """
    first, second = volume_labels(predicted, "predicted")[0], volume_labels(annotated, "annotated")[0]
    if first.shape != second.shape:
        raise WrongInputError(
            f"The predicted cells have the shape {first.shape} and the annotated ones {second.shape}, but both must be of one "
            "volume: give the labels of one volume."
        )
    field, cells, quality = compare_labels(name, first, second, np.ones(second.shape, bool), "count")
    return scores_of(field, cells, quality, AP_IOU)


def volume_labels(
    given: VolumeCells | SimulatedCyst | np.ndarray | str | Path, which: str
) -> tuple[np.ndarray, Sequence[float | None] | None]:
    """Return labels (Z, Y, X), and the distances between voxels along the axes (µm) if they are known.

    Raises
    ------
    WrongInputError
        If they are no labels of a volume.
    """
    if isinstance(given, VolumeCells | SimulatedCyst):
        return given.labels, tuple(given.volume.spacing.values())
    known = None
    if isinstance(given, str | Path):
        labels = read_cells(Path(given))
        known = tuple(read_volume(given).spacing.values())
    else:
        labels = np.asarray(given)
    if labels.ndim != 3 or labels.dtype.kind not in "bui":
        raise WrongInputError(
            f"The {which} cells have the shape {labels.shape} and the type {labels.dtype}, but labels of a volume (Z, Y, X), a "
            "whole number for each cell, are expected: give them."
        )
    # A segmentation that joined all cells has to be scored.
    if which != "predicted" or labels.min(initial=0) < 0:
        require_no_background(labels, str(given) if isinstance(given, str | Path) else f"The volume of {which} cells")
    return labels, known
