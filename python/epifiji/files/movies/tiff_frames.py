"""Frames of TIFF files: in one block of pixels, or page by page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.frames import FramesOnDisk, readable


def cut_off(path: Path, held: str) -> WrongInputError:
    """Return the error for a file that ends too early."""
    return WrongInputError(
        f"{path} is cut off: {held}, but a whole file is needed: copy it again, or open it in Fiji and save what is there."
    )


@dataclass(frozen=True)
class Place:
    """Position of a frame: a file, its page (by the position of the page's directory), a plane within the page."""

    path: Path
    offset: int
    plane: int


class ContiguousFrames(FramesOnDisk):
    """Frames of an uncompressed TIFF whose pixels are one block.

    Parameters
    ----------
    offset
        Position of the block in the file, in bytes.
    planes
        For each frame its index among the planes (Y, X) of the block.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        stored: np.dtype[np.generic],
        offset: int,
        planes: np.ndarray,
        inverted: bool = False,
    ) -> None:
        super().__init__(path, shape, stored, inverted)
        self._offset = offset
        self._planes = planes

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        size = math.prod(self.shape[1:]) * self.stored.itemsize
        for frame, t in zip(pixels, wanted, strict=True):
            # One map per frame: the pages of a map that stays open count as this process's memory.
            offset = self._offset + int(self._planes[t]) * size
            frame[...] = np.memmap(self.path, self.stored, "r", offset, self.shape[1:])


class PagedFrames(FramesOnDisk):
    """Frames of a TIFF that is compressed or not contiguous, decoded page by page.

    Parameters
    ----------
    places
        Position of each frame; the pages may be in several files.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        stored: np.dtype[np.generic],
        places: list[Place],
        inverted: bool = False,
    ) -> None:
        super().__init__(path, shape, stored, inverted)
        self._places = places

    def require_whole_pages(self) -> None:
        """Refuse a file in which a page differs from the others or its data lie beyond the end."""
        first = None
        for path, frames in groupby(range(len(self)), lambda t: self._places[t].path):
            with readable(path), tifffile.TiffFile(path) as tif:
                for t in frames:
                    page = page_at(tif, self._places[t].offset)
                    first = page.photometric if first is None else first
                    self._require_whole(page, t + 1, tif.filehandle.size, path)
                    if page.photometric != first:
                        raise WrongInputError(
                            f"{path} has frames of which white is the largest value in some and the smallest in "
                            f"others, or colours (first in frame {t + 1}), but all frames of a movie must be alike: "
                            "save it again in Fiji."
                        )

    def _require_whole(self, page: tifffile.TiffPage, number: int, size: int, path: Path) -> None:
        if page.dtype != self.stored or page.shape[-2:] != self.shape[1:]:
            raise WrongInputError(
                f"{path} has pixels {page.shape} of type {page.dtype} in frame {number}, but all frames of a movie must be "
                f"alike (here {self.shape[1:]}, {self.stored}): save only the movie."
            )
        needed = max(a + n for a, n in zip(page.dataoffsets, page.databytecounts, strict=True))
        if needed > size:
            raise cut_off(path, f"it has {size} of the {needed} bytes that its pixels need")

    def _read(self, pixels: np.ndarray, wanted: range) -> None:
        for path, in_file in groupby(enumerate(wanted), lambda item: self._places[item[1]].path):
            with tifffile.TiffFile(path) as tif:
                for offset, in_page in groupby(in_file, lambda item: self._places[item[1]].offset):
                    planes = page_at(tif, offset).asarray().reshape(-1, *self.shape[1:])
                    for i, t in in_page:
                        pixels[i] = planes[self._places[t].plane]


def page_at(tif: tifffile.TiffFile, offset: int) -> tifffile.TiffPage:
    """Read the directory of a page at its position: tifffile would go through all pages before it."""
    tif.filehandle.seek(offset)
    return tifffile.TiffPage(tif, index=0)
