"""The parameters of Fiji's commands on many movies, see :mod:`epifiji.bridge.fiji.commands`."""

from __future__ import annotations

from epifiji.bridge.fiji.fields import KEEP_GOING, TABLE
from epifiji.bridge.fiji.fields import flag as _flag
from epifiji.bridge.fiji.fields import path as _path
from epifiji.data.settings.base import setting
from epifiji.data.settings.comparison import PoolSettings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.data.settings.jobs import Conditions, DetectionJob, PoolJob, output


class DetectManyCommand(DetectionJob, DetectionSettings):
    """Finds cell events in all movies of a folder, or in all open ones. An interrupted run continues where it ended."""

    folder: str | None = _path("folder", "Folder", "A folder with movies. Default: all open movies.", order=0)
    pattern: str | None = setting(
        None,
        values="names",
        description="Which files are movies, such as *_gfp.tif; several patterns are separated by commas. Default: all TIFF and "
        "Zarr movies.",
        label="File names",
        empty="all TIFF and Zarr movies",
        order=1,
    )
    subfolders: bool = setting(
        True,
        description="Search subfolders too. The name of a movie's folder is its condition; subfolders=false in a macro searches "
        "only the folder itself.",
        label="Subfolders as conditions",
    )
    conditions: Conditions = None
    out: str | None = output(
        "Write all results into this folder, and into its subfolders as the movies are. Default: next to each movie.",
        "more",
    )
    keep_going: bool = _flag("Continue after an error", KEEP_GOING, "macro")


class PoolCommand(PoolJob, PoolSettings):
    """Counts the events of many movies in one table, and compares conditions, with movies as the independent observations."""

    results: str | None = _path("folder", "Results", "A folder that contains result folders, at any depth.", order=2)
    out: str | None = output("Write tables and a plot into this folder. Default: the folder pooled with the results.")
    table: bool = _flag("Show a table", TABLE.replace("the events", "movies and conditions"), default=True)
