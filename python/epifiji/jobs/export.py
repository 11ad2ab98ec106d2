"""Export of a network for other programs: as an ONNX model, and as a package of the BioImage Model Zoo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetwork
from epifiji.data.paths import path_from
from epifiji.data.settings.base import formerly
from epifiji.engine.networks.families import event_family_of
from epifiji.engine.simulation.movie import simulate
from epifiji.files.networks.bioimageio import Example, Exported, write_package
from epifiji.files.networks.store import card, find_network, is_shipped, own_card
from epifiji.files.storage.atomic import replacing
from epifiji.jobs.networks import event_network_of

ONNX, PACKAGE = ".onnx", ".zip"
EXAMPLE = {"seed": 3, "frames": 24, "height": 144, "width": 144, "extrusions": 1, "divisions": 1, "sops": 1}
HALO_PX = 64
"""Predictions may depend on pixels 144 px away, but in twelve pieces of simulated movies none beyond this changed by 0.003."""

SHIPPED_AUTHOR, SHIPPED_LICENCE = "EpiFiji", "BSD-3-Clause"


@formerly(out="path")
def export_network(
    network: str | Path,
    out: str | Path,
    authors: Sequence[str] = (),
    licence: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write an EpiNet as an ONNX model (``.onnx``) or as a bioimage.io package (``.zip``), by the ending of the path.

    Parameters
    ----------
    network
        Name, folder or zip.
    out
        The file to write.
    authors
        Names of the network's authors; required for a package, except of the network that comes with EpiFiji.
    licence
        Its licence, as an SPDX identifier such as ``CC-BY-4.0``. Default: none, or that of the network that comes with
        EpiFiji.
    overwrite
        Whether a file of that name may be replaced.

    Raises
    ------
    WrongInputError
        If the network is not an EpiNet, the extension is another, the file exists, a required package is not installed,
        or the description is not valid.
    """
    path = path_from(out, "the file to write")
    ending = path.suffix.lower()
    if ending not in (ONNX, PACKAGE):
        raise WrongInputError(
            f"{path.name} ends with {path.suffix or 'nothing'}, but a network is exported as {ONNX} or, for bioimage.io, as "
            f"{PACKAGE}: choose such a name."
        )
    if path.exists() and not overwrite:
        raise WrongInputError(
            f"{path} exists and would be overwritten: choose another name, or --overwrite to replace it."
        )
    if not path.parent.is_dir():
        raise WrongInputError(
            f"{path.parent} is not a folder, but {path.name} is to be written into it: make it first."
        )
    place = find_network(network)
    loaded = event_network_of(place)
    model = event_family_of(loaded.description).onnx(loaded)
    if ending == ONNX:
        with replacing(path) as temporary:
            temporary.write_bytes(model.data)
        return path
    shipped = is_shipped(place)
    if not authors and not shipped:
        raise WrongInputError(
            f"{loaded.description.name} has no author, but a bioimage.io package needs one: specify --author NAME."
        )
    exported = Exported(
        model.data,
        model.opset,
        model.input_name,
        model.output_name,
        model.grain_px,
        HALO_PX,
        model.reach_frames,
        own_card(place) or card(loaded.description),
        _example(loaded),
        authors or [SHIPPED_AUTHOR],
        licence or (SHIPPED_LICENCE if shipped else None),
    )
    with replacing(path) as temporary:
        write_package(temporary, loaded.description, exported)
    return path


def _example(network: EventNetwork) -> Example:
    """Make a small movie with events, and the network's prediction for it."""
    movie, _ = simulate(**EXAMPLE)
    pixels = movie.frames(0, movie.shape[0]).astype(np.float32)
    probability = event_family_of(network.description).probabilities(network, pixels)
    return Example(pixels[None, None], probability[None])
