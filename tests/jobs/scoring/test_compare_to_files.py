"""Files of a comparison, and curves over the threshold compared with events made at each threshold."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import roifile
from PIL import Image
from scipy import ndimage

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.palette import BLUE, GREEN, RED
from epifiji.data.settings.comparison import ComparisonSettings
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import find_maps, map_file, write_map, write_record
from epifiji.files.rois.roi_files import read_rois, write_rois
from epifiji.jobs.scoring.compare import compare
from epifiji.jobs.scoring.compare_to_files import run_comparison
from folders import names

SHAPE = (24, 90, 100)
FOUND, MISSED, FALSE = Event("cell_death", 5, 10, 10), Event("cell_death", 9, 60, 60), Event("cell_death", 5, 60, 10)
REFERENCE = [Event("cell_death", 6, 12, 10), MISSED, Event("cell_sop", 3, 20, 70)]


@pytest.fixture
def detected(tmp_path: Path) -> Path:
    folder = tmp_path / "wing_epifiji"
    folder.mkdir()
    write_events(folder / "events.csv", [FOUND, FALSE])
    return folder


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    write_events(tmp_path / "annotated.csv", REFERENCE)
    return tmp_path / "annotated.csv"


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A result folder with maps of smooth bumps, and its record."""
    folder = tmp_path / "bumps_epifiji"
    folder.mkdir()
    record = {
        "movie": {"name": "bumps", "shape": list(SHAPE), "file": None},
        "network": {"classes": ["cell_death", "cell_sop"], "window_half_size_px": 22},
        "settings": {
            "mode": "exact",
            "threshold": {"cell_death": 170, "cell_sop": 180},
            "min_volume": {"cell_death": 40},
        },
    }
    for seed, event in enumerate(("cell_death", "cell_sop")):
        random = np.random.default_rng(seed)
        field = np.zeros(SHAPE)
        field[tuple(random.integers(0, n, 30) for n in SHAPE)] = random.uniform(0.5, 1, 30)
        field = ndimage.gaussian_filter(field, (2, 4, 4))
        field = (255 * np.minimum(field / field.max() * 1.5, 1)).astype(np.uint8)
        write_map(folder / map_file("bumps", event, "rawproba"), iter(field), SHAPE)
    write_record(folder / "run.json", record)
    return folder


def renamed(maps: Path, old: str, new: str, movie: str = "bumps") -> None:
    """Rename a class of a result folder, and its movie."""
    record = (maps / "run.json").read_text(encoding="utf-8")
    (maps / "run.json").write_text(record.replace(old, new).replace("bumps", movie), encoding="utf-8")
    for file in sorted(maps.glob("*.tif")):
        file.rename(maps / file.name.replace(old, new).replace("bumps", movie))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestWhatIsWritten:
    def test_matches_and_errors_have_a_zip_for_each_class(self, detected, reference, tmp_path):
        folder = compare(detected, reference).save(tmp_path / "out")
        assert names(folder) == [
            "comparison.csv",
            "wing_cell_death_falsenegative.zip",
            "wing_cell_death_falsepositive.zip",
            "wing_cell_death_match.zip",
            "wing_cell_sop_falsenegative.zip",
        ]
        for outcome, event in {"match": FOUND, "falsepositive": FALSE, "falsenegative": MISSED}.items():
            assert read_rois(folder / f"wing_cell_death_{outcome}.zip", "cell_death") == [event]

    def test_each_outcome_has_its_colour(self, detected, reference, tmp_path):
        folder = compare(detected, reference).save(tmp_path / "out")
        for outcome, colour in {"match": GREEN, "falsepositive": RED, "falsenegative": BLUE}.items():
            (roi,) = roifile.ImagejRoi.fromfile(folder / f"wing_cell_death_{outcome}.zip")
            assert roi.stroke_color == bytes((255, *colour))

    def test_the_table_has_scores_and_how_they_came_about(self, detected, reference, tmp_path):
        folder = compare(detected, reference, 11, 5, "authors").save(tmp_path / "out")
        death, sop, everything = rows(folder / "comparison.csv")
        assert (death["event"], death["precision"], death["recall"], death["f1"]) == ("cell_death", "0.5", "0.5", "0.5")
        assert (sop["event"], sop["precision"], sop["recall"]) == ("cell_sop", "", "0")
        assert (everything["event"], everything["false_negatives"]) == ("all", "2")
        assert (death["distance_xy_px"], death["distance_t_frames"], death["counting"]) == ("11", "5", "authors")

    def test_nothing_is_overwritten_without_overwrite_and_with_it_nothing_old_is_left(
        self, detected, reference, tmp_path
    ):
        folder = compare(detected, reference).save(tmp_path / "out")
        before = {name: (folder / name).read_bytes() for name in names(folder)}
        with pytest.raises(WrongInputError, match=r"comparison\.csv exists and would be overwritten"):
            compare(detected, detected).save(folder)
        assert {name: (folder / name).read_bytes() for name in names(folder)} == before
        compare(detected, detected).save(folder, overwrite=True)
        assert names(folder) == ["comparison.csv", "wing_cell_death_match.zip", "wing_cell_sop_falsenegative.zip"]

    def test_a_class_that_is_no_longer_scored_leaves_the_users_own_files(self, detected, reference, tmp_path):
        folder = tmp_path / "out"
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
        compare(detected, reference).save(folder)
        assert (folder / "notes.txt").read_text() == "mine"

    def test_a_failure_leaves_nothing(self, reference, tmp_path):
        outside = [Event("cell_death", 5, 1e6, 10)]  # a ROI file cannot store it
        with pytest.raises(WrongInputError, match="an ImageJ ROI file stores"):
            compare(outside, reference).save(tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_an_empty_comparison_is_a_table(self, tmp_path):
        folder = compare([], []).save(tmp_path / "out")
        (only,) = rows(folder / "comparison.csv")
        assert (only["event"], only["true_positives"], only["precision"]) == ("all", "0", "")

    def test_a_folder_of_zips_is_not_read_with_its_comparison(self, tmp_path):
        folder = tmp_path / "theirs"
        folder.mkdir()
        write_rois(folder / "wing_cell_death.zip", [FOUND, FALSE])
        write_rois(folder / "wing_cell_death_FP.zip", [FALSE])  # the authors' name
        compare(folder, [REFERENCE[0]]).save(folder)
        again = compare(folder, [REFERENCE[0]])
        assert list(again.scores.classes) == ["cell_death"]
        assert (again.movie, again.scores.overall.false_positives) == ("wing", 1)


class TestCounting:
    def test_the_order_of_a_file_counts_for_the_authors(self, tmp_path):
        near, far = Event("cell_death", 0, 0, 10), Event("cell_death", 0, 0, 0)
        known = [Event("cell_death", 0, 0, 6), Event("cell_death", 0, 0, 16)]
        write_rois(tmp_path / "m_cell_death.zip", [near, far])
        found = compare(tmp_path / "m_cell_death.zip", known, counting="authors").scores.overall
        assert (found.true_positives, found.false_positives, found.false_negatives) == (1, 1, 0)
        ours = compare(tmp_path / "m_cell_death.zip", known).scores.overall
        assert (ours.true_positives, ours.false_positives, ours.false_negatives) == (2, 0, 0)

    def test_another_way_is_refused(self):
        with pytest.raises(WrongInputError, match="counting is 'best', but it must be one of one-to-one, authors"):
            compare([], [], counting="best")  # type: ignore[arg-type]


class TestMapsOfOnesOwnClass:
    def test_a_folder_and_a_file_of_it_are_read_as_the_record_says(self, maps):
        renamed(maps, "cell_sop", "blink")
        movie, files = find_maps(maps)
        assert (movie, set(files)) == ("bumps", {"cell_death", "blink"})
        assert find_maps(files["blink"]) == ("bumps", {"blink": files["blink"]})
        assert set(epifiji.threshold_curve(maps, [Event("blink", 5, 10, 10)]).classes) == {"blink", "cell_death", "all"}

    def test_a_movie_may_be_called_as_a_class_of_the_authors_begins(self, maps):
        renamed(maps, "cell_sop", "blink", movie="wing_cell_2")
        assert find_maps(maps)[0] == "wing_cell_2"

    def test_without_a_record_the_class_is_unknown(self, maps):
        renamed(maps, "cell_sop", "blink")
        (maps / "run.json").unlink()
        with pytest.raises(
            WrongInputError, match=r"of unnamed classes .*: specify one movie's folder with its run\.json"
        ):
            find_maps(maps)

    def test_maps_of_another_movie_are_refused(self, maps):
        (maps / map_file("bumps", "cell_sop", "rawproba")).rename(maps / map_file("wing", "cell_sop", "rawproba"))
        with pytest.raises(WrongInputError, match="contains maps of several movies"):
            find_maps(maps)


class TestCurves:
    @pytest.mark.parametrize("counting", ["one-to-one", "authors"])
    def test_every_point_is_that_of_events_made_at_its_threshold(self, maps, counting):
        reference = epifiji.events_from_maps(maps, threshold=185, min_volume={"cell_death": 40}).events
        reference = [Event(e.event, e.frame, e.y + 3, e.x) for e in reference[::2]]
        thresholds = range(125, 256, 10)
        curve = epifiji.threshold_curve(maps, reference, counting=counting, thresholds=thresholds)
        assert curve.used == {"cell_death": 170, "cell_sop": 180}
        seen = set()
        for number, threshold in enumerate(thresholds):
            events = epifiji.events_from_maps(maps, threshold=threshold, min_volume={"cell_death": 40}).events
            scores = compare(events, reference, counting=counting).scores
            assert curve.classes["all"][number] == scores.overall
            for name, one in scores.classes.items():
                assert curve.classes[name][number] == one
            seen.add(len(events))
        assert len(seen) > 4

    def test_a_value_that_equals_the_threshold_is_not_over_it(self, maps):
        whole = np.full((3, 20, 20), 190, np.uint8)
        write_map(maps / map_file("bumps", "cell_death", "rawproba"), iter(_placed(whole)), SHAPE)
        curve = epifiji.threshold_curve(
            maps, [Event("cell_death", 6, 30, 30)], thresholds=[189, 190, 191], min_volume=0
        )
        assert [one.true_positives for one in curve.classes["cell_death"]] == [1, 0, 0]

    def test_the_folder_gets_a_table_and_a_picture(self, maps, tmp_path):
        curve = epifiji.threshold_curve(maps, [Event("cell_death", 5, 10, 10)])
        curve.save(tmp_path / "out")
        table = rows(tmp_path / "out" / "curve.csv")
        assert [row["event"] for row in table[::26]] == ["cell_death", "cell_sop", "all"]
        assert [int(row["threshold"]) for row in table[:26]] == list(range(125, 255, 5))
        with Image.open(tmp_path / "out" / "curve.png") as picture:
            assert min(picture.size) > 300

    def test_a_reference_without_events_still_has_a_curve(self, maps, tmp_path):
        curve = epifiji.threshold_curve(maps, [])
        assert {one.recall for one in curve.classes["all"]} == {None}
        assert len(curve.save(tmp_path / "out")) == 2

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"thresholds": [300]}, r"thresholds of the curve are \[300\], but numbers from 0 to 255"),
            ({"thresholds": []}, "numbers from 0 to 255 are needed"),
            ({"threshold": 3}, "there is no setting 'threshold' of a curve"),
            ({"min_volume": -1}, "min_volume is -1, but it must be"),
        ],
    )
    def test_what_cannot_be_used_is_refused(self, maps, given, words):
        with pytest.raises(WrongInputError, match=words):
            epifiji.threshold_curve(maps, [], **given)

    def test_a_folder_without_maps_is_refused_and_nothing_is_written(self, detected, reference, tmp_path):
        with pytest.raises(WrongInputError, match="contains no probability maps"):
            run_comparison(detected, reference, ComparisonSettings(), tmp_path / "out", curve=True)
        assert not (tmp_path / "out").exists()

    def test_rois_have_no_curve(self, tmp_path):
        with pytest.raises(WrongInputError, match="needs probability maps, but ROIs were given"):
            run_comparison([FOUND], [FOUND], ComparisonSettings(), tmp_path / "out", curve=True)


def _placed(block: np.ndarray) -> np.ndarray:
    field = np.zeros(SHAPE, np.uint8)
    field[5:8, 20:40, 20:40] = block
    return field


class TestTheCommandLine:
    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["epifiji", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    def test_it_writes_everything_at_once(self, maps, tmp_path, monkeypatch, capsys):
        write_events(maps / "events.csv", [FOUND, FALSE])
        write_events(tmp_path / "known.csv", REFERENCE)
        out = tmp_path / "out"
        arguments = ("compare", maps, tmp_path / "known.csv", "--out", out, "--curve", "--json")
        assert self.run(monkeypatch, *arguments) == 0
        said = json.loads(capsys.readouterr().out)
        assert sorted(said["files"]) == sorted(str(out / name) for name in names(out))
        assert {"comparison.csv", "curve.csv", "curve.png", "bumps_cell_death_match.zip"} < set(names(out))
        assert self.run(monkeypatch, *arguments) == 2
        assert "exists and would be overwritten" in capsys.readouterr().err
        assert self.run(monkeypatch, *arguments[:-2], "--overwrite") == 0
        assert "curve.png" not in names(out)

    def test_a_curve_needs_a_folder(self, maps, reference, monkeypatch, capsys):
        assert self.run(monkeypatch, "compare", maps, reference, "--curve") == 2
        assert "give --out DIR" in capsys.readouterr().err
