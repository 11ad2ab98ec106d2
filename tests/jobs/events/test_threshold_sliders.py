"""The engine's side of the threshold sliders: what they show is what is applied, for all settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from epifiji.bridge.fiji.requests.answer import answer
from epifiji.files.results.result_folder import map_file, write_map

SHAPE = (20, 80, 90)


def ask(job: str, **request: Any) -> dict[str, Any]:
    found = json.loads(answer(job, json.dumps(request), [], lambda done, doing: None))
    assert "result" in found, found
    return found["result"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Maps of two classes with blobs, and in each a box whose mean is exactly an integer threshold."""
    folder = tmp_path_factory.mktemp("maps") / "wing_epifiji"
    folder.mkdir()
    for seed, (event, level) in enumerate({"cell_death": 180, "cell_sop": 151}.items()):
        field = np.zeros(SHAPE, np.float32)
        random = np.random.default_rng(seed)
        for t, y, x in random.integers((0, 0, 30), SHAPE, (12, 3)):
            field[t, y, x] = random.uniform(0.5, 1.5)
        field = gaussian_filter(field, (1.5, 4, 4))
        field = np.minimum(255, field / field.max() * 330).astype(np.uint8)
        field[:, :, :28] = 0
        field[4:10, 4:16, 4:16] = level
        write_map(folder / map_file("wing", event, "rawproba"), iter(field), SHAPE)
    return folder


def shown(
    found: dict[str, Any], threshold: dict[str, int], volume: dict[str, int]
) -> list[tuple[str, int, float, float]]:
    """What the window shows; see its rule in `candidates`."""
    return sorted(
        (one["event"], one["frame"], round(one["y"], 6), round(one["x"], 6))
        for one in found["events"]
        if one["raw_score"] > threshold[one["event"]] / 255 and one["volume"] > volume[one["event"]]
    )


@pytest.mark.parametrize("distances", [{}, {"seed_distance_xy": 25, "seed_distance_t": 9}])
def test_what_is_applied_is_what_the_sliders_show(results: Path, distances: dict[str, int]) -> None:
    found = ask("candidates", results=str(results), **distances)
    assert len({one["event"] for one in found["events"]}) == 2
    counts = set()
    for death, sop, volume in [
        (125, 125, 0),
        (130, 200, 0),
        (160, 140, 300),
        (179, 150, 20),
        (180, 151, 20),
        (254, 254, 5),
    ]:
        threshold = {"cell_death": death, "cell_sop": sop}
        least = {"cell_death": volume, "cell_sop": volume // 2}
        settings = {
            "results": str(results),
            "threshold": ",".join(f"{name}={value}" for name, value in threshold.items()),
            "min_volume": ",".join(f"{name}={value}" for name, value in least.items()),
            **{key: str(value) for key, value in distances.items()},
        }
        applied = [
            (one["event"], one["frame"], round(one["y"], 6), round(one["x"], 6))
            for one in ask("adjust", settings=settings)["events"]
        ]
        assert sorted(applied) == shown(found, threshold, least)
        counts.add(len(applied))
    assert len(counts) > 2


def test_an_event_at_the_threshold_is_not_over_it(results: Path) -> None:
    found = ask("candidates", results=str(results))
    boxes = [one for one in found["events"] if one["x"] < 20]
    assert sorted(round(255 * one["raw_score"], 9) for one in boxes) == [151, 180]
    for box in boxes:
        level = round(255 * box["raw_score"])
        names = dict.fromkeys(("cell_death", "cell_sop"), level)
        assert not [
            one for one in shown(found, names, dict.fromkeys(names, 0)) if one[0] == box["event"] and one[3] < 20
        ]
