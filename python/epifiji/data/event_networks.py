"""Networks that find events in movies."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from epifiji.data.events import wrong_class_name
from epifiji.data.network import LONGEST_NAME, NOTHING, AnyNetwork, Network, NetworkDescription, require_task
from epifiji.data.score_map import ScoreMap
from epifiji.data.settings.detection import Level, Voxels

MOST_CLASSES = 100

ORDER = (
    *("format", "kind", "name", "classes", "window_half_size_px", "frames_before", "frames_after"),
    *("cell_diameter_px", "event_duration_frames", "thresholds", "min_volumes", "calibration", "calibrated_on"),
    *("members", "provenance", "origin", "learnt_from", "weights_sha256"),
)
"""The entries of a file in their fixed order."""


class EventNetworkDescription(NetworkDescription):
    """Content of ``network.json`` of a network that finds events.

    Detection needs all of it for every family: the classes, the frames and pixels around a place that its prediction
    needs (a window), the scale, and the defaults for each class.
    """

    task: ClassVar[str] = "events"
    axes: ClassVar[str] = "TYX"
    verb: ClassVar[str] = "finds"

    classes: tuple[Annotated[str, Field(max_length=LONGEST_NAME)], ...] = Field(
        min_length=2,
        max_length=MOST_CLASSES,
        description="Class names in the order of the network's outputs, 'nothing' first.",
    )
    window_half_size_px: int = Field(22, ge=4, le=200, description="A window has twice this plus one pixels a side.")
    frames_before: int = Field(5, ge=1, le=100, description="Frames of a window before its centre frame.")
    frames_after: int = Field(5, ge=1, le=100, description="Frames of a window from its centre frame on.")
    event_duration_frames: float = Field(
        gt=0, le=10000, allow_inf_nan=False, description="Event duration that the network was trained for, in frames."
    )
    thresholds: dict[str, Level] = Field(
        {}, description="Default of the least mean probability of an event, by class, 0-255."
    )
    min_volumes: dict[str, Voxels] = Field(
        {}, description="Default of the volume in voxels that an event must exceed, by class."
    )
    calibration: dict[str, ScoreMap] = Field(
        {},
        description="Maps from mean probabilities to shares of events that are right, by class; only of calibrated classes.",
    )
    calibrated_on: str = Field(
        "", max_length=LONGEST_NAME, description="Movies on which scores mean this, such as '57 simulated movies'."
    )

    @field_validator("classes")
    @classmethod
    def _check_classes(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if classes[0] != NOTHING:
            raise ValueError(f"the first class is {classes[0]!r} instead of {NOTHING!r}")
        for number, name in enumerate(classes):
            if name in classes[:number]:
                raise ValueError(f"the class {name!r} comes twice")
            if wrong := wrong_class_name(name):
                raise ValueError(wrong)
        return classes

    @model_validator(mode="after")
    def _check_calibration(self) -> Self:
        for name in self.calibration:
            if name not in self.events:
                raise ValueError(f"calibration has the class {name[:LONGEST_NAME]!r}, which the network does not find")
        return self

    @model_serializer(mode="wrap")
    def _in_order(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = write(self)
        if not self.calibration:
            # Earlier versions refuse entries that they do not know.
            for entry in ("calibration", "calibrated_on"):
                written.pop(entry, None)
        return {key: written[key] for key in ORDER if key in written}

    @property
    def events(self) -> tuple[str, ...]:
        """The classes that are events: all but the first."""
        return self.classes[1:]

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`: the classes that are events."""
        return self.events

    @property
    def scale(self) -> dict[str, float]:
        """See :class:`~epifiji.data.network.NetworkDescription`: along T the duration of events in frames."""
        return {"T": self.event_duration_frames, **super().scale}

    @property
    def trained_for(self) -> str:
        """The scale in words."""
        return f"{super().trained_for} and events of {self.event_duration_frames:g} frames"

    @property
    def window_size_px(self) -> int:
        """Side of a window in pixels."""
        return 2 * self.window_half_size_px + 1

    @property
    def window_frames(self) -> int:
        """Frames of a window."""
        return self.frames_before + self.frames_after


class DexNetDescription(EventNetworkDescription):
    """A DeXNet: it classifies windows one by one."""

    kind: Literal["dexnet"] = Field("dexnet", description="Windows one by one.")

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return f"windows of {self.window_frames} frames of {self.window_size_px} x {self.window_size_px} px"


class EpiNetDescription(EventNetworkDescription):
    """An EpiNet: it predicts maps of whole frames; a window is what it learns to fill around an event."""

    kind: Literal["epinet"] = Field("epinet", description="Whole frames.")

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return f"whole frames, {self.window_frames} of them at once"


EventNetwork = Network[EventNetworkDescription]
"""A network that finds events."""


def event_network(network: AnyNetwork) -> EventNetwork:
    """Return a network of any family if it finds events.

    Raises
    ------
    WrongInputError
        If it has another task.
    """
    require_task(network, EventNetworkDescription, "finds events")
    return cast(EventNetwork, network)
