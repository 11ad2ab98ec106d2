"""The parameters of Fiji's commands for cells; see :mod:`epifiji.bridge.fiji.commands`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.bridge.fiji.fields import KEEP_GOING
from epifiji.bridge.fiji.fields import flag as _flag
from epifiji.bridge.fiji.fields import path as _path
from epifiji.data.settings.base import Channel, Settings, names, placed, setting
from epifiji.data.settings.comparison import CellComparisonSettings
from epifiji.data.settings.cyst_jobs import CystSegmentationJob
from epifiji.data.settings.cysts import CystSegmentationSettings
from epifiji.data.settings.jobs import (
    CellComparisonJob,
    CellConversionJob,
    CellForm,
    CellsAroundJob,
    CellSplitJob,
    SegmentationJob,
    StudyJob,
    TrainingJob,
    output,
)
from epifiji.data.settings.segmentation import CellsAroundSettings, SegmentationSettings
from epifiji.data.settings.splitting import CellSplitSettings
from epifiji.data.settings.training import OF_CELLS, Minutes, Rate, Steps, TileSize, TrainingSettings


class SegmentCommand(SegmentationJob, SegmentationSettings):
    """Segments the cells of the open image or movie, or of a file, and shows them as labels and outlines."""

    preview: bool = _flag(
        "Preview",
        "First segment the frame in view, with sliders for how cells are separated; a macro gives their values.",
        default=True,
    )
    rois: bool = _flag(
        "ROIs of the cells",
        "Put the cells into the ROI Manager as polygons, and write them if the results are written.",
    )
    save: bool = _flag(
        "Save next to the image", "Write the results into the folder IMAGE_cells next to the image's file."
    )
    input: str | None = _path(
        "file", "Input", "An image's file, instead of the open image; its results are only written.", "macro"
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class SegmentCystsCommand(CystSegmentationJob, CystSegmentationSettings):
    """Segments and measures the cells of a cyst, the open stack of planes (Z), and shows them in colours over the stack."""

    preview: bool = _flag(
        "Preview",
        "Without a network: first show the seeds of the cells in all planes, with sliders; a macro gives their values.",
        default=True,
    )
    view_3d: bool = _flag(
        "3D view",
        "Show the cells from all sides, as a stack that plays, and write it if the results are written; view_3d=false in a macro "
        "makes none.",
        default=True,
    )
    orthogonal: bool = _flag("Orthogonal views", "Show the labels in sections along all axes too.")
    rois: bool = _flag(
        "ROIs of the cells in each plane",
        "Put the cells of each plane into the ROI Manager as polygons, and write them if the results are written.",
    )
    table: bool = _flag("Show a table", "Show the cells as a table; table=false in a macro shows none.", default=True)
    save: bool = _flag(
        "Save next to the image", "Write the results into the folder VOLUME_epifiji next to the image's file."
    )
    input: str | None = _path(
        "file", "Input", "A volume's file, instead of the open image; its results are only written.", "macro"
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class CorrectCommand(Settings):
    """Corrects segmented cells with the mouse: merge, split, add and delete, with undo. The original file is not changed."""

    cells: str | None = _path(
        "file",
        "Cells",
        "Labels, outlines, a ROI zip, a _seg.npy or a COCO file of the open image, or a folder with one. Default in a "
        "macro: those next to the image.",
        order=2,
    )
    out: str | None = output("Folder for the corrections and the corrected labels. Default: the folder of the cells.")


CELLS = "labels or outlines: an open image's title, a file, or a folder."


class CompareCellsCommand(CellComparisonJob, CellComparisonSettings):
    """Compares segmented cells with annotated ones, and shows which are properly, over- and under-segmented.

    The agreement of two annotators is the comparison of their cells: AP, F1 and Rand index are the same in both directions.
    """

    predicted: str | None = _path(
        "image", "Segmented cells", f"The segmented {CELLS} Default: the active image.", order=0
    )
    annotated: str | None = _path("image", "Annotated cells", f"The annotated {CELLS}", order=1)
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)


class CellsAroundCommand(CellsAroundJob, CellsAroundSettings):
    """Follows the cell of each event and its neighbours from before to after the event, and measures them."""

    results: str | None = _path(
        "folder", "Results", "A result folder, a ROI zip, or events.csv. Dialogs show the open movie's.", order=2
    )
    input: str | None = _path("file", "Movie", "The movie's file, if it is not found through run.json.", "more")
    rois: bool = _flag(
        "Show the outlines in the ROI Manager", "Add the outline of each event's cell in each frame to the ROI Manager."
    )
    table: bool = _flag("Show a table", "Show the events as a table; table=false in a macro shows none.", default=True)


class ConvertCommand(CellConversionJob):
    """Converts cells between ROIs, labels as TIFF or PNG, Cellpose's _seg.npy and COCO's JSON, without losing a pixel."""

    cells: str | None = _path(
        "image",
        "Cells",
        "A ROI zip, labels or outlines, a _seg.npy or a COCO file; a folder of these; or an open image's title. Default: the "
        "ROIs in the ROI Manager.",
        order=0,
    )
    image: str | None = _path(
        "image",
        "Image of these cells",
        "An open image's title or a file, whose size ROIs need. Default: the image of that name next to the cells. For the ROI "
        "Manager it is the active image.",
        order=1,
    )
    show: bool = _flag(
        "Show the result",
        "Open the label image, or put the ROIs into the ROI Manager, if it is a single file.",
        default=True,
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class SplitCommand(CellSplitJob, CellSplitSettings):
    """Splits images with cells into a training and a test part, without the cells that the cut goes through."""

    images: str | None = _path("folder", "Images", "A folder of images with their cells, or one image.", order=0)
    cells: str | None = _path(
        "file", "Cells", "The cells of one image, in any form. Default: those next to the image.", order=1
    )
    table: bool = _flag("Show a table", "Show the parts as a table; table=false in a macro shows none.", default=True)
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


OWN_NETWORK, RANDOM_WEIGHTS = "EpiFiji's own", "random weights"
"""What a study's networks start from, besides a network by name."""

WITHOUT_PROTOCOL = "needed without a protocol"


class StudyCommand(StudyJob):
    """Trains networks for cells on more and more images, and without augmentations, and scores them on other images.

    Escape interrupts the study; the same command with the same settings continues it. The results contain the protocol.
    """

    protocol: str | None = setting(
        None,
        kind="file",
        description="A protocol (YAML), such as the one in the folder of another study. It contains all other settings but the "
        "folder for results: what the dialog shows from the last study is not used.",
        order=0,
        empty="none: the settings below",
        beside=("out", "table", "keep_going"),
    )
    train: str | None = setting(
        None,
        kind="folder",
        description="Images to train on, each with its cells (image_labels.tif, ROIs, outlines or results).",
        label="Training images",
        order=1,
        empty=WITHOUT_PROTOCOL,
    )
    test: str | None = setting(
        None,
        kind="folder",
        description="Other images with their cells, on which the networks are scored; none is trained on.",
        label="Test images",
        order=2,
        empty=WITHOUT_PROTOCOL,
    )
    network: str = setting(
        OWN_NETWORK,
        kind="cell_network",
        description="Name, folder or zip of the network whose weights initialise each training.",
        label="Initial weights",
        order=3,
        words=(OWN_NETWORK, RANDOM_WEIGHTS),
    )
    cells: CellForm = placed(TrainingJob, "cells", order=4)
    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] | None = setting(
        None,
        range="px|auto",
        description="Diameter of the cells in pixels. Default, as for auto: that of the annotated cells in the training, an "
        "estimate from the image in the scoring.",
        order=5,
        empty="as annotated; estimated to score",
    )
    images: Annotated[tuple[Annotated[int, Field(ge=1)], ...] | None, BeforeValidator(names)] = setting(
        None,
        values="numbers",
        description="Numbers of training images of the learning curve, separated by commas, such as 1, 2, 4. Default: all images "
        "only.",
        label="Numbers of training images",
        order=6,
    )
    seeds: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] | None, BeforeValidator(names)] = setting(
        None,
        values="numbers",
        description="Each training is repeated with each of these random seeds, separated by commas. Three or more show the "
        "spread. Default: 1.",
        label="Random seeds",
        order=7,
    )
    leave_out: Annotated[tuple[Literal[OF_CELLS], ...] | None, BeforeValidator(names)] = setting(  # type: ignore[valid-type]
        None,
        values="names",
        description="Augmentations to leave out, one at a time, each in trainings of its own that are compared with those that "
        "have all; separated by commas: " + ", ".join(OF_CELLS) + ".",
        label="Augmentations to leave out",
        order=8,
        empty="none",
    )
    minutes: Minutes = placed(TrainingSettings, "minutes", order=9)
    steps: Steps = placed(TrainingSettings, "steps", "more")
    rate: Rate | None = placed(TrainingSettings, "rate", "more")
    held_out: float = placed(TrainingSettings, "held_out", "more")
    tile_size: TileSize | None = placed(TrainingSettings, "tile_size", "more")
    batch_size: int = placed(TrainingSettings, "batch_size", "more")
    flips: bool = placed(SegmentationSettings, "flips", "more")
    iou: float = placed(CellComparisonSettings, "iou", "more")
    border: Literal["count", "ignore"] = placed(CellComparisonSettings, "border", "more")
    min_area: int = placed(CellComparisonSettings, "min_area", "more")
    channel: Channel = None
    project: Literal["none", "max"] = placed(SegmentationSettings, "project", "more")
    out: str | None = output(
        "The study's folder, which is empty or contains the same study, interrupted. Default: TRAIN_study next to the images, or "
        "PROTOCOL_study next to the protocol."
    )
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")
