"""The U-Net for cells: tiles, units and zero of an image, reach, and its arrays."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import onnx
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork, Network, Weights
from epifiji.engine.backend.devices import gpu_possible
from epifiji.engine.networks.families import cell_family_of
from epifiji.engine.networks.unet2d.model import REACH_PX, Compute, contrast_in_tensorflow, new_weights, shapes
from epifiji.engine.networks.unet2d.onnx import contrast_in_onnx, member_graph
from epifiji.engine.networks.unet2d.predictor import UNet2D
from epifiji.files.networks.store import SHIPPED_FOLDER, read_network


@pytest.fixture(scope="module")
def weights() -> Weights:
    random = np.random.default_rng(3)
    # Steps that are drawn add nothing yet.
    return {
        name: values + 0.05 * random.standard_normal(values.shape).astype(np.float32)
        for name, values in new_weights(random).items()
    }


@pytest.fixture(scope="module", params=[True, False], ids=["ONNX Runtime", "TensorFlow"])
def predict(weights: Weights, request: pytest.FixtureRequest) -> UNet2D:
    loaded = UNet2D([weights], onnx=request.param)
    assert loaded.runtime == ("ONNX Runtime" if request.param else "TensorFlow")
    return loaded


def frame(height: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2, 100, (height, width))


@pytest.mark.parametrize("shape", [(701, 61), (250, 230)])
def test_tiles_do_not_show(predict: UNet2D, shape: tuple[int, int]) -> None:
    image = frame(*shape)
    whole = predict(image)
    assert np.abs(predict(image, 200**2) - whole).max() < 1e-5
    assert whole.std() > 0.01


def test_a_prediction_depends_on_pixels_within_reach_only(predict: UNet2D) -> None:
    image = frame(2 * REACH_PX + 120, 40)
    changed = image.copy()
    changed[:8] += 50_000
    differs = np.abs(predict(changed) - predict(image)).max((1, 2))
    assert differs[:8].max() > 1e-3
    assert differs[8 + REACH_PX :].max() < 1e-6


@pytest.mark.parametrize(("factor", "zero"), [(1e-3, 0.0), (1.0, -3e4), (250.0, 1e6)])
def test_unit_and_zero_of_an_image_have_no_effect(predict: UNet2D, factor: float, zero: float) -> None:
    image = frame(90, 75)
    assert np.abs(predict(factor * image + zero) - predict(image)).max() < 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (8, 8), (17, 9)])
def test_frames_of_any_size_are_predicted(predict: UNet2D, shape: tuple[int, int]) -> None:
    found = predict(frame(*shape))
    assert found.shape == (*shape, 3)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


BRIGHT = frame(96, 80).round().astype(np.uint16).astype(float)
BRIGHT[40, 30] = 65535
FRAMES = {
    "noise": frame(301, 170),
    "flat to the left": np.where(np.arange(72) < 40, 7, frame(64, 72)),
    "all flat": np.full((40, 48), 3.0),
    "one bright pixel": BRIGHT,
    "on a high level": 1e9 + frame(90, 75),
    "tiny numbers": 1e-30 * frame(90, 75),
}


@pytest.mark.parametrize("image", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("directions", [0, 2])
def test_onnx_runtime_predicts_what_tensorflow_predicts(weights: Weights, image: np.ndarray, directions: int) -> None:
    ours, tensorflows = (UNet2D([weights, weights], directions, onnx)(image) for onnx in (True, False))
    assert np.abs(ours - tensorflows).max() < 2e-5
    assert image.std() == 0 or np.ptp(ours) > 0.01


@pytest.mark.parametrize("contrast", [contrast_in_onnx, contrast_in_tensorflow])
def test_a_flat_neighbourhood_has_no_contrast_whatever_is_beyond_it(contrast: Callable[[], Compute]) -> None:
    # Beyond the box of 44 px are darker and brighter pixels, so the flat level is neither the least nor the greatest there.
    image = FRAMES["flat to the left"]
    assert image[:, 40:].min() < 7 < image.max()
    found = contrast()(image)
    assert (found[:, :20, :2] == 0).all()
    assert np.abs(found[:, :20, 2]).max() > 0.1


def test_the_graph_is_valid(weights: Weights) -> None:
    for directions in (0, 2):
        model = onnx.load_from_string(member_graph(weights, directions))
        onnx.checker.check_model(model, full_check=True)


def test_a_segmentation_imports_no_tensorflow_and_prints_nothing() -> None:
    code = (
        "import sys, numpy, epifiji\n"
        "pixels = numpy.random.default_rng(1).integers(0, 255, (96, 96)).astype('uint8')\n"
        "found = epifiji.segment(pixels, cell_diameter=20, borders='bright', device='cpu')\n"
        "print(found.record['runtime'], [m for m in ('tensorflow', 'keras', 'onnx') if m in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    cards = gpu_possible() and "tensorflow" not in sys.modules
    assert ended.stdout == ("ONNX Runtime []\n" if not cards else ended.stdout)
    assert ended.stderr == ""


def test_members_are_averaged(weights: Weights, predict: UNet2D) -> None:
    other = new_weights(np.random.default_rng(9))
    image = frame(40, 40)
    expected = (predict(image) + UNet2D([other])(image)) / 2
    assert np.abs(UNet2D([weights, other])(image) - expected).max() < 1e-6


def test_other_arrays_are_refused(weights: Weights) -> None:
    shipped = read_network(SHIPPED_FOLDER / "epicells")
    family = cell_family_of(shipped.description)  # type: ignore[arg-type]
    for changed, wrong in (
        ({"stem/bias": np.zeros(3, np.float32)}, r"stem/bias has the shape \(3,\) instead of \(16,\)"),
        ({"stem/bias": np.full(16, np.nan, np.float32)}, "stem/bias does not consist of finite 32-bit numbers"),
        ({"extra/bias": np.zeros(3, np.float32)}, "extra/bias is unexpected"),
    ):
        network: AnyNetwork = Network(shipped.description, ({**weights, **changed},))
        with pytest.raises(WrongInputError, match=wrong):
            family.check(network)


def test_the_arrays_are_those_of_the_shapes(weights: Weights) -> None:
    assert {name: values.shape for name, values in weights.items()} == shapes()
    assert all(values.dtype == np.float32 for values in weights.values())
