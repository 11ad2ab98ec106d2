"""The prefilter that comes with EpiFiji; see :mod:`epifiji.engine.networks.dexnet.prefilter`, and its card."""

from __future__ import annotations

from importlib import resources

from epifiji.data.network import AnyNetwork, Weights
from epifiji.files.networks.own_format import weights_sha256
from epifiji.files.storage.arrays import read_arrays

FOLDER = "networks"
WEIGHTS = "dexnet_screen.npz"
CLASSES, SERVED = "classes", "served"


def read_prefilter(network: AnyNetwork) -> tuple[Weights, tuple[str, ...]] | None:
    """Read the prefilter's arrays and classes, or give None where it was not trained for this network.

    It answers for the networks whose members' weights have the SHA-256 that stand beside its own: another network, even one
    with the same classes, may see events where those see none.
    """
    data = (resources.files("epifiji") / FOLDER / WEIGHTS).read_bytes()
    arrays = read_arrays(data, WEIGHTS, "install EpiFiji again")
    classes = tuple(str(name) for name in arrays.pop(CLASSES))
    served = {str(known) for known in arrays.pop(SERVED)}
    return (arrays, classes) if {weights_sha256(member) for member in network.weights} <= served else None
