"""What ImageJ's commands ask of the engine, and what they get: JSON both ways, beside blocks of pixels.

A request gives the same answer whether it comes from an ImageJ in this process or through a worker. The answer is either
``{"result": …}`` or ``{"error": sentence, "kind": …}``, where the kind is ``input`` (the user can mend it), ``cancelled`` or
``failure``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.bridge.failures import told
from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import client_folder
from epifiji.bridge.fiji.commands import COMMANDS, DetectCommand, OpenCommand, ShowMapsCommand
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.requests import comparison as comparison_requests
from epifiji.bridge.fiji.requests import evaluation as evaluation_requests
from epifiji.bridge.fiji.requests import identity as identity_requests
from epifiji.bridge.fiji.requests import movie as movie_requests
from epifiji.bridge.fiji.requests import review as review_requests
from epifiji.bridge.fiji.requests import score as score_requests
from epifiji.bridge.fiji.requests import statistics as statistics_requests
from epifiji.bridge.fiji.requests import threshold as threshold_requests
from epifiji.bridge.fiji.requests import training as training_requests
from epifiji.bridge.fiji.shown_events import movie_key, shown_events
from epifiji.bridge.fiji.words import in_fijis_words
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.data.events import colour_of, group_of
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.progress import Report
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import DetectionSettings
from epifiji.files.results.places import folder_of

VERSION = importlib.metadata.version("epifiji")
"""What is running, also where another version was installed since."""

WAIT_S = 0.1
"""How often a job that waits for another looks whether it was cancelled."""

Blocks = Sequence[np.ndarray]
Answer = dict[str, Any]
Job = Callable[[dict[str, Any], Blocks, Report], Answer]

SAID = frozenset({"notices", "said"})
"""What of a result is shown to people as it is."""

_one_at_a_time = threading.Lock()


def answer(job: str, request: str, blocks: Blocks, report: Report) -> str:
    """Do a job.

    Parameters
    ----------
    job
        One of `JOBS`.
    request
        A JSON object; see the job's function. ``dialog`` says whether a person was asked in a dialog: messages then name
        settings by its labels, else by the keys of a macro's options; see :mod:`epifiji.bridge.fiji.words`.
    blocks
        Pixels of the request's image, as bytes (uint8, one axis), whole frames in each.
    report
        Told of progress; may raise to cancel.

    Returns
    -------
    str
        A JSON object, whatever happens.
    """
    words: Callable[[str], str] = str
    try:
        asked = json.loads(request)
        words = partial(in_fijis_words, label=LABELS.get(job), dialog=bool(asked.get("dialog")))
        result = _job(job)(asked, blocks, report)
        for key in SAID.intersection(result):
            result[key] = [words(text) for text in result[key]] if isinstance(result[key], list) else words(result[key])
        return json.dumps({"result": result}, allow_nan=False)
    except Exception as error:
        sentence, kind = told(error)
        unforeseen = kind == "failure" and not isinstance(error, ImageJError)
        details = traceback.format_exc() if unforeseen else ""
        return json.dumps({"error": words(sentence), "kind": kind, "details": details})


def _job(name: str) -> Job:
    if name not in JOBS:
        raise WrongInputError(
            f"There is no job {name!r}: the scripts in Fiji do not fit this EpiFiji, install both anew."
        )
    return JOBS[name]


def describe_commands() -> Answer:
    """Describe all menu commands, as the client's dialogs and macros need them."""
    return {label: described(label) for label in COMMANDS}


def _describe(_: dict[str, Any], __: Blocks, ___: Report) -> Answer:
    """Say who answers, and which networks there are."""
    from epifiji.files.networks.store import names_default_first

    return {
        "version": VERSION,
        "python": platform.python_version(),
        "process": os.getpid(),
        "commands": describe_commands(),
        "networks": names_default_first(),
    }


def _detect(request: dict[str, Any], blocks: Blocks, report: Report) -> Answer:
    """Find events: ``settings`` by key, ``image`` (or none where settings name an ``input``), ``headless``."""
    from epifiji.files.movies.movie_file import open_movie
    from epifiji.files.results.result_folder import require_free
    from epifiji.jobs.events.detect import detect

    command = parse_settings(DetectCommand, request["settings"])
    settings = command.model_dump(include=set(DetectionSettings.model_fields), exclude_unset=True)
    network = _network(command.network)
    classes = command.chosen_events(network.description.events)
    movie = open_movie(command.input, command.channel) if command.input else movie_of_image(request["image"], blocks)
    folder = _result_folder(command, movie, headless=bool(request.get("headless")))
    if folder is not None:
        require_free(folder, movie.name, classes, command.overwrite)
    with _alone(report):
        result = detect(movie, network, report, keep_until_saved=folder is not None, **settings)
    if folder is not None:
        result.save(folder, command.overwrite, report)
    shown = _maps_to_show(result.maps, movie) if command.maps != "none" and not request.get("headless") else {}
    return {
        **shown_events(result.events, result.classes, movie.pixel_size_um, movie.frame_interval_s),
        "name": movie.name,
        "network": network.description.name,
        "notices": list(result.notices),
        "folder": str(folder) if folder is not None else None,
        "movie_key": movie_key(result.record["movie"]["sha256"], result.record["movie"]["file"], folder),
        "seconds": result.record["seconds"]["total"],
        **shown,
    }


@contextmanager
def _alone(report: Report) -> Iterator[None]:
    """Wait until nothing else runs that takes the machine's memory and all its cores, and keep others waiting."""
    while not _one_at_a_time.acquire(timeout=WAIT_S):
        report(0, "waiting for another detection or training")
    try:
        yield
    finally:
        _one_at_a_time.release()


def _in_turn(job: Job) -> Job:
    """Give a job that waits for its turn; see :func:`_alone`."""

    def waiting(request: dict[str, Any], blocks: Blocks, report: Report) -> Answer:
        with _alone(report):
            return job(request, blocks, report)

    return waiting


_networks: dict[Path, tuple[Any, Network]] = {}


def _network(given: str | None) -> Network:
    """Read a network, or give it as it was read before where its files are the same."""
    from epifiji.files.networks.store import find_network, read_network

    path = find_network(given)
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    state = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    if path not in _networks or _networks[path][0] != state:
        _networks[path] = state, read_network(path)
    return _networks[path][1]


def _result_folder(command: DetectCommand, movie: Movie, headless: bool) -> Path | None:
    """Say where the results go; None where they are only shown."""
    from epifiji.files.movies.movie_file import split_path
    from epifiji.files.results.result_folder import result_folder

    if command.output is not None:
        return result_folder(movie.name, Path(command.output))
    if not (command.save or command.input or headless):
        return None
    if movie.path is None:
        raise WrongInputError(
            f"{movie.name} was not opened from a file, or was changed since, so there is no folder beside it for the results: "
            "save it first, or give --out DIR."
        )
    return result_folder(movie.name, split_path(str(movie.path))[0].parent)


def _maps_to_show(maps: dict[str, dict[str, Any]], movie: Movie) -> Answer:
    """Write maps at the movie's size into a temporary folder, which the client removes."""
    from epifiji.engine.tiling.scaling import rescale_map
    from epifiji.files.results.result_folder import RAW_MAP, SCALED_MAP, map_file, write_map
    from epifiji.files.storage.scratch import ScratchFolder

    at_size = maps.get(SCALED_MAP) or {
        name: rescale_map(pixels, movie.shape, False, ScratchFolder()) for name, pixels in maps[RAW_MAP].items()
    }
    written = []
    with client_folder("maps") as folder:
        for name, pixels in at_size.items():
            file = folder / map_file("movie", name, SCALED_MAP)
            frames = (pixels[t] for t in range(pixels.shape[0]))
            write_map(file, frames, pixels.shape, movie.pixel_size_um, movie.frame_interval_s)
            written.append({"event": name, "file": str(file), "colour": colour_of(name, at_size)})
    return {"maps": written, "maps_folder": str(folder)}


def _open(request: dict[str, Any], _: Blocks, __: Report) -> Answer:
    """Read the events of an earlier run: ``settings`` by key."""
    from epifiji.files.event_sources import read_events_of
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.files.results.result_folder import record_of

    command = parse_settings(OpenCommand, request["settings"])
    place = _given(command.results)
    notices: list[str] = []
    events = read_events_of(place, None, notices)
    folder = folder_of(place)
    record = record_of(place)
    movie, classes = record.movie, record.settings.events or ()
    return {
        **shown_events(events, classes, movie.pixel_size_um, movie.frame_interval_s),
        "name": place.name,
        "folder": str(folder),
        "movie_key": movie_key(movie.sha256, movie.file, folder),
        "movie_name": movie.name,
        "notices": notices,
        "movie": find_movie(record, folder),
        "shape": movie.shape,
    }


def _show_maps(request: dict[str, Any], _: Blocks, __: Report) -> Answer:
    """Bring kept maps to the size of a movie: ``settings`` by key, ``shape`` (T, Y, X) of the open image, if one is open."""
    from epifiji.engine.tiling.scaling import rescale_map
    from epifiji.files.movies.movie_file import read_movie
    from epifiji.files.results.movie_identity import find_movie
    from epifiji.files.results.result_folder import RAW_MAP, find_maps, record_of
    from epifiji.files.storage.scratch import ScratchFolder

    place = _given(parse_settings(ShowMapsCommand, request["settings"]).results)
    name, files = find_maps(place)
    run = record_of(place)
    record = run.movie
    movies = {
        event: read_movie(files[event]) for event in sorted(files, key=lambda event: (group_of(event, files), event))
    }
    first = next(iter(movies.values()))
    open_shape, own_shape = request.get("shape"), record.shape
    if open_shape and own_shape and list(open_shape) != list(own_shape):
        raise WrongInputError(
            f"The maps in {place} belong to a movie of {_size(own_shape)}, but the open image has {_size(open_shape)}: open the "
            "movie that they were made of, or close the image to see the maps alone."
        )
    t, y, x = own_shape or open_shape or first.shape
    maps = {}
    for event, movie in movies.items():
        scratch = ScratchFolder()
        raw = scratch(movie.shape, np.dtype(np.uint8))
        for start, frames in movie.chunks():
            raw[start : start + len(frames)] = frames
        maps[event] = rescale_map(raw, (t, y, x), False, scratch)
    stand_in = Movie(np.broadcast_to(np.uint8(0), (t, y, x)), name, record.pixel_size_um, record.frame_interval_s)
    return {
        **_maps_to_show({RAW_MAP: maps}, stand_in),
        "name": name,
        "movie": find_movie(run, folder_of(place)),
    }


def _diagnose(request: dict[str, Any], _: Blocks, __: Report) -> Answer:
    """Look at the installation: ``fiji`` is the folder of the ImageJ that asks, where it has one."""
    from dataclasses import asdict

    from epifiji.bridge.doctor import diagnose

    return {"findings": [asdict(finding) for finding in diagnose(request.get("fiji"), inside=True)]}


def _given(results: str | None) -> Path:
    if results is None:
        raise WrongInputError("No results were named, but a result folder is needed: give --results DIR.")
    place = Path(results)
    if not place.exists():
        raise WrongInputError(f"{place} does not exist, but a result folder is needed: check the path.")
    return place


def _size(shape: Sequence[int]) -> str:
    t, y, x = shape
    return f"{t} frames of {x} x {y} pixels"


JOBS: dict[str, Job] = {
    "describe": _describe,
    "identify": identity_requests.identify,
    "detect": _detect,
    "open": _open,
    "maps": _show_maps,
    "diagnose": _diagnose,
    "review_begin": review_requests.begin,
    "review_act": review_requests.act,
    "review_end": review_requests.end,
    "candidates": threshold_requests.candidates,
    "adjust": threshold_requests.apply,
    "evaluate": _in_turn(evaluation_requests.evaluate_networks),
    "compare": comparison_requests.compare_events,
    "plot": statistics_requests.plot,
    "crop": movie_requests.crop_to_files,
    "crop_here": movie_requests.crop_here,
    "rescale": movie_requests.rescale_to_files,
    "rescale_here": movie_requests.rescale_here,
    "gallery": movie_requests.gallery,
    "score_begin": score_requests.begin_score,
    "score_end": score_requests.end_score,
    "train": _in_turn(training_requests.train_network),
    "retrain": _in_turn(training_requests.retrain_network),
}

LABELS: dict[str, str] = {
    "identify": commands.OPEN,
    "detect": commands.DETECT,
    "open": commands.OPEN,
    "maps": commands.SHOW_MAPS,
    "diagnose": commands.CHECK,
    "review_begin": commands.REVIEW,
    "review_act": commands.REVIEW,
    "review_end": commands.REVIEW,
    "candidates": commands.ADJUST,
    "adjust": commands.ADJUST,
    "evaluate": commands.EVALUATE,
    "compare": commands.COMPARE,
    "plot": commands.PLOT,
    "crop": commands.CROP,
    "crop_here": commands.CROP,
    "rescale": commands.RESCALE,
    "rescale_here": commands.RESCALE,
    "gallery": commands.GALLERY,
    "score_begin": commands.SCORE,
    "score_end": commands.SCORE,
    "train": commands.TRAIN,
    "retrain": commands.RETRAIN,
}
"""Which menu command asks for a job."""
