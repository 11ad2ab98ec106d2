"""The command line: ``epifiji``.

Exit codes: 0 success, 2 wrong input (one sentence on standard error), 130 cancelled (143 by SIGTERM, 129 by SIGHUP), 1
any other failure.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from epifiji.bridge.cli.arguments import usable_arguments
from epifiji.bridge.cli.batch import Batch, require_separate_folders
from epifiji.bridge.cli.cells import cells_app
from epifiji.bridge.cli.console import EVENT_COLUMNS, ProgressBar, event_rows, say_json, say_table
from epifiji.bridge.cli.cysts import cysts_app
from epifiji.bridge.cli.datasets import datasets_app
from epifiji.bridge.cli.evaluation import evaluation_app
from epifiji.bridge.cli.installation import installation_app
from epifiji.bridge.cli.movies import movie_app
from epifiji.bridge.cli.networks import networks_app
from epifiji.bridge.cli.options import JsonOption, MovieOption, with_settings
from epifiji.bridge.cli.pooled import pool_app
from epifiji.bridge.cli.reports import reports_app
from epifiji.bridge.cli.training import training_app
from epifiji.bridge.cli.trial import trial_app
from epifiji.bridge.failures import EXIT_CODES, UNEXPECTED, Kind, describe_failure
from epifiji.bridge.fiji.manifest import own_version
from epifiji.bridge.streams import finish_output, note, plain, prepare_streams, say
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.interrupts import Interrupted, interrupt, on_signals, restore
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import ComparisonSettings, StatisticsSettings
from epifiji.data.settings.detection import DetectionSettings, EventSettings
from epifiji.data.settings.figures import FigureSettings
from epifiji.data.settings.jobs import ComparisonJob, DetectionJob, MapsJob, StatisticsJob
from epifiji.files.results.places import folder_of

app = typer.Typer(
    help="Find cell events (extrusion, division, SOP) in movies of epithelia.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(networks_app, name="networks")
app.add_typer(datasets_app, name="datasets")
app.add_typer(movie_app)
app.add_typer(trial_app)
app.add_typer(reports_app)
app.add_typer(pool_app)
app.add_typer(evaluation_app)
app.add_typer(cells_app)
app.add_typer(cysts_app)
app.add_typer(training_app)
app.add_typer(installation_app)

CompatibleOption = Annotated[bool, typer.Option("--compatible", help="Short for --mode compatible.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        say(f"epifiji {own_version()}")
        raise typer.Exit


USAGE_ERROR = typer.BadParameter.__mro__[1]


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print EpiFiji's version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """Read the options before any command."""


@app.command()
@with_settings(DetectionJob)
def demo(network: str | None, out: Path | None, overwrite: bool) -> None:
    """Simulate an example movie, find its events, and show them in an embedded ImageJ."""
    from epifiji.bridge.cli.demo import run_demo

    with ProgressBar("demo") as report:
        shown = run_demo(out, network, overwrite, report)
    say_table(EVENT_COLUMNS, event_rows(shown.result.events))
    say(f"{len(shown.result.events)} events found; {shown.planted} were planted in the movie.")
    say(f"network:  {plain(shown.result.network['name'] or '')}")
    say(f"movie:    {shown.movie_file}")
    say(f"results:  {shown.folder}")
    say(f"in ImageJ: {shown.imagej_picture}")
    say(f"picture:  {shown.folder / 'overlay.png'}")


@app.command()
@with_settings(DetectionJob, DetectionSettings)
def detect(
    *,
    movies: Annotated[
        list[str],
        typer.Argument(
            metavar="MOVIE...", help="TIFF files, HDF5 as file.h5:/dataset, Zarr as movie.zarr, or 'frames/*.tif'."
        ),
    ],
    network: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    compatible: CompatibleOption = False,
    settings: dict[str, Any],
) -> None:
    """Find the events of movies; the results are written into MOVIE_epifiji next to each movie."""
    from epifiji.files.movies.movie_file import movie_name, open_movie, split_path
    from epifiji.files.movies.sequences import named_movies
    from epifiji.files.results.result_folder import require_free, result_folder
    from epifiji.jobs.events.detect import detect as run
    from epifiji.jobs.executors import executor_for
    from epifiji.jobs.networks import event_network_of

    settings = _with_mode(settings, compatible)
    chosen = parse_settings(DetectionSettings, settings)
    movies = named_movies(movies)
    places = {movie: result_folder(movie_name(movie), split_path(movie)[0].parent, out) for movie in movies}
    require_separate_folders(movies, places)
    loaded = event_network_of(network)
    classes = chosen.chosen_events(loaded.description.events)
    batch = Batch(len(movies))
    with executor_for(chosen) as executor:
        for movie, folder in places.items():
            results = []
            with batch.failures_reported(movie):
                opened = open_movie(movie, chosen.channel)
                require_free(folder, opened.name, classes, overwrite)
                with ProgressBar(opened.name, silent=as_json) as report:
                    result = run(opened, loaded, report, executor, keep_until_saved=True, **settings)
                result.save(folder, overwrite)
                results.append(result)
            batch.summaries += [_report_result(result, folder, as_json) for result in results]
    if as_json:
        say_json({"results": batch.summaries, "failed": batch.failures})
    batch.end("movies")


@app.command()
@with_settings(MapsJob, EventSettings)
def rois(
    *,
    maps: Annotated[
        Path, typer.Argument(metavar="MAPS|RESULT_DIR", help="A result folder with kept maps, or one map.")
    ],
    movie: MovieOption = None,
    other_movie: bool,
    out: Path | None,
    overwrite: bool,
    as_json: JsonOption = False,
    compatible: CompatibleOption = False,
    settings: dict[str, Any],
) -> None:
    """Compute the events again from kept maps, with other thresholds, without running the network."""
    from epifiji.files.results.result_folder import result_folder
    from epifiji.jobs.events.adjusted import keep_decided
    from epifiji.jobs.events.from_maps import events_from_maps

    result = events_from_maps(maps, movie, other_movie, **_with_mode(settings, compatible))
    place = folder_of(maps)
    folder = place if out is None else result_folder(result.movie.name, place, out)
    if folder == place:
        result = keep_decided(result, place)
    result.save(folder, overwrite)
    summary = _report_result(result, folder, as_json)
    if as_json:
        say_json(summary)


@app.command()
@with_settings(ComparisonJob, ComparisonSettings)
def compare(
    *,
    detected: Annotated[Path, typer.Argument(metavar="DETECTED", help="A ROI zip, a result folder, or events.csv.")],
    reference: Annotated[
        Path, typer.Argument(metavar="REFERENCE", help="The reference: a ROI zip, a result folder, or events.csv.")
    ],
    out: Path | None,
    curve: bool,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Compare detected events with reference events: precision, recall, F1."""
    from epifiji.jobs.scoring.compare_to_files import run_comparison

    if curve and out is None:
        raise WrongInputError("--curve makes a table and a picture, but has no folder for them: give --out DIR.")
    chosen = parse_settings(ComparisonSettings, settings)
    comparison, files = run_comparison(detected, reference, chosen, out, curve, overwrite)
    if as_json:
        say_json(comparison.to_dict() | ({"files": [str(file) for file in files]} if out is not None else {}))
        return
    for notice in comparison.notices:
        note(notice)
    say_table(comparison.columns(), comparison.rows())
    if out is not None:
        say(f"written: {out}")


@app.command()
@with_settings(StatisticsJob, StatisticsSettings, FigureSettings)
def plot(
    *,
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="A result folder, a ROI zip, or events.csv.")],
    out: Path,
    movie: MovieOption = None,
    other_movie: bool,
    overwrite: bool,
    as_json: JsonOption = False,
    settings: dict[str, Any],
) -> None:
    """Plot rate, density and nearest neighbours of events, and test whether they cluster."""
    from epifiji.files.figures.look import Look
    from epifiji.files.storage.writable import require_absent
    from epifiji.jobs.events.statistics import event_statistics
    from epifiji.jobs.events.statistics_result import files_with

    figures = {name: settings.pop(name) for name in FigureSettings.model_fields if name in settings}
    require_absent(out, files_with(Look.of(parse_settings(FigureSettings, figures))), overwrite)
    with ProgressBar("plot", silent=as_json) as report:
        found = event_statistics(results, movie, report, other_movie=other_movie, **settings)
    files = found.save(out, overwrite, **figures)
    if as_json:
        say_json({"summary": found.summary(), "files": [str(file) for file in files], "notices": list(found.notices)})
        return
    for notice in found.notices:
        note(notice)
    for name, one in found.classes.items():
        say(f"{name}: {found.in_words(one)}")
    say(f"written: {out}")


def _report_result(result: Any, folder: Path, as_json: bool) -> dict[str, Any]:
    """Print a detection's notices and, unless `as_json`, its summary; return the summary as JSON types."""
    for notice in result.notices:
        note(notice)
    if not as_json:
        _say_summary(result, folder)
    return _summary(result, folder)


def _with_mode(settings: dict[str, Any], compatible: bool) -> dict[str, Any]:
    """Add the mode that --compatible means, and refuse it together with another --mode."""
    if not compatible:
        return settings
    if settings.get("mode", "compatible") != "compatible":
        raise WrongInputError(f"--compatible and --mode {settings['mode']} contradict each other: give one of them.")
    return settings | {"mode": "compatible"}


def _summary(result: Any, folder: Path) -> dict[str, Any]:
    """Return a detection's summary as JSON types; frames count from 1."""
    return {
        "movie": result.movie.name,
        "folder": str(folder),
        "network": result.network,
        "counts": result.counts,
        "at_border": result.border_counts,
        "events": [
            {
                "event": e.event,
                "frame": e.frame + 1,
                "y": e.y,
                "x": e.x,
                "score": e.score,
                "volume": e.volume,
                "border": e.border,
                "raw_score": e.raw_score,
            }
            for e in result.events
        ],
        "seconds": result.record.get("seconds", {}),
        "notices": list(result.notices),
    }


def _say_summary(result: Any, folder: Path) -> None:
    border = result.border_counts
    counts = [
        f"{n} {name}" + (f" ({border[name]} at the border)" if border[name] else "")
        for name, n in result.counts.items()
    ]
    say(f"{result.movie.name}: {', '.join(counts)}")
    if result.network["name"]:
        say(f"network: {plain(result.network['name'])}")
    say(f"results: {folder}")


@cache
def _commands() -> Any:
    """Return the group of all commands, which takes 15 ms to make."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line and end with its exit code."""
    prepare_streams()
    handlers = on_signals(interrupt)
    try:
        command = _commands()
        sys.argv[1:] = usable_arguments(sys.argv[1:], command)
        code = command(standalone_mode=False) or 0
        finish_output()
        restore(handlers)
        # Python searches for garbage several times when it ends: 0.2 s with the libraries of a detection.
        gc.freeze()
        sys.exit(code)
    except BrokenPipeError:
        # The reader of a help text or a table closed the pipe, as after `epifiji --help | head`.
        finish_output()
        sys.exit(0)
    except typer.Abort:
        _end(*describe_failure(CancelledError()))
    except (Exception, Interrupted, KeyboardInterrupt) as problem:
        if isinstance(problem, USAGE_ERROR):
            _end(f"{problem.format_message().rstrip('.')}: 'epifiji --help' lists what can be given.", "input")  # type: ignore[union-attr]
        if os.environ.get("EPIFIJI_TRACEBACK"):
            raise
        sentence, kind = describe_failure(problem)
        details = "; set EPIFIJI_TRACEBACK=1 for the details." if sentence.startswith(UNEXPECTED) else ""
        signalled = next((one for one in (problem, problem.__cause__) if isinstance(one, Interrupted)), None)
        if signalled is None:
            restore(handlers)
            _end(sentence.rstrip(".") + details if details else sentence, kind)
        # A second signal during Python's exit would change the exit code.
        restore(dict.fromkeys(handlers, signal.SIG_IGN))
        note(f"epifiji: {sentence}")
        sys.exit(128 + signalled.number)


def _end(sentence: str, kind: Kind) -> NoReturn:
    note(f"epifiji: {sentence}")
    sys.exit(EXIT_CODES[kind])
