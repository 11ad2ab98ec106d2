"""A family of networks made as CONTRIBUTING.md describes: every place has the same probability, the network's only weight."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pytest

import epifiji
from epifiji.data.descriptions import DESCRIPTIONS
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.network import AnyNetwork, Network, array_problem
from epifiji.engine.networks.families import EVENT_FAMILIES
from epifiji.engine.networks.family import EventFamily, Family
from epifiji.engine.tiling.blocks import BlockPredictor, Probabilities, Strip
from epifiji.engine.tiling.maps import Exact, towards_edge
from epifiji.engine.tiling.windows import Grid
from epifiji.files.networks.store import write_network
from epifiji.jobs.networks import import_network

HALF, PROBABILITY = 10, np.float32(0.8)


class ConstantDescription(EventNetworkDescription):
    kind: Literal["constant"] = "constant"

    @property
    def sees(self) -> str:
        return "nothing"


class ConstantPredictor:
    frames_at_once = 4
    margin_frames = margin_rows = 0
    bytes_for_pixel = bytes_for_place = bytes_held = 0.0
    prefiltered, precision = False, "float32"

    def __init__(self, level: np.float32) -> None:
        self.answer = np.array([1 - level, level], np.float32)

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Any) -> Probabilities:
        report(1.0, "predicting")
        return [np.tile(self.answer, (len(grid.frames), len(grid.ys), len(grid.xs), 1)) for grid in grids]


class ConstantFamily:
    kind = "constant"
    modes = ("fast", "exact")

    def check(self, network: AnyNetwork) -> None:
        for weights in network.weights:
            if wrong := array_problem(weights, {"level": ()}):
                raise WrongInputError(f"the weights of {network.description.name} are not a level: {wrong}.")

    def arithmetic(self, shape: tuple[int, int, int], description: EventNetworkDescription, settings: Any) -> Exact:
        return Exact(shape, description, settings.step_xy, settings.step_t)

    def uses_prefilter(self, mode: str) -> bool:
        return False

    def load(self, network: EventNetwork, mode: str, device: Any) -> np.float32:
        return np.float32(network.weights[0]["level"])

    def variant(self, mode: str) -> str:
        return ""

    def predictor(self, loaded: np.float32, mode: str, prefilter: None) -> ConstantPredictor:
        return ConstantPredictor(loaded)

    def refuse(self, *_: object, **__: object) -> NoReturn:
        raise WrongInputError("A constant is neither trained nor exported.")

    description_for = require_trainable = recipe = onnx = probabilities = refuse


@pytest.fixture
def constant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(DESCRIPTIONS, "constant", ConstantDescription)
    monkeypatch.setitem(EVENT_FAMILIES, "constant", ConstantFamily())
    return write_network(network({"level": PROBABILITY}), tmp_path / "constant")


def network(weights: dict[str, Any]) -> EventNetwork:
    described = ConstantDescription(
        name="constant",
        classes=("nothing", "blink"),
        window_half_size_px=HALF,
        cell_diameter_px=25,
        event_duration_frames=4,
        thresholds={"blink": 100},
        min_volumes={"blink": 10},
    )
    return Network(described, ({key: np.asarray(value, np.float32) for key, value in weights.items()},))


def test_it_has_the_required_members() -> None:
    for protocol, made in (
        (Family, ConstantFamily()),
        (EventFamily, ConstantFamily()),
        (BlockPredictor, ConstantPredictor(PROBABILITY)),
    ):
        methods = {name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if not name.startswith("_")}
        assert all(hasattr(made, name) for name in methods | set(protocol.__annotations__))


def test_its_networks_are_imported_and_detect(constant: Path) -> None:
    place = import_network(constant, "everywhere")
    assert "Input: nothing." in (place / "card.md").read_text(encoding="utf-8")
    pixels = np.random.default_rng(1).integers(0, 255, (11, 41, 38), np.uint8)
    result = epifiji.detect(pixels, "everywhere", maps="raw", event_duration=4)
    expected = np.minimum.outer(*(towards_edge(size, HALF) for size in pixels.shape[1:])) * PROBABILITY * 255
    found = np.asarray(result.maps["rawproba"]["blink"][:])
    assert found.shape == pixels.shape
    assert np.abs(found - expected).max() <= 1
    assert (found == found[0]).all()
    assert [event.event for event in result.events] == ["blink"]
    assert result.record["network"]["kind"] == "constant"


def test_its_networks_are_checked_before_they_are_kept(constant: Path) -> None:
    broken = write_network(network({"level": [1, 2]}), constant.parent / "broken")
    with pytest.raises(WrongInputError, match=r"level has the shape \(2,\) instead of \(\)"):
        import_network(broken)
    with pytest.raises(WrongInputError, match="constant is another kind of network: choose another mode"):
        epifiji.detect(np.zeros((9, 40, 40), np.uint8), constant, mode="compatible")
    with pytest.raises(WrongInputError, match="A constant is neither trained nor exported"):
        epifiji.export_network(constant, constant.parent / "constant.onnx")
