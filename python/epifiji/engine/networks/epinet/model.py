"""EpiNet: a network that processes each frame of a movie once, as a whole, and predicts where and when events are centred.

A DeXNet classifies each window independently. EpiNet computes a frame's local contrast, reduces it by convolutions to a
quarter and an eighth of its side, joins the frames by convolutions over time at the eighth, and predicts at the
quarter: for each event class the probability that an event lies within about a third of a cell's diameter and two
frames. It needs 13,000 multiplications per pixel; a DeXNet at steps of 10 px and 2 frames needs 1.3 million.

Layers are those of :mod:`epifiji.engine.backend.layers`; all sizes are determined by the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.network import Weights, array_problem, require_arrays
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.layers import STRIDE, Layer, clipped_contrast, convolved, layer_shapes
from epifiji.engine.tiling.windows import Grid

GRAIN_PX = 8
"""Frames are padded to a multiple of this, the coarsest of the network's grids."""

BOXES = (11, 33)
"""Sides of the neighbourhoods of local contrast, in pixels of the prediction: 44 px, and 132 px."""

CHANNELS = 3
"""Local contrast by range, and by standard deviation near and far."""

REACH_PX = 144
"""Pixels around a place that a prediction depends on: half the receptive field and half the larger box, in whole `GRAIN_PX`."""


FINE = (Layer("fine_0", 24, side=5, stride=2), Layer("fine_1", 48, side=3, stride=2), Layer("fine_2", 48, side=3))
COARSE = Layer("coarse", 96, side=3, stride=2)
MIXING = (
    (Layer("space_0", 96, side=3), Layer("space_1", 96, side=3)),
    (Layer("time_0", 96, frames=5),),
    (Layer("space_2", 96, side=3, dilation=2), Layer("space_3", 96, side=3)),
    (Layer("time_1", 96, frames=5, dilation=2),),
    (Layer("space_4", 96, side=3),),
    (Layer("time_2", 96, frames=5, dilation=3),),
)
"""Residual steps at the eighth; the last layer of each is initialised with 0."""

REACH_FRAMES = sum(layer.reach_frames for step in MIXING for layer in step)
"""Frames before and after a place that a prediction depends on: 12 include both ends of an event of 20 frames."""

FRAMES_TOGETHER = 2
"""Frames processed at once, a divisor of the reach of convolutions over time: one takes half as long again, four need a
third more memory."""

REMEMBERED = tuple(2 * sum(layer.reach_frames for layer in step) // FRAMES_TOGETHER for step in MIXING)
"""Pieces of `FRAMES_TOGETHER` frames that each residual step needs in addition to the incoming ones."""

FINE_AGAIN = (Layer("joining", 48, side=1), Layer("skipping", 48, side=1), Layer("fine_3", 48, side=3))
ANSWER = "answer"


def shapes(events: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each array of a network with this number of event classes."""
    found: dict[str, tuple[int, ...]] = {}

    def add(layer: Layer, entering: int) -> int:
        found.update(layer_shapes(layer, entering))
        return layer.width

    width = CHANNELS
    for layer in FINE:
        width = add(layer, width)
    width = add(COARSE, width)
    for step in MIXING:
        for layer in step:
            width = add(layer, width)
    joining, skipping, last = FINE_AGAIN
    add(joining, width)
    add(skipping, FINE[-1].width)
    add(last, skipping.width)
    return found | {f"{ANSWER}/kernel": (1, 1, last.width, events), f"{ANSWER}/bias": (events,)}


def new_weights(events: int, random: np.random.Generator, rarity: float = 0.005) -> Weights:
    """Draw random weights: He's normal distribution, and residual steps that do nothing yet.

    Parameters
    ----------
    rarity
        The probability that the network predicts everywhere.
    """
    found = {}
    still = {step[-1].name for step in MIXING} | {FINE[-1].name, FINE_AGAIN[-1].name}
    for name, shape in shapes(events).items():
        layer, part = name.split("/")
        spread = np.sqrt(2 / np.prod(shape[:-1])) if part == "kernel" and layer not in still else 0.0
        values = spread * random.standard_normal(shape)
        if layer == ANSWER:
            values = 0.1 * random.standard_normal(shape) if part == "kernel" else np.full(shape, np.log(rarity))
        found[name] = values.astype(np.float32)
    return found


Features = tuple[Tensor, Tensor]
"""Features of frames one by one: (n, Y/8, X/8, 96) to be joined over time, and (n, Y/4, X/4, 48) for the fine prediction."""


def encode_frames(weights: Tensors, contrasts: Tensor) -> Features:
    """Encode frames one by one: their :func:`contrast` (n, Y, X, 3), Y and X multiples of 8, to features."""
    tf = import_tensorflow()
    x = contrasts
    for layer in FINE[:2]:
        x = tf.nn.relu(convolved(weights, layer, x))
    fine = tf.nn.relu(x + convolved(weights, FINE[2], x))
    return tf.nn.relu(convolved(weights, COARSE, fine)), tf.nn.relu(convolved(weights, FINE_AGAIN[1], fine))


def join_frames(weights: Tensors, features: Features) -> Tensor:
    """Join frames over time: features of n frames to logits (n - 2 * REACH_FRAMES, Y/4, X/4, events).

    There are no predictions for the first and last `REACH_FRAMES` frames.
    """
    coarse, fine = features
    for step in MIXING:
        coarse = _mixed(weights, step, coarse)
    return _answered(weights, coarse, fine[REACH_FRAMES:-REACH_FRAMES])


def join_more_frames(weights: Tensors, features: Features, memory: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Join `FRAMES_TOGETHER` more frames to those in memory: logits of as many frames, each `REACH_FRAMES` earlier.

    Memory contains the inputs of each convolution over time, and the fine features, of the last frames; at first it is
    :func:`blank_memory`. It is in pieces of `FRAMES_TOGETHER`, so nothing is copied. The first 2 * REACH_FRAMES
    predictions are not valid.
    """
    tf = import_tensorflow()
    coarse, fine = features
    kept: list[Tensor] = []
    for step, pieces in zip(MIXING, REMEMBERED, strict=True):
        if pieces:
            earlier, memory = memory[:pieces], memory[pieces:]
            kept += [*earlier[1:], coarse]
            coarse = tf.concat([*earlier, coarse], 0)
        coarse = _mixed(weights, step, coarse)
    return _answered(weights, coarse, memory[0]), [*kept, *memory[1:], fine]


def memory_shapes(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Return the shapes of the pieces of memory for frames of this size."""
    grids = [(GRAIN_PX, COARSE.width)] * sum(REMEMBERED)
    grids += [(STRIDE, FINE_AGAIN[1].width)] * (REACH_FRAMES // FRAMES_TOGETHER)
    return [(FRAMES_TOGETHER, height // grain, width // grain, depth) for grain, depth in grids]


def blank_memory(height: int, width: int, precision: str = "float32") -> list[Tensor]:
    """Return the memory for frames of this size before the first frame."""
    tf = import_tensorflow()
    return [tf.zeros(shape, precision) for shape in memory_shapes(height, width)]


def _mixed(weights: Tensors, step: tuple[Layer, ...], x: Tensor) -> Tensor:
    """Apply a residual step, which drops the first and last frames if it is a convolution over time."""
    tf = import_tensorflow()
    news, lost = x, 0
    for number, layer in enumerate(step):
        news = convolved(weights, layer, tf.nn.relu(news) if number else news)
        lost += layer.reach_frames
    return tf.nn.relu(x[lost : tf.shape(x)[0] - lost] + news)


def _answered(weights: Tensors, coarse: Tensor, fine: Tensor) -> Tensor:
    """Upsample the joined features from the eighth to the quarter, combine them with the fine ones, and predict logits."""
    tf = import_tensorflow()
    x = tf.nn.relu(convolved(weights, FINE_AGAIN[0], coarse))
    x = tf.repeat(tf.repeat(x, 2, 1), 2, 2) + fine
    x = tf.nn.relu(x + convolved(weights, FINE_AGAIN[2], x))
    return tf.nn.conv2d(x, weights[f"{ANSWER}/kernel"], 1, "SAME") + weights[f"{ANSWER}/bias"]


def contrast(frames: Tensor) -> Tensor:
    """Convert frames (n, Y, X) of any real type and level to :func:`clipped_contrast` (n, Y, X, 3), float32.

    The wide neighbourhood distinguishes dim from bright regions.
    """
    return clipped_contrast(frames, BOXES)


@cache
def traced_contrast() -> Callable[..., Tensor]:
    """Return :func:`contrast` as a graph that networks share: it has four fifths of the operations of one, and no weights."""
    function: Callable[..., Tensor] = import_tensorflow().function(contrast, autograph=False)
    return function


@cache
def _graph(events: int, precision: str) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    """Return the graph of all networks with this number of event classes, because making one takes a second.

    Its arguments are the weights, :data:`FRAMES_TOGETHER` frames and the memory; see :func:`join_more_frames`.
    """
    tf = import_tensorflow()

    def answer(weights: Tensors, frames: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        seen = encode_frames(weights, tf.cast(traced_contrast()(frames), precision))
        logits, kept = join_more_frames(weights, seen, memory)
        return tf.sigmoid(tf.cast(logits, tf.float32)), kept

    arrays = {name: tf.TensorSpec(shape, precision) for name, shape in shapes(events).items()}
    pieces = [tf.TensorSpec((n, None, None, depth), precision) for n, _, _, depth in memory_shapes(GRAIN_PX, GRAIN_PX)]
    signature = [arrays, tf.TensorSpec((FRAMES_TOGETHER, None, None), tf.float64), pieces]
    function: Callable[..., tuple[Tensor, list[Tensor]]] = tf.function(
        answer, input_signature=signature, autograph=False
    )
    return function


def places(shape: tuple[int, int, int]) -> Grid:
    """Return the places of predictions in a movie (T, Y, X): each represents 4 x 4 px, by the second of these.

    The last ones represent the rest, which may be a single row or column.
    """
    return Grid(np.arange(shape[0]), *(np.minimum(np.arange(0, n, STRIDE) + 1, n - 1) for n in shape[1:]))


def check_epinet(network: EventNetwork) -> None:
    """Check that every member's arrays are those of an EpiNet with the description's classes.

    Raises
    ------
    WrongInputError
        If not; the message has the network and the first array that is wrong.
    """
    name, events = network.description.name, network.description.events
    seen = network.description.frames_before, network.description.frames_after
    if seen != (REACH_FRAMES, REACH_FRAMES + 1):
        raise WrongInputError(
            f"the network {name} uses {seen[0]} frames before a frame and {seen[1]} from it on, but an EpiNet uses "
            f"{REACH_FRAMES} and {REACH_FRAMES + 1} now, so it was made by an earlier EpiFiji: train it again, or use the one "
            "that comes with EpiFiji."
        )
    kind = f"an EpiNet with the events {', '.join(events)}"
    require_arrays(network, lambda weights: array_problem(weights, shapes(len(events))), kind)


Continued = Callable[[np.ndarray], np.ndarray]
"""Given `FRAMES_TOGETHER` more frames (n, Y, X), float64, returns the probabilities (n, Y/4, X/4, events) of frames earlier."""

Begin = Callable[[int, int], Continued]
"""Begins with frames of this height and width, multiples of `GRAIN_PX`."""


def in_tensorflow(weights: Weights, precision: str) -> Begin:
    """Return a member that TensorFlow computes, with convolutions of this type."""
    tf = import_tensorflow()
    graph = _graph(weights[f"{ANSWER}/bias"].size, precision)
    held = {name: tf.constant(values, precision) for name, values in weights.items()}

    def begin(height: int, width: int) -> Continued:
        memory = blank_memory(height, width, precision)

        def more(frames: np.ndarray) -> np.ndarray:
            nonlocal memory
            found, memory = graph(held, frames, memory)
            probabilities: np.ndarray = found.numpy()
            return probabilities

        return more

    return begin
