"""The descriptions of all families of networks: the possible contents of a ``network.json``."""

from __future__ import annotations

from epifiji.data.cell_networks import EPySegDescription, Flow2DDescription, UNet2DDescription
from epifiji.data.cellpose import CellposeDescription
from epifiji.data.event_networks import DexNetDescription, EpiNetDescription
from epifiji.data.network import NetworkDescription
from epifiji.data.volume_networks import UNet3DDescription

DESCRIPTIONS: dict[str, type[NetworkDescription]] = {
    "dexnet": DexNetDescription,
    "epinet": EpiNetDescription,
    "unet2d": UNet2DDescription,
    "flow2d": Flow2DDescription,
    "epyseg": EPySegDescription,
    "cellpose": CellposeDescription,
    "unet3d": UNet3DDescription,
}
"""The class of each family's descriptions by its `kind`; :func:`epifiji.engine.networks.families.families` has the same keys."""

OLDEST = "dexnet"
"""The family of networks whose files specify none."""


def parse_description(entries: object) -> NetworkDescription:
    """Convert the entries of a ``network.json`` to a description.

    Raises
    ------
    TypeError
        If the content is not a set of entries.
    ValueError
        If the entries specify an unknown family, or one is invalid (pydantic's ValidationError is a ValueError).
    """
    if not isinstance(entries, dict):
        raise TypeError(f"it holds a {type(entries).__name__} instead of entries")
    kind = entries.get("kind", OLDEST)
    if not isinstance(kind, str) or kind not in DESCRIPTIONS:
        raise ValueError(f"kind: Input should be {' or '.join(map(repr, DESCRIPTIONS))}")
    return DESCRIPTIONS[kind](**entries)
