"""Published images and movies with annotated events or cells that can be downloaded, and what was published about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from epifiji.data.errors import WrongInputError

ARCHIVE = "https://zenodo.org/api/records"
"""Where records of datasets are described: the archive's programming interface."""

Contents = Literal["events", "cells", "volumes"]


@dataclass(frozen=True)
class PublishedScore:
    """A published score: what was scored on which data, the text of its value, and the source."""

    about: str
    value: str
    source: str


@dataclass(frozen=True)
class Dataset:
    """A published dataset.

    Parameters
    ----------
    name
        Its name in commands.
    record
        Number of its record in the archive, which determines its DOI.
    contents
        What is annotated.
    description
        What it contains.
    citation
        The paper to cite.
    published
        Scores of its authors.
    """

    name: str
    record: int
    contents: Contents
    description: str
    citation: str
    published: tuple[PublishedScore, ...]

    @property
    def doi(self) -> str:
        """The DOI of the record."""
        return f"10.5281/zenodo.{self.record}"


FOCAL_PLANE = "authors' article in FocalPlane"
HAN_TABLES = "Han et al., tables 2 to 6"

DATASETS = (
    Dataset(
        "dextrusion",
        7586394,
        "events",
        "movies of the Drosophila pupal notum with annotated extrusions, divisions and SOPs",
        "Villars, Letort et al., Development 150, dev201747 (2023)",
        (PublishedScore("precision of extrusions, notum_ExtSOPDiv, on test movies", "0.8 to 0.9", FOCAL_PLANE),),
    ),
    Dataset(
        "dense_cells",
        10668763,
        "cells",
        "images of densely packed immune cells with 12,377 drawn cells, in seven training and seven test parts",
        "Han et al., BMC Medical Informatics and Decision Making 24, 124 (2024)",
        (
            PublishedScore("AP at IoU 0.5, Cellpose cyto as published", "0.516", HAN_TABLES),
            PublishedScore("AP at IoU 0.5, Cellpose trained on seven images from random weights", "0.615", HAN_TABLES),
            PublishedScore("AP at IoU 0.5, Cellpose cyto trained further on seven images", "0.694", HAN_TABLES),
            PublishedScore("AP at IoU 0.5, the same without rotation, with tiles of 448 px", "0.711", HAN_TABLES),
            PublishedScore("AP at IoU 0.5, the same expert drew one image again", "0.662", HAN_TABLES),
        ),
    ),
    Dataset(
        "cartocell",
        10973241,
        "volumes",
        "volumes of epithelial cysts with labelled cells",
        "Andres-San Roman et al., Cell Reports Methods 3, 100597 (2023)",
        (),
    ),
)


def dataset_called(name: str) -> Dataset:
    """Return a dataset by its name.

    Raises
    ------
    WrongInputError
        If there is none of this name.
    """
    found = next((one for one in DATASETS if one.name == name), None)
    if found is None:
        raise WrongInputError(
            f"{name!r} is not a known dataset: choose one of {', '.join(one.name for one in DATASETS)}."
        )
    return found
