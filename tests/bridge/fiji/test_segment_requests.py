"""The requests of Segment Epithelium...: planes, files that are shown, and the preview."""

from __future__ import annotations

import base64
import shutil
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from epifiji.data.cell_networks import FLOW_OUTPUTS
from epifiji.data.network import Network
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.engine.networks.families import CELL_FAMILIES
from epifiji.engine.networks.unet2d.model import new_weights
from epifiji.files.labels import read_cells
from epifiji.files.networks.store import write_network
from requests_of_fiji import ask, bytes_of, image, refused
from voronoi_cells import membranes, voronoi_labels

PIXELS = np.stack([membranes(voronoi_labels(60, 160, seed)) for seed in (1, 2)])
FIXED: dict[str, Any] = {"cell_diameter": "22", "borders": "bright"}
PLANES = {"time_axis": "Z", "channels": 1, "channel": 1}


def asked(pixels: np.ndarray, settings: dict[str, Any], **more: object) -> tuple[dict[str, Any], list[np.ndarray]]:
    return {"settings": {**FIXED, **settings}, "image": image(pixels, **more)}, bytes_of(pixels)


def test_what_is_shown_comes_in_files_that_the_client_removes() -> None:
    result = ask("segment", *asked(PIXELS, {"rois": True}))["result"]
    shown = Path(result["shown"])
    assert result["folder"] is None
    assert {Path(result[one]).parent for one in ("labels", "outlines", "rois")} == {shown}
    labels = read_cells(Path(result["labels"]))
    assert result["counts"] == [len(np.unique(frame[frame > 0])) for frame in labels]
    assert tifffile.imread(result["outlines"]).shape == PIXELS.shape
    shutil.rmtree(shown)


def test_planes_are_refused_or_projected() -> None:
    said = refused("segment", *asked(PIXELS, {}, layout=PLANES))
    assert "noise has 2 planes (Z), but one plane is needed: specify project=max" in said
    assert "Projection of Z" in refused("segment", *_in_dialog(*asked(PIXELS, {}, layout=PLANES)))
    result = ask("segment", *asked(PIXELS, {"project": "max"}, layout=PLANES))["result"]
    assert len(result["counts"]) == 1
    shutil.rmtree(result["shown"])


def test_channels_of_a_still_image_are_no_frames() -> None:
    channels = {"time_axis": "C", "channels": 1, "channel": 1}
    for job in ("segment", "segmentation_preview"):
        said = refused(job, *asked(PIXELS, {}, layout=channels))
        assert (
            "noise has several channels and a single time point, but one channel is needed: choose it with channel=N"
            in said
        )


def _in_dialog(request: dict[str, Any], blocks: Any) -> tuple[dict[str, Any], Any]:
    return {**request, "dialog": True}, blocks


def test_results_are_written_only_where_there_is_a_place() -> None:
    assert "was not opened from a file" in refused("segment", *asked(PIXELS, {"save": True}))


def test_the_preview_separates_the_cells_of_one_frame_again() -> None:
    first = ask("segmentation_preview", *asked(PIXELS[:1], {}))["result"]
    labels = {key: SegmentationSettings.model_fields[key].json_schema_extra["label"] for key in first["values"]}  # type: ignore[index]
    assert first["labels"] == labels
    same = ask("segmentation_preview_cells", first["values"])["result"]
    assert {key: same[key] for key in ("cells", "pixels")} == {key: first[key] for key in ("cells", "pixels")}
    drawn = np.frombuffer(zlib.decompress(base64.b64decode(first["pixels"])), np.uint8)
    assert drawn.size == PIXELS[0].size
    assert np.unique(drawn).tolist() == [0, 1]
    merged = ask("segmentation_preview_cells", first["values"] | {"merge_below": 1.0})["result"]
    assert merged["cells"] < first["cells"] / 2
    whole = ask("segment", *asked(PIXELS[:1], {}))["result"]
    assert whole["counts"] == [first["cells"]]
    shutil.rmtree(whole["shown"])


@pytest.mark.parametrize("network", ["epinet", "nobody"])
def test_a_network_that_segments_nothing_is_refused(network: str) -> None:
    assert network in refused("segment", *asked(PIXELS, {"network": network}))
    assert network in refused("segmentation_preview", *asked(PIXELS[:1], {"network": network}))


def test_the_preview_of_separate_cells_has_other_sliders(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    weights = new_weights(random, len(FLOW_OUTPUTS))
    described = CELL_FAMILIES["flow2d"].description_for("blobs", None)
    write_network(Network(described, (weights,)), tmp_path / "blobs")
    settings = {"network": str(tmp_path / "blobs"), "cell_diameter": "22"}
    first = ask("segmentation_preview", *asked(PIXELS[:1], settings))["result"]
    assert first["values"] == {
        "tissue_threshold": described.choices.tissue_threshold,
        "least_area": described.choices.least_area,
    }
    none = ask("segmentation_preview_cells", first["values"] | {"tissue_threshold": 1.0})["result"]
    assert none["cells"] == 0
