"""The settings of every job: names, units, ranges, defaults and help, in one place.

The command line's options, Python's keyword arguments, a worker's requests, ImageJ's dialogs and macro keys, and the README's
table all come from these models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from epifiji.data.errors import WrongInputError

MIN_FRAMES = 5
"""A shorter movie has no event to be seen."""

MODES = ("fast", "exact", "compatible")
DEFAULT_THRESHOLD = {"fast": 160, "exact": 160, "compatible": 180}
DEFAULT_MIN_VOLUME = {"fast": 600, "exact": 600, "compatible": 800}
"""Thresholds belong to an arithmetic: compatible mode weighs windows otherwise, which changes a map's levels and sizes."""

OTHER_MOVIE = "Use the results though the movie is not the one that they were found in, by its pixels."


def _by_class(value: object) -> object:
    """Read one number, or numbers by class written as ``cell_death=170,cell_sop=190``."""
    if not isinstance(value, str):
        return value
    if "=" not in value:
        return _number(value)
    pairs: dict[str, object] = {}
    for part in value.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        if not (name and equals and number) or name in pairs:
            raise ValueError("a number, or numbers by class such as cell_death=170,cell_sop=190")
        pairs[name] = _number(number)
    return pairs


def _number(text: str) -> int:
    if not re.fullmatch(r"\s*[+-]?\d+\s*", text):
        raise ValueError("a whole number, or whole numbers by class such as cell_death=170,cell_sop=190")
    return int(text)


def names(value: object) -> object:
    """Read names separated by commas."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
        if not value:
            raise ValueError("one or more class names separated by commas, such as cell_death,cell_division")
    return value


def _class_names(value: object) -> object:
    """Read names of classes, one at least: to look for none is never meant."""
    read = names(value)
    if isinstance(read, list | tuple | set | frozenset) and not read:
        raise ValueError("one or more class names")
    return read


Level = Annotated[int, Field(ge=0, le=255)]
Voxels = Annotated[int, Field(ge=0, le=1_000_000_000)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1, title="number")]


class Settings(BaseModel):
    """What all settings share: unknown names are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


AnyEvents = TypeVar("AnyEvents", bound="EventSettings")


class EventSettings(Settings):
    """How a probability map becomes events."""

    events: Annotated[tuple[str, ...] | None, BeforeValidator(_class_names)] = Field(
        None,
        description="Event classes to look for, separated by commas; all of the network's where not given.",
        title="classes",
    )
    threshold: Annotated[Level | dict[str, Level] | None, BeforeValidator(_by_class)] = Field(
        None,
        title="0-255",
        description="Least mean probability of an event, 0-255; one number, or by class as in cell_death=170,cell_sop=190. "
        f"Default: the network's own for each class; {DEFAULT_THRESHOLD['exact']} where it has none, and always "
        f"{DEFAULT_THRESHOLD['compatible']} in compatible mode.",
    )
    min_volume: Annotated[Voxels | dict[str, Voxels] | None, BeforeValidator(_by_class)] = Field(
        None,
        title="voxels",
        description="An event's volume is larger than this, in voxels of the map; one number, or by class. "
        f"Default: the network's own for each class; {DEFAULT_MIN_VOLUME['exact']} where it has none, and always "
        f"{DEFAULT_MIN_VOLUME['compatible']} in compatible mode.",
    )
    seed_distance_xy: int = Field(
        10, ge=1, le=1000, title="px", description="Two peaks of a map closer than this in x and y are one event."
    )
    seed_distance_t: int = Field(
        4, ge=1, le=1000, title="frames", description="Two peaks of a map closer than this in time are one event."
    )

    def threshold_of(self, event: str, mode: str) -> int:
        """Give the threshold of a class, 0–255."""
        return _of(self.threshold, event, DEFAULT_THRESHOLD[mode])

    def min_volume_of(self, event: str, mode: str) -> int:
        """Give the volume in voxels that an event of a class must exceed."""
        return _of(self.min_volume, event, DEFAULT_MIN_VOLUME[mode])

    def resolved(self, events: Iterable[str], mode: str) -> dict[str, Any]:
        """Give all settings as plain values, with what each class gets where a default or one number stood for all."""
        events = list(events)
        return self.model_dump() | {
            "events": events,
            "threshold": {name: self.threshold_of(name, mode) for name in events},
            "min_volume": {name: self.min_volume_of(name, mode) for name in events},
        }

    def with_defaults(
        self: AnyEvents, thresholds: Mapping[str, int], min_volumes: Mapping[str, int], mode: str
    ) -> AnyEvents:
        """Give these settings with a network's own thresholds and volumes, by class, where the user gave none.

        They were chosen in fast mode, whose arithmetic is that of exact mode; in compatible mode they mean nothing.
        """
        if mode == "compatible":
            return self
        return self.model_copy(
            update={
                "threshold": _filled(self.threshold, thresholds),
                "min_volume": _filled(self.min_volume, min_volumes),
            }
        )

    def chosen_events(self, known: Iterable[str]) -> tuple[str, ...]:
        """Give the classes to look for, in the network's order.

        Raises
        ------
        WrongInputError
            Where a setting names a class that the network does not know.
        """
        known = tuple(known)
        named = [*(self.events or ()), *_keys(self.threshold), *_keys(self.min_volume)]
        for name in named:
            if name not in known:
                raise WrongInputError(
                    f"the event class {name!r} is not known: the network's classes are {', '.join(known)}."
                )
        return tuple(name for name in known if self.events is None or name in self.events)


class ComputingSettings(Settings):
    """What computes, and with how much memory; the events do not depend on it."""

    memory: int = Field(
        4000,
        ge=1200,
        le=10_000_000,
        title="MB",
        description="About how much memory to use in each process. Large frames are divided into strips to keep to it.",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        "auto",
        description="Where to compute: on the processor (cpu), a graphics card (gpu), or a card where there is one.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        le=1000,
        title="number",
        description="Processes that share the work on this machine. Where not given one process uses all cores.",
    )
    scheduler: str | None = Field(
        None, title="address", description="Address of a dask scheduler whose workers, on other machines, do the work."
    )


class ScaleSettings(Settings):
    """How large a movie's cells are and how long its events take, for a network that knows others."""

    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] | None = Field(
        None,
        title="px|auto",
        description="Diameter of the movie's cells in pixels, or auto to estimate it. The movie is rescaled where it differs "
        "from the network's by more than 30 %. Where not given the movie is taken as it is.",
    )
    event_duration: Annotated[float, Field(gt=0, le=10000, allow_inf_nan=False)] | None = Field(
        None,
        title="frames",
        description="How long an extrusion takes in the movie, in frames. The movie is rescaled in time where it differs "
        "from the network's by more than 30 %. Where not given the movie is taken as it is.",
    )


class MapSettings(ScaleSettings, EventSettings):
    """How a movie becomes a probability map, and that events."""

    step_xy: int = Field(10, ge=1, le=200, title="px", description="Distance between neighbouring windows.")
    step_t: int = Field(2, ge=1, le=50, title="frames", description="Frames between successive windows.")
    mode: Literal["fast", "exact", "compatible"] = Field(
        "fast",
        description="How windows are classified: fast, those alone where an event may be; exact, all of them; compatible, all "
        "of them as the authors' package does, to the bit.",
    )
    channel: int | None = Field(
        None,
        ge=1,
        title="number",
        description="Channel to use where the movie has several, counted from 1 as in ImageJ.",
    )


class DetectionSettings(ComputingSettings, MapSettings):
    """How events are found in a movie, and what is kept of the way there."""

    maps: Literal["none", "raw", "scaled", "clean"] = Field(
        "none",
        description="Probability maps to keep: at the network's scale (raw), also at the movie's (scaled), also with each "
        "event's volume at its mean (clean).",
    )


class MatchingSettings(Settings):
    """When a detected and a reference event are the same."""

    distance_xy: float = Field(
        10, gt=0, le=10000, title="px", allow_inf_nan=False, description="Largest distance between two matching events."
    )
    distance_t: float = Field(
        4, ge=0, le=10000, title="frames", allow_inf_nan=False, description="Most frames between two matching events."
    )


class ComparisonSettings(MatchingSettings):
    """How detected events are compared with a reference."""

    counting: Literal["one-to-one", "authors"] = Field(
        "one-to-one",
        description="How events are matched: one-to-one, the best of all matchings, or authors, one after the other as "
        "DeXtrusion's authors count.",
    )


class StatisticsSettings(Settings):
    """How events are counted over time and space."""

    time_bin: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        title="frames",
        description="Frames that are counted together for the rate. Where not given a twentieth of the movie.",
    )
    bandwidth: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = Field(
        None,
        title="px",
        description="Standard deviation of the Gaussian that smooths the density map. Where not given a tenth of the frame's "
        "shorter side.",
    )
    permutations: int = Field(
        999, ge=19, le=99_999, title="number", description="How many random arrangements the events are compared with."
    )
    frame_distance: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = Field(
        None,
        title="px",
        description="How many pixels one frame counts for in distances in space and time. Where not given the frame's side "
        "divided by the number of frames.",
    )
    seed: Seed = Field(1, description="Another number gives other random arrangements.")


AnySettings = TypeVar("AnySettings", bound=Settings)


def parse_settings(kind: type[AnySettings], values: Mapping[str, Any]) -> AnySettings:
    """Make settings from what a user gave: texts, numbers, or None for what was left out.

    Raises
    ------
    WrongInputError
        One sentence that names the setting, what came, what is expected and where to read on.
    """
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        # Pydantic would take True as 1.
        if name in kind.model_fields and kind.model_fields[name].annotation is not bool and _has_bool(value):
            raise WrongInputError(_unlike(kind, name, value))
    try:
        return kind(**given)
    except ValidationError as problem:
        raise WrongInputError(_sentence(kind, given, problem)) from problem


def _sentence(kind: type[Settings], given: Mapping[str, Any], problem: ValidationError) -> str:
    """Say in one sentence what is wrong with the first bad setting."""
    name = str(problem.errors()[0]["loc"][0])
    if name not in kind.model_fields:
        return f"there is no setting {name!r}: the settings are {', '.join(kind.model_fields)}."
    return _unlike(kind, name, given.get(name))


def _unlike(kind: type[Settings], name: str, value: object) -> str:
    return f"{name} is {value!r}, but {expectation(kind, name)}: give another value, or leave {name} out."


def _has_bool(value: object) -> bool:
    """Say whether a value is, or holds, true or false."""
    # numpy's own is no bool; its name keeps numpy out of here.
    return type(value).__name__ in ("bool", "bool_") or (
        isinstance(value, dict) and any(map(_has_bool, value.values()))
    )


def expectation(kind: type[Settings], name: str) -> str:
    """Say in words which values a setting takes."""
    schema = kind.model_json_schema()
    field = schema["properties"][name]
    choices = [c for c in field.get("anyOf", [field]) if c.get("type") != "null"]
    return f"it must be {' or '.join(_words(choice) for choice in choices)}"


TYPES = {
    "array": "names separated by commas",
    "object": "such numbers by class, as in cell_death=170,cell_sop=190",
    "string": "a text",
}


def _words(choice: Mapping[str, Any]) -> str:
    """Put one alternative of a JSON schema into words."""
    if "enum" in choice or "const" in choice:
        return "one of " + ", ".join(map(str, choice["enum"])) if "enum" in choice else repr(choice["const"]).strip("'")
    if named := choice.get("items", {}).get("enum"):
        return f"{TYPES['array']} out of {', '.join(named)}"
    if choice.get("type") in TYPES:
        return TYPES[choice["type"]]
    kind = "a whole number" if choice.get("type") == "integer" else "a number"
    low, high, above = (choice.get(key) for key in ("minimum", "maximum", "exclusiveMinimum"))
    if above is not None:
        return f"{kind} above {_figure(above)}" + (f" and at most {_figure(high)}" if high is not None else "")
    if low is not None and high is not None:
        return f"{kind} from {_figure(low)} to {_figure(high)}"
    return kind + (f" of at least {_figure(low)}" if low is not None else "")


def _figure(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def _of(value: int | dict[str, int] | None, event: str, default: int) -> int:
    if isinstance(value, dict):
        return value.get(event, default)
    return default if value is None else value


def _filled(value: int | dict[str, int] | None, defaults: Mapping[str, int]) -> int | dict[str, int] | None:
    if isinstance(value, int) or not defaults:
        return value
    return {**defaults, **(value or {})}


def _keys(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, dict) else ()
