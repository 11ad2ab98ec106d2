"""EpiNet as a graph in ONNX, the format of other programs' runtimes.

The graph takes a movie (1, 1, T, Y, X), float32 of any level and of any size, and returns a probability for each event
class, frame and pixel, (1, events, T, Y, X): the result of :mod:`epifiji.engine.networks.epinet.maps` before it is
truncated to 8 bits. As in a detection the first and the last frame are repeated before and after the movie. It follows
:mod:`epifiji.engine.networks.epinet.model` step by step and takes the sizes of all layers from there. Axes are those of
ONNX: frames are the batch axis, channels come second.
"""

from __future__ import annotations

import numpy as np

from epifiji.data.event_networks import EventNetwork
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.backend.onnx_graph import OPSET, SINGLE
from epifiji.engine.networks.epinet.graph import EpiNetGraph
from epifiji.engine.networks.epinet.model import GRAIN_PX, REACH_FRAMES, check_epinet

__all__ = ["INPUT", "OPSET", "OUTPUT", "onnx_model"]

INPUT, OUTPUT = "movie", "probability"


def onnx_model(network: EventNetwork) -> bytes:
    """Write a network as an ONNX model; the probabilities of several members are averaged.

    Raises
    ------
    WrongInputError
        If its arrays do not fit.
    """
    check_epinet(network)
    graph = _MovieGraph()
    contrast = graph.contrast(graph.frames_of_movie(), np.float32)
    members = [graph.member(f"member_{number}", one, contrast) for number, one in enumerate(network.weights)]
    mean = members[0] if len(members) == 1 else graph.add("Mean", members)
    graph.movie_of_answers(mean)
    described = network.description
    return graph.model(
        "epinet",
        {INPUT: (SINGLE, (1, 1, "time", "y", "x"))},
        {OUTPUT: (SINGLE, (1, len(described.events), "time", "y", "x"))},
        f"{described.name}: {', '.join(described.events)}. {described.provenance}".strip(),
        {
            "classes": ",".join(described.events),
            "cell_diameter_px": f"{described.cell_diameter_px:g}",
            "event_duration_frames": f"{described.event_duration_frames:g}",
        },
    )


class _MovieGraph(EpiNetGraph):
    """Collects the operations for a whole movie."""

    def frames_of_movie(self) -> str:
        """Movie (1, 1, T, Y, X) to frames (T + 2 REACH_FRAMES, 1, Y, X), padded to multiples of `GRAIN_PX`."""
        x = self.add("Squeeze", [INPUT, self.whole(0)])
        x = self.add("Transpose", [x], perm=[1, 0, 2, 3])
        size = self.add("Shape", [x], start=2, end=4)
        # Python's remainder, which is not negative.
        missing = self.add("Mod", [self.add("Neg", [size]), self.whole(GRAIN_PX)])
        pads = self.add("Concat", [self.whole(REACH_FRAMES, 0, 0, 0, REACH_FRAMES, 0), missing], axis=0)
        x = self.add("Pad", [x, pads], mode="edge")
        # The range between the largest and the least float32 overflows; a power of two changes no digit.
        return self.add("Mul", [x, self.constant(0.25)])

    def movie_of_answers(self, answers: str) -> None:
        """Predictions (T, events, Y/4, X/4) to a movie of maps (1, events, T, Y, X), without the padding."""
        scales = self.constant([1, 1, STRIDE, STRIDE])
        begin, axes = self.whole(0, 0), self.whole(2, 3)
        size = self.add("Shape", [INPUT], start=3, end=5)
        held = self.add("Div", [self.add("Add", [size, self.whole(STRIDE - 1)]), self.whole(STRIDE)])
        x = self.add("Slice", [answers, begin, held, axes])
        x = self.add("Resize", [x, "", scales], mode="linear", coordinate_transformation_mode="half_pixel")
        x = self.add("Slice", [x, begin, size, axes])
        x = self.add("Transpose", [x], perm=[1, 0, 2, 3])
        self.add("Unsqueeze", [x, self.whole(0)], name=OUTPUT)
