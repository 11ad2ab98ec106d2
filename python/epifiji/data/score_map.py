"""Calibrated scores: for each class of a network a rising map from mean probabilities to the share of events that are right."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

MOST_POINTS = 200

Raw = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class ScoreMap(BaseModel):
    """A rising map of scores, linear between its points and constant beyond them.

    A network has one for each class whose scores were calibrated, in its ``network.json``. No share is 0 or 1: some
    events do not make certain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    raw: tuple[Raw, ...] = Field(
        min_length=1, max_length=MOST_POINTS, description="Mean probabilities, 0-1, rising strictly."
    )
    right: tuple[Share, ...] = Field(
        min_length=1,
        max_length=MOST_POINTS,
        description="Shares of events that are right, above 0 and below 1, not falling.",
    )

    @field_validator("raw")
    @classmethod
    def _check_raw(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for one, other in pairwise(values):
            if other <= one:
                raise ValueError(f"{other:g} comes after {one:g}, but the values must rise")
        return values

    @field_validator("right")
    @classmethod
    def _check_right(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for one, other in pairwise(values):
            if other < one:
                raise ValueError(f"{other:g} comes after {one:g}, but the values may not fall")
        return values

    @model_validator(mode="after")
    def _check_lengths(self) -> ScoreMap:
        if len(self.raw) != len(self.right):
            raise ValueError(
                f"raw has {len(self.raw)} values and right {len(self.right)}, but both need the same number"
            )
        return self

    def of(self, raw: float) -> float:
        """Return the calibrated score of an event, above 0 and below 1; NaN for NaN."""
        return float(np.interp(raw, self.raw, self.right))

    def of_all(self, raw: Sequence[float] | np.ndarray) -> np.ndarray:
        """Return the calibrated scores of events; see :meth:`of`."""
        found: np.ndarray = np.interp(np.asarray(raw, float), self.raw, self.right)
        return found
