"""The descriptions of all families of networks: what a ``network.json`` may be."""

from __future__ import annotations

from epifiji.data.event_networks import DexNetDescription, EpiNetDescription
from epifiji.data.network import NetworkDescription

DESCRIPTIONS: dict[str, type[NetworkDescription]] = {"dexnet": DexNetDescription, "epinet": EpiNetDescription}
"""The class of each family's descriptions by its `kind`; :data:`epifiji.engine.networks.families.FAMILIES` has the same keys."""

OLDEST = "dexnet"
"""The family of networks whose files name none."""


def parse_description(entries: object) -> NetworkDescription:
    """Make a description of the entries of a ``network.json``.

    Raises
    ------
    TypeError
        Where they are no entries.
    ValueError
        Where they name an unknown family, or an entry is wrong (pydantic's ValidationError, which is one).
    """
    if not isinstance(entries, dict):
        raise TypeError(f"it holds a {type(entries).__name__} instead of entries")
    kind = entries.get("kind", OLDEST)
    if not isinstance(kind, str) or kind not in DESCRIPTIONS:
        raise ValueError(f"kind: Input should be {' or '.join(map(repr, DESCRIPTIONS))}")
    return DESCRIPTIONS[kind](**entries)
