"""EpiNet: a network that processes each frame of a movie once, as a whole, and predicts where and when events are centred.

A DeXNet classifies each window independently. EpiNet computes a frame's local contrast, reduces it by convolutions to a
quarter and an eighth of its side, joins the frames by convolutions over time at the eighth, and predicts at the
quarter: for each event class the probability that an event lies within about a third of a cell's diameter and two
frames. It needs 13,000 multiplications per pixel; a DeXNet at steps of 10 px and 2 frames needs 1.3 million.

Layers are those of :mod:`epifiji.engine.backend.layers`; all sizes are determined by the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.movie import Movie
from epifiji.data.network import Weights, array_problem, require_arrays
from epifiji.data.progress import LOOKING, Report, silent
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.layers import STRIDE, Layer, convolved, layer_shapes, local_contrast
from epifiji.engine.tiling.blocks import Block, Probabilities, Strip, read_strip
from epifiji.engine.tiling.levels import levelled
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
    """Convert frames (n, Y, X) of any real type and level to :func:`local_contrast` (n, Y, X, 3), float32.

    The wide neighbourhood distinguishes dim from bright regions.
    """
    tf = import_tensorflow()
    by_range, *by_deviation = local_contrast(frames, BOXES)
    return tf.concat([by_range, *(tf.clip_by_value(one, -2.0, 5.0) for one in by_deviation)], -1)


@cache
def traced_contrast() -> Callable[..., Tensor]:
    """Return :func:`contrast` as a graph that networks share: it has four fifths of the operations of one, and no weights."""
    function: Callable[..., Tensor] = import_tensorflow().function(contrast, autograph=False)
    return function


@cache
def _graph(events: int, precision: str) -> Callable[..., Tensor]:
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
    function: Callable[..., Tensor] = tf.function(answer, input_signature=signature, autograph=False)
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


def predictions_of_members(network: EventNetwork, pixels: np.ndarray, report: Report = silent) -> list[np.ndarray]:
    """Return each member's predictions at its places in a movie (T, Y, X): (T, rows, columns, events), 0–1."""
    predictor, movie = EpiNet(network), levelled(Movie(pixels))
    block = Block(0, pixels.shape[0], 0, pixels.shape[1])
    grids = [places(movie.shape)] * len(network.weights)
    found = predictor(read_strip(movie, block, network.description, predictor), grids, report)
    return [one[..., 1:] for one in found]


def mean_predictions(network: EventNetwork, pixels: np.ndarray, report: Report = silent) -> np.ndarray:
    """Return the mean of the members' predictions (T, rows, columns, events), uint8 in 0–255; see above."""
    movie: np.ndarray = np.rint(255 * np.mean(predictions_of_members(network, pixels, report), 0)).astype(np.uint8)
    return movie


class EpiNet:
    """A network with its weights, ready to predict blocks; see :class:`epifiji.engine.tiling.blocks.BlockPredictor`.

    Parameters
    ----------
    network
        Its weights are checked first.
    precision
        The type of convolutions: ``float32``, or ``bfloat16`` if a CPU is faster so, as in training.
    """

    margin_frames = 0
    frames_at_once = 96
    prefiltered = False
    bytes_for_pixel = 0.0

    def __init__(self, network: EventNetwork, precision: str = "float32") -> None:
        check_epinet(network)
        self.description, self.precision = network.description, precision
        # Measured at several heights: memory of each layer over time, and two frames in all layers.
        self.bytes_for_place = 700.0 if precision == "float32" else 430.0
        self.bytes_held = 4 * len(network.description.classes) * len(network.weights) / STRIDE**2
        self.margin_rows = max(0, REACH_PX + GRAIN_PX - network.description.window_half_size_px)
        tf = import_tensorflow()
        graph = _graph(len(network.description.events), precision)
        held = [{name: tf.constant(values, precision) for name, values in one.items()} for one in network.weights]
        self._members = [partial(graph, weights) for weights in held]

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Report) -> Probabilities:
        """Predict at all :func:`places` of a block."""
        frames = grids[0].frames
        first = int(frames[0]) - REACH_FRAMES - strip.first
        # The grids of all blocks coincide if each begins at a multiple of the coarsest.
        above = -strip.top % GRAIN_PX
        pixels = strip.pixels[first : first + len(frames) + 2 * REACH_FRAMES, above:]
        row = (int(grids[0].ys[0]) - strip.top - above) // STRIDE
        rows, columns = slice(row, row + len(grids[0].ys)), slice(0, len(grids[0].xs))
        answers = []
        for number, member in enumerate(self._members):

            def report_done(done: float, number: int = number) -> None:
                report((number + done) / len(self._members), LOOKING)

            answer = np.empty(
                (len(frames), len(grids[0].ys), len(grids[0].xs), 1 + len(self.description.events)), np.float32
            )
            # The first parts belong to frames before the block's.
            at = -2 * REACH_FRAMES
            for part in self._answers(member, pixels, report_done):
                wanted = part[max(0, -at) : max(0, len(frames) - at), rows, columns]
                answer[max(0, at) : max(0, at) + len(wanted), ..., 1:] = wanted
                at += len(part)
            answer[..., 0] = 1 - answer[..., 1:].max(-1)
            answers.append(answer)
        return answers

    def _answers(
        self, member: Callable[..., Tensor], pixels: np.ndarray, report_done: Callable[[float], None]
    ) -> Iterator[np.ndarray]:
        """Process a few frames at a time, and yield the probabilities (n, Y/4, X/4, events) of frames REACH_FRAMES earlier."""
        fill = [(0, -n % GRAIN_PX) for n in pixels.shape[1:]]
        memory = blank_memory(pixels.shape[1] + fill[0][1], pixels.shape[2] + fill[1][1], self.precision)
        for at in range(0, len(pixels), FRAMES_TOGETHER):
            some = pixels[at : at + FRAMES_TOGETHER].astype(np.float64)
            some = np.pad(some, [(0, FRAMES_TOGETHER - len(some)), *fill], "edge")
            found, memory = member(some, memory)
            yield found.numpy()
            report_done(min(1.0, (at + FRAMES_TOGETHER) / len(pixels)))
