"""Settings of reports."""

from __future__ import annotations

from epifiji.data.settings.base import setting
from epifiji.data.settings.comparison import StatisticsSettings
from epifiji.data.settings.movies import FramesAfter, FramesBefore, HalfSize


class ReportSettings(StatisticsSettings):
    """What a report shows: the settings of statistics, and those of the clips."""

    clips: int = setting(
        200,
        ge=0,
        le=2000,
        values="number",
        description="Maximum number of events of each movie that are shown as clips, the first ones in time.",
        label="Maximum number of clips",
        page="more",
    )
    before: FramesBefore = 6
    after: FramesAfter = 6
    half_size: HalfSize = 25
