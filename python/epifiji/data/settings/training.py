"""Settings of training a network on annotated movies or images, and of retraining one."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import BeforeValidator, Field

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import Channel, Seed, names, setting
from epifiji.data.settings.detection import ScaleSettings

ROTATION, FLIP, ZOOM = "rotation", "flip", "zoom"
CHANGES = ("gamma", "flicker", "bleach", "shade", "blur", "defocus", "shake", "specks", "noise", ROTATION, FLIP, ZOOM)
"""Names of the changes that are made to what a network learns from; each can be switched off."""

OLDER = {"turns": (ROTATION, FLIP)}
"""Older names of changes."""


def _changes(value: object) -> object:
    """Read names of changes; older names are replaced."""
    read = names(value)
    if not isinstance(read, list | tuple):
        return read
    return [name for one in read for name in OLDER.get(one, (one,))]


OF_MOVIES = frozenset({"flicker", "bleach", "shake"})
"""Those that change a frame relative to others; networks for cells, which process single frames, are trained without them."""

OF_CELLS = tuple(change for change in CHANGES if change not in OF_MOVIES)
"""The changes that are made to what networks for cells learn from."""

OF_ONE_TASK = {
    "event_duration": "events",
    "unmarked": "events",
    "loss": "cells",
    "tile_size": "cells",
    "batch_size": "cells",
}
"""Settings that have no effect on networks for another task than this one."""

TASKS = {"events": "a network that finds events", "cells": "a network that segments cells"}

Steps = Annotated[
    int,
    setting(
        ge=10,
        le=1_000_000,
        values="number",
        description="Maximum number of training steps; each uses two parts of a movie, or tiles of images.",
        label="Maximum number of steps",
        page="more",
    ),
]


Minutes = Annotated[
    float,
    setting(
        gt=0,
        le=100_000,
        unit="minutes",
        allow_inf_nan=False,
        description="Maximum training time; a slow computer makes fewer steps.",
        label="Maximum time",
    ),
]


class CourseSettings(Protocol):
    """What the course of every training depends on; see :class:`TrainingSettings`."""

    @property
    def steps(self) -> int:
        """Maximum number of steps."""

    @property
    def minutes(self) -> float:
        """Maximum time."""

    @property
    def patience(self) -> int:
        """Validations without a better score after which the training ends."""

    @property
    def rate(self) -> float | None:
        """Maximum learning rate; None for the recipe's own."""

    @property
    def held_out(self) -> float:
        """Fraction that is held out."""

    @property
    def without(self) -> tuple[str, ...] | None:
        """Augmentations that are switched off."""

    @property
    def seed(self) -> int:
        """Of all random choices."""

    def of_task(self, task: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the settings that have an effect on networks for a task, by name, except those in `without`."""


Rate = Annotated[float, Field(gt=0, le=0.1, allow_inf_nan=False)]
"""Maximum learning rate."""

TileSize = Annotated[int, Field(ge=64, le=512)]
"""Side of tiles of images, in pixels."""


class TrainingSettings(ScaleSettings):
    """How a network learns from annotated movies or images."""

    channel: Channel = None
    steps: Steps = 1500
    minutes: Minutes = 15
    patience: int = setting(
        6,
        ge=1,
        le=1000,
        values="number",
        description="End after this number of validations without a better score.",
        label="Patience (validations)",
        page="more",
    )
    rate: Rate | None = setting(
        None,
        values="number",
        description="Maximum learning rate. Default: 0.001, or 0.0005 for a network that is retrained.",
        label="Maximum learning rate",
        page="more",
    )
    held_out: float = setting(
        0.2,
        ge=0.05,
        le=0.5,
        range="0.05-0.5",
        allow_inf_nan=False,
        description="Fraction of the events or cells in the validation set: whole movies or images if there are three or more, "
        "otherwise parts of the field.",
        label="Validation fraction",
        page="more",
    )
    without: Annotated[tuple[Literal[CHANGES], ...] | None, BeforeValidator(_changes)] = setting(  # type: ignore[valid-type]
        None,
        values="names",
        description="Augmentations to switch off, separated by commas: " + ", ".join(CHANGES) + "; for cells always "
        "without " + ", ".join(sorted(OF_MOVIES)) + ".",
        label="Augmentations to switch off",
        empty="none",
        page="more",
    )
    loss: Literal["combined", "jaccard"] = setting(
        "combined",
        description="Loss of networks for cells: combined, of cross-entropy, intersection over union and the error of distances; "
        "or jaccard, the intersection over union alone, as EPySeg uses it.",
        label="Loss (cells)",
        page="more",
    )
    tile_size: TileSize | None = setting(
        None,
        unit="px",
        description="Side of the tiles that networks for cells are trained on, in pixels at the network's scale, rounded up to a "
        "multiple of 8. Default: 144.",
        label="Tile size (cells)",
        page="more",
    )
    batch_size: int = setting(
        8,
        ge=2,
        le=128,
        multiple_of=2,
        values="number",
        description="Number of tiles that networks for cells are trained on in each step; an even number.",
        label="Tiles per step (cells)",
        page="more",
    )
    seed: Seed = Field(1, description="Seed of the training.")

    def require_task(self, task: str) -> None:
        """Refuse settings that have no effect on networks for a task.

        Raises
        ------
        WrongInputError
            If there are some; the message names the first.
        """
        for name, only in OF_ONE_TASK.items():
            field = type(self).model_fields.get(name)
            if field is not None and only != task and getattr(self, name) != field.default:
                raise WrongInputError(
                    f"{name} is specified, but it has no effect on {TASKS[task]}: leave it out, or train {TASKS[only]}."
                )

    def of_task(self, task: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Return the settings that have an effect on networks for a task, by name, except those in `without`."""
        others = {name for name, only in OF_ONE_TASK.items() if only != task}
        return self.model_dump(exclude=others | without)


class RetrainingSettings(TrainingSettings):
    """Retraining of a network."""

    steps: Steps = 800
    # A quarter of an hour together with preparation and validation.
    minutes: Minutes = 12
    unmarked: Literal["auto", "none", "unknown"] = setting(
        "auto",
        description="Meaning of unmarked places: no event (none), or not annotated (unknown); auto is none for "
        "movies with ROIs, and unknown for reviews, in which missed events may not have been added.",
        label="Unmarked places",
        page="more",
    )
    keep: float = setting(
        0.65,
        ge=0,
        le=0.9,
        range="0-0.9",
        allow_inf_nan=False,
        description="Fraction of the training that is spent on keeping what the network learned before.",
        label="Rehearsal fraction",
        page="more",
    )
