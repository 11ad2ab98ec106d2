"""A network's folder in the project's own form: ``network.json``, and one file of arrays per member."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from epifiji.data.descriptions import parse_description
from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork, Network, NetworkDescription, Weights, first_problem
from epifiji.files.networks.authors import AUTHORS, provenance_of_weights
from epifiji.files.storage.archives import LARGEST_SUM_BYTES, read_limited
from epifiji.files.storage.arrays import read_arrays

DESCRIPTION = "network.json"
CARD = "card.md"
LARGEST_DESCRIPTION_BYTES = 1_000_000
AGAIN = "import the network again"


def read_folder(folder: Path, source: Path) -> AnyNetwork:
    """Read a network's folder; messages name `source`, from which it was unpacked.

    Raises
    ------
    WrongInputError
        If a file is missing, too large, broken, or not the one in the description.
    """
    description = _read_description(folder, source)
    members = _read_members(folder, source, description)
    return Network(_with_true_provenance(description, lambda: members), members)


def read_folder_description(folder: Path, source: Path) -> NetworkDescription:
    """Read a network's description, and check that the weights are the described ones; see :func:`read_folder`."""
    description = _read_description(folder, source)
    for member in range(description.members):
        _weights_bytes(folder, source, member, description)
    return _with_true_provenance(description, lambda: _read_members(folder, source, description))


def weights_sha256(*members: Weights) -> str:
    """Hash the members' numbers, independent of the form of storage."""
    digest = hashlib.sha256()
    for weights in members:
        for key in sorted(weights):
            digest.update(key.encode())
            digest.update(str(weights[key].shape).encode())
            # Numbers that are too large for 32 bits become infinite, which the check of networks refuses.
            with np.errstate(over="ignore"):
                digest.update(np.ascontiguousarray(weights[key], np.float32).tobytes())
    return digest.hexdigest()


def weights_name(member: int) -> str:
    """Return the name of the file of a member's arrays."""
    return f"weights_{member}.npz"


def _with_true_provenance(
    description: NetworkDescription, members: Callable[[], tuple[Weights, ...]]
) -> NetworkDescription:
    """Correct a network's provenance if it claims to be the authors', but its weights are not theirs."""
    if not description.provenance.startswith(AUTHORS):
        return description
    known = provenance_of_weights(map(weights_sha256, members()), description.outputs)
    return description if known == AUTHORS else description.model_copy(update={"provenance": known})


def _read_description(folder: Path, source: Path) -> NetworkDescription:
    text = read_limited(folder / DESCRIPTION, LARGEST_DESCRIPTION_BYTES, "a network's description")
    try:
        return parse_description(json.loads(text.decode("utf-8-sig")))
    except (ValidationError, ValueError, TypeError, RecursionError) as problem:
        reason = first_problem(problem) if isinstance(problem, ValidationError) else str(problem)
        raise WrongInputError(f"{source}: {DESCRIPTION} cannot be read ({reason}): {AGAIN}.") from problem


def _read_members(folder: Path, source: Path, description: NetworkDescription) -> tuple[Weights, ...]:
    """Read all members' arrays."""
    read: list[Weights] = []
    left = LARGEST_SUM_BYTES
    for member in range(description.members):
        data = _weights_bytes(folder, source, member, description)
        read.append(read_arrays(data, f"{source}: {weights_name(member)}", AGAIN))
        left -= sum(values.nbytes for values in read[-1].values())
        if left < 0:
            raise WrongInputError(
                f"{source} has weights of more than {LARGEST_SUM_BYTES} bytes, but a network has a few million: {AGAIN}."
            )
    return tuple(read)


def _weights_bytes(folder: Path, source: Path, member: int, description: NetworkDescription) -> bytes:
    """Read one member's file, and check that it is the described one."""
    name = weights_name(member)
    try:
        data = read_limited(folder / name, LARGEST_SUM_BYTES, "a network's weights")
    except WrongInputError as problem:
        raise WrongInputError(f"{source}: {name} cannot be read ({str(problem).rstrip('.')}).") from problem
    expected = description.weights_sha256[member : member + 1]
    if expected and hashlib.sha256(data).hexdigest() != expected[0]:
        raise WrongInputError(
            f"{source}: {name} is not the file that {DESCRIPTION} describes (its SHA-256 differs): {AGAIN}."
        )
    return data
