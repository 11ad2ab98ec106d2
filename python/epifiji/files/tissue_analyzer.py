"""Outlines of cells as Tissue Analyzer stores them: ``handCorrection.tif`` in a folder named after the image.

Tissue Analyzer has no stacks: each frame of a movie is an image with a folder of its own. EPySeg stores the outlines of a
stack as one stack, which EpiCure reads too. So a movie has both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile

from epifiji.files.labels import OUTLINES_OF_TISSUE_ANALYZER, write_outlines
from epifiji.files.movies.sequences import is_sequence, sequence_files
from epifiji.files.storage.writable import plain_name

OUTLINES = f"{OUTLINES_OF_TISSUE_ANALYZER}.tif"


def frame_names(image: str, path: Path | str | None, count: int) -> list[str]:
    """Return the name of each frame of a movie; none for a still image.

    They are those of the files of a sequence. The frames of other movies have the names that *File > Save As > Image
    Sequence...* gives them in ImageJ: that of the movie and four digits, from 0.
    """
    if count == 1:
        return []
    files = sequence_files(path) if path is not None and is_sequence(path) else []
    names = [plain_name(file.stem) for file in files]
    if len(names) == count == len(set(names)):
        return names
    return [f"{plain_name(image)}{number:04d}" for number in range(count)]


def outline_files(image: str, frames: Iterable[str]) -> list[str]:
    """List the paths of the files of outlines, relative to the folder of results."""
    folder = plain_name(image)
    return [f"{folder}/{OUTLINES}", *(f"{folder}/{plain_name(name)}/{OUTLINES}" for name in frames)]


def write_outline_files(
    folder: Path,
    lines: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    frames: Sequence[str],
    scale: tuple[float | None, float | None] = (None, None),
) -> str:
    """Write the outlines of an image, or of a movie and of each of its frames, and return their hash.

    Parameters
    ----------
    folder
        The folder named after the image; made here.
    lines
        (Y, X), bool, of each frame.
    shape
        (T, Y, X).
    frames
        The names of the frames; none for a still image.
    scale
        Pixel size (µm) and frame interval (s), if they are known.
    """
    digest = hashlib.sha256()

    def written() -> Iterator[np.ndarray]:
        for number, frame in enumerate(lines):
            digest.update(np.packbits(frame).data)
            if frames:
                file = folder / frames[number] / OUTLINES
                write_outlines(file, iter([frame]), (1, *shape[1:]), scale[0])
            yield frame

    folder.mkdir(parents=True, exist_ok=True)
    write_outlines(folder / OUTLINES, written(), shape, *scale)
    return digest.hexdigest()


def read_outline_files(folder: Path, frames: Sequence[str]) -> tuple[np.ndarray, str] | None:
    """Read the outlines of an image, (T, Y, X), bool, and their hash.

    None if files are missing, cannot be read, or if a frame's own file differs from the movie's, so that not all of
    them are as they were written.
    """
    try:
        lines = np.atleast_3d(tifffile.imread(folder / OUTLINES)) > 0
        lines = lines if lines.ndim == 3 and len(frames) else lines.reshape(1, *lines.shape[:2])
        alone = [tifffile.imread(folder / name / OUTLINES) > 0 for name in frames]
    except (OSError, ValueError, tifffile.TiffFileError):
        return None
    if frames and (len(alone) != len(lines) or not all(map(np.array_equal, alone, lines))):
        return None
    digest = hashlib.sha256()
    for frame in lines:
        digest.update(np.packbits(frame).data)
    return lines, digest.hexdigest()
