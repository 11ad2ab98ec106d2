"""Whether results belong to the image that is open in ImageJ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.bridge.pixels import movie_of_image

IMAGEJ_TYPES = ("uint8", "uint16", "int16", "float32")
"""Types that ImageJ keeps as they are; pixels of others are changed when it opens them, and cannot be compared."""


@job("identify", commands.OPEN)
def identify(request: Request) -> Answer:
    """Refuse an image that is not the movie of results: ``results`` (a path), ``other_movie``, ``shown``.

    ``shown`` has ``title``, ``shape`` (T, Y, X), ``file`` (or None), and whether its pixels stand ``alone`` and not
    among other channels. The ``image`` itself comes along where that was asked for by ``pixels_needed``; it is None
    where it has colours.
    """
    from epifiji.files.results.movie_identity import check_identity, is_file_of, is_movie_of, record_of_events

    place, shown = Path(request["results"]), request["shown"]
    if not place.exists():
        return {"notices": [], "pixels_needed": False}
    record = record_of_events(place)
    recorded, shape = record.movie, tuple(int(size) for size in shown["shape"])
    same: bool | None = None
    if recorded.shape not in (None, shape):
        same = False
    elif shown.get("file") and is_file_of(shown["file"], record):
        same = True
    elif recorded.pixels_sha256 is not None and recorded.dtype in IMAGEJ_TYPES:
        if "image" not in request:
            return {"notices": [], "pixels_needed": True}
        if request["image"] is not None:
            same = is_movie_of(replace(movie_of_image(request["image"], request.blocks), path=None), recorded)
        # One of several channels may be another than the one that was looked at.
        same = same if same or shown["alone"] else None
    elif shown.get("file") and recorded.sha256 is not None:
        same = False
    notices = check_identity(same, str(shown["title"]), shape, recorded, place, bool(request.get("other_movie")))
    return {"notices": list(notices), "pixels_needed": False}
