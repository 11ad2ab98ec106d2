"""Files of a measurement of the cells around events: tables, outlines, figures, and the labels of the followed cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from epifiji.data.cell_traces import CellTrace
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, wrong_class_name
from epifiji.data.movie import Movie, size_in_words
from epifiji.data.opinions import Opinion, Verdict
from epifiji.files.results.places import folder_of
from epifiji.files.storage.arrays import read_arrays

FRAMES_TABLE, EVENTS_TABLE, ALIGNED_TABLE = "cells_around_events.csv", "followed_events.csv", "aligned.csv"
OUTLINES, LABELS, RECORD = "cell_outlines.zip", "followed_cells.npz", "cells.json"
CURVES, GALLERY = "aligned.png", "cell_gallery.png"
FILES = (FRAMES_TABLE, EVENTS_TABLE, ALIGNED_TABLE, OUTLINES, LABELS, RECORD, CURVES, GALLERY)
"""Names of all files that a measurement may write."""

FOLDER = "cells"
"""Name of the folder of a measurement in the result folder of the events."""

_DO = "measure the cells again"


def default_folder(place: Path) -> Path:
    """Return where a measurement of the events of a result folder, or of a file in it, is written by default."""
    return folder_of(place) / FOLDER


def write_followed(
    path: Path, traces: Sequence[CellTrace], diameter_px: float, seed: int, shape: tuple[int, int, int]
) -> None:
    """Write the followed cells of all events as ``.npz``, from which they can be measured again.

    ``labels_<number>`` (n, h, w) and ``frames_<number>`` (n, 3) with frame, y and x of the first pixel, for each event
    that was followed; ``events`` is a text in JSON.
    """
    arrays: dict[str, np.ndarray] = {}
    for trace in traces:
        if not trace.problem:
            arrays[f"labels_{trace.number}"] = trace.labels.astype(np.uint16)
            arrays[f"frames_{trace.number}"] = np.column_stack([trace.frames, trace.corners]).astype(np.int64)
    described = [
        {
            "number": one.number,
            "event": [one.event.event, one.event.frame, one.event.y, one.event.x],
            "problem": one.problem,
            "end": one.end,
            "cell": one.cell,
            "daughters": list(one.daughters),
            "opinion": one.opinion and [one.opinion.verdict, one.opinion.reason, one.opinion.remaining_area],
        }
        for one in traces
    ]
    text = json.dumps({"events": described, "diameter_px": diameter_px, "seed": seed, "shape": list(shape)})
    np.savez_compressed(path, events=np.array(text), **arrays)  # type: ignore[arg-type]


def read_followed(folder: Path, movie: Movie) -> tuple[list[CellTrace], float, int]:
    """Read the followed cells of a measurement: traces without values, cells' diameter in pixels, and seed.

    Raises
    ------
    WrongInputError
        If the file is missing or broken, or its movie has another size.
    """
    path = folder / LABELS
    if not path.is_file():
        raise WrongInputError(
            f"{path} does not exist, but the cells of the earlier measurement are needed: give the ROI zip in the folder of "
            "that measurement."
        )
    arrays = read_arrays(path.read_bytes(), path.name, _DO)
    try:
        known = json.loads(str(arrays["events"]))
        traces = [_trace(one, arrays) for one in known["events"]]
        diameter, seed, shape = float(known["diameter_px"]), int(known["seed"]), tuple(map(int, known["shape"]))
    except (KeyError, ValueError, TypeError, IndexError) as problem:
        raise WrongInputError(f"{path} cannot be read ({problem}): {_DO}.") from problem
    if shape != movie.shape:
        raise WrongInputError(
            f"{path} belongs to a movie with {size_in_words(shape)}, but {movie.name} has {size_in_words(movie.shape)}: specify "
            "the movie that was measured."
        )
    _require_inside(traces, movie, path)
    return traces, diameter, seed


def _trace(known: dict[str, Any], arrays: dict[str, np.ndarray]) -> CellTrace:
    """Return one trace; raises KeyError, ValueError or TypeError if an entry is wrong."""
    name, frame, y, x = known["event"]
    number = int(known["number"])
    if wrong := wrong_class_name(str(name)):
        raise ValueError(wrong)
    event = Event(str(name), int(frame), float(y), float(x))
    opinion = _opinion(known.get("opinion"))
    if known["problem"]:
        return CellTrace(number, event, str(known["problem"]), opinion=opinion)
    labels, places = arrays[f"labels_{number}"].astype(np.int32), arrays[f"frames_{number}"]
    if labels.ndim != 3 or places.shape != (len(labels), 3):
        raise ValueError(f"the arrays of event {number} have wrong shapes")
    end = known["end"]
    return CellTrace(
        number,
        event,
        end=None if end is None else int(end),
        frames=places[:, 0],
        labels=labels,
        cell=int(known["cell"]),
        daughters=tuple(int(one) for one in known["daughters"]),
        corners=places[:, 1:],
        opinion=opinion,
    )


def _opinion(known: list[Any] | None) -> Opinion | None:
    """Return an opinion, which measurements of earlier versions lack; raises ValueError if it is wrong."""
    if known is None:
        return None
    verdict, reason, area = known
    if verdict not in get_args(Verdict):
        raise ValueError(f"an opinion is {verdict!r}")
    return Opinion(verdict, str(reason), float(area))


def _require_inside(traces: Sequence[CellTrace], movie: Movie, path: Path) -> None:
    """Refuse fields that are not in the movie."""
    frames, height, width = movie.shape
    for trace in traces:
        if trace.problem:
            continue
        h, w = trace.labels.shape[1:]
        ends = trace.corners + np.array([h, w])
        inside = (trace.corners >= 0).all() and (ends <= (height, width)).all()
        known = (trace.frames >= 0).all() and (trace.frames < frames).all()
        if not (inside and known and (trace.end is None or trace.end in trace.frames)):
            raise WrongInputError(f"{path} cannot be read (event {trace.number} lies outside the movie): {_DO}.")
