"""The parts of a movie around events, which move along with the tissue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.movie import Movie
from epifiji.data.progress import Report

_COARSENING = 2  # factor by which frames are coarser when their shift is measured
_MOST_DIAMETERS = 1.0  # greatest shift between two frames


@dataclass(frozen=True)
class Window:
    """A part of a movie of constant size.

    Parameters
    ----------
    start, stop
        Frames of the movie.
    corners
        (stop - start, 2): y, x of the first pixel in each frame.
    shape
        Height and width.
    """

    start: int
    stop: int
    corners: np.ndarray
    shape: tuple[int, int]

    def at(self, frame: int) -> tuple[slice, slice]:
        """Return the part of a frame of the movie."""
        y, x = (int(at) for at in self.corners[frame - self.start])
        return slice(y, y + self.shape[0]), slice(x, x + self.shape[1])


def frame_steps(movie: Movie, frames: Sequence[int], diameter_px: float, report: Report) -> Mapping[int, np.ndarray]:
    """Measure by how much the tissue as a whole moves from one frame to the next: y, x in pixels, by the later frame.

    Frames are cross-correlated. A shift counts if it is less than a cell diameter and makes the frames more alike.
    """
    steps: dict[int, np.ndarray] = {}
    before: tuple[int, np.ndarray] | None = None
    for count, t in enumerate(frames):
        report(count / len(frames), "measuring drift")
        coarse = _coarse(movie.frames(t, t + 1)[0])
        if before is not None and before[0] == t - 1:
            steps[t] = _step(before[1], coarse, diameter_px)
        before = t, coarse
    return steps


def _coarse(frame: np.ndarray) -> np.ndarray:
    from scipy import ndimage

    image = ndimage.gaussian_filter(frame.astype(np.float32), _COARSENING)
    coarse: np.ndarray = (image - image.mean())[::_COARSENING, ::_COARSENING]
    return coarse


def _step(one: np.ndarray, other: np.ndarray, diameter_px: float) -> np.ndarray:
    from skimage.registration import phase_cross_correlation

    none = np.zeros(2)
    if not one.any() or not other.any():
        return none
    found = phase_cross_correlation(other, one, upsample_factor=10, normalization=None)[0]
    shift = np.round(found).astype(int)
    if np.hypot(*found) * _COARSENING > _MOST_DIAMETERS * diameter_px or (
        shift.any() and _likeness(one, other, shift) <= _likeness(one, other, np.zeros(2, int))
    ):
        return none
    step: np.ndarray = found * _COARSENING
    return step


def _likeness(one: np.ndarray, other: np.ndarray, shift: np.ndarray) -> float:
    """Return the correlation of two frames, the first of which is moved."""
    moved = np.roll(one, tuple(shift), (0, 1))
    return float((moved * other).sum() / np.sqrt((moved**2).sum() * (other**2).sum()))


def windows_of(
    place: tuple[float, float],
    frames: range,
    at: int,
    steps: Mapping[int, np.ndarray],
    half_px: int,
    size: tuple[int, int],
) -> Window:
    """Return the window around a place (y, x) of the frame `at` that moves along with the tissue, within frames of `size`."""
    offsets = {at: np.zeros(2)}
    for t in range(at + 1, frames.stop):
        offsets[t] = offsets[t - 1] + steps.get(t, 0)
    for t in range(at - 1, frames.start - 1, -1):
        offsets[t] = offsets[t + 1] - steps.get(t + 1, 0)
    shape = min(2 * half_px + 1, size[0]), min(2 * half_px + 1, size[1])
    middles = np.array([np.asarray(place) + offsets[t] for t in frames])
    corners = np.round(middles).astype(int) - np.array(shape) // 2
    return Window(frames.start, frames.stop, np.clip(corners, 0, np.array(size) - shape), shape)
