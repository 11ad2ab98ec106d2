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
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.data.volume_networks import VOLUME_OUTPUTS

OUTPUTS = len(VOLUME_OUTPUTS)
ANSWER = "answer"

Compute = Callable[[np.ndarray], np.ndarray]
"""Computes the outputs (Z, Y, X, 3) of a block of grey values (Z, Y, X), float32, whose sides are multiples of the grain."""


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


def member_in_tensorflow(weights: Weights, architecture: Architecture) -> Compute:
    """Return a member that TensorFlow computes."""
    tf = import_tensorflow()
    predict = partial(_graph(architecture), {name: tf.constant(values) for name, values in weights.items()})
    return lambda block: predict(block[None, ..., None]).numpy()[0]
