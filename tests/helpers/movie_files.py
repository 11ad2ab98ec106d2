"""Movie files that several tests make, a comparison of their pixels, and the sentence of a refusal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie

FRAMES = np.random.default_rng(3).integers(0, 60_000, (12, 21, 34)).astype(np.uint16)
"""Pixels of the movies that the tests write, (T, Y, X)."""


def save(path: Path, frames: np.ndarray = FRAMES, **options) -> Path:
    """Write a plain TIFF, by default without metadata."""
    tifffile.imwrite(path, frames, **{"photometric": "minisblack", "metadata": None, **options})
    return path


def write_zarr(folder: Path, pixels: np.ndarray = FRAMES, version: int = 2, inside: str = "", **options) -> Path:
    """Write an array, with one frame in each chunk."""
    import zarr

    chunks = options.pop("chunks", (1,) * (pixels.ndim - 2) + pixels.shape[-2:])
    array = zarr.create_array(
        folder,
        name=inside or None,
        shape=pixels.shape,
        dtype=pixels.dtype,
        chunks=chunks,
        zarr_format=version,
        **options,
    )
    array[...] = pixels
    return folder


def assert_same(path: Path | str, expected: np.ndarray = FRAMES, channel: int | None = None) -> Movie:
    """Read a movie, compare all its frames with an array, and return the movie."""
    movie = read_movie(path, channel)
    read = movie.frames(0, len(expected))
    assert movie.shape == expected.shape
    assert read.dtype == expected.dtype
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, expected)
    return movie


def refusal(path: Path | str, channel: int | None = None) -> str:
    """Return the message of a refusal, which has one line, no path twice and what to do after a colon."""
    with pytest.raises(WrongInputError) as refused:
        read_movie(path, channel)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence) < 400 + len(str(path))
    assert ": " in sentence
    return sentence


def two_ome_files(folder: Path) -> list[Path]:
    """Split FRAMES into two OME-TIFFs whose descriptions name both, as the OME model says."""
    paths = [folder / "first.ome.tif", folder / "second.ome.tif"]
    planes = "".join(
        f'<TiffData FirstT="{t}" IFD="{t % 6}" PlaneCount="1"><UUID FileName="{paths[t // 6].name}">urn:uuid:{t // 6}</UUID>'
        "</TiffData>"
        for t in range(12)
    )
    for i, path in enumerate(paths):
        description = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{i}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="34" SizeY="21" SizeZ="1" SizeC="1" '
            f'SizeT="12"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
        )
        save(path, FRAMES[6 * i : 6 * i + 6], description=description, ome=False)
    return paths
