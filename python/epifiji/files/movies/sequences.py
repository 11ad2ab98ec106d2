"""Movies with one file per frame, as Fiji's File > Import > Image Sequence opens them."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.image import FileState
from epifiji.data.movie import Movie
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.frames import inversion_notice, readable
from epifiji.files.movies.tiff import calibration_of, require_whole_chain
from epifiji.files.movies.tiff_frames import PagedFrames, Place
from epifiji.files.movies.tiff_series import shown_inverted
from epifiji.files.movies.zarr_store import is_zarr

FRAME_FILE = re.compile(r"\.(?:tiff?|btf|tf8)$", re.IGNORECASE)
WILDCARDS = re.compile(r"[*?\[]")


def is_pattern(path: str | Path) -> bool:
    """Return whether a path is a pattern of file names, such as ``frames/*.tif``, and not an existing file of that name."""
    return bool(WILDCARDS.search(str(path))) and not os.path.lexists(path)


def is_sequence(path: str | Path) -> bool:
    """Return whether a path means several files: a folder, or a pattern of names."""
    # Unlike pathlib's, this is False also if a folder on the way may not be entered.
    return is_pattern(path) or (os.path.isdir(path) and not is_zarr(path))  # noqa: PTH112


def sequence_files(path: str | Path) -> list[Path]:
    """List the files of a folder (its TIFFs) or a pattern in natural order: 2 before 10; empty without any."""
    found = _matching(path) if is_pattern(path) else _frame_files(Path(path))
    files = [file for file in found if file.is_file() and not file.name.startswith(".")]
    return sorted(files, key=lambda file: (_natural(str(file)), str(file)))


def _frame_files(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if FRAME_FILE.search(file.name)]


def _matching(pattern: str | Path) -> list[Path]:
    anchor = Path(pattern).anchor
    return list(Path(anchor or ".").glob(str(Path(pattern).relative_to(anchor))))


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", name.lower())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def sequence_name(path: str | Path) -> str:
    """Return the movie's name: the common part of all names of a pattern, else the folder's name."""
    if is_pattern(path):
        shared = re.sub(r"\[[^\]]*\]|[*?]+", "*", FRAME_FILE.sub("", Path(path).name))
        name = "_".join(part.strip("_-. ()") for part in shared.split("*") if part.strip("_-. ()"))
        if name:
            return name
        path = Path(path).parent
    return Path(path).resolve().name or "movie"


def sequence_sha256(path: str | Path) -> str:
    """Compute the SHA-256 of all files from the hashes of each."""
    digest = hashlib.sha256()
    for file in sequence_files(path):
        with readable(file), file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def sequence_state(path: str | Path) -> FileState:
    """Combine the states of all files into one, which changes with any of them; see :data:`epifiji.data.image.FileState`."""
    return state_of_files(path, sequence_files(path))


def state_of_files(path: str | Path, files: Iterable[Path]) -> FileState:
    """Combine the states of the files of a movie into one; `path` is the movie's."""
    known = [(file.name, file.stat()) for file in files]
    if not known:
        raise FileNotFoundError(str(path))
    numbers = hashlib.sha256(repr([(name, state.st_ino) for name, state in known]).encode()).digest()
    states = [state for _, state in known]
    return (
        sum(state.st_size for state in states),
        max(state.st_mtime_ns for state in states),
        max(state.st_ctime_ns for state in states),
        int.from_bytes(numbers[:6], "big"),
    )


def open_sequence(path: Path, channel: int | None) -> Movie:
    """Open a folder or a pattern of single frames as a movie whose frames are read when sliced.

    The calibration is that of the first file.

    Raises
    ------
    WrongInputError
        If there are no such files, one contains several images, or they differ in size or type.
    """
    files = sequence_files(path)
    if not files:
        if is_pattern(path):
            raise WrongInputError(
                f"No file has a name like {path}, but TIFF files with one frame each were expected: check the pattern."
            )
        raise WrongInputError(
            f"{path} is a folder, but a TIFF or HDF5 file was expected: specify one, or a folder of TIFF files with one frame "
            "each."
        )
    if channel is not None and channel > 1:
        raise WrongInputError(
            f"{path} has one channel in each file, but channel {channel} was asked for: leave it out, or specify a "
            "pattern that matches only the files of that channel."
        )
    places = [_place(file) for file in files]
    with readable(files[0]), tifffile.TiffFile(files[0]) as tif:
        first, series = tif.pages.first, tif.series[0]
        inverted = shown_inverted(tif, series, 1, files[0])
        calibration = calibration_of(tif, series)
        height, width = first.shape
        frames = PagedFrames(files[0], (len(files), height, width), series.dtype, places, inverted)
    frames.require_whole_pages()
    return Movie(
        frames,
        name=sequence_name(path),
        pixel_size_um=calibration.x_um,
        pixel_height_um=calibration.y_um,
        voxel_depth_um=calibration.z_um,
        frame_interval_s=calibration.interval_s,
        path=path,
        notices=(
            f"{path}: {len(files)} files were read as the frames of one movie, from {files[0].name} to {files[-1].name}.",
            *_gaps([file.name for file in files], path),
            *([inversion_notice(str(path))] if inverted else []),
            *calibration.notices(str(path)),
        ),
        layout=StackLayout("Z"),
    )


def _place(file: Path) -> Place:
    with readable(file):
        with file.open("rb") as stream:
            if stream.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
                raise WrongInputError(
                    f"{file} is not a TIFF, but each file of a movie in several files is a TIFF with one frame: "
                    "specify a pattern that matches only the frames, or open them in Fiji with File > Import > Image "
                    "Sequence... and save them as TIFF."
                )
        with tifffile.TiffFile(file) as tif:
            require_whole_chain(tif, file)
            page, pages = tif.pages.first, len(tif.pages)
            images = max(pages, (tif.imagej_metadata or {}).get("images", 1))
            if images > 1 or page.samplesperpixel > 1 or len(page.shape) != 2:
                held = f"{images} images" if images > 1 else f"{page.samplesperpixel} values in each pixel (colours)"
                raise WrongInputError(
                    f"{file} has {held}, but each file of a movie in several files has one grey frame: specify the name of a "
                    "single movie, or a pattern that matches only the frames."
                )
            return Place(file, page.offset, 0)


def _gaps(names: list[str], path: Path) -> tuple[str, ...]:
    """Report numbers that are missing in the names, or names that count two things such as time and channel."""
    parts = [re.split(r"(\d+)", name) for name in names]
    if len({(len(part), *part[::2]) for part in parts}) != 1:
        return ()
    counted = [sorted({int(part[i]) for part in parts}) for i in range(1, len(parts[0]), 2)]
    varying = [values for values in counted if len(values) > 1]
    if len(varying) == 2 and len(varying[0]) * len(varying[1]) == len(names):
        return (
            f"The names of {path} count two things, {len(varying[0])} x {len(varying[1])} files: if one of them is channels, "
            "planes or positions, specify a pattern that matches only one.",
        )
    if len(varying) != 1:
        return ()
    steps = [b - a for a, b in pairwise(varying[0])]
    step = min(steps)
    missing = [a + step for a, b in pairwise(varying[0]) if b - a > step]
    if not missing:
        return ()
    return (
        f"The numbers of {path} have {len(missing)} gap{'s' if len(missing) > 1 else ''}, the first at {missing[0]}: "
        "the frames around it were taken as consecutive.",
    )


def named_movies(given: list[str]) -> list[str]:
    """List the movies that a command line names, because shells differ in how they expand a pattern.

    A pattern of movies' names, which Windows does not expand, gives these movies; one of single frames is one movie.

    Raises
    ------
    WrongInputError
        If single frames were named one by one, as other shells expand a pattern without quotes.
    """
    movies: list[str] = []
    for name in given:
        files = sequence_files(name) if is_pattern(name) else []
        if not files and is_pattern(name):
            files = sorted(path for path in _matching(name) if is_zarr(path))
        movies += map(str, files) if files and not _holds_one_frame(files[0]) else [name]
    alike = len({(Path(file).parent, Path(file).suffix) for file in movies}) == 1
    if len(movies) > 1 and alike and all(_holds_one_frame(Path(file)) for file in (movies[0], movies[-1])):
        names = sorted(Path(file).name for file in movies)
        start = os.path.commonprefix(names).rstrip("0123456789")  # noqa: RUF071 -- letters of names, not folders
        pattern = Path(movies[0]).parent / f"{start}*{Path(movies[0]).suffix}"
        raise WrongInputError(
            f"{len(movies)} files with one frame each were named ({names[0]} to {names[-1]}), but a movie is expected: to read "
            f"them as one movie, put the pattern in quotes, as in '{pattern}', or specify their folder."
        )
    return movies


def _holds_one_frame(file: Path) -> bool:
    try:
        _place(file)
    except WrongInputError:
        return False
    return True
