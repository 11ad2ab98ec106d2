"""Makes the parity case of the tests: the results of the authors' package with a small random network.

Run by hand, with the Python of an environment that contains the package (against_dextrusion.py makes one):

    python benchmarks/make_parity_case.py PEER_PYTHON

It replaces tests/reference_files/parity/: the network in EpiFiji's format, two movies, and the package's maps and ROIs
for them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

from epifiji.data.event_networks import DexNetDescription
from epifiji.data.network import Network, Weights
from epifiji.engine.networks.dexnet.model import BLOCKS, DENSE, array_shapes, convolve, last_state, normalise
from epifiji.engine.tiling.windows import normalised
from epifiji.files.networks.store import write_network

PARITY = Path(__file__).resolve().parents[1] / "tests" / "reference_files" / "parity"
PEER_SCRIPT = Path(__file__).with_name("peer_dextrusion.py")
SEED = 11
"""A seed for which every class has events and no voxel depends on a probability's last digits (tested by adding noise)."""

FILTERS, UNITS = 4, 64
GRAIN = 1 / 64
"""Weights are multiples of this, so that they compress well."""

CONFIDENCE = 6.0
"""Standard deviation of the logits over windows: the larger, the closer the probabilities are to 0 and 1."""

NOTHING_LOGIT = 8.0
"""Added to the logit of class 0, so that events are rare, as with real networks."""

UNLIKENESS = 0.1
"""The difference between the weights of the two members, in units of their standard deviation."""

DESCRIPTION = DexNetDescription(
    name="parity",
    classes=("nothing", "cell_death", "cell_sop", "cell_division"),
    cell_diameter_px=25,
    event_duration_frames=4.5,
    members=2,
    provenance="Random weights from a seed, to compare programs with; it finds nothing.",
)
CASES: dict[str, dict[str, Any]] = {
    "plain": {"step_xy": 10, "step_t": 2, "threshold": 140, "min_volume": 100},
    "rescaled": {
        "step_xy": 10,
        "step_t": 2,
        "threshold": 140,
        "min_volume": 200,
        "cell_diameter": 16.0,
        "event_duration": 3.0,
    },
}
SHAPES = {"plain": (18, 80, 90), "rescaled": (12, 54, 61)}
LEVELS = {"plain": (np.uint8, 10, 240), "rescaled": (np.uint16, 300, 4000)}
"""dtype, smallest and largest pixel of each movie."""


def movie(name: str) -> np.ndarray:
    """Make smooth noise of two scales, (T, Y, X)."""
    random = np.random.default_rng([SEED, len(name)])
    scale = SHAPES[name][1] / SHAPES["plain"][1]
    pixels = np.zeros(SHAPES[name])
    for sigma_t, sigma_xy in ((3.0, 7.0), (1.5, 2.5)):
        part = ndimage.gaussian_filter(random.normal(size=pixels.shape), (sigma_t, sigma_xy * scale, sigma_xy * scale))
        pixels += part / part.std()
    dtype, least, greatest = LEVELS[name]
    pixels = (pixels - pixels.min()) / np.ptp(pixels)
    return np.rint(least + pixels * (greatest - least)).astype(dtype)


def rounded(values: np.ndarray) -> np.ndarray:
    return (np.rint(np.asarray(values) / GRAIN) * GRAIN).astype(np.float32)


def random_weights(random: np.random.Generator) -> Weights:
    """Draw a member's arrays at random, scaled so that signals keep their size from layer to layer."""
    sizes = {"conv_0/kernel": (3, 3, 1, FILTERS), "gru/recurrent": (UNITS, 3 * UNITS)}
    sizes |= {"dense_0/kernel": (UNITS, 32), "dense_1/kernel": (32, 16)}
    shapes = array_shapes({key: np.empty(shape, np.float32) for key, shape in sizes.items()}, DESCRIPTION)
    weights = {}
    for key, shape in shapes.items():
        if key.endswith(("kernel", "recurrent")):
            gain = 0.25 if key.startswith("gru") else 2
            weights[key] = random.normal(0, np.sqrt(gain / np.prod(shape[:-1])), shape)
        elif key.endswith(("gamma", "variance")):
            weights[key] = np.ones(shape)
        else:
            weights[key] = random.normal(0, 0.1, shape)
    return {key: rounded(values) for key, values in weights.items()}


def unlike(weights: Weights, random: np.random.Generator) -> Weights:
    """Return the weights of a member whose predictions are similar to those of another."""
    return {
        key: rounded(values + UNLIKENESS * values.std() * random.normal(size=values.shape))
        for key, values in weights.items()
    }


def calibrate(weights: Weights, windows: np.ndarray) -> None:
    """Set batch norms and dense layers from the signals of windows, so that signals differ strongly between windows.

    If the signals were nearly the same for all windows, differences in the last digits would matter.
    """
    import tensorflow as tf

    signal = tf.constant(windows.reshape(-1, *windows.shape[2:], 1) / np.float32(255))
    for block in range(BLOCKS):
        signal = convolve(weights, block, signal)
        last = block == BLOCKS - 1
        seen = np.asarray(tf.reduce_max(signal, (1, 2), keepdims=True) if last else signal)
        weights[f"norm_{block}/mean"] = rounded(seen.mean((0, 1, 2)))
        weights[f"norm_{block}/variance"] = np.maximum(rounded(seen.var((0, 1, 2))), np.float32(GRAIN))
        signal = normalise(weights, block, signal)
        signal = tf.reduce_max(signal, (1, 2)) if last else tf.nn.max_pool2d(signal, 2, 2, "VALID")
    entering = np.asarray(last_state(weights, tf.reshape(signal, (*windows.shape[:2], -1))))
    for number in range(DENSE):
        kernel, bias = f"dense_{number}/kernel", f"dense_{number}/bias"
        spread = CONFIDENCE if number == DENSE - 1 else 1
        weights[kernel] = rounded(weights[kernel] * spread / (entering @ weights[kernel]).std(0))
        weights[bias] = rounded(-(entering @ weights[kernel]).mean(0))
        entering = np.maximum(entering @ weights[kernel] + weights[bias], 0)
    weights[bias][0] += NOTHING_LOGIT


def network(pixels: np.ndarray) -> Network:
    """Make the network, calibrated on windows of a movie."""
    random = np.random.default_rng(SEED)
    side, frames = DESCRIPTION.window_size_px, DESCRIPTION.window_frames
    views = np.lib.stride_tricks.sliding_window_view(pixels, (frames, side, side))[::2, ::5, ::5]
    windows = normalised(views.reshape(-1, frames, side, side))
    first = random_weights(random)
    members = (first, unlike(first, random))
    for weights in members:
        calibrate(weights, windows)
    return Network(DESCRIPTION, members)


def peer(python: Path, *arguments: object) -> dict[str, Any]:
    """Run the package in its environment."""
    command = [str(python), str(PEER_SCRIPT), *map(str, arguments)]
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=quiet)
    return json.loads(run.stdout.splitlines()[-1])


def compute(python: Path, name: str, networks: list[str], folder: Path, work: Path) -> None:
    """Detect the events of a movie with the package, and store its maps in one file and its ROI zips."""
    results = work / name
    options = [f"--{key.replace('_', '-')}={value}" for key, value in CASES[name].items()]
    peer(python, "detect", work / f"{name}.tif", results, "--scaled", *options, "--networks", *networks)
    maps = {}
    for event in DESCRIPTION.events:
        for kind in ("rawproba", "proba"):
            maps[f"{event}_{kind}"] = tifffile.imread(results / f"{name}_{event}_{kind}.tif")
        shutil.copy(results / f"{name}_{event}.zip", folder)
        raw = maps[f"{event}_rawproba"]
        print(f"{name} {event}: map {raw.shape}, highest {raw.max()}, above 125 {(raw > 125).mean():.1%}")
    np.savez_compressed(folder / f"{name}_maps.npz", **maps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer_python", type=Path, help="Python of an environment with dextrusion")
    arguments = parser.parse_args()
    movies = {name: movie(name) for name in CASES}
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        work = Path(temporary)
        folder = work / "parity"
        made = write_network(network(movies["plain"]), folder / "network")
        networks = peer(arguments.peer_python, "build", made, work / "networks")["networks"]
        for name, pixels in movies.items():
            tifffile.imwrite(work / f"{name}.tif", pixels)
            tifffile.imwrite(
                folder / f"{name}.tif", pixels, compression="zlib", predictor=True, metadata={"axes": "TYX"}
            )
            compute(arguments.peer_python, name, networks, folder, work)
        (folder / "cases.json").write_text(json.dumps(CASES, indent=2) + "\n", encoding="utf-8")
        if (PARITY / "README.md").is_file():
            shutil.copy(PARITY / "README.md", folder)
        shutil.rmtree(PARITY, ignore_errors=True)
        shutil.copytree(folder, PARITY)
    print(f"{PARITY}: {sum(file.stat().st_size for file in PARITY.rglob('*') if file.is_file()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
