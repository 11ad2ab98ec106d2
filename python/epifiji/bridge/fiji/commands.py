"""The parameters of Fiji's menu commands: the fields of dialogs, which the recorder writes and macros give as options."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epifiji.bridge.fiji.cell_commands import (
    CellsAroundCommand,
    CompareCellsCommand,
    ConvertCommand,
    CorrectCommand,
    SegmentCommand,
    SegmentCystsCommand,
    SplitCommand,
    StudyCommand,
)
from epifiji.bridge.fiji.fields import KEEP_GOING, NAVIGATOR, REPLACE, TABLE
from epifiji.bridge.fiji.fields import flag as _flag
from epifiji.bridge.fiji.fields import path as _path
from epifiji.bridge.fiji.many_commands import DetectManyCommand, PoolCommand
from epifiji.bridge.fiji.network_commands import (
    CalibrateCommand,
    EvaluateCommand,
    ExportNetworkCommand,
    FetchNetworkCommand,
    ImportNetworkCommand,
    ManageNetworksCommand,
    RetrainCommand,
    TrainCommand,
)
from epifiji.data.review import Order
from epifiji.data.settings.base import Settings, setting
from epifiji.data.settings.comparison import ComparisonSettings, StatisticsSettings
from epifiji.data.settings.detection import DetectionSettings, EventClasses, EventSettings
from epifiji.data.settings.figures import FigureSettings
from epifiji.data.settings.jobs import (
    ComparisonJob,
    DetectionJob,
    EvaluationJob,
    EventExportJob,
    GalleryJob,
    NewMovieJob,
    OtherMovie,
    OverwriteResults,
    ReportJob,
    StatisticsJob,
    TrialJob,
    output,
)
from epifiji.data.settings.movies import (
    CropSettings,
    FramesAfter,
    FramesBefore,
    GallerySettings,
    HalfSize,
    ScalingSettings,
    Zoom,
)
from epifiji.data.settings.reports import ReportSettings
from epifiji.data.settings.scoring import CompleteCheckSettings, ExpectedScoresSettings
from epifiji.data.settings.trial import TrialSettings

DETECT, OPEN, SHOW_MAPS = "Detect Epithelial Events...", "Open Epithelial Events...", "Show Event Probability Maps..."
TRY = "Try Networks Here"
DETECT_MANY, POOL = "Detect in Many Movies...", "Pool Results of Movies..."
REVIEW, ADJUST = "Review Epithelial Events...", "Adjust Event Thresholds..."
SEGMENT, CYSTS = "Segment Epithelium...", "Segment Cysts..."
CELLS_AROUND = "Measure Cells around Events..."
REPORT = "Write Event Report..."
COMPARE, PLOT, EXPORT = "Compare Event ROIs...", "Plot Event Statistics...", "Export Events..."
COMPARE_CELLS, CONVERT, SPLIT = "Compare Cells...", "Convert Cells...", "Split Cells..."
SCORE, GALLERY = "Score Events at Random...", "Show Event Gallery..."
ESTIMATE, COMPLETE = "Estimate Event Scores...", "Check Boxes Completely..."
EVALUATE, TRAIN, RETRAIN = "Evaluate Event Network...", "Train Event Network...", "Retrain from Review..."
STUDY, CALIBRATE = "Study Cells...", "Calibrate Event Scores..."
MANAGE, EXPORT_NETWORK = "Manage EpiFiji Networks", "Export EpiFiji Network..."
IMPORT, FETCH = "Import EpiFiji Network...", "Fetch DeXtrusion Network..."
CORRECT = "Correct Cells..."
CROP, RESCALE = "Crop Movie and Events...", "Rescale Movie and Events..."
STOP, CHECK, PYTHON = "Stop EpiFiji Engine", "Check EpiFiji Installation", "EpiFiji's Python..."


class DetectCommand(DetectionJob, DetectionSettings):
    """Finds cell events in the open movie, or in a file."""

    replace_rois: bool = _flag("Replace the ROIs in the ROI Manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    navigator: bool = _flag("Open the navigator", NAVIGATOR, default=True)
    save: bool = _flag(
        "Save next to the movie", "Write the results into the folder MOVIE_epifiji next to the movie's file."
    )
    input: str | None = _path(
        "file", "Input", "A movie's file, instead of the open image; its results are only written.", "macro"
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class TryCommand(TrialSettings, TrialJob):
    """Tries all networks at one place of the open movie, in a few frames, and suggests settings for detection."""

    table: bool = _flag(
        "Show a table", "Show the finds of all networks as a table; table=false shows none.", "macro", True
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class OpenCommand(Settings):
    """Shows the events of an earlier run, EpiFiji's or the authors', on the open movie."""

    results: str | None = _path("folder", "Results", "A result folder, a ROI zip, or events.csv.", order=2)
    replace_rois: bool = _flag("Replace the ROIs in the ROI Manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    navigator: bool = _flag("Open the navigator", NAVIGATOR, default=True)
    other_movie: OtherMovie = False


class ShowMapsCommand(Settings):
    """Shows kept probability maps in colour over the movie."""

    results: str | None = _path(
        "folder", "Results", "A result folder with maps. Dialogs show the open movie's.", order=2
    )
    other_movie: OtherMovie = False


class ReviewCommand(Settings):
    """Shows events one by one: y keeps, n rejects, u undoes; the decisions are written after every key."""

    results: str | None = _path(
        "folder", "Results", "A result folder or a ROI zip. Default: the ROIs in the manager.", order=2
    )
    events: EventClasses = Field(None, description="Classes to review, separated by commas. Default: all.")
    order: Order = setting(
        "time",
        description="Order: by time, by score (lowest first), at random, informative: spread over the scores, so that a short "
        "review tells most about all events; or disagreement: first the events that the cells around them contradict.",
    )
    seed: int = setting(
        1,
        ge=0,
        values="number",
        description="Seed of the random and the informative order.",
        label="Random seed",
        page="more",
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 3
    loop: bool = _flag("Show as a loop", "Show the frames one after the other instead of side by side.")
    only_kept: bool = _flag(
        "Replace the reviewed ROIs by the kept events",
        "At the end, put the kept and added events into the ROI Manager in place of the reviewed ROIs. Your other ROIs stay.",
    )
    review: str | None = _path(
        "folder", "Review folder", "The folder of review.csv. Default: the result folder.", "more"
    )
    other_movie: OtherMovie = False


class AdjustCommand(EventSettings):
    """Sliders for the thresholds of kept probability maps; the events on the movie follow. A macro gives the values."""

    results: str | None = _path(
        "folder", "Results", "A result folder with maps. Dialogs show the open movie's.", order=2
    )
    replace_rois: bool = _flag("Replace the ROIs in the ROI Manager", REPLACE)
    table: bool = _flag("Show a table", TABLE, default=True)
    save: bool = _flag(
        "Save in the result folder", "Put the events into the result folder, in place of those that are there."
    )
    other_movie: OtherMovie = False


class CompareCommand(ComparisonJob, ComparisonSettings):
    """Compares detected events with a reference: matches green, false positives red, false negatives blue."""

    detected: str | None = _path(
        "folder",
        "Detected",
        "A result folder, a ROI zip, or events.csv. Default: the ROIs in the manager.",
        order=0,
    )
    reference: str | None = _path(
        "file", "Reference", "The reference: a result folder, a ROI zip, or events.csv.", order=1
    )
    replace_rois: bool = _flag("Replace the ROIs in the ROI Manager", REPLACE)
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)
    other_movie: OtherMovie = False


class PlotCommand(StatisticsJob, StatisticsSettings, FigureSettings):
    """Plots events over time and tissue: rate, density, and nearest neighbours compared with random positions."""

    results: str | None = _path(
        "folder",
        "Results",
        "A result folder, a ROI zip, or events.csv. Default: the ROIs in the manager.",
        order=2,
    )
    table: bool = _flag("Show a table", "Show the summary as a table; table=false in a macro shows none.", default=True)


class ReportCommand(ReportJob, ReportSettings):
    """Writes a report of results as one HTML file and as PDF: plots, maps, clips, review and methods."""

    results: str | None = _path(
        "folder",
        "Results",
        "A result folder, or a folder of result folders. Dialogs show the open movie's.",
        order=2,
    )
    show: bool = _flag("Show the report", "Open the report in the web browser.", default=True)


class ScoreCommand(Settings):
    """Draws some events at random for you to score, y or n, and reports the precision. ROIs and results are not changed."""

    results: str | None = _path(
        "folder", "Results", "A result folder or a ROI zip. Default: the ROIs in the manager.", order=2
    )
    number: int = setting(
        50, ge=1, le=100_000, values="number", description="Number of events to draw.", label="Number of events"
    )
    each_class: bool = _flag(
        "This number for each class", "Draw this number of events of each class instead of all classes together."
    )
    events: EventClasses = Field(None, description="Classes to draw from, separated by commas. Default: all.")
    seed: int = setting(
        1, ge=0, values="number", description="Seed of the random draw.", label="Random seed", page="more"
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
    zoom: Zoom = 3
    loop: bool = _flag("Show as a loop", "Show the frames one after the other instead of side by side.")
    out: str | None = output("Write score.csv into this folder. Default: only show a table.")
    overwrite: OverwriteResults = False
    other_movie: OtherMovie = False


class EstimateScoresCommand(EvaluationJob, ExpectedScoresSettings):
    """Estimates precision, recall and F1 of all events from a review of some, and a threshold for a wish."""

    results: str | None = _path(
        "folder", "Results", "A result folder with a review. Dialogs show the open movie's.", order=2
    )
    table: bool = _flag("Show a table", "Show the scores as a table; table=false in a macro shows none.", default=True)


class CompleteCheckCommand(CompleteCheckSettings):
    """Draws boxes of the movie at random, in which you mark every event, found or not: recall and precision with intervals."""

    results: str | None = _path("folder", "Results", "A result folder. Dialogs show the open movie's.", order=2)
    table: bool = _flag("Show a table", "Show the scores of earlier boxes as a table.")
    guide: bool = _flag("Guide", "Open the navigator at the box; in a macro only with guide=true.", "macro", True)
    other_movie: OtherMovie = False


NEW_ROIS = (
    "Put the new ROIs into the ROI Manager, in place of the ROIs in it. The new image always has them as its overlay."
)
MOVIE_FILE = "A movie's file, instead of the open image; the result is only written. Default folder: that of the movie."


class NewMovieCommand(NewMovieJob):
    """The parameters that all commands share that make a new movie and its ROIs."""

    replace_rois: bool = _flag("Replace the ROIs in the ROI Manager", NEW_ROIS)
    input: str | None = _path("file", "Input", MOVIE_FILE, "macro")


class CropCommand(NewMovieCommand, CropSettings):
    """Crops the open movie in space and time, with its events. A rectangular selection gives the position."""


class RescaleCommand(NewMovieCommand, ScalingSettings):
    """Rescales the open movie in space and time, with its events."""


class GalleryCommand(GalleryJob, GallerySettings):
    """Shows each event as a row of crops of the open movie over time."""


class ExportCommand(EventExportJob):
    """Exports events to TrackMate or napari, and events or segmented cells to QuPath (GeoJSON)."""

    results: str | None = _path(
        "folder",
        "Results",
        "A result folder, a ROI zip, or events.csv. Default: the open movie's result folder, otherwise its ROIs in the manager.",
        order=2,
    )


class CheckCommand(Settings):
    """Checks the installation, and reports what is wrong and what to do."""


class PythonCommand(Settings):
    """Shows which Python runs the networks, and sets one up in a folder, repairs or removes it."""

    action: Literal["show", "set_up", "repair", "remove"] = setting(
        "show",
        description="In a macro: set up a Python, or repair or remove the one that was set up. Default: report which is used.",
        page="macro",
    )
    folder: str | None = _path(
        "folder",
        "Folder",
        "The folder in which the Python is set up; several Fijis can share it. Default: the folder epifiji in Fiji's.",
        "macro",
    )
    python: str | None = _path("file", "Python", "Use this Python, in which EpiFiji is installed.", "macro")
    gpu: bool = setting(
        False,
        description="Set up the Python with packages for an NVIDIA graphics card, on Linux.",
        page="macro",
    )


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
    TRY: TryCommand,
    DETECT_MANY: DetectManyCommand,
    SEGMENT: SegmentCommand,
    CYSTS: SegmentCystsCommand,
    OPEN: OpenCommand,
    REVIEW: ReviewCommand,
    ADJUST: AdjustCommand,
    SHOW_MAPS: ShowMapsCommand,
    COMPARE: CompareCommand,
    COMPARE_CELLS: CompareCellsCommand,
    CONVERT: ConvertCommand,
    SPLIT: SplitCommand,
    EVALUATE: EvaluateCommand,
    CALIBRATE: CalibrateCommand,
    TRAIN: TrainCommand,
    RETRAIN: RetrainCommand,
    STUDY: StudyCommand,
    MANAGE: ManageNetworksCommand,
    IMPORT: ImportNetworkCommand,
    FETCH: FetchNetworkCommand,
    EXPORT_NETWORK: ExportNetworkCommand,
    PLOT: PlotCommand,
    POOL: PoolCommand,
    REPORT: ReportCommand,
    EXPORT: ExportCommand,
    SCORE: ScoreCommand,
    ESTIMATE: EstimateScoresCommand,
    COMPLETE: CompleteCheckCommand,
    GALLERY: GalleryCommand,
    CORRECT: CorrectCommand,
    CELLS_AROUND: CellsAroundCommand,
    CROP: CropCommand,
    RESCALE: RescaleCommand,
    STOP: StopCommand,
    CHECK: CheckCommand,
    PYTHON: PythonCommand,
}
"""The commands of Plugins > EpiFiji by their labels."""
