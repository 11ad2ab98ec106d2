"""Bringing networks in: only those that can work are kept."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.network import Network
from epifiji.engine.networks.families import family_of
from epifiji.files.networks import zoo


def require_sound(network: Network) -> None:
    """Refuse a network whose arrays are not those of its kind, or not made of finite numbers.

    Raises
    ------
    WrongInputError
        Naming the network and the first array that is wrong.
    """
    family_of(network.description).check(network)


def import_network(
    source: str | Path, name: str | None = None, overwrite: bool = False, sha256: str | None = None
) -> Path:
    """Bring a network that can work into the user's folder; see :func:`epifiji.files.networks.zoo.import_network`."""
    return zoo.import_network(source, name, overwrite, sha256, require_sound)


def fetch_network(name: str, base_url: str = zoo.AUTHORS_URL, overwrite: bool = False) -> Path:
    """Download one of the authors' networks; see :func:`epifiji.files.networks.zoo.fetch_network`."""
    return zoo.fetch_network(name, base_url, overwrite, require_sound)
