"""Training of a 3D U-Net for cells: its targets and its loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.networks.unet3d.model import Architecture, logits

CONTOUR_WEIGHT = 2.0
"""Additional weight of contours in the cross-entropy, as they have few voxels."""

OVERLAP_WEIGHT = 0.5
"""Weight of the overlap in the loss."""


def targets_of(labels: np.ndarray) -> np.ndarray:
    """Return what the network is to predict for labels (Z, Y, X): (Z, Y, X, 3), float32, 0 or 1.

    Contours are the voxels of a cell with a side on another cell or on none; the inside is the rest of the cells, the mask
    all of them. BiaPy's channels B, C and M differ only outside of cells, where contours are drawn too.
    """
    wall = labels > 0
    contour = np.zeros(labels.shape, bool)
    for axis in range(3):
        here = (slice(None),) * axis + (slice(None, -1),)
        there = (slice(None),) * axis + (slice(1, None),)
        apart = labels[here] != labels[there]
        contour[here] |= apart
        contour[there] |= apart
    contour &= wall
    return np.stack([wall & ~contour, contour, wall], -1).astype(np.float32)


@cache
def volume_loss(architecture: Architecture) -> Callable[..., Tensor]:
    """Return the loss of networks of an architecture; always the same function, so that its graphs are used again."""

    def loss(weights: Tensors, volumes: Tensor, targets: Tensor, kept: Tensor) -> Tensor:
        """Return the loss of predictions for grey values (n, Z, Y, X) with targets (n, Z, Y, X, 3); `kept` as in `logits`.

        The mean cross-entropy of inside, contour and mask, in which contours count more, and one minus their intersection
        over union, averaged.
        """
        tf = import_tensorflow()
        found = logits(weights, architecture, volumes[..., None], kept)
        counts = 1 + CONTOUR_WEIGHT * targets[..., 1:2]
        entropies = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=found)
        predicted = tf.sigmoid(found)
        both = tf.reduce_sum(targets * predicted, (1, 2, 3))
        either = tf.reduce_sum(targets + predicted, (1, 2, 3)) - both
        overlap = 1 - tf.reduce_mean((both + 1) / (either + 1))
        mean = tf.reduce_sum(counts * entropies) / (3 * tf.reduce_sum(counts))
        return mean + OVERLAP_WEIGHT * overlap

    return loss
