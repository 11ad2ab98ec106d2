"""A network as a value: its description and its weights, without any framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from epifiji.data.events import wrong_class_name
from epifiji.data.settings.detection import Level, Voxels

DEXNET: Literal["dexnet"] = "dexnet"
EPINET: Literal["epinet"] = "epinet"
"""Families of networks: classifying windows one by one, or predicting maps of whole frames."""

SEEN = {
    DEXNET: "windows of {frames} frames of {side} x {side} px",
    EPINET: "whole frames, {frames} of them at once",
}
"""What a network of a family looks at, in words."""

NOTHING = "nothing"
"""Name of class 0, which every network has: no event."""


MOST_CLASSES = 100
LONGEST_NAME = 100


class LearntMovie(BaseModel):
    """A movie that a network learnt from, or whose events chose its thresholds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=1000, description="Name of the movie.")
    file_sha256: str | None = Field(None, max_length=64, description="SHA-256 of its file, if it had one.")
    pixels_sha256: str = Field(max_length=64, description="SHA-256 of its pixels.")


class NetworkDescription(BaseModel):
    """What ``network.json`` says of a network, beside its weights."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(1, ge=1, le=1, description="Version of this file's form.")
    kind: Literal["dexnet", "epinet"] = Field(
        DEXNET, description="Architecture: windows one by one (dexnet), or whole frames (epinet)."
    )
    name: str = Field(
        min_length=1, max_length=LONGEST_NAME, pattern=r"\S", description="Name of the network, not of blanks alone."
    )
    classes: tuple[Annotated[str, Field(max_length=LONGEST_NAME)], ...] = Field(
        min_length=2,
        max_length=MOST_CLASSES,
        description="Class names in the order of the network's outputs, 'nothing' first.",
    )
    window_half_size_px: int = Field(22, ge=4, le=200, description="A window has twice this plus one pixels a side.")
    frames_before: int = Field(5, ge=1, le=100, description="Frames of a window before its centre frame.")
    frames_after: int = Field(5, ge=1, le=100, description="Frames of a window from its centre frame on.")
    cell_diameter_px: float = Field(
        gt=0, le=2000, allow_inf_nan=False, description="Cell diameter that the network was trained for, in pixels."
    )
    event_duration_frames: float = Field(
        gt=0, le=10000, allow_inf_nan=False, description="Event duration that the network was trained for, in frames."
    )
    thresholds: dict[str, Level] = Field(
        {}, description="Least mean probability of an event of a class, 0-255, where the user gives none."
    )
    min_volumes: dict[str, Voxels] = Field(
        {}, description="Volume in voxels that an event of a class must exceed, where the user gives none."
    )
    members: int = Field(1, ge=1, le=64, description="Number of networks whose probabilities are averaged.")
    provenance: str = Field("", description="Who trained it, on what, where it came from, its licence.")
    origin: str = Field("", description="The folder, zip or address that it was imported from.")
    learnt_from: tuple[LearntMovie, ...] = Field(
        (),
        max_length=1000,
        description="The movies that it, or a network that it began with, learnt from or was chosen by.",
    )
    weights_sha256: tuple[str, ...] = Field(
        (), max_length=64, description="SHA-256 of each member's weights file, in order."
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

    @property
    def events(self) -> tuple[str, ...]:
        """The classes that are events: all but the first."""
        return self.classes[1:]

    @property
    def window_size_px(self) -> int:
        """Side of a window in pixels."""
        return 2 * self.window_half_size_px + 1

    @property
    def sees(self) -> str:
        """What the network looks at, in words."""
        return SEEN[self.kind].format(frames=self.window_frames, side=self.window_size_px)

    @property
    def window_frames(self) -> int:
        """Frames of a window."""
        return self.frames_before + self.frames_after


def first_problem(error: ValidationError) -> str:
    """Say what is wrong with the first value of a description that is."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"


Weights = dict[str, np.ndarray]
"""A member's arrays by name, such as ``conv_0/kernel``; see :mod:`epifiji.engine.networks.dexnet.model`."""


def unlike(weights: Weights, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say what is wrong with a member's arrays where they shall have these shapes and no others, or give an empty text."""
    for key, shape in shapes.items():
        if key not in weights:
            return f"{key} is missing"
        if weights[key].shape != shape:
            return f"{key} has the shape {weights[key].shape} instead of {shape}"
        if weights[key].dtype != np.float32 or not np.isfinite(weights[key]).all():
            return f"{key} is not made of finite 32-bit numbers"
    unexpected = sorted(set(weights) - set(shapes))
    return f"{unexpected[0]} is unexpected" if unexpected else ""


@dataclass(frozen=True)
class Network:
    """One network, or several whose probabilities are averaged."""

    description: NetworkDescription
    weights: tuple[Weights, ...]
    source: str = ""
    sha256: str = ""

    def __repr__(self) -> str:
        described = self.description
        where = f", from {self.source}" if self.source else ""
        return f"<Network {described.name}: {described.kind}, finds {', '.join(described.events)}{where}>"
