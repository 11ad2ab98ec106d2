"""Precision and recall over the threshold, from kept probability maps, without running the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.paths import path_from
from epifiji.data.settings.base import formerly, parse_settings
from epifiji.data.settings.detection import EventSettings
from epifiji.engine.events.peaks import POSITIVE_LEVEL
from epifiji.engine.metrics.curves import match_over
from epifiji.engine.metrics.events import DISTANCE_T_FRAMES, DISTANCE_XY_PX, ClassScores, score
from epifiji.files.event_sources import Events, events_given
from epifiji.files.results.comparisons import CURVE_PICTURE, CURVE_TABLE, write_table
from epifiji.files.results.result_folder import find_maps, record_of
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.events.from_maps import events_from_maps
from epifiji.jobs.scoring.compare import Counting, compared_sides, matcher

CURVE_THRESHOLDS = tuple(range(POSITIVE_LEVEL, 255, 5))
"""An event's value is the mean of map levels above the first, so lower thresholds change nothing."""

KEPT_SETTINGS = ("min_volume", "seed_distance_xy", "seed_distance_t")


@dataclass(frozen=True)
class Curve:
    """Scores over the threshold.

    Parameters
    ----------
    thresholds
        0–255, rising.
    classes
        For each class, and ``all``, a score for each threshold.
    used
        The threshold of each class in the run that kept the maps; empty if unknown.
    min_volume
        For each class the minimum volume in voxels.
    movie
        The movie's name.
    notices
        Sentences about events that were not scored.
    """

    thresholds: tuple[int, ...]
    classes: dict[str, tuple[ClassScores, ...]]
    used: dict[str, int]
    min_volume: dict[str, int]
    movie: str
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Curve of {self.movie}: {', '.join(self.classes)}; {len(self.thresholds)} thresholds>"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each class and threshold."""
        for event, scores in self.classes.items():
            for threshold, one in zip(self.thresholds, scores, strict=True):
                yield {"event": event, "threshold": threshold, **asdict(one)}

    @formerly(out="folder")
    def save(self, out: str | Path, overwrite: bool = False) -> list[Path]:
        """Write ``curve.csv`` and ``curve.png``, and return their paths.

        Raises
        ------
        WrongInputError
            If a file would be overwritten without permission, or the folder cannot be written to.
        """
        from epifiji.files.figures.curves import draw_curves

        folder = path_from(out, "the folder to write into")
        names = (CURVE_TABLE, CURVE_PICTURE)
        require_absent(folder, names, overwrite)
        with new_files(folder, names) as partial:
            write_table(partial / CURVE_TABLE, self.rows())
            drawn = {
                event: {key: [getattr(one, key) for one in scores] for key in ("precision", "recall", "f1")}
                for event, scores in self.classes.items()
                if event != "all" or len(self.classes) > 2
            }
            draw_curves(partial / CURVE_PICTURE, self.movie, self.thresholds, drawn, self.used)
        return [folder / name for name in names]


def threshold_curve(
    maps: str | Path,
    reference: Events,
    distance_xy: float = DISTANCE_XY_PX,
    distance_t: float = DISTANCE_T_FRAMES,
    counting: Counting = "one-to-one",
    thresholds: Sequence[int] = CURVE_THRESHOLDS,
    **settings: Any,
) -> Curve:
    """Score the events that a result folder's maps give at each threshold.

    The maps are processed once: an event's position, volume and value do not depend on the threshold, which only
    decides whether it is kept. So each point equals :func:`~epifiji.jobs.events.from_maps.events_from_maps` with that
    threshold.

    Parameters
    ----------
    maps
        A result folder with kept maps, or one map.
    reference, distance_xy, distance_t, counting
        See :func:`~epifiji.jobs.scoring.compare.compare`.
    thresholds
        0–255.
    **settings
        ``min_volume``, ``seed_distance_xy`` and ``seed_distance_t``. Default: those of the run that kept the maps.

    Raises
    ------
    WrongInputError
        If there are no maps, a setting is not usable, or the reference cannot be read.
    """
    if not thresholds or not all(0 <= level <= 255 for level in thresholds):
        raise WrongInputError(
            f"the thresholds of the curve are {list(thresholds)}, but numbers from 0 to 255 are needed: specify others."
        )
    match = matcher(counting, distance_xy, distance_t)
    reference = events_given(reference)
    place = path_from(maps, "the place of the maps")
    if not place.exists():
        raise WrongInputError(f"{place} does not exist: specify a result folder with maps, or a map's file.")
    _, files = find_maps(place)
    record = record_of(place).settings.of_run()
    if unknown := [key for key in settings if key not in KEPT_SETTINGS]:
        raise WrongInputError(
            f"there is no setting {unknown[0]!r} of a curve: the settings are {', '.join(KEPT_SETTINGS)}."
        )
    chosen = _of_classes(record, files, KEPT_SETTINGS) | settings
    result = events_from_maps(place, threshold=0, **chosen)
    mode = result.record["settings"]["mode"]
    sides = compared_sides(result.events, reference, result.classes)
    scores = []
    for level in sorted(thresholds):
        over = match_over(sides.detected, sides.reference, dict.fromkeys(sides.classes, level), match)
        scores.append(score(over, sides.classes))
    earlier = parse_settings(EventSettings, _of_classes(record, files, ("threshold", "min_volume")) | settings)
    scored = [*(name for name in result.classes if name in sides.classes), *sorted(sides.classes - set(result.classes))]
    return Curve(
        tuple(sorted(thresholds)),
        {name: tuple(one.classes[name] for one in scores) for name in scored}
        | {"all": tuple(one.overall for one in scores)},
        {name: earlier.threshold_of(name, mode) for name in result.classes} if "threshold" in record else {},
        {name: earlier.min_volume_of(name, mode) for name in result.classes},
        result.movie.name,
        sides.notices,
    )


def _of_classes(record: dict[str, Any], classes: Iterable[str], keys: Iterable[str]) -> dict[str, Any]:
    """Return settings of an earlier run, for the classes that have maps."""
    kept: dict[str, Any] = {}
    for key in keys:
        value = record.get(key)
        if isinstance(value, dict):
            value = {name: number for name, number in value.items() if name in classes}
        if value is not None:
            kept[key] = value
    return kept
