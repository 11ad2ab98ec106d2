"""A network as a value: its description and its weights, without any framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from epifiji.data.errors import WrongInputError

NOTHING = "nothing"
"""Name of class 0, which every network of events has: no event."""

LONGEST_NAME = 100


class LearntMovie(BaseModel):
    """A movie that a network learnt from, or whose events chose its thresholds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(max_length=1000, description="Name of the movie.")
    file_sha256: str | None = Field(None, max_length=64, description="SHA-256 of its file, if it had one.")
    pixels_sha256: str = Field(max_length=64, description="SHA-256 of its pixels.")


class NetworkDescription(BaseModel):
    """Content of ``network.json``: everything about a network except its weights.

    Each family of networks has a class of its own, listed in :data:`epifiji.data.descriptions.DESCRIPTIONS`. Its fields
    are the entries of the file, these and those that only the family has; it defines `kind` with its name as the only
    value and the default, `task` and `axes`, and the properties `outputs` and `sees`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: ClassVar[str]
    """The task of its networks, such as ``events``."""

    axes: ClassVar[str]
    """The axes of the images that its networks process, such as ``TYX``; see :class:`epifiji.data.image.Image`."""

    verb: ClassVar[str] = "predicts"
    """A verb for the networks' use of their `outputs`."""

    format: int = Field(1, ge=1, le=1, description="Version of this file's form.")
    kind: str = Field(description="The family that the network belongs to.")
    name: str = Field(
        min_length=1, max_length=LONGEST_NAME, pattern=r"\S", description="Name of the network, not only blanks."
    )
    cell_diameter_px: float = Field(
        gt=0, le=2000, allow_inf_nan=False, description="Cell diameter that the network was trained for, in pixels."
    )
    members: int = Field(1, ge=1, le=64, description="Number of networks whose predictions are averaged.")
    provenance: str = Field("", description="Who trained it, on what, where it came from, its licence.")
    origin: str = Field("", description="The folder, zip or address that it was imported from.")
    learnt_from: tuple[LearntMovie, ...] = Field(
        (),
        max_length=1000,
        description="The movies that it, or a network that it began with, learnt from or was chosen by.",
    )
    weights_sha256: tuple[str, ...] = Field(
        (), max_length=64, description="SHA-256 of each member's weights file, in order."
    )

    @property
    def family(self) -> str:
        """The family that the network belongs to: its `kind` in the file."""
        return self.kind

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what the network predicts, such as classes of events or kinds of maps."""
        raise NotImplementedError

    @property
    def sees(self) -> str:
        """The network's input in words, such as ``whole frames``."""
        raise NotImplementedError

    @property
    def scale(self) -> dict[str, float]:
        """The scale that the network was trained for: the size of cells along Y and X in pixels, and values of other axes."""
        return {axis: self.cell_diameter_px for axis in self.axes if axis in "YX"}

    @property
    def trained_for(self) -> str:
        """The scale in words."""
        return f"cells of {self.cell_diameter_px:g} px"


def first_problem(error: ValidationError) -> str:
    """Describe the first error of a description."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"


Weights = dict[str, np.ndarray]
"""A member's arrays by name, such as ``conv_0/kernel``; see :mod:`epifiji.engine.networks.dexnet.model`."""


def array_problem(weights: Weights, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Return what is wrong with a member's arrays if these are the only allowed shapes; an empty text if nothing is."""
    for key, shape in shapes.items():
        if key not in weights:
            return f"{key} is missing"
        if weights[key].shape != shape:
            return f"{key} has the shape {weights[key].shape} instead of {shape}"
        if weights[key].dtype != np.float32 or not np.isfinite(weights[key]).all():
            return f"{key} does not consist of finite 32-bit numbers"
    unexpected = sorted(set(weights) - set(shapes))
    return f"{unexpected[0]} is unexpected" if unexpected else ""


Description = TypeVar("Description", bound=NetworkDescription)
Described_co = TypeVar("Described_co", bound=NetworkDescription, covariant=True)


@dataclass(frozen=True)
class Network(Generic[Described_co]):
    """One network, or several whose predictions are averaged."""

    description: Described_co
    weights: tuple[Weights, ...]
    source: str = ""
    sha256: str = ""

    def __repr__(self) -> str:
        described = self.description
        where = f", from {self.source}" if self.source else ""
        return f"<Network {described.name}: {described.family}, {described.verb} {', '.join(described.outputs)}{where}>"


AnyNetwork = Network[NetworkDescription]
"""A network of any family."""


def require_arrays(
    network: AnyNetwork, problem: Callable[[Weights], str], kind: str, mend: str = "import it again"
) -> None:
    """Refuse a network with wrong arrays.

    Parameters
    ----------
    network
        The network.
    problem
        Returns what is wrong with a member's arrays, an empty text if nothing is; see :func:`array_problem`.
    kind, mend
        What its arrays should be, and what to do; for the message.

    Raises
    ------
    WrongInputError
        If a member has wrong arrays; the message has the network and the first array that is wrong.
    """
    for number, weights in enumerate(network.weights):
        if wrong := problem(weights):
            raise WrongInputError(
                f"the weights of network {network.description.name} (member {number}) are not those of {kind}: {wrong}; {mend}."
            )


def require_task(network: AnyNetwork, kind: type[NetworkDescription], purpose: str) -> None:
    """Refuse a network whose description is not of a kind; `purpose` is what is needed instead, such as ``finds events``.

    Raises
    ------
    WrongInputError
        If so.
    """
    described = network.description
    if not isinstance(described, kind):
        raise WrongInputError(
            f"the network {described.name} {described.verb} {', '.join(described.outputs)}, but one that {purpose} "
            "is needed: specify another."
        )
