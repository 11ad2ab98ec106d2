"""Settings of training a network on annotated movies, and of retraining one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Channel, Seed, names, setting
from epifiji.data.settings.detection import ScaleSettings

TURNS, ZOOM = "turns", "zoom"
CHANGES = ("gamma", "flicker", "bleach", "shade", "blur", "defocus", "shake", "specks", "noise", TURNS, ZOOM)
"""Names of the changes that are made to what a network learns from; each can be switched off."""

Steps = Annotated[
    int,
    setting(
        ge=10,
        le=1_000_000,
        values="number",
        description="Maximum number of training steps; each uses two parts of a movie.",
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


class TrainingSettings(ScaleSettings):
    """How a network learns from annotated movies."""

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
    rate: Annotated[float, Field(gt=0, le=0.1, allow_inf_nan=False)] | None = setting(
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
        description="Fraction of the events in the validation set: whole movies if there are three or more, "
        "otherwise parts of the field.",
        label="Validation fraction",
        page="more",
    )
    without: Annotated[tuple[Literal[CHANGES], ...] | None, BeforeValidator(names)] = setting(  # type: ignore[valid-type]
        None,
        values="names",
        description="Augmentations to switch off, separated by commas: " + ", ".join(CHANGES) + ".",
        label="Augmentations to switch off",
        page="more",
    )
    seed: Seed = Field(1, description="Seed of the training.")


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
