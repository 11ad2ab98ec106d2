"""Writing the networks that the recipes make."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epifiji.data.network import Network, NetworkDescription
from epifiji.files.networks.store import write_network


def pack(described: NetworkDescription, weights: Path, place: Path) -> None:
    """Write a network with the weights of a file; its card is kept if there is one."""
    card = place / "card.md"
    text = card.read_text(encoding="utf-8") if card.exists() else None
    arrays = {name: values.astype(np.float32) for name, values in np.load(weights).items()}
    write_network(Network(described, (arrays,)), place, overwrite=True)
    if text is not None:
        card.write_text(text, encoding="utf-8")
