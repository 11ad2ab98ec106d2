"""The cells around events: segmented, followed and measured from before to after each event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from epifiji.data.cell_traces import CellTrace, Units
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, repeats_notice, without_repeats
from epifiji.data.image import NOT_SQUARE
from epifiji.data.movie import Movie
from epifiji.data.network import AnyNetwork
from epifiji.data.opinions import Opinion
from epifiji.data.polygons import filled
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.segmentation import CellsAroundSettings
from epifiji.engine.cells.fields import Window, frame_steps, windows_of
from epifiji.engine.cells.scale import Scale as SegmentationScale
from epifiji.engine.cells.traces import Field, edited, measured, trace_event
from epifiji.engine.cells.tracks import Views
from epifiji.files.event_sources import Events, events_given, events_of
from epifiji.files.movies.frames import Planes
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.results.cells_around import default_folder, read_followed
from epifiji.files.results.movie_identity import find_movie, record_of_events, require_movie
from epifiji.files.results.places import folder_of
from epifiji.files.results.reviews import REVIEW, result_folders, review_of_results
from epifiji.files.rois.cell_outlines import read_cell_outlines
from epifiji.jobs.cells.around_result import CellsAroundEvents
from epifiji.jobs.cells.segmenter import segmenter_for
from epifiji.jobs.networks import cell_network_of

NOT_IN_MOVIE = "it is not in the movie"
_WHOLE_FRAME = 0.5  # windows that cover more than this share of a frame are segmented as one


class FrameSegmenter(Protocol):
    """Segments a frame; see :class:`epifiji.jobs.cells.segmenter.Segmenter`."""

    @property
    def scale(self) -> SegmentationScale:
        """Diameter of the cells, and whether their borders are dark."""

    def __call__(self, frame: np.ndarray) -> CellMaps:
        """Segment a frame (Y, X)."""


def measure_cells(
    source: Events,
    movie: Movie | np.ndarray | str | Path | None = None,
    network: AnyNetwork | str | Path | None = None,
    from_rois: str | Path | None = None,
    report: Report = silent,
    other_movie: bool = False,
    segmenter: FrameSegmenter | None = None,
    **settings: Any,
) -> CellsAroundEvents:
    """Follow and measure the cells around events.

    The field around each event is segmented in each frame, and its cells are followed
    (:mod:`epifiji.engine.cells.tracks`). The event's cell is found by what becomes of it: the one that disappears, or
    the one that divides. An event whose cell cannot be followed is reported with the reason, and left out of all means.

    Parameters
    ----------
    source
        A result folder, a ROI zip, a table, or events. If a result folder has a review, only the kept and added events.
    movie
        The movie. Default: the one in ``run.json``, found by its content.
    network
        Name, folder or zip of a network that segments cells. Default: EpiFiji's own.
    from_rois
        A ROI zip of an earlier measurement with changed outlines; nothing is segmented then. The other files of that
        measurement must lie next to it.
    report
        Called with the progress; may raise to cancel.
    other_movie
        Whether `movie` may be a different one from that in which the events were found.
    segmenter
        What segments frames, instead of a network.
    **settings
        Those of :class:`~epifiji.data.settings.segmentation.CellsAroundSettings`.

    Raises
    ------
    WrongInputError
        If events or movie cannot be read or do not belong together, or a setting is not usable.
    """
    chosen = parse_settings(CellsAroundSettings, settings)
    source = events_given(source)
    place = Path(source) if isinstance(source, str | Path) else None
    notices: list[str] = []
    events, repeats = without_repeats(_events(source, place, notices))
    notices += repeats_notice("the measurement", repeats)
    opened = _movie(movie, place, chosen, other_movie, notices)
    notices += [one for one in opened.notices if opened.has_square_pixels or NOT_SQUARE not in one]
    opened.require_finite()
    events = sorted(events, key=lambda one: (one.frame, one.y, one.x))
    if from_rois is not None:
        traces, diameter = _measured_again(opened, Path(from_rois), report)
    elif not events:
        notices.append("There are no events, so no cells were measured.")
        traces, diameter = (), 0.0
    else:
        segments = segmenter or segmenter_for(opened, cell_network_of(network), chosen)
        traces, diameter = tuple(_traces(opened, events, segments, chosen, report)), segments.scale.diameter_px
    if not opened.has_square_pixels:
        notices.append(
            f"{opened.name} has pixels that are not square, so all lengths and areas are in pixels: scale it to square pixels "
            "before the detection, in Fiji with Image > Scale..., if they are to be in µm."
        )
    units = Units(opened.pixel_size_um if opened.has_square_pixels else None, opened.frame_interval_s)
    record = {"settings": chosen.model_dump(mode="json"), "diameter_px": diameter, "movie": opened.name}
    record["from_rois"] = None if from_rois is None else str(from_rois)
    folder = None if place is None else default_folder(place)
    return CellsAroundEvents(opened, traces, units, diameter, record, folder, tuple(notices))


def _events(source: Events, place: Path | None, notices: list[str]) -> list[Event]:
    """Return the events of a source; those kept in a review, if it has one."""
    if place is None or not (place.is_dir() or place.suffix.lower() == ".csv"):
        return events_of(source, None, notices)
    for folder in result_folders(folder_of(place)):
        path = folder / REVIEW
        if path.is_file() and folder == folder_of(place):
            review = review_of_results(path)
            kept = review.kept()
            undecided = len(review.detected) - review.decided
            notices.append(
                f"Only events that were kept or added in the review are measured: {len(kept)} of {len(review.items)}"
                + (f"; {undecided} have no decision yet." if undecided else ".")
            )
            return kept
    return events_of(source, None, notices)


def _movie(
    given: Movie | np.ndarray | str | Path | None,
    place: Path | None,
    chosen: CellsAroundSettings,
    other_movie: bool,
    notices: list[str],
) -> Movie:
    """Open the movie of the events, and refuse another one."""
    channel, planes = chosen.channel, _planes(chosen)
    if given is not None:
        opened = open_movie(given, channel, least_frames=1, over_z=planes)
        if place is not None:
            notices += require_movie(opened, record_of_events(place).movie, place, other_movie)
        return opened
    if place is None:
        raise WrongInputError("The events have no file, so their movie is not known: specify the movie.")
    record = record_of_events(place)
    if record.movie.file is None:
        raise WrongInputError(f"{place} does not say which movie its events belong to: specify the movie with --movie.")
    found = find_movie(record, folder_of(place))
    if found is None:
        raise WrongInputError(
            f"the movie {record.movie.file} of the events in {place} was not found, or has other pixels now: restore it, or "
            "specify it with --movie."
        )
    return open_movie(found, record.settings.channel if channel is None else channel, least_frames=1, over_z=planes)


def _planes(chosen: CellsAroundSettings) -> Planes:
    """Return what is done with planes (Z): as in a detection they are frames, unless they are projected."""
    return "max" if chosen.project == "max" else "time"


def _traces(
    movie: Movie, events: Sequence[Event], segments: FrameSegmenter, chosen: CellsAroundSettings, report: Report
) -> Iterator[CellTrace]:
    """Yield the trace of each event, in the order of the events."""
    inside = [_is_inside(one, movie.shape) for one in events]
    ranges = [range(max(0, one.frame - chosen.before), min(len(movie), one.frame + chosen.after + 1)) for one in events]
    needed = sorted({t for ok, frames in zip(inside, ranges, strict=True) if ok for t in frames})
    steps = frame_steps(movie, needed, segments.scale.diameter_px, PartReport(report, 0, 10))
    half = max(8, round(chosen.field_diameters * segments.scale.diameter_px))
    windows = [
        windows_of((one.y, one.x), frames, one.frame, steps, half, movie.shape[1:]) if ok else None
        for ok, one, frames in zip(inside, events, ranges, strict=True)
    ]
    fields = _Fields(movie, windows, segments)
    done: dict[int, CellTrace] = {}
    for count, t in enumerate(needed):
        report(0.1 + 0.9 * count / len(needed), "following cells")
        for index in fields.read(t):
            field = fields.take(index)
            done[index] = trace_event(index + 1, events[index], field, segments.scale.diameter_px, chosen.seed)
    for index, event in enumerate(events):
        yield done.get(index) or CellTrace(index + 1, event, NOT_IN_MOVIE, opinion=Opinion("unknown", NOT_IN_MOVIE))


class _Fields:
    """Collects the fields of events while the movie is read once, frame by frame; only current fields are in memory."""

    def __init__(self, movie: Movie, windows: Sequence[Window | None], segments: FrameSegmenter) -> None:
        self._movie, self._windows, self._segments = movie, windows, segments
        self._open: dict[int, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}

    def read(self, t: int) -> list[int]:
        """Read a frame, and return the indices of the events whose fields are complete."""
        frame = self._movie.frames(t, t + 1)[0]
        due = [n for n, one in enumerate(self._windows) if one is not None and one.start <= t < one.stop]
        places = {n: self._windows[n].at(t) for n in due}  # type: ignore[union-attr]
        area = sum((y.stop - y.start) * (x.stop - x.start) for y, x in places.values())
        whole = self._segments(frame) if area > _WHOLE_FRAME * frame.size else None
        for n, place in places.items():
            image = frame[place]
            labels, border = (whole.labels[place], whole.border[place]) if whole is not None else self._segmented(image)
            # Labels of a field are few, and the border map needs no more than half precision.
            _, few = np.unique(labels, return_inverse=True)
            few = few.reshape(labels.shape) + (0 if (labels == 0).any() else 1)
            self._open.setdefault(n, []).append((image.copy(), few.astype(np.uint16), border.astype(np.float16)))
        return [n for n in due if self._windows[n].stop == t + 1]  # type: ignore[union-attr]

    def _segmented(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = self._segments(image)
        return found.labels, found.border

    def take(self, index: int) -> Field:
        """Return a complete field, and forget it."""
        images, labels, border = (np.stack(part) for part in zip(*self._open.pop(index), strict=True))
        window = self._windows[index]
        assert window is not None
        light = images.astype(np.float32) * (-1 if self._segments.scale.dark else 1)
        views = Views(border.astype(np.float32), labels.astype(np.int32), light)
        return Field(np.arange(window.start, window.stop), window.corners, images, views)


def _is_inside(event: Event, shape: tuple[int, int, int]) -> bool:
    frames, height, width = shape
    return 0 <= event.frame < frames and -0.5 <= event.y < height - 0.5 and -0.5 <= event.x < width - 0.5


def _measured_again(movie: Movie, rois: Path, report: Report) -> tuple[tuple[CellTrace, ...], float]:
    """Measure the cells of an earlier measurement again, with the outlines in a ROI zip."""
    traces, diameter, seed = read_followed(rois.parent, movie)
    outlines = read_cell_outlines(rois)
    known = {(one.number, frame) for one in traces for frame in one.frames.tolist()}
    strange = next((key for key in outlines if key[:2] not in known), None)
    if strange is not None:
        raise WrongInputError(
            f"{rois} contains an outline of the cell of event {strange[0]} in frame {strange[1] + 1}, but the measurement next "
            "to it has none there: use the ROIs of this measurement."
        )
    again = []
    for count, trace in enumerate(traces):
        report(count / len(traces), "measuring cells")
        again.append(_edited(trace, outlines, movie, seed))
    return tuple(again), diameter


def _edited(trace: CellTrace, outlines: dict[tuple[int, int, int], np.ndarray], movie: Movie, seed: int) -> CellTrace:
    """Return the trace of one event with other outlines, measured."""
    if trace.problem:
        return trace
    shape = trace.labels.shape[1:]
    regions = {
        (index, part): filled(outlines[key] - trace.corners[index], shape)
        for index, frame in enumerate(trace.frames.tolist())
        for part in range(3)
        if (key := (trace.number, frame, part)) in outlines
    }
    images = np.stack(
        [
            movie.frames(frame, frame + 1)[0][y : y + shape[0], x : x + shape[1]]
            for frame, (y, x) in zip(trace.frames.tolist(), trace.corners.tolist(), strict=True)
        ]
    )
    return measured(edited(trace, regions), images, seed)
