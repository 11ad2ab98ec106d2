"""Evaluations on movies without events, and on movies that a network learnt from."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.networks.store import read_network, write_network
from epifiji.jobs.learnt_movies import with_learnt
from epifiji.jobs.networks import import_network
from epifiji.jobs.scoring.evaluate import evaluate
from epifiji.jobs.scoring.report import EventEvaluation
from movies_to_evaluate import LOOSE, annotated_movies, detected, lively_networks, numbers


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return lively_networks(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, networks: tuple[Path, Path]) -> Path:
    return annotated_movies(tmp_path_factory.mktemp("annotated"), networks[0])


@pytest.fixture(scope="module")
def evaluation(folder: Path, networks: tuple[Path, Path]) -> EventEvaluation:
    return evaluate(networks, folder, **LOOSE)


class TestMoviesWithoutEvents:
    """Negative controls: all detections there are false."""

    def control(self, folder: Path, name: str, seed: int = 9) -> Path:
        folder.mkdir(exist_ok=True)
        field = gaussian_filter(np.random.default_rng(seed).normal(size=(12, 100, 110)), (1, 3, 3))
        path = folder / f"{name}.tif"
        write_movie(Movie((255 * (field - field.min()) / (field.max() - field.min())).astype(np.uint8)), path)
        return path

    def test_a_folder_of_only_these_gives_the_number_of_false_events_and_no_recall(self, tmp_path, networks):
        path = self.control(tmp_path / "controls", "quiet")
        found = evaluate(networks[0], tmp_path / "controls", **LOOSE)
        (one,) = found.networks
        assert set(one.classes) == {"cell_death", "cell_sop", "cell_division"}
        total = 0
        for event, scored in one.classes.items():
            events = [e for e in detected(path, networks[0], scored.default.threshold) if e.event == event]
            assert numbers(scored.default.counts) == (0, len(events), 0)
            assert scored.default.recall.value is None
            assert one.false_where_none[event] == len(events)
            total += len(events)
        assert total > 0
        assert f"In the movies without events (1 of 1) {one.name} finds " in " ".join(found.notices)
        deaths = one.classes["cell_death"].default
        assert found.conclusion.startswith(
            f"cell_death: {deaths.counts.false_positives} false at {deaths.threshold}, and no annotated event to find; "
        )
        assert found.choices() == []
        assert "quiet.tif has no ROI file, so it counts as a movie without events." in found.notices
        with pytest.raises(WrongInputError, match="its events were not annotated"):
            evaluate(networks[0], tmp_path / "controls", unmarked="unknown", **LOOSE)

    def test_with_other_movies_they_add_only_false_events(self, tmp_path, folder, networks, evaluation):
        both = tmp_path / "both"
        shutil.copytree(folder, both)
        path = self.control(both, "quiet")
        (both / "quiet_nothing.zip").touch()
        found = evaluate(networks[0], both, **LOOSE).networks[0]
        before = evaluation.networks[0]
        for event in ("cell_death", "cell_sop"):
            threshold = before.classes[event].default.threshold
            more = sum(one.event == event for one in detected(path, networks[0], threshold))
            right, false, missed = numbers(before.classes[event].default.counts)
            assert numbers(found.classes[event].default.counts) == (right, false + more, missed)
        (both / "quiet_nothing.zip").unlink()
        with pytest.raises(WrongInputError, match="quiet.tif has no ROI file in .*, but the other movies have"):
            evaluate(networks[0], both, **LOOSE)
        confirmed = evaluate(networks[0], both, unmarked="none", **LOOSE).networks[0]
        assert confirmed.classes == found.classes


class TestMoviesThatWereLearntFrom:
    @pytest.fixture
    def learner(self, tmp_path: Path, folder: Path, networks: tuple[Path, Path]) -> Path:
        """A network that learnt from the first of the two movies."""
        network = read_network(networks[0])
        learnt = with_learnt(network.description, [read_movie(folder / "noise_7.tif")], None)
        return write_network(
            replace(network, description=learnt.model_copy(update={"name": "learner"})), tmp_path / "learner"
        )

    def test_they_are_reported_wherever_scores_are_shown(self, learner, folder, networks, tmp_path):
        found = evaluate([learner, networks[1]], folder, **LOOSE)
        first, second = found.networks
        assert (first.learnt_from, second.learnt_from) == (("noise_7",), ())
        assert any(notice.startswith("learner learnt from 1 of these 2 movies (noise_7)") for notice in found.notices)
        assert found.conclusion.endswith("; but learner learnt from some of these movies, so its scores are too high.")
        assert {row[1] for row in found.rows()} == {"learner (learnt from 1 of these movies)", second.name}
        assert found.to_dict()["networks"][0]["learnt_from"] == ("noise_7",)
        found.save(tmp_path / "out")
        with (tmp_path / "out" / "evaluation.csv").open() as file:
            assert {(row["network"], row["movies_learnt_from"]) for row in csv.DictReader(file)} == {
                ("learner", "1"),
                (second.name, "0"),
            }

    def test_they_are_known_under_another_name_and_in_another_file(self, learner, folder, tmp_path):
        first, second = tmp_path / "renamed", tmp_path / "saved_again"
        first.mkdir()
        second.mkdir()
        shutil.copy(folder / "noise_7.tif", first / "a.tif")
        # The same pixels, compressed, without ImageJ's description.
        tifffile.imwrite(
            second / "b.tif", tifffile.imread(folder / "noise_7.tif"), photometric="minisblack", compression="zlib"
        )
        for other, name in ((first, "a"), (second, "b")):
            shutil.copy(folder / "noise_8.tif", other / "c.tif")
            for movie in (name, "c"):
                shutil.copy(folder / "noise_7_cell_death.zip", other / f"{movie}_cell_death.zip")
            assert evaluate(learner, other, **LOOSE).networks[0].learnt_from == (name,)

    def test_an_imported_copy_knows_them_too(self, learner, folder, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        imported = import_network(learner, "copy")
        assert evaluate(imported, folder, **LOOSE).networks[0].learnt_from == ("noise_7",)
