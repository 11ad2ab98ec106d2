"""Volumes in files: stacks of planes (Z) with the sizes of a voxel."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.files.movies.movie_file import read_movie


def read_volume(path: str | Path, channel: int | None = None) -> Image:
    """Open a volume (Z, Y, X), such as a stack of a cyst; its planes are read from the file when sliced.

    The formats are those of :func:`epifiji.files.movies.movie_file.read_movie`. Pages or axes without names are planes, and so
    are time points if there is one plane, with a notice. The sizes of a voxel, which may differ along Z, Y and X, are kept.

    Parameters
    ----------
    path
        The file; a dataset of an HDF5 file as ``file.h5:/dataset``; a Zarr folder, or an image in it as ``stack.zarr/0``.
        Or a folder or pattern of TIFF files with one plane each.
    channel
        Channel to read, counted from 1 as in ImageJ; required if there are several.

    Returns
    -------
    volume
        With the axes ZYX. Its `notices` report how the file was interpreted if that is not obvious.

    Raises
    ------
    WrongInputError
        If the file cannot be read as a movie's could, has a single plane, or several volumes over time.
    """
    read = read_movie(path, channel, 1, "volume")
    if len(read) < 2:
        raise WrongInputError(f"{path} has a single plane, but a volume has several (Z): give a stack of planes.")
    return Image(
        read.pixels,
        read.name,
        pixel_size_um=read.pixel_size_um,
        pixel_height_um=read.pixel_height_um,
        voxel_depth_um=read.voxel_depth_um,
        path=read.path,
        notices=read.notices,
        layout=read.layout,
        file_state=read.file_state,
        axes="ZYX",
    )
