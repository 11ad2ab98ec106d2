"""Reading, loading and importing networks; only valid ones are imported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from epifiji.data.cell_networks import CellNetwork, cell_network
from epifiji.data.cellpose_python import CHOOSE, chosen_python, python_of
from epifiji.data.event_networks import EventNetwork, event_network
from epifiji.data.network import AnyNetwork, Network, NetworkDescription
from epifiji.data.progress import Report, silent
from epifiji.data.volume_networks import VolumeNetwork, volume_network
from epifiji.engine.backend.devices import choose_device, gpu_possible
from epifiji.engine.backend.onnx_runtime import has_onnxruntime
from epifiji.engine.networks.families import cell_family_of, event_family_of, family_of, volume_family_of
from epifiji.files.networks import zoo
from epifiji.files.networks.cellpose import store_python
from epifiji.files.networks.default import SHIPPED_FOR_CELLS
from epifiji.files.networks.store import SHIPPED_FOLDER, find_network, read_network

STARTING = "starting Cellpose in {}, which may take a minute"

_last: dict[str, tuple[tuple[str, ...], Any]] = {}
"""The last network of each task as loaded by its family, and what it depends on."""


def require_sound(network: AnyNetwork) -> None:
    """Refuse a network whose arrays are not those of its family, or are not finite numbers.

    Raises
    ------
    WrongInputError
        If so; the message names the network and the first array that is wrong.
    """
    family_of(network.description).check(network)


def needs_tensorflow(description: NetworkDescription) -> bool:
    """Return whether a network may predict with TensorFlow on this computer."""
    return gpu_possible() or not has_onnxruntime() or family_of(description).needs_tensorflow


def event_network_of(given: AnyNetwork | str | Path | None = None) -> EventNetwork:
    """Return a network unchanged, or read one by name, from a folder or a zip; without any, the default one.

    Raises
    ------
    WrongInputError
        If there is none, it cannot be read, or it does not find events.
    """
    return event_network(given if isinstance(given, Network) else read_network(find_network(given)))


def cell_network_of(given: AnyNetwork | str | Path | None = None) -> CellNetwork:
    """Return a network unchanged, or read one by name, from a folder or a zip; without any, EpiFiji's own for cells.

    Raises
    ------
    WrongInputError
        If there is none, it cannot be read, or it does not segment cells.
    """
    if isinstance(given, Network):
        return cell_network(given)
    return cell_network(read_network(SHIPPED_FOLDER / SHIPPED_FOR_CELLS if given is None else find_network(given)))


def volume_network_of(given: AnyNetwork | str | Path) -> VolumeNetwork:
    """Return a network unchanged, or read one by name, from a folder or a zip.

    Raises
    ------
    WrongInputError
        If there is none, it cannot be read, or it does not segment volumes.
    """
    return volume_network(given if isinstance(given, Network) else read_network(find_network(given)))


def loaded_for_events(network: EventNetwork, mode: str, device: str = "auto") -> Any:
    """Return a network for events as loaded by its family for a mode and a device; the last one is kept for the next movie."""
    family = event_family_of(network.description)
    place = device, family.variant(mode)
    return _loaded(cast(AnyNetwork, network), place, lambda: family.load(network, mode, choose_device(device)))


def loaded_for_cells(network: CellNetwork, device: str = "auto") -> Any:
    """Return a network for cells as loaded by its family for a device; the last one is kept for the next image."""
    family = cell_family_of(network.description)
    return _loaded(cast(AnyNetwork, network), (device,), lambda: family.load(network, choose_device(device)))


def loaded_for_volumes(network: VolumeNetwork, device: str = "auto") -> Any:
    """Return a network for volumes as loaded by its family for a device; the last one is kept for the next volume."""
    family = volume_family_of(network.description)
    return _loaded(cast(AnyNetwork, network), (device,), lambda: family.load(network, choose_device(device)))


def _loaded(network: AnyNetwork, place: tuple[str, ...], load: Callable[[], Any]) -> Any:
    """Return the last network of a task if it is the same; a network that was not read from a file is always loaded."""
    if not network.sha256:
        return load()
    task, key = network.description.task, (network.sha256, network.description.model_dump_json(), *place)
    if task not in _last or _last[task][0] != key:
        # Its memory is freed before the next one is loaded.
        _last.pop(task, None)
        _last[task] = key, load()
    return _last[task][1]


def described_network(network: Network[Any], *more: str) -> dict[str, Any]:
    """Describe a network for a record; `more` names further entries of its description."""
    known = network.description.model_dump(include={"kind", "name", "members", "provenance", *more})
    return known | {"source": network.source or None, "sha256": network.sha256 or None}


def cellpose_in_words(report: Report = silent) -> str:
    """Say in which Python Cellpose is, with its version, or that none is known; Cellpose is started for it.

    Raises
    ------
    WrongInputError
        If the chosen Python is gone, or has no Cellpose 3.
    """
    from epifiji.engine.networks.cellpose.process import cellpose_process_of

    chosen = chosen_python()
    python = chosen[0] if chosen else sys.executable if find_spec("cellpose") else None
    if python is None:
        return "no Python with Cellpose was chosen, and Cellpose is not installed in EpiFiji's own"
    report(0, STARTING.format(python))
    versions = cellpose_process_of(python).versions
    where = f", as {chosen[1]} says" if chosen else ""
    return f"Cellpose {versions['cellpose']} with PyTorch {versions['torch']} in {python}{where}"


def choose_cellpose(given: str | None, report: Report = silent) -> str:
    """Remember a Python with Cellpose 3, by its path or by the folder of its environment; None forgets it.

    Returns :func:`cellpose_in_words`.

    Raises
    ------
    WrongInputError
        If there is none, or it has no Cellpose 3; the choice stays as it was.
    """
    from epifiji.engine.networks.cellpose.process import cellpose_process_of

    if given is not None:
        given = python_of(given)
        report(0, STARTING.format(given))
        cellpose_process_of(given, CHOOSE)
    store_python(given)
    return cellpose_in_words(report)


def import_network(
    source: str | Path,
    name: str | None = None,
    overwrite: bool = False,
    sha256: str | None = None,
    report: Report = silent,
) -> Path:
    """Import a valid network into the user's folder; see :func:`epifiji.files.networks.zoo.import_network`."""
    return zoo.import_network(source, name, overwrite, sha256, require_sound, report)


def fetch_network(name: str, base_url: str = zoo.AUTHORS_URL, overwrite: bool = False, report: Report = silent) -> Path:
    """Download one of the authors' networks; see :func:`epifiji.files.networks.zoo.fetch_network`."""
    return zoo.fetch_network(name, base_url, overwrite, require_sound, report)
