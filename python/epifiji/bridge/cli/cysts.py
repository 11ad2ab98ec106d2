"""The commands on volumes of cysts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epifiji.bridge.cli.batch import Batch, require_separate_folders
from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cyst_jobs import CartoCellJob, CystSegmentationJob
from epifiji.data.settings.cysts import CystSegmentationSettings

if TYPE_CHECKING:
    from epifiji.jobs.cells.cyst_segmentation import CystSegmentation

cysts_app = typer.Typer()


@cysts_app.command("segment-cysts")
@with_settings(CystSegmentationJob, CystSegmentationSettings)
def segment_cysts(
    *,
    volumes: Annotated[
        list[str],
        typer.Argument(
            metavar="VOLUME...", help="Stacks of planes (Z): TIFF files, HDF5 as file.h5:/dataset, or volume.zarr."
        ),
    ],
    network: str | None,
    rois: bool,
    view_3d: bool,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Segment and measure the cells of cysts; the results are written into VOLUME_epifiji next to each volume."""
    from epifiji.files.movies.movie_file import movie_name, split_path
    from epifiji.files.results.result_folder import result_folder
    from epifiji.jobs.cells.cyst_segmentation import NO_NETWORK, require_free_for_cysts
    from epifiji.jobs.cells.cyst_segmentation import segment_cysts as run
    from epifiji.jobs.cells.volumes import opened_volume
    from epifiji.jobs.networks import volume_network_of

    chosen = parse_settings(CystSegmentationSettings, settings)
    places = {one: result_folder(movie_name(one), split_path(one)[0].parent, out) for one in volumes}
    require_separate_folders(volumes, places)
    loaded = None if network in (None, NO_NETWORK) else volume_network_of(str(network))
    batch = Batch(len(volumes))
    for volume, folder in places.items():
        with batch.failures_reported(volume):
            opened = opened_volume(volume, chosen.channel)
            require_free_for_cysts(folder, opened.name, overwrite)
            with ProgressBar(opened.name, silent=as_json) as report:
                found = run(opened, loaded, report, **settings)
            found.save(folder, overwrite, rois=rois, view_3d=view_3d)
            batch.summaries.append(_report_cyst(found, folder, as_json))
    if as_json:
        say_json({"results": batch.summaries, "failed": batch.failures})
    batch.end("volumes")


def _report_cyst(found: CystSegmentation, folder: Path, as_json: bool) -> dict[str, Any]:
    """Print a segmentation's notices and, unless `as_json`, its summary; return the summary as JSON types."""
    for notice in found.notices:
        note(notice)
    network = found.record["network"]["name"]
    if not as_json:
        say(f"{found.volume.name}: {found.count} cells")
        say(f"network: {plain(network or 'none')}")
        say(f"results: {folder}")
    return {
        "volume": found.volume.name,
        "folder": str(folder),
        "network": network,
        "cells": found.count,
        "cyst": found.record["cyst"],
        "seconds": found.record["seconds"],
        "notices": list(found.notices),
    }


cartocell_app = typer.Typer(
    help="Run CartoCell's pipeline as a configuration of BiaPy describes.", no_args_is_help=True
)
cysts_app.add_typer(cartocell_app, name="cartocell")

ConfigArgument = Annotated[
    Path, typer.Argument(metavar="CONFIG", help="BiaPy's cartocell_training.yaml or cartocell_inference.yaml.")
]
UndrawnArgument = Annotated[
    Path, typer.Argument(metavar="UNDRAWN", help="A folder of many volumes without labels, for phase 3.")
]


@cartocell_app.command("train")
@with_settings(CartoCellJob)
def cartocell_train(*, config: ConfigArgument, as_json: JsonOption = False, settings: dict[str, Any]) -> None:
    """Train a network on the volumes and labels of DATA.TRAIN (phase 2)."""
    _cartocell("train", config, as_json, settings)


@cartocell_app.command("predict")
@with_settings(CartoCellJob)
def cartocell_predict(*, config: ConfigArgument, as_json: JsonOption = False, settings: dict[str, Any]) -> None:
    """Predict the cells of the volumes of DATA.TEST, and score them if there are labels (phase 5)."""
    _cartocell("predict", config, as_json, settings)


@cartocell_app.command("run")
@with_settings(CartoCellJob)
def cartocell_run(
    *, config: ConfigArgument, undrawn: UndrawnArgument, as_json: JsonOption = False, settings: dict[str, Any]
) -> None:
    """Train M1, predict labels of undrawn volumes, train M2 on them, and predict DATA.TEST (phases 2 to 5)."""
    _cartocell("run", config, as_json, {**settings, "undrawn": undrawn})


def _cartocell(action: str, config: Path, as_json: bool, settings: dict[str, Any]) -> None:
    from epifiji.jobs.studies.cartocell import cartocell

    with ProgressBar("cartocell", silent=as_json) as report:
        found = cartocell(action, config, report=report, **settings)
    if as_json:
        say_json(found.to_dict())
        return
    for notice in found.notices:
        note(notice)
    for folder in found.networks:
        say(f"network: {folder}")
    if found.scores is not None:
        say_table(found.scores.columns(), found.scores.rows())
    elif found.cells:
        say_table(["volume", "cells"], [[name, str(count)] for name, count in found.cells.items()])
    say(f"results: {found.folder}")
