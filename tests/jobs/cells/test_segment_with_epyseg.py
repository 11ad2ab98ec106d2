"""Segmentation with a network of EPySeg: the cells are those of EPySeg's own code, from file to labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import epifiji
from command_line import run
from epifiji.data.errors import WrongInputError
from epifiji.engine.networks.epyseg.model import Linknet
from epifiji.engine.networks.epyseg.passes import predict_maps
from epifiji.engine.networks.epyseg.refine import outlines_from
from epyseg_networks import REFERENCE, linknet_weights, tissue, write_hdf5

pytest.importorskip("skimage", minversion="0.25", reason="the lines of its watershed changed")


@pytest.fixture(scope="module")
def linknet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hdf5(tmp_path_factory.mktemp("networks") / "linknet.h5", linknet_weights())


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hdf5(tmp_path_factory.mktemp("networks") / "narrow.h5", linknet_weights(4, trained=False))


def require_cells(labels: np.ndarray, outlines: np.ndarray) -> None:
    """Require that labels are the regions between outlines, numbered in any order, and meet on the lines."""
    regions, count = ndimage.label(~outlines)
    pairs = np.unique(np.stack([regions[~outlines], labels[~outlines]]), axis=1)
    assert pairs.shape[1] == count == labels.max() > 20
    assert labels.all()


@pytest.mark.parametrize(("name", "dtype"), [("tiles", np.uint8), ("small", np.uint16), ("small", float)])
def test_cells_and_outlines_are_those_of_epyseg(linknet, tmp_path, name, dtype):
    with np.load(REFERENCE / "results.npz") as file:
        image, packed = file[f"{name}/image"], file[f"{name}/single/outlines"]
    outlines = np.unpackbits(packed)[: image.size].reshape(image.shape).astype(bool)
    found = epifiji.segment(image.astype(dtype), network=linknet)
    assert found.labels.shape == (1, *image.shape)
    require_cells(found.labels[0], outlines)
    assert (next(found.outlines()) == outlines).all()
    folder = found.save(out=tmp_path)
    (written,) = folder.rglob("handCorrection.tif")
    assert (tifffile.imread(written) == 255 * outlines.astype(np.uint8)).all()
    assert not [notice for notice in found.notices if "estimated" in notice]


def test_flips_average_the_maps_that_the_outlines_are_made_of(narrow):
    """The averaged maps, and their outlines, are compared with EPySeg's own in the tests of the engine."""
    image, _ = tissue((90, 100), 3)
    network = Linknet((linknet_weights(4, trained=False),))
    expected = [outlines_from(predict_maps(network, image, flips)) for flips in (False, True)]
    found = [epifiji.segment(image.astype(np.uint16), network=narrow, flips=flips) for flips in (False, True)]
    assert [next(one.outlines()).tolist() for one in found] == [one.tolist() for one in expected]
    assert (expected[0] != expected[1]).any()


def test_an_imported_network_segments_by_its_name_on_the_command_line(linknet, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    with np.load(REFERENCE / "results.npz") as file:
        image, packed = file["small/image"], file["small/single/outlines"]
    tifffile.imwrite(tmp_path / "disc.tif", image)
    assert run(["networks", "import", str(linknet), "--name", "my_epyseg"], monkeypatch, capsys)[0] == 0
    code, said, _ = run(["segment", str(tmp_path / "disc.tif"), "--network", "my_epyseg"], monkeypatch, capsys)
    assert code == 0, said
    written = tifffile.imread(tmp_path / "disc_cells" / "disc" / "handCorrection.tif")
    assert (written > 0).ravel().tolist() == np.unpackbits(packed)[: image.size].astype(bool).tolist()


@pytest.mark.parametrize("name", ["seed_height", "merge_below", "tissue_threshold", "least_area"])
def test_settings_of_another_separation_are_refused(narrow, name):
    with pytest.raises(WrongInputError, match=f"{name} is specified, but cells of narrow are separated by EPySeg's"):
        epifiji.segment(np.zeros((40, 50)), network=narrow, **{name: 0.5})


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (257, 9), (289, 40)])
def test_images_of_any_size_keep_their_size(narrow, shape):
    image = np.random.default_rng(0).integers(0, 99, shape)
    assert epifiji.segment(image, network=narrow).labels.shape == (1, *shape)


def test_level_and_unit_do_not_matter(narrow):
    image, _ = tissue((90, 100), 3)
    plain = epifiji.segment(image, network=narrow).labels[0]
    for other in (image.astype(np.float32) - 500, image * 1e300, image * 1e-300, image.astype(np.int64) * 10**16):
        assert (epifiji.segment(other, network=narrow).labels[0] == plain).all()
    assert plain.max() > 1


def test_an_image_of_one_value_has_no_cells(narrow):
    assert not epifiji.segment(np.full((50, 60), 7, np.uint8), network=narrow).labels[0].any()


def test_nothing_is_estimated_as_images_are_not_rescaled(narrow):
    image, _ = tissue((90, 100), 3)
    labels = [epifiji.segment(image, network=narrow, **more).labels[0] for more in ({}, {"cell_diameter": 5})]
    assert (labels[0] == labels[1]).all()


def test_dark_borders_are_inverted(linknet):
    with np.load(REFERENCE / "results.npz") as file:
        image, packed = file["small/image"], file["small/single/outlines"]
    outlines = np.unpackbits(packed)[: image.size].reshape(image.shape).astype(bool)
    found = epifiji.segment(255 - image, network=linknet, borders="dark", cell_diameter=25)
    require_cells(found.labels[0], outlines)
