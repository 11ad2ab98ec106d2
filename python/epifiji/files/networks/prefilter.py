"""The prefilter that EpiFiji includes; see :mod:`epifiji.engine.networks.dexnet.prefilter`, and its card."""

from __future__ import annotations

from importlib import resources

from epifiji.data.network import AnyNetwork, Weights
from epifiji.files.networks.own_format import weights_sha256
from epifiji.files.storage.arrays import read_arrays

FOLDER = "networks"
WEIGHTS = "dexnet_screen.npz"
CLASSES, SERVED = "classes", "served"


def read_prefilter(network: AnyNetwork) -> tuple[Weights, tuple[str, ...]] | None:
    """Read the prefilter's arrays and classes; None if it was not trained for this network.

    It is valid for the networks whose weights' SHA-256 are stored with it. Another network, even with the same classes,
    may detect events that these do not.
    """
    data = (resources.files("epifiji") / FOLDER / WEIGHTS).read_bytes()
    arrays = read_arrays(data, WEIGHTS, "install EpiFiji again")
    classes = tuple(str(name) for name in arrays.pop(CLASSES))
    served = {str(known) for known in arrays.pop(SERVED)}
    return (arrays, classes) if {weights_sha256(member) for member in network.weights} <= served else None
