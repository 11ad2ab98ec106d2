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
    from epifiji.bridge.fiji.open import open_imagej
    from epifiji.bridge.imagej import ImageJ
    from epifiji.data.errors import CancelledError, WrongInputError
    from epifiji.data.events import Event
    from epifiji.data.movie import Movie
    from epifiji.data.review import Action
    from epifiji.engine.simulation.movie import simulate
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.jobs.events.detect import detect
    from epifiji.jobs.events.from_maps import events_from_maps
    from epifiji.jobs.events.result import Result
    from epifiji.jobs.events.review import decide, finish_review, start_review
    from epifiji.jobs.events.statistics import event_statistics
    from epifiji.jobs.export import export_network
    from epifiji.jobs.movie_tools import crop, rescale_with_events, save_gallery
    from epifiji.jobs.scoring.compare import compare
    from epifiji.jobs.scoring.evaluate import evaluate
    from epifiji.jobs.scoring.random_sample import draw_events
    from epifiji.jobs.scoring.threshold_curve import threshold_curve
    from epifiji.jobs.simulate import simulate_movies
    from epifiji.jobs.training.train import retrain, train

_HOMES = {
    "Action": "epifiji.data.review",
    "CancelledError": "epifiji.data.errors",
    "Event": "epifiji.data.events",
    "ImageJ": "epifiji.bridge.imagej",
    "Movie": "epifiji.data.movie",
    "Result": "epifiji.jobs.events.result",
    "WrongInputError": "epifiji.data.errors",
    "compare": "epifiji.jobs.scoring.compare",
    "crop": "epifiji.jobs.movie_tools",
    "decide": "epifiji.jobs.events.review",
    "detect": "epifiji.jobs.events.detect",
    "draw_events": "epifiji.jobs.scoring.random_sample",
    "evaluate": "epifiji.jobs.scoring.evaluate",
    "event_statistics": "epifiji.jobs.events.statistics",
    "export_network": "epifiji.jobs.export",
    "events_from_maps": "epifiji.jobs.events.from_maps",
    "finish_review": "epifiji.jobs.events.review",
    "open_imagej": "epifiji.bridge.fiji.open",
    "read_movie": "epifiji.files.movies.movie_file",
    "rescale_with_events": "epifiji.jobs.movie_tools",
    "retrain": "epifiji.jobs.training.train",
    "save_gallery": "epifiji.jobs.movie_tools",
    "simulate": "epifiji.engine.simulation.movie",
    "simulate_movies": "epifiji.jobs.simulate",
    "start_review": "epifiji.jobs.events.review",
    "threshold_curve": "epifiji.jobs.scoring.threshold_curve",
    "train": "epifiji.jobs.training.train",
}

__all__ = [
    "Action",
    "CancelledError",
    "Event",
    "ImageJ",
    "Movie",
    "Result",
    "WrongInputError",
    "compare",
    "crop",
    "decide",
    "detect",
    "draw_events",
    "evaluate",
    "event_statistics",
    "events_from_maps",
    "export_network",
    "finish_review",
    "open_imagej",
    "read_movie",
    "rescale_with_events",
    "retrain",
    "save_gallery",
    "simulate",
    "simulate_movies",
    "start_review",
    "threshold_curve",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that importing the package costs nothing."""
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'epifiji' has no attribute {name!r}")
