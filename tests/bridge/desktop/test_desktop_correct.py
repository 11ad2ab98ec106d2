"""Cells are corrected by real keys, clicks and drawn lines, exactly, also if ImageJ is killed during it."""

from __future__ import annotations

import numpy as np
import pytest

from broken_cells import BrokenField, broken_field, same_cells, write_field
from correct_checks import mended
from desktop import desktop
from epifiji.files.labels import read_cells
from jvm import Finished, run_checks

FIELDS, ERRORS = 10, 60


@pytest.fixture(scope="module")
def broken() -> dict[str, BrokenField]:
    return {f"field_{seed}": broken_field(seed) for seed in range(FIELDS)}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, broken: dict[str, BrokenField]) -> Finished:
    folder = tmp_path_factory.mktemp("fields")
    for name, made in broken.items():
        write_field(folder, name, made)
    with desktop() as display:
        return run_checks(
            [mended], folder, headless=False, env={"DISPLAY": display, "EPIFIJI_TEST_FIELDS": str(folder)}
        )


def test_sixty_errors_in_ten_fields_are_mended_exactly(done: Finished, broken: dict[str, BrokenField]) -> None:
    said = done[mended]
    assert sum(map(len, said.values())) == sum(len(made.repairs) for made in broken.values()) == ERRORS
    for name, made in broken.items():
        labels = read_cells(done.folder / f"{name}_labels.tif")[0]
        assert np.array_equal(labels, made.labels), "the original is not changed"
        corrected = read_cells(done.folder / f"{name}_corrected_labels.tif")[0]
        assert same_cells(corrected, made.truth), (name, said[name])
