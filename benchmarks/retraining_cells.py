"""Measures what training on a few corrected images gains on other images of the same kind, and what it loses elsewhere.

    python benchmarks/retraining_cells.py --data DATA [--minutes 8] [--starts shipped weak scratch] [--json scores.json]

DATA contains tissues/, movies/ and segmentation/ (the tests' data). Networks learn from five corneal fields; a part of these
chooses the moment of the training. The ten other corneal fields are scored before and after, and so are a wing and a wing
disc, which show what is forgotten. All estimates of the scale are automatic, as for users.

Starts: the network that ships; a weak network, which learnt from rendered cells for a few hundred steps; random weights.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np

import epifiji
from epifiji.data.cell_networks import CellNetwork
from epifiji.data.network import AnyNetwork, Weights
from epifiji.data.progress import silent
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.networks.families import CELL_FAMILIES
from epifiji.engine.training.mixing import Mixed
from epifiji.engine.training.trainer import PARTS_A_STEP, State, drawn_ahead
from epifiji.files.networks.store import write_network
from segmentation_quality import CHOOSING, Field, fields, measured

STARTS = ("shipped", "weak", "scratch")
WEAK_STEPS, WEAK_RATE = 300, 2e-3


def weak_network(folder: Path) -> Path:
    """Train a network on rendered cells for a few hundred steps, and write it."""
    family = CELL_FAMILIES["unet2d"]
    description = family.description_for("weak", None)
    recipe = family.recipe(description, None, TrainingSettings(), keeping=True)
    weights = recipe.first_weights()
    average: Weights = {name: values.copy() for name, values in weights.items()}
    state = State(weights, average)
    trainer = recipe.trainer(state, WEAK_STEPS, WEAK_RATE)
    sampler = recipe.sampler(recipe.rehearsed(silent), frozenset())
    for parts in drawn_ahead(Mixed([(sampler, 1)], 1, 0, PARTS_A_STEP), PARTS_A_STEP):
        trainer.step(parts)
        if state.step == WEAK_STEPS:
            break
    network: CellNetwork = recipe.network(state.average, description)
    return write_network(cast(AnyNetwork, network), folder / "weak")


def training_folder(data: Path, folder: Path) -> Path:
    """Copy the fields that are learnt from into a folder of their own."""
    folder.mkdir()
    for number in CHOOSING:
        for kind in ("image", "outlines"):
            shutil.copy(data / "segmentation" / "tissue2d" / "cornea_alizarine" / f"{number}_{kind}.png", folder)
    return folder


def scores(network: Any, judging: list[Field]) -> dict[str, dict[str, float]]:
    """Segment and score all fields."""
    found = {}
    for field in judging:
        row = measured(lambda field=field: epifiji.segment(field.image, network=network).labels[0], field)  # type: ignore[misc]
        found[field.name] = {"quality": row["quality"], "ap": row["ap"]}
    return found


def mean(found: dict[str, dict[str, float]], kind: str, key: str) -> float:
    """Average a score over the fields of a kind."""
    return float(np.mean([one[key] for name, one in found.items() if name.rstrip(" 0123456789") == kind]))


def trained(start: str, folder: Path, learnt: Path, minutes: float) -> tuple[Any, Any, dict[str, float]]:
    """Train from a start: return the network before (None for random weights), the result, and the seconds that it took."""
    parent: Any = weak_network(folder) if start == "weak" else {"shipped": "epicells", "scratch": None}[start]
    began = time.perf_counter(), time.process_time()
    if parent is None:
        result = epifiji.train(learnt, from_scratch=True, minutes=minutes, name="from_scratch")
    else:
        result = epifiji.retrain(parent, learnt, minutes=minutes, name=f"from_{start}")
    return parent, result, {"wall": time.perf_counter() - began[0], "cpu": time.process_time() - began[1]}


def main() -> None:
    """Train from each start, and print scores."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, required=True)
    arguments.add_argument("--minutes", type=float, default=8)
    arguments.add_argument("--starts", nargs="+", choices=STARTS, default=STARTS)
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    judging = [field for field in fields(given.data) if not field.chose]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("DATA", "CACHE", "CONFIG"):
            os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
        learnt = training_folder(given.data, folder / "learnt")
        for start in given.starts:
            parent, result, seconds = trained(start, folder, learnt, given.minutes)
            before = scores(parent, judging) if parent is not None else None
            after = scores(result.network, judging)
            rows.append(
                {"start": start, "seconds": seconds, "sentence": result.sentence, "before": before, "after": after}
            )
            spent = f"{seconds['wall']:.0f} s, {seconds['cpu']:.0f} s of the processor, {result.points[-1].step} steps"
            print(f"{start}: {spent}. {result.sentence}")
            for kind in ("cornea", "wing disc", "wing"):
                for key in ("quality", "ap"):
                    old = "-" if before is None else f"{mean(before, kind, key):.3f}"
                    print(f"  {kind:10} {key:8} {old:>6} -> {mean(after, kind, key):.3f}")
            worst = min(one["quality"] for name, one in after.items() if name.startswith("cornea"))
            print(f"  lowest corneal quality {worst:.3f}", flush=True)
    if given.json:
        given.json.write_text(json.dumps({"load": os.getloadavg(), "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
