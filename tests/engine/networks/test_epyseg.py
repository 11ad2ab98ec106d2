"""EPySeg's networks: the maps and outlines are those of EPySeg's own code, which tests/reference_files/epyseg explains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from scipy import ndimage

from epifiji.data.cell_networks import EPySegDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.linknet import MAPS
from epifiji.data.network import Network
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.cells.outlines import label_regions
from epifiji.engine.networks.epyseg.family import EPySegFamily
from epifiji.engine.networks.epyseg.model import GRAIN_PX, Linknet, array_shapes
from epifiji.engine.networks.epyseg.passes import predict_maps
from epifiji.engine.networks.epyseg.refine import outlines_from
from epifiji.engine.networks.epyseg.tiles import Tiling, scaled, spans
from epyseg_networks import REFERENCE, layers, linknet_weights, random_maps

TOLERANCE = 5e-5
"""Processors with other instructions round sums of convolutions otherwise: up to 1.6e-5 was seen."""
STEP = 9
WIDTH = 4
"""A narrow network for tests that compare with nothing."""

DESCRIPTION = EPySegDescription(name="linknet")
SETTINGS = SegmentationSettings()

pytest.importorskip("skimage", minversion="0.25", reason="the lines of its watershed changed")


@pytest.fixture(scope="module")
def results() -> Mapping[str, np.ndarray]:
    with np.load(REFERENCE / "results.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def linknet() -> Linknet:
    return Linknet((linknet_weights(),))


@pytest.fixture(scope="module")
def narrow() -> Linknet:
    return Linknet((linknet_weights(WIDTH, trained=False),))


def outlines_of(results: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(results[f"{name}/outlines"])[: int(np.prod(shape))].reshape(shape).astype(bool)


class TestEqualityWithEPySeg:
    @pytest.mark.parametrize(("name", "passes"), [("tiles", "single"), ("small", "single"), ("small", "averaged")])
    def test_maps_and_outlines_of_an_image(self, results, linknet, name, passes):
        image = results[f"{name}/image"]
        maps = predict_maps(linknet, image, passes == "averaged")
        assert maps.shape == (*image.shape, len(MAPS))
        assert maps.dtype == np.float32
        expected = results[f"{name}/{passes}/maps"]
        assert np.ptp(expected, axis=(0, 1)).min() > 0.9
        np.testing.assert_allclose(maps[::STEP, ::STEP], expected, rtol=0, atol=TOLERANCE)
        assert (outlines_from(maps) == outlines_of(results, f"{name}/{passes}", image.shape)).all()

    def test_outlines_of_the_networks_maps(self, results):
        maps = results["levels/maps"].astype(np.float32) / np.float32(255)
        assert (outlines_from(maps) == outlines_of(results, "levels", maps.shape[:2])).all()

    @pytest.mark.parametrize("seed", range(8))
    def test_outlines_of_random_maps_with_gaps_and_loose_ends(self, results, seed):
        shape = tuple(int(side) for side in results[f"random/{seed}/shape"])
        expected = outlines_of(results, f"random/{seed}", shape)
        maps = random_maps(shape, seed).astype(np.float32) / np.float32(255)
        assert expected.any()
        assert (outlines_from(maps) == expected).all()


class TestTiles:
    @pytest.mark.parametrize(
        ("length", "side", "parts"),
        [
            (1, 256, [(0, 0, 1)]),
            (256, 256, [(0, 0, 256)]),
            (257, 288, [(0, 0, 257)]),
            (288, 288, [(0, 0, 288)]),
            (289, 288, [(0, 0, 272), (256, 272, 289)]),
            (544, 288, [(0, 0, 272), (256, 272, 544)]),
            (545, 288, [(0, 0, 272), (256, 272, 528), (512, 528, 545)]),
        ],
    )
    def test_an_axis_is_cut_at_multiples_of_256(self, length, side, parts):
        found, cut = spans(length)
        assert found == side
        assert [(span.start, span.first, span.last) for span in cut] == parts

    @pytest.mark.parametrize("shape", [(1, 1), (5, 300), (257, 40), (289, 545)])
    def test_tiles_are_put_together_without_loss(self, shape):
        image = np.random.default_rng(0).random(shape).astype(np.float32)
        tiling, placed = Tiling(shape), np.full((*shape, 1), np.nan, np.float32)
        for tile in tiling:
            cut = tiling.cut(image, tile)
            assert cut.shape == tiling.tile_shape
            assert not any(side % GRAIN_PX for side in cut.shape)
            tiling.place(placed, tile, cut[..., None])
        assert (placed[..., 0] == image).all()

    def test_what_lies_beyond_the_image_is_reflected(self):
        image = np.arange(3, dtype=np.float32)[:, None]
        cut = Tiling((3, 1)).cut(image, next(iter(Tiling((3, 1)))))
        assert cut[:8, 0].tolist() == [0, 1, 2, 2, 1, 0, 0, 1]

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
    def test_an_image_of_any_type_is_scaled_from_0_to_1(self, dtype):
        assert scaled(np.array([[3, 5, 11]], dtype)).tolist() == [[0, 0.25, 1]]
        assert scaled(np.full((2, 2), 7, dtype)).tolist() == [[0, 0], [0, 0]]


class TestPasses:
    def test_without_averaging_each_tile_is_predicted_once(self):
        seen = []

        def model(tiles: np.ndarray) -> np.ndarray:
            seen.append(tiles.shape)
            return np.repeat(tiles[..., None], len(MAPS), -1)

        image = np.random.default_rng(1).integers(0, 200, (300, 40))
        maps = predict_maps(model, image, averaged=False)
        assert seen == [(1, 288, 256)] * 2
        assert (maps[..., 3] == scaled(image)).all()

    @pytest.mark.parametrize(("shape", "count"), [((40, 50), 13), ((300, 40), 9)])
    def test_rotations_and_reflections_are_undone(self, shape, count):
        image = np.random.default_rng(2).integers(0, 200, shape)
        seen = []

        def model(tiles: np.ndarray) -> np.ndarray:
            seen.append(tiles)
            return np.repeat(tiles[..., None], len(MAPS), -1)

        maps = predict_maps(model, image, averaged=True)
        assert len(seen) == count * len(list(Tiling(shape)))
        pixels = scaled(image).astype(np.float64)
        stretched = [np.clip((pixels - low) / (high - low), 0, 1) for low, high in _ranges(pixels, shape)]
        others = [0.9 * pixels**0.8, np.log2(1 + pixels), 1 / (1 + np.exp(5 * (0.5 - pixels)))]
        expected = ((count - 5) * pixels + sum(stretched) + sum(others)) / count
        np.testing.assert_allclose(maps[..., 0], expected, atol=1e-6)


def _ranges(pixels: np.ndarray, shape: tuple[int, int]) -> list[tuple[float, float]]:
    tiling = Tiling(shape)
    everything = np.stack([tiling.cut(pixels, tile) for tile in tiling])
    return [tuple(np.percentile(everything, limits)) for limits in ((0.9, 98), (5, 95))]


class TestModel:
    def test_the_layers_are_those_of_the_reference(self):
        expected = {f"{name}/{part}": shape for name, parts in layers() for part, shape in parts.items()}
        assert array_shapes(64) == expected
        assert sum(int(np.prod(shape)) for shape in expected.values()) == 20_324_855

    def test_a_tile_does_not_depend_on_the_others(self, narrow):
        tiles = np.random.default_rng(3).random((3, 64, 96)).astype(np.float32)
        together = narrow(tiles)
        assert together.shape == (3, 64, 96, 7)
        np.testing.assert_allclose(together[1], narrow(tiles[1:2])[0], rtol=0, atol=TOLERANCE)

    def test_members_are_averaged(self, narrow):
        weights = [linknet_weights(WIDTH, seed, trained=False) for seed in (5, 6)]
        tiles = np.random.default_rng(4).random((1, 32, 32)).astype(np.float32)
        both = [Linknet((one,))(tiles) for one in weights]
        np.testing.assert_allclose(Linknet(tuple(weights))(tiles), (both[0] + both[1]) / 2, rtol=0, atol=TOLERANCE)

    @pytest.mark.parametrize(
        ("name", "values", "said"),
        [
            ("block1_conv1/kernel", None, "block1_conv1/kernel is missing"),
            (
                "block1_conv1/kernel",
                np.zeros((3, 3, 3, WIDTH)),
                r"has the shape \(3, 3, 3, 4\) instead of \(3, 3, 1, 4\)",
            ),
            ("head/kernel", np.zeros((3, 3, 1, 1)), r"head/kernel has the shape"),
            ("center_block1_bn/mean", np.full(32, np.nan), "does not consist of finite 32-bit numbers"),
            ("center_block1_bn/variance", np.full(32, -1.0), "has negative values"),
            ("more/kernel", np.zeros(1), "more/kernel is unexpected"),
        ],
    )
    def test_wrong_arrays_are_refused(self, name, values, said):
        weights = linknet_weights(WIDTH, trained=False)
        weights.pop(name, None)
        if values is not None:
            weights[name] = values.astype(np.float32)
        with pytest.raises(WrongInputError, match=f"member 0.* are not those of a network of EPySeg.*{said}"):
            EPySegFamily().check(Network(DESCRIPTION, (weights,)))


class TestCells:
    def test_cells_are_the_regions_between_outlines_and_meet(self, results):
        maps = results["levels/maps"].astype(np.float32) / np.float32(255)
        cells = EPySegFamily().separate(maps, DESCRIPTION, 25, SETTINGS)
        outlines = outlines_of(results, "levels", maps.shape[:2])
        regions, count = ndimage.label(~outlines)
        assert cells.labels.dtype == np.int32
        pairs = np.unique(np.stack([regions[~outlines], cells.labels[~outlines]]), axis=1)
        assert pairs.shape[1] == count == cells.labels.max()
        assert cells.labels.min() == 1
        assert (cells.tissue == (cells.labels > 0)).all()
        assert (cells.border == maps[..., 0]).all()

    @pytest.mark.parametrize("level", [0, 0.5, 1])
    def test_constant_maps_show_no_cells(self, level):
        maps = np.full((40, 50, 7), level, np.float32)
        cells = EPySegFamily().separate(maps, DESCRIPTION, 25, SETTINGS)
        assert not cells.labels.any()
        assert not cells.tissue.any()

    def test_a_wide_region_at_the_edge_is_no_tissue(self):
        lines = np.zeros((120, 120), bool)
        lines[:61:12, :61] = lines[:61, :61:12] = True
        labels = label_regions(lines)
        assert labels.max() == 25
        assert labels[:60, :60].all()
        assert not labels[62:].any()

    def test_regions_are_kept_however_few_or_small(self):
        lines = np.zeros((9, 9), bool)
        lines[2:5, 2:5] = True
        lines[3, 3] = False
        labels = label_regions(lines)
        assert labels.max() == 2
        assert labels[3, 3] != labels[0, 0]
