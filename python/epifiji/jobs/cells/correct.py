"""Correct segmented cells: merge, split, add and delete, each step kept in a file that can be resumed and applied again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from epifiji.data.cell_edits import KINDS, CellEdit, Continue
from epifiji.data.errors import WrongInputError
from epifiji.data.paths import path_from
from epifiji.engine.cells.edited import EditedCells
from epifiji.engine.volumes.edited import EditedVolume
from epifiji.files.labels import (
    OTHER_FORMS,
    OUTLINES_OF_TISSUE_ANALYZER,
    image_of_cells,
    write_labels,
)
from epifiji.files.movies.volume_file import read_volume
from epifiji.files.results.cell_corrections import (
    CORRECTED,
    CorrectedLabels,
    corrected_file,
    corrections_file,
    read_corrections,
    write_corrections,
)
from epifiji.files.results.cell_results import cyst_labels_in, labels_in
from epifiji.files.results.result_folder import read_record
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.cells.annotated import read_labels
from epifiji.jobs.cells.result import rewrite_result, rewritten_files
from epifiji.jobs.cells.stack_kind import is_volume, require_no_planes_of_cyst


@dataclass(frozen=True)
class Correction:
    """Cells that are being corrected.

    Parameters
    ----------
    path
        The file of the corrections, ``<image>_corrections.json``.
    labels
        The labels that are corrected; the file stays as it is.
    cells
        The labels with the corrections so far.
    scale
        Pixel size (µm) and frame interval (s) of the image, if they are known from a segmentation's record.
    file
        The file of the labels.
    doubt
        What to tell the user if it is not certain whether the labels are those of a volume.
    """

    path: Path
    labels: CorrectedLabels
    cells: EditedCells
    scale: tuple[float | None, float | None]
    file: Path
    doubt: str | None = None

    @property
    def result(self) -> Path:
        """The file of the corrected labels."""
        return corrected_file(self.path)


@dataclass(frozen=True)
class CorrectedCells:
    """Corrected cells.

    Parameters
    ----------
    labels
        (T, Y, X), or (Z, Y, X) of a volume, int32, 0 for no cell.
    counts
        Number of corrections of each kind: merge, split, add, delete; of a volume also continue.
    file
        The file of the corrected labels, if it was written.
    notices
        Sentences about files of the result that could not be written anew.
    """

    labels: np.ndarray
    counts: dict[str, int]
    file: Path | None = None
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<CorrectedCells: {', '.join(f'{count} {what}' for what, count in self.counts.items() if count)}>"


def start_correction(
    labels: str | Path,
    out: str | Path | None = None,
    shape: Sequence[int] | None = None,
    axis: str | None = None,
) -> Correction:
    """Start the correction of cells, or continue an earlier one.

    Parameters
    ----------
    labels
        A file of labels or outlines, a ROI zip, a ``_seg.npy``, a COCO file, or a folder with one of them.
    out
        The folder of the corrections. Default: the folder of the labels.
    shape
        (T, Y, X) of the image, which is needed for ROIs only.
    axis
        The axis along which the images of the shown image lie, T, Z or C; see
        :func:`epifiji.jobs.cells.stack_kind.is_volume`. Earlier corrections record what the labels are.

    Returns
    -------
    Correction
        With all earlier corrections. Its file is written with the first correction.

    Raises
    ------
    WrongInputError
        If the labels cannot be read, or the folder has corrections of other labels.
    """
    file = find_labels(path_from(labels, "the cells"))
    folder = file.parent if out is None else path_from(out, "the folder of the corrections")
    path = corrections_file(folder, file)
    require_no_planes_of_cyst(file)
    cells = read_labels(file, shape)
    if path.exists():
        return _continued(path, file, cells)
    require_absent(folder, [path.name, corrected_file(path).name], overwrite=False, instead="specify another folder")
    volume, doubt = is_volume(file, cells, axis)
    known = CorrectedLabels(file.name, _hash(cells), cells.shape, _voxel_um(file) if volume else None)
    return Correction(path, known, _edited(known, cells), _scale(file), file, doubt)


def record(correction: Correction, step: CellEdit | None, again: bool = False) -> CellEdit | None:
    """Make a correction, and write the file of corrections. Without a step, undo the last one, or make it `again`.

    Returns
    -------
    CellEdit or None
        The correction that was made or undone; None if there is none.

    Raises
    ------
    WrongInputError
        If the correction does not fit the labels, which then stay as they were.
    OSError
        If the file cannot be written; the labels then stay as they were.
    """
    cells = correction.cells
    if step is not None:
        cells.do(step)
    else:
        step = cells.redo() if again else cells.undo()
        if step is None:
            return None
    try:
        correction.path.parent.mkdir(parents=True, exist_ok=True)
        write_corrections(correction.path, correction.labels, cells.edits)
    except OSError:
        # What could not be written is undone.
        if step in cells.edits[-1:]:
            cells.undo()
        else:
            cells.redo()
        raise
    return step


def finish_correction(correction: Correction) -> CorrectedCells:
    """Write the corrected labels, ``<image>_corrected_labels.tif``, and all files of their result that depend on the cells.

    A file of corrections that were all undone is deleted, and so are their corrected labels. If there never were
    corrections, nothing is written.
    """
    if not correction.cells.edits and not correction.path.exists():
        return CorrectedCells(correction.cells.labels, _counts(correction))
    removed = () if correction.cells.edits else (correction.path.name, correction.result.name)
    return _written(correction, removed)


def _written(correction: Correction, removed: Sequence[str] = ()) -> CorrectedCells:
    """Write the corrected labels, or remove files instead, and the other files of the labels' result if they are there."""
    from epifiji.jobs.cells.cyst_result import rewrite_cyst, rewritten_cyst_files

    cells, result, folder = correction.cells, correction.result, correction.result.parent
    counts, volume = _counts(correction), correction.labels.is_volume
    files, rewrite = (rewritten_cyst_files, rewrite_cyst) if volume else (rewritten_files, rewrite_result)
    labels = (cyst_labels_in if volume else labels_in)(folder)
    is_result = labels is not None and folder.samefile(correction.file.parent)
    notices: tuple[str, ...] = ()
    with new_files(folder, [*removed, *(files(folder) if is_result else ())]) as partial:
        if not removed and volume:
            write_labels(partial / result.name, cells.labels, spacing=read_volume(correction.file).spacing)
        elif not removed:
            write_labels(partial / result.name, cells.labels, *correction.scale)
        if is_result:
            notices = rewrite(partial, folder, cells.labels, {edit.frame for edit in cells.edits}, counts)
    return CorrectedCells(cells.labels, counts, None if removed else result, notices)


def correct_cells(
    labels: str | Path,
    corrections: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> CorrectedCells:
    """Apply the corrections of an earlier session to labels, without a window.

    Parameters
    ----------
    labels
        A file of labels or outlines, or a folder with one.
    corrections
        The file of the corrections. Default: ``<image>_corrections.json`` next to the labels.
    out
        The folder for ``<image>_corrected_labels.tif``. Default: nothing is written. If it is the result folder of the
        labels, its other files that depend on the cells are written anew.
    overwrite
        Replace an earlier result.

    Raises
    ------
    WrongInputError
        If a file cannot be read, the corrections belong to other labels, or a file would be overwritten.
    """
    file = find_labels(path_from(labels, "the cells"))
    path = corrections_file(file.parent, file) if corrections is None else path_from(corrections, "the corrections")
    result = None
    if out is not None:
        result = path_from(out, "the folder to write into") / f"{image_of_cells(file)}{CORRECTED}"
        require_absent(result.parent, [result.name], overwrite)
    # ROIs do not say how large their image is.
    made = _continued(path, file, read_labels(file, read_corrections(path)[0].shape))
    if result is None:
        return CorrectedCells(made.cells.labels, _counts(made))
    return _written(replace(made, path=corrections_file(result.parent, file)))


def find_labels(place: Path) -> Path:
    """Return a file of cells, or that of a folder: a segmentation's, ``*_labels.tif``, Tissue Analyzer's lines, or ROIs.

    Raises
    ------
    WrongInputError
        If it is itself corrected, or the folder has no such file or several.
    """
    if not place.is_dir():
        original = corrected_of(place)
        if original is not None:
            raise WrongInputError(
                f"{place} is the result of corrections: give {original}, to which they were made, and they are continued."
            )
        return place
    if (found := labels_in(place)) is not None:
        return found
    files = [file for file in sorted(place.glob("*_labels.tif")) if corrected_of(file) is None]
    for pattern in (f"{OUTLINES_OF_TISSUE_ANALYZER}.tif", *(f"*{ending}" for ending in OTHER_FORMS)):
        files = files or sorted(place.glob(pattern))
    if len(files) != 1:
        raise WrongInputError(
            f"{place} has {len(files) or 'no'} files of cells (*_labels.tif, *_rois.zip or the like), but one is expected: "
            "give the file itself."
        )
    return files[0]


def corrected_of(file: Path) -> str | None:
    """Return the name of the labels of which a file is the corrected version; None if it is no corrected version."""
    if not file.name.endswith(CORRECTED):
        return None
    path = corrections_file(file.parent, file.with_name(file.name.removesuffix(CORRECTED) + "_labels.tif"))
    return read_corrections(path)[0].file if path.exists() else None


def _continued(path: Path, file: Path, cells: np.ndarray) -> Correction:
    """Return the labels of a file with the corrections of another file, which were made to the same labels."""
    known, edits = read_corrections(path)
    if (known.sha256, known.shape) != (_hash(cells), cells.shape):
        raise WrongInputError(
            f"{path} has corrections of other labels than {file.name}: move it away to start anew, or specify another folder."
        )
    try:
        edited = _edited(known, cells, edits)
    except WrongInputError as problem:
        raise WrongInputError(f"{path.name} was changed: {problem} Restore the file as it was.") from problem
    return Correction(path, replace(known, file=file.name), edited, _scale(file), file)


def _edited(known: CorrectedLabels, cells: np.ndarray, edits: Sequence[CellEdit] = ()) -> EditedCells:
    """Return labels with corrections; those of a volume with unknown voxels are split as if these were cubes."""
    if known.voxel_um is None:
        return EditedCells(cells, edits)
    steps = [step for step in known.voxel_um if step]
    return EditedVolume(cells, edits, steps if len(steps) == len(known.voxel_um) else (1.0, 1.0, 1.0))


def _voxel_um(file: Path) -> tuple[float | None, ...]:
    return tuple(read_volume(file).spacing.values())


def _scale(file: Path) -> tuple[float | None, float | None]:
    movie = read_record(file.parent).movie
    return movie.pixel_size_um, movie.frame_interval_s


def _hash(labels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(labels, "<i4").data).hexdigest()


def _counts(correction: Correction) -> dict[str, int]:
    made = Counter(type(edit) for edit in correction.cells.edits)
    return {name: made[kind] for name, kind in KINDS.items() if correction.labels.is_volume or kind is not Continue}
