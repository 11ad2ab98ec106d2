"""Compares two ways from a probability map to events, EpiFiji's frame by frame and whole arrays: time and peak memory."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

WAYS = ("epifiji", "epifiji, joining", "whole arrays")
"""The second joins seeds of regions that do not touch, as whole arrays do."""
SEED_BOX = (4, 10, 10)


def write_map(path: Path, shape: tuple[int, int, int], events: int) -> None:
    """Write a map with bumps of an event's size, some of which touch."""
    random = np.random.default_rng(1)
    bumps = np.zeros(shape, np.float32)
    bumps[tuple(random.integers(0, n, events) for n in shape)] = 1
    bumps = ndimage.gaussian_filter(bumps, (2.5, 8, 8), truncate=3)
    tifffile.imwrite(path, np.minimum(255 * 1.6 * bumps / bumps.max(), 255).astype(np.uint8))


def epifiji(path: Path, joining: bool) -> list[tuple[int, float]]:
    from epifiji.engine.events.peaks import PeakFinder

    with tifffile.TiffFile(path) as file:
        finder = PeakFinder(file.pages[0].shape, SEED_BOX[0], SEED_BOX[1], joining)
        volumes = [volume for page in file.pages for volume in finder.feed(page.asarray())]
    return [(len(v.voxels), v.value) for v in [*volumes, *finder.finish()]]


def whole_arrays(path: Path) -> list[tuple[int, float]]:
    """Do the same with scipy and scikit-image on the whole map."""
    from skimage.morphology import local_maxima
    from skimage.segmentation import watershed

    values = tifffile.imread(path)
    region = ndimage.minimum_filter((values > 125).astype(np.uint8), (1, 2, 2)).astype(bool)
    distance = ndimage.distance_transform_edt(region)
    maxima = local_maxima(distance, connectivity=3) & region
    seeds, _ = ndimage.label(ndimage.maximum_filter(maxima.astype(np.uint8), SEED_BOX))
    parts = watershed(-distance, seeds, mask=region)
    numbers = np.arange(1, parts.max() + 1)
    sizes = np.bincount(parts.ravel(), minlength=len(numbers) + 1)[1:]
    return list(zip(sizes.tolist(), ndimage.mean(values, parts, numbers).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=(100, 1024, 1024))
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        way, path = arguments.one
        if way == "write":
            write_map(Path(path), tuple(arguments.shape), arguments.events)
            return
        started = time.perf_counter()
        found = whole_arrays(Path(path)) if way == WAYS[-1] else epifiji(Path(path), joining=way == WAYS[1])
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"volumes": len(found), "voxels": sum(n for n, _ in found), "s": seconds, "MB": peak}))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.tif"
        shape = [str(n) for n in arguments.shape]
        # In a separate process, because a process's peak memory includes that of its parent at its start.
        command = [sys.executable, __file__, "--shape", *shape, "--events", str(arguments.events)]
        subprocess.run([*command, "--one", "write", str(path)], check=True)
        for way in WAYS:
            command = [sys.executable, __file__, "--one", way, str(path)]
            print(way, subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
