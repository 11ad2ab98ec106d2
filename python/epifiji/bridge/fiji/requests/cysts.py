"""The jobs that segment cysts for ImageJ: a preview of the seeds of cells, and the whole volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import SegmentCystsCommand
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.requests.registry import Answer, Request, exclusive_use, folder_of_results, job, settings_of
from epifiji.bridge.fiji.shown_cells import packed, text_in_table
from epifiji.bridge.pixels import volume_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import CystSegmentationSettings, VolumeWatershedSettings

SLIDERS = {"seed_depth": (0.01, 0.5), "smoothing_px": (0.0, 5.0)}
"""The settings that the preview changes, with the ends of their sliders."""

SEED_PX = 2
"""Seeds are drawn larger by this many pixels, so that they are seen in the planes beside them too."""

SHOWN_COLOURS = 255
"""Number of colours of cells that lie over the planes, after which they begin again, as those of the labels."""


@dataclass
class _Preview:
    """A volume whose seeds are found again and again, and its smoothed grey values for the smoothing of before."""

    volume: Image
    pixels: np.ndarray
    settings: VolumeWatershedSettings
    region: np.ndarray
    height: np.ndarray | None = None
    smoothing_px: float | None = None


_preview: dict[str, _Preview] = {}
"""The volume of the preview that is open; there is at most one."""


@job("segment_cysts", commands.CYSTS)
def segment_cysts(request: Request) -> Answer:
    """Segment and measure the cells of a volume.

    The request has ``settings`` by key, ``headless``, and ``image`` if the settings have no ``input``. The answer names the files
    of labels, of colours over the planes, of the 3D view and of ROIs in the folder ``shown``, which the client removes.
    """
    from epifiji.files.results.result_folder import result_folder
    from epifiji.jobs.cells.cyst_segmentation import NO_NETWORK, require_free_for_cysts
    from epifiji.jobs.cells.cyst_segmentation import segment_cysts as run
    from epifiji.jobs.cells.volumes import opened_volume
    from epifiji.jobs.networks import volume_network_of

    _preview.clear()
    command = parse_settings(SegmentCystsCommand, request["settings"])
    network = None if command.network in (None, NO_NETWORK) else volume_network_of(str(command.network))
    volume = opened_volume(command.input, command.channel) if command.input else _volume_of(request)
    written = bool(command.save or command.input or request.get("headless"))
    folder = folder_of_results(volume, command.out, written, result_folder)
    if folder is not None:
        require_free_for_cysts(folder, volume.name, command.overwrite)
    with exclusive_use(request.report):
        found = run(volume, network, request.report, **settings_of(command, CystSegmentationSettings))
    if folder is not None:
        found.save(folder, command.overwrite, rois=command.rois, view_3d=command.view_3d)
    table = found.table()
    return {
        "name": volume.name,
        "notices": list(found.notices),
        "columns": table[0],
        "rows": [[text_in_table(value) for value in row] for row in table[1:]] if command.table else [],
        "said": _in_words(found) + (f"; the results are in {folder}" if folder is not None else ""),
        **({"shown": None} if command.input else _shown(found, command)),
    }


def _volume_of(request: Request) -> Image:
    if request.get("image") is None:
        raise WrongInputError("No image is open, but a volume is needed: open a stack of planes (Z) first.")
    return volume_of_image(request["image"], request.blocks)


def _in_words(found: Any) -> str:
    """Say in short what was found."""
    name = found.record["network"]["name"]
    said = f"{found.volume.name}: {found.count} cells, found {f'by {name}' if name else 'without a network'}"
    if found.measured is None:
        return said
    cyst = found.measured.cyst
    sizes = cyst["cyst_volume_um3"], cyst["lumen_volume_um3"]
    return f"{said}; {cyst['scutoids']} scutoids; the cyst has {sizes[0]:.0f} µm³, its lumen {sizes[1]:.0f} µm³"


def _shown(found: Any, command: SegmentCystsCommand) -> Answer:
    """Write what ImageJ shows into a temporary folder, which the client removes."""
    from epifiji.files.labels import write_labels
    from epifiji.files.movies.movie_file import write_stack
    from epifiji.files.results.cell_results import labels_file
    from epifiji.jobs.cells.cyst_segmentation import view_file

    volume, labels = found.volume, found.labels
    with client_folder("cysts") as folder:
        files = {
            "labels": folder / labels_file(volume.name),
            "colours": folder / "colours.tif",
            "view": folder / view_file(volume.name),
            "rois": folder / "rois.zip",
        }
        write_labels(files["labels"], labels, spacing=volume.spacing)
        colours = (np.where(plane > 0, 1 + (plane - 1) % SHOWN_COLOURS, 0).astype(np.uint8) for plane in labels)
        write_stack(files["colours"], colours, labels.shape, np.dtype(np.uint8), volume.spacing)
        if command.rois:
            found.write_rois(files["rois"])
        if command.view_3d:
            found.write_view(files["view"])
    return {"shown": str(folder), **{name: str(file) if file.exists() else None for name, file in files.items()}}


@job("cyst_preview", commands.CYSTS)
def start_preview(request: Request) -> Answer:
    """Find the seeds of a volume, which stays in memory. The request has ``settings`` by key and ``image``."""
    from epifiji.engine.volumes.watershed import region_of
    from epifiji.jobs.cells.volumes import relative_spacing

    command = parse_settings(SegmentCystsCommand, request["settings"])
    chosen = parse_settings(VolumeWatershedSettings, settings_of(command, VolumeWatershedSettings))
    volume = _volume_of(request)
    volume.require_finite()
    # The pixels that came with the request are gone after it.
    pixels = np.array(volume)
    with exclusive_use(request.report):
        request.report(0, "finding the cyst")
        region = region_of(pixels, relative_spacing(volume), chosen)
        _preview["open"] = _Preview(volume, pixels, chosen, region)
        labels = {one["key"]: one["label"] for one in described(commands.CYSTS)["parameters"]}
        return {
            "keys": list(SLIDERS),
            "labels": {key: labels[key] for key in SLIDERS},
            "values": {key: getattr(chosen, key) for key in SLIDERS},
            "ends": SLIDERS,
            **_seeds(_preview["open"], chosen, request),
        }


@job("cyst_preview_seeds", commands.CYSTS)
def preview_seeds(request: Request) -> Answer:
    """Find the seeds of the preview's volume again; the request has a value for each slider."""
    if "open" not in _preview:
        raise WrongInputError("The preview was closed, but its volume is needed: choose Segment Cysts... again.")
    preview = _preview["open"]
    values = {key: request[key] for key in SLIDERS}
    settings = parse_settings(VolumeWatershedSettings, preview.settings.model_dump() | values)
    with exclusive_use(request.report):
        return _seeds(preview, settings, request)


@job("cyst_preview_end", commands.CYSTS)
def end_preview(_: Request) -> Answer:
    """Forget the volume of a cancelled preview."""
    _preview.clear()
    return {}


def _seeds(preview: _Preview, settings: VolumeWatershedSettings, request: Request) -> Answer:
    """Return the number of seeds, and the pictures of all planes with the seeds, enlarged."""
    from scipy.ndimage import distance_transform_edt

    from epifiji.engine.volumes.watershed import height_of, membrane_seeds
    from epifiji.jobs.cells.volumes import relative_spacing

    spacing = relative_spacing(preview.volume)
    if preview.smoothing_px != settings.smoothing_px:
        request.report(0, "smoothing the volume")
        preview.height = height_of(preview.pixels, spacing, settings, preview.region)
        preview.smoothing_px = settings.smoothing_px
    request.report(0.3, "finding seeds")
    shape, count = preview.pixels.shape, 0
    drawn = np.zeros(shape, np.uint8)
    if preview.height is not None:
        seeds = membrane_seeds(preview.height, preview.region, settings.seed_depth)
        count = int(seeds.max())
        if count:
            near = distance_transform_edt(seeds == 0, np.array(spacing) / spacing[-1])
            drawn = (near <= SEED_PX).astype(np.uint8)
    planes, height, width = shape
    return {"seeds": count, "planes": planes, **packed(drawn.reshape(planes * height, width)), "height": height}
