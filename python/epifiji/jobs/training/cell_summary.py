"""What a training on cells, in images or in volumes, says about its scores."""

from __future__ import annotations

from typing import Any, ClassVar

from epifiji.data.training import CellValidationScores, cells_in_words
from epifiji.files.figures.training import HELD_OUT_CELLS, NO_CELLS


class CellSummary:
    """The parts of a :class:`~epifiji.jobs.training.run.TrainingTask` that do not depend on what the cells are in."""

    description: Any
    parent: Any

    figures: ClassVar[tuple[str, ...]] = (HELD_OUT_CELLS,)
    curve: ClassVar[tuple[str, str, str]] = ("on held-out cells", "F1 at an IoU of 0.5", "quality and AP, mean")
    nothing_held_out: ClassVar[str] = NO_CELLS

    def described(self, after: CellValidationScores | None) -> Any:
        """See :class:`~epifiji.jobs.training.run.TrainingTask`."""
        return self.description

    def identified(self) -> dict[str, Any]:
        """Return what identifies the network that is trained, but not its name."""
        return self.description.model_dump(mode="json", exclude={"name", "origin", "provenance"})

    def in_words(
        self, name: str, after: CellValidationScores | None, before: CellValidationScores | None
    ) -> tuple[str, bool]:
        """See :class:`~epifiji.jobs.training.result.Summary`."""
        return cells_in_words(name, self.parent.description.name if self.parent else None, after, before)
