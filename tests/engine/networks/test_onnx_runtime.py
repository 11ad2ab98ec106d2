"""ONNX Runtime predicts what TensorFlow predicts, in blocks as in the whole, and TensorFlow takes its place."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

import epifiji
from epifiji.data.event_networks import EventNetwork
from epifiji.data.movie import Movie
from epifiji.data.progress import silent
from epifiji.engine.backend import devices
from epifiji.engine.backend.devices import choose_device
from epifiji.engine.backend.onnx_graph import OnnxGraph
from epifiji.engine.backend.onnx_runtime import onnxruntime_or_problem
from epifiji.engine.networks.epinet.model import places
from epifiji.engine.networks.epinet.predictor import EpiNet
from epifiji.engine.networks.epinet.streamed import streamed_graph
from epifiji.engine.tiling.blocks import Block, read_strip
from epifiji.engine.tiling.levels import levelled
from small_networks import small_epinet

RANDOM = np.random.default_rng(5)
NOISE = RANDOM.integers(0, 200, (14, 90, 75)).astype(np.uint8)
HALF_FLAT = np.where(np.arange(75) < 40, 7, NOISE).astype(np.uint8)
BRIGHT = NOISE.astype(np.uint16)
BRIGHT[5, 50, 30] = 65535
ON_A_LEVEL = (1e9 + NOISE).astype(np.float64)
MOVIES = {
    "noise": NOISE,
    "flat to the left": HALF_FLAT,
    "all flat": np.full((9, 64, 64), 3, np.uint8),
    "one bright pixel": BRIGHT,
    "on a high level": ON_A_LEVEL,
    "tiny numbers": (NOISE * np.float32(1e-30)).astype(np.float32),
}


def predicted(predictor: EpiNet, network: EventNetwork, pixels: np.ndarray, block: Block) -> np.ndarray:
    """Predict a block of a movie: (members, frames, rows, columns, classes)."""
    movie = levelled(Movie(pixels))
    grids = [block.of(places(pixels.shape))] * len(network.weights)
    return np.stack(predictor(read_strip(movie, block, network.description, predictor), grids, silent))


@pytest.mark.parametrize("pixels", MOVIES.values(), ids=MOVIES)
def test_it_predicts_what_tensorflow_predicts(pixels: np.ndarray) -> None:
    network = small_epinet(seed=3, members=2)
    whole = Block(0, pixels.shape[0], 0, pixels.shape[1])
    ours, tensorflows = EpiNet(network, onnx=True), EpiNet(network)
    assert (ours.runtime, tensorflows.runtime) == ("ONNX Runtime", "TensorFlow")
    found, expected = (predicted(one, network, pixels, whole) for one in (ours, tensorflows))
    # A two-hundredth of a level of a map.
    assert np.abs(found - expected).max() < 2e-5
    assert np.ptp(found[..., 1:]) > 0.01


@pytest.mark.parametrize("threads", ["1", "4"])
def test_blocks_give_exactly_what_the_whole_movie_gives(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", threads)
    network = small_epinet(seed=3)
    tall = np.random.default_rng(6).integers(0, 200, (12, 500, 50)).astype(np.uint8)
    predictor = EpiNet(network, onnx=True)
    whole = predicted(predictor, network, tall, Block(0, 12, 0, 500))
    rows = [predicted(predictor, network, tall, Block(0, 12, *ends)) for ends in ((0, 203), (203, 301), (301, 500))]
    assert np.array_equal(np.concatenate(rows, 2), whole)
    assert np.array_equal(predicted(predictor, network, tall, Block(5, 9, 0, 500)), whole[:, 5:9])


class TestWithoutIt:
    @pytest.fixture
    def missing(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        onnxruntime_or_problem.cache_clear()
        yield
        onnxruntime_or_problem.cache_clear()

    def test_tensorflow_finds_the_same_events(self, request: pytest.FixtureRequest) -> None:
        pixels = np.random.default_rng(8).integers(0, 200, (12, 96, 96)).astype(np.uint8)
        settings = {"network": small_epinet(seed=3), "mode": "exact", "maps": "raw", "threshold": 3, "min_volume": 5}
        found = epifiji.detect(pixels, **settings)
        request.getfixturevalue("missing")
        expected = epifiji.detect(pixels, **settings)
        assert [one.record["runtime"] for one in (found, expected)] == ["ONNX Runtime", "TensorFlow"]
        assert expected.events
        assert [(e.event, e.frame, e.y, e.x) for e in found.events] == [
            (e.event, e.frame, e.y, e.x) for e in expected.events
        ]
        for name, one in found.maps["rawproba"].items():
            assert np.abs(one[:].astype(int) - expected.maps["rawproba"][name][:]).max() <= 1

    def test_the_device_says_so(self, missing: None) -> None:
        assert not choose_device("cpu").onnx
        assert onnxruntime_or_problem()[1].startswith("ModuleNotFoundError: ")


def test_a_card_of_the_system_leaves_the_choice_to_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(devices, "DEVICES", tmp_path)
    (tmp_path / "nvme0").touch()
    assert not devices.gpu_possible()
    if sys.platform == "linux":
        (tmp_path / "nvidia0").touch()
        assert devices.gpu_possible()


def test_a_detection_imports_no_tensorflow_and_prints_nothing() -> None:
    code = (
        "import sys, numpy, epifiji\n"
        "pixels = numpy.random.default_rng(1).integers(0, 255, (8, 96, 96)).astype('uint8')\n"
        "found = epifiji.detect(pixels, device='cpu')\n"
        "print(found.record['runtime'], [m for m in ('tensorflow', 'keras', 'onnx', 'matplotlib') if m in sys.modules])\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    cards = devices.gpu_possible() and "tensorflow" not in sys.modules
    assert ended.stdout == ("ONNX Runtime []\n" if not cards else ended.stdout)
    assert ended.stderr == ""


class TestTheGraph:
    def test_it_is_valid(self) -> None:
        graph = streamed_graph(small_epinet(seed=3).weights[0])
        model = onnx.load_from_string(graph.model("epinet", graph.inputs, graph.outputs))
        onnx.checker.check_model(model, full_check=True)
        assert [one.name for one in model.graph.output] == list(graph.outputs)

    def test_the_package_onnx_reads_what_was_written(self) -> None:
        graph, values = OnnxGraph(), np.arange(300.0).reshape(3, 100)
        for dtype in (np.float32, np.float64, np.int64):
            graph.constant(-values, dtype, dtype.__name__)
        assert graph.whole(1, 2**40) == graph.whole(1, 2**40)
        graph.add("Op", ["a", "", "b"], "out", side=-3, sides=[0, 129, -(2**62)], mode="äöü")
        model = onnx.load_from_string(
            graph.model("g", {"a": (1, (1, "y"))}, {"out": (11, (300, "x"))}, "words", {"k": "v"})
        )
        held = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
        for dtype in (np.float32, np.float64, np.int64):
            assert held[dtype.__name__].dtype == dtype
            assert np.array_equal(held[dtype.__name__], -values)
        assert len(held) == 4
        (node,) = model.graph.node
        assert (node.op_type, list(node.input), list(node.output)) == ("Op", ["a", "", "b"], ["out"])
        read = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        assert read == {"side": -3, "sides": [0, 129, -(2**62)], "mode": "äöü".encode()}
        (given,), (made,) = model.graph.input, model.graph.output
        sides = [[one.dim_value or one.dim_param for one in x.type.tensor_type.shape.dim] for x in (given, made)]
        assert sides == [[1, "y"], [300, "x"]]
        assert (given.type.tensor_type.elem_type, made.type.tensor_type.elem_type) == (1, 11)
        assert (model.doc_string, model.metadata_props[0].key, model.metadata_props[0].value) == ("words", "k", "v")


def test_nothing_is_reported_to_the_makers_of_the_runtime(tmp_path: Path) -> None:
    # Its telemetry keeps an identifier in these folders from its import on, but not where a variable such as CI is set.
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    code = "from epifiji.engine.backend.onnx_runtime import has_onnxruntime; assert has_onnxruntime()"
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert list(tmp_path.rglob("*")) == []
