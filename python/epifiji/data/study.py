"""Protocols of studies: which networks are trained on which images, and how they are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.evaluation import CellEvaluationSettings
from epifiji.data.settings.jobs import CellForm
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings

BASE = "base"
"""Name of the variant with the protocol's own settings of the training."""

Given = Mapping[str, Any]

Row = Mapping[str, Any]
"""A run of a study: ``variant``, ``images``, ``seed``, and scores by their names."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,39}$")]


def _listed(value: object) -> object:
    """Accept a single value as a list of one; in Python True and a text are one value."""
    return value if isinstance(value, list | tuple) else [value]


class StudyProtocol(BaseModel):
    """A study of networks for cells, as its YAML file describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: str = Field(description="Folder of images with their cells to train on.")
    test: str = Field(description="Folder of images with their cells to score on; none of them is trained on.")
    network: str | None = Field(
        None, description="Network whose weights initialise each training. Default: EpiFiji's own."
    )
    from_scratch: bool = Field(False, description="Start from random weights.")
    cells: CellForm = Field("auto", description="What the cells are, as for `train`.")
    training: dict[str, Any] = Field({}, description="Settings of the training.")
    scoring: dict[str, Any] = Field(
        {}, description="Settings of the segmentation and the comparison, as for `evaluate`."
    )
    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=2**32)], ...], BeforeValidator(_listed), Field(min_length=1)
    ] = (1,)
    """Seeds; each training is repeated with each."""
    images: Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_listed)] = ()
    """Numbers of training images of the learning curve; empty: all images only."""
    variants: dict[Name, dict[str, Any]] = Field({}, description="Settings of the training that differ, by a name.")
    sweep: dict[str, Annotated[list[Any], BeforeValidator(_listed), Field(min_length=1)]] = Field(
        {}, description="Values of settings of the segmentation that are tried, one setting at a time."
    )

    @property
    def scoring_settings(self) -> CellEvaluationSettings:
        """How networks are scored."""
        return parse_settings(CellEvaluationSettings, self.scoring)

    def settings_of(self, variant: str, seed: int) -> TrainingSettings:
        """Return the settings of a variant's training with a seed."""
        return parse_settings(TrainingSettings, {**self.training, **self.variants.get(variant, {}), "seed": seed})


@dataclass(frozen=True)
class StudyRun:
    """One training of a study: its variant, the number of its images, and its seed."""

    variant: str
    images: int
    seed: int

    @property
    def name(self) -> str:
        """A name for its network, unique in a study."""
        return f"{self.variant.replace(' ', '_')}_{self.images}_images_seed_{self.seed}"


def differences(base: Mapping[int, Row], rows: Sequence[Row], key: str) -> list[float]:
    """Return the difference of a score from that of the base run with the same seed, of each row where both are defined."""
    pairs = [(row[key], base[row["seed"]][key]) for row in rows if row["seed"] in base]
    return [one - other for one, other in pairs if one is not None and other is not None]


def parse_protocol(content: object, name: str) -> StudyProtocol:
    """Check the content of a protocol.

    Raises
    ------
    WrongInputError
        If an entry or a setting is unknown, or a value is invalid; the sentence names it.
    """
    if not isinstance(content, dict):
        raise WrongInputError(
            f"{name} contains no entries, but a protocol has entries such as train: FOLDER and test: FOLDER, one a line: "
            "write these."
        )
    _require_known(content, StudyProtocol, name, "entry")
    try:
        protocol = StudyProtocol(**content)
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(map(str, first["loc"]))
        came = "nothing" if first["type"] == "missing" else repr(first["input"])
        raise WrongInputError(
            f"{name}: {place} is {came}, but it must be otherwise ({first['msg']}): change it."
        ) from problem
    _check_settings(protocol, name)
    return protocol


def _check_settings(protocol: StudyProtocol, name: str) -> None:
    """Refuse settings that are unknown, invalid, or specified where they have no effect."""
    places: list[tuple[str, Given, type[BaseModel]]] = [
        ("training", protocol.training, TrainingSettings),
        ("scoring", protocol.scoring, CellEvaluationSettings),
        ("sweep", protocol.sweep, SegmentationSettings),
        *((f"variants.{one}", values, TrainingSettings) for one, values in protocol.variants.items()),
    ]
    for place, given, kind in places:
        _require_known(given, kind, f"{name}, {place}", "setting")
        if "seed" in given and kind is TrainingSettings:
            raise WrongInputError(
                f"{name}, {place} has a seed, but each training is repeated with all seeds: specify them as seeds."
            )
    if BASE in protocol.variants:
        raise WrongInputError(
            f"{name} has a variant {BASE!r}, which is the name of the protocol's own settings: give it another."
        )
    if protocol.from_scratch and protocol.network is not None:
        raise WrongInputError(
            f"{name} has from_scratch, which means random weights, and a network to begin with: leave one out."
        )
    for one in (BASE, *protocol.variants):
        protocol.settings_of(one, protocol.seeds[0]).require_task("cells")
    swept = [{key: value} for key, values in protocol.sweep.items() for value in values]
    for changed in ({}, *swept):
        parse_settings(CellEvaluationSettings, {**protocol.scoring, **changed})


def _require_known(given: Given, kind: type[BaseModel], place: str, what: str) -> None:
    """Refuse the first name that a model does not have; the sentence names the most similar one."""
    for name in given:
        if name not in kind.model_fields:
            near = get_close_matches(str(name), kind.model_fields, 1)
            meant = f"did you mean {near[0]}?" if near else f"possible are {', '.join(kind.model_fields)}."
            raise WrongInputError(f"{place}: there is no {what} {name!r}, {meant}")
