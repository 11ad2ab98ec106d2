"""All families of networks by their names in ``network.json``: the only place where a new family is added."""

from __future__ import annotations

from epifiji.data.cell_networks import CellNetworkDescription
from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.network import NetworkDescription
from epifiji.data.volume_networks import VolumeNetworkDescription
from epifiji.engine.networks.cellpose.family import CellposeFamily
from epifiji.engine.networks.dexnet.family import DexNetFamily
from epifiji.engine.networks.epinet.family import EpiNetFamily
from epifiji.engine.networks.epyseg.family import EPySegFamily
from epifiji.engine.networks.family import CellFamily, EventFamily, Family, VolumeFamily
from epifiji.engine.networks.flow2d.family import Flow2DFamily
from epifiji.engine.networks.unet2d.family import UNet2DFamily
from epifiji.engine.networks.unet3d.family import UNet3DFamily

EVENT_FAMILIES: dict[str, EventFamily] = {family.kind: family for family in (DexNetFamily(), EpiNetFamily())}
CELL_FAMILIES: dict[str, CellFamily] = {
    family.kind: family for family in (UNet2DFamily(), Flow2DFamily(), EPySegFamily(), CellposeFamily())
}
VOLUME_FAMILIES: dict[str, VolumeFamily] = {family.kind: family for family in (UNet3DFamily(),)}


def families() -> dict[str, Family]:
    """Return all families by name."""
    return {**EVENT_FAMILIES, **CELL_FAMILIES, **VOLUME_FAMILIES}


def family_of(description: NetworkDescription) -> Family:
    """Return the family of a network."""
    return families()[description.family]


def event_family_of(description: EventNetworkDescription) -> EventFamily:
    """Return the family of a network that finds events."""
    return EVENT_FAMILIES[description.family]


def cell_family_of(description: CellNetworkDescription) -> CellFamily:
    """Return the family of a network that segments cells."""
    return CELL_FAMILIES[description.family]


def volume_family_of(description: VolumeNetworkDescription) -> VolumeFamily:
    """Return the family of a network that segments volumes."""
    return VOLUME_FAMILIES[description.family]
