"""The record of a run, ``run.json``, as it is read.

A result folder may come from an untrusted source. So every value that a later command uses has a type here, and every
name that becomes part of a file name is a plain name. Entries that are not listed here are kept: later versions may add
some.
"""

from __future__ import annotations

from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.data.events import wrong_class_name
from epifiji.data.names import wrong_file_name
from epifiji.data.score_map import ScoreMap
from epifiji.data.settings.base import Settings, expectation
from epifiji.data.settings.detection import Level, MapSettings, Voxels
from epifiji.data.stack_layout import TimeAxis

SHOWN = 60
"""Most characters of a wrong value in a message."""


def _file_name(name: str) -> str:
    if wrong := wrong_file_name(name):
        raise ValueError(wrong)
    return name


def _class_name(name: str) -> str:
    if wrong := wrong_class_name(name) or wrong_file_name(name):
        raise ValueError(wrong)
    return name


def _path(path: str) -> str:
    if "\0" in path:
        raise ValueError("it has a character that no path may have")
    return path


FileName = Annotated[str, AfterValidator(_file_name)]
ClassName = Annotated[str, AfterValidator(_class_name)]
AnyPath = Annotated[str, Field(min_length=1, max_length=32_000), AfterValidator(_path)]
Side = Annotated[int, Field(ge=1, le=100_000_000)]
Shape = tuple[Side, Side, Side]
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]

SHAPE = "three whole numbers of at least 1 (frames, height, width)"
CLASSES = "a list of class names that can be part of a file's name"
SCALE = "a number above 0, or null"


class _Part(BaseModel):
    """Base of all parts; entries of later versions are kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class RecordedLayout(BaseModel):
    """Positions of the frames in ImageJ's stack; see :class:`~epifiji.data.stack_layout.StackLayout`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    time_axis: TimeAxis = Field("T", description="C, Z or T")
    channels: Side = Field(1, description="a whole number of at least 1")
    channel: Side = Field(1, description="a whole number of at least 1")
    first: Side = Field(1, description="a whole number of at least 1")
    step: Side = Field(1, description="a whole number of at least 1")


class RecordedMovie(_Part):
    """The movie in which the events were found."""

    name: FileName | None = Field(None, description="a file's name without folders")
    file: AnyPath | None = Field(None, description="the path of a movie, or null")
    file_from_results: AnyPath | None = Field(None, description="that path as seen from the result folder, or null")
    sha256: str | None = Field(None, description="a SHA-256 as text, or null")
    file_state: tuple[int, int, int, int] | None = Field(None, description="four whole numbers, or null")
    pixels_sha256: str | None = Field(None, description="a SHA-256 as text, or null")
    shape: Shape | None = Field(None, description=SHAPE)
    dtype: str | None = Field(None, description="the name of a numeric type")
    pixel_size_um: Scale | None = Field(None, description=SCALE)
    frame_interval_s: Scale | None = Field(None, description=SCALE)
    layout: RecordedLayout | None = Field(
        None, description="an object with the positions of the frames in ImageJ's stack"
    )


class RecordedNetwork(_Part):
    """The network that found the events."""

    kind: str | None = Field(None, description="the kind of a network as text")
    name: str | None = Field(None, description="the name of a network as text")
    classes: tuple[ClassName, ...] = Field((), description=CLASSES)
    window_half_size_px: Annotated[int, Field(ge=1, le=10_000)] | None = Field(
        None, description="a whole number of pixels of at least 1"
    )
    thresholds: dict[ClassName, Level] = Field({}, description="whole numbers from 0 to 255 by class")
    min_volumes: dict[ClassName, Voxels] = Field({}, description="whole numbers of voxels by class")
    calibration: dict[ClassName, ScoreMap] = Field({}, description="rising maps of scores by class")
    calibrated_on: str = Field("", description="movies on which scores mean this, as text")
    source: AnyPath | None = Field(None, description="the path of a network, or null")
    sha256: str | None = Field(None, description="a SHA-256 as text, or null")


class RecordedSettings(MapSettings):
    """Settings of the detection; the ranges are those of the settings themselves."""

    model_config = ConfigDict(extra="allow", frozen=True)

    events: tuple[ClassName, ...] | None = None
    threshold: Level | dict[ClassName, Level] | None = None
    min_volume: Voxels | dict[ClassName, Voxels] | None = None

    def of_run(self) -> dict[str, Any]:
        """Return the recorded settings only."""
        return self.model_dump(exclude_unset=True)


class RecordedScale(_Part):
    """Factors by which the movie was rescaled for the network."""

    cell_diameter_px: Scale | None = Field(None, description=SCALE)
    factor_t: Scale | None = Field(None, description=SCALE)
    factor_xy: Scale | None = Field(None, description=SCALE)
    map_shape: Shape | None = Field(None, description=SHAPE)


class RunRecord(_Part):
    """Content of ``run.json``; empty for the authors' results, which have none."""

    task: str | None = Field(None, description="cells for a segmentation; null for events")
    movie: RecordedMovie = Field(RecordedMovie(), description="an object that describes a movie")
    network: RecordedNetwork = Field(RecordedNetwork(), description="an object that describes a network")
    settings: RecordedSettings = Field(RecordedSettings(), description="an object with the settings of a run")
    scale: RecordedScale = Field(RecordedScale(), description="an object that describes a scale")
    files: tuple[FileName, ...] = Field((), description="a list of files' names without folders")
    counts: dict[ClassName, Annotated[int, Field(ge=0)]] | None = Field(
        None, description="whole numbers of events by class, or null"
    )

    @property
    def classes(self) -> tuple[str, ...]:
        """All recorded classes: the network's, and those that were searched for."""
        return (*self.network.classes, *(self.settings.events or ()))

    def entries(self) -> dict[str, Any]:
        """Return all entries as plain JSON types, including those that are not listed here."""
        return self.model_dump(mode="json", exclude_unset=True)


def parse_record(place: str, entries: object) -> RunRecord:
    """Validate entries that were read from the file `place`.

    Raises
    ------
    WrongInputError
        If an entry is invalid; the message has the file, the entry, its value and what was expected.
    """
    if not isinstance(entries, dict):
        raise WrongInputError(
            f"{place} contains {_shown(entries)}, but the record of a run was expected: {WHAT_TO_DO}."
        )
    form = entries.get("epifiji")
    if isinstance(form, int) and form > RECORD_FORM:
        raise WrongInputError(
            f"{place} has the form {form} of a later EpiFiji, but {RECORD_FORM} is the latest known here: install a "
            "newer EpiFiji."
        )
    try:
        return RunRecord.model_validate(entries)
    except ValidationError as problem:
        raise WrongInputError(f"{place} cannot be used, as {_sentence(entries, problem)}: {WHAT_TO_DO}.") from problem


RECORD_FORM = 1
"""Version of the record's form, its entry ``epifiji``; later versions may use the same entries with other meanings."""

WHAT_TO_DO = "restore the file as it was, or detect the events again"


def _sentence(entries: dict[str, Any], problem: ValidationError) -> str:
    """Return which entry is wrong, its value and what was expected."""
    first = problem.errors()[0]
    kind: Any = RunRecord
    came: Any = entries
    expected: str | None = None
    named: list[str] = []
    for part in map(str, first["loc"]):
        field = kind.model_fields.get(part) if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        if field is None or not isinstance(came, dict):
            break
        came = came.get(part)
        expected = (
            expectation(kind, part).removeprefix("it must be ") if issubclass(kind, Settings) else field.description
        )
        named.append(part)
        kind = next((one for one in (field.annotation, *get_args(field.annotation)) if isinstance(one, type)), None)
    why = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    return f"{'.'.join(named)} is {_shown(came)}, but it must be {expected}" + (f" ({why})" if why else "")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
