"""The settings of comparisons with a reference, and of statistics over space and time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Seed, Settings, setting

FRAME, TISSUE = "frame", "tissue"
"""The values of `within` that are not files."""


class MatchingSettings(Settings):
    """When a detected and a reference event are the same."""

    distance_xy: float = setting(
        10,
        gt=0,
        le=10000,
        unit="px",
        allow_inf_nan=False,
        description="Maximum distance between two matching events.",
        label="Maximum distance in x and y",
        calibrated=True,
        order=12,
    )
    distance_t: float = setting(
        4,
        ge=0,
        le=10000,
        unit="frames",
        allow_inf_nan=False,
        description="Maximum number of frames between two matching events.",
        label="Maximum distance in time",
        calibrated=True,
        order=13,
    )


class ComparisonSettings(MatchingSettings):
    """How detected events are compared with a reference."""

    counting: Literal["one-to-one", "authors"] = setting(
        "one-to-one",
        description="How events are matched: one-to-one, with the best overall matching; or authors, one after the other, as "
        "DeXtrusion's authors do.",
        label="Matching",
    )


def _region(value: object) -> object:
    """Accept a path; refuse an empty text."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and not value.strip():
        raise ValueError("tissue, frame, or a file of ROIs")
    return value


class StatisticsSettings(Settings):
    """How events are counted over time and space."""

    within: Annotated[str, BeforeValidator(_region)] = setting(
        TISSUE,
        kind="file",
        range="tissue|frame|ROI.zip",
        words=(TISSUE, FRAME),
        description="Where events may lie: in the tissue, which is found by segmenting the movie's cells, in the whole frame, or "
        "in the areas of a ROI file. Events outside are left out.",
        label="Within",
    )
    time_bin: int | None = setting(
        None,
        ge=1,
        le=1_000_000,
        unit="frames",
        description="Number of frames in one bin of the rate. Default: a twentieth of the movie.",
        label="Time bin",
        calibrated=True,
    )
    bandwidth: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="Standard deviation of the Gaussian that smooths the density map. Default: a tenth of the frame's "
        "shorter side.",
        label="Density bandwidth",
        calibrated=True,
    )
    square: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="Side of the squares in which events per cell are counted. Default: a quarter of the frame's shorter side.",
        label="Side of the squares",
        calibrated=True,
        page="more",
    )
    permutations: int = setting(
        999,
        ge=19,
        le=99_999,
        values="number",
        description="Number of random arrangements that the events are compared with.",
        label="Permutations",
        page="more",
    )
    frame_distance: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="Number of pixels that one frame counts as in distances in space and time. Default: the frame's side "
        "divided by the number of frames.",
        label="Distance per frame",
        page="more",
    )
    seed: Seed = Field(1, description="Seed of the random arrangements.")


class PoolSettings(Settings):
    """How the events of many movies are counted and their conditions compared."""

    within: Literal["tissue", "frame"] = setting(
        "tissue",
        description="Where events are counted: in the tissue that 'epifiji plot' found, if it is known for all movies, or in the "
        "whole frame.",
        label="Within",
    )
    seed: Seed = Field(1, description="Seed of the random arrangements of movies.")


class CellComparisonSettings(Settings):
    """How predicted cells are compared with annotated ones."""

    iou: float = setting(
        0.5,
        gt=0,
        le=1,
        range="0–1",
        allow_inf_nan=False,
        description="Least intersection over union of a predicted and an annotated cell that match.",
        label="Least overlap (IoU) of a match",
        order=16,
    )
    border: Literal["count", "ignore"] = setting(
        "count",
        description="Annotated cells that touch the image's border: counted as all others (count), or left out together with "
        "what is predicted there (ignore).",
        label="Cells at the border",
        order=17,
    )
    min_area: int = setting(
        0,
        ge=0,
        le=1_000_000,
        unit="px",
        description="Smallest area of a cell in pixels; smaller predicted and annotated cells are left out.",
        label="Smallest area of a cell",
        page="more",
    )
    seed: Seed = Field(1, description="Seed of the random draws for the intervals.")
