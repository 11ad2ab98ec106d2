"""Reading movies from TIFF and HDF5 files and Zarr folders, and writing them as ImageJ TIFFs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.image import FileState, Image
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.files.movies.frames import Planes, readable, require_channel_number
from epifiji.files.movies.hdf5 import is_hdf5, open_hdf5
from epifiji.files.movies.pictures import PICTURE_STARTS, open_picture
from epifiji.files.movies.sequences import (
    is_sequence,
    open_sequence,
    sequence_files,
    sequence_name,
    sequence_sha256,
    sequence_state,
    state_of_files,
)
from epifiji.files.movies.tiff import open_tiff
from epifiji.files.movies.zarr_movies import open_zarr
from epifiji.files.movies.zarr_store import is_zarr, readable_store, split_zarr_path, store_files
from epifiji.files.storage.atomic import is_staged, replacing

HDF5_PATH = re.compile(r"(?P<file>.+?\.(?:h5|hdf5|hdf))(?::(?P<dataset>.*))?", re.IGNORECASE | re.DOTALL)
EXTENSION = re.compile(r"(?:\.ome)?\.(?:tiff?|btf|tf8|lsm|stk|h5|hdf5|hdf|ims|zarr)$", re.IGNORECASE)

ZIPPED_ZARR = re.compile(r"\.(?:zarr(?:\.zip)?|ozx)$", re.IGNORECASE)
ADDRESS = re.compile(r"(?:https?|ftp|file|s3|gs|gcs|az|abfs):/", re.IGNORECASE)

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HDF5_START = b"\x89HDF\r\n\x1a\n"
OTHER_STARTS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF",
    b"BM": "a BMP picture",
    b"PK\x03\x04": "a zip",
    b"RIFF": "an AVI film",
    b"\0\0\0\x0cjP": "a JPEG 2000 picture",
    b"\x93NUMPY": "a numpy array",
    b"%PDF": "a PDF",
    b"ZISRAWFILE": "a Zeiss CZI file",
    b"\x70\0\0\0": "a Leica LIF file",
    b"\xda\xce\xbe\x0a": "a Nikon ND2 file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a microscope's file such as OIB or ZVI",
}
NOT_THE_MOVIE = {
    b"version https://": "a pointer of Git LFS instead of the movie: download the movie itself (git lfs pull)",
    b"<!doctype": "a web page, as failed downloads are: download the movie again",
    b"<html": "a web page, as failed downloads are: download the movie again",
    b"\x1f\x8b": "compressed (gzip): unpack it",
}
"""Files that are not movies, with what to do."""

LARGEST_CLASSIC_TIFF = 2**32 - 2**25
"""Size of pixels in bytes above which ImageJ's own TIFFs have a single page header, because positions are 32-bit numbers."""

LARGEST_EXACT_FLOAT32 = 2**24

COLOUR_MAP = 320
"""Code of the tag ColorMap."""

MOST_ROUNDED = 1e-3
"""Largest rounding of doubles to single precision that is accepted, as a fraction of the range of values."""


def split_path(path: str | Path) -> tuple[Path, str | None]:
    r"""Split ``file.h5:/dataset`` into file and dataset (None without one); the colon of ``C:\`` does not begin a dataset.

    The same for Zarr folders, as ``movie.zarr/0`` or ``movie.zarr:/0``.
    """
    match = HDF5_PATH.fullmatch(str(path))
    if match is None:
        return split_zarr_path(path) or (Path(path), None)
    dataset = (match["dataset"] or "").replace("\\", "/")
    return Path(match["file"]), dataset or None


def movie_name(path: str | Path) -> str:
    """Return the name for results: the file's, without extension and dataset, or that of a sequence."""
    if is_sequence(path):
        return sequence_name(path)
    name = split_path(path)[0].name
    return (EXTENSION.sub("", name) if EXTENSION.search(name) else Path(name).stem) or "movie"


def file_sha256(path: str | Path) -> str:
    """Compute the SHA-256 of a movie's file (the whole file, whatever the dataset), or of all files of a sequence.

    That of a Zarr folder is made of the names and hashes of its files.
    """
    if is_sequence(path):
        return sequence_sha256(path)
    file = split_path(path)[0]
    if is_zarr(file):
        return _store_sha256(file)
    with readable(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _store_sha256(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in store_files(folder):
        with readable_store(folder), file.open("rb") as stream:
            digest.update(
                f"{file.relative_to(folder).as_posix()}\n{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode()
            )
    return digest.hexdigest()


def file_state(path: str | Path) -> FileState:
    """Return the state of a movie's file, or of all files of a sequence or Zarr folder, which differs after any change to it."""
    if is_sequence(path):
        return sequence_state(path)
    file = split_path(path)[0]
    if is_zarr(file):
        return state_of_files(file, store_files(file))
    known = file.stat()
    return known.st_size, known.st_mtime_ns, known.st_ctime_ns, known.st_ino


def is_there(path: str | Path) -> bool:
    """Return whether a movie's file or Zarr folder, or the files of a sequence, exist."""
    if is_sequence(path):
        return bool(sequence_files(path))
    file = split_path(path)[0]
    return file.is_file() or (is_zarr(file) and any(True for _ in store_files(file)))


def open_movie(
    movie: Movie | np.ndarray | str | Path,
    channel: int | None = None,
    least_frames: int = MIN_FRAMES,
    over_z: Planes = "time",
) -> Movie:
    """Return a movie unchanged, read a file, or wrap an array (T, Y, X); see :func:`epifiji.data.image.stack_of`.

    Raises
    ------
    WrongInputError
        If it is none of these, or too short, as :func:`read_movie`, or a channel of an array is requested.
    """
    if isinstance(movie, Movie):
        return movie.require_frames(least_frames)
    if isinstance(movie, Image):
        raise WrongInputError(
            f"{movie.name} has the axes {movie.axes}, but a movie has frames (TYX): give one plane over time."
        )
    if isinstance(movie, str | Path):
        return read_movie(movie, channel, least_frames, over_z)
    opened = Movie(movie).require_frames(least_frames)
    if channel not in (None, 1):
        raise WrongInputError(
            f"channel is {channel}, but an array (T, Y, X) has one channel: use that channel's array, and leave channel out."
        )
    return opened


def read_movie(
    path: str | Path, channel: int | None = None, least_frames: int = MIN_FRAMES, over_z: Planes = "time"
) -> Movie:
    """Open a movie; its frames are read from the file when sliced.

    The formats ImageJ TIFF, OME-TIFF, plain and compressed multi-page TIFF, BigTIFF, HDF5, OME-Zarr and Zarr are recognised
    by their content.

    Parameters
    ----------
    path
        The file; a dataset of an HDF5 file as ``file.h5:/dataset``, which is optional if there is only one; a Zarr folder,
        or an image in it as ``movie.zarr/0``. Or a folder or pattern of TIFF files with one frame each, such as
        ``frames/*.tif``.
    channel
        Channel to read, counted from 1 as in ImageJ; required if there are several.
    least_frames
        Fewest frames that are needed. Default: the fewest in which events are detected. With 1 a still image is a movie
        of one frame; it may be a PNG or JPEG file.
    over_z
        What is done with several planes (Z); see :func:`epifiji.files.movies.frames.pick`.

    Returns
    -------
    movie
        Its `notices` report how the file was interpreted if that is not obvious, such as Z taken as time.

    Raises
    ------
    WrongInputError
        If the file is missing, damaged, truncated, not TIFF, HDF5 or Zarr, is not on this computer, is not one grey plane
        over time, or has too few frames.
    """
    require_channel_number(channel)
    if isinstance(path, str) and ADDRESS.match(path):
        raise WrongInputError(
            f"{path} is an address, but movies are read from this computer's folders: download it first."
        )
    path = path_from(path, "the movie")
    if is_sequence(path):
        with readable(Path(path)):
            movie = open_sequence(Path(path), channel).require_frames(least_frames)
            movie.frames(0, 1)
            return replace(movie, file_state=file_state(path))
    file, dataset = split_path(path)
    with readable_store(file) if split_zarr_path(file) or is_zarr(file) else readable(file):
        state = file_state(file) if is_there(file) else None
        movie = replace(_open(file, dataset, channel, least_frames, over_z), file_state=state).require_frames(
            least_frames
        )
        # Decoding one frame now detects a missing codec before anything is computed.
        movie.frames(0, 1)
    return movie


def _open(file: Path, dataset: str | None, channel: int | None, least_frames: int, over_z: Planes) -> Movie:
    if is_zarr(file):
        return open_zarr(file, dataset, movie_name(file), channel, least_frames, over_z)
    if file.exists() and not file.is_file():
        raise WrongInputError(f"{file} is not an ordinary file, but a TIFF or HDF5 file was expected: use one file.")
    with file.open("rb") as stream:
        start = stream.read(16)
    if not start:
        raise WrongInputError(f"{file} is empty (0 bytes), but a TIFF or HDF5 file was expected: copy it again.")
    if start.startswith(TIFF_STARTS):
        if dataset is not None:
            raise WrongInputError(f"{file} is a TIFF, but only HDF5 files have datasets: leave out :{dataset}.")
        return open_tiff(file, movie_name(file), channel, least_frames, over_z)
    # A file may begin with a block of another program before the HDF5 part, as MATLAB's do.
    if start.startswith(HDF5_START) or is_hdf5(file):
        return open_hdf5(file, dataset, movie_name(file), channel, least_frames, over_z)
    if least_frames == 1 and start.startswith(PICTURE_STARTS):
        return open_picture(file, movie_name(file), channel)
    other = next((what for known, what in NOT_THE_MOVIE.items() if start.lower().startswith(known.lower())), None)
    if other is not None:
        what, _, do = other.partition(": ")
        raise WrongInputError(f"{file} is {what}, but a TIFF or HDF5 file was expected: {do}.")
    if start.startswith(b"PK") and ZIPPED_ZARR.search(file.name):
        raise WrongInputError(f"{file} is a zipped Zarr folder, but the folder itself is read: unpack it.")
    kind = next((kind for known, kind in OTHER_STARTS.items() if start.startswith(known)), "something else")
    raise WrongInputError(
        f"{file} is {kind}, but a TIFF or HDF5 file was expected: open it in Fiji and save it with "
        "File > Save As > Tiff..."
    )


def write_movie(movie: Image, path: str | Path) -> None:
    """Write a movie (TYX) or a volume (ZYX) as an ImageJ TIFF with its axes, sizes of a voxel and frame interval.

    Frames or planes are read and written piece by piece. ImageJ knows unsigned 8 and 16 bit and 32-bit floats; all other types
    are converted to 32-bit floats. The file appears under its name only when it is complete.

    Parameters
    ----------
    movie
        The movie or volume.
    path
        A file that does not exist, in a folder that does.

    Raises
    ------
    WrongInputError
        If the file exists or cannot be written, or the movie has integers above 2^24, which 32-bit floats round.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise WrongInputError(
            f"{path.parent} is not a folder, but {path.name} is to be written into it: make it first."
        )
    try:
        if path.exists():
            raise WrongInputError(
                f"{path} exists already, but nothing is overwritten: choose another name or remove it."
            )
        with replacing(path) as part:
            _write_imagej(movie, part)
    except OSError as error:
        if is_staged(path):
            # The caller knows the file's final name.
            raise
        raise WrongInputError(
            f"{path} could not be written ({error.strerror or error}): check the disk's space and your permission."
        ) from error


def _write_imagej(movie: Image, path: Path) -> None:
    dtype = _imagej_dtype(movie.dtype)
    count, height, width = movie.shape
    write_stack(path, _planes(movie, dtype), (count, height, width), dtype, movie.spacing)


def write_stack(
    path: Path,
    frames: Iterator[np.ndarray],
    shape: tuple[int, int, int],
    dtype: np.dtype[np.generic],
    spacing: Mapping[str, float | None],
    shown: tuple[float, float] | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """Write frames (T, Y, X) or planes (Z, Y, X) as an ImageJ TIFF, one by one.

    Parameters
    ----------
    dtype
        uint8, uint16 or float32.
    spacing
        Distance along each axis, by its letter in the order of the axes: s along T, µm along the others; None if unknown.
    shown
        Values that are shown in the first and the last colour. Default: ImageJ's own choice.
    colours
        Lookup table (3, 256) of red, green and blue, uint8. Default: grey.
    """
    metadata: dict[str, Any] = {"axes": "".join(spacing)}
    pixels_per_unit = None
    width, height = spacing["X"], spacing["Y"] or spacing["X"]
    if width and height:
        metadata["unit"] = "um"
        pixels_per_unit = (1 / width, 1 / height)
    if interval := spacing.get("T"):
        metadata["finterval"] = interval
    if depth := spacing.get("Z"):
        metadata |= {"spacing": depth, "unit": "um"}
    if shown is not None:
        metadata |= {"min": shown[0], "max": shown[1]}
    # ImageJ itself stores the colours of 16- and 32-bit images in this tag, of which other programs take no notice.
    tags = [] if colours is None else [(COLOUR_MAP, "H", colours.size, (257 * colours.astype(np.uint16)).ravel(), True)]
    size = int(np.prod(shape)) * dtype.itemsize
    tifffile.imwrite(
        path,
        frames,
        shape=shape,
        dtype=dtype,
        imagej=True,
        ome=False,
        truncate=size > LARGEST_CLASSIC_TIFF,
        resolution=pixels_per_unit,
        metadata=metadata,
        extratags=tags,
    )


def _imagej_dtype(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return dtype if dtype in (np.uint8, np.uint16) else np.dtype(np.float32)


def _planes(movie: Image, dtype: np.dtype[np.generic]) -> Iterator[np.ndarray]:
    for _, frames in movie.chunks():
        if frames.dtype.kind in "iu" and frames.dtype.itemsize >= 4:
            largest = max(abs(int(frames.min())), abs(int(frames.max())))
            if largest > LARGEST_EXACT_FLOAT32:
                raise WrongInputError(
                    f"{movie.name} has whole numbers up to {largest} or more, but ImageJ's 32-bit floats keep them "
                    f"exactly only to {LARGEST_EXACT_FLOAT32}: scale the movie down."
                )
        with np.errstate(over="ignore"):
            written = frames.astype(dtype, copy=False)
        if frames.dtype == np.float64:
            _require_kept(movie.name, frames, written)
        yield from written


def _require_kept(name: str, frames: np.ndarray, written: np.ndarray) -> None:
    """Refuse doubles that single precision makes infinite, or rounds by a visible fraction of their range."""
    finite = np.isfinite(frames)
    if not finite.any():
        return
    values, kept = frames[finite], written[finite]
    # Halves, because the range of the largest doubles overflows.
    span = float(values.max() / 2 - values.min() / 2)
    if not np.isfinite(kept).all() or np.abs(values / 2 - kept.astype(np.float64) / 2).max() > MOST_ROUNDED * span > 0:
        raise WrongInputError(
            f"{name} has values from {values.min():g} to {values.max():g}, whose differences ImageJ's 32-bit floats do "
            "not keep: subtract an offset or scale the movie."
        )
