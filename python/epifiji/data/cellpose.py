"""Cellpose's networks: their description, and their layers, which both the reader of their files and the engine need.

A Cellpose network (Stringer et al., Nature Methods 18, 100-106, 2021) is a residual U-Net that predicts, for each pixel, flows
along y and x to the middle of its cell, five times as long, and the log-odds of being in a cell. Its arrays have the names that
Cellpose 1 to 3 gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from epifiji.data.cell_networks import CellNetworkDescription, Choices, SeparationChoices
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.segmentation import SegmentationSettings

PREFIX = "cellpose:"
"""Before the name or the file of a model of Cellpose."""

OUTPUTS = ("flow_y", "flow_x", "inside")

CHANNELS = 2
"""The second one, of nuclei, is empty for images of one channel."""

WIDTHS = (32, 64, 128, 256)
STYLE = WIDTHS[-1]
LEARNT_SCALE = ("diam_mean", "diam_labels")
"""Arrays of one number: the diameter to which images are rescaled, and that of the cells that a model learnt from (px)."""

NORM = ("weight", "bias", "running_mean", "running_var")
MEASURED = NORM[2:]
"""Arrays of a normalisation that are measured, and not learnt by a gradient."""


class CellposeChoices(Choices):
    """How Cellpose separates cells."""

    shown = ("tissue_threshold", "least_area")

    tissue_threshold: float = Field(0.5, ge=0, le=1, description="Least probability of the inside of a cell.")
    least_area: float = Field(
        0.0, ge=0, le=1, description="Least area of a cell as a fraction of the disk of the typical diameter."
    )


class CellposeDescription(CellNetworkDescription):
    """A network of Cellpose 1 to 3."""

    estimates: ClassVar[bool] = False
    inverts: ClassVar[bool] = False

    kind: Literal["cellpose"] = Field("cellpose", description="Whole frames of one time; Cellpose computes them.")
    usual_diameter_px: float = Field(
        gt=0, le=2000, allow_inf_nan=False, description="Diameter of the cells that it learnt from, in pixels."
    )
    choices: CellposeChoices = Field(
        default_factory=CellposeChoices, description="How cells are separated unless the user chooses otherwise."
    )

    def require_settings(self, settings: SegmentationSettings) -> None:
        """See :class:`CellNetworkDescription`."""
        for name in SeparationChoices.made_in(settings):
            if name not in CellposeChoices.model_fields:
                raise WrongInputError(
                    f"{name} is specified, but cells of {self.name} are separated by Cellpose, which has no such setting: "
                    "leave it out, or specify another network."
                )

    @property
    def default_diameter_px(self) -> float:
        """See :class:`CellNetworkDescription`: as in Cellpose, the diameter of the cells that it learnt from."""
        return self.usual_diameter_px

    @property
    def outputs(self) -> tuple[str, ...]:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return OUTPUTS

    @property
    def sees(self) -> str:
        """See :class:`~epifiji.data.network.NetworkDescription`."""
        return "whole frames, one at a time"


def shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes of all arrays by name."""
    found: dict[str, tuple[int, ...]] = dict.fromkeys(LEARNT_SCALE, (1,))
    before = CHANNELS
    for level, width in enumerate(WIDTHS):
        block = f"downsample.down.res_down_{level}"
        found |= _convolution(f"{block}.proj", 1, before, width, 1)
        for number in range(4):
            found |= _convolution(f"{block}.conv.conv_{number}", 2, width if number else before, width, 3)
        before = width
    for level, (width, below) in enumerate(zip(WIDTHS, (*WIDTHS[1:], WIDTHS[-1]), strict=True)):
        block = f"upsample.up.res_up_{level}"
        found |= _convolution(f"{block}.conv.conv_0", 2, below, width, 3)
        for number in range(1, 4):
            found |= _convolution(f"{block}.conv.conv_{number}.conv", 2, width, width, 3)
            found |= {f"{block}.conv.conv_{number}.full.weight": (width, STYLE)}
            found |= {f"{block}.conv.conv_{number}.full.bias": (width,)}
        found |= _convolution(f"{block}.proj", 1, below, width, 1)
    return found | dict(_convolution("output", 2, WIDTHS[0], len(OUTPUTS), 1))


def _convolution(
    name: str, place: int, entering: int, leaving: int, side: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the arrays of a normalisation, and of the convolution after it, which is number `place` in its sequence."""
    for part in NORM:
        yield f"{name}.0.{part}", (entering,)
    yield f"{name}.{place}.weight", (leaving, entering, side, side)
    yield f"{name}.{place}.bias", (leaving,)
