"""Settings of evaluating networks on movies with annotated events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epifiji.data.settings.base import Seed, setting
from epifiji.data.settings.comparison import MatchingSettings
from epifiji.data.settings.detection import ComputingSettings, MapSettings


class EvaluationSettings(ComputingSettings, MapSettings, MatchingSettings):
    """How networks are evaluated: how events are detected, how they are matched with annotated ones, and the random seed."""

    unmarked: Literal["none", "unknown"] = setting(
        "none",
        description="Meaning of a movie without a ROI file of a class: it has no such events, so that all detected ones are "
        "false positives (none), or they were not annotated, so that the class is not scored there (unknown).",
        label="Classes without a ROI file",
    )
    seed: Seed = Field(1, description="Seed of the random draws for the intervals.")
