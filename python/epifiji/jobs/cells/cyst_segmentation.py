"""Segmentation of the cells of a cyst, with a network or without one, and its results."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.network import AnyNetwork
from epifiji.data.progress import WRITING, Report, silent
from epifiji.data.record import RECORD_FORM
from epifiji.data.settings.base import Settings, parse_settings
from epifiji.data.settings.cysts import (
    CystSegmentationSettings,
    InstanceSettings,
    NetworkPredictionSettings,
    VolumeWatershedSettings,
)
from epifiji.data.settings.detection import ComputingSettings
from epifiji.data.volume_networks import VolumeNetwork
from epifiji.engine.cells.polygons import polygons
from epifiji.engine.volumes.boxes import box_around
from epifiji.engine.volumes.properties import lumen_of
from epifiji.engine.volumes.slabs import voxel_counts
from epifiji.engine.volumes.turning import turning_view
from epifiji.engine.volumes.watershed import SEPARATING
from epifiji.files.figures.turning import write_turning_view
from epifiji.files.labels import label_colours, require_writable_labels, write_labels
from epifiji.files.movies.movie_file import file_sha256, is_there, write_stack
from epifiji.files.results.cell_results import CYSTS_TASK, TABLE, labels_file, require_no_corrections, rois_file
from epifiji.files.results.places import chosen_folder
from epifiji.files.results.result_folder import RUN_RECORD, require_same_movie, result_folder, write_record
from epifiji.files.rois.polygons import polygon_of_cell, write_polygons
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.files.storage.spreadsheet_cells import write_table
from epifiji.files.storage.writable import new_files, plain_name, require_absent
from epifiji.jobs.cells.cyst_notices import notices_of_cells, notices_of_inner_cells, notices_of_parts
from epifiji.jobs.cells.cyst_segmenter import CystSegmenter
from epifiji.jobs.cells.cysts import SEPARATE, MeasuredCyst, measure_cyst
from epifiji.jobs.cells.volumes import (
    Volume,
    notices_of_contrast,
    notices_of_separation,
    opened_volume,
    relative_spacing,
    separated,
)
from epifiji.jobs.networks import described_network, volume_network_of
from epifiji.jobs.versions import versions

NO_NETWORK = "none"
"""Name in place of a network if cells are separated by a watershed."""


def lumen_file(volume: str) -> str:
    """Return the name of the file of the lumen."""
    return plain_name(f"{volume}_lumen") + ".tif"


def view_file(volume: str) -> str:
    """Return the name of the file of the 3D view."""
    return plain_name(f"{volume}_3d") + ".tif"


def cyst_files(volume: str) -> list[str]:
    """List the names of the files of a result."""
    return [RUN_RECORD, TABLE, labels_file(volume), lumen_file(volume), rois_file(volume), view_file(volume)]


def require_free_for_cysts(folder: Path, volume: str, overwrite: bool) -> None:
    """Refuse to write into a folder with the results of another volume, or over existing files or cells with corrections.

    Raises
    ------
    WrongInputError
        If so.
    """
    require_same_movie(folder, volume)
    require_no_corrections(folder, volume)
    require_absent(folder, cyst_files(volume), overwrite)


@dataclass(frozen=True, eq=False)
class CystSegmentation:
    """The cells of a cyst.

    Parameters
    ----------
    volume
        The volume.
    labels
        (Z, Y, X), int32: the cell of each voxel, from 1 on; 0 where there is none.
    lumen
        (Z, Y, X), bool: the lumen; empty if none was found.
    measured
        Measurements of cells and cyst; None if the size of a voxel is not known, or there is no lumen.
    record
        Volume, network, settings, versions and times, as in ``run.json``.
    notices
        Sentences for the user.
    """

    volume: Image
    labels: np.ndarray
    lumen: np.ndarray
    measured: MeasuredCyst | None
    record: dict[str, Any]
    notices: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self._voxels()[0])

    def _voxels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels that occur, which have gaps after corrections, and the number of voxels of each."""
        counts = voxel_counts(self.labels)
        counts[0] = 0
        present = np.flatnonzero(counts)
        return present, counts[present]

    def __repr__(self) -> str:
        return f"<CystSegmentation of {self.volume.name}: {self.count} cells>"

    def table(self) -> list[list[Any]]:
        """Return the header, and a row for each cell: place and size in voxels, and the measurements if there are any."""
        from scipy import ndimage

        numbers, voxels = self._voxels()
        box = box_around(self.labels > 0, (0, 0, 0)) or (slice(0, 1),) * 3
        cells, corner = self.labels[box], [side.start for side in box]
        centres = np.array(ndimage.center_of_mass(cells > 0, cells, numbers)).reshape(-1, 3) + corner
        columns = {
            "label": numbers,
            **{axis: centres[:, place].round(2) for place, axis in enumerate("zyx")},
            "voxels": voxels,
            **(
                {name: values for name, values in self.measured.cells.items() if name != "label"}
                if self.measured
                else {}
            ),
        }
        return [list(columns), *(list(row) for row in zip(*(one.tolist() for one in columns.values()), strict=True))]

    def write_rois(self, path: Path) -> int:
        """Write the cells of each plane as a zip of polygons, named after plane and label, and return their number.

        Without cells none is written.
        """
        cells = (
            polygon_of_cell(z, label, corners)
            for z, plane in enumerate(self.labels)
            for label, corners in polygons(plane)
        )
        return write_polygons(path, cells, self.volume.layout)

    def write_view(self, path: Path) -> None:
        """Write the 3D view, pictures of the cells from all sides; none without cells."""
        if self.count:
            steps = relative_spacing(self.volume)
            write_turning_view(path, turning_view(self.labels, steps, label_colours().T))

    def save(
        self,
        folder: str | Path | None = None,
        overwrite: bool = False,
        *,
        out: str | Path | None = None,
        rois: bool = False,
        view_3d: bool = False,
    ) -> Path:
        """Write labels, lumen, the table of cells, a record and, if asked, polygons and a 3D view; all or nothing.

        Parameters
        ----------
        folder
            The result folder; made if it does not exist.
        overwrite
            Whether earlier results may be replaced.
        out
            Folder in which the result folder ``<volume>_epifiji`` is made, as on the command line; instead of `folder`.
        rois
            Whether to write the cells of each plane as polygons that ImageJ's ROI Manager opens.
        view_3d
            Whether to write pictures of the cells from all sides.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        name, spacing = self.volume.name, self.volume.spacing
        place = chosen_folder(name, folder, out, result_folder)
        require_free_for_cysts(place, name, overwrite)
        with new_files(place, cyst_files(name)) as partial:
            write_labels(partial / labels_file(name), self.labels, spacing=spacing)
            if self.lumen.any():
                planes = (np.where(plane, np.uint8(255), np.uint8(0)) for plane in self.lumen)
                depth, height, width = self.lumen.shape
                write_stack(partial / lumen_file(name), planes, (depth, height, width), np.dtype(np.uint8), spacing)
            write_table(partial / TABLE, self.table())
            if rois:
                self.write_rois(partial / rois_file(name))
            if view_3d:
                self.write_view(partial / view_file(name))
            files = sorted([*(file.name for file in partial.iterdir()), RUN_RECORD])
            write_record(partial / RUN_RECORD, self.record | {"files": files})
        return place


def segment_cysts(
    volume: Volume, network: AnyNetwork | str | Path | None = None, report: Report = silent, **settings: Any
) -> CystSegmentation:
    """Segment the cells of a cyst, and measure them.

    Parameters
    ----------
    volume
        A file as for :func:`epifiji.read_volume`, an image with the axes ZYX, or an array (Z, Y, X).
    network
        Name, folder or zip of a network for volumes. Default, also ``"none"``: no network, but a watershed from minima of
        the smoothed grey values.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.cysts.CystSegmentationSettings`.

    Raises
    ------
    WrongInputError
        If the volume, the network or a setting is not usable.
    """
    chosen = parse_settings(CystSegmentationSettings, settings)
    found = None if network is None or network == NO_NETWORK else volume_network_of(network)
    _require_effect(chosen, found)
    began = time.perf_counter()
    opened = opened_volume(volume, chosen.channel)
    opened.require_finite()
    pixels_sha256 = opened.sha256()
    cells = _segmented(opened, found, chosen, report)
    labels, lumen = cells.labels, cells.lumen
    require_writable_labels(int(labels.max(initial=0)), opened.name)
    report(1, WRITING)
    notices = [
        *opened.notices,
        *cells.several,
        *cells.inner,
        *notices_of_cells(opened, labels, lumen, found),
        *notices_of_contrast(opened, labels, "network" if found else "watershed"),
    ]
    measured = measured_if_possible(opened, labels, lumen, chosen.least_contact_voxels)
    # What is said about several cysts is not repeated.
    notices += [one for one in measured.notices if not (cells.several and SEPARATE in one)] if measured else []
    record = {
        "epifiji": RECORD_FORM,
        "task": CYSTS_TASK,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "movie": _described(opened, pixels_sha256),
        "network": described_network(found) if found else {"name": None},
        "settings": chosen.model_dump(mode="json"),
        "counts": {"cells": int(labels.max(initial=0))},
        "cyst": measured.to_dict() if measured else None,
        **cells.runtime,
        "versions": versions(),
        "seconds": {"total": round(time.perf_counter() - began, 3)},
    }
    return CystSegmentation(opened, labels, lumen, measured, record, tuple(notices))


class _Cells(NamedTuple):
    """Labels and lumen, notices about several cysts and about cells without an outer face, and what computed the network."""

    labels: np.ndarray
    lumen: np.ndarray
    several: list[str]
    inner: list[str]
    runtime: dict[str, str]


def _segmented(
    volume: Image, network: VolumeNetwork | None, settings: CystSegmentationSettings, report: Report
) -> _Cells:
    """Find the cells with a network or without one."""
    if network is None:
        report(0, SEPARATING)
        found = separated(volume, part_of(settings, VolumeWatershedSettings), report)
        return _Cells(found.labels, found.lumen, notices_of_separation(volume, found), [], {})
    scratch = ScratchFolder()
    try:
        segmenter = CystSegmenter(
            network, part_of(settings, NetworkPredictionSettings), part_of(settings, InstanceSettings)
        )
        labels, lumen, left_out = segmenter(volume, scratch, report)
        several, inner = notices_of_parts(volume, labels, lumen), notices_of_inner_cells(volume, left_out)
        return _Cells(labels, lumen, several, inner, {"runtime": segmenter.runtime})
    finally:
        scratch.remove()


def measured_if_possible(
    volume: Image, labels: np.ndarray, lumen: np.ndarray, least_contact_voxels: int | None = None
) -> MeasuredCyst | None:
    """Measure a cyst; None if it has no cells or no lumen, or the size of a voxel is not known."""
    lumen = lumen & (labels == 0)
    steps = [step for step in volume.spacing.values() if step]
    if not labels.any() or len(steps) < len(volume.axes) or not (lumen.any() or lumen_of(labels).any()):
        return None
    chosen = {} if least_contact_voxels is None else {"least_contact_voxels": least_contact_voxels}
    return measure_cyst(labels, steps, lumen if lumen.any() else None, **chosen)


def part_of(settings: Settings, kind: type[Any]) -> Any:
    """Return the settings of one model out of those of a model that includes it."""
    return kind(**{name: getattr(settings, name) for name in kind.model_fields})


def _require_effect(settings: CystSegmentationSettings, network: VolumeNetwork | None) -> None:
    """Refuse settings that have no effect with a network, or without one.

    Raises
    ------
    WrongInputError
        If there are some; the message names the first.
    """
    without = {*InstanceSettings.model_fields, *NetworkPredictionSettings.model_fields} - {
        *ComputingSettings.model_fields
    }
    unused, how = (
        (without, "without a network") if network is None else (VolumeWatershedSettings.model_fields, "with a network")
    )
    for name in sorted(unused):
        if getattr(settings, name) != type(settings).model_fields[name].default:
            raise WrongInputError(f"{name} is specified, but it has no effect {how}: leave it out.")


def _described(volume: Image, pixels_sha256: str) -> dict[str, Any]:
    """Describe a volume for the record."""
    there = volume.path is not None and is_there(volume.path)
    return {
        "name": volume.name,
        "file": str(volume.path) if volume.path is not None else None,
        "sha256": file_sha256(volume.path) if there and volume.path is not None else None,
        "pixels_sha256": pixels_sha256,
        "shape": list(volume.shape),
        "dtype": str(volume.dtype),
        "pixel_size_um": volume.pixel_size_um,
        "spacing_um": volume.spacing,
        "layout": asdict(volume.layout),
    }
