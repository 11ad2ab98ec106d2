"""Clips of events: short animations of the pixels around an event, as WebP, which every browser shows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from epifiji.data.events import Event, colour_of
from epifiji.data.movie import Movie
from epifiji.files.figures.overlay import EMPTY, Contrast, crops_over_time

if TYPE_CHECKING:
    from PIL import Image

ZOOM = 2
FRAME_MS, EVENT_MS = 160, 480
"""How long each frame is shown, and the frame of the event."""
QUALITY = 50
AT_ONCE = 200
"""Events whose crops are in memory at the same time."""


def event_clips(
    movie: Movie, events: Sequence[Event], before: int, after: int, half: int, classes: Sequence[str]
) -> Iterator[tuple[bytes, bytes]]:
    """Yield for each event its clip, which repeats for ever, and a picture of its own frame; both are WebP files.

    All frames of a clip have the same contrast. The event's own frame has a border in the colour of its class and is shown
    longer. Frames outside the movie are left out.
    """
    offsets = range(-before, after + 1)
    for first in range(0, len(events), AT_ONCE):
        some = events[first : first + AT_ONCE]
        for event, row in zip(some, crops_over_time(movie, some, offsets, half), strict=True):
            known = [(offset, crop) for offset, crop in zip(offsets, row, strict=True) if crop is not None]
            contrast = Contrast(np.concatenate([crop.compressed() for _, crop in known]))
            colour = colour_of(event.event, classes)
            pictures = [_picture(crop, contrast, None if offset else colour) for offset, crop in known]
            times = [FRAME_MS if offset else EVENT_MS for offset, _ in known]
            own = next(picture for picture, (offset, _) in zip(pictures, known, strict=True) if not offset)
            yield _moving(pictures, times), _still(own)


def _picture(crop: np.ma.MaskedArray, contrast: Contrast, border: tuple[int, int, int] | None) -> Image.Image:
    from PIL import Image

    pixels = np.full((*crop.shape, 3), EMPTY, np.uint8)
    seen = ~np.ma.getmaskarray(crop)
    pixels[seen] = (255 * contrast(crop.filled(0)[seen])).round().astype(np.uint8)[:, None]
    pixels = np.repeat(np.repeat(pixels, ZOOM, 0), ZOOM, 1)
    if border is not None:
        for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
            edge[:] = border
    return Image.fromarray(pixels)


def _moving(pictures: Sequence[Image.Image], times: Sequence[int]) -> bytes:
    file = io.BytesIO()
    first, *others = pictures
    options = {"save_all": True, "append_images": others, "duration": list(times), "loop": 0}
    first.save(file, "WEBP", quality=QUALITY, method=2, **options)
    return file.getvalue()


def _still(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=2)
    return file.getvalue()
