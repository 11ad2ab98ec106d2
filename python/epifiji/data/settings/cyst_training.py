"""Settings of training a network on volumes with annotated cells."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Channel, Seed, Settings, names, setting
from epifiji.data.settings.training import FLIP, ROTATION, ZOOM, Minutes, Rate, Steps

BRIGHTNESS, ELASTIC, BLUR, NOISE, DROPOUT = "brightness", "elastic", "blur", "noise", "dropout"
CHANGES = (FLIP, ROTATION, ZOOM, ELASTIC, BRIGHTNESS, BLUR, NOISE, DROPOUT)
"""Names of what is changed at random in a training on volumes; each can be switched off."""


def sides(value: object) -> object:
    """Read three sides along Z, Y and X, such as ``32,48,48``, or one for all."""
    read = names(value) if isinstance(value, str) else value
    if isinstance(read, int | float):
        return (read,) * 3
    return tuple(read) * 3 if isinstance(read, list | tuple) and len(read) == 1 else read


Side = Annotated[int, Field(ge=8, le=512)]


class CystTrainingSettings(Settings):
    """How a network learns from volumes with annotated cells."""

    channel: Channel = None
    preset: Literal["small", "full"] = setting(
        "small",
        description="Size of a new network: small for processors (16, 24 and 32 features), or full as CartoCell's (52, 68 and 84 "
        "features), for a graphics card.",
    )
    steps: Steps = 2000
    minutes: Minutes = 30
    patience: int = setting(
        8, ge=1, le=1000, values="number", description="End after this number of validations without a better score."
    )
    rate: Rate | None = setting(
        None, values="number", description="Maximum learning rate. Default: 0.001, or 0.0005 from an earlier network."
    )
    held_out: float = setting(
        0.2,
        ge=0.05,
        le=0.5,
        range="0.05-0.5",
        allow_inf_nan=False,
        description="Fraction of the cells in the validation set, of whole volumes.",
    )
    without: Annotated[tuple[Literal[CHANGES], ...] | None, BeforeValidator(names)] = setting(  # type: ignore[valid-type]
        None,
        values="names",
        description="Augmentations to switch off, separated by commas: " + ", ".join(CHANGES) + ".",
    )
    patch: Annotated[tuple[Side, Side, Side] | None, BeforeValidator(sides)] = setting(
        None,
        values="z,y,x",
        description="Sides of the parts that are learnt from, in voxels, rounded up to a multiple of 4. Default: 32,48,48 for a "
        "small network, 80,80,80 for a full one.",
    )
    batch_size: int = setting(
        2,
        ge=2,
        le=64,
        multiple_of=2,
        values="number",
        description="Number of parts that are learnt from in each step; an even number.",
    )
    dropout: float = setting(
        0.1, ge=0, le=0.8, range="0-0.8", allow_inf_nan=False, description="Share of the features dropped at random."
    )
    seed: Seed = Field(1, description="Seed of the training.")

    def of_task(self, task: str, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """See :class:`~epifiji.data.settings.training.CourseSettings`."""
        return self.model_dump(exclude=set(without))
