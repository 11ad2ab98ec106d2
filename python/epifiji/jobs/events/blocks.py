"""The blocks of a movie as work for an executor, and the predictor of blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from epifiji.data.event_networks import EventNetwork
from epifiji.data.movie import Movie
from epifiji.data.progress import LOOKING, Report, silent
from epifiji.engine.backend.devices import choose_device
from epifiji.engine.networks.dexnet.prefilter import Prefilter
from epifiji.engine.networks.families import event_family_of
from epifiji.engine.tiling.blocks import Block, BlockPredictor, Probabilities, Strip, read_strip
from epifiji.engine.tiling.windows import Grid
from epifiji.files.networks.prefilter import read_prefilter
from epifiji.jobs.networks import loaded_for_events

_prefilters: dict[tuple[str, str], Prefilter | None] = {}


def predictor_of(network: EventNetwork, mode: str, device: str = "auto") -> BlockPredictor:
    """Return the predictor of blocks in a mode; a network is kept for the next detection as long as it is the same."""
    family = event_family_of(network.description)
    prefilter = prefilter_of(network, device) if family.uses_prefilter(mode) else None
    return family.predictor(loaded_for_events(network, mode, device), mode, prefilter)


def prefilter_of(network: EventNetwork, device: str = "auto") -> Prefilter | None:
    """Return the prefilter for a network, or None if none was trained for it."""
    key = network.sha256, device
    if key not in _prefilters:
        found = read_prefilter(network)
        prefilter = None if found is None else Prefilter(*found, choose_device(device).precision)
        if not network.sha256:
            return prefilter
        _prefilters[key] = prefilter
    return _prefilters[key]


@dataclass(frozen=True)
class BlockWork:
    """Blocks of a movie that a network predicts; see :class:`~epifiji.jobs.executors.Work`.

    Parameters
    ----------
    movie
        At the network's scale.
    blocks
        Each block, and each member's window centres in it.
    network, mode, device
        How workers make a predictor of their own.
    predictor
        The one of this process.
    """

    movie: Movie
    blocks: Sequence[tuple[Block, list[Grid]]]
    network: EventNetwork
    mode: str
    device: str
    predictor: BlockPredictor
    doing: str = LOOKING

    def __len__(self) -> int:
        return len(self.blocks)

    def read(self, number: int) -> tuple[Strip, list[Grid]]:
        """Read a block's pixels."""
        block, grids = self.blocks[number]
        return read_strip(self.movie, block, self.network.description, self.predictor), grids

    def compute(self, read: tuple[Strip, list[Grid]], report: Report) -> Probabilities:
        """Predict a block."""
        return self.predictor(*read, report)

    def task(self) -> Callable[[tuple[Strip, list[Grid]]], Probabilities]:
        """Return the function for workers."""
        return partial(_predict, self.network, self.mode, self.device)


def _predict(network: EventNetwork, mode: str, device: str, read: tuple[Strip, list[Grid]]) -> Probabilities:
    return predictor_of(network, mode, device)(*read, silent)
