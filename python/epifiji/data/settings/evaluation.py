"""Settings of judging networks on movies with annotated events."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epifiji.data.settings.base import Seed, setting
from epifiji.data.settings.comparison import MatchingSettings
from epifiji.data.settings.detection import ComputingSettings, MapSettings


class EvaluationSettings(ComputingSettings, MapSettings, MatchingSettings):
    """How networks are judged: how they look for events, which events match the annotated ones, and what chance may do."""

    unmarked: Literal["none", "unknown"] = setting(
        "none",
        description="What it means that a movie has no ROI file of a class: that it has no such events, so that all that is "
        "found of it is false (none), or that nobody looked, so that the class is not judged there (unknown).",
        label="Events of a class without a ROI file",
    )
    seed: Seed = Field(1, description="Another number gives other draws for the intervals.")
