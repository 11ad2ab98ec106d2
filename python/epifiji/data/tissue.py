"""The tissue of a movie: where it is, and its cells."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from epifiji.data.region import Region


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of some frames of a movie, one entry for each cell of each of these frames.

    Parameters
    ----------
    number
        Number of the frame among those that were segmented, from 0, rising, (n,).
    y, x
        Centre in pixels, (n,).
    area_px
        Area in pixels, (n,).
    elongation
        Long by short axis of the ellipse with the same second moments, at least 1, (n,).
    """

    number: np.ndarray = field(repr=False)
    y: np.ndarray = field(repr=False)
    x: np.ndarray = field(repr=False)
    area_px: np.ndarray = field(repr=False)
    elongation: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Tissue:
    """Where there is tissue in a movie, from segmented frames.

    Parameters
    ----------
    region
        The tissue; the mask of each frame is that of the nearest segmented frame.
    frames
        The segmented frames, from 0, rising, (k,).
    cells
        Their cells.
    """

    region: Region
    frames: np.ndarray
    cells: Cells

    @property
    def counts(self) -> np.ndarray:
        """Number of cells in each segmented frame, (k,)."""
        counts: np.ndarray = np.bincount(self.cells.number, minlength=len(self.frames))
        return counts

    @property
    def counts_over_time(self) -> np.ndarray:
        """Number of cells in each frame, that of the nearest segmented frame, (T,)."""
        over_time: np.ndarray = self.counts[nearest(self.frames, len(self.region.of_frame))]
        return over_time


def nearest(frames: np.ndarray, count: int) -> np.ndarray:
    """Return for each of `count` frames the number of the nearest of some rising frames, (count,); the earlier of two."""
    middles = (frames[1:] + frames[:-1]) / 2
    numbers: np.ndarray = np.searchsorted(middles, np.arange(count))
    return numbers


@dataclass(frozen=True, eq=False)
class CellBins:
    """Cells in squares of the frame and bins of time.

    Parameters
    ----------
    times
        Bounds of the bins of time in frames from 0, (t + 1,).
    rows, columns
        Bounds of the squares in pixels, (y + 1,) and (x + 1,).
    observed
        Frames of each bin of time in which there is tissue, (t,).
    cells
        Number of cells in each square, averaged over these frames, (t, y, x).
    area_px, elongation
        Means over the cells, (t, y, x); NaN where there are none.
    """

    times: np.ndarray = field(repr=False)
    rows: np.ndarray = field(repr=False)
    columns: np.ndarray = field(repr=False)
    observed: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)
    area_px: np.ndarray = field(repr=False)
    elongation: np.ndarray = field(repr=False)

    @property
    def exposure(self) -> np.ndarray:
        """Cells times frames in which an event may have been, (t, y, x)."""
        exposure: np.ndarray = self.cells * self.observed[:, None, None]
        return exposure

    def mean(self, values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        """Average values (t, y, x) over the cells of the bins along some axes; NaN where there are none."""
        weights = self.exposure
        sums = np.where(weights > 0, values * weights, 0).sum(axis=axes)
        return share(sums, weights.sum(axis=axes))


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide; NaN where the whole is 0."""
    quotient: np.ndarray = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=quotient, where=np.asarray(whole) > 0)
    return quotient
