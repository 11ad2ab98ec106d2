"""Reports: results of one or several movies as one HTML file and as PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.reports import ReportSettings
from epifiji.data.statistics import Extent
from epifiji.files.documents.html import write_html
from epifiji.files.documents.pdf import write_pdf
from epifiji.files.results.places import folder_of
from epifiji.files.storage.writable import new_files, require_absent
from epifiji.jobs.events.pooled import conditions_given
from epifiji.jobs.reports.contents import document_of
from epifiji.jobs.reports.reported import collect, places_of

HTML, PDF = "report.html", "report.pdf"
FILES = (HTML, PDF)
REPORT = "report"
"""The folder of a report in its result folder."""


def report(
    results: str | Path | Sequence[str | Path],
    out: str | Path | None = None,
    overwrite: bool = False,
    movie: str | Path | Movie | None = None,
    other_movie: bool = False,
    conditions: str | Path | Mapping[str, str] | None = None,
    progress: Report = silent,
    extent: Extent | None = None,
    **settings: Any,
) -> list[Path]:
    """Write a report of results as ``report.html`` and ``report.pdf``.

    It has the movie and the settings, counts and rates, maps, density, clustering, the review, clips of the events, a paragraph
    of methods with references, and the commands that repeat it. Of a finished review, the kept and added events are reported.
    The HTML file contains its pictures and needs no network.

    Parameters
    ----------
    results
        One or several result folders, ROI zips or tables, or a folder that contains result folders.
    out
        The folder to write into. Default for one movie: the folder ``report`` in its result folder.
    overwrite
        Replace an earlier report.
    movie
        The movie of the results, if there is only one. Default: the one in ``run.json``.
    other_movie
        Whether it may be another one than that in which the events were found.
    conditions
        Of several movies: the condition of each by its name, or a table with the columns `movie` and `condition`. Default:
        the name of the folder in which the result folder lies.
    progress
        Called with the progress; may raise to cancel.
    extent
        Size and scale if there is neither movie nor record.
    **settings
        Those of :class:`~epifiji.data.settings.reports.ReportSettings`.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    WrongInputError
        If results or movie cannot be used, a setting is invalid, or files would be overwritten without permission.
    """
    chosen = parse_settings(ReportSettings, settings)
    places = places_of(results)
    if movie is not None and len(places) > 1:
        raise WrongInputError(f"One movie was given for {len(places)} results: leave it out, or report one result.")
    folder = report_folder(places, out)
    require_absent(folder, FILES, overwrite)
    named = conditions_given(conditions)
    collected = [
        collect(place, movie, other_movie, chosen, PartReport(progress, number, 2 * len(places)), extent)
        for number, place in enumerate(places)
    ]
    document = document_of(collected, chosen, PartReport(progress, 1, 2), named)
    with new_files(folder, FILES) as partial:
        write_html(partial / HTML, document)
        write_pdf(partial / PDF, document)
    return [folder / name for name in FILES]


def report_folder(places: Sequence[Path], out: str | Path | None) -> Path:
    """Return the folder of a report.

    Raises
    ------
    WrongInputError
        If there are several results and no folder.
    """
    if out is not None:
        return path_from(out, "the folder to write into")
    if len(places) > 1:
        raise WrongInputError(f"A report of {len(places)} results needs a folder: give --out DIR.")
    return folder_of(places[0]) / REPORT
