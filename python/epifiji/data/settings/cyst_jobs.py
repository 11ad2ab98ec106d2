"""Settings of jobs on volumes that results do not record; see :mod:`epifiji.data.settings.jobs`."""

from __future__ import annotations

from typing import Literal

from epifiji.data.settings.base import Settings, setting
from epifiji.data.settings.jobs import OverwriteResults, RetrainingJob, output


class CystSegmentationJob(Settings):
    """Which network segments a cyst, and what is written where."""

    network: str | None = setting(
        None,
        kind="volume_network",
        words=("none",),
        description="Name, folder or zip of a network for volumes. Default: none, a watershed on bright membranes.",
        order=3,
    )
    rois: bool = setting(
        False,
        description="Write the cells of each plane as polygons too, which the ROI Manager opens.",
        label="ROIs of the cells in each plane",
    )
    view_3d: bool = setting(
        False, description="Write a 3D view too: the cells in colours, turning around.", label="3D view"
    )
    out: str | None = output("Folder in which the result folder VOLUME_epifiji is made.", "macro")
    overwrite: OverwriteResults = False


class CystTrainingJob(RetrainingJob):
    """The name of a network that is trained on volumes, where its figures are written, and its initial weights."""

    network: str | None = setting(
        None,
        values="name|dir|zip",
        description="Name, folder or zip of the network for volumes to start from. Default: random weights.",
    )


class CartoCellJob(Settings):
    """Where the pipeline of CartoCell writes, and what replaces entries of its configuration."""

    out: str | None = output("Folder in which the folder of the job is made. Default: here.")
    name: str = setting("cartocell", values="name", description="Name of the job, and of its folder.")
    run_id: int = setting(
        1, ge=1, le=9999, values="number", description="Number of the run; run uses the next number for M2."
    )
    network: str | None = setting(
        None,
        values="name|dir|zip",
        description="Network that predicts. Default: that of PATHS.CHECKPOINT_FILE, or the one that this run trained.",
    )
    preset: Literal["config", "small", "full"] = setting(
        "config", description="Size of new networks: that of the configuration, or a preset of train-cysts."
    )
    steps: int | None = setting(
        None, ge=10, le=1_000_000, values="number", description="Training steps. Default: those of TRAIN.EPOCHS."
    )
    minutes: float | None = setting(
        None, gt=0, le=100_000, unit="minutes", description="Maximum time of each training. Default: no limit."
    )
    patience: int | None = setting(
        None, ge=1, le=1000, values="number", description="End after so many validations without a better score."
    )
    seed: int = setting(1, ge=0, le=2**32 - 1, values="number", description="Seed of the trainings.")
    device: Literal["auto", "cpu", "gpu"] = setting(
        "auto", description="Device: the processor (cpu), a graphics card (gpu), or a card if there is one (auto)."
    )
