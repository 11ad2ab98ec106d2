"""Networks for separate cells: their maps, mirror images, targets, and the weights that a training begins with."""

from __future__ import annotations

import numpy as np
import pytest

from epifiji.data.cell_networks import FLOW_OUTPUTS, CellNetwork
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import at_outlines
from epifiji.data.network import Network
from epifiji.data.settings.segmentation import SegmentationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.backend.devices import choose_device
from epifiji.engine.cells.flows import cells_of_flows
from epifiji.engine.metrics.labels import adjusted_rand_index, overlaps
from epifiji.engine.networks.families import CELL_FAMILIES
from epifiji.engine.networks.flow2d.training import flow_loss, targets_of
from epifiji.engine.networks.unet2d.model import new_weights
from epifiji.jobs.networks import cell_network_of
from voronoi_cells import voronoi_labels

FAMILY = CELL_FAMILIES["flow2d"]
SETTINGS = TrainingSettings(tile_size=64)


def small_network(seed: int = 1) -> CellNetwork:
    random = np.random.default_rng(seed)
    weights = {
        name: values + 0.05 * random.standard_normal(values.shape).astype(np.float32)
        for name, values in new_weights(random, len(FLOW_OUTPUTS)).items()
    }
    return Network(FAMILY.description_for("small", None), (weights,))


def test_maps_are_directions_and_probabilities() -> None:
    loaded = FAMILY.load(small_network(), choose_device("cpu"))
    maps = FAMILY.maps(loaded, np.random.default_rng(1).gamma(2, 100, (50, 41)), False, 500)
    assert maps.shape == (50, 41, 4)
    assert maps[..., :2].min() < -0.05
    assert np.abs(maps).max() <= 1
    assert maps[..., 2:].min() >= 0


def test_flips_turn_directions_over() -> None:
    loaded = FAMILY.load(small_network(), choose_device("cpu"))
    image = np.random.default_rng(1).gamma(2, 100, (48, 40))
    averaged = FAMILY.maps(loaded, image, True, 500)
    # The average over all mirror images of a mirror image is the mirror image of the average.
    mirrored = FAMILY.maps(loaded, image[::-1], True, 500)[::-1]
    assert mirrored[..., 0] == pytest.approx(-averaged[..., 0], abs=1e-5)
    assert mirrored[..., 1:] == pytest.approx(averaged[..., 1:], abs=1e-5)


def test_targets_of_labels_separate_them() -> None:
    labels = voronoi_labels(25, 110, 1)
    targets = targets_of(labels, at_outlines(labels))
    assert targets.dtype == np.float32
    assert (targets[..., 2] == (labels > 0)).all()
    choices = FAMILY.description_for("n", None).choices  # type: ignore[attr-defined]
    assert adjusted_rand_index(overlaps(labels, cells_of_flows(targets[..., :2], targets[..., 2], 22, choices))) > 0.98
    maps = FAMILY.separate(targets, FAMILY.description_for("n", None), 22, SegmentationSettings())
    assert adjusted_rand_index(overlaps(labels, maps.labels)) > 0.98
    assert (maps.border == targets[..., 3]).all()


def test_the_loss_is_least_for_the_targets_and_unknown_places_do_not_count() -> None:
    random = np.random.default_rng(1)
    labels = voronoi_labels(9, 64, 1)
    targets = targets_of(labels, at_outlines(labels))[None]
    frames, weights = random.gamma(2, 100, (1, 64, 64)).astype(np.float32), small_network().weights[0]
    counted = np.zeros((1, 64, 64), np.float32)
    counted[:, :20] = 1
    spoilt = targets.copy()
    spoilt[:, 20:] = random.uniform(0, 1, spoilt[:, 20:].shape)
    values = [float(flow_loss(weights, frames, one, counted)) for one in (targets, spoilt)]
    assert values[0] == pytest.approx(values[1])
    turned = np.concatenate([-targets[..., :2], targets[..., 2:]], -1)
    everywhere = np.ones_like(counted)
    assert float(flow_loss(weights, frames, turned, everywhere)) != pytest.approx(
        float(flow_loss(weights, frames, targets, everywhere))
    )


def test_a_training_begins_with_the_layers_of_a_network_for_tissues() -> None:
    parent = cell_network_of()
    description = FAMILY.description_for("new", parent.description)
    assert description.cell_diameter_px == 15
    begun = FAMILY.recipe(description, parent, SETTINGS, keeping=False).first_weights()
    known = parent.weights[0]
    assert begun["answer/kernel"].shape[-1] == len(FLOW_OUTPUTS)
    assert all((begun[name] == values).all() for name, values in known.items() if not name.startswith("answer"))
    FAMILY.check(Network(description, (begun,)))  # type: ignore[arg-type]
    further = small_network()
    again = FAMILY.recipe(description, further, SETTINGS, keeping=True).first_weights()
    assert all((again[name] == values).all() for name, values in further.weights[0].items())


def test_settings_that_have_no_effect_are_refused() -> None:
    described = FAMILY.description_for("mine", None)
    with pytest.raises(WrongInputError, match="seed_height is specified, but mine separates cells by directions"):
        described.require_settings(SegmentationSettings(seed_height=0.2))
    described.require_settings(SegmentationSettings(tissue_threshold=0.2, least_area=0.3))
    with pytest.raises(WrongInputError, match="loss is jaccard, but networks for separate cells have a loss of their"):
        FAMILY.recipe(described, None, TrainingSettings(loss="jaccard"), keeping=False)
