"""The command line's commands for a movie and its events together: crop, rescale, gallery, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json
from epifiji.bridge.cli.options import JsonOption, OtherMovieOption, with_settings
from epifiji.bridge.streams import note, say
from epifiji.data.settings.movies import CropSettings, GallerySettings, ScalingSettings
from epifiji.data.settings.simulation import SimulationSettings

movie_app = typer.Typer()

MovieArgument = Annotated[str, typer.Argument(metavar="MOVIE", help="A TIFF file, or HDF5 as file.h5:/dataset.")]
EventsOption = Annotated[
    list[str] | None, typer.Option("--events", metavar="RESULTS", help="A result folder or a ROI zip; give several.")
]
FolderOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="The folder for the files. Default: beside the movie.")
]
ChannelOption = Annotated[
    int | None, typer.Option("--channel", metavar="NUMBER", help="Channel to use if the movie has several, from 1.")
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


@movie_app.command()
@with_settings(CropSettings)
def crop(
    movie: MovieArgument,
    events: EventsOption = None,
    out: FolderOption = None,
    channel: ChannelOption = None,
    overwrite: OverwriteOption = False,
    other_movie: OtherMovieOption = False,
    as_json: JsonOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Crop a movie in space and time, with its events."""
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.jobs.movie_tools import CROPPED, require_room
    from epifiji.jobs.movie_tools import crop as run

    opened, folder = read_movie(movie, channel), _folder(movie, out)
    require_room(opened, events or [], CROPPED, folder, overwrite)
    made = run(opened, events or [], other_movie, **(settings or {}))
    _save(made, folder, overwrite, as_json)


@movie_app.command()
@with_settings(ScalingSettings)
def rescale(
    movie: MovieArgument,
    events: EventsOption = None,
    out: FolderOption = None,
    channel: ChannelOption = None,
    overwrite: OverwriteOption = False,
    other_movie: OtherMovieOption = False,
    as_json: JsonOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Rescale a movie in space and time, with its events."""
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.jobs.movie_tools import RESCALED, require_room, rescale_with_events

    opened, folder = read_movie(movie, channel), _folder(movie, out)
    require_room(opened, events or [], RESCALED, folder, overwrite)
    with ProgressBar(opened.name, silent=as_json) as report:
        made = rescale_with_events(opened, events or [], report, other_movie, **(settings or {}))
    _save(made, folder, overwrite, as_json)


@movie_app.command()
@with_settings(GallerySettings)
def gallery(
    movie: MovieArgument,
    results: Annotated[
        list[str], typer.Argument(metavar="RESULTS...", help="A result folder, events.csv or ROI zips.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The .png or .tif to write.")],
    channel: ChannelOption = None,
    overwrite: OverwriteOption = False,
    other_movie: OtherMovieOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Draw a row of crops over time for each event, into one picture."""
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.jobs.movie_tools import require_movie_of, require_picture, save_gallery

    require_picture(out, overwrite)
    opened = read_movie(movie, channel)
    for notice in require_movie_of(opened, results, other_movie):
        note(notice)
    shown = save_gallery(opened, results, out, overwrite, other_movie=True, **(settings or {}))
    say(f"{shown} events: {out}")


@movie_app.command()
@with_settings(SimulationSettings)
def simulate(
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
    overwrite: OverwriteOption = False,
    as_json: JsonOption = False,
    settings: dict[str, Any] | None = None,
) -> None:
    """Simulate movies of epithelia with true events: TIFF, ROI zips, and a record."""
    from epifiji.jobs.simulate import simulate_movies

    with ProgressBar("simulate", silent=as_json) as report:
        made = simulate_movies(folder, movies, varied, outlines, overwrite, report, **(settings or {}))
    if as_json:
        say_json({"folder": str(made.folder), "files": made.files, "events": made.counts})
        return
    for name, counts in made.counts.items():
        say(f"{name}: " + (", ".join(f"{count} {event}" for event, count in counts.items()) or "no events"))
    say(f"written: {made.folder}")


def _folder(movie: str, out: Path | None) -> Path:
    """Return the folder for the new files."""
    from epifiji.files.movies.movie_file import split_path

    return out if out is not None else split_path(movie)[0].parent


def _save(made: Any, folder: Path, overwrite: bool, as_json: bool) -> None:
    files = made.save(folder, overwrite)
    for notice in made.notices:
        note(notice)
    if as_json:
        say_json({"files": [str(f) for f in files], "events": len(made.events), "left_out": made.left_out})
        return
    outside = f", {made.left_out} outside" if made.left_out else ""
    say(f"{made.movie.name}: {len(made.events)} events{outside}")
    for file in files:
        say(f"written: {file}")
