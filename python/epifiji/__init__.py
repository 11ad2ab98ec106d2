"""EpiFiji finds cell events (extrusion, division, SOP) in movies of epithelia.

>>> import epifiji
>>> result = epifiji.detect("movie.tif", network="notum_all")  # doctest: +SKIP
>>> result.counts  # doctest: +SKIP
{'cell_death': 12, 'cell_sop': 0, 'cell_division': 3}
>>> result.save("movie_epifiji")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epifiji.data.errors import CancelledError, WrongInputError
    from epifiji.data.events import Event
    from epifiji.data.movie import Movie
    from epifiji.files.movies import read_movie
    from epifiji.jobs.detect import detect
    from epifiji.jobs.evaluate import compare
    from epifiji.jobs.result import Result
    from epifiji.jobs.rois import events_from_maps

_HOMES = {
    "CancelledError": "epifiji.data.errors",
    "Event": "epifiji.data.events",
    "Movie": "epifiji.data.movie",
    "Result": "epifiji.jobs.result",
    "WrongInputError": "epifiji.data.errors",
    "compare": "epifiji.jobs.evaluate",
    "detect": "epifiji.jobs.detect",
    "events_from_maps": "epifiji.jobs.rois",
    "read_movie": "epifiji.files.movies",
}

__all__ = [
    "CancelledError",
    "Event",
    "Movie",
    "Result",
    "WrongInputError",
    "compare",
    "detect",
    "events_from_maps",
    "read_movie",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package costs nothing."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'epifiji' has no attribute {name!r}")
