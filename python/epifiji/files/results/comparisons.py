"""What a comparison with a reference leaves in a folder: scores, ROI zips of matches and errors, and curves over thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.storage.spreadsheet_cells import write_rows
from epifiji.files.storage.writable import new_files, plain_name, require_absent

COMPARISON_TABLE = "comparison.csv"
CURVE_TABLE = "curve.csv"
CURVE_PICTURE = "curve.png"

OUTCOME_COLOURS = {"match": (0, 255, 0), "falsepositive": (255, 0, 0), "falsenegative": (255, 255, 0)}
"""Red, green, blue of detected events that match, of those that do not, and of reference events that were missed.

The names end the files' names. The authors' package, which has no matches, shortens the others to FP and FN.
"""

AUTHORS_ENDINGS = {"FP": "falsepositive", "FN": "falsenegative"}

Row = Mapping[str, str | int | float | None]


def outcome_file(movie: str, event: str, outcome: str) -> str:
    """Name the ROI zip of a class and an outcome, one of `OUTCOME_COLOURS`."""
    return plain_name(f"{movie}_{event}") + f"_{outcome}.zip"


def outcome_of_file(path: Path) -> str | None:
    """Tell which outcome of a comparison a ROI file holds; None for a file that holds events as detected or annotated."""
    ending = path.stem.rpartition("_")[2]
    return AUTHORS_ENDINGS.get(ending, ending if ending in OUTCOME_COLOURS else None)


def comparison_files(movie: str, events: Iterable[str]) -> list[str]:
    """Name all files that a comparison may leave."""
    zips = [outcome_file(movie, event, outcome) for event in events for outcome in OUTCOME_COLOURS]
    return [COMPARISON_TABLE, CURVE_TABLE, CURVE_PICTURE, *zips]


def require_same_movie(folder: Path, movie: str) -> None:
    """Refuse a folder with the comparison of another movie, whose ROI zips would stay beside the new scores.

    Raises
    ------
    WrongInputError
        Naming one of the files.
    """
    if not (folder / COMPARISON_TABLE).is_file():
        return
    for file in sorted(folder.glob("*.zip")):
        if file.stem.rpartition("_")[2] in OUTCOME_COLOURS and not file.stem.startswith(f"{movie}_"):
            raise WrongInputError(
                f"{folder} holds the comparison of another movie ({file.name}), but that of {movie} was to be written there, and "
                "files of two movies in one folder would mix: choose another folder."
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

    A class without events of an outcome gets no file, as ImageJ refuses zips without ROIs; an earlier comparison's file of
    that name, and its curves, are deleted where it is replaced.

    Raises
    ------
    WrongInputError
        Where a file would be overwritten without being asked, or the folder cannot be written to.
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
    """Write rows as comma-separated values in UTF-8, headed by the first row's keys; what is undefined is empty."""
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [list(rows[0]) if rows else ["event"]])
        write_rows(file, ([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()] for row in rows))
