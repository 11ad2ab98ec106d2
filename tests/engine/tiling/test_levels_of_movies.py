"""Events do not change when a movie is multiplied or shifted, within the range of its type.

The first movie of each test has 8 bits; the others are made from it by exact arithmetic, so they have the same
differences.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import ndimage

import epifiji
from epifiji.data.grey_levels import within_range
from epifiji.data.labelled import TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.progress import silent
from epifiji.engine.cells.diameter import estimate_cell_diameter
from epifiji.engine.networks.dexnet.prefilter import Prefilter, shapes
from epifiji.engine.networks.dexnet.training import WindowSampler
from epifiji.engine.networks.epinet.maps import probabilities
from epifiji.engine.networks.epinet.model import contrast, places
from epifiji.engine.networks.epinet.onnx import onnx_model
from epifiji.engine.networks.epinet.predictor import EpiNet
from epifiji.engine.networks.epinet.sampling import Sampler
from epifiji.engine.networks.epinet.targets import at_network_scale
from epifiji.engine.simulation.movie import simulate
from epifiji.engine.tiling.blocks import Block, read_strip
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.windows import normalised
from epifiji.engine.training.augmentation import changed
from epifiji.files.figures.overlay import Contrast
from small_networks import small_epinet, small_network

INTEGERS = (np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64)
FLOATS = (np.float32, np.float64)
PIXELS = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(7, 61, 77)), (1, 2, 2))
PIXELS = np.rint(200 * (PIXELS - PIXELS.min()) / np.ptp(PIXELS)).astype(np.uint8)
# A part of a registered movie without any pixel, and a flat frame.
PIXELS[:, :20, :30] = 0
PIXELS[3] = 7
FEW = settings(max_examples=8, deadline=None, derandomize=True)
CHEAP = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def changes(draw: st.DrawFn) -> tuple[type, int, int]:
    """Draw a type, a factor and an offset for levels up to 255, such that the type represents all results exactly."""
    kind = draw(st.sampled_from((*INTEGERS, *FLOATS)))
    if kind in FLOATS:
        # Whole numbers up to 2 ** 24 or 2 ** 53 are exact.
        least, greatest = -(2 ** np.finfo(kind).nmant), 2 ** np.finfo(kind).nmant
    else:
        least, greatest = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    factor = draw(st.integers(1, min((greatest - least) // 255, 2**40)))
    return kind, factor, draw(st.integers(least, greatest - 255 * factor))


def changed_by(pixels: np.ndarray, change: tuple[type, int, int]) -> np.ndarray:
    """Multiply and shift by Python's integers, which are exact."""
    kind, factor, offset = change
    levels = np.array([level * factor + offset for level in range(256)], kind)
    assert [int(level) for level in levels] == [level * factor + offset for level in range(256)]
    return levels[pixels]


HARD = [
    (np.int16, 257, -32768),
    (np.uint16, 1, 32768),
    (np.uint32, 1, 2**32 - 256),
    (np.int64, 1, 2**63 - 256),
    (np.int64, 2**40, -(2**63)),
    (np.uint64, 1, 2**64 - 256),
    (np.float32, 1, 2**23 - 256),
    (np.float64, 3, 2**52 - 1000),
]


def hard(test: Any) -> Any:
    for change in HARD:
        test = example(change=change)(test)
    return test


@st.composite
def scales(draw: st.DrawFn) -> tuple[type, int]:
    """Draw a type of floats and a power of two by which 200 levels remain normal numbers."""
    kind = draw(st.sampled_from(FLOATS))
    limits = np.finfo(kind)
    return kind, draw(st.integers(limits.minexp, limits.maxexp - 8))


@cache
def epinet() -> Network:
    # Networks with a hash are kept for the next detection.
    return replace(small_epinet(seed=3), sha256="0" * 64)


@cache
def asked() -> EpiNet:
    return EpiNet(epinet())


def answered(pixels: np.ndarray) -> np.ndarray:
    """Probabilities (T, rows, columns, events) of a movie, as in a detection."""
    movie = levelled(Movie(pixels))
    strip = read_strip(movie, Block(0, 7, 0, 61), epinet().description, asked())
    return asked()(strip, [places(movie.shape)], silent)[0][..., 1:]


@cache
def expected() -> np.ndarray:
    return answered(PIXELS)


class TestEpiNet:
    @hard
    @given(change=changes())
    @FEW
    def test_zero_and_unit_have_no_effect(self, change: tuple[type, int, int]) -> None:
        assert np.ptp(expected()) > 0.1
        assert np.abs(answered(changed_by(PIXELS, change)) - expected()).max() < 1e-5

    @given(scale=scales())
    @example(scale=(np.float32, -126))
    @example(scale=(np.float32, 120))
    @example(scale=(np.float64, -1022))
    @example(scale=(np.float64, 1016))
    @FEW
    def test_a_power_of_two_has_no_effect(self, scale: tuple[type, int]) -> None:
        kind, exponent = scale
        assert np.abs(answered(np.ldexp(PIXELS.astype(kind), exponent)) - expected()).max() < 1e-5

    def test_a_range_that_the_type_cannot_hold_is_accepted(self) -> None:
        for kind in FLOATS:
            pixels = (PIXELS / 100 - 1).astype(kind)
            full = pixels * np.finfo(kind).max
            with np.errstate(over="ignore"):
                assert np.isinf(full.max() - full.min())
            assert np.abs(answered(full) - answered(pixels)).max() < 1e-4

    def test_one_dead_pixel_leaves_the_contrast_elsewhere(self) -> None:
        for low in (0, 4e9):
            pixels = PIXELS.astype(np.float64) + low
            pixels[0, 5, 5] = -1e12
            far = contrast(pixels[:1, :56, :72]).numpy()[0, 40:, 60:, :1]
            assert np.abs(far - contrast(PIXELS[:1, :56, :72]).numpy()[0, 40:, 60:, :1]).max() < 1e-5

    def test_a_flat_neighbourhood_has_no_contrast(self) -> None:
        for level in (0, 0.1, 1e-30, 1e30, 123456.789):
            assert not contrast(np.full((1, 80, 88), level, np.float32)).numpy().any()

    @pytest.mark.parametrize("low", [0.0, 1e3, 1e6])
    def test_the_contrast_of_a_place_follows_the_formula(self, low: float) -> None:
        frame = np.random.default_rng(7).normal(low, 20, (1, 280, 280))
        found, at = contrast(frame).numpy()[0, 141, 141], 140
        near = frame[0, at - 20 : at + 24, at - 20 : at + 24]
        far = frame[0, at - 64 : at + 68, at - 64 : at + 68]
        value = frame[0, 141, 141]
        ratios = [0.5 * (value - part.mean()) / (part.std() + 0.02 * np.ptp(near)) for part in (near, far)]
        assert found == pytest.approx([(value - near.min()) / np.ptp(near), *ratios], abs=1e-5)


class TestTheExportedGraph:
    """It takes float32 and is run by another program, so it must handle everything that this type can represent."""

    @given(change=changes().filter(lambda change: change[0] is np.float32))
    @example(change=(np.float32, 1, 2**23 - 256))
    @example(change=(np.float32, 1, -(2**23)))
    @FEW
    def test_zero_and_unit_have_no_effect(self, change: tuple[type, int, int]) -> None:
        assert np.abs(elsewhere(changed_by(PIXELS, change)) - elsewhere(PIXELS)).max() < 2e-5

    @pytest.mark.parametrize("factor", [1e-40, 1e-38, 1e-30, 1e-10, 0.1, 1e10, 1e30, 1.7e36])
    def test_a_factor_has_no_effect(self, factor: float) -> None:
        found = elsewhere(PIXELS.astype(np.float32) * np.float32(factor))
        assert np.abs(found - elsewhere(PIXELS)).max() < 1e-4

    def test_a_range_that_the_type_cannot_hold_is_accepted(self) -> None:
        pixels = (PIXELS / 100 - 1).astype(np.float32)
        assert np.abs(elsewhere(pixels * np.finfo(np.float32).max) - elsewhere(pixels)).max() < 1e-4

    def test_predicts_as_a_detection_does_for_such_movies(self) -> None:
        for pixels in (PIXELS.astype(np.float32) * np.float32(1e-10) + np.float32(3), PIXELS * np.float32(1e17)):
            expected = probabilities(epinet(), pixels.astype(np.float32))
            assert np.abs(elsewhere(pixels) - expected).max() < 2e-5


@cache
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(onnx_model(epinet()))


def elsewhere(pixels: np.ndarray) -> np.ndarray:
    """Run the graph with onnxruntime, (events, T, Y, X)."""
    return session().run(None, {"movie": pixels[None, None].astype(np.float32)})[0][0]


class TestThePrefilter:
    @hard
    @given(change=changes())
    @FEW
    def test_predicts_the_same(self, change: tuple[type, int, int]) -> None:
        pixels = np.concatenate([PIXELS, PIXELS])
        other = levelled(Movie(changed_by(pixels, change))).frames(0, len(pixels))
        known = prefilter()(pixels)
        assert np.abs(prefilter()(other) - known).max() < 1e-5 * np.ptp(known)


@cache
def prefilter() -> Prefilter:
    random = np.random.default_rng(4)
    weights = {name: 0.3 * random.standard_normal(shape).astype(np.float32) for name, shape in shapes(3).items()}
    return Prefilter(weights, ("cell_death", "cell_sop", "cell_division"))


class TestDeXNets:
    @hard
    @given(change=changes())
    @CHEAP
    def test_windows_are_normalised_alike(self, change: tuple[type, int, int]) -> None:
        moved = levelled(Movie(changed_by(PIXELS, change))).frames(0, 7)
        windows, others = PIXELS[None, :, :45, :45], moved[None, :, :45, :45]
        # In the project's own modes every level is the same; without the lift one may differ by 1, as in the authors' package.
        assert np.array_equal(normalised(others, 1e-3), normalised(windows, 1e-3))
        assert np.abs(normalised(others).astype(int) - normalised(windows)).max() <= 1

    @given(factor=st.floats(1e-30, 1e30))
    @CHEAP
    def test_also_where_floats_are_rounded(self, factor: float) -> None:
        windows = PIXELS[None, :, :45, :45]
        for kind in FLOATS:
            assert np.array_equal(normalised(windows.astype(kind) * kind(factor), 1e-3), normalised(windows, 1e-3))


class TestDetection:
    """With random networks, whose probabilities are close to all thresholds: maps are more sensitive than a few events."""

    @pytest.mark.parametrize("mode", ["compatible", "exact", "fast"])
    @pytest.mark.parametrize("change", HARD[:1] + HARD[4:7])
    def test_of_a_dexnet_in_every_mode(self, mode: str, change: tuple[type, int, int]) -> None:
        network = small_network(1, seed=2)
        first, second = (
            epifiji.detect(pixels, network, mode=mode, threshold=1, min_volume=1, maps="raw", step_xy=16)
            for pixels in (PIXELS, changed_by(PIXELS, change))
        )
        for name, levels in first.maps["rawproba"].items():
            assert np.abs(levels[:].astype(int) - second.maps["rawproba"][name][:]).max() <= (mode == "compatible")

    @pytest.mark.parametrize("change", [(np.uint16, 1, 30000), *HARD[:3], *HARD[5:]])
    def test_after_rescaling(self, change: tuple[type, int, int]) -> None:
        first, second = (
            epifiji.detect(pixels, epinet(), cell_diameter=15, event_duration=2.5, maps="raw").maps["rawproba"]
            for pixels in (PIXELS, changed_by(PIXELS, change))
        )
        for name, levels in first.items():
            assert levels.shape != PIXELS.shape
            assert np.abs(levels[:].astype(int) - second[name][:]).max() <= 1

    def test_with_the_shipped_network_finds_the_same_events(self) -> None:
        movie, _ = simulate(seed=5, frames=30, height=160, width=200, extrusions=6, divisions=4, sops=2)
        pixels = movie.frames(0, 30)
        known = epifiji.detect(pixels, "epinet").events
        assert len(known) >= 10
        wide = pixels.astype(np.float32)
        others = [changed_by(pixels, (np.uint16, 1, 30000)), changed_by(pixels, (np.uint64, 1, 2**60))]
        for other in (*others, wide * np.float32(1e-10), wide * np.float32(1e17)):
            found = epifiji.detect(other, "epinet").events
            assert [(one.event, one.frame) for one in found] == [(one.event, one.frame) for one in known]
            moved = [(a.y - b.y, a.x - b.x) for a, b in zip(found, known, strict=True)]
            assert np.abs(moved).max() < 0.1


class TestTraining:
    @hard
    @given(change=changes())
    @FEW
    def test_parts_are_the_same(self, change: tuple[type, int, int]) -> None:
        drawn = []
        for pixels in (PIXELS, changed_by(PIXELS, change)):
            scaled = at_network_scale(Movie(pixels), epinet().description, 15.0, None)
            movie = TrainingMovie(scaled, np.array([[0, 3, 40, 50.0]]), np.empty((0, 3)))
            drawn.append(Sampler([movie], 3, np.random.default_rng(8)).draw())
        assert np.abs(drawn[0].frames - drawn[1].frames).max() < 1e-4
        assert np.array_equal(drawn[0].answers, drawn[1].answers)

    @hard
    @given(change=changes())
    @FEW
    def test_windows_are_the_same(self, change: tuple[type, int, int]) -> None:
        network, drawn = small_network(1), []
        for pixels in (PIXELS, changed_by(PIXELS, change)):
            scaled = at_network_scale(Movie(pixels), network.description, None, None)
            movie = TrainingMovie(scaled, np.array([[0, 3, 40, 50.0]]), np.empty((0, 3)))
            sampler = WindowSampler([movie], network.description, np.random.default_rng(8), frozenset(), lambda x: x)
            drawn.append(sampler.draw().pixels.astype(int))
        assert np.abs(drawn[0] - drawn[1]).max() <= 1

    def test_a_change_sees_frames_between_0_and_1(self) -> None:
        for change in HARD:
            frames = changed(changed_by(PIXELS, change), np.random.default_rng(0), frozenset())
            assert np.abs(frames - changed(PIXELS, np.random.default_rng(0), frozenset())).max() < 1e-5


class TestPictures:
    @hard
    @given(change=changes())
    @CHEAP
    def test_are_as_bright(self, change: tuple[type, int, int]) -> None:
        moved = changed_by(PIXELS, change)
        assert np.abs(Contrast(moved)(moved) - Contrast(PIXELS)(PIXELS)).max() < 1e-6

    def test_are_black_and_white_at_percentiles(self) -> None:
        low, high = np.percentile(PIXELS, (0.5, 99.7))
        shown = Contrast(PIXELS.astype(np.float32) * np.float32(1e-20))(PIXELS.astype(np.float32) * np.float32(1e-20))
        assert np.abs(shown - np.clip((PIXELS - low) / (high - low), 0, 1)).max() < 1e-5

    @hard
    @given(change=changes())
    @CHEAP
    def test_parts_of_a_range_are_exact(self, change: tuple[type, int, int]) -> None:
        moved = changed_by(PIXELS, change)
        # Including pixels below the least, which 64-bit integers must not turn into large ones.
        least, greatest = (changed_by(np.array(level, np.uint8), change)[()] for level in (50, 150))
        assert np.abs(within_range(moved, least, greatest) - (PIXELS.astype(float) - 50) / 100).max() < 1e-12


def test_the_cells_diameter_is_the_same() -> None:
    movie, _ = simulate(seed=2, frames=5, height=200, width=200, cell_diameter_px=22, extrusions=0, divisions=0, sops=0)
    pixels = movie.frames(0, 5)
    known = estimate_cell_diameter(movie)
    assert known == pytest.approx(22, rel=0.2)
    for change in (HARD[0], HARD[5]):
        assert estimate_cell_diameter(Movie(changed_by(pixels, change))) == pytest.approx(known, rel=1e-3)
    for kind, factor in ((np.float32, 1e-36), (np.float64, 1e300)):
        assert estimate_cell_diameter(Movie(pixels.astype(kind) * kind(factor))) == pytest.approx(known, rel=1e-3)


class TestLevelling:
    @hard
    @given(change=changes())
    @CHEAP
    def test_keeps_differences_exactly(self, change: tuple[type, int, int]) -> None:
        kind, factor, _ = change
        found = levelled(Movie(changed_by(PIXELS, change)))
        wide = found.frames(2, 5).astype(np.float64)
        unit = np.ptp(wide) / np.ptp(PIXELS[2:5])
        assert np.abs(wide - wide.min() - unit * (PIXELS[2:5] - float(PIXELS[2:5].min()))).max() <= 1e-6 * unit
        if kind in INTEGERS:
            assert unit == pytest.approx(factor, rel=1e-9)

    def test_ordinary_movies_are_passed_on_untouched(self) -> None:
        for kind in (np.uint8, np.int16, np.uint16, np.uint32, np.int32, np.float32, np.float64):
            movie = Movie(PIXELS.astype(kind))
            assert levelled(movie) is movie
