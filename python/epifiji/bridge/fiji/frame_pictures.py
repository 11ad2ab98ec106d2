"""Pictures of whole frames of cells that are being corrected, prepared before the user goes to them."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress
from typing import Any

from epifiji.bridge.fiji.shown_cells import shown_region, whole
from epifiji.engine.cells.edited import EditedCells

MOST_KEPT = 8


class FramePictures:
    """The pictures of frames by their number from 0: that of a large frame takes most of the time of a step to it.

    After a frame was asked for, those beside it are prepared on a thread of their own. A picture is kept until its frame changes.
    """

    def __init__(self, cells: EditedCells) -> None:
        self._cells = cells
        self._lock = threading.Lock()
        self._changes: Counter[int] = Counter()
        self._kept: dict[int, dict[str, Any]] = {}
        self._preparing: threading.Thread | None = None
        self._prepared_now: int | None = None
        self._shown = 0

    def of(self, frame: int) -> dict[str, Any]:
        """Return the picture of a frame, and let those beside it be prepared."""
        ahead = 1 if frame >= self._shown else -1
        self._shown = frame
        if self._preparing is not None and self._prepared_now == frame:
            self._preparing.join()
        picture = self._picture(frame)
        self._preparing = threading.Thread(target=self._prepare, args=(frame, ahead), daemon=True)
        self._preparing.start()
        return picture

    def changed(self, frames: range) -> None:
        """Forget the pictures of frames after their labels changed."""
        with self._lock:
            for frame in frames:
                self._changes[frame] += 1
                self._kept.pop(frame, None)

    def _prepare(self, frame: int, ahead: int) -> None:
        """Prepare the frame in the direction in which the user goes, then the other, unless she is at another one by then."""
        for beside in (frame + ahead, frame - ahead):
            if 0 <= beside < len(self._cells.labels) and self._shown == frame:
                self._prepared_now = beside
                # An undo may be changing this frame: then the picture is not kept.
                with suppress(IndexError):
                    self._picture(beside)
        self._prepared_now = None

    def _picture(self, frame: int) -> dict[str, Any]:
        with self._lock:
            if frame in self._kept:
                return self._kept[frame]
            before = self._changes[frame]
        labels = self._cells.labels[frame]
        picture = shown_region(labels, self._cells.corrected(frame), whole(labels))
        with self._lock:
            if self._changes[frame] == before:
                self._kept[frame] = picture
                while len(self._kept) > MOST_KEPT:
                    self._kept.pop(next(iter(self._kept)))
        return picture
