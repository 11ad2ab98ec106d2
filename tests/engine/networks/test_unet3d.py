"""The U-Net for volumes: its layers, blocks, grey values, parts and loss."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.labelled import TrainingVolume
from epifiji.data.network import Network, Weights
from epifiji.data.settings.cyst_training import CHANGES
from epifiji.data.tensorflow_import import import_tensorflow
from epifiji.data.volume_networks import UNet3DDescription
from epifiji.engine.networks.families import VOLUME_FAMILIES
from epifiji.engine.networks.unet3d.grey_range import SHARES, GreyRange
from epifiji.engine.networks.unet3d.model import PRESETS, Architecture, logits, new_weights
from epifiji.engine.networks.unet3d.onnx import member_graph
from epifiji.engine.networks.unet3d.predictor import UNet3D
from epifiji.engine.networks.unet3d.sampling import PartSampler
from epifiji.engine.networks.unet3d.training import targets_of, volume_loss

SIZES = Architecture((3, 4, 5), (1, 2))
KEPT = sum(width for *_, width in SIZES.blocks)


def drawn_weights(seed: int = 3, sizes: Architecture = SIZES) -> Weights:
    random = np.random.default_rng(seed)
    # Biases are drawn too, so that each array has an effect.
    return {
        name: values + 0.1 * random.standard_normal(values.shape).astype(np.float32)
        for name, values in new_weights(random, sizes).items()
    }


@pytest.fixture(scope="module")
def weights() -> Weights:
    return drawn_weights()


@pytest.fixture(scope="module", params=[True, False], ids=["ONNX Runtime", "TensorFlow"])
def predict(weights: Weights, request: pytest.FixtureRequest) -> UNet3D:
    loaded = UNet3D([weights], SIZES, request.param)
    assert loaded.runtime == ("ONNX Runtime" if request.param else "TensorFlow")
    return loaded


def volume(*shape: int, seed: int = 1) -> Image:
    return Image(np.random.default_rng(seed).gamma(2, 100, shape), axes="ZYX")


def joined(network: UNet3D, image: Image, **how) -> np.ndarray:
    found = np.full((*image.shape, 3), np.nan, np.float32)
    grey = GreyRange.of(image)
    for place, block in network.blocks(image, grey, how.pop("voxels_at_once", 10**7), **how):
        assert np.isnan(found[place]).all()
        found[place] = block
    assert not np.isnan(found).any()
    return found


def test_the_presets_have_as_many_parameters_as_cartocells_network_and_an_eighth():
    # BiaPy 3.7.1's ResUNet with these features, without normalisation and larger layers at both ends.
    sizes = {name: sum(int(np.prod(one)) for one in sizes.shapes().values()) for name, sizes in PRESETS.items()}
    assert sizes == {"small": 159_867, "full": 1_294_911}
    assert all(sizes.z_steps[0] == 1 for sizes in PRESETS.values())


def test_the_layers_are_those_of_tensorflow(weights: Weights):
    """The same network of TensorFlow's own operations on volumes."""
    tf = import_tensorflow()
    one = [1] * 5

    def block(name, x):
        y = tf.nn.relu(tf.nn.conv3d(x, weights[f"{name}_0/kernel"], one, "SAME") + weights[f"{name}_0/bias"])
        y = tf.nn.conv3d(y, weights[f"{name}_1/kernel"], one, "SAME") + weights[f"{name}_1/bias"]
        return tf.nn.relu(tf.nn.conv3d(x, weights[f"{name}_past/kernel"][None, None, None], one, "SAME") + y)

    pixels = np.random.default_rng(1).standard_normal((2, 6, 8, 12, 1)).astype(np.float32)
    x, skipped = pixels, []
    for level, step in enumerate((0, *SIZES.z_steps)):
        x = tf.nn.max_pool3d(x, (1, step, 2, 2, 1), (1, step, 2, 2, 1), "VALID") if level else x
        x = block(f"in_{level}", x)
        skipped.append(x)
    x = skipped.pop()
    for level in (1, 0):
        step, width, other = SIZES.z_steps[level], SIZES.features[level], skipped.pop()
        kernel = weights[f"up_{level}/kernel"].reshape(-1, step, 2, 2, width).transpose(1, 2, 3, 4, 0)
        x = tf.nn.conv3d_transpose(x, kernel, other.shape, (1, step, 2, 2, 1), "VALID") + weights[f"up_{level}/bias"]
        x = block(f"out_{level}", tf.concat([other, x], -1))
    expected = (tf.matmul(x, weights["answer/kernel"]) + weights["answer/bias"]).numpy()
    assert expected.std() > 0.1
    assert np.abs(logits(weights, SIZES, pixels).numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("z_steps", [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("shape", [(1, 3, 5), (4, 4, 4), (13, 24, 30)])
def test_onnx_runtime_predicts_what_tensorflow_predicts(z_steps: tuple[int, int], shape: tuple[int, int, int]):
    sizes = Architecture((3, 4, 5), z_steps)
    members = [drawn_weights(5, sizes), drawn_weights(6, sizes)]
    ours, tensorflows = (joined(UNet3D(members, sizes, onnx), volume(*shape)) for onnx in (True, False))
    assert np.abs(ours - tensorflows).max() < 2e-5
    assert np.ptp(ours) > 0.01


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is read as on Linux")
def test_the_memory_for_a_block_is_given_back():
    network = UNet3D([drawn_weights(5, PRESETS["small"])], PRESETS["small"], onnx=True)

    def megabytes() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    before = megabytes()
    joined(network, volume(32, 96, 96))
    # It needs 25 bytes a voxel for each of 16 features, 118 MB.
    assert megabytes() - before < 60


def test_the_graph_is_valid():
    for z_steps in ((1, 2), (2, 1)):
        sizes = Architecture((3, 4, 5), z_steps)
        model = onnx.load_from_string(member_graph(drawn_weights(5, sizes), sizes))
        onnx.checker.check_model(model, full_check=True)


def test_the_range_of_a_small_volume_are_the_quantiles_of_all_its_voxels():
    image = volume(40, 120, 128)
    grey = GreyRange.of(image)
    assert (grey.low, grey.high) == pytest.approx(tuple(np.quantile(np.asarray(image), SHARES)))


@pytest.mark.parametrize("corner", [(0, 0, 0), (30, 150, 391), (60, 470, 200)])
def test_background_around_a_cyst_does_not_change_its_range(corner: tuple[int, int, int]):
    random = np.random.default_rng(4)
    cyst = random.gamma(2, 100, (30, 55, 60))
    pixels = random.poisson(12, (100, 550, 461)).astype(np.float32)
    pixels[tuple(slice(start, start + side) for start, side in zip(corner, cyst.shape, strict=True))] = cyst
    # In the whole volume the same quantile is that of the background.
    assert np.quantile(pixels, SHARES[1]) < 30
    window = np.concatenate([cyst.ravel(), random.poisson(12, 128 * 128 * 100 - cyst.size)])
    grey = GreyRange.of(Image(pixels, axes="ZYX"))
    assert grey.high == pytest.approx(np.quantile(window, SHARES[1]), rel=0.1)
    assert grey.low == np.quantile(pixels, SHARES[0])


@pytest.mark.parametrize(("z_step", "blocks"), [(1, 8), (2, 8)])
def test_blocks_along_all_axes_do_not_show(z_step: int, blocks: int):
    sizes = Architecture((2, 3), (z_step,))
    predict = UNet3D([drawn_weights(4, sizes)], sizes, onnx=True)
    image = volume(23, 25, 27)
    whole = joined(predict, image)
    found = list(predict.blocks(image, GreyRange.of(image), 14**3))
    assert all(len({place[axis].start for place, _ in found}) > 1 for axis in range(3))
    assert len(found) >= blocks
    assert np.abs(joined(predict, image, voxels_at_once=14**3) - whole).max() < 1e-5
    assert whole.std() > 0.003
    # Without the surroundings of blocks their edges show.
    assert np.abs(joined(predict, image, voxels_at_once=14**3, padding=(0, 0, 0)) - whole).max() > 1e-4


def test_a_prediction_depends_on_voxels_within_reach_only(predict: UNet3D):
    image = volume(80, 16, 64)
    for axis in (0, 2):
        changed = np.array(image)
        ends = (slice(None),) * axis + (slice(0, 2),)
        changed[ends] += 400
        grey = GreyRange.of(image)
        (_, one), (_, other) = (
            next(predict.blocks(Image(np.asarray(pixels), axes="ZYX"), grey, 10**7)) for pixels in (image, changed)
        )
        differs = np.abs(one - other).max(tuple({0, 1, 2, 3} - {axis}))
        assert differs[:2].max() > 1e-3
        assert differs[2 + SIZES.reach[axis] :].max() < 1e-6


def test_only_the_blocks_that_are_read_are_in_memory(predict: UNet3D):
    class Watched:
        shape, dtype = (200, 40, 40), np.dtype(np.uint8)
        most = 0

        def __getitem__(self, places: slice) -> np.ndarray:
            Watched.most = max(Watched.most, places.stop - places.start)
            return np.zeros((places.stop - places.start, 40, 40), np.uint8)

    stack = Watched()
    blocks = list(predict.blocks(Image(stack, axes="ZYX"), GreyRange(0, 255), 64_000))
    assert len(blocks) >= 10
    assert stack.most <= 60


@pytest.mark.parametrize(("factor", "zero"), [(1e-3, 0.0), (1.0, -3e4), (250.0, 1e6)])
def test_unit_and_zero_of_a_volume_have_no_effect(predict: UNet3D, factor: float, zero: float):
    image = volume(8, 16, 20)
    other = Image(factor * np.asarray(image) + zero, axes="ZYX")
    assert np.abs(joined(predict, other) - joined(predict, image)).max() < 1e-4


def test_members_and_mirror_images_are_averaged(weights: Weights, predict: UNet3D):
    image, other = volume(8, 12, 16), drawn_weights(9)
    expected = (joined(predict, image) + joined(UNet3D([other], SIZES), image)) / 2
    assert np.abs(joined(UNet3D([weights, other], SIZES), image) - expected).max() < 1e-6
    ways = [(slice(None), slice(None, None, y), slice(None, None, x)) for y in (1, -1) for x in (1, -1)]
    mirrored = [joined(predict, Image(np.asarray(image)[way], axes="ZYX"))[way] for way in ways]
    assert np.abs(joined(predict, image, flips=True) - np.mean(mirrored, 0)).max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 9, 20), (2, 4, 4)])
def test_volumes_of_any_size_are_predicted(predict: UNet3D, shape: tuple[int, int, int]):
    found = joined(predict, volume(*shape))
    assert ((found >= 0) & (found <= 1)).all()


def test_other_arrays_are_refused(weights: Weights):
    described = UNet3DDescription(name="mine", features=SIZES.features, z_steps=SIZES.z_steps)
    for changed, wrong in (
        ({"in_0_0/bias": np.zeros(7, np.float32)}, r"in_0_0/bias has the shape \(7,\) instead of \(3,\)"),
        ({"answer/bias": np.full(3, np.nan, np.float32)}, "answer/bias does not consist of finite"),
        ({"more/bias": np.zeros(3, np.float32)}, "more/bias is unexpected"),
    ):
        with pytest.raises(WrongInputError, match=wrong):
            VOLUME_FAMILIES["unet3d"].check(Network(described, ({**weights, **changed},)))
    with pytest.raises(ValueError, match="z_steps has 1 numbers, but 3 levels have one less"):
        UNet3DDescription(name="mine", features=(3, 4, 5), z_steps=(1,))


def test_targets_are_the_inside_the_outermost_voxels_and_all_of_each_cell():
    labels = np.zeros((5, 5, 9), int)
    labels[:, :, :4], labels[:, :, 4:8] = 1, 2
    inside, contour, mask = np.moveaxis(targets_of(labels), -1, 0)
    # No contour at the volume's own ends: the cells go on there.
    assert contour[2, 2].tolist() == [0, 0, 0, 1, 1, 0, 0, 1, 0]
    assert inside[2, 2].tolist() == [1, 1, 1, 0, 0, 1, 1, 0, 0]
    assert (mask == inside + contour).all()


def test_the_loss_falls_to_zero_as_predictions_become_right_and_dropout_matters(weights: Weights):
    labels = np.zeros((1, 4, 8, 8), int)
    labels[..., 4:] = 1
    targets = targets_of(labels[0])[None]
    pixels, none_dropped = np.zeros(labels.shape, np.float32), np.ones((1, KEPT), np.float32)
    loss = volume_loss(SIZES)
    still = {name: np.zeros_like(values) for name, values in weights.items()}
    # Without any weight each probability is a half, so the cross-entropy is log 2.
    voxels = targets[0].reshape(-1, 3)
    overlap = 1 - np.mean(
        [(voxels[:, n].sum() / 2 + 1) / (voxels[:, n].sum() / 2 + len(voxels) / 2 + 1) for n in range(3)]
    )
    assert float(loss(still, pixels, targets, none_dropped)) == pytest.approx(np.log(2) + 0.5 * overlap, rel=1e-5)
    random = np.random.default_rng(2).random(pixels.shape, np.float32)
    whole = float(loss(weights, random, targets, none_dropped))
    assert float(loss(weights, random, targets, 0 * none_dropped)) != pytest.approx(whole, rel=1e-3)


class TestParts:
    """Parts with their targets."""

    labels = np.kron(np.arange(1, 65).reshape(4, 4, 4), np.ones((9, 9, 9), int)).astype(np.int32)
    whole = TrainingVolume(targets_of(labels)[..., 1], labels)

    def drawn(self, *without: str, given: TrainingVolume = whole, seed: int = 1, sides=(16, 16, 16), count: int = 4):
        random = np.random.default_rng(seed)
        return PartSampler([given], sides, random, frozenset(without), SIZES, 0.5, count).draw()

    def test_without_augmentation_they_are_parts_of_the_volume(self):
        parts = self.drawn(*CHANGES)
        assert parts.volumes.shape == (4, 16, 16, 16)
        assert parts.targets.shape == (4, 16, 16, 16, 3)
        assert (parts.kept == 1).all()
        # The volume's pixels are its contours.
        assert (parts.targets[..., 1] == parts.volumes).all()

    def test_the_same_seed_draws_the_same(self):
        one, same, other = self.drawn(), self.drawn(), self.drawn(seed=2)
        assert all((a == b).all() for a, b in zip(one.arrays, same.arrays, strict=True))
        assert not (one.volumes == other.volumes).all()

    @pytest.mark.parametrize("name", CHANGES)
    def test_each_change_alone_keeps_volumes_and_targets_together(self, name: str):
        parts = self.drawn(*(change for change in CHANGES if change != name), count=12)
        contours = parts.targets[..., 1] > 0
        assert parts.volumes[contours].mean() > parts.volumes[~contours].mean() + 0.4
        plain = self.drawn(*CHANGES, count=12)
        assert any((a != b).any() for a, b in zip(parts.arrays, plain.arrays, strict=True))

    def test_dropped_features_are_made_up_for(self):
        kept = self.drawn(count=64).kept
        assert set(np.unique(kept)) == {0, 2}
        assert kept.mean() == pytest.approx(1, abs=0.1)

    def test_small_volumes_are_reflected(self):
        thin = TrainingVolume(self.whole.pixels[:3, :5], self.labels[:3, :5])
        parts = self.drawn(*CHANGES, given=thin, sides=(80, 80, 16))
        assert parts.volumes.shape[1:] == (4, 8, 16)
        assert (parts.targets[..., 2] == 1).all()
