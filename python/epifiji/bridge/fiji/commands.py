"""The parameters of Fiji's menu commands: the fields of dialogs, which the recorder writes and macros give as options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from epifiji.data.settings.base import LAST, OTHER_MOVIE, Page, Settings, names, setting
from epifiji.data.settings.comparison import ComparisonSettings, StatisticsSettings
from epifiji.data.settings.detection import DetectionSettings, EventSettings
from epifiji.data.settings.evaluation import EvaluationSettings
from epifiji.data.settings.movies import (
    CropSettings,
    FramesAfter,
    FramesBefore,
    GallerySettings,
    HalfSize,
    ScalingSettings,
    Zoom,
)
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings

DETECT, OPEN, SHOW_MAPS = "Detect Epithelial Events...", "Open Epithelial Events...", "Show Event Probability Maps..."
REVIEW, ADJUST = "Review Epithelial Events...", "Adjust Event Thresholds..."
COMPARE, PLOT = "Compare Event ROIs...", "Plot Event Statistics..."
SCORE, GALLERY = "Score Events at Random...", "Show Event Gallery..."
EVALUATE, TRAIN, RETRAIN = "Evaluate Event Network...", "Train Event Network...", "Retrain from Review..."
CROP, RESCALE = "Crop Movie and Events...", "Rescale Movie and Events..."
STOP, CHECK = "Stop EpiFiji Engine", "Check EpiFiji Installation"


def _flag(label: str, description: str, page: Page = "first", default: bool = False) -> Any:
    return setting(default, description=description, page=page, label=label)


def _path(
    kind: Literal["file", "folder"], label: str, description: str, page: Page = "first", order: int = LAST
) -> Any:
    return setting(None, kind=kind, description=description, page=page, label=label, order=order)


NETWORK = "Name, folder or zip of a network. Default: EpiNet, or the one chosen with 'epifiji networks default'."
REPLACE = (
    "Empty the ROI Manager first, of your own ROIs too. By default only EpiFiji's earlier ROIs of the same movie are replaced, "
    "and those that you moved or renamed stay."
)
TABLE = "Show the events as a table too; table=false in a macro shows none."
KEEP_GOING = (
    "In a macro, continue after an error: call('java.lang.System.getProperty', 'epifiji.error', '') then returns the message, "
    "which is empty if there was no error."
)


OF_ANOTHER_MOVIE = _flag("Results of another movie", OTHER_MOVIE, "more")


class DetectCommand(DetectionSettings):
    """Finds cell events in the open movie, or in a file."""

    network: str | None = setting(None, kind="network", description=NETWORK, order=3)
    replace_rois: bool = _flag("Replace the ROIs in the manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    save: bool = _flag(
        "Save beside the movie", "Write the results into the folder MOVIE_epifiji beside the movie's file."
    )
    output: str | None = _path(
        "folder", "Output", "Write the results into the folder MOVIE_epifiji in this folder.", "macro"
    )
    input: str | None = _path(
        "file", "Input", "A movie's file, instead of the open image; its results are only written.", "macro"
    )
    overwrite: bool = _flag("Overwrite saved results", "Replace earlier results in that folder.", "more")
    keep_going: bool = _flag("Keep going", KEEP_GOING, "macro")


class OpenCommand(Settings):
    """Shows the events of an earlier run, EpiFiji's or the authors', on the open movie."""

    results: str | None = _path("folder", "Results", "A result folder, a ROI zip, or events.csv.", order=2)
    replace_rois: bool = _flag("Replace the ROIs in the manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    other_movie: bool = OF_ANOTHER_MOVIE


class ShowMapsCommand(Settings):
    """Shows kept probability maps in colour over the movie."""

    results: str | None = _path(
        "folder", "Results", "A result folder with maps. Default: that of the open movie.", order=2
    )
    other_movie: bool = OF_ANOTHER_MOVIE


class ReviewCommand(Settings):
    """Shows events one by one: y keeps, n rejects, u undoes; the decisions are written after every key."""

    results: str | None = _path(
        "folder", "Results", "A result folder or a ROI zip. Default: the ROIs in the manager.", order=2
    )
    events: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="classes",
        description="Classes to review, separated by commas. Default: all.",
        label="Event classes",
        order=8,
    )
    order: Literal["time", "score", "random"] = setting(
        "time", description="Order: by time, by score (lowest first), or at random."
    )
    seed: int = setting(
        1,
        ge=0,
        values="number",
        description="Seed of the random order.",
        label="Seed of chance",
        page="more",
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 3
    loop: bool = _flag("Show it as a loop", "Show the frames one after the other instead of side by side.")
    only_kept: bool = _flag(
        "Leave only kept ROIs in the manager",
        "At the end, put the kept and added events into the ROI Manager in place of the reviewed ROIs. Your other ROIs stay.",
    )
    review: str | None = _path(
        "folder", "Folder of the review", "The folder of review.csv. Default: the result folder.", "more"
    )
    other_movie: bool = OF_ANOTHER_MOVIE


class AdjustCommand(EventSettings):
    """Sliders for the thresholds of kept probability maps; the events on the movie follow. A macro gives the values."""

    results: str | None = _path(
        "folder", "Results", "A result folder with maps. Default: that of the open movie.", order=2
    )
    replace_rois: bool = _flag("Replace the ROIs in the manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    save: bool = _flag(
        "Save in the result folder", "Put the events into the result folder, in place of those that are there."
    )
    other_movie: bool = OF_ANOTHER_MOVIE


class CompareCommand(ComparisonSettings):
    """Compares detected events with a reference: matches green, false positives red, false negatives yellow."""

    detected: str | None = _path(
        "folder",
        "Detected",
        "A result folder, a ROI zip, or events.csv. Default: the ROIs in the manager.",
        order=0,
    )
    reference: str | None = _path(
        "file", "Reference", "The reference: a result folder, a ROI zip, or events.csv.", order=1
    )
    curve: bool = _flag(
        "Curve over the threshold",
        "Precision and recall over the threshold, from the probability maps in the detected result folder.",
    )
    output: str | None = _path(
        "folder",
        "Output",
        "Write scores, ROI zips of matches and errors, and curves into this folder. Default: only show them.",
    )
    overwrite: bool = _flag("Overwrite", "Replace an earlier comparison in that folder.", "more")
    replace_rois: bool = _flag("Replace the ROIs in the manager", REPLACE)
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)
    other_movie: bool = OF_ANOTHER_MOVIE


class EvaluateCommand(EvaluationSettings):
    """Evaluates networks on annotated movies: precision, recall and F1 over thresholds, and which network is better."""

    network: str | None = setting(None, kind="network", description=NETWORK, order=3)
    other_networks: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="names",
        description="Others to compare it with, by name, folder or zip, separated by commas.",
        order=4,
    )
    folder: str | None = _path(
        "folder",
        "Annotated movies",
        "Movies, each with its events beside it: for movie.tif movie_cell_death.zip and so on.",
        order=5,
    )
    output: str | None = _path(
        "folder", "Output", "Write tables, curves and a record into this folder. Default: only show them."
    )
    overwrite: bool = _flag("Overwrite", "Replace an earlier evaluation in that folder.", "more")
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)


class PlotCommand(StatisticsSettings):
    """Plots events over time and tissue: rate, density, and nearest neighbours compared with random positions."""

    results: str | None = _path(
        "folder",
        "Results",
        "A result folder, a ROI zip, or events.csv. Default: the ROIs in the manager.",
        order=2,
    )
    output: str | None = _path("folder", "Output", "Write plots and tables into this folder. Default: only show them.")
    overwrite: bool = _flag("Overwrite", "Replace earlier plots in that folder.", "more")
    table: bool = _flag("Show a table", "Show the summary as a table; table=false in a macro shows none.", default=True)
    other_movie: bool = OF_ANOTHER_MOVIE


class ScoreCommand(Settings):
    """Draws some events at random for you to score, y or n, and reports the precision. ROIs and results are not changed."""

    results: str | None = _path(
        "folder", "Results", "A result folder or a ROI zip. Default: the ROIs in the manager.", order=2
    )
    number: int = setting(
        50, ge=1, le=100_000, values="number", description="Number of events to draw.", label="How many events"
    )
    each_class: bool = _flag(
        "So many of each class", "Draw this number of events of each class instead of all classes together."
    )
    events: Annotated[tuple[str, ...] | None, BeforeValidator(names)] = setting(
        None,
        values="classes",
        description="Classes to draw from, separated by commas. Default: all.",
        label="Event classes",
        order=8,
    )
    seed: int = setting(
        1, ge=0, values="number", description="Seed of the random draw.", label="Seed of chance", page="more"
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 3
    loop: bool = _flag("Show it as a loop", "Show the frames one after the other instead of side by side.")
    output: str | None = _path("folder", "Output", "Write score.csv into this folder. Default: only show a table.")
    overwrite: bool = _flag("Overwrite", "Replace an earlier score.csv in that folder.", "more")
    other_movie: bool = OF_ANOTHER_MOVIE


NEW_NETWORK = "Name of the new network. Default: a name made from the data."
TRAINING_TABLE = "Show the scores on held-out events as a table; table=false in a macro shows none."


class NewNetworkCommand(TrainingSettings):
    """The parameters that all commands share that train a network."""

    name: str | None = setting(None, values="name", description=NEW_NETWORK, label="Name of the new network")
    output: str | None = _path(
        "folder", "Output", "Write pictures and training.json into this folder instead of the new network's.", "more"
    )
    overwrite: bool = _flag("Overwrite", "Replace an earlier network of that name.", "more")
    table: bool = _flag("Show a table", TRAINING_TABLE, default=True)
    keep_going: bool = _flag("Keep going", KEEP_GOING, "macro")


class TrainCommand(NewNetworkCommand):
    """Trains a network on annotated movies, with event classes of any names. If cancelled, it continues when started again."""

    folder: str | None = _path(
        "folder", "Annotated movies", "Movies, each with its events as ROIs in MOVIE_<class>.zip beside it.", order=5
    )
    begin_with: str | None = setting(
        None,
        values="name",
        description="Name, folder or zip of the EpiNet to start from. Default: the default network if it is an EpiNet, otherwise "
        "EpiFiji's own.",
        page="more",
    )
    from_scratch: bool = _flag("Begin with nothing", "Start from random weights.", "more")


class RetrainCommand(RetrainingSettings, NewNetworkCommand):
    """Retrains a network with a review: events that you kept, rejected, added and corrected. The old network is not changed.

    A cancelled training continues when it is started again.
    """

    network: str | None = setting(
        None,
        kind="network",
        description="The network to retrain, which is not changed. Default in a macro: the one that found the events.",
        order=3,
    )
    results: str | None = _path(
        "folder",
        "Reviewed results",
        "The result folder with the review. Default: that of the open movie.",
        order=2,
    )
    folder: str | None = _path(
        "folder",
        "Annotated movies",
        "A folder of movies with their events as ROIs, to train on in addition or instead.",
        order=5,
    )


EVENTS_ALONG = (
    "A result folder or a ROI zip. Default: the ROIs in the manager, or without a window those of the overlay."
)
NEW_FILES = "Write the new movie and ROI zips into this folder instead of opening them."
MOVIE_FILE = "A movie's file, instead of the open image; the result is only written. Default folder: that of the movie."
NEW_ROIS = (
    "Put the new ROIs into the ROI Manager, in place of the ROIs in it. The new image always has them as its overlay."
)


class NewMovieCommand(Settings):
    """The parameters that all commands share that make a new movie and its ROIs."""

    results: str | None = _path("folder", "Events", EVENTS_ALONG, order=2)
    output: str | None = _path("folder", "Output", NEW_FILES)
    replace_rois: bool = _flag("Replace the ROIs in the manager", NEW_ROIS)
    overwrite: bool = _flag("Overwrite", "Replace earlier files of these names in that folder.", "more")
    input: str | None = _path("file", "Input", MOVIE_FILE, "macro")
    other_movie: bool = OF_ANOTHER_MOVIE


class CropCommand(NewMovieCommand, CropSettings):
    """Crops the open movie in space and time, with its events. A rectangular selection gives the position."""


class RescaleCommand(NewMovieCommand, ScalingSettings):
    """Rescales the open movie in space and time, with its events."""


class GalleryCommand(GallerySettings):
    """Shows each event as a row of crops of the open movie over time."""

    results: str | None = _path("folder", "Events", EVENTS_ALONG, order=2)
    output: str | None = _path("file", "Output", "A .png or .tif to write the gallery to as well.", "macro")
    overwrite: bool = _flag("Overwrite", "Replace that file.", "macro")
    other_movie: bool = OF_ANOTHER_MOVIE


class CheckCommand(Settings):
    """Checks the installation, and reports what is wrong and what to do."""


class StopCommand(Settings):
    """Stops the Python process that runs the networks; the next command starts it again."""

    exit_code: int | None = setting(
        None,
        ge=0,
        le=255,
        description="In a macro without a window: end ImageJ too, with this exit code.",
        page="macro",
    )


COMMANDS: dict[str, type[Settings]] = {
    DETECT: DetectCommand,
    OPEN: OpenCommand,
    REVIEW: ReviewCommand,
    ADJUST: AdjustCommand,
    SHOW_MAPS: ShowMapsCommand,
    COMPARE: CompareCommand,
    EVALUATE: EvaluateCommand,
    TRAIN: TrainCommand,
    RETRAIN: RetrainCommand,
    PLOT: PlotCommand,
    SCORE: ScoreCommand,
    GALLERY: GalleryCommand,
    CROP: CropCommand,
    RESCALE: RescaleCommand,
    STOP: StopCommand,
    CHECK: CheckCommand,
}
"""The commands of Plugins > EpiFiji by their labels."""
