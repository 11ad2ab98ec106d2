"""Networks evaluated on annotated movies: every score compared with a separate detection and comparison."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.evaluation import NetworkEvaluation
from epifiji.data.events import Event
from epifiji.data.labelled import AnnotatedMovie
from epifiji.data.movie import Movie
from epifiji.data.settings.evaluation import EventEvaluationSettings
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.scoring.evaluate import evaluate
from epifiji.jobs.scoring.networks import NetworkScores, differences_of
from epifiji.jobs.scoring.report import EventEvaluation
from movies_to_evaluate import LOOSE, annotated_movies, detected, lively_network, lively_networks, numbers
from small_networks import small_epinet, small_network

FILES = ["evaluation.csv", "evaluation.json", "evaluation.png", "evaluation_curves.csv", "evaluation_differences.csv"]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return lively_networks(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, networks: tuple[Path, Path]) -> Path:
    return annotated_movies(tmp_path_factory.mktemp("annotated"), networks[0])


@pytest.fixture(scope="module")
def evaluation(folder: Path, networks: tuple[Path, Path]) -> EventEvaluation:
    return evaluate(networks, folder, **LOOSE)


def compared(folder: Path, network: Path, threshold: int, event: str) -> list[tuple[int, ...]]:
    """Counts of each movie from a detection with that threshold and a comparison with the ROI file."""
    found = []
    for movie in sorted(folder.glob("*.tif")):
        events = [one for one in detected(movie, network, threshold) if one.event == event]
        zip_file = folder / f"{movie.stem}_{event}.zip"
        reference = epifiji.compare(events, zip_file if zip_file.exists() else [])
        found.append(numbers(reference.scores.classes[event]) if reference.scores.classes else (0, 0, 0))
    return found


class TestScores:
    @pytest.mark.parametrize(("network", "threshold"), [(0, 175), (1, 195)])
    def test_each_is_what_a_detection_and_a_comparison_give(self, evaluation, folder, networks, network, threshold):
        for event in ("cell_death", "cell_sop"):
            curve = evaluation.networks[network].classes[event].curve
            whole = np.sum(compared(folder, networks[network], threshold, event), axis=0)
            assert numbers(curve[threshold]) == tuple(whole), event
        assert whole.sum() > 0

    def test_the_best_threshold_is_the_one_that_the_annotated_events_were_made_with(self, evaluation):
        found = evaluation.networks[0].classes["cell_death"]
        best = max(found.curve.values(), key=lambda counts: counts.f1)
        assert found.best.f1.value == pytest.approx(best.f1)
        assert 170 <= found.best.threshold <= 175
        assert found.best.counts.false_positives <= found.default.counts.false_positives
        assert found.best.counts.false_negatives <= 2
        assert found.best.f1.value > found.default.f1.value

    def test_the_default_is_that_of_a_detection(self, evaluation):
        for network in evaluation.networks:
            for found in network.classes.values():
                assert found.default.threshold == 160
                assert found.default.counts == found.curve[160]
                assert found.default.f1.low <= found.default.f1.value <= found.default.f1.high

    def test_a_network_may_have_a_default_of_its_own(self, folder):
        own = {"thresholds": {"cell_death": 181}, "min_volumes": {"cell_sop": 33}}
        found = evaluate(
            lively_network(15, "own", **own), folder, events="cell_death,cell_sop", threshold="cell_sop=170"
        )
        classes = found.networks[0].classes
        assert {event: one.default.threshold for event, one in classes.items()} == {"cell_death": 181, "cell_sop": 170}
        larger = evaluate(lively_network(15, "larger"), folder, events="cell_sop", min_volume=33, threshold=170)
        assert larger.networks[0].classes["cell_sop"].curve == classes["cell_sop"].curve

    def test_networks_of_both_families_are_evaluated_in_the_same_way(self, folder, networks):
        found = evaluate([networks[0], small_epinet(1)], folder, min_volume=0, events="cell_death")
        assert [one.name for one in found.networks] == ["net15", "epi"]
        assert found.networks[1].classes["cell_death"].best.counts.true_positives >= 0
        with pytest.raises(WrongInputError, match="mode is 'compatible', which .* but epi is another kind"):
            evaluate([networks[0], small_epinet(1)], folder, mode="compatible")

    def test_a_threshold_that_is_given_is_the_default(self, folder, networks):
        found = evaluate(networks[0], folder, threshold="cell_death=172,cell_sop=181", **LOOSE).networks[0].classes
        assert {event: one.default.threshold for event, one in found.items()} == {"cell_death": 172, "cell_sop": 181}
        assert numbers(found["cell_death"].default.counts) == tuple(
            np.sum(compared(folder, networks[0], 172, "cell_death"), axis=0)
        )

    def test_unseen_movies_are_scored_at_the_threshold_of_the_others(self, evaluation, folder, networks, tmp_path):
        curves = []
        for movie in ("noise_7", "noise_8"):
            for file in folder.glob(f"{movie}*"):
                (tmp_path / movie).mkdir(exist_ok=True)
                (tmp_path / movie / file.name).write_bytes(file.read_bytes())
            alone = (
                evaluate(networks[0], tmp_path / movie, events="cell_death", **LOOSE).networks[0].classes["cell_death"]
            )
            assert alone.unseen_f1 is None
            curves.append(alone.curve)
        whole = np.zeros(3, int)
        for movie, other in ((0, 1), (1, 0)):
            best = max(counts.f1 for counts in curves[other].values())
            levels = [level for level, counts in curves[other].items() if counts.f1 == best]
            whole += numbers(curves[movie][160 if 160 in levels else levels[len(levels) // 2]])
        expected = 2 * whole[0] / (2 * whole[0] + whole[1] + whole[2])
        assert evaluation.networks[0].classes["cell_death"].unseen_f1 == pytest.approx(expected)

    def test_every_candidate_counts_under_the_lowest_threshold_of_the_curve(self, evaluation, folder, networks):
        found = evaluation.networks[0].classes["cell_death"]
        lowest = min(found.curve)
        everything = [one for movie in folder.glob("*.tif") for one in detected(movie, networks[0], 0)]
        counts = found.curve[lowest]
        assert counts.true_positives + counts.false_positives == sum(one.event == "cell_death" for one in everything)

    def test_a_movie_without_a_file_of_a_class_has_no_such_events_or_is_not_evaluated(
        self, evaluation, folder, networks
    ):
        unknown = evaluate(networks[0], folder, unmarked="unknown", **LOOSE)
        strict, kind = evaluation.networks[0].classes["cell_sop"], unknown.networks[0].classes["cell_sop"]
        assert (strict.movies, kind.movies) == (2, 1)
        assert strict.default.counts.true_positives == kind.default.counts.true_positives
        assert strict.default.counts.false_positives > kind.default.counts.false_positives
        assert kind.unseen_f1 is None
        assert "1 of 2 movies have no ROI file of cell_sop, so all detections of it there count as false" in (
            " ".join(evaluation.notices)
        )
        assert "cell_sop was evaluated on 1 of 2 movies, those with a ROI file of it." in unknown.notices

    def test_classes_that_are_not_annotated_or_not_known_are_left_out_and_named(self, folder, tmp_path):
        classes = ("nothing", "cell_death", "budding", "cell_sop")
        other = small_network(1, seed=3, name="other", classes=classes)
        deaths = small_network(1, seed=4, name="deaths", classes=("nothing", "cell_death"))
        found = evaluate([other, deaths], folder)
        assert found.classes == ("cell_death", "cell_sop")
        assert [list(one.classes) for one in found.networks] == [["cell_death", "cell_sop"], ["cell_death"]]
        assert "Detections of budding by other were left out: no movie has ROIs of it." in found.notices
        assert "deaths does not know cell_sop, and was not evaluated on that." in found.notices
        assert {one.event for one in found.differences} == {"cell_death"}
        assert found.conclusion.endswith("cell_sop: only other knows it.")

    def test_classes_can_be_chosen(self, folder, networks):
        found = evaluate(networks, folder, events="cell_sop", **LOOSE)
        assert found.classes == ("cell_sop",)
        assert [list(one.classes) for one in found.networks] == [["cell_sop"], ["cell_sop"]]


class TestSideBySide:
    def test_differences_are_those_of_f1_and_have_both_thresholds(self, evaluation):
        first, second = evaluation.networks
        assert [(one.event, one.at) for one in evaluation.differences] == [
            ("cell_death", "default"), ("cell_death", "best"), ("cell_sop", "default"), ("cell_sop", "best"),
        ]  # fmt: skip
        for one in evaluation.differences:
            scores = [getattr(network.classes[one.event], one.at).f1.value for network in (first, second)]
            assert one.f1.value == pytest.approx(scores[0] - scores[1])
            assert one.f1.low <= one.f1.value <= one.f1.high

    def test_a_network_and_its_copy_are_not_distinguished(self, folder):
        twins = [lively_network(15, "twin"), lively_network(15, "twin")]
        twins = [replace(one, source=source) for one, source in zip(twins, ("here", "there"), strict=True)]
        found = evaluate(twins, folder, **LOOSE)
        assert [network.name for network in found.networks] == ["twin (here)", "twin (there)"]
        assert all((one.f1.value, one.f1.low, one.f1.high, one.p) == (0, 0, 0, 1) for one in found.differences)
        assert found.conclusion.startswith("cell_death: the data cannot distinguish twin (here) (F1 ")

    def evaluated(self, *answers: list[int], movies: int = 1) -> EventEvaluation:
        """Networks that find this many of 40 events in all, with this many false ones; everything else is real."""
        settings = EventEvaluationSettings()
        each = 40 // movies
        annotated = [Event("cell_death", 3, 30.0 * i, 40.0) for i in range(each)]
        blank = [
            AnnotatedMovie(Movie(np.zeros((8, 30 * each, 100))), tuple(annotated), classes=("cell_death",))
            for _ in range(movies)
        ]
        scores_by_network, networks = {}, []
        for name, (hits, false) in zip("ABC", answers, strict=False):
            right = [replace(event, raw_score=0.8) for event in annotated[:hits]]
            wrong = [Event("cell_death", 3, 30.0 * i, 80.0, 0.8) for i in range(false)]
            scores_by_network[name] = NetworkScores([[*right, *wrong]] * movies, blank, ["cell_death"], settings)
            networks.append(NetworkEvaluation(name, "", "", scores_by_network[name].classes(), 1.0))
        differences = differences_of(networks, scores_by_network, ["cell_death"], settings)
        return EventEvaluation(tuple(networks), tuple(differences), ("cell_death",), {})

    def test_a_network_that_finds_much_more_is_better(self):
        found = self.evaluated([20, 0], [38, 0])
        assert found.conclusion.startswith("cell_death: B (F1 0.97) is better than A (0.67; difference 0.31, ")

    def test_one_that_finds_a_little_more_is_not_distinguished(self):
        found = self.evaluated([36, 0], [38, 0])
        assert found.conclusion.startswith(
            "cell_death: the data cannot distinguish B (F1 0.97) from A (0.95; difference 0.03, "
        )

    def test_of_three_the_best_is_compared_with_both_others(self):
        found = self.evaluated([10, 0], [38, 2], [37, 0])
        assert "C (F1 0.96) is better than A (0.40; " in found.conclusion
        assert ", and the data cannot distinguish it from B (0.95; " in found.conclusion
        assert len(found.differences) == 6

    def test_false_events_of_both_at_one_place_are_one_place(self):
        settings = EventEvaluationSettings()
        movie = AnnotatedMovie(Movie(np.zeros((8, 90, 90))), (Event("cell_death", 1, 9, 9),), classes=("cell_death",))
        false = [Event("cell_death", 4, 40.0, 40.0, 0.9), Event("cell_death", 4, 70.0, 70.0, 0.9)]
        near = [Event("cell_death", 5, 43.0, 40.0, 0.9), Event("cell_death", 1, 9.0, 9.0, 0.9)]
        first, second = (NetworkScores([one], [movie], ["cell_death"], settings) for one in (false, near))
        mine, theirs = first.places(second, "cell_death", (160, 160))
        both = sorted(zip(mine.tolist(), theirs.tolist(), strict=True))
        assert both == [([0, 0, 1], [1, 0, 0]), ([0, 1, 0], [0, 0, 0]), ([0, 1, 0], [0, 1, 0])]


class TestWhatIsSaidAndWritten:
    def test_the_files_hold_what_the_dictionary_does(self, evaluation, tmp_path):
        files = evaluation.save(tmp_path / "out")
        assert sorted(file.name for file in files) == FILES
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
        record = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
        assert record == json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
        with (tmp_path / "out" / "evaluation.csv").open(encoding="utf-8") as file:
            table = list(csv.DictReader(file))
        assert [(row["event"], row["network"], row["at"]) for row in table] == [
            (event, network, at)
            for event in ("cell_death", "cell_sop")
            for network in ("net15", "net25")
            for at in ("default", "best")
        ]
        scored = evaluation.networks[1].classes["cell_sop"].best
        assert float(table[7]["f1_low"]) == pytest.approx(scored.f1.low, abs=1e-5)
        assert int(table[7]["threshold"]) == scored.threshold
        with Image.open(tmp_path / "out" / "evaluation.png") as picture:
            assert picture.size[0] > 800
            assert len(np.unique(np.asarray(picture.convert("L")))) > 50

    def test_curves_are_written_for_every_threshold(self, evaluation, tmp_path):
        evaluation.save(tmp_path)
        with (tmp_path / "evaluation_curves.csv").open(encoding="utf-8") as file:
            table = [row for row in csv.DictReader(file) if (row["event"], row["network"]) == ("cell_death", "net15")]
        curve = evaluation.networks[0].classes["cell_death"].curve
        assert [int(row["threshold"]) for row in table] == list(curve)
        assert [int(row["true_positives"]) for row in table] == [counts.true_positives for counts in curve.values()]

    def test_nothing_is_overwritten_without_overwrite(self, evaluation, tmp_path):
        evaluation.save(tmp_path)
        before = (tmp_path / "evaluation.csv").read_bytes()
        with pytest.raises(WrongInputError, match=r"evaluation\.csv exists and would be overwritten"):
            evaluation.save(tmp_path)
        assert (tmp_path / "evaluation.csv").read_bytes() == before
        alone = EventEvaluation(evaluation.networks[:1], (), evaluation.classes, evaluation.record)
        alone.save(tmp_path, overwrite=True)
        assert not (tmp_path / "evaluation_differences.csv").exists()

    def test_of_one_network_the_conclusion_is_its_thresholds(self, folder, networks):
        found = evaluate(networks[0], folder, events="cell_death", **LOOSE)
        best = found.networks[0].classes["cell_death"].best
        assert found.conclusion.startswith(f"cell_death: the threshold {best.threshold} gives the best F1, ")
        assert found.conclusion.endswith(" at 160.")
        assert found.choices() == [f"best for net15: --threshold cell_death={best.threshold}"]

    def test_the_record_has_settings_movies_and_networks(self, evaluation, folder, networks):
        record = evaluation.to_dict()
        assert record["settings"]["min_volume"] == 20
        assert [(movie["file"], movie["shape"]) for movie in record["movies"]] == [
            ("noise_7.tif", [12, 100, 110]),
            ("noise_8.tif", [12, 100, 110]),
        ]
        assert [one["source"] for one in record["networks"]] == [str(path) for path in networks]
        assert len({one["sha256"] for one in record["networks"]}) == 2

    def test_progress_rises_over_all_detections_and_may_cancel(self, folder, networks):
        told: list[tuple[float, str]] = []
        evaluate(networks[0], folder, lambda done, doing: told.append((done, doing)), events="cell_sop")
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert {doing.split(":")[0] for _, doing in told} == {"net15, noise_7", "net15, noise_8"}

        def cancel(done: float, doing: str) -> None:
            raise CancelledError

        with pytest.raises(CancelledError):
            evaluate(networks[0], folder, cancel)


class TestTheCommand:
    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["epifiji", "evaluate", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    def test_it_prints_scores_and_ends_with_one_sentence(self, monkeypatch, capsys, folder, networks, tmp_path):
        places = [str(network) for network in networks]
        options = ["--min-volume", "20", "--events", "cell_death", "--out", str(tmp_path / "out")]
        assert self.run(monkeypatch, *places, str(folder), *options) == 0
        printed = capsys.readouterr()
        lines = printed.out.strip().splitlines()
        assert lines[-1].startswith("cell_death: net15 (F1 ") or lines[-1].startswith(
            "cell_death: the data cannot distinguish "
        )
        assert any(line.split()[:2] == ["event", "network"] for line in lines)
        # One row for the default threshold and one for the best, or one for both if they are the same.
        for network in ("net15", "net25"):
            rows = [line for line in lines if line.split()[:2] == ["cell_death", network]]
            assert [kind for row in rows for kind in ("default", "best") if kind in row] == ["default", "best"]
        assert "With fewer than 5 movies the intervals take events as independent" in printed.err
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == FILES
        assert self.run(monkeypatch, *places, str(folder), *options) == 2
        assert "exists and would be overwritten" in capsys.readouterr().err

    def test_json_is_one_object(self, monkeypatch, capsys, folder, networks):
        assert self.run(monkeypatch, str(networks[0]), str(folder), "--events", "cell_sop", "--json") == 0
        printed = capsys.readouterr()
        found = json.loads(printed.out)
        assert set(found["best_thresholds"]["net15"]) == {"cell_sop"}
        assert found["files"] == []
        assert printed.err == ""

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"networks": ["gone"]}, "there is no network 'gone'"),
            ({"networks": []}, "Missing argument 'NETWORK...'"),
            ({"networks": ["0", "0"]}, "is given twice, but networks differ"),
            ({"folder": "gone"}, "gone does not exist, but a folder is needed"),
            ({"options": ["--distance-xy", "0"]}, "distance_xy is '0', but it must be a number above 0"),
            ({"options": ["--unmarked", "maybe"]}, "unmarked is 'maybe', but it must be one of none, unknown"),
            ({"options": ["--events", "budding"]}, "the event class 'budding' is not known"),
            (
                {"options": ["--events", "cell_division"]},
                "has ROI files of cell_death, cell_sop, and cell_division asked for",
            ),
            ({"options": ["--maps", "raw"]}, "No such option: --maps"),
        ],
    )
    def test_what_cannot_be_used_gives_one_sentence(self, monkeypatch, capsys, folder, networks, change, sentence):
        given = [str(networks[int(one)]) if one.isdigit() else one for one in change.get("networks", ["0"])]
        arguments = [*given, change.get("folder", str(folder)), *change.get("options", [])]
        assert self.run(monkeypatch, *arguments) == 2
        printed = capsys.readouterr()
        assert sentence in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == ""

    def test_a_folder_of_only_nothing_is_refused(self, tmp_path, movie_file, networks):
        (tmp_path / "a.tif").write_bytes(movie_file.read_bytes())
        write_rois(tmp_path / "a_nothing.zip", [Event("nothing", 1, 2, 3)])
        with pytest.raises(WrongInputError, match="only ROI files of nothing"):
            evaluate(networks[0], tmp_path)
        with pytest.raises(WrongInputError, match="no network was given"):
            evaluate([], tmp_path)
