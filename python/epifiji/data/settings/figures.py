"""How figures look, and in which formats they are written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from epifiji.data.settings.base import Settings, names, setting

Formats = Annotated[tuple[Literal["png", "svg", "pdf"], ...], BeforeValidator(names), Field(min_length=1)]


class LookSettings(Settings):
    """How a figure looks."""

    theme: Literal["dark", "light"] = setting(
        "dark", description="Background: dark for screens, light for papers.", page="more"
    )
    dpi: Annotated[int, Field(ge=72, le=600)] | None = setting(
        None,
        values="number",
        description="Resolution of PNG pictures in dots per inch. Default: 300 for figures for papers, 110 for others.",
        label="Dots per inch",
        page="more",
    )


class FigureSettings(LookSettings):
    """How figures look, and in which formats they are written."""

    formats: Formats | None = setting(
        None,
        values="formats",
        description="png, svg and pdf, separated by commas: a file of each figure in each of these. Default: png.",
        page="more",
    )
