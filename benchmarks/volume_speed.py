"""Measures time, memory and quality of networks for volumes: flat in the size of the volume, and for both presets.

    python benchmarks/volume_speed.py [--planes 50 100 200] [--side 512]

A simulated cyst lies in the middle of volumes of background, which `epifiji segment-cysts` segments with the network that
comes with EpiFiji, each in a process of its own. Memory is the largest resident set of that process. The full preset, with
random weights, predicts a small volume in this process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np

import epifiji
from epifiji.data.image import Image
from epifiji.engine.networks.unet3d.grey_range import GreyRange
from epifiji.engine.networks.unet3d.model import PRESETS, new_weights
from epifiji.engine.networks.unet3d.predictor import UNet3D
from epifiji.engine.simulation.cysts import simulate_cyst
from epifiji.engine.simulation.random_settings import draw_cyst_settings
from epifiji.files.movies.movie_file import write_movie

SEED, BACKGROUND = 11, 12
SMALL_VOLUME = (32, 96, 96)
MEGAVOXEL, KILOBYTES_A_MEGABYTE = 1e6, 1024


def placed(planes: int, side: int) -> tuple[Image, np.ndarray]:
    """Return a volume with a cyst in its middle, and the true cells."""
    cyst = simulate_cyst(draw_cyst_settings(SEED, pixel_size_um=0.8, voxel_depth_um=1.0, margin_um=3.0, bit_depth=8))
    inside = np.asarray(cyst.volume)[:planes, :side, :side]
    volume = np.random.default_rng(SEED).poisson(BACKGROUND, (planes, side, side)).astype(np.uint8)
    corner = [(whole - part) // 2 for whole, part in zip(volume.shape, inside.shape, strict=True)]
    place = tuple(slice(at, at + part) for at, part in zip(corner, inside.shape, strict=True))
    truth = np.zeros(volume.shape, np.int32)
    volume[place], truth[place] = inside, cyst.labels[:planes, :side, :side]
    return replace(cyst.volume, pixels=volume), truth


def segmented(folder: Path, volume: Image, truth: np.ndarray) -> dict[str, float]:
    """Segment a volume by the command in a process of its own; return its memory (MB), times (s), and cells with their AP."""
    write_movie(volume, folder / "cyst.tif")
    began = time.perf_counter()
    command = ["epifiji", "segment-cysts", "cyst.tif", "--network", "epicysts", "--out", "found"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    labels = np.asarray(epifiji.read_volume(next((folder / "found").rglob("*_labels.tif")))).astype(np.int32)
    return {
        "mb": used.ru_maxrss / KILOBYTES_A_MEGABYTE,
        "cpu": used.ru_utime + used.ru_stime,
        "wall": time.perf_counter() - began,
        "cells": int(labels.max()),
        "ap": epifiji.compare_volumes(labels, truth).matches[0.5].ap,
    }


def predicted(preset: str) -> float:
    """Return the processor time of a prediction by a network with random weights, in s for a megavoxel."""
    shape = PRESETS[preset]
    network = UNet3D([new_weights(np.random.default_rng(1), shape)], shape, onnx=True)
    volume = Image(np.random.default_rng(2).integers(0, 255, SMALL_VOLUME, np.uint8), "noise", axes="ZYX")
    times = []
    # The first one builds the graph.
    for _ in range(2):
        began = time.process_time()
        for _ in network.blocks(volume, GreyRange(0, 255), prod(volume.shape)):
            pass
        times.append(time.process_time() - began)
    return times[1] / (prod(volume.shape) / MEGAVOXEL)


def main() -> None:
    """Print a row for each volume, and one for each preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, nargs="+", default=[50, 100, 200])
    parser.add_argument("--side", type=int, default=512)
    given = parser.parse_args()
    print(
        "| volume (Z, Y, X) | memory (MB) | processor time (s/megavoxel) | time (s) | cells (true) | AP at 0.5 | load |\n"
        "|---|---|---|---|---|---|---|"
    )
    for planes in given.planes:
        with tempfile.TemporaryDirectory() as name:
            volume, truth = placed(planes, given.side)
            used = segmented(Path(name), volume, truth)
        per = used["cpu"] / (prod(volume.shape) / MEGAVOXEL)
        print(
            f"| {planes} x {given.side} x {given.side} | {used['mb']:.0f} | {per:.2f} | {used['wall']:.0f} | {used['cells']:.0f} "
            f"({np.unique(truth).size - 1}) | {used['ap']:.2f} | {os.getloadavg()[0]:.1f} |",
            flush=True,
        )
    for preset in ("small", "full"):
        print(f"{preset}: {predicted(preset):.1f} s of processor time for a megavoxel, prediction alone", flush=True)


if __name__ == "__main__":
    main()
