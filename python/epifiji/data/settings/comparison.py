"""The settings of comparisons with a reference, and of statistics over space and time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from epifiji.data.settings.base import Seed, Settings


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
