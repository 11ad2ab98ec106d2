"""The command line's commands for a movie and its events together: crop, rescale, gallery, export, simulate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json
from epifiji.bridge.cli.options import JsonOption, MovieOption, with_settings, with_subcommands
from epifiji.bridge.streams import note, say
from epifiji.data.progress import Report
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.cysts import CystSettings
from epifiji.data.settings.jobs import EventExportJob, GalleryJob, MovieFile, NewMovieJob, SimulationJob
from epifiji.data.settings.movies import CropSettings, GallerySettings, ScalingSettings
from epifiji.data.settings.simulation import SimulationSettings

if TYPE_CHECKING:
    from epifiji.jobs.movie_tools import MovieWithEvents

movie_app = typer.Typer()

MovieArgument = Annotated[
    str, typer.Argument(metavar="MOVIE", help="A TIFF file, HDF5 as file.h5:/dataset, or Zarr as movie.zarr.")
]


class NewMovieOfFile(MovieFile, NewMovieJob):
    """The settings for a new movie: its input, and the folder of its files."""


@movie_app.command()
@with_settings(NewMovieOfFile, CropSettings)
def crop(*, movie: MovieArgument, settings: dict[str, Any], as_json: JsonOption = False) -> None:
    """Crop a movie in space and time, with its events."""
    from epifiji.jobs.movie_tools import CROPPED
    from epifiji.jobs.movie_tools import crop as run

    def at_once(*given: Any, report: Report, **chosen: Any) -> MovieWithEvents:
        return run(*given, **chosen)

    _new_movie(movie, CROPPED, at_once, settings, as_json)


@movie_app.command()
@with_settings(NewMovieOfFile, ScalingSettings)
def rescale(*, movie: MovieArgument, settings: dict[str, Any], as_json: JsonOption = False) -> None:
    """Rescale a movie in space and time, with its events."""
    from epifiji.jobs.movie_tools import RESCALED, rescale_with_events

    _new_movie(movie, RESCALED, rescale_with_events, settings, as_json)


@movie_app.command()
@with_settings(GalleryJob, MovieFile, GallerySettings)
def gallery(
    *,
    movie: MovieArgument,
    events: Annotated[list[str], typer.Argument(metavar="RESULTS...", help="A result folder, events.csv or ROI zips.")],
    out: Path,
    channel: int | None,
    overwrite: bool,
    other_movie: bool,
    settings: dict[str, Any],
) -> None:
    """Draw a row of crops over time for each event, into one picture, or a figure for a paper."""
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.jobs.movie_tools import require_movie_of, require_picture, save_gallery

    require_picture(out, overwrite, parse_settings(GallerySettings, settings).layout)
    opened = read_movie(movie, channel)
    for notice in require_movie_of(opened, events, other_movie):
        note(notice)
    shown = save_gallery(opened, events, out, overwrite, other_movie=True, **settings)
    say(f"{shown} events: {out}")


@movie_app.command()
@with_settings(EventExportJob)
def export(
    *,
    results: Annotated[
        str, typer.Argument(metavar="RESULTS", help="A result folder, events.csv or a ROI zip; for geojson also cells.")
    ],
    movie: MovieOption = None,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Export events to TrackMate or napari, and events or segmented cells to QuPath (GeoJSON)."""
    from epifiji.jobs.events.export import export_events

    made = export_events(results, movie=movie, **settings)
    for notice in made.notices:
        note(notice)
    if as_json:
        say_json({"file": str(made.file), "exported": made.count, "notices": list(made.notices)})
        return
    say(f"exported: {made.count}")
    say(f"written: {made.file}")


cyst_app = typer.Typer()


@cyst_app.command()
@with_settings(SimulationJob, CystSettings)
def cysts(
    *,
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the cysts, their cells and lumens.")],
    cysts: Annotated[
        int, typer.Option("--cysts", metavar="NUMBER", help="Number of cysts, each with the next seed.")
    ] = 1,
    varied: Annotated[
        bool, typer.Option("--vary", help="Draw all settings that are not specified at random for each cyst.")
    ] = False,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Simulate volumes of epithelial cysts with their true cells and lumens: TIFF stacks and a record."""
    from epifiji.jobs.simulate_cysts import simulate_cysts

    with ProgressBar("simulate cysts", silent=as_json) as report:
        made = simulate_cysts(folder, cysts, varied, overwrite, report, **settings)
    if as_json:
        say_json({"folder": str(made.folder), "files": made.files, "cells": made.cells})
        return
    for name, count in made.cells.items():
        say(f"{name}: {count} cells")
    say(f"written: {made.folder}")


@movie_app.command(cls=with_subcommands(cyst_app))
@with_settings(SimulationJob, SimulationSettings)
def simulate(
    *,
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="The folder for the movies and their events.")],
    movies: Annotated[
        int, typer.Option("--movies", metavar="NUMBER", help="Number of movies, each with the next seed.")
    ] = 1,
    varied: Annotated[
        bool, typer.Option("--vary", help="Draw all settings that are not specified at random for each movie.")
    ] = False,
    outlines: Annotated[
        Path | None,
        typer.Option(
            "--outlines", metavar="FILE", help="A TIFF with lines around real cells, to use instead of simulated ones."
        ),
    ] = None,
    cells: Annotated[
        bool,
        typer.Option("--cells", help="Also write the true cells of each movie as labels, simulated_SEED_labels.tif."),
    ] = False,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Simulate movies of epithelia with true events: TIFF, ROI zips, and a record. 'epifiji simulate cysts' simulates volumes."""
    from epifiji.jobs.simulate import simulate_movies

    with ProgressBar("simulate", silent=as_json) as report:
        made = simulate_movies(folder, movies, varied, outlines, overwrite, report, cells, **settings)
    if as_json:
        say_json({"folder": str(made.folder), "files": made.files, "events": made.counts})
        return
    for name, counts in made.counts.items():
        say(f"{name}: " + (", ".join(f"{count} {event}" for event, count in counts.items()) or "no events"))
    say(f"written: {made.folder}")


def _new_movie(
    movie: str, ending: str, make: Callable[..., MovieWithEvents], settings: dict[str, Any], as_json: bool
) -> None:
    """Make a new movie with its events, and write both."""
    from epifiji.files.movies.movie_file import read_movie, split_path
    from epifiji.jobs.movie_tools import require_room

    given = {name: settings.pop(name) for name in NewMovieOfFile.model_fields if name in settings}
    job = parse_settings(NewMovieOfFile, given)
    opened = read_movie(movie, job.channel)
    folder = Path(job.out) if job.out is not None else split_path(movie)[0].parent
    require_room(opened, job.events, ending, folder, job.overwrite)
    with ProgressBar(opened.name, silent=as_json) as report:
        made = make(opened, job.events, report=report, other_movie=job.other_movie, **settings)
    files = made.save(folder, job.overwrite)
    for notice in made.notices:
        note(notice)
    if as_json:
        say_json({"files": [str(f) for f in files], "events": len(made.events), "left_out": made.left_out})
        return
    outside = f", {made.left_out} outside" if made.left_out else ""
    say(f"{made.movie.name}: {len(made.events)} events{outside}")
    for file in files:
        say(f"written: {file}")
