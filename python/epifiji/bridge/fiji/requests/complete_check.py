"""The jobs of the complete check: draw boxes, say that every event in one is marked, and report what the complete ones show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import CompleteCheckCommand
from epifiji.bridge.fiji.requests.registry import Answer, Request, job, settings_of
from epifiji.bridge.fiji.shown_events import movie_key
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.scoring import CompleteCheckSettings
from epifiji.files.results.complete_checks import CHECK_PICTURE
from epifiji.files.results.places import folder_of


@job("check_begin", commands.COMPLETE)
def begin(request: Request) -> Answer:
    """Draw the first boxes, or continue. The request has ``settings`` by key, and ``image`` if one is open."""
    command = parse_settings(CompleteCheckCommand, request["settings"])
    if command.results is None:
        raise WrongInputError(
            "No results were specified, but boxes are drawn for one movie's events: give --results DIR."
        )
    shape = (request.get("image") or {}).get("shape")
    return _answer(command.results, shape, settings_of(command, CompleteCheckSettings))


@job("check_mark", commands.COMPLETE)
def mark(request: Request) -> Answer:
    """Say that every event in a box is marked. The request has ``results``, ``number`` (from 1) and ``seconds``."""
    return _answer(request["results"], mark=(int(request["number"]), float(request["seconds"])))


@job("check_draw", commands.COMPLETE)
def draw(request: Request) -> Answer:
    """Draw boxes until there are so many. The request has ``results`` and ``boxes``."""
    return _answer(request["results"], settings={"boxes": int(request["boxes"])})


def _answer(
    results: str,
    shape: list[int] | None = None,
    settings: dict[str, Any] | None = None,
    mark: tuple[int, float] | None = None,
) -> Answer:
    """Return the boxes, with frames from 1 and the last of each side, and what the complete ones show."""
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.jobs.scoring.complete_check import complete_check

    found = complete_check(results, shape, **(settings or {}))
    if mark is not None:
        found = found.mark(mark[0], True, mark[1])
    complete, folder, record = found.complete, folder_of(Path(results)), found.record
    picture = found.folder / CHECK_PICTURE
    return {
        "results": results,
        "name": found.folder.name,
        "boxes": [
            {
                **one.box.ends(),
                "complete": number in complete,
                "seconds": one.seconds,
            }
            for number, one in enumerate(found.check.drawn, 1)
        ],
        "in_all": found.check.boxes_in_all,
        "columns": found.columns(),
        "rows": found.rows(),
        "notices": found.notices,
        "said": found.sentences(),
        "pictures": [str(picture)] if picture.is_file() else [],
        "titles": [f"{found.folder.name}-complete_check"],
        "movie": find_movie(record, folder),
        "shape": found.check.shape,
        "movie_key": movie_key(record.movie.sha256, record.movie.file, folder),
    }
