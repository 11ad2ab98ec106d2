"""Runs the authors' package, dextrusion, in a separate environment; see README.md.

This script imports nothing of EpiFiji: it is run by its path with the Python of the other environment. It prints its
result as one JSON object on the last line of standard output.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

BLOCKS, DENSE = 4, 3
GROUP_WINDOWS = 20_000
"""The number of windows that the package crops and classifies at once; its memory increases with it."""


def build(network: Path, out: Path) -> dict[str, Any]:
    """Convert the members of a network in EpiFiji's format to the package's format, with the package's own code.

    Parameters
    ----------
    network
        Folder with ``network.json`` and ``weights_<i>.npz``.
    out
        The folder in which a folder ``member_<i>`` is written for each member.
    """
    from dextrusion.DeXtrusion import DeXtrusion

    description = json.loads((network / "network.json").read_text(encoding="utf-8"))
    half, classes = description["window_half_size_px"], description["classes"]
    frames = (description["frames_before"], description["frames_after"])
    folders = []
    for member in range(description["members"]):
        weights = np.load(network / f"weights_{member}.npz")
        filters = weights["conv_0/kernel"].shape[-1]
        folders.append(f"{out / f'member_{member}'}/")
        package = DeXtrusion(verbose=False)
        package.set_parameters(
            nframes=frames,
            half_size=(half, half),
            ncat=len(classes),
            catnames=["", *(f"_{name}.zip" for name in classes[1:])],
            nb_filters=filters,
            model_path=folders[-1],
            cell_diameter=description["cell_diameter_px"],
            extrusion_duration=description["event_duration_frames"],
        )
        side = 2 * half + 1
        package.model.create_model((sum(frames), side, side), len(classes), filters)
        set_weights(package.model.model, weights)
        package.save_model()
    return {"networks": folders}


def set_weights(model: Any, weights: Any) -> None:
    """Put the arrays of a member into the package's model."""
    per_frame = next(layer for layer in model.layers if hasattr(layer, "layer")).layer
    layers = [*per_frame.layers, *model.layers]
    convolutions, norms, (gru,), dense = (
        [layer for layer in layers if type(layer).__name__ == kind]
        for kind in ("Conv2D", "BatchNormalization", "GRU", "Dense")
    )
    if (len(convolutions), len(norms), len(dense)) != (2 * BLOCKS, BLOCKS, DENSE):
        raise SystemExit("the package's network is not the one that its weights are named for")
    named = {"gru": gru}
    for kind, group in (("conv", convolutions), ("norm", norms), ("dense", dense)):
        named |= {f"{kind}_{i}": layer for i, layer in enumerate(group)}
    parts = {
        "conv": ("kernel", "bias"),
        "norm": ("gamma", "beta", "mean", "variance"),
        "gru": ("kernel", "recurrent", "bias"),
        "dense": ("kernel", "bias"),
    }
    for name, layer in named.items():
        layer.set_weights([weights[f"{name}/{part}"] for part in parts[name.split("_")[0]]])


def detect(arguments: argparse.Namespace) -> dict[str, Any]:
    """Detect the events of a movie; write raw maps, ROI zips and, with --scaled, maps at the movie's scale."""
    started = time.perf_counter()
    from dextrusion.DeXtrusion import DeXtrusion

    package = DeXtrusion(verbose=False)
    windows: list[int] = []
    count_windows = package.update_nwins

    def counting(shape: tuple[int, ...]) -> None:
        count_windows(shape)
        windows.append(package.nw[4])

    package.update_nwins = counting
    package.read_configuration(arguments.networks[0])
    imported = time.perf_counter()
    package.detect_events_onmovie(
        str(arguments.movie),
        models=sorted(f"{folder.rstrip('/')}/" for folder in arguments.networks),
        cell_diameter=arguments.cell_diameter or package.cell_diameter,
        extrusion_duration=arguments.event_duration or package.extrusion_duration,
        dxy=arguments.step_xy,
        dz=arguments.step_t,
        group_size=GROUP_WINDOWS,
        outfolder=str(arguments.out),
    )
    mapped = time.perf_counter()
    package.write_rawproba_maps()
    if arguments.scaled:
        package.write_probamaps(cat=None)
    for category in range(1, package.ncat):
        package.get_rois(cat=category, volume_threshold=arguments.min_volume, proba_threshold=arguments.threshold)
    ended = time.perf_counter()
    seconds = {"import": imported - started, "maps": mapped - imported, "events": ended - mapped}
    return {"windows": sum(windows), "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="convert a network from EpiFiji's format to the package's")
    building.add_argument("network", type=Path)
    building.add_argument("out", type=Path)
    detecting = commands.add_parser("detect", help="detect the events of a movie")
    detecting.add_argument("movie", type=Path)
    detecting.add_argument("out", type=Path)
    detecting.add_argument("--networks", nargs="+", required=True)
    detecting.add_argument("--cell-diameter", type=float)
    detecting.add_argument("--event-duration", type=float)
    detecting.add_argument("--step-xy", type=int, default=10)
    detecting.add_argument("--step-t", type=int, default=2)
    detecting.add_argument("--threshold", type=int, default=180)
    detecting.add_argument("--min-volume", type=int, default=800)
    detecting.add_argument("--scaled", action="store_true", help="write the maps at the movie's scale too")
    arguments = parser.parse_args()
    answer = build(arguments.network, arguments.out) if arguments.command == "build" else detect(arguments)
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
