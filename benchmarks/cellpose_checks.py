"""Tests networks of Cellpose against Cellpose itself, with random weights; outside of CI, as PyTorch is too large for it.

    python -m venv cellpose && cellpose/bin/pip install cellpose==3.1.1.2
    EPIFIJI_CELLPOSE_PYTHON=cellpose/bin/python pytest -n0 benchmarks/cellpose_checks.py

The last three also need what the tests of the desktop need. Cellpose's trained
weights are not needed: a seed determines the weights, so the scores mean nothing; two programs must agree.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.cell_networks import cell_network
from epifiji.data.cellpose import CellposeDescription
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.networks.cellpose.family import CellposeFamily
from epifiji.engine.networks.cellpose.process import cellpose_process
from epifiji.engine.networks.cellpose.recipe import RATE, CellposeTiles, CellposeTrainer
from epifiji.engine.training.trainer import WARM_UP_STEPS, State
from epifiji.files.labels import write_labels
from epifiji.files.networks.store import read_network

PYTHON = os.environ.get("EPIFIJI_CELLPOSE_PYTHON")
CPU = Device(16, "float32", only_cpu=True)
SIDE = 96
MADE = """
import sys, numpy as np, torch
from cellpose import models, dynamics, train
folder, seed = sys.argv[1], 1
torch.manual_seed(seed)
model = models.CellposeModel(gpu=False, pretrained_model=False)
net = model.net
with torch.no_grad():
    net.output[2].weight *= 60
net.save_model(folder + "/random")
arrays = {name: v.numpy() for name, v in net.state_dict().items() if "num_batches" not in name}
np.savez(folder + "/weights.npz", **arrays)
given = np.load(folder + "/given.npz")
again = models.CellposeModel(gpu=False, pretrained_model=folder + "/random")
_, flows, _ = again.eval(given["image"], channels=[0, 0], diameter=30.0, compute_masks=False)
made = dynamics.labels_to_flows([given["labels"].astype(np.int32)], device=torch.device("cpu"))[0]
masks = dynamics.resize_and_compute_masks(5 * made[2:4], 20 * made[1] - 10, device=torch.device("cpu"))
net.mkldnn = False
net.train()
optimizer = torch.optim.AdamW(net.parameters(), lr=float(given["rate"]), weight_decay=1e-5)
losses = []
for _ in range(2):
    loss = train._loss_fn_seg(given["targets"], net(torch.from_numpy(given["images"]))[0], torch.device("cpu"))
    optimizer.zero_grad(); loss.backward(); optimizer.step(); losses.append(loss.item())
    optimizer.param_groups[0]["lr"] = float(given["next_rate"])
trained = {"trained/" + name: v.detach().numpy() for name, v in net.state_dict().items() if "num_batches" not in name}
np.savez(folder + "/found.npz", dP=flows[1], inside=flows[2], masks=masks, made=made, losses=losses, **trained)
"""

LEARNT = """
import sys, numpy as np, torch
from cellpose import models, dynamics, train, transforms
folder = sys.argv[1]
given = np.load(folder + "/given.npz")
torch.manual_seed(1)
model = models.CellposeModel(gpu=False, pretrained_model=False, mkldnn=False)
pixels = transforms.normalize_img(given["field"][..., None].astype(np.float32), axis=-1)[..., 0]
pixels = torch.from_numpy(np.stack([pixels, 0 * pixels])[None])
targets = dynamics.labels_to_flows([given["labels"].astype(np.int32)], device=torch.device("cpu"))[0][1:][None]
optimizer = torch.optim.AdamW(model.net.parameters(), lr=0.002)
model.net.train()
for _ in range(40):
    loss = train._loss_fn_seg(targets, model.net(pixels)[0], torch.device("cpu"))
    optimizer.zero_grad(); loss.backward(); optimizer.step()
model.net.save_model(folder + "/models/learnt")
again = models.CellposeModel(gpu=False, pretrained_model=folder + "/models/learnt")
np.save(folder + "/masks.npy", again.eval(given["field"], channels=[0, 0], diameter=30.0)[0])
"""

pytestmark = pytest.mark.skipif(PYTHON is None, reason="EPIFIJI_CELLPOSE_PYTHON names no Python with Cellpose 3")


def _rate(step: int) -> float:
    return RATE * step / WARM_UP_STEPS * 0.5 * (1 + np.cos(np.pi * step / 100))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What Cellpose computes of an image, of true cells, and in two steps of training."""
    folder, random = tmp_path_factory.mktemp("cellpose"), np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = np.zeros((SIDE, SIDE), np.int32)
    for number, (row, column) in enumerate(np.ndindex(4, 4), 1):
        labels[np.hypot(y - 12 - 24 * row, x - 12 - 24 * column) < 9] = number
    given: dict[str, Any] = {
        "image": (50 + 100 * (labels > 0) + random.normal(0, 8, labels.shape)).astype(np.float32),
        "labels": labels,
        "field": (50 + 100 * (labels > 0) + random.normal(0, 8, labels.shape)).astype(np.uint8),
        "images": random.normal(0, 1, (2, 2, 64, 64)).astype(np.float32),
        "targets": np.concatenate(
            [random.integers(0, 2, (2, 1, 64, 64)), random.uniform(-1, 1, (2, 2, 64, 64))], axis=1
        ).astype(np.float32),
        "rate": _rate(1),
        "next_rate": _rate(2),
    }
    np.savez(folder / "given.npz", **given)
    subprocess.run([str(PYTHON), "-c", MADE, str(folder)], check=True, timeout=600)
    return folder / "random", given, dict(np.load(folder / "found.npz"))


def test_the_arrays_are_those_of_cellpose(made: Any) -> None:
    weights = np.load(made[0].with_name("weights.npz"))
    read = read_network(made[0]).weights[0]
    assert set(read) == set(weights)
    assert all(np.array_equal(read[name], weights[name]) for name in read)


def test_the_maps_are_those_of_cellpose(made: Any) -> None:
    model, given, found = made
    family, network = CellposeFamily(), cell_network(read_network(model))
    maps = family.maps(family.load(network, CPU), given["image"].astype(float), False, 4000)
    expected = np.concatenate([found["dP"].transpose(1, 2, 0), found["inside"][..., None]], axis=-1)
    assert np.ptp(expected) > 1
    assert np.abs(maps - expected).max() < 1e-3


def test_the_cells_are_those_of_cellpose_and_the_true_ones(made: Any) -> None:
    model, given, found = made
    described = read_network(model).description
    assert isinstance(described, CellposeDescription)
    maps = np.stack([5 * found["made"][2], 5 * found["made"][3], 20 * found["made"][1] - 10], axis=-1)
    cells = CellposeFamily().separate(maps, described, described.cell_diameter_px, SegmentationSettings())
    assert np.array_equal(cells.labels, found["masks"])
    assert np.array_equal(cells.labels > 0, given["labels"] > 0)
    assert len(np.unique(cells.labels)) == len(np.unique(given["labels"]))


def test_two_steps_of_training_are_those_of_cellpose(made: Any) -> None:
    model, given, found = made
    start = read_network(model).weights[0]
    state = State(dict(start), {name: values.copy() for name, values in start.items()})
    trainer = CellposeTrainer(cellpose_process(), state, 100, RATE)
    tiles = CellposeTiles(given["images"], given["targets"], np.ones((2, 64, 64), np.float32))
    losses = [trainer.step([tiles]) for _ in range(2)]
    assert np.allclose(losses, found["losses"], rtol=1e-4)
    moved = max(float(np.abs(found[f"trained/{name}"] - values).max()) for name, values in start.items())
    apart = [float(np.abs(found[f"trained/{name}"] - state.weights[name]).max()) for name in start]
    assert max(apart) < moved / 100, (max(apart), moved)


@pytest.fixture(scope="module")
def in_fiji(made: Any) -> tuple[dict[str, np.ndarray], np.ndarray, Any]:
    """What Cellpose finds with a network that learnt the true cells, and a user who chooses it in Fiji's windows."""
    from cellpose_in_fiji import chosen, evaluated, segmented
    from desktop import desktop
    from jvm import run_checks

    folder, given, _ = made[0].parent, *made[1:]
    (folder / "models").mkdir()
    subprocess.run([str(PYTHON), "-c", LEARNT, str(folder)], check=True, timeout=900)
    (folder / "annotated").mkdir()
    for place in (folder, folder / "annotated"):
        tifffile.imwrite(place / "field.tif", given["field"])
    write_labels(folder / "annotated" / "field_labels.tif", given["labels"][None])
    with desktop() as display:
        env = {
            "DISPLAY": display,
            "XDG_CONFIG_HOME": str(folder / "config"),
            "CELLPOSE_LOCAL_MODELS_PATH": str(folder / "models"),
            "EPIFIJI_CELLPOSE_PYTHON": "",
            "EPIFIJI_TEST_CELLPOSE": str(PYTHON),
            "EPIFIJI_TEST_WITHOUT": sys.executable,
        }
        checks = [chosen, segmented, evaluated]
        return given, np.load(folder / "masks.npy"), run_checks(checks, folder, headless=False, env=env, timeout_s=1800)


def test_fiji_starts_cellpose_where_the_user_says(in_fiji: Any) -> None:
    from cellpose_in_fiji import chosen

    seen = in_fiji[-1][chosen]
    assert "learnt is a file, but no Python" in seen["model"][0]
    assert "No module named 'cellpose'" in seen["without"][0]
    assert all("Esc cancels" not in seen[name][1] for name in ("model", "without"))
    assert f"starting Cellpose in {PYTHON}" in seen["waiting"]
    assert "Cellpose 3." in seen["said"]


def test_labels_in_fiji_are_those_of_cellpose(in_fiji: Any) -> None:
    from cellpose_in_fiji import segmented

    given, masks, done = in_fiji
    seen = done[segmented]
    assert len(np.unique(masks)) == len(np.unique(given["labels"]))
    assert np.array_equal(seen["labels"], masks)
    assert seen["preview"] == f"{masks.max()} cells of 30.0 px"
    assert seen["outlines"] == 1


def test_scores_in_fiji_are_those_of_its_cells(in_fiji: Any) -> None:
    from cellpose_in_fiji import evaluated

    given, masks, done = in_fiji
    scores = done[evaluated]["scores"]
    expected = epifiji.compare_cells(masks.astype(np.int32), given["labels"])
    row = dict(zip(scores["columns"], scores["rows"][0], strict=True))
    assert float(row["cells"]) == expected.fields[0].annotated == len(np.unique(given["labels"])) - 1
    assert float(row["AP 0.5"]) == pytest.approx(expected.ap.value, abs=1e-3)
