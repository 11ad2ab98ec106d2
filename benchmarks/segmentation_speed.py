"""Time and memory of the segmentation of cells on one core, beside a plain watershed and EPySeg's network.

    python benchmarks/segmentation_speed.py --image IMAGE [--frames 200] [--epyseg] [--json speed.json]

IMAGE shows cells with bright borders; it is mirrored to each size. Each run has its own process. The time is that of the
processor from the image in memory to the saved results, without the start, which is listed separately: the imports, and
the first call, in which TensorFlow compiles the network. The memory is the peak of the process. EPySeg's network has
seeded weights, so its cells have no meaning; its normalisation, tiles and refinement are EPySeg's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

SIZES = {"one image": (1, 576, 768), "large image": (1, 4096, 4096), "movie": (0, 512, 512)}
"""(T, Y, X); the number of frames of the movie is an option."""

SHIFT_PX = (3, 5)
"""By how much each frame of the movie is shifted relative to the last one, along Y and X."""

DIAMETER_PX = 21.0
"""Given to the plain watershed, which does not estimate it."""


def mirrored(image: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a movie (T, Y, X) of an image that is mirrored at its sides, and shifted from frame to frame."""
    count, height, width = shape
    large = np.pad(
        image, [(0, max(0, side - own)) for side, own in zip(shape[1:], image.shape, strict=True)], "symmetric"
    )
    large = large[:height, :width]
    return np.stack([np.roll(large, (SHIFT_PX[0] * t, SHIFT_PX[1] * t), (0, 1)) for t in range(count)])


def watershed_only(movie: np.ndarray, folder: Path) -> int:
    """Segment by a plain watershed, and write the labels; return the number of cells."""
    from segmentation_quality import plain

    found = [plain(frame, False, DIAMETER_PX) for frame in movie]
    tifffile.imwrite(folder / "labels.tif", np.stack(found).astype(np.int32))
    return sum(int(labels.max()) for labels in found)


def network(movie: np.ndarray, folder: Path, path: str | None) -> int:
    """Segment by a network, and save the results; return the number of cells."""
    import epifiji

    found = epifiji.segment(movie, network=path)
    found.save(folder / "cells")
    return sum(found.counts)


def seeded_linknet(folder: Path) -> str:
    """Write a network of EPySeg with seeded weights."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
    from epyseg_networks import linknet_weights, write_hdf5

    return str(write_hdf5(folder / "linknet.h5", linknet_weights()))


def measured(method: str, image: Path, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Time one method on one size in this process."""
    import resource

    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pixels = np.squeeze(tifffile.imread(image))
    movie = mirrored(pixels if pixels.ndim == 2 else pixels[-1], shape)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        path = seeded_linknet(folder) if method == "EPySeg" else None
        runs = {"plain watershed": watershed_only}

        def run(some: np.ndarray, name: str) -> int:
            (folder / name).mkdir()
            return runs[method](some, folder / name) if method in runs else network(some, folder / name, path)

        run(movie[:1, :256, :256], "first")
        start = time.process_time()
        cells = run(movie, "all")
        seconds = time.process_time() - start
    return {
        "cells": cells,
        "start_s": start,
        "seconds_per_megapixel": seconds / movie.size * 1e6,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def in_process(method: str, image: Path, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Run :func:`measured` in a new process."""
    command = [sys.executable, __file__, "--image", str(image), "--only", method, *map(str, shape)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure all methods on all sizes and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--image", type=Path, required=True)
    arguments.add_argument("--frames", type=int, default=200)
    arguments.add_argument("--epyseg", action="store_true", help="also EPySeg's network, on one image")
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--only", nargs=4, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.only:
        method, *sides = given.only
        print(json.dumps(measured(method, given.image, tuple(map(int, sides)))))  # type: ignore[arg-type]
        return
    rows = []
    print(f"{'size':24} {'method':16} {'cells':>7} {'CPU s/Mpx':>10} {'peak GB':>8} {'start s':>8}")
    for name, shape in SIZES.items():
        size = (shape[0] or given.frames, *shape[1:])
        methods = ["epicells", "plain watershed", *(["EPySeg"] if given.epyseg and name == "one image" else [])]
        for method in methods:
            row = {"size": size, "method": method, **in_process(method, given.image, size)}
            rows.append(row)
            print(
                f"{name + ' ' + 'x'.join(map(str, size)):24} {method:16} {row['cells']:7} "
                f"{row['seconds_per_megapixel']:10.2f} {row['peak_gb']:8.2f} {row['start_s']:8.1f}",
                flush=True,
            )
    print("load:", os.getloadavg() if hasattr(os, "getloadavg") else "unknown")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
