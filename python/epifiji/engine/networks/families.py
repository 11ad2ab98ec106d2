"""All families of networks by their names in ``network.json``: the only place where a new family is added."""

from __future__ import annotations

from epifiji.data.network import NetworkDescription
from epifiji.engine.networks.dexnet.family import DexNetFamily
from epifiji.engine.networks.epinet.family import EpiNetFamily
from epifiji.engine.networks.family import Family

FAMILIES: dict[str, Family] = {family.kind: family for family in (DexNetFamily(), EpiNetFamily())}


def family_of(description: NetworkDescription) -> Family:
    """Return the family of a network."""
    return FAMILIES[description.family]
