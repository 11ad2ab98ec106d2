"""The prediction of blocks by an EpiNet, with ONNX Runtime or TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from epifiji.data.event_networks import EventNetwork
from epifiji.data.movie import Movie
from epifiji.data.progress import LOOKING, Report, silent
from epifiji.engine.backend.devices import ONNX_RUNTIME, TENSORFLOW
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.backend.onnx_runtime import accepted
from epifiji.engine.networks.epinet.model import (
    FRAMES_TOGETHER,
    GRAIN_PX,
    REACH_FRAMES,
    REACH_PX,
    Begin,
    check_epinet,
    in_tensorflow,
    places,
)
from epifiji.engine.networks.epinet.streamed import in_onnx
from epifiji.engine.tiling.blocks import Block, Probabilities, Strip, read_strip
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.windows import Grid


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
        The type of TensorFlow's convolutions: ``float32``, or ``bfloat16`` if a CPU is faster so, as in training.
    onnx
        Whether ONNX Runtime computes if it can, always in float32.
    """

    margin_frames = 0
    frames_at_once = 96
    prefiltered = False
    bytes_for_pixel = 0.0

    def __init__(self, network: EventNetwork, precision: str = "float32", onnx: bool = False) -> None:
        check_epinet(network)
        self.description = network.description
        found = accepted(lambda: [in_onnx(weights) for weights in network.weights]) if onnx else None
        self.runtime = TENSORFLOW if found is None else ONNX_RUNTIME
        self.precision = precision if found is None else "float32"
        self._begins = found or [in_tensorflow(weights, precision) for weights in network.weights]
        # Measured at several heights: memory of each layer over time, and two frames in all layers.
        self.bytes_for_place = 750.0 if self.runtime == ONNX_RUNTIME else 700.0 if precision == "float32" else 430.0
        self.bytes_held = 4 * len(network.description.classes) * len(network.weights) / STRIDE**2
        self.margin_rows = max(0, REACH_PX + GRAIN_PX - network.description.window_half_size_px)

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
        for number, begin in enumerate(self._begins):

            def report_done(done: float, number: int = number) -> None:
                report((number + done) / len(self._begins), LOOKING)

            answer = np.empty(
                (len(frames), len(grids[0].ys), len(grids[0].xs), 1 + len(self.description.events)), np.float32
            )
            # The first parts belong to frames before the block's.
            at = -2 * REACH_FRAMES
            for part in self._answers(begin, pixels, report_done):
                wanted = part[max(0, -at) : max(0, len(frames) - at), rows, columns]
                answer[max(0, at) : max(0, at) + len(wanted), ..., 1:] = wanted
                at += len(part)
            answer[..., 0] = 1 - answer[..., 1:].max(-1)
            answers.append(answer)
        return answers

    @staticmethod
    def _answers(begin: Begin, pixels: np.ndarray, report_done: Callable[[float], None]) -> Iterator[np.ndarray]:
        """Process a few frames at a time, and yield the probabilities (n, Y/4, X/4, events) of frames REACH_FRAMES earlier."""
        fill = [(0, -n % GRAIN_PX) for n in pixels.shape[1:]]
        more = begin(pixels.shape[1] + fill[0][1], pixels.shape[2] + fill[1][1])
        for at in range(0, len(pixels), FRAMES_TOGETHER):
            some = pixels[at : at + FRAMES_TOGETHER].astype(np.float64)
            yield more(np.pad(some, [(0, FRAMES_TOGETHER - len(some)), *fill], "edge"))
            report_done(min(1.0, (at + FRAMES_TOGETHER) / len(pixels)))
