"""Volumes from files: planes in order, sizes of a voxel along all axes, and sentences for what is no volume."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.movies.volume_file import read_volume

PIXELS = np.random.default_rng(3).integers(0, 60000, (7, 12, 14), np.uint16)
SIZES = {"Z": 0.9, "Y": 0.25, "X": 0.3}


def saved(form: str, folder: Path) -> Path | str:
    """The volume with its sizes in one of the formats."""
    z, y, x = SIZES.values()
    if form == "imagej":
        metadata = {"axes": "ZYX", "spacing": z, "unit": "um"}
        tifffile.imwrite(folder / "a.tif", PIXELS, imagej=True, resolution=(1 / x, 1 / y), metadata=metadata)
        return folder / "a.tif"
    if form == "ome":
        metadata = {
            "axes": "ZYX",
            "PhysicalSizeX": x,
            "PhysicalSizeY": y,
            "PhysicalSizeZ": 900,
            "PhysicalSizeZUnit": "nm",
        }
        tifffile.imwrite(folder / "a.ome.tif", PIXELS, ome=True, metadata=metadata, compression="zlib")
        return folder / "a.ome.tif"
    if form == "hdf5":
        with h5py.File(folder / "a.h5", "w") as file:
            file["raw"] = PIXELS
            file["raw"].attrs["element_size_um"] = (z, y, x)
            file["label"] = PIXELS
        return f"{folder / 'a.h5'}:/raw"
    if form == "zarr":
        group = zarr.open_group(folder / "a.zarr", mode="w", zarr_format=2)
        group.create_array("0", data=PIXELS[None], chunks=(1, 4, 8, 8))
        axes = [{"name": "c", "type": "channel"}] + [{"name": a, "unit": "micrometer", "type": "space"} for a in "zyx"]
        scale = [{"type": "scale", "scale": [1, z, y, x]}]
        levels = [{"path": "0", "coordinateTransformations": scale}]
        described = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
        (folder / "a.zarr" / ".zattrs").write_text(json.dumps(described))
        return folder / "a.zarr"
    write_movie(Image(PIXELS, axes="ZYX", pixel_size_um=x, pixel_height_um=y, voxel_depth_um=z), folder / "a.tif")
    return folder / "a.tif"


@pytest.mark.parametrize("form", ["imagej", "ome", "hdf5", "zarr", "own"])
def test_planes_and_sizes_are_kept(form: str, tmp_path: Path) -> None:
    volume = read_volume(saved(form, tmp_path))
    assert (volume.axes, volume.shape, volume.name) == ("ZYX", PIXELS.shape, "a")
    assert volume.spacing == pytest.approx(SIZES, rel=1e-5)
    assert not isinstance(volume.pixels, np.ndarray)
    assert np.array_equal(volume.part(2, 5), PIXELS[2:5])
    assert np.array_equal(volume.box((slice(1, 4), slice(3, 9), slice(0, 5))), PIXELS[1:4, 3:9, :5])
    assert not [notice for notice in volume.notices if "time" in notice]
    write_movie(volume, tmp_path / "again.tif")
    again = epifiji.read_volume(tmp_path / "again.tif")
    assert again.spacing == pytest.approx(SIZES, rel=1e-5)
    assert np.array_equal(again, PIXELS)


def test_pages_without_names_are_planes_of_unknown_size(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", PIXELS)
    volume = read_volume(tmp_path / "plain.tif")
    assert np.array_equal(volume, PIXELS)
    assert set(volume.spacing.values()) == {None}
    assert volume.notices == ()


def test_time_points_of_one_plane_are_planes_with_a_notice(tmp_path: Path) -> None:
    path = tmp_path / "frames.tif"
    tifffile.imwrite(path, PIXELS, imagej=True, metadata={"axes": "TYX"})
    (notice,) = read_volume(path).notices
    assert notice == f"{path} has 7 time points and one plane (Z): they were taken as planes."


def test_a_channel_is_chosen(tmp_path: Path) -> None:
    both = np.stack([PIXELS, PIXELS // 2], 1)
    tifffile.imwrite(tmp_path / "two.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    assert np.array_equal(read_volume(tmp_path / "two.tif", 2), PIXELS // 2)
    with pytest.raises(WrongInputError, match=r"has 2 channels, but one is needed: choose it with --channel N"):
        read_volume(tmp_path / "two.tif")


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        (
            (3, 4, 12, 14),
            "TZYX",
            "has 3 time points and 4 planes .Z., but one volume is used at a time: in Fiji keep one",
        ),
        ((12, 14), "YX", "has a single plane, but a volume has several .Z.: give a stack of planes"),
        ((6, 12, 14, 3), "ZYXS", r"is a colour \(RGB\) image"),
    ],
)
def test_what_is_no_volume_is_refused_in_a_sentence(shape: tuple, axes: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, np.zeros(shape, np.uint8), imagej=True, metadata={"axes": axes})
    with pytest.raises(WrongInputError, match=words):
        read_volume(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="does not exist"):
        read_volume(tmp_path / "nothing.tif")


def test_commands_for_movies_refuse_a_volume() -> None:
    volume = epifiji.simulate_cyst(cells=12, pixel_size_um=2, voxel_depth_um=2).volume
    for command in (epifiji.detect, epifiji.segment, epifiji.crop):
        arguments = (volume, []) if command is epifiji.crop else (volume,)
        with pytest.raises(WrongInputError, match="cyst_0 has the axes ZYX, but a movie has frames"):
            command(*arguments)


@pytest.mark.parametrize(
    ("header", "rows_per_unit", "depth_um"),
    [
        ({"spacing": 900, "zunit": "nm"}, 4, 0.9),
        ({"spacing": 0.9, "yunit": "nm"}, 1 / 250, 0.9),
        ({"spacing": 1, "zunit": "pixel"}, 4, None),
        ({"spacing": -0.9}, 4, 0.9),
    ],
)
def test_imagejs_units_of_single_axes(
    header: dict, rows_per_unit: float, depth_um: float | None, tmp_path: Path
) -> None:
    """ImageJ writes yunit and zunit if they differ from unit, and ignores the sign of the spacing."""
    known = {"axes": "ZYX", "unit": "micron", **header}
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, resolution=(4, rows_per_unit), metadata=known)
    assert read_volume(tmp_path / "a.tif").spacing == pytest.approx({"Z": depth_um, "Y": 0.25, "X": 0.25})


@pytest.mark.parametrize(("spacing", "said"), [(800, "800 µm apart (800 micron)"), (1e-6, "1e-06 µm apart")])
def test_an_implausible_distance_between_planes_is_not_used_and_reported(
    spacing: float, said: str, tmp_path: Path
) -> None:
    known = {"axes": "ZYX", "unit": "micron", "spacing": spacing}
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, resolution=(4, 4), metadata=known)
    volume = read_volume(tmp_path / "a.tif")
    assert volume.spacing == pytest.approx({"Z": None, "Y": 0.25, "X": 0.25})
    (notice,) = volume.notices
    assert f"has planes {said}" in notice
