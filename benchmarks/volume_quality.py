"""Scores the segmentation of volumes without a network, with the settings that are best on the truth: what networks must exceed.

    python benchmarks/volume_quality.py --data DATA

DATA contains segmentation/cyst3d (the tests' data): ten simulated cysts, of which three are used, and real ovules. Noise is
added to the cysts so that its variance, as estimated from the first cyst, becomes 4 and 8 times as large.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import tifffile
from scipy import ndimage

import epifiji

SMOOTHING, DEPTHS = (0.7, 1.0, 1.5, 2.0, 3.0), (0.02, 0.05, 0.1, 0.2)
LEVELS_PER_PHOTON = 4.4
"""Variance of the noise by the mean grey level between 10 and 20, which is that of faint membranes and so rather too large."""

NOISE = (1, 4, 8)


class Truth(NamedTuple):
    """A volume with its true cells, and whether it is a cyst."""

    image: epifiji.Image
    cells: np.ndarray
    cyst: bool


def simulated(data: Path, noise: int, count: int = 3) -> list[Truth]:
    """The first of the simulated cysts, with more noise."""
    random = np.random.default_rng(noise)
    found = []
    for number in range(count):
        pixels = tifffile.imread(data / f"cyst_{number:02d}.tif").astype(np.float32)
        variance = (noise - 1) * LEVELS_PER_PHOTON * np.maximum(ndimage.gaussian_filter(pixels, 1), 0)
        pixels += np.sqrt(variance) * random.standard_normal(pixels.shape, np.float32)
        cells = tifffile.imread(data / f"cyst_{number:02d}_labels.tif").astype(np.int32)
        found.append(Truth(epifiji.Image(pixels, f"cyst {number}", axes="ZYX"), cells, True))
    return found


def ovule(path: Path) -> list[Truth]:
    """A real ovule."""
    with h5py.File(path) as file:
        cells = file["label"][:].astype(np.int32)
    return [Truth(epifiji.read_volume(f"{path}:/raw"), cells, False)]


def ap_f1_ari(scores: Any) -> tuple[float, float, float]:
    """The scores that are printed."""
    counts = scores.matches[0.5]
    return counts.ap, counts.f1, scores.rand_index


def main() -> None:
    """Print the best scores for each group of volumes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    place = parser.parse_args().data / "segmentation" / "cyst3d"
    groups = {f"three cysts, noise x {noise}": simulated(place / "simulated", noise) for noise in NOISE}
    groups |= {path.stem: ovule(path) for path in sorted((place / "ovule").glob("*.h5"))}
    print("| volumes | AP at 0.5 | F1 | ARI | smoothing (px) | depth | s a megavoxel |\n|---|---|---|---|---|---|---|")
    for name, volumes in groups.items():
        best: tuple[float, ...] = (-1.0,)
        began, voxels = time.process_time(), 0
        for smoothing, depth in itertools.product(SMOOTHING, DEPTHS):
            scores = []
            for one in volumes:
                settings = {"smoothing_px": smoothing, "seed_depth": depth, "surrounding": one.cyst}
                found = epifiji.segment_volume(one.image, **settings)
                # Of ovules only a part is annotated.
                cells = found.labels if one.cyst else np.where(one.cells > 0, found.labels, 0)
                scores.append(epifiji.compare_volumes(cells, one.cells))
                voxels += one.cells.size
            means = tuple(float(np.mean(values)) for values in zip(*map(ap_f1_ari, scores), strict=True))
            best = max(best, (*means, smoothing, depth))
        seconds = (time.process_time() - began) / voxels * 1e6
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in best)} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
