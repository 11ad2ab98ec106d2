"""A study of networks for cells whose trainings are only records of scores: nothing has to be trained to continue it."""

from __future__ import annotations

import json
from pathlib import Path

from epifiji.data.errors import CancelledError
from labelled_cells import write_labelled
from requests_of_fiji import ask

SETTINGS = {
    "cell_diameter": "22",
    "steps": "10",
    "tile_size": "64",
    "batch_size": "2",
    "images": "1, 2",
    "leave_out": "rotation",
    "border": "ignore",
}

SCORES = {("base", 1): 0.2, ("base", 2): 0.5, ("without_rotation", 2): 0.4}
"""The AP of each training, by the name of its variant and the number of images."""


def stop(_: float, __: str) -> None:
    """Cancel a job at its first progress."""
    raise CancelledError


def recorded_study(folder: Path) -> dict[str, str]:
    """Write images, and a study that was cancelled at its first training, with records of all; return its settings by key."""
    for number, name in enumerate(("a", "b")):
        write_labelled(folder / "train", name, number)
    write_labelled(folder / "test", "c", 7)
    settings = SETTINGS | {part: str(folder / part) for part in ("train", "test")}
    assert ask("study_cells", {"settings": settings}, report=stop)["kind"] == "cancelled"
    runs = folder / "train_study" / "runs"
    runs.mkdir()
    for (variant, images), score in SCORES.items():
        record = {"variant": variant.replace("_", " "), "images": images, "seed": 1, "ap_of_images": {"c": score}}
        scores = {"ap": score, "mean_ap": score / 2, "rand_index": None}
        text = json.dumps(record | {"scores": scores})
        (runs / f"{variant}_{images}_images_seed_1.json").write_text(text, encoding="utf-8")
    return settings
