"""Makes the network for volumes that comes with EpiFiji: simulates cysts, and trains a small 3D U-Net on them.

    python recipes/train_epicysts.py simulate FOLDER                       some minutes on one core
    python recipes/train_epicysts.py train FOLDER --out weights.npz        half an hour on one core
    python recipes/train_epicysts.py pack weights.npz python/epifiji/networks/epicysts

No image of a microscope is learnt from, and no other program's simulated cyst. All use fixed seeds. Nothing is chosen: the
weights are those of the last step.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

from epifiji.data.labelled import TrainingVolume
from epifiji.data.settings.cyst_training import DROPOUT, ELASTIC
from epifiji.data.volume_networks import UNet3DDescription
from epifiji.engine.networks.unet3d.grey_range import GreyRange
from epifiji.engine.networks.unet3d.model import PRESETS, new_weights
from epifiji.engine.networks.unet3d.recipe import SMALL_SIDES
from epifiji.engine.networks.unet3d.sampling import PartSampler
from epifiji.engine.networks.unet3d.training import volume_loss
from epifiji.engine.simulation.cysts import simulate_cyst
from epifiji.engine.simulation.random_settings import draw_cyst_settings
from epifiji.engine.training.trainer import PARTS_A_STEP, State, Trainer, drawn_ahead
from epifiji.files.labelled_volumes import read_labelled_volumes
from epifiji.files.labels import write_labels
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import read_network
from packing import pack

FIRST_SEED, CYSTS = 7_000_000, 64
PHOTONS = (2.5, 200.0)
"""Fewer than cysts usually have: noise is what this network has to cope with."""

THICK, THICKEST_UM = 0.2, 1.0
"""Share of the cysts with thick membranes, and their largest width."""

ARCHITECTURE, WITHOUT = PRESETS["small"], frozenset({DROPOUT, ELASTIC})
MOST_STEPS, MINUTES, RATE = 4000, 25, 2e-3
DIAMETER_PX, VOXEL_UM = 15.6, (0.92, 0.66, 0.66)
PROVENANCE = "Trained by EpiFiji's makers on simulated cysts; BSD-3. See the card beside the weights."


def simulate(folder: Path) -> None:
    """Write the cysts and their labels; those that are there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(CYSTS):
        random = np.random.default_rng([FIRST_SEED, number])
        values = {"photons": float(np.exp(random.uniform(*np.log(PHOTONS)))), "margin_um": 3.0, "bit_depth": 16}
        if random.random() < THICK:
            values["membrane_um"] = float(random.uniform(0.4, THICKEST_UM))
        name = f"cyst_{number:03d}"
        if (folder / f"{name}_labels.tif").exists():
            continue
        made = simulate_cyst(draw_cyst_settings(FIRST_SEED + number, **values))
        write_movie(made.volume, folder / f"{name}.tif")
        write_labels(folder / f"{name}_labels.tif", made.labels, spacing=made.volume.spacing)
        print(name, made.volume.shape, made.cells, flush=True)


def train(folder: Path, out: Path, minutes: float, start: Path | None) -> None:
    """Train for a given time, from random weights or from those of a network, and keep the averaged weights."""
    volumes = [
        TrainingVolume(GreyRange.of(one.volume).scaled(np.asarray(one.volume)), np.asarray(one.cells), one.name)
        for one in read_labelled_volumes(folder, None, None)
    ]
    random = np.random.default_rng(3)
    sampler = PartSampler(volumes, SMALL_SIDES, random, WITHOUT, ARCHITECTURE, 0.0)
    weights = new_weights(random, ARCHITECTURE) if start is None else dict(read_network(start).weights[0])
    state = State(weights, {name: values.copy() for name, values in weights.items()})
    trainer = Trainer(state, MOST_STEPS, RATE, volume_loss(ARCHITECTURE))
    began, spent = time.monotonic(), time.process_time()
    for parts in drawn_ahead(iter(sampler.draw, None), PARTS_A_STEP):
        trainer.step(parts)
        passed = time.monotonic() - began
        if state.step >= 15 and state.step % 5 == 0:
            trainer.steps = int(min(MOST_STEPS, state.step * max(1.0, 60 * minutes / passed)))
        ended = state.step >= trainer.steps
        if state.step % 25 == 0 or ended:
            loss, used = np.mean(state.losses[-25:]), time.process_time() - spent
            print(
                f"step {state.step} of {trainer.steps}: loss {loss:.4f}, {passed:.0f} s, {used:.0f} s of processor time"
            )
            np.savez(out, **state.average)
        if ended:
            return


def described(name: str) -> UNet3DDescription:
    """Return the description of the network."""
    return UNet3DDescription(
        name=name,
        features=ARCHITECTURE.features,
        z_steps=cast(Any, ARCHITECTURE.z_steps),
        cell_diameter_px=DIAMETER_PX,
        voxel_um=VOXEL_UM,
        provenance=PROVENANCE,
    )


def main() -> None:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("simulate").add_argument("folder", type=Path)
    one = steps.add_parser("train")
    one.add_argument("folder", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--minutes", type=float, default=MINUTES)
    one.add_argument("--start", type=Path, help="a network of the small preset whose weights initialise the training")
    one = steps.add_parser("pack")
    one.add_argument("weights", type=Path)
    one.add_argument("place", type=Path)
    given = parser.parse_args()
    if given.step == "simulate":
        simulate(given.folder)
    elif given.step == "train":
        train(given.folder, given.out, given.minutes, given.start)
    else:
        pack(described(given.place.name), given.weights, given.place)


if __name__ == "__main__":
    main()
