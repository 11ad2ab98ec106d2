"""Compares CartoCell's two networks: M1 from three drawn cysts, and M2 from what M1 finds in thirty undrawn ones.

    python benchmarks/cartocell_models.py --data DATA --out FOLDER [--steps 450]

All cysts that are learnt from are simulated by EpiFiji. Both networks are scored on twelve others, and on the ten cysts of
another program in DATA (the tests' data, segmentation/cyst3d), with their own noise and with 8 times its variance. The
intervals (95 %) of the difference are of a bootstrap over cysts. What is in FOLDER already is not made again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

import epifiji
from epifiji.files.labels import read_cells
from volume_quality import Truth, simulated

DRAWN, UNDRAWN, TESTED, OTHERS = 3, 30, 12, 10
CYSTS = {"pixel_size_um": 0.8, "voxel_depth_um": 1.0, "margin_um": 3}
SEEDS = {"drawn": 100, "undrawn": 200, "tested": 300}
DRAWS = 10_000
IOUS = (0.5, 0.75)


def made(folder: Path) -> None:
    """Simulate the cysts that are not there, each kind in a folder of volumes (x) and one of labels (y)."""
    for (kind, seed), count in zip(SEEDS.items(), (DRAWN, UNDRAWN, TESTED), strict=True):
        if not (folder / kind).is_dir():
            simulated_in = epifiji.simulate_cysts(
                folder / f"{kind}_made", count, varied=True, seed=seed, **CYSTS
            ).folder
            for part in "xy":
                (folder / kind / part).mkdir(parents=True)
            for labels in sorted(simulated_in.rglob("*_labels.tif")):
                name = labels.name.replace("_labels", "")
                labels.rename(folder / kind / "y" / name)
                labels.with_name(name).rename(folder / kind / "x" / name)


def configured(folder: Path) -> Path:
    """Write the configuration of the pipeline."""
    sets = {"TRAIN": "drawn", "TEST": "tested"}
    data: dict[str, object] = {
        name: {"PATH": str(folder / kind / "x"), "GT_PATH": str(folder / kind / "y")} for name, kind in sets.items()
    }
    data["VAL"] = {"FROM_TRAIN": True}
    place = folder / "cartocell.yaml"
    kind = {"TYPE": "INSTANCE_SEG", "NDIM": "3D", "INSTANCE_SEG": {"DATA_REMOVE_BEFORE_MW": True}}
    # As the network that comes with EpiFiji: thresholds are chosen for each cyst, without dropout and elastic deformation.
    augmented = {"ENABLE": True, "RANDOM_ROT": True, "VFLIP": True, "BRIGHTNESS": True}
    config = {"PROBLEM": kind, "DATA": data, "MODEL": {"DROPOUT_VALUES": [0.0] * 3}, "AUGMENTOR": augmented}
    place.write_text(yaml.safe_dump(config), encoding="utf-8")
    return place


def difference(first: Sequence[float], second: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean difference and its interval, by a bootstrap over pairs."""
    gains = np.subtract(second, first)
    means = np.random.default_rng(1).choice(gains, (DRAWS, len(gains))).mean(1)
    return float(gains.mean()), *(float(one) for one in np.quantile(means, (0.025, 0.975)))


def main() -> None:
    """Train both networks, and print their scores and the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=450)
    given = parser.parse_args()
    folder = given.out.resolve()
    made(folder)
    began = time.process_time()
    ran = epifiji.cartocell(
        "run", configured(folder), folder / "undrawn" / "x", out=folder, preset="small", steps=given.steps
    )
    print(f"{' '.join(ran.notices)} {time.process_time() - began:.0f} s of processor time.", flush=True)
    tested = [
        Truth(epifiji.read_volume(file), read_cells(folder / "tested" / "y" / file.name), True)
        for file in sorted((folder / "tested" / "x").iterdir())
    ]
    theirs = given.data / "segmentation" / "cyst3d" / "simulated"
    print("| cysts | IoU | M1 | M2 | difference (95 %) |\n|---|---|---|---|---|")
    for name, truths in {
        "ours": tested,
        "another program's": simulated(theirs, 1, OTHERS),
        "another program's, noise x 8": simulated(theirs, 8, OTHERS),
    }.items():
        scores = [
            [epifiji.compare_volumes(epifiji.segment_cysts(one.image, network).labels, one.cells) for one in truths]
            for network in ran.networks
        ]
        for iou in IOUS:
            m1, m2 = ([one.matches[iou].ap for one in every] for every in scores)
            gain, low, high = difference(m1, m2)
            print(
                f"| {name} | {iou} | {np.mean(m1):.3f} | {np.mean(m2):.3f} | {gain:+.3f} ({low:+.3f} to {high:+.3f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
