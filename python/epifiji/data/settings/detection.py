"""The settings of detection: which events are kept, how maps are computed, at which scale."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import Channel, Settings, class_names, setting

MODES = ("fast", "exact", "compatible")

DEFAULT_THRESHOLD = {"fast": 160, "exact": 160, "compatible": 180}

DEFAULT_MIN_VOLUME = {"fast": 600, "exact": 600, "compatible": 800}
"""Thresholds depend on the arithmetic: compatible mode weights windows differently, which changes a map's levels and sizes."""


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


Level = Annotated[int, Field(ge=0, le=255)]

Voxels = Annotated[int, Field(ge=0, le=1_000_000_000)]

AnyEvents = TypeVar("AnyEvents", bound="EventSettings")

EventClasses = Annotated[
    tuple[str, ...] | None, BeforeValidator(class_names), setting(values="classes", label="Event classes", order=8)
]


class EventSettings(Settings):
    """How a probability map becomes events."""

    events: EventClasses = Field(
        None, description="Event classes to detect, separated by commas. Default: all classes of the network."
    )
    threshold: Annotated[Level | dict[str, Level] | None, BeforeValidator(_by_class)] = setting(
        None,
        range="0-255",
        description="Lowest mean probability of an event, 0-255, which is 255 times its raw score, whether or not scores are "
        "calibrated; one number, or by class as in cell_death=170,cell_sop=190. "
        f"Default: the network's own for each class; {DEFAULT_THRESHOLD['exact']} if it has none, and always "
        f"{DEFAULT_THRESHOLD['compatible']} in compatible mode.",
        label="Threshold",
        order=9,
    )
    min_volume: Annotated[Voxels | dict[str, Voxels] | None, BeforeValidator(_by_class)] = setting(
        None,
        unit="voxels",
        description="An event's volume is larger than this, in voxels of the map; one number, or by class. "
        f"Default: the network's own for each class; {DEFAULT_MIN_VOLUME['exact']} if it has none, and always "
        f"{DEFAULT_MIN_VOLUME['compatible']} in compatible mode.",
        label="Minimum volume",
        order=10,
    )
    seed_distance_xy: int = setting(
        10,
        ge=1,
        le=1000,
        unit="px",
        description="Two peaks of a map closer than this in x and y are one event.",
        label="Minimum peak distance in x and y",
        page="more",
    )
    seed_distance_t: int = setting(
        4,
        ge=1,
        le=1000,
        unit="frames",
        description="Two peaks of a map closer than this in time are one event.",
        label="Minimum peak distance in time",
        page="more",
    )

    def threshold_of(self, event: str, mode: str) -> int:
        """Return the threshold of a class, 0–255."""
        return _of(self.threshold, event, DEFAULT_THRESHOLD[mode])

    def min_volume_of(self, event: str, mode: str) -> int:
        """Return the minimum volume of a class in voxels, which an event must exceed."""
        return _of(self.min_volume, event, DEFAULT_MIN_VOLUME[mode])

    def resolved(self, events: Iterable[str], mode: str) -> dict[str, Any]:
        """Return all settings as plain values, with the value of each class instead of a default or a common number."""
        events = list(events)
        return self.model_dump() | {
            "events": events,
            "threshold": {name: self.threshold_of(name, mode) for name in events},
            "min_volume": {name: self.min_volume_of(name, mode) for name in events},
        }

    def with_defaults(
        self: AnyEvents, thresholds: Mapping[str, int], min_volumes: Mapping[str, int], mode: str
    ) -> AnyEvents:
        """Return these settings with a network's own thresholds and volumes, by class, as defaults.

        They were chosen in fast mode, whose arithmetic is that of exact mode; they are not valid in compatible mode.
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
        """Return the classes to detect, in the network's order.

        Raises
        ------
        WrongInputError
            If a setting names a class that the network does not know.
        """
        known = tuple(known)
        named = [*(self.events or ()), *_keys(self.threshold), *_keys(self.min_volume)]
        for name in named:
            if name not in known:
                raise WrongInputError(
                    f"the event class {name!r} is not known: the network's classes are {', '.join(known)}."
                )
        return tuple(name for name in known if self.events is None or name in self.events)


BASE_MEGABYTES = 700
"""Memory that the program needs without a movie: TensorFlow, a network, a batch of windows."""


class ComputingSettings(Settings):
    """Hardware and memory of the computation; the events do not depend on them."""

    memory: int = setting(
        4000,
        ge=1200,
        le=10_000_000,
        unit="MB",
        description="Approximate memory of each process. Large frames are processed in parts to stay within it, or refused if "
        "that is not possible.",
        page="more",
    )
    device: Literal["auto", "cpu", "gpu"] = setting(
        "auto",
        description="Device for the computation: the processor (cpu), a graphics card (gpu), or a card if there is one (auto).",
        page="more",
    )
    workers: int | None = setting(
        None,
        ge=1,
        le=1000,
        values="number",
        description="Number of processes that share the work on this machine. Default: one process, which uses all cores.",
        page="macro",
    )
    scheduler: str | None = setting(
        None,
        values="address",
        description="Address of a dask scheduler whose workers, on other machines, compute.",
        page="macro",
    )


class ScaleSettings(Settings):
    """Scale of a movie: the size of its cells and the duration of its events, if they differ from the network's."""

    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] | None = setting(
        None,
        range="px|auto",
        description="Diameter of the movie's cells in pixels, or auto to estimate it. The movie is rescaled if it differs "
        "from the network's by more than 30 %. Default: no rescaling.",
        order=6,
        calibrated=True,
    )
    event_duration: Annotated[float, Field(gt=0, le=10000, allow_inf_nan=False)] | None = setting(
        None,
        unit="frames",
        description="Duration of an extrusion in the movie, in frames. The movie is rescaled in time if it differs "
        "from the network's by more than 30 %. Default: no rescaling.",
        order=7,
        calibrated=True,
    )


class MapSettings(ScaleSettings, EventSettings):
    """Computation of a probability map from a movie, and of events from that."""

    step_xy: int = setting(
        10,
        ge=1,
        le=200,
        unit="px",
        description="Distance between neighbouring windows.",
        label="Window step in x and y",
        page="more",
    )
    step_t: int = setting(
        2,
        ge=1,
        le=50,
        unit="frames",
        description="Frames between successive windows.",
        label="Window step in time",
        page="more",
    )
    mode: Literal["fast", "exact", "compatible"] = setting(
        "fast",
        description="Which windows are classified: fast, only those in which a prefilter predicts an event; exact, all; "
        "compatible, all, identically to the authors' package.",
        page="more",
    )
    channel: Channel = None


class DetectionSettings(ComputingSettings, MapSettings):
    """How events are detected in a movie, and which maps are kept."""

    maps: Literal["none", "raw", "scaled", "clean"] = setting(
        "none",
        description="Probability maps to keep: at the network's scale (raw), also at the movie's (scaled), also with "
        "each event's volume at its mean (clean).",
        label="Probability maps",
        order=11,
    )


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
