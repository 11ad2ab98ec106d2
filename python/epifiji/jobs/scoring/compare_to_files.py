"""A complete comparison: scores, ROIs of matches and errors, and curves over the threshold, written all or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.comparison import ComparisonSettings
from epifiji.files.event_sources import Events
from epifiji.files.results.comparisons import (
    COMPARISON_TABLE,
    CURVE_PICTURE,
    CURVE_TABLE,
    comparison_files,
    require_same_movie,
)
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.scoring.compare import Comparison, compare
from epifiji.jobs.scoring.threshold_curve import threshold_curve


def run_comparison(
    detected: Events,
    reference: Events,
    settings: ComparisonSettings,
    folder: Path | None = None,
    curve: bool = False,
    overwrite: bool = False,
    movie: str | None = None,
) -> tuple[Comparison, list[Path]]:
    """Compare, and write the results to `folder`, if specified, under the name `movie` if the detected side has none.

    Raises
    ------
    WrongInputError
        As :func:`~epifiji.jobs.scoring.compare.compare` and
        :func:`~epifiji.jobs.scoring.threshold_curve.threshold_curve`, or if a file would be overwritten without
        permission.
    """
    if folder is not None:
        require_absent(folder, (COMPARISON_TABLE, CURVE_TABLE, CURVE_PICTURE), overwrite)
    if curve and not isinstance(detected, str | Path):
        raise WrongInputError(
            "A curve over the threshold needs probability maps, but ROIs were given: specify a result folder with "
            "maps as detected."
        )
    how = settings.distance_xy, settings.distance_t, settings.counting
    comparison = compare(detected, reference, *how)
    if movie is not None and not isinstance(detected, str | Path):
        comparison = replace(comparison, movie=movie)
    if folder is None:
        return comparison, []
    curves = threshold_curve(str(detected), reference, *how) if curve else None
    names = comparison_files(comparison.movie, comparison.scores.classes)
    require_same_movie(folder, comparison.movie)
    require_absent(folder, names, overwrite)
    with new_files(folder, names) as partial:
        comparison.save(partial)
        if curves is not None:
            curves.save(partial)
        written = sorted(file.name for file in partial.iterdir())
    return comparison, [folder / name for name in written]
