"""Scoring a network on held-out cells, by the segmentation that users run."""

from __future__ import annotations

from collections.abc import Sequence

from epifiji.data.cell_networks import CellNetwork
from epifiji.data.labelled import TrainingField
from epifiji.data.progress import Report, silent
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.training import MATCH_IOU, CellValidationScores
from epifiji.engine.cells.scale import Scale
from epifiji.jobs.cells.compare import compare_labels, scores_of
from epifiji.jobs.cells.segmenter import Segmenter

VALIDATING = "validating the network on held-out cells"


def score_cells(
    network: CellNetwork, held_out: Sequence[TrainingField], diameter_px: float, report: Report = silent
) -> CellValidationScores:
    """Segment held-out fields and compare their cells; cells that the border of a field cuts off are left out.

    Parameters
    ----------
    diameter_px
        Diameter of the cells in pixels of the fields, which have bright borders.
    """
    segmenter = Segmenter(network, Scale(diameter_px, False), SegmentationSettings())
    scores, compared = [], []
    for number, one in enumerate(held_out):
        report(number / len(held_out), VALIDATING)
        labels = segmenter(one.pixels).labels
        field, cells, quality = compare_labels(one.name, labels, one.labels, one.known, "ignore")
        scores.append(scores_of(field, cells, quality, MATCH_IOU))
        compared.append(field)
    return CellValidationScores(tuple(scores), tuple(compared))
