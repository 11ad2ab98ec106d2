"""What a network learns that segments cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.label_images import labels_at_border
from epifiji.data.labelled import LabelledImage, TrainingField
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.data.settings.training import TrainingSettings
from epifiji.data.training import CellValidationScores
from epifiji.engine.training.recipe import TrainingRecipe
from epifiji.engine.training.validation_split import Split, split_fields
from epifiji.files.figures.training import HELD_OUT_CELLS, draw_held_out_cells
from epifiji.jobs.training.cell_sources import PreparedImage, prepare_images
from epifiji.jobs.training.cell_summary import CellSummary
from epifiji.jobs.training.cell_validation import score_cells
from epifiji.jobs.training.run import file_of, notices_of_seen

FEW_CELLS = 50
"""With fewer cells the user is warned that little can be learnt."""


@dataclass
class CellTask(CellSummary):
    """See :class:`epifiji.jobs.training.run.TrainingTask`."""

    settings: TrainingSettings
    sources: Sequence[LabelledImage]
    description: CellNetworkDescription
    parent: CellNetwork | None
    recipe: TrainingRecipe[TrainingField]
    notices: list[str] = field(default_factory=list)

    task: ClassVar[str] = "cells"
    caveat: ClassVar[str] = (
        "The moment of the training was chosen by the same held-out cells, so on other images it will do a little less well."
    )

    def divided(self, report: Report) -> Split[TrainingField]:
        """See :class:`TrainingTask`."""
        settings = self.settings
        self._images = prepare_images(self.sources, self.description, settings, report)
        frames = [image.frames for image in self._images]
        parted = split_fields(frames, settings.held_out, np.random.default_rng(settings.seed))
        self._held_out = parted.held_out
        self._add_notices()
        return parted

    @property
    def images(self) -> list[Movie]:
        """See :class:`TrainingTask`."""
        return [source.movie for source in self.sources]

    def identity(self) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        return {
            "task": self.task,
            "fields": [one.sha256() for image in self._images for one in image.frames],
            "description": self.identified(),
        }

    @property
    def is_scored(self) -> bool:
        """See :class:`TrainingTask`: whether a whole cell is held out."""
        return any(
            np.setdiff1d(one.labels[one.labels > 0], labels_at_border(one.labels)).size for one in self._held_out
        )

    def scores(self, network: CellNetwork, report: Report) -> tuple[float, float | None, CellValidationScores]:
        """See :class:`TrainingTask`."""
        scores = score_cells(network, self._held_out, self.description.cell_diameter_px, report)
        return scores.criterion, scores.counts().f1, scores

    def parent_scores(self, report: Report) -> CellValidationScores | None:
        """See :class:`TrainingTask`."""
        if self.parent is None:
            return None
        return score_cells(self.parent, self._held_out, self.description.cell_diameter_px, report)

    def draw(
        self, folder: Path, name: str, after: CellValidationScores | None, before: CellValidationScores | None
    ) -> None:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        draw_held_out_cells(folder / HELD_OUT_CELLS, name, after.compared if after else ())

    def learnt_from(self, record: Mapping[str, Any]) -> str:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        images = "; ".join(f"{one['name']} ({one['cells']} cells)" for one in record["images"])
        way = {"images": "whole images were held out", "parts": "parts of the images were held out"}
        return f"{images}; {way.get(record['split'], 'nothing was held out')}"

    def _add_notices(self) -> None:
        """Add notices about how the sources were used, and what is too little."""
        for source in self.sources:
            self.notices += source.movie.notices
        raw = [source.name for source in self.sources if not source.corrected]
        if raw:
            self.notices.append(
                f"The cells of {', '.join(raw)} were segmented by a network and not corrected: its errors are learnt too."
            )
        self.notices += notices_of_seen(self.parent, self.images, "cells")
        count = sum(image.cells for image in self._images)
        if count < FEW_CELLS:
            self.notices.append(f"Only {count} cells are annotated: with fewer than {FEW_CELLS} little can be learnt.")
        if not self.is_scored:
            self.notices.append("No cells could be held out, so it is unknown how well they are segmented.")

    def record(self, parted: Split[TrainingField]) -> dict[str, Any]:
        """See :class:`TrainingTask`."""
        return {
            "images": [_described(image) for image in self._images],
            "split": parted.way,
            "held_out": sum(one.cells for one in parted.held_out),
            "held_out_images": [{"name": one.name, "shape": list(one.labels.shape)} for one in parted.held_out],
        }


def _described(image: PreparedImage) -> dict[str, Any]:
    return {
        "name": image.source.name,
        "file": file_of(image.source.movie),
        "cells_file": str(image.source.file),
        "shape": list(image.source.movie.shape),
        "frames": len(image.frames),
        "cells": image.cells,
        "cell_diameter_px": round(image.diameter_px, 2),
        "borders": "dark" if image.dark else "bright",
        "corrected": image.source.corrected,
    }
