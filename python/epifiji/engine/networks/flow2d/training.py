"""Training of a network for separate cells: its targets and its loss."""

from __future__ import annotations

import numpy as np

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.cells.flows import flow_targets
from epifiji.engine.networks.unet2d.model import activated, contrast, logits
from epifiji.engine.networks.unet2d.training import counted_mean

FLOW_WEIGHT, INSIDE_WEIGHT, BORDER_WEIGHT = 3.0, 1.0, 0.5
"""Weights of the parts of the loss."""

OUTSIDE = 0.1
"""Weight of a pixel outside of cells, where there is no direction, in the loss of the directions."""

DIRECTIONS = 2
"""The first outputs are directions along Y and X."""


def targets_of(labels: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return what the network is to predict for labels (Y, X).

    Parameters
    ----------
    labels
        The cell of each pixel, 0 where there is none.
    edges
        Pixels that touch one of another label.

    Returns
    -------
    numpy.ndarray
        (Y, X, 4), float32: :func:`~epifiji.engine.cells.flows.flow_targets`, from -1 to 1; the inside of cells and their
        borders, 0 or 1.
    """
    shown = np.stack([labels > 0, edges & (labels > 0)], -1)
    return np.concatenate([flow_targets(labels), shown.astype(np.float32)], -1)


def flow_loss(weights: Tensors, frames: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    """Return the loss of predictions for frames (n, Y, X) with targets (n, Y, X, 4), where `counted` (n, Y, X) is 1.

    The weighted sum of the squared error of the directions, and of the cross-entropies of inside and border.
    """
    tf = import_tensorflow()
    found = logits(weights, contrast(frames))
    inside = targets[..., DIRECTIONS]
    away = tf.reduce_sum((activated(found, DIRECTIONS)[..., :DIRECTIONS] - targets[..., :DIRECTIONS]) ** 2, -1)
    entropies = tf.nn.sigmoid_cross_entropy_with_logits(
        labels=targets[..., DIRECTIONS:], logits=found[..., DIRECTIONS:]
    )
    return (
        FLOW_WEIGHT * counted_mean(away, counted * (OUTSIDE + inside))
        + INSIDE_WEIGHT * counted_mean(entropies[..., 0], counted)
        + BORDER_WEIGHT * counted_mean(entropies[..., 1], counted)
    )
