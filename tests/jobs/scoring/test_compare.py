"""Comparisons of result folders, tables, ROI zips and events."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event, by_class
from epifiji.files.event_sources import movie_of, read_events_of
from epifiji.files.results.events_table import write_events
from epifiji.files.rois.roi_files import read_rois, write_rois
from epifiji.jobs.scoring.compare import Comparison, compare

DEATHS = [Event("cell_death", 5, 10, 10), Event("cell_death", 9, 100, 100)]
SOPS = [Event("cell_sop", 7, 50, 50)]
DIVISIONS = [Event("cell_division", 3, 70, 20), Event("cell_division", 4, 20, 70)]


def counts(comparison: Comparison) -> dict[str, tuple[int, int, int]]:
    """True positives, false positives, false negatives of each class."""
    return {
        name: (scores.true_positives, scores.false_positives, scores.false_negatives)
        for name, scores in comparison.scores.classes.items()
    }


def table(folder: Path, events: list[Event]) -> Path:
    folder.mkdir()
    write_events(folder / "events.csv", events)
    return folder


def zips(folder: Path, events: list[Event], movie: str = "movie") -> list[Path]:
    folder.mkdir(exist_ok=True)
    groups = by_class(events)
    for name, group in groups.items():
        write_rois(folder / f"{movie}_{name}.zip", group)
    return [folder / f"{movie}_{name}.zip" for name in groups]


class TestTheOracle:
    def test_the_authors_detections_are_12_of_the_14_planted_extrusions_and_none_is_false(self, shared_data):
        oracle = shared_data / "oracle"
        comparison = compare(oracle / "default" / "movie_cell_death.zip", oracle / "movie_cell_death.zip")
        assert counts(comparison) == {"cell_death": (12, 0, 2)}
        assert comparison.scores.overall.precision == 1
        assert comparison.scores.overall.recall == 12 / 14

    def test_a_folder_of_the_authors_against_all_that_was_planted(self, shared_data):
        oracle = shared_data / "oracle"
        planted = [oracle / "movie_cell_death.zip", oracle / "movie_cell_division.zip"]
        comparison = compare(oracle / "default", planted)
        assert counts(comparison) == {"cell_death": (12, 0, 2), "cell_division": (0, 0, 6)}
        assert comparison.scores.classes["cell_division"].precision is None
        assert comparison.scores.overall.recall == 12 / 20


class TestSides:
    def test_every_form_of_the_same_events_gives_the_same_scores(self, tmp_path):
        events = DEATHS + SOPS + DIVISIONS
        folder, files = table(tmp_path / "a", events), zips(tmp_path / "b", events)
        for side in (events, folder, str(folder), folder / "events.csv", files, tmp_path / "b"):
            for other in (events, folder, files):
                expected = {"cell_death": (2, 0, 0), "cell_division": (2, 0, 0), "cell_sop": (1, 0, 0)}
                assert counts(compare(side, other)) == expected

    def test_a_folders_table_comes_before_its_zips(self, tmp_path):
        folder = table(tmp_path / "a", DEATHS)
        zips(folder, SOPS)
        assert counts(compare(folder, DEATHS)) == {"cell_death": (2, 0, 0)}

    def test_the_distances_reach_the_matching(self, tmp_path):
        moved = [Event("cell_death", 8, 14, 13)]
        assert counts(compare(moved, DEATHS[:1], 5, 3)) == {"cell_death": (1, 0, 0)}
        assert counts(compare(moved, DEATHS[:1], 4.9, 3)) == {"cell_death": (0, 1, 1)}
        assert counts(compare(moved, DEATHS[:1], 5, 2)) == {"cell_death": (0, 1, 1)}

    def test_nothing_against_nothing_has_no_scores(self):
        assert compare([], []).to_dict()["overall"]["precision"] is None


class TestScoredClasses:
    def test_an_absent_class_of_a_table_counts_as_none_found(self, tmp_path):
        detected, reference = table(tmp_path / "a", DEATHS + SOPS), table(tmp_path / "b", DEATHS + DIVISIONS)
        comparison = compare(detected, reference)
        assert counts(comparison) == {"cell_death": (2, 0, 0), "cell_division": (0, 0, 2), "cell_sop": (0, 1, 0)}
        assert comparison.notices == ()

    def test_a_reference_of_one_class_scores_that_class(self, tmp_path):
        (deaths,) = zips(tmp_path / "b", DEATHS)
        comparison = compare(table(tmp_path / "a", DEATHS + SOPS), deaths)
        assert counts(comparison) == {"cell_death": (2, 0, 0)}
        assert comparison.notices == (
            "Detected events of cell_sop were left out (1): the reference does not contain this class.",
        )

    def test_a_single_detected_file_is_scored_by_its_class(self, tmp_path):
        (sops,) = zips(tmp_path / "a", SOPS)
        comparison = compare(sops, table(tmp_path / "b", DEATHS + SOPS))
        assert counts(comparison) == {"cell_sop": (1, 0, 0)}
        assert comparison.notices == (
            "Reference events of cell_death were left out (2): the detected side does not contain this class.",
        )

    def test_a_class_without_a_detected_zip_is_missed(self, tmp_path):
        detected, reference = zips(tmp_path / "a", DEATHS + SOPS), zips(tmp_path / "b", DEATHS + DIVISIONS)
        comparison = compare(detected, reference)
        assert counts(comparison) == {"cell_death": (2, 0, 0), "cell_division": (0, 0, 2)}
        assert comparison.notices == (
            "Detected events of cell_sop were left out (1): the reference does not contain this class.",
        )

    def test_a_detected_file_of_a_class_that_the_reference_table_lacks_is_false(self, tmp_path):
        (sops,) = zips(tmp_path / "a", SOPS)
        comparison = compare(sops, table(tmp_path / "b", DEATHS))
        assert counts(comparison) == {"cell_sop": (0, 1, 0)}

    def test_two_single_files_are_one_class_whatever_their_names(self, tmp_path):
        write_rois(tmp_path / "RoiSet.zip", DEATHS)
        (known,) = zips(tmp_path / "b", DEATHS[:1])
        comparison = compare(tmp_path / "RoiSet.zip", known)
        assert counts(comparison) == {"cell_death": (1, 1, 0)}
        assert comparison.notices == ("The detected RoiSet and the reference cell_death were compared as one class.",)

    def test_a_class_of_ones_own_is_known_from_the_table(self, tmp_path):
        events = [Event("budding", 1, 2, 3)]
        (file,) = zips(tmp_path / "b", events, movie="my_movie")
        assert counts(compare(file, table(tmp_path / "a", events + DEATHS))) == {"budding": (1, 0, 0)}
        assert counts(compare(tmp_path / "b", tmp_path / "a")) == {"budding": (1, 0, 0), "cell_death": (0, 0, 2)}

    def test_a_class_of_ones_own_is_known_from_the_movie_next_to_it(self, tmp_path):
        events = [Event("budding", 1, 2, 3), Event("cell_budding", 4, 5, 6)]
        zips(tmp_path, events + DEATHS, movie="my_cell_movie")
        write_rois(tmp_path / "my_cell_movie_nothing.zip", SOPS)
        write_rois(tmp_path / "RoiSet.zip", SOPS)
        (tmp_path / "my_cell_movie.tif").touch()
        assert sorted(event.event for event in read_events_of(tmp_path)) == [
            "budding",
            "cell_budding",
            "cell_death",
            "cell_death",
        ]
        assert movie_of(tmp_path) == "my_cell_movie"

    def test_a_class_of_ones_own_is_known_from_the_record_next_to_it(self, tmp_path):
        zips(tmp_path, [Event("budding", 1, 2, 3)])
        record = {"movie": {"name": "movie"}, "settings": {"events": ["budding"]}}
        (tmp_path / "run.json").write_text(json.dumps(record), encoding="utf-8")
        assert [event.event for event in read_events_of(tmp_path)] == ["budding"]


class TestResult:
    def test_the_dictionary_is_plain_json_and_unrounded(self, tmp_path):
        detected = [Event("cell_death", 6, 11, 11), Event("cell_death", 5, 60, 60), Event("cell_death", 5, 90, 60)]
        result = compare(detected, DEATHS, 12, 3).to_dict()
        assert json.loads(json.dumps(result, allow_nan=False)) == result
        assert set(result) == {"distance_xy_px", "distance_t_frames", "counting", "overall", "classes", "notices"}
        assert (result["distance_xy_px"], result["distance_t_frames"]) == (12, 3)
        assert result["overall"] == result["classes"]["cell_death"]
        assert result["overall"]["precision"] == 1 / 3
        assert result["overall"]["position_error_px"] == 2**0.5
        assert result["overall"]["time_error_frames"] == 1

    def test_the_table_for_people_has_a_row_for_each_class_and_one_for_all(self):
        comparison = compare([Event("cell_death", 6, 11, 11)], DEATHS + SOPS)
        counted = ["true positives", "false positives", "false negatives"]
        assert comparison.columns()[:5] == ["event", *counted, "precision"]
        assert comparison.rows() == [
            ["cell_death", "1", "0", "1", "1.000", "0.500", "0.667", "1.414", "1.000"],
            ["cell_sop", "0", "0", "1", "-", "0.000", "0.000", "-", "-"],
            ["all", "1", "0", "2", "1.000", "0.333", "0.500", "1.414", "1.000"],
        ]
        assert {len(row) for row in comparison.rows()} == {len(comparison.columns())}

    def test_the_matching_lists_the_missed_events(self, tmp_path):
        comparison = compare(DEATHS[:1] + SOPS, DEATHS)
        assert comparison.matching.pairs == ((DEATHS[0], DEATHS[0]),)
        assert comparison.matching.false_negatives == (DEATHS[1],)
        assert comparison.matching.false_positives == (SOPS[0],)
        write_rois(tmp_path / "missed.zip", comparison.matching.false_negatives)
        (missed,) = read_rois(tmp_path / "missed.zip", "cell_death")
        assert (missed.frame, missed.y, missed.x) == (9, 100, 100)


class TestWrongInput:
    def test_a_folder_without_results_is_refused(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"has neither events\.csv nor a \*_cell_\*\.zip"):
            compare(tmp_path, DEATHS)

    def test_a_folder_of_several_movies_is_refused(self, tmp_path):
        zips(tmp_path, DEATHS, movie="a")
        zips(tmp_path, DEATHS, movie="b")
        with pytest.raises(WrongInputError, match=r"a_cell_death\.zip and b_cell_death\.zip both contain cell_death"):
            compare(tmp_path, DEATHS)

    def test_a_file_named_after_no_class_is_refused_where_classes_matter(self, tmp_path):
        write_rois(tmp_path / "RoiSet.zip", DEATHS)
        with pytest.raises(WrongInputError, match="named after RoiSet, but the other side has cell_death"):
            compare(table(tmp_path / "a", DEATHS), tmp_path / "RoiSet.zip")

    def test_files_of_other_classes_are_refused(self, tmp_path):
        (sops,) = zips(tmp_path / "a", SOPS)
        with pytest.raises(WrongInputError, match="named after cell_sop, but the other side has cell_death, cell_div"):
            compare(sops, zips(tmp_path / "b", DEATHS + DIVISIONS))

    @pytest.mark.parametrize("spelling", ["Cell_Death", "cell-death", "cell death"])
    def test_a_class_that_is_written_in_two_ways_is_refused(self, tmp_path, spelling):
        other = [replace(event, event=spelling) for event in DEATHS]
        with pytest.raises(
            WrongInputError, match=f"'{spelling}'.* would count as two classes: write the name in one way"
        ):
            compare(table(tmp_path / "a", DEATHS), table(tmp_path / "b", other))
        with pytest.raises(WrongInputError, match="would count as two classes"):
            compare([*DEATHS, other[0]], DEATHS)

    def test_missing_files_are_refused(self, tmp_path):
        for path in (tmp_path / "gone_cell_death.zip", tmp_path / "gone.csv"):
            with pytest.raises(WrongInputError, match="does not exist"):
                compare(DEATHS, path)

    def test_events_and_files_mixed_are_refused(self, tmp_path):
        with pytest.raises(WrongInputError, match="mixes events and files"):
            compare([DEATHS[0], tmp_path / "a.zip"], DEATHS)
