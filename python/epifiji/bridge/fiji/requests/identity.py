"""The job that checks whether results belong to the image that is open in ImageJ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.bridge.pixels import movie_of_image

IMAGEJ_TYPES = ("uint8", "uint16", "int16", "float32")
"""Pixel types that ImageJ keeps unchanged. It converts all others when it opens them, so these cannot be compared."""


@job("identify", commands.OPEN)
def identify(request: Request) -> Answer:
    """Refuse an image that is not the movie of the results.

    The request has ``results`` (a path), ``other_movie`` and ``shown``.

    ``shown`` has ``title``, ``shape`` (T, Y, X), ``file`` (or None), and ``alone``, which is false if the image has
    other channels too. If the answer is ``pixels_needed``, the client repeats the request with the ``image``, which is
    None for a colour image.
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
        # If there are several channels, the shown one may not be the one that was analysed.
        same = same if same or shown["alone"] else None
    elif shown.get("file") and recorded.sha256 is not None:
        same = False
    notices = check_identity(same, str(shown["title"]), shape, recorded, place, bool(request.get("other_movie")))
    return {"notices": list(notices), "pixels_needed": False}
