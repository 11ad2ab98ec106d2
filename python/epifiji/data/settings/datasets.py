"""Settings of commands for published datasets: where from, where to, and how much."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from epifiji.data.datasets import ARCHIVE
from epifiji.data.settings.base import Settings, one_or_several, setting


class ArchiveSettings(Settings):
    """Where datasets come from."""

    archive: str = setting(
        ARCHIVE,
        values="address",
        description="Address of the archive's records, to which a record's number is added; change it for a mirror.",
    )


class FetchSettings(ArchiveSettings):
    """What is downloaded of a dataset, and where it is stored."""

    out: str | None = setting(
        None,
        kind="folder",
        description="Folder for the dataset: new, empty, or with a part of it. Default: its own in EpiFiji's data folder.",
    )
    only: Annotated[tuple[str, ...], BeforeValidator(one_or_several)] = setting(
        (),
        values="pattern",
        description="Download only files with such names, for example '*.zip'. Default: all.",
    )
    largest_gb: float = setting(
        20.0,
        gt=0,
        values="number",
        label="Largest download",
        description="Refuse to download more than so many gigabytes.",
    )
