"""The jobs that segment cells for ImageJ: a preview of one frame with sliders, and the whole image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import SegmentCommand
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.requests.registry import Answer, Request, exclusive_use, folder_of_results, job, settings_of
from epifiji.bridge.fiji.shown_cells import packed
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.stack_layout import StackLayout


@dataclass(frozen=True)
class _Preview:
    """A frame whose cells are separated again and again: its segmenter and the network's maps."""

    segmenter: Any
    maps: np.ndarray


_preview: dict[str, _Preview] = {}
"""The frame of the preview that is open; there is at most one."""


@job("segment", commands.SEGMENT)
def segment(request: Request) -> Answer:
    """Segment the cells of an image or movie.

    The request has ``settings`` by key, ``headless``, and ``image`` if the settings have no ``input``. The answer names
    the files of labels, outlines and ROIs in the folder ``shown``, which the client removes.
    """
    from epifiji.files.results.cell_results import cells_folder, require_free_for_cells
    from epifiji.jobs.cells.segmentation import open_image
    from epifiji.jobs.cells.segmentation import segment as run
    from epifiji.jobs.networks import cell_network_of

    command = parse_settings(SegmentCommand, request["settings"])
    settings = settings_of(command, SegmentationSettings)
    network = cell_network_of(command.network)
    movie = open_image(command.input, command) if command.input else _of_image(request, command)
    written = bool(command.save or command.input or request.get("headless"))
    folder = folder_of_results(movie, command.out, written, cells_folder)
    if folder is not None:
        require_free_for_cells(folder, movie.name, command.overwrite)
    with exclusive_use(request.report):
        found = run(movie, network, request.report, **settings)
    if folder is not None:
        found.save(folder, command.overwrite, request.report, rois=command.rois)
    return {
        "name": movie.name,
        "counts": found.counts,
        "network": network.description.name,
        "notices": list(found.notices),
        "folder": str(folder) if folder is not None else None,
        **(_shown(found, command.rois) if not command.input else {"shown": None}),
    }


def _of_image(request: Request, command: SegmentCommand) -> Movie:
    """Make a movie of the open image; its planes (Z) are projected or refused, as the settings say."""
    from epifiji.files.movies.frames import ProjectedFrames, planes_refusal

    movie = movie_of_image(request.get("image"), request.blocks, least_frames=1)
    _require_no_channels(movie, movie.layout)
    if movie.layout.time_axis != "Z" or len(movie) == 1:
        return movie
    if command.project == "none":
        raise planes_refusal(movie.name, len(movie))
    layout = StackLayout("T", movie.layout.channels, movie.layout.channel)
    notices = tuple(one for one in movie.notices if "taken as time" not in one)
    return replace(movie, pixels=ProjectedFrames(movie.pixels, len(movie)), layout=layout, notices=notices)


def _require_no_channels(movie: Movie, layout: StackLayout) -> None:
    """Refuse channels of a single time point, which commands on events may take as frames."""
    if layout.time_axis == "C":
        raise WrongInputError(
            f"{movie.name} has several channels and a single time point, but one channel is needed: choose it with --channel N, "
            "or, if they are frames, use Image > Hyperstacks > Re-order Hyperstack..."
        )


def _shown(found: Any, rois: bool) -> Answer:
    """Write what ImageJ shows into a temporary folder, which the client removes."""
    from epifiji.files.labels import write_labels, write_outlines
    from epifiji.files.results.cell_results import labels_file
    from epifiji.files.rois.polygons import polygon_of_cell, write_polygons

    movie = found.movie
    scale = movie.pixel_size_um, movie.frame_interval_s
    with client_folder("cells") as folder:
        labels, outlines, polygons = folder / labels_file(movie.name), folder / "outlines.tif", folder / "rois.zip"
        write_labels(labels, found.labels, *scale)
        write_outlines(outlines, found.outlines(), movie.shape, *scale)
        cells = (polygon_of_cell(*one) for one in found.polygons())
        count = write_polygons(polygons, cells, movie.layout) if rois else 0
    return {
        "shown": str(folder),
        "labels": str(labels),
        "outlines": str(outlines),
        "rois": str(polygons) if count else None,
    }


@job("segmentation_preview", commands.SEGMENT)
def start_preview(request: Request) -> Answer:
    """Predict the maps of one frame, which stay in memory, and return its cells.

    The request has ``settings`` by key and ``image`` of one frame.
    """
    from epifiji.jobs.cells.segmenter import segmenter_for
    from epifiji.jobs.networks import cell_network_of

    command = parse_settings(SegmentCommand, request["settings"])
    settings = parse_settings(SegmentationSettings, settings_of(command, SegmentationSettings))
    movie = movie_of_image(request.get("image"), request.blocks, least_frames=1)
    _require_no_channels(movie, movie.layout)
    movie.require_finite()
    network = cell_network_of(command.network)
    own = getattr(network.description, "choices", None)
    if own is None:
        raise WrongInputError(
            f"The network {network.description.name} separates cells without the settings of the preview: leave the preview out."
        )
    with exclusive_use(request.report):
        request.report(0, "segmenting the frame in view")
        segmenter = segmenter_for(movie, network, settings)
        _preview["open"] = _Preview(segmenter, segmenter.maps(movie.frames(0, 1)[0]))
    chosen = own.replaced(settings)
    parameters = {one["key"]: one["label"] for one in described(commands.SEGMENT)["parameters"]}
    scale = segmenter.scale
    borders = "dark" if scale.dark else "bright"
    return {
        "keys": own.shown,
        "labels": {key: parameters[key] for key in own.shown},
        "values": {key: getattr(chosen, key) for key in own.shown},
        "cell_diameter": scale.diameter_px,
        "borders": borders,
        "scale": f"{scale.diameter_px:.1f} px" + (f", {borders} borders" if network.description.inverts else ""),
        **_preview_cells(_preview["open"], {}),
    }


@job("segmentation_preview_cells", commands.SEGMENT)
def preview_cells(request: Request) -> Answer:
    """Separate the cells of the preview's frame again; the request has a value for each slider."""
    if "open" not in _preview:
        raise WrongInputError("The preview was closed, but its frame is needed: choose Segment Epithelium... again.")
    preview = _preview["open"]
    return _preview_cells(preview, {key: request[key] for key in preview.segmenter.network.description.choices.shown})


def _preview_cells(preview: _Preview, values: dict[str, Any]) -> Answer:
    """Return the picture of the outlines of the frame's cells, and the number of cells."""
    from epifiji.engine.cells.outlines import outlines_of
    from epifiji.jobs.cells.segmenter import Segmenter

    segmenter = preview.segmenter
    settings = parse_settings(SegmentationSettings, segmenter.settings.model_dump() | values)
    cells = Segmenter(segmenter.network, segmenter.scale, settings).separate(preview.maps).labels
    lines = outlines_of(cells).astype(np.uint8)
    return {"cells": len(np.unique(cells[cells > 0])), **packed(lines)}
