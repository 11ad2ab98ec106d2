"""A network as a package of the BioImage Model Zoo (bioimage.io): a zip with a description, the model, and a test of it.

The description has the zoo's format 0.5 for models (https://bioimage.io/docs). It is written here without the zoo's own
library, each version of which requires certain versions of others; a test has that library check and run a package.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.event_networks import EventNetworkDescription

FORMAT = "0.5.4"
DEXTRUSION = "Villars, Letort et al., DeXtrusion, Development 150, dev201747 (2023): which events these are."
DEXTRUSION_DOI = "10.1242/dev.201747"
TAGS = (
    "fluorescence-light-microscopy", "2d-t", "tissue", "cells", "fiji", "imagej", "object-detection", "epithelium",
    "cell-extrusion", "cell-division", "epifiji",
)  # fmt: skip
DESCRIPTION, WEIGHTS, CARD = "bioimageio.yaml", "weights.onnx", "README.md"
TEST_INPUT, TEST_OUTPUT = "test_input.npy", "test_output.npy"
SAMPLE_INPUT, SAMPLE_OUTPUT = "sample_input.tif", "sample_output.tif"
"""The same in 8 bits, for viewing."""

LONGEST_NAME = 64
VALIDATION = f"""

# Validation

`{TEST_OUTPUT}` is what EpiFiji computes for `{TEST_INPUT}`, a small simulated movie. To evaluate the network on your own
movies with annotated events, use `epifiji evaluate`.
"""
"""A section that the zoo requires."""


@dataclass(frozen=True)
class Example:
    """A movie (1, 1, T, Y, X) and the network's probabilities for it (1, events, T, Y, X), both float32."""

    movie: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Exported:
    """Content of a package, in addition to the network's description.

    Parameters
    ----------
    model, opset
        The ONNX model, and the version of its operators.
    input_name, output_name
        Names of the model's only input and output.
    grain_px, halo_px, halo_frames
        Sides are multiples of the first; predictions within the others of the edge of a piece of a movie are not valid.
    card
        Of the network, in Markdown.
    example
        Test data.
    authors
        Names.
    licence
        SPDX identifier; None if unknown.
    """

    model: bytes
    opset: int
    input_name: str
    output_name: str
    grain_px: int
    halo_px: int
    halo_frames: int
    card: str
    example: Example
    authors: Sequence[str]
    licence: str | None


def write_package(path: Path, description: EventNetworkDescription, exported: Exported) -> None:
    """Write a package as a zip.

    Raises
    ------
    WrongInputError
        If the package pyyaml is not installed.
    """
    files = {
        WEIGHTS: exported.model,
        CARD: (exported.card.rstrip() + VALIDATION).encode(),
        TEST_INPUT: _npy(exported.example.movie),
        TEST_OUTPUT: _npy(exported.example.probability),
        SAMPLE_INPUT: _tiff(exported.example.movie[0]),
        SAMPLE_OUTPUT: _tiff(255 * exported.example.probability[0]),
    }
    described = _described(
        description, exported, {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {DESCRIPTION: _yaml(described), **files}.items():
            archive.writestr(name, data)


def _described(description: EventNetworkDescription, exported: Exported, hashes: dict[str, str]) -> dict[str, Any]:
    """Describe the model in the zoo's terms."""

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashes[name]}

    own = {
        "kind",
        "name",
        "classes",
        "cell_diameter_px",
        "event_duration_frames",
        "thresholds",
        "min_volumes",
        "provenance",
    }
    return {
        "format_version": FORMAT,
        "type": "model",
        "name": _name(description.name),
        "description": f"Finds {', '.join(description.events)} in movies of epithelia: where and when cells die, divide or "
        f"differentiate. Made for cells of {description.cell_diameter_px:g} px and events of "
        f"{description.event_duration_frames:g} frames.",
        "authors": [{"name": name} for name in exported.authors],
        "cite": [{"text": DEXTRUSION, "doi": DEXTRUSION_DOI}],
        **({"license": exported.licence} if exported.licence else {}),
        "documentation": CARD,
        "tags": list(TAGS),
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": [{**_input(exported), "test_tensor": file(TEST_INPUT), "sample_tensor": file(SAMPLE_INPUT)}],
        "outputs": [
            {**_output(description, exported), "test_tensor": file(TEST_OUTPUT), "sample_tensor": file(SAMPLE_OUTPUT)}
        ],
        "weights": {"onnx": {**file(WEIGHTS), "opset_version": exported.opset}},
        "config": {"epifiji": description.model_dump(mode="json", include=own)},
    }


def _input(exported: Exported) -> dict[str, Any]:
    grain, halo, halo_frames = exported.grain_px, exported.halo_px, exported.halo_frames
    side = {"min": -(-(2 * halo + 1) // grain) * grain, "step": grain}
    return {
        "id": exported.input_name,
        "description": "A movie of a tissue, of any intensity: the network uses local contrast.",
        "axes": [
            {"type": "batch", "size": 1},
            {"type": "channel", "channel_names": ["membrane"]},
            {"type": "time", "size": {"min": 2 * halo_frames + 1, "step": 1}},
            *({"type": "space", "id": axis, "size": side} for axis in "yx"),
        ],
        "data": {"type": "float32"},
    }


def _output(description: EventNetworkDescription, exported: Exported) -> dict[str, Any]:
    def same(axis: str) -> dict[str, str]:
        return {"tensor_id": exported.input_name, "axis_id": axis}

    halo = exported.halo_px
    return {
        "id": exported.output_name,
        "description": "For each class the probability that an event lies near a pixel in a frame.",
        "axes": [
            {"type": "batch", "size": 1},
            {"type": "channel", "channel_names": list(description.events)},
            {"type": "time", "size": same("time"), "halo": exported.halo_frames},
            *({"type": "space", "id": axis, "size": same(axis), "halo": halo} for axis in "yx"),
        ],
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }


def _name(name: str) -> str:
    """Convert a name to the zoo's rules: letters, digits and a few signs."""
    return f"EpiFiji {re.sub(r'[^A-Za-z0-9_+() -]', '_', name)}"[:LONGEST_NAME]


def _npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _tiff(values: np.ndarray) -> bytes:
    """Write (C, T, Y, X) in levels 0–255 as an ImageJ TIFF."""
    file = io.BytesIO()
    tifffile.imwrite(file, values.astype(np.uint8).swapaxes(0, 1), imagej=True, metadata={"axes": "TCYX"})
    return file.getvalue()


def _yaml(values: dict[str, Any]) -> bytes:
    import yaml

    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()
