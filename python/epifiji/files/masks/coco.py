"""Cells in COCO's JSON: polygons, or run lengths for cells with holes.

COCO counts from the upper left corner of the first pixel, as ImageJ does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.jobs import Overlaps
from epifiji.files.masks.canvas import Canvas
from epifiji.files.storage.archives import read_limited
from epifiji.files.storage.atomic import replacing

LARGEST_BYTES = 1 << 30
MOST_PIXELS = 1 << 28
"""Most pixels of an image, whose size the file alone declares."""

NEEDED = "a JSON file in COCO's form with images and annotations"
DO = "export the polygons again"


def read_coco(
    path: Path, overlaps: Overlaps = "refuse", notices: list[str] | None = None, only: str | None = None
) -> np.ndarray:
    """Read the cells of an image as labels (Y, X), int32, numbered in the order of the annotations.

    Parameters
    ----------
    overlaps
        What happens to pixels that belong to several cells.
    notices
        Receives sentences about what was cut.
    only
        File name of the image; None for the only one in the file.

    Raises
    ------
    WrongInputError
        If the file is not of that form or too large; it contains no such image, or several; an annotation is no area in
        the image; or areas overlap that must not.
    """
    content = _content(path)
    chosen = [one for one in content["images"] if only is None or one.get("file_name") == only]
    if len(chosen) != 1:
        raise WrongInputError(
            f"{path} contains the cells of {len(chosen)} images, but those of one are needed: convert it with "
            "'epifiji convert-cells', which writes one file for each."
        )
    image = chosen[0]
    size: list[Any] = [image.get("height"), image.get("width")]
    if not all(isinstance(side, int) and side > 0 for side in size) or size[0] * size[1] > MOST_PIXELS:
        raise WrongInputError(
            f"{path} has an image of {str(size[1])[:20]} x {str(size[0])[:20]} pixels, but at most {MOST_PIXELS} are "
            f"expected: {DO}."
        )
    canvas = Canvas((1, int(size[0]), int(size[1])), overlaps, path.name)
    label = 0
    for number, one in enumerate(content["annotations"], 1):
        if one.get("image_id") != image.get("id"):
            continue
        label += 1
        _draw(canvas, label, f"{path.name}, annotation {number}", one.get("segmentation"))
    if notices is not None:
        notices += canvas.notices()
    return canvas.labels[0]


def images_in(path: Path) -> list[str]:
    """Return the names of the images in a file, in order.

    Raises
    ------
    WrongInputError
        If the file is not of that form or too large.
    """
    return [str(one.get("file_name", one.get("id"))) for one in _content(path)["images"]]


def _content(path: Path) -> dict[str, list[dict[str, Any]]]:
    data = read_limited(path, LARGEST_BYTES, NEEDED)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError, MemoryError) as problem:
        raise WrongInputError(f"{path} cannot be read ({problem}), but {NEEDED} is expected: {DO}.") from problem
    lists = [content.get(key) for key in ("images", "annotations")] if isinstance(content, dict) else []
    if not lists or not all(isinstance(one, list) and all(isinstance(row, dict) for row in one) for one in lists):
        raise WrongInputError(f"{path} has no lists of images and annotations, but {NEEDED} is expected: {DO}.")
    found: dict[str, list[dict[str, Any]]] = content
    return found


def _draw(canvas: Canvas, label: int, name: str, area: object) -> None:
    """Add the area of an annotation: polygons, or run lengths, compressed or not."""
    try:
        if isinstance(area, dict):
            canvas.add(label, 0, name, _from_runs(area, canvas.labels.shape[1:]))
            return
        outlines = _polygons(area)
    except (ValueError, TypeError, KeyError, OverflowError) as problem:
        raise WrongInputError(
            f"{name} is no area ({problem}), but polygons or run lengths are needed: {DO}."
        ) from problem
    canvas.draw(label, 0, name, outlines, union=True)


def _polygons(area: object) -> list[np.ndarray]:
    """Return polygons (n, 2) as y, x from lists of x and y in turn."""
    if not isinstance(area, list) or not area:
        raise ValueError("no polygon")
    outlines = [np.array(one, float).reshape(-1, 2)[:, ::-1] - 0.5 for one in area]
    if any(len(one) < 3 or not np.isfinite(one).all() for one in outlines):
        raise ValueError("a polygon of fewer than three points, or of no numbers")
    return outlines


def _from_runs(area: dict[str, Any], shape: Sequence[int]) -> np.ndarray:
    """Return an array (Y, X) that is true in an area; runs go down the columns, and begin with what is outside."""
    if list(area["size"]) != list(shape):
        raise ValueError(f"its size is {area['size']}, that of the image {list(shape)}")
    counts = area["counts"]
    runs = _decompressed(counts) if isinstance(counts, str) else [int(one) for one in counts]
    if min(runs, default=0) < 0 or sum(runs) != math.prod(shape):
        raise ValueError("its run lengths do not fill the image")
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return inside.reshape(tuple(shape), order="F")


def _decompressed(text: str) -> list[int]:
    """Return the run lengths in COCO's compressed text: five bits a character, from the third on as differences."""
    runs: list[int] = []
    value, shift = 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("its run lengths are broken")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value, shift = 0, 0
    return runs


def write_coco(
    path: Path, image: str, shape: Sequence[int], cells: Iterable[tuple[np.ndarray, Sequence[np.ndarray], bool]]
) -> int:
    """Write the cells of an image in one step, and return their number.

    Parameters
    ----------
    image
        Name of the image's file.
    shape
        (Y, X) of the image.
    cells
        For each cell its pixels (n, 2) as y and x, its outlines (n, 2) along the edges of its pixels, and whether it has
        holes; such a cell is written as run lengths, the others as polygons.
    """
    annotations = []
    for number, (pixels, outlines, holed) in enumerate(cells, 1):
        low, high = pixels.min(axis=0), pixels.max(axis=0) + 1
        area = _runs(pixels, shape) if holed else [(one[:, ::-1] + 0.5).ravel().tolist() for one in outlines]
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": 1,
                "segmentation": area,
                "area": len(pixels),
                "bbox": [int(low[1]), int(low[0]), int(high[1] - low[1]), int(high[0] - low[0])],
                "iscrowd": 0,
            }
        )
    content = {
        "images": [{"id": 1, "file_name": image, "height": int(shape[0]), "width": int(shape[1])}],
        "categories": [{"id": 1, "name": "cell", "supercategory": "cell"}],
        "annotations": annotations,
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")
    return len(annotations)


def _runs(pixels: np.ndarray, shape: Sequence[int]) -> dict[str, Any]:
    """Return run lengths down the columns of an image, beginning with what is outside."""
    places = np.sort(pixels[:, 1].astype(np.int64) * shape[0] + pixels[:, 0])
    ends = np.flatnonzero(np.diff(places) > 1)
    first = places[np.concatenate([[0], ends + 1])]
    last = places[np.concatenate([ends, [len(places) - 1]])] + 1
    edges = np.concatenate([[0], np.column_stack([first, last]).ravel(), [shape[0] * shape[1]]])
    return {"size": [int(side) for side in shape], "counts": np.diff(edges).tolist()}
