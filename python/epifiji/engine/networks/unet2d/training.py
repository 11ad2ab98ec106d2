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


def cell_loss(weights: Tensors, frames: Tensor, targets: Tensor, counted: Tensor | None = None) -> Tensor:
    """Return the loss of predictions for frames (n, Y, X) with targets (n, Y, X, 3).

    The sum of the cross-entropies of border and tissue, of one minus the intersection over union of the border (Jaccard
    loss, as EPySeg uses it: Aigouy et al., Development 147, dev194589, 2020), and of the mean error of the distance.

    Parameters
    ----------
    counted
        (n, Y, X), 0 or 1: the pixels that count. Default: all.
    """
    tf = import_tensorflow()
    found = logits(weights, contrast(frames))
    border, distance, tissue = tf.unstack(targets, axis=-1)
    counts = tf.ones_like(border) if counted is None else counted
    entropies = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=found)
    predicted = tf.sigmoid(found)
    overlap = 1 - tf.reduce_mean(_soft_iou(border, predicted[..., 0], counts))
    error = counted_mean(tf.abs(distance - predicted[..., 1]) * (OUTSIDE + tissue), counts)
    return (
        counted_mean(entropies[..., 0] * (1 + BORDER_WEIGHT * border), counts)
        + OVERLAP_WEIGHT * overlap
        + DISTANCE_WEIGHT * error
        + TISSUE_WEIGHT * counted_mean(entropies[..., 2], counts)
    )


def jaccard_loss(weights: Tensors, frames: Tensor, targets: Tensor, counted: Tensor) -> Tensor:
    """Return one minus the intersection over union of each output, averaged; arguments as for :func:`cell_loss`.

    Distances are not 0 or 1: of two values the smaller is the intersection and the larger the union.
    """
    tf = import_tensorflow()
    predicted = tf.sigmoid(logits(weights, contrast(frames)))
    counts = counted[..., None]
    smaller = tf.reduce_sum(counts * tf.minimum(targets, predicted), (1, 2))
    larger = tf.reduce_sum(counts * tf.maximum(targets, predicted), (1, 2))
    return 1 - tf.reduce_mean((smaller + 1) / (larger + 1))


def counted_mean(values: Tensor, counts: Tensor) -> Tensor:
    """Return the mean of values, weighted by `counts`; 0 if nothing counts."""
    tf = import_tensorflow()
    return tf.reduce_sum(counts * values) / tf.maximum(tf.reduce_sum(counts), 1.0)


def _soft_iou(targets: Tensor, predicted: Tensor, counts: Tensor) -> Tensor:
    """Return the intersection over union of each frame (n,), from targets of 0 and 1 (n, Y, X) and probabilities."""
    tf = import_tensorflow()
    both = tf.reduce_sum(counts * targets * predicted, (1, 2))
    either = tf.reduce_sum(counts * (targets + predicted), (1, 2)) - both
    return (both + 1) / (either + 1)
