"""Labels that are drawn cell by cell, from outlines or masks that may overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.polygons import crossings, filled
from epifiji.data.settings.jobs import Overlaps

MOST_CROSSINGS = 50_000_000
"""Most points at which an outline crosses rows of pixels; those of a cell are far fewer."""

MOST_PIXELS = 1 << 31
"""Most pixels of all frames together."""


class Canvas:
    """Labels (T, Y, X), int32, to which cells are added.

    Parameters
    ----------
    shape
        (T, Y, X).
    overlaps
        What happens to pixels that belong to several cells.
    file
        Name of the file in messages.

    Raises
    ------
    WrongInputError
        If the image is larger than can be drawn.
    """

    def __init__(self, shape: Sequence[int], overlaps: Overlaps, file: str) -> None:
        frames, height, width = shape
        if min(shape) < 1 or frames * height * width > MOST_PIXELS:
            raise WrongInputError(
                f"{file} belongs to an image of {width} x {height} pixels and {frames} frames, but between 1 and {MOST_PIXELS} "
                "pixels are expected: crop the image."
            )
        self.labels = np.zeros((frames, height, width), np.int32)
        self._names: dict[int, str] = {}
        self._overlaps, self._file = overlaps, file
        self._shared, self._covered = 0, 0

    def draw(self, label: int, frame: int, name: str, outlines: Sequence[np.ndarray], union: bool = False) -> None:
        """Add a cell that is enclosed by outlines (n, 2) of y and x; integers are the centres of pixels.

        Several outlines are pieces and holes, by the even-odd rule, or pieces that may overlap, if `union`.

        Raises
        ------
        WrongInputError
            If the cell has no pixel in the image, is too long to be filled, or shares pixels that must not be shared.
        """
        height, width = self.labels.shape[1:]
        corners = np.concatenate(outlines)
        low = np.clip(np.floor(corners.min(axis=0)), 0, (height, width)).astype(int)
        high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (height, width)).astype(int)
        inside = np.zeros(tuple(np.maximum(high - low, 0)), bool)
        for one in outlines if inside.size else ():
            if crossings(one - low, len(inside)) > MOST_CROSSINGS:
                raise WrongInputError(
                    f"{name} has an outline of {len(one)} points, which is too long: draw a simpler one."
                )
            area = filled(one - low, inside.shape)
            inside = inside | area if union else inside ^ area
        self.add(label, frame, name, inside, (int(low[0]), int(low[1])))

    def add(self, label: int, frame: int, name: str, inside: np.ndarray, corner: tuple[int, int] = (0, 0)) -> None:
        """Add a cell that is true in a rectangle (Y, X), whose first pixel lies at a `corner` y, x.

        Raises
        ------
        WrongInputError
            If the cell has no pixel, or shares pixels that must not be shared.
        """
        frames, height, width = self.labels.shape
        if frame >= frames:
            raise WrongInputError(
                f"{name} lies in frame {frame + 1}, but the image has {frames}: give the image of these cells."
            )
        if not inside.any():
            raise WrongInputError(
                f"{name} has no pixel in the image of {width} x {height} pixels: delete it, or give the image of these cells."
            )
        y, x = corner
        place = self.labels[frame, y : y + inside.shape[0], x : x + inside.shape[1]]
        taken = inside & (place > 0)
        shared = int(np.count_nonzero(taken))
        if shared and self._overlaps == "refuse":
            other = self._names[int(place[taken][0])]
            raise WrongInputError(
                f"{name} and {other} share {shared} pixels, but a pixel belongs to one cell: draw them apart, or convert the "
                "file with 'epifiji convert-cells' and overlaps cut."
            )
        place[inside & ~taken] = label
        self._names.setdefault(label, name)
        self._shared += shared
        self._covered += bool(shared == np.count_nonzero(inside))

    def notices(self) -> list[str]:
        """Return sentences about what was cut."""
        said = []
        if self._shared:
            said.append(
                f"{self._file}: {self._shared} pixels belonged to several cells, and were left to the cell that comes first."
            )
        if self._covered:
            said.append(f"{self._file}: {self._covered} cells lay completely in others, and were left out.")
        return said
