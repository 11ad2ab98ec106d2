"""Cells of a cyst, measured on shapes of known volumes, areas, heights and neighbours."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.engine.volumes.properties import cell_measurements, cyst_measurements, lumen_of
from epifiji.files.labels import write_labels

WEDGES, INNER, OUTER = 8, 8.0, 16.0


def wedges(steps: tuple[float, ...]) -> np.ndarray:
    """A spherical shell around the volume's centre, cut into equal wedges that meet at its axis along Z."""
    half = [int(np.ceil((OUTER + 3) / step)) for step in steps]
    # The centre lies between voxels, so that no voxel lies on a border.
    z, y, x = np.meshgrid(
        *((np.arange(-n, n) + 0.5) * step for n, step in zip(half, steps, strict=True)), indexing="ij"
    )
    distance = np.sqrt(z**2 + y**2 + x**2)
    turn = (np.arctan2(y, x) + 0.1) % (2 * np.pi)
    cells = 1 + np.floor(turn / (2 * np.pi) * WEDGES).astype(int)
    return np.where((distance >= INNER) & (distance < OUTER), cells, 0)


@pytest.mark.parametrize("steps", [(0.5, 0.5, 0.5), (1.2, 0.6, 0.6)])
def test_a_spherical_shell_cut_into_wedges_has_its_measurements(steps: tuple[float, ...]) -> None:
    # At the poles all wedges meet in a point.
    measured = epifiji.measure_cyst(wedges(steps), steps, least_contact_voxels=5)
    cells, angle = measured.cells, np.pi / WEDGES
    assert cells["label"].tolist() == list(range(1, WEDGES + 1))
    shell = 4 / 3 * np.pi * (OUTER**3 - INNER**3)
    for name, expected, tolerance in (
        ("volume_um3", shell / WEDGES, 0.06),
        ("apical_area_um2", 4 * np.pi * INNER**2 / WEDGES, 0.06),
        ("basal_area_um2", 4 * np.pi * OUTER**2 / WEDGES, 0.06),
        # Two half rings.
        ("lateral_area_um2", np.pi * (OUTER**2 - INNER**2), 0.1),
        # The centre of mass of such a part of a sphere lies at pi sin(a) / 4a of its radius, a being half its angle.
        ("height_um", (OUTER - INNER) * np.pi * np.sin(angle) / (4 * angle), 0.02),
    ):
        assert cells[name] == pytest.approx(expected, rel=tolerance), name
    assert cells["surface_um2"] == pytest.approx(
        cells["apical_area_um2"] + cells["basal_area_um2"] + cells["lateral_area_um2"]
    )
    for name in ("apical_neighbours", "basal_neighbours", "neighbours"):
        assert (cells[name] == 2).all(), name
    assert not cells["scutoid"].any()
    expected = {
        "cells_volume_um3": shell,
        "lumen_volume_um3": 4 / 3 * np.pi * INNER**3,
        "cyst_volume_um3": 4 / 3 * np.pi * OUTER**3,
        "surface_um2": 4 * np.pi * OUTER**2,
        "lumen_surface_um2": 4 * np.pi * INNER**2,
        "surface_ratio": 4,
        "sphericity": 1,
        "long_axis_um": 2 * OUTER,
        "short_axis_um": 2 * OUTER,
        "lumen_middle_um": 2 * INNER,
    }
    assert {name: measured.cyst[name] for name in expected} == pytest.approx(expected, rel=0.015)


@pytest.mark.parametrize("added", [((9, 14), (0, 25), (11, 3)), ((0, 0), (0, 0), (0, 0))])
def test_a_cyst_has_its_measurements_wherever_it_lies_in_a_large_volume(added: tuple[tuple[int, int], ...]) -> None:
    steps = (1.2, 0.6, 0.6)
    # The cyst touches the volume's border on some sides.
    labels = np.pad(wedges(steps)[3:-3, 5:-5, 5:-5], added)
    lumen = lumen_of(labels)
    whole = cell_measurements(labels, lumen, steps, 5)
    measured = epifiji.measure_cyst(labels, steps, least_contact_voxels=5)
    assert measured.cells.keys() == whole.keys()
    for name, values in whole.items():
        assert measured.cells[name] == pytest.approx(values, rel=1e-9, abs=1e-9), name
    assert measured.cyst == pytest.approx(cyst_measurements(labels, lumen, steps, whole), rel=1e-9)


def test_a_cyst_that_fills_the_volume_has_no_shape_and_is_recorded() -> None:
    labels = np.ones((8, 9, 10), int)
    labels[4:] = 2
    labels[3:5, 4:6, 4:6] = 0
    measured = epifiji.measure_cyst(labels, (1, 1, 1))
    assert np.isnan(measured.cells["height_um"]).all()
    recorded = json.loads(json.dumps(measured.to_dict(), allow_nan=False))
    assert (recorded["sphericity"], recorded["mean_height_um"], recorded["surface_um2"]) == (None, None, 0)
    assert recorded["lumen_volume_um3"] == 8


@pytest.mark.parametrize(("steps", "reported"), [((0.6, 0.6, 0.6), False), ((5, 0.6, 0.6), True)])
def test_voxels_that_are_large_for_the_cells_are_reported(steps: tuple[float, ...], reported: bool) -> None:
    measured = epifiji.measure_cyst(wedges(steps), steps)
    # Two half rings, as above; volumes and the cyst's surface are right with both voxels.
    lateral = measured.cells["lateral_area_um2"].mean() / (np.pi * (OUTER**2 - INNER**2))
    assert (lateral < 0.9) == reported
    assert measured.cyst["cyst_volume_um3"] == pytest.approx(4 / 3 * np.pi * OUTER**3, rel=0.02)
    assert measured.cyst["surface_um2"] == pytest.approx(4 * np.pi * OUTER**2, rel=0.05)
    said = [one for one in measured.notices if one.startswith("Voxels of 5 µm are large for cells 6")]
    assert len(said) == len(measured.notices) == reported


def test_a_cyst_that_is_cut_off_and_a_second_one_are_reported() -> None:
    labels = wedges((1, 1, 1))
    assert epifiji.measure_cyst(labels, (1, 1, 1)).notices == ()
    # Wedge 1 is the one at positive x; the cut goes through the wall only.
    middle = labels.shape[2] // 2
    cut = labels[:, :, : middle + 12]
    there = np.count_nonzero(np.unique(cut[:, :, -1]))
    notice = epifiji.measure_cyst(cut, (1, 1, 1)).notices[0]
    assert 0 < there < WEDGES
    assert notice.startswith(f"{there} of {WEDGES} cells reach the border of the volume, so the cyst may be cut off")
    open_lumen = epifiji.measure_cyst(labels[:, :, :middle], (1, 1, 1), (labels == 0)[:, :, :middle] & ball(middle))
    assert "cells and the lumen reach the border of the volume" in open_lumen.notices[0]
    two = np.concatenate([labels, np.where(labels, labels + WEDGES, 0)], 2)
    notice = epifiji.measure_cyst(two, (1, 1, 1)).notices[-1]
    assert notice.startswith("The cells are 2 separate objects of similar size, but are measured as one cyst")


def test_cells_that_do_not_reach_lumen_and_surface_are_no_scutoids_and_reported() -> None:
    labels = wedges((1, 1, 1))
    z, y, x = np.ogrid[tuple(slice(-n // 2, n // 2) for n in labels.shape)]
    # A ball in the lumen that touches the inner face of some wedges, and a cell on top of one.
    inner = (z**2 + y**2 + (x - 5) ** 2 < 9) & (labels == 0)
    outer = (labels == 1) & (z**2 + y**2 + x**2 > 12**2)
    found = np.where(inner, WEDGES + 1, np.where(outer, WEDGES + 2, labels))
    measured = epifiji.measure_cyst(found, (1, 1, 1))
    cells = measured.cells
    assert cells["scutoid"][[WEDGES, WEDGES + 1, 0]].tolist() == [0, 0, 0]
    (notice,) = measured.notices
    assert notice.startswith(
        f"Of {WEDGES + 2} cells, 1 do not reach the lumen and 2 do not reach the surface, but all cells of a cyst reach both"
    )


def test_a_gap_inside_of_the_wall_is_no_surface() -> None:
    labels = wedges((0.6, 0.6, 0.6))
    z, y, x = np.ogrid[tuple(slice(-n // 2, n // 2) for n in labels.shape)]
    gap = z**2 + (y - 14) ** 2 + (x - 14) ** 2 < 25
    assert (labels[gap] > 0).all()
    whole, pierced = (epifiji.measure_cyst(one, (0.6,) * 3) for one in (labels, np.where(gap, 0, labels)))
    assert pierced.cyst["surface_um2"] == pytest.approx(4 * np.pi * OUTER**2, rel=0.01)
    assert pierced.cells["basal_neighbours"].tolist() == whole.cells["basal_neighbours"].tolist()
    assert pierced.cells["basal_area_um2"] == pytest.approx(whole.cells["basal_area_um2"])


def ball(middle: int) -> np.ndarray:
    """The half at smaller x of the lumen's ball, in a cube with sides of `middle` twice."""
    z, y, x = np.ogrid[: 2 * middle, : 2 * middle, :middle]
    return (z + 0.5 - middle) ** 2 + (y + 0.5 - middle) ** 2 + (x + 0.5 - middle) ** 2 < INNER**2


def test_a_face_on_a_slope_has_its_area_although_its_voxels_have_more_sides() -> None:
    # A wall between two planes that rise by 3 in 4, 12 by 10 µm as seen along X.
    z, _, x = np.meshgrid(*(np.arange(n) * 0.5 for n in (60, 20, 24)), indexing="ij")
    height = z - 0.75 * x
    cells = ((height > 8) & (height < 14)).astype(int)
    found = cell_measurements(cells, height <= 8, (0.5, 0.5, 0.5), 1)
    for name in ("apical_area_um2", "basal_area_um2"):
        assert found[name] == pytest.approx(12 * 10 * 5 / 4, rel=0.03)
    # Faces have the same shape, so their centres are as far apart as they are along Z.
    assert found["height_um"] == pytest.approx(6, rel=0.06)


def exchange() -> tuple[np.ndarray, np.ndarray]:
    """Four cells that change neighbours between the lumen below and the outside above: 1 and 2 touch first, then 3 and 4."""
    y, x = np.meshgrid(np.arange(20) - 9.5, np.arange(20) - 9.5, indexing="ij")

    def nearest(near: float, far: float) -> np.ndarray:
        places = ((0, -near), (0, near), (-far, 0), (far, 0))
        return 1 + np.argmin([np.hypot(y - a, x - b) for a, b in places], axis=0)

    labels = np.zeros((16, 20, 20), int)
    labels[3:8], labels[8:13] = nearest(4, 8), nearest(8, 4)
    lumen = np.zeros(labels.shape, bool)
    lumen[:3] = True
    return labels, lumen


def test_cells_that_change_neighbours_are_scutoids() -> None:
    labels, lumen = exchange()
    found = cell_measurements(labels, lumen, (1, 1, 1), 3)
    assert found["apical_neighbours"].tolist() == [3, 3, 2, 2]
    assert found["basal_neighbours"].tolist() == [2, 2, 3, 3]
    assert found["neighbours"].tolist() == [3, 3, 3, 3]
    assert found["scutoid"].tolist() == [1, 1, 1, 1]
    assert found["volume_um3"].tolist() == np.bincount(labels.ravel())[1:].tolist()
    for name, plane in (("apical_area_um2", 3), ("basal_area_um2", 12)):
        assert found[name] == pytest.approx(np.bincount(labels[plane].ravel(), minlength=5)[1:], rel=1e-6)
    straight = np.where(labels > 0, labels[3], 0)
    assert cell_measurements(straight, lumen, (1, 1, 1), 3)["scutoid"].tolist() == [0, 0, 0, 0]


def test_tilted_cells_of_a_simulated_cyst_are_scutoids_more_often() -> None:
    shares = []
    for tilt in (0.0, 0.5):
        sizes = {"pixel_size_um": 0.8, "voxel_depth_um": 0.8}
        cyst = epifiji.simulate_cyst(seed=1, cells=40, tilt=tilt, elongation=1, deformation=0, **sizes)
        measured = epifiji.measure_cyst(cyst)
        shares.append(measured.cyst["scutoids"] / measured.cyst["cells"])
        assert measured.cells["volume_um3"].sum() == pytest.approx(np.count_nonzero(cyst.labels) * 0.8**3)
    # Without tilt a round cyst has none; large voxels lose a few short contacts.
    assert shares[0] < 0.15 < 0.5 < shares[1]


def test_the_lumen_is_found_and_the_table_is_written(tmp_path: Path) -> None:
    steps = (1.2, 0.6, 0.6)
    labels = wedges(steps)
    inside = np.count_nonzero(lumen_of(labels)) * np.prod(steps)
    assert inside == pytest.approx(4 / 3 * np.pi * INNER**3, rel=0.02)
    file = tmp_path / "labels.tif"
    write_labels(file, labels, spacing=dict(zip("ZYX", steps, strict=True)))
    measured = epifiji.measure_cyst(file)
    rows = list(csv.DictReader(measured.save(tmp_path / "cells.csv").open(encoding="utf-8")))
    assert [int(row["label"]) for row in rows] == list(range(1, WEDGES + 1))
    assert [float(row["volume_um3"]) for row in rows] == pytest.approx(measured.cells["volume_um3"])
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        measured.save(tmp_path / "cells.csv")


def test_wrong_input_is_refused_in_a_sentence() -> None:
    labels, lumen = exchange()
    for arguments, settings, words in (
        ((labels,), {}, "The distances between voxels are not known, but three along Z, Y and X in µm are needed"),
        ((labels, (1, 0, 1)), {}, r"The distances between voxels are \(1, 0, 1\), but three"),
        ((labels, (1, 1, 1)), {}, "The cells enclose no lumen"),
        ((labels * 0, (1, 1, 1)), {}, "The volume has no cells"),
        ((labels[0], (1, 1, 1)), {}, "The measured cells have the shape"),
        ((labels, (1, 1, 1), lumen[1:]), {}, "The lumen has the shape"),
        (
            (labels, (1, 1, 1)),
            {"least_contact_voxels": 0},
            "least_contact_voxels is 0, but it must be a whole number from 1",
        ),
    ):
        with pytest.raises(WrongInputError, match=words):
            epifiji.measure_cyst(*arguments, **settings)
