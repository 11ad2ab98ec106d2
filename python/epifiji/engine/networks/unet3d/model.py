"""A residual 3D U-Net that predicts the inside of cells, their contours, and the mask of both, as CartoCell's does.

At each level a block of two convolutions adds to what there was (residual); between levels the largest value of
2 x 2 pixels, and of one or two planes, is kept. On the way back the features of the same level are appended. Nothing is
normalised over a batch, so the same operations train and predict. J. A. Andres-San Roman et al., CartoCell, Cell Reports
Methods 3, 100597, 2023; Z. Zhang, Q. Liu, Y. Wang, Road extraction by deep residual U-Net, IEEE GRSL 15, 749-753, 2018.

A convolution over three planes is computed as one over each plane, for all three, whose results are added: on processors this
takes two thirds of the time of TensorFlow's convolution of volumes, and with its gradients half.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import numpy as np

from epifiji.data.image import Image
from epifiji.data.network import Weights
from epifiji.data.progress import Report, silent
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.data.volume_networks import VOLUME_OUTPUTS
from epifiji.engine.tiling.tiles import Area, tiles

OUTPUTS = len(VOLUME_OUTPUTS)
ANSWER = "answer"
PREDICTING = "predicting cells"

SHARES = (0.01, 0.995)
"""These quantiles of the grey values become 0 and 1."""

LOWEST, HIGHEST = -0.5, 2.0
"""Limits of grey values after that."""

SAMPLED_VOXELS = 4_000_000
"""Most voxels from which quantiles are computed, at least half of them if the volume has as many."""

WINDOW_VOXELS = 128
"""Sides of the windows of a larger volume, in one of which the higher quantile is largest: background has no part in it."""

BYTES_A_FEATURE = 40
"""Approximate memory for the prediction of a voxel, for each feature of the first level; 29 and 37 were measured."""

MOST_VOXELS = 4_000_000
"""Voxels that are predicted at once if there is memory for them."""


@dataclass(frozen=True)
class Architecture:
    """Sizes of a network.

    Parameters
    ----------
    features
        Number of features at each level, from the finest.
    z_steps
        For each level but the first by how much it has fewer planes than the level above: 1 or 2.
    """

    features: tuple[int, ...]
    z_steps: tuple[int, ...]

    @property
    def scales(self) -> list[tuple[int, int, int]]:
        """Size of a voxel of each level along Z, Y and X, in voxels of the first."""
        planes = [math.prod(self.z_steps[:level]) for level in range(len(self.features))]
        return [(z, 2**level, 2**level) for level, z in enumerate(planes)]

    @property
    def grain(self) -> int:
        """Sides of blocks are multiples of it, the coarsest level's voxels."""
        return max(self.scales[-1])

    @property
    def reach(self) -> tuple[int, int, int]:
        """Voxels around a place on which a prediction depends, along Z, Y and X, in whole `grain`."""
        *finer, coarsest = self.scales
        found = [4 * sum(one[axis] for one in finer) + 3 * coarsest[axis] - 1 for axis in range(3)]
        z, y, x = (-(-one // self.grain) * self.grain for one in found)
        return z, y, x

    @property
    def blocks(self) -> list[tuple[str, int, int]]:
        """Name, and number of features that enter and leave, of each residual block, in the order of computation."""
        inward = zip((1, *self.features), self.features, strict=False)
        found = [(f"in_{level}", entering, width) for level, (entering, width) in enumerate(inward)]
        return found + [(f"out_{level}", 2 * self.features[level], self.features[level]) for level in self._outward]

    @property
    def _outward(self) -> range:
        return range(len(self.z_steps) - 1, -1, -1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each array."""
        found: dict[str, tuple[int, ...]] = {}
        for name, entering, width in self.blocks:
            found |= {f"{name}_0/kernel": (3, 3, 3, entering, width), f"{name}_0/bias": (width,)}
            found |= {f"{name}_1/kernel": (3, 3, 3, width, width), f"{name}_1/bias": (width,)}
            found |= {f"{name}_past/kernel": (entering, width)}
        for level in self._outward:
            entering, width = self.features[level + 1], self.features[level]
            step = 4 * self.z_steps[level]
            found |= {f"up_{level}/kernel": (entering, step * width), f"up_{level}/bias": (width,)}
        return found | {f"{ANSWER}/kernel": (self.features[0], OUTPUTS), f"{ANSWER}/bias": (OUTPUTS,)}


PRESETS = {"small": Architecture((16, 24, 32), (1, 2)), "full": Architecture((52, 68, 84), (1, 1))}
"""Networks for processors, and as CartoCell's for graphics cards; neither halves the planes at its first step."""


def new_weights(random: np.random.Generator, architecture: Architecture) -> Weights:
    """Draw random weights: He's normal distribution, and residual blocks of which the second convolution adds little yet."""
    found = {}
    for name, shape in architecture.shapes().items():
        layer, part = name.split("/")
        spread = np.sqrt(2 / np.prod(shape[:-1])) if part == "kernel" else 0.0
        spread *= 0.1 if layer == ANSWER or layer.endswith("_1") else 1.0
        found[name] = (spread * random.standard_normal(shape)).astype(np.float32)
    return found


def logits(weights: Tensors, architecture: Architecture, x: Tensor, kept: Tensor | None = None) -> Tensor:
    """Predict from grey values (n, Z, Y, X, 1), sides multiples of the grain: logits (n, Z, Y, X, 3).

    Parameters
    ----------
    kept
        (n, sum of the blocks' features): factors of features for dropout, 0 or more than 1. Default: nothing is dropped.
    """
    tf = import_tensorflow()
    factors = iter(()) if kept is None else iter(tf.split(kept, [width for *_, width in architecture.blocks], -1))
    skipped: list[Tensor] = []
    for level, step in enumerate((0, *architecture.z_steps)):
        x = _pooled(x, step) if level else x
        x = _block(weights, f"in_{level}", x, next(factors, None))
        skipped.append(x)
    x = skipped.pop()
    for level in range(len(architecture.z_steps) - 1, -1, -1):
        x = _enlarged(weights, f"up_{level}", x, architecture.z_steps[level])
        x = _block(weights, f"out_{level}", tf.concat([skipped.pop(), x], -1), next(factors, None))
    return _mixed(x, weights[f"{ANSWER}/kernel"]) + weights[f"{ANSWER}/bias"]


def _block(weights: Tensors, name: str, x: Tensor, kept: Tensor | None) -> Tensor:
    """Apply a residual block of two convolutions."""
    tf = import_tensorflow()
    news = tf.nn.relu(_convolved(x, weights[f"{name}_0/kernel"]) + weights[f"{name}_0/bias"])
    if kept is not None:
        news *= kept[:, None, None, None, :]
    news = _convolved(news, weights[f"{name}_1/kernel"]) + weights[f"{name}_1/bias"]
    return tf.nn.relu(_mixed(x, weights[f"{name}_past/kernel"]) + news)


def _convolved(x: Tensor, kernel: Tensor) -> Tensor:
    """Convolve (n, Z, Y, X, in) by a kernel (3, 3, 3, in, out); outside there are zeros."""
    tf = import_tensorflow()
    entering, width = kernel.shape[-2:]
    count, depth, height, columns = (tf.shape(x)[axis] for axis in range(4))
    # The three planes of the kernel side by side, as further features.
    flat = tf.reshape(tf.transpose(kernel, (1, 2, 3, 0, 4)), (3, 3, entering, 3 * width))
    planes = tf.nn.conv2d(tf.reshape(x, (-1, height, columns, entering)), flat, 1, "SAME")
    planes = tf.reshape(planes, (count, depth, height, columns, 3, width))
    before, here, after = tf.unstack(planes, axis=-2)
    ends = [(0, 0)] * 3
    return here + tf.pad(before[:, :-1], [(0, 0), (1, 0), *ends]) + tf.pad(after[:, 1:], [(0, 0), (0, 1), *ends])


def _mixed(x: Tensor, kernel: Tensor) -> Tensor:
    """Mix the features of each voxel by a kernel (in, out)."""
    tf = import_tensorflow()
    shape = tf.shape(x)
    flat = tf.matmul(tf.reshape(x, (-1, kernel.shape[0])), kernel)
    return tf.reshape(flat, tf.concat([shape[:-1], [kernel.shape[1]]], 0))


def _pooled(x: Tensor, planes: int) -> Tensor:
    """Keep the largest value of 2 x 2 pixels, and of `planes` planes."""
    tf = import_tensorflow()
    for axis, step in ((1, planes), (2, 2), (3, 2)):
        if step == 2:
            shape = tf.shape(x)
            halves = tf.concat([shape[:axis], [shape[axis] // 2, 2], shape[axis + 1 :]], 0)
            x = tf.maximum(*tf.unstack(tf.reshape(x, halves), 2, axis + 1))
            x = tf.ensure_shape(x, (None, None, None, None, x.shape[-1]))
    return x


def _enlarged(weights: Tensors, name: str, x: Tensor, planes: int) -> Tensor:
    """Make 2 x 2 pixels, and `planes` planes, of each voxel: a transposed convolution whose step is its size."""
    tf = import_tensorflow()
    width = weights[f"{name}/bias"].shape[0]
    count, depth, height, columns = (tf.shape(x)[axis] for axis in range(4))
    parts = _mixed(x, weights[f"{name}/kernel"])
    parts = tf.reshape(parts, (count * depth, height, columns, planes, 2, 2 * width))
    # Pixels of a row are neighbours in memory already: first rows, then planes are brought to their places.
    parts = tf.transpose(parts, (0, 3, 1, 4, 2, 5))
    return tf.reshape(parts, (count, depth * planes, 2 * height, 2 * columns, width)) + weights[f"{name}/bias"]


@cache
def _graph(architecture: Architecture) -> Callable[..., Tensor]:
    """Return the graph of all networks of an architecture: of weights and a block of grey values."""
    tf = import_tensorflow()
    arrays = {name: tf.TensorSpec(shape, tf.float32) for name, shape in architecture.shapes().items()}
    function: Callable[..., Tensor] = tf.function(
        lambda weights, block: tf.sigmoid(logits(weights, architecture, block)),
        input_signature=[arrays, tf.TensorSpec((1, None, None, None, 1), tf.float32)],
        autograph=False,
    )
    return function


def _quantile(pixels: np.ndarray, share: float) -> float:
    return float(np.quantile(pixels.astype(np.float64), share))


def _windows(shape: Sequence[int], sides: Sequence[int]) -> Iterator[Area]:
    """Iterate over windows that overlap by half of their sides; a shorter side of the volume is that of a window."""
    starts = [
        [*range(0, max(0, length - side), max(1, side // 2)), max(0, length - side)]
        for length, side in zip(shape, sides, strict=True)
    ]
    for corner in product(*starts):
        yield tuple(slice(start, start + side) for start, side in zip(corner, sides, strict=True))


@dataclass(frozen=True)
class GreyRange:
    """The grey values that become 0 and 1.

    Parameters
    ----------
    low, high
        Quantiles :data:`SHARES` of a volume's grey values; the higher one is the largest that a window of it has.
    """

    low: float
    high: float

    @classmethod
    def of(cls, volume: Image) -> GreyRange:
        """Measure it on evenly distributed voxels; planes are read one after the other.

        In a volume of which a cyst is a small part, the higher quantile of all voxels is that of the background, whose noise
        would be as bright as membranes.
        """
        step = math.ceil(math.sqrt(math.prod(volume.shape) / SAMPLED_VOXELS))
        # Copies, so that the planes are not kept.
        some = np.concatenate([pixels[:, ::step, ::step].copy() for _, pixels in volume.chunks()])
        sides = (WINDOW_VOXELS, *[math.ceil(WINDOW_VOXELS / step)] * 2)
        high = max(_quantile(some[window], SHARES[1]) for window in _windows(some.shape, sides))
        return cls(_quantile(some, SHARES[0]), high)

    def scaled(self, pixels: np.ndarray) -> np.ndarray:
        """Scale pixels of any real type to float32."""
        span = self.high - self.low
        values = (pixels.astype(np.float64) - self.low) / (span if span > 0 else 1.0)
        return np.clip(values, LOWEST, HIGHEST).astype(np.float32)


class UNet3D:
    """A network with its weights, ready to predict volumes.

    Parameters
    ----------
    members
        Arrays of each member; their predictions are averaged.
    architecture
        Their sizes.
    """

    def __init__(self, members: Sequence[Weights], architecture: Architecture) -> None:
        tf = import_tensorflow()
        held = [{name: tf.constant(values) for name, values in member.items()} for member in members]
        self.architecture = architecture
        self._members = [partial(_graph(architecture), weights) for weights in held]

    def voxels_within(self, megabytes: float) -> int:
        """Return how many voxels can be predicted at once."""
        return int(min(MOST_VOXELS, megabytes * 1e6 / (BYTES_A_FEATURE * self.architecture.features[0])))

    def blocks(
        self,
        volume: Image,
        grey: GreyRange,
        voxels_at_once: int,
        padding: tuple[int, int, int] | None = None,
        flips: bool = False,
        report: Report = silent,
    ) -> Iterator[tuple[Area, np.ndarray]]:
        """Predict a volume block by block: the place of each, and its outputs (Z, Y, X, 3), float32 from 0 to 1.

        Parameters
        ----------
        voxels_at_once
            Voxels of the largest block, as it is read.
        padding
            Voxels around each block that are read too, and predicted but not kept, along Z, Y and X; rounded up to whole
            grains. Default: all on which a prediction depends, so that blocks do not show.
        flips
            Whether to average over the four mirror images in the plane.
        report
            Called before each block; may raise to cancel.
        """
        grain = self.architecture.grain
        wanted = self.architecture.reach if padding is None else padding
        around = [-(-one // grain) * grain for one in wanted]
        every = list(tiles(volume.shape, around, voxels_at_once, grain))
        for number, tile in enumerate(every):
            report(number / len(every), PREDICTING)
            block = grey.scaled(volume.box(tile.read))
            sides = block.shape
            block = np.pad(block, [(0, -side % grain) for side in sides], "edge")
            found = self._averaged(block, flips)
            yield tile.kept, found[tuple(slice(side) for side in sides)][tile.part]

    def _averaged(self, block: np.ndarray, flips: bool) -> np.ndarray:
        ways = list(product((1, -1), repeat=2)) if flips else [(1, 1)]
        total: np.ndarray = np.zeros((*block.shape, OUTPUTS), np.float32)
        for y, x in ways:
            seen = np.ascontiguousarray(block[:, ::y, ::x])[None, ..., None]
            for member in self._members:
                total += member(seen).numpy()[0][:, ::y, ::x]
        return total / np.float32(len(ways) * len(self._members))
