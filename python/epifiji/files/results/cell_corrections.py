"""Corrections of cells as files: ``<image>_corrections.json``, written after every step, and the corrected labels."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from epifiji.data.cell_edits import KINDS, CellEdit
from epifiji.data.errors import WrongInputError
from epifiji.files.labels import image_of_cells
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.journals import recover

VERSION, VERSION_OF_VOLUMES = 1, 2
"""Programs that know only movies refuse the corrections of volumes, which they would make in one plane."""

VOLUME = "ZYX"
MAX_BYTES = 200_000_000
MOST_KEPT = 20_000
"""Lines of corrections that are kept for the next step."""

CORRECTED, CORRECTIONS = "_corrected_labels.tif", "_corrections.json"


@dataclass(frozen=True)
class CorrectedLabels:
    """The labels that corrections belong to.

    Parameters
    ----------
    file
        Name of the file.
    sha256
        Hash of the labels, which are outlines' cells if the file has outlines.
    shape
        (T, Y, X), or (Z, Y, X) of a volume.
    voxel_um
        Distances between the voxels of a volume along Z, Y and X, µm or None if unknown; None for a movie or an image.
    """

    file: str
    sha256: str
    shape: tuple[int, ...]
    voxel_um: tuple[float | None, ...] | None = None

    @property
    def is_volume(self) -> bool:
        """Whether a correction concerns a cell in all planes, instead of one frame."""
        return self.voxel_um is not None


def corrections_file(folder: Path, labels: Path) -> Path:
    """Return the place of the corrections of a file of labels or outlines."""
    return folder / f"{image_of_cells(labels)}{CORRECTIONS}"


def corrected_file(corrections: Path) -> Path:
    """Return the place of the corrected labels next to their corrections."""
    return corrections.with_name(corrections.name.removesuffix(CORRECTIONS) + CORRECTED)


def latest_labels(labels: Path) -> Path:
    """Return the corrected version of labels, if there is one."""
    corrected = corrected_file(corrections_file(labels.parent, labels))
    return corrected if corrected.is_file() else labels


def write_corrections(path: Path, labels: CorrectedLabels, edits: Sequence[CellEdit]) -> None:
    """Write corrections as JSON in one step, one correction a line.

    Frames, or planes of a volume, count from 1; points are [y, x] in pixels, and integers are centres of pixels.
    """
    volume = {"axes": VOLUME, "voxel_um": labels.voxel_um} if labels.is_volume else {}
    head = {
        "epifiji_corrections": VERSION_OF_VOLUMES if labels.is_volume else VERSION,
        "labels": {"file": labels.file, "sha256": labels.sha256, "shape": labels.shape, **volume},
    }
    lines = ",\n".join(map(_line, edits))
    with replacing(path) as temporary:
        temporary.write_text(f'{json.dumps(head)[:-1]},\n"corrections": [\n{lines}\n]}}\n', encoding="utf-8")


def read_corrections(path: Path) -> tuple[CorrectedLabels, list[CellEdit]]:
    """Read corrections, and the labels that they belong to.

    Raises
    ------
    WrongInputError
        If the file is missing, truncated, or does not contain corrections; the message has the number of the correction.
    """
    recover(path.parent)
    require_ordinary(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WrongInputError(f"{path} has more than {MAX_BYTES} bytes, but corrections have less: check the path.")
        read = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WrongInputError(f"{path} does not exist, but corrections are needed: check the path.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise WrongInputError(
            f"{path} cannot be read ({error}), but corrections of cells are needed: restore the file as it was."
        ) from None
    if not isinstance(read, dict) or read.get("epifiji_corrections") not in (VERSION, VERSION_OF_VOLUMES):
        raise WrongInputError(
            f"{path} contains no corrections of cells of version {VERSION} or {VERSION_OF_VOLUMES}: give a file that Correct "
            "Cells... wrote, or use the version of EpiFiji that wrote it."
        )
    try:
        known = read["labels"]
        shape = tuple(int(n) for n in known["shape"])
        voxel_um = _voxel(known) if read["epifiji_corrections"] == VERSION_OF_VOLUMES else None
        labels = CorrectedLabels(str(known["file"]), str(known["sha256"]), shape, voxel_um)
        rows = list(read["corrections"])
    except (KeyError, TypeError, ValueError) as error:
        raise WrongInputError(f"{path} lacks an entry ({error}): restore the file as it was.") from None
    return labels, [_edit(row, number, path.name) for number, row in enumerate(rows, 1)]


def _voxel(known: dict[str, Any]) -> tuple[float | None, ...]:
    """Read the size of a voxel, which decides where cells are split."""
    steps = known["voxel_um"]
    if known["axes"] != VOLUME or len(steps) != len(VOLUME):
        raise ValueError(f"axes are {known['axes']!r} and voxel_um is {steps!r}")
    found = tuple(None if step is None else float(step) for step in steps)
    if not all(step is None or (math.isfinite(step) and step > 0) for step in found):
        raise ValueError(f"voxel_um is {steps!r}")
    return found


@lru_cache(MOST_KEPT)
def _line(edit: CellEdit) -> str:
    """Write a correction as JSON; every step writes all earlier ones again."""
    what = next(name for name, kind in KINDS.items() if isinstance(edit, kind))
    values = {field.name: getattr(edit, field.name) for field in fields(edit)}
    return json.dumps({"what": what, **values, "frame": edit.frame + 1})


def _edit(row: Any, number: int, name: str) -> CellEdit:
    """Read a correction; every entry must be there, and no other."""
    try:
        kind = KINDS[row["what"]]
        values = {key: _value(key, value) for key, value in row.items() if key != "what"}
        values["frame"] -= 1
        return kind(**values)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise WrongInputError(
            f"{name} contains no correction as number {number} ({error}): restore the file as it was."
        ) from None


def _value(key: str, value: Any) -> Any:
    if key in ("line", "outline"):
        points = tuple((float(y), float(x)) for y, x in value)
        if not points or not all(math.isfinite(place) and abs(place) < 1e6 for point in points for place in point):
            raise ValueError(f"{key} has no points, or not in an image")
        return points
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**31:
        raise ValueError(f"{key} is {value!r}")
    return value
