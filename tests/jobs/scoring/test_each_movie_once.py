"""A movie that is given twice under other names would make numbers look surer than they are, so it is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.networks.store import write_network
from epifiji.files.rois.roi_files import write_rois
from labelled_cells import write_labelled
from reviewed_results import reviewed
from small_networks import small_network

PIXELS = np.random.default_rng(1).integers(0, 255, (12, 60, 60)).astype(np.uint8)
MOVIE = {"name": "m", "shape": PIXELS.shape, "pixels_sha256": Movie(PIXELS).sha256()}


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(small_network(1, name="lab"), tmp_path_factory.mktemp("networks") / "lab")


def annotated(folder: Path, *names: str, **settings: object) -> Path:
    """Write the same movie under several names, in files of other bytes, with one extrusion each."""
    folder.mkdir()
    for number, name in enumerate(names):
        tifffile.imwrite(folder / f"{name}.tif", PIXELS, description=f"number {number}")
        write_rois(folder / f"{name}_cell_death.zip", [Event("cell_death", 6, 30.0, 30.0)], (255, 0, 0))
    return folder


def test_a_copy_among_annotated_movies_is_named_by_every_score(network: Path, tmp_path: Path) -> None:
    folder = annotated(tmp_path / "annotated", "first", "second")
    for command in (["evaluate", str(network), str(folder)], ["calibrate-scores", str(network), str(folder)]):
        code, _, told = run_here(*command)
        assert code == 2
        assert "first and second are of the same movie, but each movie counts once" in one_sentence(told)


def test_a_review_of_a_movie_that_is_annotated_too_does_not_calibrate(network: Path, tmp_path: Path) -> None:
    results = reviewed(tmp_path / "m_epifiji", network, movie=MOVIE)
    folder = annotated(tmp_path / "annotated", "first")
    with pytest.raises(WrongInputError, match="m_epifiji and first are of the same movie"):
        epifiji.calibrate_scores(network, [results, folder])


def test_reviews_of_two_people_or_of_a_copy_do_not_calibrate(network: Path, tmp_path: Path) -> None:
    first = reviewed(tmp_path / "m_epifiji", network, 60, movie=MOVIE)
    second = shutil.copytree(first, tmp_path / "copy_epifiji")
    with pytest.raises(WrongInputError, match="m_epifiji and .*copy_epifiji are of the same movie"):
        epifiji.calibrate_scores(network, [first, second])
    unknown = reviewed(tmp_path / "unknown", network, 60)
    with pytest.raises(WrongInputError, match="unknown and .*review.csv are of the same movie"):
        epifiji.calibrate_scores(network, [unknown, unknown / "review.csv"])


def test_a_report_pools_no_movie_with_itself(network: Path, tmp_path: Path) -> None:
    first = reviewed(tmp_path / "m_epifiji", network, movie=MOVIE)
    second = shutil.copytree(first, tmp_path / "copy_epifiji")
    with pytest.raises(WrongInputError, match="m_epifiji and .*copy_epifiji are of the same movie"):
        epifiji.report([first, second], tmp_path / "report")
    assert not (tmp_path / "report").exists()


def test_a_copy_among_annotated_images_is_named(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_labelled(tmp_path, name, 1)
    code, _, told = run_here("evaluate", "epicells", str(tmp_path))
    assert code == 2
    assert "first and second are of the same image, but each image counts once" in one_sentence(told)
