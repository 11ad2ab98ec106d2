"""The commands on segmented cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epifiji.bridge.cli.batch import Batch, require_separate_folders
from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, MovieOption, with_settings
from epifiji.bridge.streams import note, plain, say
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.data.settings.jobs import (
    CellComparisonJob,
    CellConversionJob,
    CellCorrectionJob,
    CellsAroundJob,
    CellSplitJob,
    SegmentationJob,
)
from epifiji.data.settings.segmentation import CellsAroundSettings, SegmentationSettings
from epifiji.data.settings.splitting import CellSplitSettings

if TYPE_CHECKING:
    from epifiji.jobs.cells.segmentation import Segmentation

cells_app = typer.Typer()


@cells_app.command("segment")
@with_settings(SegmentationJob, SegmentationSettings)
def segment(
    *,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|MOVIE...",
            help="TIFF, PNG or JPEG files, HDF5 as file.h5:/dataset, movie.zarr, or 'frames/*.tif'.",
        ),
    ],
    network: str | None,
    rois: bool,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Segment the cells of images or movies; the results are written into IMAGE_cells next to each image."""
    from epifiji.files.movies.movie_file import movie_name, split_path
    from epifiji.files.movies.sequences import named_movies
    from epifiji.files.results.cell_results import cells_folder, require_free_for_cells
    from epifiji.jobs.cells.segmentation import open_image
    from epifiji.jobs.cells.segmentation import segment as run
    from epifiji.jobs.executors import executor_for
    from epifiji.jobs.networks import cell_network_of

    chosen = parse_settings(SegmentationSettings, settings)
    images = named_movies(images)
    places = {image: cells_folder(movie_name(image), split_path(image)[0].parent, out) for image in images}
    require_separate_folders(images, places)
    loaded = cell_network_of(network)
    batch = Batch(len(images))
    with executor_for(chosen) as executor:
        for image, folder in places.items():
            with batch.failures_reported(image):
                opened = open_image(image, chosen)
                require_free_for_cells(folder, opened.name, overwrite)
                with ProgressBar(opened.name, silent=as_json) as report:
                    found = run(opened, loaded, report, executor, **settings)
                    found.save(folder, overwrite, report, rois=rois)
                batch.summaries.append(_report_cells(found, folder, as_json))
    if as_json:
        say_json({"results": batch.summaries, "failed": batch.failures})
    batch.end("images")


def _report_cells(found: Segmentation, folder: Path, as_json: bool) -> dict[str, Any]:
    """Print a segmentation's notices and, unless `as_json`, its summary; return the summary as JSON types."""
    for notice in found.notices:
        note(notice)
    network = found.record["network"]
    if not as_json:
        frames = len(found.counts)
        say(f"{found.movie.name}: {sum(found.counts)} cells" + (f" in {frames} frames" if frames > 1 else ""))
        say(f"network: {plain(network['name'])}")
        say(f"results: {folder}")
    return {
        "image": found.movie.name,
        "folder": str(folder),
        "network": {key: network[key] for key in ("name", "source", "sha256")},
        "cells": found.counts,
        "cell_diameter_px": found.diameter_px,
        "seconds": found.record["seconds"],
        "notices": list(found.notices),
    }


@cells_app.command("compare-cells")
@with_settings(CellComparisonJob, CellComparisonSettings)
def compare_cells(
    *,
    predicted: Annotated[
        Path, typer.Argument(metavar="PREDICTED", help="An image of labels or outlines, or a folder of them.")
    ],
    annotated: Annotated[Path, typer.Argument(metavar="ANNOTATED", help="The same for the annotated cells.")],
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Compare predicted with annotated cells: matches, segmentation quality, Rand index, outlines."""
    from epifiji.jobs.cells.compare import compare_cells as run

    with ProgressBar("compare", silent=as_json) as report:
        found = run(predicted, annotated, report, **settings)
        files = found.save(out, overwrite, report) if out is not None else []
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in files]})
        return
    for notice in found.notices:
        note(notice)
    say_table(found.columns(), found.rows())
    if out is not None:
        say(f"written: {out}")


@cells_app.command()
@with_settings(CellsAroundJob, CellsAroundSettings)
def cells(
    *,
    results: Annotated[str, typer.Argument(metavar="RESULTS", help="A result folder, events.csv or a ROI zip.")],
    movie: MovieOption = None,
    network: str | None,
    from_rois: Path | None,
    out: Path | None,
    overwrite: bool,
    other_movie: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Follow and measure the cells around events: areas, neighbours, junctions, aligned at the end of each cell."""
    from epifiji.files.results.cells_around import FILES, default_folder
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.cells.around_events import measure_cells

    require_absent(out or default_folder(Path(results)), FILES, overwrite)
    with ProgressBar("cells", silent=as_json) as report:
        found = measure_cells(results, movie, network, from_rois, report, other_movie, **settings)
    files = found.save(out, overwrite)
    if as_json:
        say_json(found.to_dict() | {"files": [str(file) for file in files]})
        return
    for notice in found.notices:
        note(notice)
    for sentence in found.in_words():
        say(sentence)
    for trace in found.traces:
        if trace.problem:
            say(f"event {trace.number} ({trace.event.event}, frame {trace.event.frame + 1}): {trace.problem}")
    say(f"written: {files[0].parent}")


@cells_app.command("correct-cells")
@with_settings(CellCorrectionJob)
def correct_cells(
    *,
    labels: Annotated[
        Path, typer.Argument(metavar="LABELS", help="A file of labels or outlines, or a folder with one.")
    ],
    corrections: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CORRECTIONS]", help="IMAGE_corrections.json. Default: the file of this name next to the labels."
        ),
    ] = None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
) -> None:
    """Apply corrections that were made in Fiji to the same labels, and write the corrected labels."""
    from epifiji.jobs.cells.correct import correct_cells as run
    from epifiji.jobs.cells.correct import find_labels

    made = run(labels, corrections, out or find_labels(labels).parent, overwrite)
    if as_json:
        say_json({"corrections": made.counts, "file": str(made.file), "notices": list(made.notices)})
        return
    for notice in made.notices:
        note(notice)
    say_table(["correction", "number"], [[what, str(count)] for what, count in made.counts.items()])
    say(f"written: {made.file}")


@cells_app.command("convert-cells")
@with_settings(CellConversionJob)
def convert_cells(
    *,
    cells: Annotated[
        list[Path],
        typer.Argument(
            metavar="CELLS...", help="Labels or outlines as TIFF or PNG, ROI zips, Cellpose's _seg.npy, COCO's JSON."
        ),
    ],
    image: Annotated[
        Path | None,
        typer.Option(
            "--image", metavar="IMAGE", help="The image of the cells. Default: the image of that name next to them."
        ),
    ] = None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Convert cells between labels, ROIs, Cellpose's _seg.npy and COCO polygons."""
    from epifiji.jobs.cells.convert import convert_cells as run

    batch = Batch(len(cells))
    for file in cells:
        with batch.failures_reported(str(file)):
            made = run(file, image, out, overwrite, **settings)
            for notice in made.notices:
                note(notice)
            for path, count in zip(made.files, made.counts, strict=True):
                if not as_json:
                    say(f"{count} cells: {path}")
                batch.summaries.append({"file": str(path), "cells": count})
    if as_json:
        say_json({"files": batch.summaries, "failed": batch.failures})
    batch.end("files")


@cells_app.command("split-cells")
@with_settings(CellSplitJob, CellSplitSettings)
def split_cells(
    *,
    images: Annotated[
        Path, typer.Argument(metavar="IMAGES", help="An image with its cells, or a folder of images with their cells.")
    ],
    cells: Annotated[
        Path | None, typer.Argument(metavar="[CELLS]", help="The cells of the image. Default: those next to it.")
    ] = None,
    out: Path,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Split images with cells into a training and a test part, without the cells that the cut goes through."""
    from epifiji.jobs.cells.split import split_cells as run

    made = run(images, cells, out=out, overwrite=overwrite, **settings)
    if as_json:
        say_json({"files": [str(file) for file in made.files], "parts": made.rows, "removed": made.removed})
        return
    for notice in made.notices:
        note(notice)
    say_table(["image", "part", "cells"], [[row["image"], row["part"], str(row["cells"])] for row in made.rows])
    cells_in = made.cells
    say(f"train: {cells_in['train']} cells, test: {cells_in['test']}, removed on cuts: {sum(made.removed.values())}")
    say(f"written: {out}")
