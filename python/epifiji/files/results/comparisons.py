"""Files of a comparison with a reference: scores, ROI zips of matches and errors, and curves over thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class
from epifiji.data.palette import BLUE, GREEN, RED
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.storage.spreadsheet_cells import write_rows
from epifiji.files.storage.writable import new_files, plain_name, require_absent

COMPARISON_TABLE = "comparison.csv"
CURVE_TABLE = "curve.csv"
CURVE_PICTURE = "curve.png"

OUTCOME_COLOURS = {"match": GREEN, "falsepositive": RED, "falsenegative": BLUE}
"""Colours (red, green, blue) of matched detections, detections without a match, and missed reference events.

The keys are the ends of the files' names. The authors' package, which writes no matches, shortens the others to FP and
FN.
"""

AUTHORS_ENDINGS = {"FP": "falsepositive", "FN": "falsenegative"}

Row = Mapping[str, str | int | float | None]


def outcome_file(movie: str, event: str, outcome: str) -> str:
    """Return the name of the ROI zip of a class and an outcome, one of `OUTCOME_COLOURS`."""
    return plain_name(f"{movie}_{event}") + f"_{outcome}.zip"


def outcome_of_file(path: Path) -> str | None:
    """Return the outcome of a comparison that a ROI file contains; None for detected or annotated events."""
    ending = path.stem.rpartition("_")[2]
    return AUTHORS_ENDINGS.get(ending, ending if ending in OUTCOME_COLOURS else None)


def comparison_files(movie: str, events: Iterable[str]) -> list[str]:
    """List the names of all files that a comparison may write."""
    zips = [outcome_file(movie, event, outcome) for event in events for outcome in OUTCOME_COLOURS]
    return [COMPARISON_TABLE, CURVE_TABLE, CURVE_PICTURE, *zips]


def require_same_movie(folder: Path, movie: str) -> None:
    """Refuse a folder with the comparison of another movie, whose ROI zips would stay next to the new scores.

    Raises
    ------
    WrongInputError
        If there is such a file; the message names it.
    """
    if not (folder / COMPARISON_TABLE).is_file():
        return
    for file in sorted(folder.glob("*.zip")):
        if file.stem.rpartition("_")[2] in OUTCOME_COLOURS and not file.stem.startswith(f"{movie}_"):
            raise WrongInputError(
                f"{folder} contains the comparison of another movie ({file.name}), but that of {movie} was to be "
                "written there, and files of two movies in one folder would mix: choose another folder."
            )


def write_comparison(
    folder: Path,
    movie: str,
    scores: Mapping[str, Row],
    outcomes: Mapping[str, Sequence[Event]],
    overwrite: bool,
    layout: StackLayout | None = None,
) -> None:
    """Write scores by class and the events of each outcome, all or nothing.

    A class without events of an outcome gets no file, because ImageJ refuses zips without ROIs. If an earlier
    comparison is replaced, its files of these names and its curves are deleted.

    Raises
    ------
    WrongInputError
        If a file would be overwritten without permission, or the folder cannot be written to.
    """
    names = comparison_files(movie, scores)
    require_same_movie(folder, movie)
    require_absent(folder, names, overwrite)
    with new_files(folder, names) as partial:
        write_table(partial / COMPARISON_TABLE, ({"event": name, **row} for name, row in scores.items()))
        for outcome, events in outcomes.items():
            for event, group in by_class(events).items():
                write_rois(partial / outcome_file(movie, event, outcome), group, OUTCOME_COLOURS[outcome], layout)


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as comma-separated values in UTF-8, with the first row's keys as header; undefined values are empty."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [list(rows[0]) if rows else ["event"]])
        write_rows(file, ([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()] for row in rows))
