"""Training of a U-Net for cells: its targets and its loss."""

from __future__ import annotations

import numpy as np

from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.networks.unet2d.model import contrast, logits

BORDER_WEIGHT, OVERLAP_WEIGHT, DISTANCE_WEIGHT, TISSUE_WEIGHT = 2.0, 0.5, 2.0, 0.5
"""Additional weight of pixels on a border, and weights of the parts of the loss."""

OUTSIDE = 0.3
"""Weight of a pixel outside the tissue in the loss of the distance; pixels of the tissue have one more."""


def targets_of(labels: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return what the network is to predict for labels (Y, X): (Y, X, 3), float32 from 0 to 1.

    Parameters
    ----------
    labels
        The cell of each pixel, 0 where there is no tissue.
    edges
        Pixels that touch one of another label.

    Returns
    -------
    numpy.ndarray
        The border; the distance from it as a fraction of the cell's largest one; the tissue.
    """
    from scipy import ndimage

    inside = ndimage.distance_transform_edt(~edges & (labels > 0))
    largest = np.zeros(int(labels.max()) + 1)
    np.maximum.at(largest, labels.ravel(), inside.ravel())
    return np.stack([edges, inside / np.maximum(largest[labels], 1), labels > 0], -1).astype(np.float32)


def cell_loss(weights: Tensors, frames: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of predictions for frames (n, Y, X) with targets (n, Y, X, 3).

    The sum of the cross-entropies of border and tissue, of one minus the intersection over union of the border (Jaccard
    loss, as EPySeg uses it: Aigouy et al., Development 147, dev194589, 2020), and of the mean error of the distance.
    """
    tf = import_tensorflow()
    found = logits(weights, contrast(frames))
    border, distance, tissue = tf.unstack(targets, axis=-1)
    entropies = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=found)
    predicted = tf.sigmoid(found)
    both = tf.reduce_sum(border * predicted[..., 0], (1, 2))
    either = tf.reduce_sum(border + predicted[..., 0], (1, 2)) - both
    overlap = tf.reduce_mean(1 - (both + 1) / (either + 1))
    error = tf.reduce_mean(tf.abs(distance - predicted[..., 1]) * (OUTSIDE + tissue))
    return (
        tf.reduce_mean(entropies[..., 0] * (1 + BORDER_WEIGHT * border))
        + OVERLAP_WEIGHT * overlap
        + DISTANCE_WEIGHT * error
        + TISSUE_WEIGHT * tf.reduce_mean(entropies[..., 2])
    )
