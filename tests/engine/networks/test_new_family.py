"""A family of networks made as CONTRIBUTING.md describes: every place has the same probability, the network's only weight."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import pytest

import epifiji
from epifiji.data.descriptions import DESCRIPTIONS
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.network import AnyNetwork, Network, array_problem
from epifiji.data.progress import silent
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.engine.networks.families import EVENT_FAMILIES
from epifiji.engine.networks.family import EventFamily, Family
from epifiji.engine.tiling.blocks import BlockPredictor, Probabilities, Strip
from epifiji.engine.tiling.maps import Exact, towards_edge
from epifiji.engine.tiling.windows import Grid
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.results.events_table import read_events
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.networks import event_network_of, import_network
from epifiji.jobs.scoring.judged_events import judged_events

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
    prefiltered, precision, runtime = False, "float32", "NumPy"

    def __init__(self, level: np.float32) -> None:
        self.answer = np.array([1 - level, level], np.float32)

    def __call__(self, strip: Strip, grids: Sequence[Grid], report: Any) -> Probabilities:
        report(1.0, "predicting")
        return [np.tile(self.answer, (len(grid.frames), len(grid.ys), len(grid.xs), 1)) for grid in grids]


class ConstantFamily:
    kind = "constant"
    needs_tensorflow = False
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


def network(weights: dict[str, Any], **more: Any) -> EventNetwork:
    described = ConstantDescription(
        name="constant",
        classes=("nothing", "blink"),
        window_half_size_px=HALF,
        cell_diameter_px=25,
        event_duration_frames=4,
        thresholds={"blink": 100},
        min_volumes={"blink": 10},
        **more,
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


def test_calibrated_scores_are_reported_and_change_no_event(constant: Path) -> None:
    calibration = {"blink": {"raw": [0.2, 0.6, 1], "right": [0.1, 0.9, 0.95]}}
    write_network(network({"level": PROBABILITY}, calibration=calibration), constant.parent / "calibrated")
    import_network(constant, "raw")
    pixels = np.random.default_rng(1).integers(0, 255, (11, 41, 38), np.uint8)
    (before,) = epifiji.detect(pixels, "raw", event_duration=4).events
    place = import_network(constant.parent / "calibrated", "imported")
    result = epifiji.detect(pixels, place, event_duration=4, maps="raw")
    (event,) = result.events
    expected = np.interp(before.score, [0.2, 0.6, 1], [0.1, 0.9, 0.95])
    assert (event.score, event.raw_score) == (pytest.approx(expected), before.score)
    assert replace(event, score=event.raw_score) == before
    folder = result.save(constant.parent / "movie_epifiji")
    again = epifiji.events_from_maps(folder).events
    assert [(one.score, one.raw_score) for one in again] == [(event.score, event.raw_score)]
    (read,) = read_events(folder / "events.csv")
    assert (read.score, read.raw_score) == (pytest.approx(event.score, abs=1e-4), pytest.approx(before.score, abs=1e-4))


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        (
            {"blink": {"raw": [0.2, 0.6], "right": [0.9, 0.1]}},
            r"right: 0.1 comes after 0.9, but the values may not fall",
        ),
        ({"blink": {"raw": [0.6, 0.6], "right": [0.1, 0.9]}}, r"raw: 0.6 comes after 0.6, but the values must rise"),
        ({"blink": {"raw": [0.2, 0.6], "right": [0.1, 1]}}, r"right.1: Input should be less than 1"),
        ({"blink": {"raw": [0.2, 0.6], "right": [0.1]}}, r"raw has 2 values and right 1"),
        ({"blink": {"raw": [0.2], "right": ["nan"]}}, r"right.0: Input should be (a finite number|greater than 0)"),
        (
            {"blink": {"raw": [n / 999 for n in range(999)], "right": [0.5] * 999}},
            r"raw: Tuple should have at most 200",
        ),
        ({"blink": {"raw": [], "right": []}}, r"raw: Tuple should have at least 1"),
        (
            {"other": {"raw": [0.2], "right": [0.1]}},
            r"calibration has the class 'other', which the network does not find",
        ),
        ({"blink": 5}, r"calibration.blink: Input should be a valid dictionary"),
        ([1, 2], r"calibration: Input should be a valid dictionary"),
    ],
)
def test_a_broken_map_of_scores_is_refused_in_a_sentence(constant: Path, calibration: Any, message: str) -> None:
    file = constant / "network.json"
    entries = json.loads(file.read_text(encoding="utf-8"))
    assert "calibration" not in entries
    file.write_text(json.dumps(entries | {"calibration": calibration}), encoding="utf-8")
    with pytest.raises(WrongInputError, match=message) as refused:
        import_network(constant, "broken")
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith("import the network again.")


def test_detected_events_are_judged_by_annotated_ones(constant: Path, tmp_path: Path) -> None:
    """It finds one event in each movie, in the middle; of three movies two have one there, and one of these another beside it."""
    folder, loaded = tmp_path / "movies", event_network_of(constant)
    folder.mkdir()
    for number, places in enumerate([[20], [20, 22], [8]]):
        movie = np.random.default_rng(number).integers(0, 255, (11, 41, 38), np.uint8)
        write_movie(Movie(movie), folder / f"m{number}.tif")
        write_rois(folder / f"m{number}_blink.zip", [Event("blink", 5, place, 18) for place in places])
    settings = EventEvaluationSettings(threshold=80, event_duration=4)
    found = judged_events(loaded, [folder], settings, [], silent)
    assert [(one.event, one.right, one.movie) for one in found] == [
        ("blink", True, 0),
        ("blink", True, 1),
        ("blink", False, 2),
    ]
    (event,) = epifiji.detect(folder / "m0.tif", loaded, event_duration=4).events
    assert {(one.raw, one.reported) for one in found} == {(event.raw_score, event.over(80))}
    above = judged_events(loaded, [folder], settings.model_copy(update={"threshold": 240}), [], silent)
    assert [one[:4] for one in above] == [one[:4] for one in found]
    assert not any(one.reported for one in above)


def test_its_networks_are_checked_before_they_are_kept(constant: Path) -> None:
    broken = write_network(network({"level": [1, 2]}), constant.parent / "broken")
    with pytest.raises(WrongInputError, match=r"level has the shape \(2,\) instead of \(\)"):
        import_network(broken)
    with pytest.raises(WrongInputError, match="constant is another kind of network: choose another mode"):
        epifiji.detect(np.zeros((9, 40, 40), np.uint8), constant, mode="compatible")
    with pytest.raises(WrongInputError, match="A constant is neither trained nor exported"):
        epifiji.export_network(constant, constant.parent / "constant.onnx")
