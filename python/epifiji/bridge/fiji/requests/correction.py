"""The jobs of the correction of cells in ImageJ: begin it, show a frame, make a step or undo one, and end it.

Each request has the ``session`` that the first answer gave. If this process does not know it, because an earlier one
died, the files are read again: they contain all that the window showed.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.cell_commands import CorrectCommand
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.frame_pictures import FramePictures
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.bridge.fiji.shown_cells import larger, marked_cell, shown_region
from epifiji.data.cell_edits import Add, CellEdit, Continue, Delete, Merge, Split
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import size_in_words
from epifiji.data.settings.base import parse_settings
from epifiji.engine.volumes.edited import EditedVolume

if TYPE_CHECKING:
    from epifiji.jobs.cells.correct import Correction

_open: dict[Path, tuple[int, Correction, FramePictures]] = {}
"""The correction of the last request, with its file's time and pictures. It is read again if the file has changed."""


@job("correct_begin", commands.CORRECT)
def begin(request: Request) -> Answer:
    """Begin a correction or continue it.

    The request has ``settings`` by key, ``beside`` (the cells next to the image, or None), and the image's ``title`` and
    ``shape`` (T, Y, X), and the ``axis`` along which its frames lie: T, Z or C; if C, it may as well be a still image.
    """
    command = parse_settings(CorrectCommand, request["settings"])
    cells = command.cells or request.get("beside")
    title, shape, axis = request["title"], tuple(request["shape"]), request.get("axis", "T")
    if cells is None:
        raise WrongInputError(f"There are no cells of {title} next to it: give --cells FILE, labels, outlines or ROIs.")
    # ROIs do not say how large their image is; one with channels is a still image.
    size = (1, *shape[1:]) if axis == "C" else shape
    session = {"cells": str(cells), "out": command.out, "shape": size, "axis": axis}
    # The same cells may be those of a volume over another image.
    _open.clear()
    correction = _correction(session)
    found = correction.cells.labels.shape
    noun = correction.cells.noun
    if found[0] == 1 and axis == "C":
        shape = 1, *shape[1:]
    if found != shape:
        raise WrongInputError(
            f"{correction.labels.file} has {size_in_words(found, noun)}, but {title} has {size_in_words(shape, noun)}: open "
            "the image in which these cells were segmented."
        )
    # A collection visits the objects of all libraries, which takes up to a second with TensorFlow loaded, and each step would
    # wait for it.
    gc.collect()
    gc.freeze()
    return {
        "session": session,
        "frames": found[0],
        "noun": noun,
        "said": _first_sentence(correction),
        "result": str(correction.result),
        **_state(correction),
    }


def _first_sentence(correction: Correction) -> str:
    if steps := len(correction.cells.edits):
        return f"{steps} earlier corrections are continued."
    if correction.doubt:
        return correction.doubt
    kind = "A volume: cells change in all planes. " if correction.labels.is_volume else ""
    return f"{kind}Click a border, or draw a line across a cell."


@job("correct_frame", commands.CORRECT)
def frame(request: Request) -> Answer:
    """Show a frame. The request has its number, ``frame``, from 1."""
    _, correction, pictures = _opened(request["session"])
    number = int(request["frame"]) - 1
    picture = pictures.of(number)
    return {"count": correction.cells.count(number), "picture": picture}


@job("correct_step", commands.CORRECT)
def step(request: Request) -> Answer:
    """Make a correction, or undo the last one.

    The request has ``what``: ``click``, ``line``, ``outline``, ``delete``, ``undo`` or ``redo``; its ``frame`` from 1;
    ``points``, [y, x] in px, integers being centres of pixels; and the ``tolerance`` of a click (px).

    The answer has a sentence, ``said``; if something changed, the ``frame`` in which it did and the ``picture`` of the
    changed rectangle; and after a click on a cell its outline as ``mark``.
    """
    from epifiji.jobs.cells.correct import record

    _, correction, pictures = _opened(request["session"])
    what, number = request["what"], int(request["frame"]) - 1
    points = [(float(y), float(x)) for y, x in request.get("points") or ()]
    answer: Answer = {"picture": None, "mark": None, "frame": number + 1}
    if what in ("undo", "redo"):
        done = record(correction, None, again=what == "redo")
        said = (
            f"There is nothing to {what}."
            if done is None
            else f"{_named(done)} is {'undone' if what == 'undo' else 'made again'}."
        )
    else:
        try:
            planned = _planned(correction, what, number, points, float(request.get("tolerance") or 0))
            done = record(correction, planned) if planned is not None else None
        except WrongInputError as problem:
            return answer | {"said": str(problem)} | _state(correction, number)
        said, answer["mark"] = (
            (_said(correction, done), None) if done is not None else _pointed(correction, number, points)
        )
    if done is not None:
        number = done.frame
        pictures.changed(correction.cells.frames)
        labels = correction.cells.labels[number]
        region = larger(correction.cells.touched)
        answer |= {"frame": number + 1, "picture": shown_region(labels, correction.cells.corrected(number), region)}
        _open[correction.path] = _time(correction.path), correction, pictures
    return answer | {"said": said} | _state(correction, number)


@job("correct_end", commands.CORRECT)
def end(request: Request) -> Answer:
    """Write the corrected labels. Without corrections nothing is written.

    The request has ``outlines``: whether the image shows outlines of cells. If so and cells were corrected, the
    answer names a file of the corrected ones in the folder ``shown``, which the client removes.
    """
    from epifiji.jobs.cells.correct import finish_correction

    correction = _correction(request["session"])
    _open.clear()
    made = finish_correction(correction)
    if made.file is None:
        return {"file": None, "said": "nothing was corrected", "notices": list(made.notices)}
    counts = ", ".join(f"{count} {what}" for what, count in made.counts.items() if count)
    said = f"the corrected cells are in {made.file} ({counts})"
    shown = _outlines(correction) if request.get("outlines") else {}
    return {"file": str(made.file), "said": said, "notices": list(made.notices), **shown}


def _outlines(correction: Correction) -> Answer:
    """Write the outlines of all frames into a temporary folder, which the client removes."""
    from epifiji.engine.cells.outlines import outlines_of
    from epifiji.files.labels import write_outlines

    labels = correction.cells.labels
    with client_folder("cells") as folder:
        write_outlines(folder / "outlines.tif", (outlines_of(frame) for frame in labels), labels.shape)
    return {"shown": str(folder), "outlines": str(folder / "outlines.tif")}


def _correction(session: dict[str, Any]) -> Correction:
    return _opened(session)[1]


def _opened(session: dict[str, Any]) -> tuple[int, Correction, FramePictures]:
    """Return the correction of a session and its file's time; read again if this process has another state than the file."""
    from epifiji.files.results.cell_corrections import corrections_file
    from epifiji.jobs.cells.correct import find_labels, start_correction

    file = find_labels(Path(session["cells"]))
    path = corrections_file(file.parent if session["out"] is None else Path(session["out"]), file)
    if path not in _open or _open[path][0] != _time(path):
        # Labels of a long movie are large: only one correction is kept in memory.
        _open.clear()
        correction = start_correction(file, session["out"], session["shape"], session["axis"])
        _open[path] = _time(path), correction, FramePictures(correction.cells)
    return _open[path]


def _planned(
    correction: Correction, what: str, frame: int, points: list[tuple[float, float]], tolerance: float
) -> CellEdit | None:
    """Return the correction that a click, a line or an outline means; None for a click that is not at a border."""
    from epifiji.engine.cells.edits import cell_at

    cells = correction.cells
    if what == "click":
        return cells.merge_at(frame, *points[0], tolerance)
    if what == "line":
        return cells.split_along(frame, points)
    if what == "outline":
        return cells.add_around(frame, points)
    cell = cell_at(cells.labels[frame], *points[0]) if points else 0
    if not cell:
        raise WrongInputError("There is no cell under the mouse: move it over the cell to delete, and press d.")
    return Delete(frame, cell)


def _pointed(correction: Correction, frame: int, points: list[tuple[float, float]]) -> tuple[str, Answer | None]:
    """Describe the cell under a click, and return its outline."""
    from epifiji.engine.cells.edits import cell_at

    labels = correction.cells.labels[frame]
    cell = cell_at(labels, *points[0])
    if not cell:
        return "There is no cell here: press a to draw its outline.", None
    area, outline = marked_cell(labels, cell)
    size = f"{area} px"
    if isinstance(correction.cells, EditedVolume):
        size += f" in this plane, {_volume(correction.cells, cell, correction.labels.voxel_um or ())}"
    return f"This is cell {cell}, {size}; click at a border to merge two cells.", outline


def _said(correction: Correction, edit: CellEdit) -> str:
    """Describe a correction that was made."""
    match edit:
        case Merge(_, kept, merged):
            return f"Cell {merged} is merged into cell {kept}, which now has {_size(correction, edit, kept)}."
        case Split(_, cell, new):
            stay, are = (_size(correction, edit, part) for part in (cell, new))
            return f"Cell {cell} is split: {stay} stay, {are} are cell {new}."
        case Add(_, new):
            return f"Cell {new} is added: {_area(correction, edit, new)} px."
        case Continue(_, cell):
            return f"Cell {cell} continues in this plane: {_area(correction, edit, cell)} px."
        case Delete(_, cell):
            where, what = (" in all planes", "voxels") if correction.labels.is_volume else ("", "area")
            return f"Cell {cell} is deleted{where}; a merge would have given its {what} to a neighbour."


def _named(edit: CellEdit) -> str:
    match edit:
        case Merge(_, kept, merged):
            return f"The merge of cells {kept} and {merged}"
        case Split(_, cell):
            return f"The split of cell {cell}"
        case Add(_, new):
            return f"The addition of cell {new}"
        case Continue(frame, cell):
            return f"The continuation of cell {cell} in plane {frame + 1}"
        case Delete(_, cell):
            return f"The deletion of cell {cell}"


def _state(correction: Correction, frame: int | None = None) -> Answer:
    cells = correction.cells
    count = {} if frame is None else {"count": cells.count(frame)}
    total = {"cells": cells.cells} if isinstance(cells, EditedVolume) else {}
    return {"steps": len(cells.edits), "undone": cells.undone, **count, **total}


def _size(correction: Correction, edit: CellEdit, cell: int) -> str:
    """Say how large a cell is after a correction: in voxels in a volume, else in pixels of its frame."""
    cells = correction.cells
    if isinstance(cells, EditedVolume):
        return f"{cells.voxels(cell)} voxels"
    return f"{_area(correction, edit, cell)} px"


def _area(correction: Correction, edit: CellEdit, cell: int) -> int:
    """Return the pixels of a cell in the frame of a correction, in whose touched rectangle it lies completely."""
    return int((correction.cells.labels[edit.frame][correction.cells.touched] == cell).sum())


def _volume(cells: EditedVolume, cell: int, voxel_um: Sequence[float | None]) -> str:
    """Say the volume of a cell in voxels and, if the size of a voxel is known, in µm³."""
    voxels, known = cells.voxels(cell), [step for step in voxel_um if step]
    return f"{voxels} voxels" + (f" ({voxels * math.prod(known):.4g} µm³)" if len(known) == len(cells.spacing) else "")


def _time(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
