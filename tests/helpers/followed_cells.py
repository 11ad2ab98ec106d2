"""A simulated movie with true cells, and a segmentation of its frames that makes the mistakes of a real one."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import numpy as np

from epifiji.data.cells import CellMaps
from epifiji.data.events import Event
from epifiji.engine.cells.scale import Scale
from epifiji.engine.simulation.movie import Simulation, simulate_tissue

DIAMETER_PX = 25.0


@lru_cache(maxsize=1)
def simulated() -> Simulation:
    """Return a movie with four extrusions and two divisions."""
    return simulate_tissue(
        seed=3, frames=34, height=180, width=180, extrusions=4, divisions=2, sops=0, margin_frames=12
    )


class TrueCells:
    """Segments the frames of a simulated movie by its true cells; in every fourth frame all cells are merged in pairs.

    Parameters
    ----------
    made
        The movie.
    faulty
        Whether such mistakes are made.
    """

    scale = Scale(DIAMETER_PX, dark=False)

    def __init__(self, made: Simulation, faulty: bool = False) -> None:
        self._made, self._faulty = made, faulty
        self._frames = {pixels.tobytes(): t for t, pixels in enumerate(made.pixels)}

    def __call__(self, frame: np.ndarray) -> CellMaps:
        """Segment a whole frame."""
        from scipy import ndimage
        from skimage.segmentation import find_boundaries

        t = self._frames[frame.tobytes()]
        labels = self._made.labels[t]
        if self._faulty and t % 4 == 0:
            labels = labels // 2 + 1
        border = ndimage.gaussian_filter(find_boundaries(labels, mode="thick").astype(np.float32), 1)
        return CellMaps(labels.astype(np.int32), border, np.ones(labels.shape, bool))


def true_cell(made: Simulation, event: Event) -> int:
    """Return the label of the cell that disappears or divides."""
    before, after = made.labels[event.frame - 1], made.labels[event.frame]
    if event.event == "cell_death":
        gone = np.setdiff1d(before, after)
        return int(min(gone, key=lambda label: np.hypot(*(np.argwhere(before == label).mean(0) - (event.y, event.x)))))
    new = np.setdiff1d(after, before)
    near = sorted(new, key=lambda label: np.hypot(*(np.argwhere(after == label).mean(0) - (event.y, event.x))))[:2]
    return int(Counter(before[np.isin(after, near)].tolist()).most_common(1)[0][0])
