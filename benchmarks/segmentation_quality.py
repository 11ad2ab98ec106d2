"""Scores the segmentation of cells on real images, beside a plain watershed, at three scales.

    python benchmarks/segmentation_quality.py --data DATA [--network epicells] [--json scores.json]

DATA contains tissues/, movies/ and segmentation/ (the tests' data). Some corneal fields chose the network's fixed
settings; the other fields had no influence on the network nor on its settings. All estimates are automatic.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
from scipy import ndimage

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.files.labels import read_cells

CHOOSING = ("03", "09", "15", "21", "27")
SCALES = (0.7, 1.0, 1.3)
WINGDISC_FRAMES = (0, 4, 7)

PLAIN_DEPTH, PLAIN_SIGMA = 0.15, 0.08
"""The plain watershed: depth of minima as a fraction of the range of levels, and smoothing in cell diameters."""


class Field(NamedTuple):
    """An image (Y, X), its annotated cells, whether its borders are dark, and whether it chose the settings."""

    name: str
    image: np.ndarray
    cells: np.ndarray
    dark: bool
    chose: bool


def fields(data: Path) -> Iterator[Field]:
    """Yield the real fields."""
    wing = tifffile.imread(data / "tissues" / "wing_raw_and_skeleton.tif")
    yield Field("wing", wing[1], wing[0], False, False)
    movie = tifffile.imread(data / "movies" / "wingdisc_8f_registered.tif")
    labels = read_cells(data / "movies" / "wingdisc_8f_labels.tif")
    for frame in WINGDISC_FRAMES:
        yield Field(f"wing disc {frame + 1}", movie[frame], labels[frame], False, False)
    for path in sorted((data / "segmentation" / "tissue2d" / "cornea_alizarine").glob("*_image.png")):
        number = path.name[:2]
        image = read_cells(path)[0].astype(np.uint8)
        outlines = read_cells(path.with_name(f"{number}_outlines.png"))[0]
        yield Field(f"cornea {number}", image, outlines, True, number in CHOOSING)


def rescaled(field: Field, factor: float) -> Field:
    """Return a field at another scale; lines are drawn again as the pixels that touch another cell."""
    if factor == 1:
        return field
    image = ndimage.zoom(field.image.astype(np.float32), factor, order=1, mode="nearest", grid_mode=True)
    cells = field.cells
    if len(np.unique(cells)) == 2:
        parts, _ = ndimage.label(cells == cells.min())
        nearest = ndimage.distance_transform_edt(parts == 0, return_distances=False, return_indices=True)
        parts = ndimage.zoom(parts[tuple(nearest)], factor, order=0, mode="nearest", grid_mode=True)
        lines = ndimage.grey_dilation(parts, (3, 3)) != parts
        cells = np.where(lines, 255, 0).astype(np.uint8)
    else:
        cells = ndimage.zoom(cells, factor, order=0, mode="nearest", grid_mode=True)
    return field._replace(image=image, cells=cells)


def plain(image: np.ndarray, dark: bool, diameter: float) -> np.ndarray:
    """Segment an image by a watershed from the h-minima of its smoothed, evened levels."""
    from skimage.measure import label
    from skimage.morphology import h_minima
    from skimage.segmentation import watershed

    bright = (-1.0 if dark else 1.0) * image.astype(float)
    even = bright - ndimage.gaussian_filter(bright, 1.5 * diameter)
    even /= np.sqrt(ndimage.gaussian_filter(even**2, 1.5 * diameter)) + 1e-9
    smooth = ndimage.gaussian_filter(even, PLAIN_SIGMA * diameter)
    low, high = np.percentile(smooth, [1, 99])
    smooth = (smooth - low) / (high - low)
    labels: np.ndarray = watershed(smooth, label(h_minima(smooth, PLAIN_DEPTH)))
    return labels


def score(predicted: np.ndarray, cells: np.ndarray) -> tuple[float, float]:
    """Return segmentation quality and AP at an IoU of 0.5; cells at the border of the field are left out."""
    found = epifiji.compare_cells(predicted, cells, border="ignore")
    return found.quality.value or 0.0, found.ap.value or 0.0


def measured(segment: Callable[[], np.ndarray], field: Field) -> dict[str, Any]:
    """Segment and score a field; count the processor's time for a megapixel."""
    began = time.process_time()
    try:
        labels = segment()
    except WrongInputError as problem:
        return {"problem": str(problem), "quality": 0.0, "ap": 0.0, "seconds": 0.0}
    seconds = time.process_time() - began
    quality, ap = score(labels, field.cells)
    return {"quality": quality, "ap": ap, "seconds": seconds / field.image.size * 1e6}


def main() -> None:
    """Score all fields and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--network", default=None)
    arguments.add_argument("--choosing", action="store_true", help="only the fields that chose the settings")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    rows: list[dict[str, Any]] = []
    print(f"{'field':14} {'scale':>5} {'network q':>9} {'AP':>6} {'s/Mpx':>6} {'plain q':>8} {'AP':>6}")
    for original in fields(given.data):
        if given.choosing and not original.chose:
            continue
        for scale in SCALES:
            field = rescaled(original, scale)
            row: dict[str, Any] = {"field": field.name, "chose": field.chose, "scale": scale}
            row |= measured(lambda field=field: epifiji.segment(field.image, network=given.network).labels[0], field)  # type: ignore[misc]
            rows.append(row)
            if scale == 1:
                diameter = epifiji.segment(field.image, network=given.network).diameter_px
                row["plain"] = measured(lambda f=field, d=diameter: plain(f.image, f.dark, d), field)  # type: ignore[misc]
            beside = row.get("plain", {"quality": float("nan"), "ap": float("nan")})
            print(
                f"{field.name:14} {scale:5.1f} {row['quality']:9.3f} {row['ap']:6.3f} {row['seconds']:6.2f} "
                f"{beside['quality']:8.3f} {beside['ap']:6.3f} {row.get('problem', '')}",
                flush=True,
            )
    for chose in (True, False):
        for scale in SCALES:
            some = [row for row in rows if row["chose"] == chose and row["scale"] == scale]
            means = [float(np.mean([row[key] for row in some])) if some else float("nan") for key in ("quality", "ap")]
            kind = "chose" if chose else "judged"
            print(f"mean of {len(some)} fields that {kind}, scale {scale}: quality {means[0]:.3f}, AP {means[1]:.3f}")
    if given.json:
        given.json.write_text(json.dumps({"load": os.getloadavg(), "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
