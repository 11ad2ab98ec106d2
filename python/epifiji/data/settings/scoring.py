"""Settings of estimates from a review, and of a complete check."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import Seed, Settings, setting


class ExpectedScoresSettings(Settings):
    """What the recommended threshold is for."""

    wish: Literal["f1", "precision", "recall"] = setting(
        "f1",
        description="What the threshold is chosen for: the highest F1, or the least precision or recall given by least.",
        label="Threshold for",
    )
    least: float | None = setting(
        None,
        gt=0,
        le=1,
        range="0 to 1",
        description="Least expected precision or recall.",
        label="At least",
        empty="needed for precision and recall",
    )
    seed: Seed = 1

    def require_fitting(self) -> None:
        """Refuse a wish without its least value, and the reverse.

        Raises
        ------
        WrongInputError
            If so.
        """
        if (self.wish == "f1") != (self.least is None):
            said = "needs no least value" if self.wish == "f1" else "needs a least value"
            raise WrongInputError(
                f"wish is {self.wish}, which {said}: specify for example wish precision and least 0.95, or wish f1 alone."
            )

    def in_words(self) -> str:
        """Return the wish as words."""
        return "the highest F1" if self.least is None else f"{self.wish} of at least {self.least:g}"


class CompleteCheckSettings(Settings):
    """The boxes of a complete check: how many are drawn, and how large they are."""

    boxes: int = setting(
        1,
        ge=1,
        le=10_000,
        values="number",
        description="Number of boxes in all. Those that were drawn before count, and stay as they are.",
        label="Number of boxes",
    )
    box_side: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = setting(
        None,
        unit="px",
        description="Side of a box. Default: 200 px of the network's scale, about 8 cells.",
        label="Side of a box",
        page="more",
        calibrated=True,
        empty="8 cells",
    )
    box_frames: Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)] | None = setting(
        None,
        unit="frames",
        description="Duration of a box in frames. Default: 25 frames of the network's scale.",
        label="Duration of a box",
        page="more",
        calibrated=True,
        empty="25 frames of the network",
    )
    seed: Seed = 1
