"""The jobs for many movies in ImageJ: what is to be done with each, and their pooled events.

The movies themselves are detected by the job ``detect``, one request for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.many_commands import DetectManyCommand, PoolCommand
from epifiji.bridge.fiji.requests.detection import network_of
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.pixels import movie_name_of_title
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import PoolSettings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.files.results.result_folder import result_folder


@job("plan_many", commands.DETECT_MANY)
def plan_many(request: Request) -> Answer:
    """Plan a detection in many movies.

    The request has ``settings`` by key, and ``images``, the open ones, each with ``title`` and ``file`` (or None), which
    are used if the settings have no ``folder``. The answer has a ``movies`` entry and a ``reasons`` entry for each movie;
    ``image`` is the index of its image. A movie that is there twice has one entry.
    """
    from epifiji.jobs.events.detect import require_mode
    from epifiji.jobs.events.many import (
        WantedResults,
        folder_of_pool,
        movies_in,
        plan,
        planned_files,
    )
    from epifiji.jobs.events.pooled import FILES, conditions_given

    command = parse_settings(DetectManyCommand, request["settings"])
    settings = parse_settings(DetectionSettings, settings_of(command, DetectionSettings))
    network = network_of(command.network)
    require_mode(settings.mode, network.description)
    wanted = WantedResults.of(network, settings)
    out = Path(command.out) if command.out is not None else None
    if command.folder is not None:
        folder = Path(command.folder)
        movies = planned_files(movies_in(folder, command.pattern, command.subfolders), folder, out)
    else:
        movies = [_open_movie(one, out) for one in request["images"]]
    if not movies:
        raise WrongInputError("No movie is open, and no folder was specified: open movies, or choose their folder.")
    known = movies
    kept, notices = _counted_once(known, command)
    movies = [known[index] for index in kept]
    conditions = conditions_given(command.conditions)
    planned = plan(movies, wanted, conditions, command.overwrite)
    used = {name for one in known if one.folder for name in (one.name, one.folder.name, str(one.folder))}
    unknown = sorted(set(conditions or ()) - used)
    place = folder_of_pool(planned, command.folder, command.out)
    return {
        "movies": [_in_plan(one, index) for index, one in zip(kept, planned, strict=True)],
        "reasons": [one.reason for one in planned],
        "classes": list(settings.chosen_events(network.description.events)),
        "pooled": str(place) if place is not None else None,
        "pool_exists": place is not None and any((place / name).exists() for name in FILES),
        "notices": [
            *notices,
            *(f"The table of conditions names {one}, which is not among the movies." for one in unknown[:1]),
        ],
    }


def _in_plan(movie: Any, image: int) -> dict[str, Any]:
    return {
        "name": movie.name,
        "path": movie.path,
        "folder": str(movie.folder) if movie.folder is not None else None,
        "condition": movie.condition,
        "state": movie.state,
        "counts": dict(movie.counts) if movie.counts is not None else None,
        "size": movie.size,
        "image": image,
    }


def _counted_once(movies: list[Any], command: DetectManyCommand) -> tuple[list[int], list[str]]:
    """Return the indices of movies without copies of another one, and notices of all files that are left out."""
    from epifiji.jobs.events.many import left_out_notice, without_repeats

    kept, notices = without_repeats(movies)
    if command.folder is not None and command.pattern is None:
        notices += [notice] if (notice := left_out_notice(Path(command.folder), command.subfolders)) else []
    return kept, notices


def _open_movie(image: dict[str, Any], out: Path | None) -> Any:
    from epifiji.jobs.events.many import PlannedMovie

    name, file = movie_name_of_title(str(image["title"])), image.get("file")
    beside = out if out is not None else Path(file).parent if file else None
    return PlannedMovie(name, file, result_folder(name, beside) if beside is not None else None)


@job("pool", commands.POOL)
def pool(request: Request) -> Answer:
    """Pool the events of movies.

    The request has ``settings`` by key, and ``folders``, the result folders, instead of the setting ``results``.
    """
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.events.many import POOLED
    from epifiji.jobs.events.pooled import FILES, PICTURE, pool_results

    command = parse_settings(PoolCommand, request["settings"])
    places = request.get("folders") or command.results
    if not places:
        raise WrongInputError(
            "No results were specified, but a folder of result folders is needed: give --results DIR."
        )
    if command.out is None and command.results is None:
        raise WrongInputError("No folder was specified for the pooled table: give --out DIR.")
    out = Path(command.out) if command.out is not None else Path(str(command.results)) / POOLED
    require_absent(out, FILES, command.overwrite)
    found = pool_results(places, command.conditions, **settings_of(command, PoolSettings))
    files = found.save(out, command.overwrite)
    movies, conditions = list(found.rows()), list(found.condition_rows())
    said = "; ".join(f"{event}: {found.in_words(event)}" for event in found.classes)
    return {
        "name": POOLED,
        "pictures": [str(file) for file in files if file.name == PICTURE],
        "titles": ["Pooled events"],
        "tables": [
            {
                "title": title,
                "columns": [name.removeprefix(f"{found.unit.text}, ") for name in rows[0] if name != "results"],
                "rows": [[_text(value) for name, value in row.items() if name != "results"] for row in rows],
            }
            for title, rows in (("Pooled movies", movies), ("Pooled conditions", conditions))
            if rows
        ],
        "notices": list(found.notices),
        "files": [str(file) for file in files],
        "said": f"{said}; written: {out}",
    }


def _text(value: Any) -> str:
    return "-" if value in (None, "") else f"{value:.4g}" if isinstance(value, float) else str(value)
