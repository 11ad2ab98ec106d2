"""Trains the small network for volumes on ten simulated cysts, and scores it on others beside the plain watershed.

    python benchmarks/volume_networks.py --data DATA --out NETWORKS [--steps 170]

DATA contains segmentation/cyst3d (the tests' data), whose first three simulated cysts, made by another program, are scored
with their own noise and with 4 and 8 times its variance. The network is written to NETWORKS/cysts10, and used again if it
is there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import epifiji
from epifiji.files.networks.store import read_network, write_network
from volume_quality import NOISE, simulated

DRAWN = {"cells": 40, "pixel_size_um": 0.8, "voxel_depth_um": 1.0, "margin_um": 3}


def trained(folder: Path, steps: int) -> Path:
    """Train a network unless it is there, and return its folder."""
    place = folder / "cysts10"
    if place.is_dir():
        return place
    with tempfile.TemporaryDirectory() as made:
        cysts = epifiji.simulate_cysts(made, 10, varied=True, seed=100, **DRAWN).folder
        began = time.process_time()
        learnt = epifiji.train_cysts(cysts, name="cysts10", overwrite=True, steps=steps, minutes=1000, held_out=0.1)
    print(f"{learnt.sentence} {learnt.points[-1].step} steps, {time.process_time() - began:.0f} s of processor time.")
    return write_network(read_network(learnt.folder), place)


def main() -> None:
    """Print AP, F1 and ARI of the network, and AP of the watershed with its default settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=170)
    given = parser.parse_args()
    network = read_network(trained(given.out, given.steps))
    print("| noise | AP at 0.5 | F1 | ARI | AP of the watershed |\n|---|---|---|---|---|")
    for noise in NOISE:
        rows = []
        for one in simulated(given.data / "segmentation" / "cyst3d" / "simulated", noise):
            scores = epifiji.compare_volumes(epifiji.segment_cysts(one.image, network).labels, one.cells)
            plain = epifiji.compare_volumes(epifiji.segment_cysts(one.image).labels, one.cells)
            counts = scores.matches[0.5]
            rows.append((counts.ap, counts.f1, scores.rand_index, plain.matches[0.5].ap))
        print(f"| x {noise} | {' | '.join(f'{value:.2f}' for value in np.mean(rows, 0))} |", flush=True)


if __name__ == "__main__":
    main()
