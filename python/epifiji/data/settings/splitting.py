"""The settings of splitting images with cells into a training and a test part."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from epifiji.data.settings.base import Channel, Seed, Settings, setting


class CellSplitSettings(Settings):
    """Where images are cut, and which part is for testing."""

    test: Literal["left", "right", "top", "bottom"] = setting(
        "left", description="Side of the image that becomes the test part.", label="Test part"
    )
    test_size: int | None = setting(
        None,
        ge=1,
        le=1_000_000,
        unit="px",
        description="Width of the test part, or its height at the top and the bottom. Default: a fifth of the image.",
        label="Size of the test part",
    )
    tiles: int | None = setting(
        None,
        ge=16,
        le=100_000,
        unit="px",
        description="Split into square tiles of about this side instead, some of which become the test part. Default: one cut.",
        label="Side of tiles",
    )
    test_share: float = setting(
        0.2,
        gt=0,
        lt=1,
        range="0–1",
        allow_inf_nan=False,
        description="Share of the tiles that become the test part; which ones is random.",
        label="Share of tiles for testing",
    )
    channel: Channel = None
    seed: Seed = Field(1, description="Seed of the random choice of tiles.")
