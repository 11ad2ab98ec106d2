"""Training of an EpiNet: its loss, and its initial weights.

The loss of a place and class with predicted probability p and target q is the cross-entropy times ``|p - q|`` (focal
loss for soft targets, Li et al., NeurIPS 2020: nearly all places contain no event, and would dominate the others) and
``1 + EVENT_WEIGHT q``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.devices import multiplies_bfloat16
from epifiji.engine.networks.epinet.model import ANSWER, encode_frames, join_frames, new_weights, traced_contrast

EVENT_WEIGHT = 4.0

SCALE = 1000.0
"""The mean loss over all places is tiny, since most contain nothing and are easy; this factor compensates for it."""


def epinet_loss(weights: Tensors, frames: Tensor, answers: Tensor, counted: Tensor) -> Tensor:
    """Return the loss of an EpiNet's predictions for a part's frames, in the processor's faster precision."""
    tf = import_tensorflow()
    kind = tf.bfloat16 if multiplies_bfloat16() else tf.float32
    cast = {name: tf.cast(values, kind) for name, values in weights.items()}
    seen = encode_frames(cast, tf.cast(traced_contrast()(frames), kind))
    return loss_of(tf.cast(join_frames(cast, seen), tf.float32), answers, counted)


def loss_of(logits: Tensor, answers: Tensor, counted: Tensor) -> Tensor:
    """Return the loss of logits (n, Y, X, events) for the targets `answers`, weighted by `counted`; see this module."""
    tf = import_tensorflow()
    away = tf.abs(tf.stop_gradient(tf.sigmoid(logits)) - answers)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=answers, logits=logits)
    return SCALE * tf.reduce_mean(counted * entropy * away * (1 + EVENT_WEIGHT * answers))


def carried_over(
    parent: Weights, parent_events: Sequence[str], events: Sequence[str], random: np.random.Generator
) -> Weights:
    """Return the initial weights of a network for `events`: those of another network.

    Its last layer loses the classes that are not wanted, and gets new columns, initially without information, for new
    classes.
    """
    fresh = new_weights(len(events), random)
    weights = {name: values.copy() for name, values in parent.items()}
    for part in (f"{ANSWER}/kernel", f"{ANSWER}/bias"):
        columns = fresh[part]
        for number, event in enumerate(events):
            if event in parent_events:
                columns[..., number] = parent[part][..., list(parent_events).index(event)]
        weights[part] = columns
    return weights
