"""Segmentation with a network of EPySeg: the cells are those of EPySeg's own code, from file to labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import epifiji
from epyseg_networks import REFERENCE, linknet_weights, write_hdf5

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


@pytest.mark.parametrize(
    ("name", "passes", "dtype"),
    [("tiles", "single", np.uint8), ("small", "averaged", np.uint16), ("small", "single", float)],
)
def test_cells_are_those_of_epyseg(linknet, name, passes, dtype):
    with np.load(REFERENCE / "results.npz") as file:
        image, packed = file[f"{name}/image"], file[f"{name}/{passes}/outlines"]
    outlines = np.unpackbits(packed)[: image.size].reshape(image.shape).astype(bool)
    found = epifiji.segment(image.astype(dtype), network=linknet, flips=passes == "averaged", cell_diameter=25)
    assert found.labels.shape == (1, *image.shape)
    require_cells(found.labels[0], outlines)


def test_dark_borders_are_inverted(linknet):
    with np.load(REFERENCE / "results.npz") as file:
        image, packed = file["small/image"], file["small/single/outlines"]
    outlines = np.unpackbits(packed)[: image.size].reshape(image.shape).astype(bool)
    found = epifiji.segment(255 - image, network=linknet, borders="dark", cell_diameter=25)
    require_cells(found.labels[0], outlines)
