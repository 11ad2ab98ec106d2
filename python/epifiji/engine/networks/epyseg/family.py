"""EPySeg's networks as a family; see :class:`epifiji.engine.networks.family.CellFamily`."""

from __future__ import annotations

from typing import NoReturn, cast

import numpy as np

from epifiji.data.cell_networks import CellNetwork, CellNetworkDescription
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork, require_arrays
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import Device
from epifiji.engine.cells.outlines import label_regions
from epifiji.engine.cells.scale import border_certainty
from epifiji.engine.networks.epyseg.model import Linknet, weights_problem
from epifiji.engine.networks.epyseg.passes import predict_maps
from epifiji.engine.networks.epyseg.refine import outlines_from


class EPySegFamily:
    """The Linknets of EPySeg (Aigouy et al., Development 147, dev194589, 2020), and its refinement of their maps."""

    kind: str = "epyseg"
    needs_tensorflow: bool = True

    def check(self, network: AnyNetwork) -> None:
        """See :class:`~epifiji.engine.networks.family.Family`."""
        require_arrays(network, weights_problem, "a network of EPySeg")

    def load(self, network: CellNetwork, device: Device) -> Linknet:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        self.check(cast(AnyNetwork, network))
        return Linknet(network.weights)

    def maps(self, loaded: Linknet, frame: np.ndarray, flips: bool, megabytes: float) -> np.ndarray:
        """See :class:`~epifiji.engine.networks.family.CellFamily`; `flips` are EPySeg's "high quality predictions".

        The tiles are EPySeg's, whatever memory there is.
        """
        return predict_maps(loaded, frame, flips)

    def separate(
        self, maps: np.ndarray, description: CellNetworkDescription, diameter_px: float, settings: SegmentationSettings
    ) -> CellMaps:
        """See :class:`~epifiji.engine.networks.family.CellFamily`; cells are regions between EPySeg's outlines."""
        outlines = outlines_from(maps)
        labels = label_regions(outlines)
        return CellMaps(labels, maps[..., 0], labels > 0, outlines)

    def certainty(self, maps: np.ndarray, cells: CellMaps) -> float | None:
        """See :class:`~epifiji.engine.networks.family.CellFamily`."""
        return border_certainty(cells)

    def description_for(self, name: str, parent: CellNetworkDescription | None) -> NoReturn:
        """See :class:`~epifiji.engine.networks.family.CellFamily`: they are not trained.

        Raises
        ------
        WrongInputError
            Always.
        """
        called = parent.name if parent else "the network"
        raise WrongInputError(
            f"{called} is a network of EPySeg, which are only trained in EPySeg: train it there and import it again, or retrain "
            "a network of EpiFiji such as epicells."
        )

    def recipe(
        self,
        description: CellNetworkDescription,
        parent: CellNetwork | None,
        settings: TrainingSettings,
        keeping: bool,
    ) -> NoReturn:
        """See :meth:`description_for`."""
        self.description_for(description.name, description)
