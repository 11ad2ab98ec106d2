"""The boxes of a complete check as a file, ``complete_check.json``, next to the review whose decisions they need."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from epifiji.data.complete_check import MOST_BOXES, Box, Check, Drawn
from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import require_ordinary
from epifiji.files.storage.journals import recover

CHECK, CHECK_TABLE, CHECK_PICTURE = "complete_check.json", "complete_check.csv", "complete_check.png"
FORM = 1
MOST_BYTES = 20_000_000
LARGEST = 100_000_000


def write_check(path: Path, check: Check, scores: list[dict[str, Any]]) -> None:
    """Write a check, and what its complete boxes let conclude, into a file; frames are from 1, first and last."""
    boxes = [
        {
            **one.box.ends(),
            "marked": one.marked,
            "seconds": round(one.seconds, 1),
        }
        for one in check.drawn
    ]
    found = {
        "complete_check": FORM,
        "shape": check.shape,
        "parts": check.parts,
        "seed": check.seed,
        "boxes": boxes,
        "scores": scores,
    }
    path.write_text(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def read_check(path: Path) -> Check | None:
    """Read a check; None if there is none.

    Raises
    ------
    WrongInputError
        If the file is not one that :func:`write_check` wrote.
    """
    recover(path.parent)
    if not (path.exists() or path.is_symlink()):
        return None
    require_ordinary(path)
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_BYTES).decode("utf-8-sig"))
        check = _check(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = "an entry is missing" if isinstance(error, KeyError) else str(error)
        raise WrongInputError(
            f"{path} is not a complete check ({reason}): restore the file as it was, or move it away to begin a new check."
        ) from error
    return check


def _check(found: dict[str, Any]) -> Check:
    if found["complete_check"] != FORM:
        raise ValueError(f"it has the form {found['complete_check']!r}, but {FORM} is known")
    shape, parts = _three(found["shape"]), _three(found["parts"])
    if any(part > side for part, side in zip(parts, shape, strict=True)) or math.prod(parts) > MOST_BOXES:
        raise ValueError("it divides the movie into too many boxes")
    check = Check(shape, parts, _whole(found["seed"], 0), tuple(map(_drawn, found["boxes"])))
    drawn = {one.box for one in check.drawn}
    if len(drawn) < len(check.drawn) or not drawn <= set(check.all_boxes()):
        raise ValueError("a box is not one into which the movie is divided")
    return check


def _drawn(found: dict[str, Any]) -> Drawn:
    frames, rows, columns = (_two(found[key]) for key in ("frames", "y", "x"))
    seconds = float(found["seconds"])
    if not isinstance(found["marked"], bool) or not 0 <= seconds < math.inf:
        raise ValueError(f"a box has marked {found['marked']!r} and seconds {found['seconds']!r}")
    box = Box((frames[0] - 1, frames[1]), (rows[0], rows[1] + 1), (columns[0], columns[1] + 1))
    return Drawn(box, found["marked"], seconds)


def _whole(value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= max(LARGEST, 2**32):
        raise ValueError(f"{value!r} is not a whole number of at least {least}")
    return value


def _two(values: list[object]) -> tuple[int, int]:
    first, last = (_whole(value, 0) for value in values)
    return first, last


def _three(values: list[object]) -> tuple[int, int, int]:
    first, second, third = (_whole(value, 1) for value in values)
    return first, second, third
