"""Small DeXNets and EpiNets with seeded random weights, for tests that need any network, not a good one."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.event_networks import DexNetDescription, EpiNetDescription, EventNetwork
from epifiji.data.network import Network, Weights
from epifiji.engine.networks.epinet.model import REACH_FRAMES, new_weights

CLASSES = ("nothing", "cell_death", "cell_sop", "cell_division")


def small_network(
    members: int = 2, filters: int = 2, units: int = 4, seed: int = 0, **description: object
) -> EventNetwork:
    """Make a network with the authors' architecture and few filters."""
    known = {
        "name": "small",
        "classes": CLASSES,
        "cell_diameter_px": 25,
        "event_duration_frames": 4.5,
        "members": members,
    }
    described = DexNetDescription(**(known | description))
    random = np.random.default_rng(seed)
    return Network(described, tuple(_weights(random, filters, units, len(described.classes)) for _ in range(members)))


def _weights(random: np.random.Generator, filters: int, units: int, classes: int) -> Weights:
    def normal(*shape: int) -> np.ndarray:
        fan_in = int(np.prod(shape[:-1])) or 1
        return (random.normal(size=shape) * np.sqrt(2 / fan_in)).astype(np.float32)

    weights: Weights = {}
    channels = 1
    for block in range(4):
        width = filters * 2**block
        for i in (2 * block, 2 * block + 1):
            weights |= {f"conv_{i}/kernel": normal(3, 3, channels, width), f"conv_{i}/bias": 0.1 * normal(width)}
            channels = width
        weights |= {f"norm_{block}/{part}": 0.2 * normal(width) for part in ("beta", "mean")}
        weights |= {
            f"norm_{block}/{part}": random.uniform(0.5, 1.5, width).astype(np.float32) for part in ("gamma", "variance")
        }
    weights |= {
        "gru/kernel": normal(channels, 3 * units),
        "gru/recurrent": normal(units, 3 * units),
        "gru/bias": 0.1 * normal(2, 3 * units),
    }
    entering = units
    for i, leaving in enumerate((8, 6, classes)):
        weights |= {f"dense_{i}/kernel": 2 * normal(entering, leaving), f"dense_{i}/bias": 0.1 * normal(leaving)}
        entering = leaving
    return weights


def chosen(name: str, folder: Path) -> dict[str, str]:
    """Choose a default network, as 'epifiji networks default' does on Linux, for a process with these environment variables."""
    file = folder / "epifiji" / "networks.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"default_network": name}))
    return {"XDG_CONFIG_HOME": str(folder)}


def spoil_entry(file: Path, name: str) -> None:
    """Change the first compressed byte of a zip's entry, so that it cannot be unpacked (there is no block of type 3)."""
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo(name).header_offset
    data = bytearray(file.read_bytes())
    named, more = struct.unpack("<HH", data[start + 26 : start + 30])
    data[start + 30 + named + more] = 0xFF
    file.write_bytes(data)


def small_epinet(seed: int = 0, members: int = 1, **described: Any) -> EventNetwork:
    """Make an EpiNet of full size with random weights, whose predictions differ between positions."""
    random = np.random.default_rng(seed)
    weights = []
    for _ in range(members):
        one = new_weights(3, random, rarity=0.5)
        one |= {
            name: 0.01 * random.standard_normal(a.shape).astype(np.float32) for name, a in one.items() if not a.any()
        }
        weights.append(one)
    known = {
        "name": "epi",
        "classes": CLASSES,
        "frames_before": REACH_FRAMES,
        "frames_after": REACH_FRAMES + 1,
        "cell_diameter_px": 25,
        "event_duration_frames": 4.5,
        "members": members,
    }
    return Network(EpiNetDescription(**(known | described)), tuple(weights))
