"""Cellpose's networks as a family; see :class:`epifiji.engine.networks.family.CellFamily`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.cellpose import CellposeDescription, shapes
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import at_outlines
from epifiji.data.network import AnyNetwork, Weights, array_problem, require_arrays
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.networks.cellpose.process import CellposeProcess, cellpose_process
from epifiji.engine.networks.cellpose.recipe import CellposeRecipe

STEPS = 200
"""Cellpose follows flows for so many steps in cells of the network's diameter, and in proportion for others."""

LEAST_PX = 15
"""Cellpose removes cells with fewer pixels."""

TILES_AT_ONCE, TILE_MEGABYTES = 8, 120
"""As Cellpose; and the approximate memory for a tile of 224 x 224 px."""


@dataclass(frozen=True)
class LoadedCellpose:
    """A network, and the process that computes it."""

    process: CellposeProcess
    weights: Weights
    gpu: bool

    runtime: ClassVar[str] = "PyTorch"


class CellposeFamily:
    """The networks of Cellpose 1 to 3, and Cellpose's way from flows to cells, computed by Cellpose itself."""

    kind: str = "cellpose"
    needs_tensorflow: bool = False

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        require_arrays(network, lambda weights: array_problem(weights, shapes()), "a network of Cellpose")

    def load(self, network: CellNetwork, device: Device) -> LoadedCellpose:
        """See :class:`~epifiji.engine.networks.family.CellFamily`; PyTorch chooses the GPU."""
        self.check(cast(AnyNetwork, network))
        if len(network.weights) != 1:
            raise WrongInputError(
                f"{network.description.name} has {len(network.weights)} members, but one of Cellpose has one: import it again."
            )
        return LoadedCellpose(cellpose_process(), network.weights[0], not device.only_cpu)

    def maps(self, loaded: LoadedCellpose, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.CellFamily`; `flips` is what Cellpose calls ``augment``.

        Flows are five times as long as directions, and the last map is the log-odds of being in a cell.
        """
        batch = int(np.clip(megabytes / TILE_MEGABYTES, 1, TILES_AT_ONCE))
        arrays = {"frame": frame.astype(np.float32)}
        _, found = loaded.process.ask_network("maps", loaded.weights, loaded.gpu, arrays, flips=flips, batch=batch)
        maps: np.ndarray = found["maps"].astype(np.float32)
        return maps

    def separate(
        self, maps: np.ndarray, description: CellNetworkDescription, diameter_px: float, settings: SegmentationSettings
    ) -> CellMaps:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        from scipy.special import expit, logit

        choices = cast(CellposeDescription, description).choices.replaced(settings)
        threshold = float(np.clip(logit(choices.tissue_threshold), -1e3, 1e3))
        _, found = cellpose_process().ask(
            "cells",
            {"maps": maps.astype(np.float32)},
            steps=STEPS * diameter_px / description.cell_diameter_px,
            threshold=threshold,
            least_px=max(LEAST_PX, math.ceil(choices.least_area * math.pi / 4 * diameter_px**2)),
        )
        labels = found["labels"].astype(np.int32)
        inside = expit(maps[..., 2])
        # Cellpose predicts no borders: they are where its cells end, and outside of all cells.
        border = np.where(at_outlines(labels), 1, 1 - inside).astype(np.float32)
        return CellMaps(labels, border, maps[..., 2] > threshold)

    def certainty(self, maps: np.ndarray, cells: CellMaps) -> float | None:
        """See :class:`~epifiji.engine.networks.family.CellFamily`: a diameter is never estimated."""
        return None

    def description_for(self, name: str, parent: CellNetworkDescription | None) -> CellposeDescription:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return cast(CellposeDescription, parent).model_copy(
            update={"name": name, "provenance": "", "origin": "", "learnt_from": (), "weights_sha256": ()}
        )

    def recipe(
        self,
        description: CellNetworkDescription,
        parent: CellNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> CellposeRecipe:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        if parent is None:
            raise WrongInputError(
                "networks of Cellpose are not trained from random weights here: specify a model to begin with."
            )
        return CellposeRecipe(description, parent, settings)
