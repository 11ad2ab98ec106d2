"""Detection of events in a movie."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork, EventNetworkDescription
from epifiji.data.movie import WINDOW_FRAMES, Movie
from epifiji.data.network import AnyNetwork
from epifiji.data.progress import Report, silent
from epifiji.data.record import RECORD_FORM
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.detection import BASE_MEGABYTES, DetectionSettings
from epifiji.engine.backend.devices import choose_device
from epifiji.engine.cells.diameter import cell_diameter
from epifiji.engine.networks.families import event_family_of
from epifiji.engine.tiling.blocks import Block, BlockPredictor, Probabilities, divide, rows_within
from epifiji.engine.tiling.levels import levelled
from epifiji.engine.tiling.maps import Arithmetic, map_frames
from epifiji.engine.tiling.scaling import Storage, rescale_for_network, rescale_map, scale_factor
from epifiji.engine.tiling.windows import require_room, require_windows
from epifiji.files.movies.movie_file import open_movie
from epifiji.files.results.movie_identity import Watch, described_movie
from epifiji.files.results.result_folder import MAP_KINDS, RAW_MAP, SCALED_MAP
from epifiji.files.storage.scratch import ScratchFolder
from epifiji.files.storage.unfinished import Unfinished
from epifiji.jobs.events.blocks import BlockWork, predictor_of
from epifiji.jobs.events.result import EventFinder, MapScale, Result
from epifiji.jobs.executors import Executor, executor_for
from epifiji.jobs.networks import described_network, event_network_of
from epifiji.jobs.versions import versions

RECORDED = ("classes", "window_half_size_px", "thresholds", "min_volumes", "calibration", "calibrated_on")
"""Entries of a network's description that events are made again from, or reported with."""

MAPS_KEPT = {"none": (), "raw": (RAW_MAP,), "scaled": (RAW_MAP, SCALED_MAP), "clean": MAP_KINDS}


def detect(
    movie: Movie | np.ndarray | str | Path,
    network: AnyNetwork | str | Path | None = None,
    report: Report = silent,
    executor: Executor | None = None,
    keep_until_saved: bool = False,
    **settings: Any,
) -> Result:
    """Find cell events in a movie.

    Parameters
    ----------
    movie
        An array (T, Y, X) of any real dtype, of numpy, dask, zarr or h5py, a file, or a
        :class:`~epifiji.data.movie.Movie`.
    network
        Name, folder or zip of a network. Default: EpiNet, or the one that was chosen with ``epifiji networks default``.
    report
        Called with the progress; may raise to cancel.
    executor
        What computes the blocks, for several movies in turn; see :func:`epifiji.jobs.executors.executor_for`.
    keep_until_saved
        Whether computed blocks stay in the cache until the result is saved. If saving fails, because the disk is full
        or the process is killed, the same detection then takes almost no time.
    **settings
        Those of :class:`~epifiji.data.settings.detection.DetectionSettings`, listed in docs/reference/settings.md:
        ``cell_diameter``, ``event_duration``, ``events``, ``step_xy``, ``step_t``, ``threshold``, ``min_volume``,
        ``maps``, ``mode`` …

    Raises
    ------
    WrongInputError
        If the movie, the network or a setting is not usable; the message says what to do.
    """
    chosen = parse_settings(DetectionSettings, settings)
    started = time.perf_counter()
    opened = open_movie(movie, chosen.channel)
    network = event_network_of(network)
    description = network.description
    classes = chosen.chosen_events(description.events)
    chosen = chosen.with_defaults(description.thresholds, description.min_volumes, chosen.mode)
    require_mode(chosen.mode, description)
    opened = replace(opened, notices=(*opened.notices, *opened.require_finite()))
    diameter = cell_diameter(opened, chosen.cell_diameter)
    scratch = ScratchFolder()
    try:
        detection = _Detection(opened, network, chosen, classes, diameter, scratch, report)
        if executor is not None:
            result = detection.run(started, executor)
        else:
            with executor_for(chosen) as own:
                result = detection.run(started, own)
    except BaseException:
        scratch.remove()
        raise
    if not keep_until_saved:
        result.discard_blocks()
    return result


def require_mode(mode: str, description: EventNetworkDescription) -> None:
    """Refuse compatible mode for a network that is not of the authors' kind.

    Raises
    ------
    WrongInputError
        If so; the message names the network and the mode.
    """
    if mode not in event_family_of(description).modes:
        raise WrongInputError(
            "mode is 'compatible', which repeats what the authors' package does with their networks, but "
            f"{description.name} is another kind of network: choose another mode, or one of the authors' networks."
        )


class _Detection:
    """One run, from a movie to its result."""

    def __init__(
        self,
        movie: Movie,
        network: EventNetwork,
        settings: DetectionSettings,
        classes: tuple[str, ...],
        diameter: float | None,
        scratch: ScratchFolder,
        report: Report,
    ) -> None:
        self.movie, self.network, self.settings, self.classes = movie, network, settings, classes
        self.diameter, self.scratch, self.report = diameter, scratch, report
        self.compatible = settings.mode == "compatible"
        self.pixels_sha256 = movie.sha256()
        self.watch = Watch(movie, self.pixels_sha256, settings.channel)
        self.unfinished: Unfinished | None = None

    def run(self, started: float, executor: Executor) -> Result:
        """Rescale the movie, find events, and assemble the result."""
        description, settings = self.network.description, self.settings
        factor_xy = scale_factor(description.cell_diameter_px, self.diameter)
        factor_t = scale_factor(description.event_duration_frames, settings.event_duration)
        scaled = rescale_for_network(
            levelled(self.movie), factor_t, factor_xy, self.compatible, self.scratch, self.report
        )
        require_room(self.movie.name, scaled.shape, description, rescaled=factor_xy != 1)
        arithmetic = self._arithmetic(scaled.shape)
        require_windows(self.movie.name, scaled.shape, arithmetic.grids)
        predictor = predictor_of(self.network, settings.mode, settings.device)
        loaded = time.perf_counter()
        rows = rows_within(
            settings.memory - BASE_MEGABYTES, scaled.shape, description, predictor, scaled.dtype.itemsize
        )
        blocks = divide(arithmetic.grids, scaled.shape, predictor.frames_at_once, rows)
        answers = self._answers(scaled, arithmetic, blocks, predictor, executor)
        raw = self._new_maps(scaled.shape) if settings.maps != "none" else {}
        clean = self._new_maps(scaled.shape) if settings.maps == "clean" else {}
        finder = EventFinder(self._scale(scaled), self.classes, settings, settings.mode, clean)
        indices = [description.events.index(name) for name in self.classes]
        for t, frame in enumerate(map_frames(scaled.shape, arithmetic, blocks, answers)):
            for name, index in zip(self.classes, indices, strict=True):
                finder.feed(name, frame[index])
                if raw:
                    raw[name][t] = frame[index]
        events = finder.finish()
        record = self._record(scaled, arithmetic, factor_t, factor_xy, predictor)
        self.watch()
        record["seconds"] = {
            "before_first_window": round(loaded - started, 3),
            "total": round(time.perf_counter() - started, 3),
        }
        maps, notices = self._maps(raw, clean), self._notices(scaled)
        return Result(events, self.classes, self.movie, record, maps, notices, unfinished=self.unfinished)

    def _arithmetic(self, shape: tuple[int, int, int]) -> Arithmetic:
        description = self.network.description
        return event_family_of(description).arithmetic(shape, description, self.settings)

    def _answers(
        self, scaled: Movie, arithmetic: Arithmetic, blocks: list[Block], predictor: BlockPredictor, executor: Executor
    ) -> Iterator[Probabilities]:
        """Yield the blocks' probabilities: those of an interrupted run with the same movie and settings, and computed ones."""
        settings, network = self.settings, self.network
        # A network that was not read from a file cannot be identified in a later run.
        self.unfinished = Unfinished(self._identity(scaled, blocks, predictor)) if network.sha256 else None
        unfinished = self.unfinished
        kept = {n for n in range(len(blocks)) if unfinished and unfinished.get(n) is not None}

        def compute(numbers: Iterable[int]) -> Iterator[Probabilities]:
            parts = [(blocks[n], [blocks[n].of(grid) for grid in arithmetic.grids]) for n in numbers]
            work = BlockWork(scaled, parts, network, settings.mode, settings.device, predictor)
            return executor(work, self.report)

        computed = compute(n for n in range(len(blocks)) if n not in kept)
        for number in range(len(blocks)):
            # Read one by one: all kept blocks together may be as large as the movie.
            answer: Probabilities | None = unfinished.get(number) if unfinished and number in kept else next(computed)
            if answer is None:
                # Another run of the same movie has finished and removed it.
                answer = next(compute([number]))
            self.watch()
            if unfinished and number not in kept:
                unfinished.put(number, answer)
            yield answer

    def _identity(self, scaled: Movie, blocks: list[Block], predictor: BlockPredictor) -> dict[str, Any]:
        """Return what the blocks' probabilities depend on, as plain JSON types."""
        settings, description = self.settings, self.network.description
        return {
            "pixels": self.pixels_sha256,
            # Other numbers may have the same bytes.
            "dtype": str(self.movie.dtype),
            "byte_order": sys.byteorder,
            "shape": [self.movie.shape, scaled.shape],
            "scale": [self.diameter, settings.event_duration],
            "network": self.network.sha256,
            "description": description.model_dump(
                mode="json",
                include={
                    "kind",
                    "classes",
                    "members",
                    "window_half_size_px",
                    "frames_before",
                    "frames_after",
                    "cell_diameter_px",
                    "event_duration_frames",
                },
            ),
            "settings": settings.model_dump(include={"mode", "step_xy", "step_t"}),
            "blocks": [(block.start, block.top) for block in blocks],
            "device": asdict(choose_device(settings.device)),
            "machine": platform.machine(),
            "precision": predictor.precision,
            "runtime": predictor.runtime,
            "versions": versions(),
        }

    def _scale(self, scaled: Movie) -> MapScale:
        description = self.network.description
        margin = description.window_half_size_px
        return MapScale(self.movie.shape, scaled.shape, margin, self.compatible, description.calibration)

    def _new_maps(self, shape: tuple[int, int, int]) -> dict[str, Storage]:
        return {name: self.scratch(shape, np.uint8) for name in self.classes}

    def _maps(self, raw: dict[str, Storage], clean: dict[str, Storage]) -> dict[str, dict[str, Storage]]:
        """Bring the requested maps to their scales."""
        kept: dict[str, dict[str, Storage]] = {}
        shape = self.movie.shape
        for kind in MAPS_KEPT[self.settings.maps]:
            if kind == RAW_MAP:
                kept[kind] = raw
            elif kind == SCALED_MAP:
                kept[kind] = {n: rescale_map(m, shape, self.compatible, self.scratch) for n, m in raw.items()}
            else:
                kept[kind] = {n: rescale_map(m, shape, self.compatible, self.scratch, 0) for n, m in clean.items()}
        return kept

    def _notices(self, scaled: Movie) -> tuple[str, ...]:
        notices = list(self.movie.notices)
        if self.settings.cell_diameter == "auto":
            notices.append(f"The cell diameter was estimated as {self.diameter:.1f} px.")
        if scaled.shape[0] < WINDOW_FRAMES:
            state = " after rescaling" if scaled.shape[0] != self.movie.shape[0] else ""
            notices.append(
                f"{self.movie.name} has {scaled.shape[0]} frames{state}, "
                f"fewer than {WINDOW_FRAMES}, so the network sees the first and last one many times: "
                "interpret the events with caution."
            )
        return tuple(notices)

    def _record(
        self, scaled: Movie, arithmetic: Arithmetic, factor_t: float, factor_xy: float, predictor: BlockPredictor
    ) -> dict[str, Any]:
        """Return the record: everything needed to repeat the run, and timings."""
        movie, settings = self.movie, self.settings
        return {
            "epifiji": RECORD_FORM,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "movie": described_movie(movie, self.pixels_sha256),
            "network": described_network(self.network, *RECORDED),
            "settings": settings.resolved(self.classes, settings.mode),
            "scale": {
                "cell_diameter_px": self.diameter,
                "factor_t": factor_t,
                "factor_xy": factor_xy,
                "map_shape": list(scaled.shape),
            },
            "windows": sum(grid.size for grid in arithmetic.grids),
            "screened": predictor.prefiltered,
            "versions": versions(),
            "precision": predictor.precision,
            "runtime": predictor.runtime,
        }
