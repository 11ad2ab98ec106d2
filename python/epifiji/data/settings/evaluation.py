"""Settings of evaluating networks on movies with annotated events, or on images with annotated cells."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import Seed, Settings, setting
from epifiji.data.settings.comparison import CellComparisonSettings, MatchingSettings
from epifiji.data.settings.detection import ComputingSettings, MapSettings
from epifiji.data.settings.segmentation import SegmentationSettings

OfTask = TypeVar("OfTask", bound=Settings)

DRAWS = "Seed of the random draws for the intervals."


class EventEvaluationSettings(ComputingSettings, MapSettings, MatchingSettings):
    """How networks for events are evaluated: how events are detected, and how they are matched with annotated ones."""

    unmarked: Literal["none", "unknown"] = setting(
        "none",
        description="Meaning of a movie without a ROI file of a class: it has no such events, so that all detected ones are "
        "false positives (none), or they were not annotated, so that the class is not scored there (unknown).",
        label="Classes without a ROI file",
        order=14,
    )
    seed: Seed = Field(1, description=DRAWS)


class CellEvaluationSettings(SegmentationSettings, CellComparisonSettings):
    """How networks for cells are evaluated: how cells are segmented, and how they are compared with annotated ones."""


class EvaluationSettings(CellEvaluationSettings, EventEvaluationSettings):
    """How networks of either task are evaluated; a network for events has no settings of cells, and vice versa."""

    # Each task has its own default, which of_task takes if none is specified.
    cell_diameter: Annotated[float, Field(gt=0, le=2000, allow_inf_nan=False)] | Literal["auto"] | None = setting(  # type: ignore[assignment]
        None,
        range="px|auto",
        description="Diameter of the cells in pixels, or auto to estimate it. Images are rescaled to the cells of the network, "
        "movies only if they differ by more than 30 %. Default: auto for networks for cells, no rescaling for networks for "
        "events.",
        label="Cell diameter",
        order=6,
    )
    seed: Seed = Field(1, description=DRAWS)

    def of_task(self, kind: type[OfTask], task: str) -> OfTask:
        """Return the settings of one task, such as `CellEvaluationSettings` of networks that segment cells.

        Raises
        ------
        WrongInputError
            If a setting of the other task was specified.
        """
        for name in type(self).model_fields:
            if name in self.model_fields_set and name not in kind.model_fields:
                raise WrongInputError(
                    f"{name} is specified, but evaluations of networks that {task} have no such setting: leave it out."
                )
        return kind(**self.model_dump(include=self.model_fields_set))
