"""Reading and importing networks; only valid ones are kept."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.cell_networks import CellNetwork, cell_network
from epifiji.data.event_networks import EventNetwork, event_network
from epifiji.data.network import AnyNetwork, Network
from epifiji.engine.networks.families import family_of
from epifiji.files.networks import zoo
from epifiji.files.networks.default import SHIPPED_FOR_CELLS
from epifiji.files.networks.store import SHIPPED_FOLDER, find_network, read_network


def require_sound(network: AnyNetwork) -> None:
    """Refuse a network whose arrays are not those of its family, or are not finite numbers.

    Raises
    ------
    WrongInputError
        If so; the message names the network and the first array that is wrong.
    """
    family_of(network.description).check(network)


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


def import_network(
    source: str | Path, name: str | None = None, overwrite: bool = False, sha256: str | None = None
) -> Path:
    """Import a valid network into the user's folder; see :func:`epifiji.files.networks.zoo.import_network`."""
    return zoo.import_network(source, name, overwrite, sha256, require_sound)


def fetch_network(name: str, base_url: str = zoo.AUTHORS_URL, overwrite: bool = False) -> Path:
    """Download one of the authors' networks; see :func:`epifiji.files.networks.zoo.fetch_network`."""
    return zoo.fetch_network(name, base_url, overwrite, require_sound)
