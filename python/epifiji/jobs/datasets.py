"""Published datasets: asked about, downloaded, and used to evaluate networks beside what their authors published."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from epifiji.data.datasets import DATASETS, Dataset, dataset_called
from epifiji.data.errors import WrongInputError
from epifiji.data.paths import path_from
from epifiji.data.progress import PartReport, Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.datasets import ArchiveSettings, FetchSettings
from epifiji.files.datasets.folder import Fetched, default_folder, fetch_files, fetched_record
from epifiji.files.datasets.records import Record, read_record
from epifiji.files.labelled_images import has_labelled_cells
from epifiji.files.training_data import has_rois
from epifiji.jobs.scoring.evaluate import GivenNetwork, evaluate
from epifiji.jobs.scoring.report import Evaluation

PUBLISHED_COLUMNS = ["published", "value", "source"]
HOW_TO_FETCH = "run 'epifiji datasets fetch {name}', or specify its folder"


@dataclass(frozen=True)
class ListedDataset:
    """A known dataset; its record, if it was downloaded or the archive was asked, and its folder, if it was downloaded."""

    dataset: Dataset
    record: Record | None
    folder: Path | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        record = self.record
        return {
            **asdict(self.dataset),
            "doi": self.dataset.doi,
            "title": record.title if record else None,
            "licence": record.licence if record else None,
            "bytes": record.size if record else None,
            "files": [{"name": file.name, "bytes": file.size} for file in record.files] if record else None,
            "folder": str(self.folder) if self.folder else None,
        }


def list_datasets(online: bool = False, report: Report = silent, **settings: Any) -> list[ListedDataset]:
    """List the known datasets.

    Parameters
    ----------
    online
        Whether the archive is asked for licences and sizes of those that were not downloaded.
    report
        Called while the archive is asked; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.datasets.ArchiveSettings`.

    Raises
    ------
    WrongInputError
        If the archive does not answer, or the record of a downloaded dataset cannot be read.
    """
    archive = parse_settings(ArchiveSettings, settings).archive
    found = []
    for number, dataset in enumerate(DATASETS):
        folder = default_folder(dataset)
        known = fetched_record(folder)
        asked = read_record(dataset, archive, PartReport(report, number, len(DATASETS))) if online else None
        found.append(ListedDataset(dataset, known or asked, folder if known else None))
    return found


def fetch_dataset(name: str, report: Report = silent, **settings: Any) -> Fetched:
    """Download a published dataset, or the rest of it.

    Parameters
    ----------
    name
        One of :data:`epifiji.data.datasets.DATASETS`.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :class:`~epifiji.data.settings.datasets.FetchSettings`.

    Raises
    ------
    WrongInputError
        If the name is unknown, the archive does not answer, or :func:`epifiji.files.datasets.folder.fetch_files` refuses.
    """
    dataset = dataset_called(name)
    chosen = parse_settings(FetchSettings, settings)
    folder = default_folder(dataset) if chosen.out is None else path_from(chosen.out, "the dataset's folder")
    record = read_record(dataset, chosen.archive, report)
    return fetch_files(dataset, record, folder, chosen.only, int(chosen.largest_gb * 1e9), report)


@dataclass(frozen=True, eq=False)
class DatasetEvaluation:
    """Networks evaluated on a dataset.

    Parameters
    ----------
    dataset, folder
        The dataset, and the folder that was searched.
    parts
        The evaluation on each folder with annotations, by its place in `folder`.
    notices
        Sentences about folders that were left out.
    """

    dataset: Dataset
    folder: Path
    parts: dict[str, Evaluation]
    notices: tuple[str, ...] = ()

    def published_rows(self) -> list[list[str]]:
        """Return a row for each published score, under :data:`PUBLISHED_COLUMNS`."""
        return [[one.about, one.value, one.source] for one in self.dataset.published]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON types."""
        return {
            "dataset": self.dataset.name,
            "doi": self.dataset.doi,
            "folder": str(self.folder),
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
            "published": [asdict(one) for one in self.dataset.published],
            "notices": list(self.notices),
        }


def evaluate_on_dataset(
    name: str,
    networks: GivenNetwork | Sequence[GivenNetwork],
    folder: str | Path | None = None,
    report: Report = silent,
    **settings: Any,
) -> DatasetEvaluation:
    """Evaluate networks on all annotated folders of a dataset.

    Parameters
    ----------
    name
        One of :data:`epifiji.data.datasets.DATASETS`.
    networks
        As for :func:`epifiji.evaluate`.
    folder
        The dataset's folder, or the part of it to use. Default: where ``fetch`` stores it.
    report
        Called with the progress; may raise to cancel.
    **settings
        Those of :func:`epifiji.evaluate`.

    Raises
    ------
    WrongInputError
        If the name is unknown, the dataset is not there or has no annotated folder, it has volumes, or a network or setting is
        not usable.
    """
    dataset = dataset_called(name)
    if dataset.contents == "volumes":
        raise WrongInputError(
            f"{name} contains volumes, but evaluate compares events and cells in images: write its folders into a configuration "
            "and run 'epifiji cartocell predict', which scores the cells of each volume."
        )
    place = default_folder(dataset) if folder is None else path_from(folder, "the dataset's folder")
    if not place.is_dir():
        raise WrongInputError(f"{place} does not exist, but {name} is needed: {HOW_TO_FETCH.format(name=name)}.")
    places = list(_annotated(place, dataset))
    if not places:
        what = "movies with their events as MOVIE_<class>.zip" if dataset.contents == "events" else "images with labels"
        raise WrongInputError(
            f"{place} and its folders contain no {what}: {HOW_TO_FETCH.format(name=name)} with the annotations."
        )
    parts: dict[str, Evaluation] = {}
    notices = []
    for number, one in enumerate(places):
        shown = str(one.relative_to(place)) if one != place else place.name
        try:
            parts[shown] = evaluate(networks, one, PartReport(report, number, len(places), f"{shown}: "), **settings)
        except WrongInputError as problem:
            if len(places) == 1:
                raise
            notices.append(f"{shown} was left out: {problem}")
    if not parts:
        raise WrongInputError(notices[0])
    return DatasetEvaluation(dataset, place, parts, tuple(notices))


def _annotated(place: Path, dataset: Dataset) -> Iterator[Path]:
    """Yield a folder and those inside it that contain annotations of the dataset's kind, without results of EpiFiji."""
    for folder, inner, _ in os.walk(place):
        inner[:] = sorted(one for one in inner if not one.startswith(".") and not one.endswith("_epifiji"))
        if has_rois(Path(folder)) if dataset.contents == "events" else has_labelled_cells(Path(folder)):
            yield Path(folder)
