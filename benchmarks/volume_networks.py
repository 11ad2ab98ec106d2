"""Scores networks for volumes on simulated cysts that none was trained on, beside the plain watershed.

    python benchmarks/volume_networks.py --data DATA [--network epicysts]
    python benchmarks/volume_networks.py --data DATA --train NETWORKS [--steps 170]

DATA contains segmentation/cyst3d (the tests' data), whose ten simulated cysts, made by another program, are scored with
their own noise and with 4 and 8 times its variance, and with the mask that the network predicts. With --train a network of
the small preset is trained on ten simulated cysts first, written to NETWORKS/cysts10, and used again if it is there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import epifiji
from epifiji.files.networks.store import find_network, read_network, write_network
from volume_quality import NOISE, simulated

CYSTS = 10

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
    """Print AP (mean and lowest), F1 and ARI of the network, and AP of the watershed with its default settings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--network", default="epicysts", help="name, folder or zip of a network")
    parser.add_argument("--train", type=Path, help="train a network first, and keep it in this folder")
    parser.add_argument("--steps", type=int, default=170)
    given = parser.parse_args()
    network = read_network(trained(given.train, given.steps) if given.train else find_network(given.network))
    print(
        "| noise | AP at 0.5 (lowest) | AP at 0.75 | F1 | ARI | AP of the watershed (lowest) |\n|---|---|---|---|---|---|"
    )
    for noise in NOISE:
        rows = []
        for one in simulated(given.data / "segmentation" / "cyst3d" / "simulated", noise, CYSTS):
            scores = epifiji.compare_volumes(epifiji.segment_cysts(one.image, network).labels, one.cells)
            plain = epifiji.compare_volumes(epifiji.segment_cysts(one.image).labels, one.cells)
            counts = scores.matches[0.5]
            rows.append((counts.ap, scores.matches[0.75].ap, counts.f1, scores.rand_index, plain.matches[0.5].ap))
        means, lowest = ([f"{value:.3f}" for value in reduced(rows, 0)] for reduced in (np.mean, np.min))
        means[0], means[-1] = (f"{means[at]} ({lowest[at]})" for at in (0, -1))
        print(f"| x {noise} | {' | '.join(means)} |", flush=True)


if __name__ == "__main__":
    main()
