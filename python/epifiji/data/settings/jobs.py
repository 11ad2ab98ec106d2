"""Settings of jobs that results do not record: which network and events, where to write, what may be replaced.

`network`, `events`, `out` and `overwrite` have these names on the command line, in macros and in Python.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from epifiji.data.settings.base import Channel, Page, Settings, one_or_several, setting

Overlaps = Literal["refuse", "cut"]
"""What happens to pixels that several cells share: the file is refused, or they belong to the cell that comes first."""

NetworkName = Annotated[
    str | None,
    setting(
        kind="network",
        description="Name, folder or zip of a network. Default: EpiNet, or the one chosen with 'epifiji networks default'.",
        order=3,
    ),
]
CellNetworkName = Annotated[
    str | None,
    setting(
        kind="cell_network",
        description="Name, folder or zip of a network that segments cells. Default: EpiFiji's own.",
        order=3,
    ),
]
AnyNetworkName = Annotated[
    str | None,
    setting(
        kind="any_network",
        description="Name, folder or zip of a network, for events or for cells. Default: EpiNet, or the one chosen with 'epifiji "
        "networks default'.",
        order=3,
    ),
]
OtherMovie = Annotated[
    bool,
    setting(
        description="Use the results even if the movie has other pixels than the one in which the events were detected.",
        label="Accept results of another movie",
        page="more",
    ),
]


EventsOfMovie = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_several),
    setting(
        kind="folder",
        values="results",
        description="A result folder or a ROI zip. Default in ImageJ: the ROIs in the ROI Manager, or without a window those "
        "of the overlay.",
        label="Events",
        order=2,
        also=("results",),
    ),
]


def output(description: str, page: Page = "first", kind: Literal["file", "folder"] = "folder") -> Any:
    """Make the field of a folder or a file to write."""
    return setting(None, kind=kind, description=description, page=page, label="Output", also=("output",))


Conditions = Annotated[
    str | None,
    setting(
        kind="file",
        description="A table with the columns movie and condition. Default: the condition is the name of the folder in which a "
        "result folder lies.",
        page="more",
        empty="the folder's name",
    ),
]
ResultsFolder = Annotated[str | None, output("Folder in which the result folder MOVIE_epifiji is made.", "macro")]


def _overwrite(label: str, description: str) -> Any:
    return setting(description=description, label=label, page="more")


OverwriteResults = Annotated[bool, _overwrite("Overwrite earlier results", "Replace earlier results.")]
OverwriteNetwork = Annotated[
    bool, _overwrite("Overwrite an earlier network", "Replace an earlier network of that name.")
]
OverwriteFiles = Annotated[bool, _overwrite("Overwrite existing files", "Replace files that exist.")]


class DetectionJob(Settings):
    """Which network finds the events of a movie, and where they are written."""

    network: NetworkName = None
    out: ResultsFolder = None
    overwrite: OverwriteResults = False


class TrialJob(Settings):
    """Where the finds of a trial are written."""

    out: str | None = output(
        "Write the finds into the file trial.csv in this folder. Default: only show them.", "macro"
    )
    overwrite: bool = setting(
        False, description="Replace an earlier trial.csv.", label="Overwrite earlier results", page="macro"
    )


class MapsJob(Settings):
    """Where events from kept maps are written, and whether they may belong to another movie."""

    other_movie: OtherMovie = False
    out: ResultsFolder = None
    overwrite: OverwriteResults = False


class ComparisonJob(Settings):
    """What a comparison writes."""

    curve: bool = setting(
        False,
        description="Precision and recall over the threshold, from the probability maps in the detected result folder.",
        label="Threshold curve",
    )
    out: str | None = output(
        "Write scores, ROI zips of matches and errors, and curves into this folder. Default: only show them."
    )
    overwrite: OverwriteResults = False


class SegmentationJob(Settings):
    """Which network segments an image, and what is written where."""

    network: CellNetworkName = None
    rois: bool = setting(
        False, description="Write the cells as polygons too, which the ROI Manager opens.", label="ROIs of the cells"
    )
    out: Annotated[str | None, output("Folder in which the result folder IMAGE_cells is made.", "macro")] = None
    overwrite: OverwriteResults = False


class CellComparisonJob(Settings):
    """What a comparison of cells writes."""

    out: str | None = output("Write scores and a picture of each image into this folder. Default: only show them.")
    overwrite: OverwriteResults = False


class CellsAroundJob(Settings):
    """Which events' cells are measured, and where the results are written."""

    network: CellNetworkName = None
    from_rois: str | None = setting(
        None,
        kind="file",
        description="Measure again with the outlines in this ROI zip: the one of an earlier measurement, in which outlines were "
        "changed.",
        label="Changed outlines",
        empty="none",
        page="more",
    )
    out: str | None = output("Folder to write into. Default: the folder cells in the result folder.")
    overwrite: OverwriteResults = False
    other_movie: OtherMovie = False


class CellCorrectionJob(Settings):
    """Where corrected cells are written."""

    out: str | None = output("Folder for IMAGE_corrected_labels.tif. Default: the folder of the labels.")
    overwrite: OverwriteResults = False


class CellConversionJob(Settings):
    """Into which format cells are converted, and where they are written."""

    to: Literal["tif", "png", "rois", "cellpose", "coco"] = setting(
        "tif",
        description="tif: labels as TIFF. png: labels as PNG of 16 bits. rois: a zip for ImageJ's ROI Manager. cellpose: "
        "Cellpose's _seg.npy. coco: polygons in COCO's JSON.",
        label="Format",
    )
    overlaps: Overlaps = setting(
        "refuse",
        description="Pixels that belong to several drawn cells: the file is refused (refuse), or the cell that comes first keeps "
        "them (cut).",
        label="Overlapping cells",
    )
    channel: Channel = None
    out: str | None = output("Folder to write into. Default: the folder of the cells.")
    overwrite: OverwriteFiles = False


class CellSplitJob(Settings):
    """Where images with cells are written that were split."""

    out: str | None = output("Folder for train and test, each with images and labels, and for split.csv.")
    overwrite: OverwriteFiles = False


class EvaluationJob(Settings):
    """Where an evaluation is written."""

    out: str | None = output("Write tables, curves and a record into this folder. Default: only show them.")
    overwrite: OverwriteResults = False


class CalibrationJob(Settings):
    """The name of the network with calibrated scores, and where the measured reliability is written."""

    name: str | None = setting(
        None,
        values="name",
        description="Name of the network with calibrated scores. Default: that of the network with _calibrated.",
        label="Name of the new network",
    )
    out: str | None = output("Folder for tables, picture and record. Default: the new network's folder.")
    overwrite: OverwriteNetwork = False


class StatisticsJob(Settings):
    """Where plots are written, and whether the events may belong to another movie."""

    out: str | None = output("Write plots and tables into this folder. Default in ImageJ: only show them.")
    overwrite: OverwriteResults = False
    other_movie: OtherMovie = False


class ReportJob(Settings):
    """The conditions of movies, where a report is written, and whether the events may belong to another movie."""

    conditions: Conditions = None
    out: str | None = output(
        "Write report.html and report.pdf into this folder. Default for one movie: the folder report in its result folder."
    )
    overwrite: OverwriteResults = False
    other_movie: OtherMovie = False


class PoolJob(Settings):
    """The conditions of movies, and where their pooled events are written."""

    conditions: Conditions = None
    out: str | None = output("Write tables and a plot into this folder.")
    overwrite: OverwriteResults = False


class EventExportJob(Settings):
    """In which format events are exported, and into which file."""

    format: Literal["trackmate", "napari", "geojson"] = setting(
        "trackmate",
        description="trackmate: spots in an XML file of TrackMate. napari: a table of points. geojson: points, or the polygons "
        "of segmented cells, for QuPath.",
    )
    out: str | None = output(
        "The file to write. Default: MOVIE_trackmate.xml, MOVIE_napari.csv or MOVIE.geojson with the results.",
        "more",
        "file",
    )
    overwrite: OverwriteFiles = False
    other_movie: OtherMovie = False


class NewNetworkJob(Settings):
    """Whether an imported network may replace an earlier one."""

    overwrite: OverwriteNetwork = False


CellForm = Literal["auto", "tissue", "separate"]
"""What annotated cells are: a tissue whose cells meet at borders, or separate cells; auto is what a network segments."""


class RetrainingJob(Settings):
    """The name of a trained network, and where its figures are written."""

    name: str | None = setting(
        None,
        values="name",
        description="Name of the new network. Default: a name made from the data.",
        label="Name of the new network",
    )
    out: str | None = output("Folder for figures and training.json. Default: the new network's folder.", "more")
    overwrite: OverwriteNetwork = False


class TrainingJob(RetrainingJob):
    """The name of a trained network, where its figures are written, and its initial weights."""

    network: str | None = setting(
        None,
        values="name|dir|zip",
        description="Name, folder or zip of the EpiNet, or network for cells, to start from. Default for events: the default "
        "network if it is an EpiNet, otherwise EpiFiji's own. Default for cells: EpiFiji's own.",
        label="Initial weights",
        page="more",
        also=("begin_with",),
    )
    from_scratch: bool = setting(
        False, description="Start from random weights.", label="Random initial weights", page="more"
    )
    cells: CellForm = setting(
        "auto",
        description="What the annotated cells are: a tissue whose cells meet at borders, or separate cells, which may touch. "
        "Auto is what the network to start from segments, otherwise a tissue.",
        label="Cells are",
        page="more",
    )


class StudyJob(Settings):
    """Where a study writes its networks, tables and plots."""

    out: str | None = output(
        "The study's folder, which is empty or contains the same study, interrupted. Default: PROTOCOL_study here."
    )


class NewMovieJob(Settings):
    """Which events are cropped or rescaled with a movie, and where both are written."""

    events: EventsOfMovie = ()
    out: str | None = output(
        "Write the new movie and its ROI zips into this folder. Default: next to the movie, or in ImageJ only show them."
    )
    overwrite: OverwriteFiles = False
    other_movie: OtherMovie = False


class GalleryJob(Settings):
    """Which events are shown, and in which file."""

    events: EventsOfMovie = ()
    out: str | None = output("The .png or .tif file to write.", "macro", "file")
    overwrite: bool = setting(False, description="Replace that file.", page="macro")
    other_movie: OtherMovie = False


class SimulationJob(Settings):
    """Whether simulated movies or cysts may replace earlier ones."""

    overwrite: OverwriteFiles = False


class ExportJob(Settings):
    """Which file a network is exported to."""

    out: str | None = output("An ONNX model (.onnx), or a package for bioimage.io (.zip).", kind="file")
    overwrite: OverwriteFiles = False


class MovieFile(Settings):
    """Which channel of a movie's file to use."""

    channel: Channel = None
