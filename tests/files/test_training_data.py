"""Folders of movies and ROI zips: which files belong together, and refusals."""

from __future__ import annotations

import re
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.rois.roi_files import write_rois
from epifiji.files.training_data import classes_of, read_training_folder

SHAPE = (8, 30, 40)


def movie(folder: Path, name: str, shape: tuple[int, int, int] = SHAPE) -> Path:
    path = folder / f"{name}.tif"
    write_movie(Movie(np.arange(np.prod(shape)).reshape(shape).astype(np.uint16), name), path)
    return path


def rois(folder: Path, name: str, *places: tuple[int, float, float]) -> Path:
    path = folder / f"{name}.zip"
    write_rois(path, [Event("any", *place) for place in places or [(2, 5, 6)]])
    return path


def points(events: list[Event]) -> list[tuple[int, float, float]]:
    return [(event.frame, event.y, event.x) for event in events]


class TestWhatIsRead:
    def test_each_movie_has_its_events_by_class_and_the_places_that_are_none(self, tmp_path):
        path = movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_sop", (1, 2, 3))
        rois(tmp_path, "wing_cell_death", (3, 10, 20), (4, 29, 39))
        rois(tmp_path, "wing_nothing", (5, 0, 0))
        (found,) = read_training_folder(tmp_path)
        assert (found.name, found.movie.path, found.movie.shape) == ("wing", path, SHAPE)
        assert {name: points(events) for name, events in found.events_by_class.items()} == {
            "cell_death": [(3, 10, 20), (4, 29, 39)],
            "cell_sop": [(1, 2, 3)],
        }
        assert {event.event for events in found.events_by_class.values() for event in events} == {
            "cell_death",
            "cell_sop",
        }
        assert points(found.nothing) == [(5, 0, 0)]
        assert found.notices == ()

    def test_classes_may_have_any_name_and_differ_from_movie_to_movie(self, tmp_path):
        for name in ("a", "b"):
            movie(tmp_path, name)
        for name in ("b_fusion", "a_cell_division", "b_cell_death", "a_T1_swap", "b_nothing"):
            rois(tmp_path, name)
        found = read_training_folder(str(tmp_path))
        assert [one.name for one in found] == ["a", "b"]
        assert [sorted(one.events_by_class) for one in found] == [
            ["T1_swap", "cell_division"],
            ["cell_death", "fusion"],
        ]
        assert classes_of(found) == ("cell_death", "cell_division", "T1_swap", "fusion")

    def test_a_roi_file_belongs_to_the_movie_with_the_longest_name(self, tmp_path):
        for name in ("wing", "wing_disc", "wing_disc_2"):
            movie(tmp_path, name)
        for name in ("wing_cell_death", "wing_disc_cell_death", "wing_disc_2_budding"):
            rois(tmp_path, name)
        assert {one.name: list(one.events_by_class) for one in read_training_folder(tmp_path)} == {
            "wing": ["cell_death"],
            "wing_disc": ["cell_death"],
            "wing_disc_2": ["budding"],
        }

    def test_an_ambiguous_name_is_reported(self, tmp_path):
        for name in ("wing", "wing_cell"):
            movie(tmp_path, name)
        for name in ("wing_cell_sop", "wing_cell_cell_sop", "wing_fusion"):
            rois(tmp_path, name)
        _, found = read_training_folder(tmp_path)
        assert sorted(found.events_by_class) == ["cell_sop", "sop"]
        assert found.notices == ("wing_cell_sop.zip was read as sop of wing_cell, and not as cell_sop of wing.",)

    def test_a_single_roi_file_of_imagej_counts_as_a_class(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        (roi,) = roifile.ImagejRoi.fromfile(tmp_path / "wing_cell_death.zip")
        roi.tofile(tmp_path / "wing_cell_sop.roi")
        (found,) = read_training_folder(tmp_path)
        assert points(found.events_by_class["cell_sop"]) == points(found.events_by_class["cell_death"]) == [(2, 5, 6)]

    def test_files_of_other_commands_next_to_a_movie_are_ignored(self, tmp_path):
        movie(tmp_path, "wing")
        movie(tmp_path, "wing_cell_death_rawproba")
        rois(tmp_path, "wing_cell_death")
        rois(tmp_path, "wing_cell_death_falsepositive")
        rois(tmp_path, "wing_cell_death_FN")
        (tmp_path / "wing_epifiji").mkdir()
        movie(tmp_path / "wing_epifiji", "other")
        (tmp_path / "notes.txt").write_text("mine")
        (tmp_path / "._wing_cell_sop.zip").write_bytes(b"\0\5\26\7")
        (found,) = read_training_folder(tmp_path)
        assert list(found.events_by_class) == ["cell_death"]
        assert [notice.split()[0] for notice in found.notices] == [
            "wing_cell_death_FN.zip",
            "wing_cell_death_falsepositive.zip",
        ]

    def test_an_event_marked_twice_is_taken_once(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death", (3, 10, 20), (3, 10, 20), (3, 10, 21))
        (found,) = read_training_folder(tmp_path)
        assert points(found.events_by_class["cell_death"]) == [(3, 10, 20), (3, 10, 21)]
        assert found.notices == ("wing_cell_death.zip marks 1 of its events twice; each was used once.",)

    def test_a_movie_without_events_but_with_places_that_are_none_is_labelled(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_nothing")
        (found,) = read_training_folder(tmp_path)
        assert (found.events_by_class, len(found.nothing)) == ({}, 1)
        assert classes_of([found]) == ()

    def test_a_channel_is_taken_of_movies_that_have_several(self, tmp_path):
        data = Path(__file__).parents[1] / "reference_files" / "movies" / "imagej_channels_uint16.tif"
        (tmp_path / "wing.tif").write_bytes(data.read_bytes())
        rois(tmp_path, "wing_cell_death", (0, 1, 1))
        (first,), (second,) = (read_training_folder(tmp_path, channel) for channel in (1, 2))
        assert not np.array_equal(first.movie.frames(0, 5), second.movie.frames(0, 5))

    def test_the_authors_oracle_is_such_a_folder(self, shared_data):
        found = read_training_folder(shared_data / "oracle")
        counted = {one.name: {name: len(events) for name, events in one.events_by_class.items()} for one in found}
        assert counted["movie"] == {"cell_death": 14, "cell_division": 6}
        assert list(counted["movie2_uint16"]) == ["cell_death"]


MACRO = Path(__file__).resolve().parents[2] / "fiji" / "macros" / "epifiji" / "review_events.ijm"


class TestReviewedClasses:
    """Files that the review macro for a plain ImageJ writes next to the ROI zip."""

    def test_the_endings_are_those_that_the_macro_writes(self):
        assert set(re.findall(r'Path = folder \+ name \+ "(.*?)"', MACRO.read_text())) == {"_kept.zip", "_nothing.zip"}

    def test_kept_events_are_the_class_and_rejected_ones_no_event(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death", (1, 2, 3), (2, 10, 20), (3, 11, 12), (4, 5, 6))
        rois(tmp_path, "wing_cell_death_kept", (1, 2, 3), (4, 5, 6))
        rois(tmp_path, "wing_cell_death_nothing", (2, 10, 20))
        rois(tmp_path, "wing_nothing", (5, 5, 5))
        (found,) = read_training_folder(tmp_path)
        assert {name: points(events) for name, events in found.events_by_class.items()} == {
            "cell_death": [(1, 2, 3), (4, 5, 6)]
        }
        assert sorted(points(found.nothing)) == [(2, 10, 20), (5, 5, 5)]
        assert points(list(found.undecided)) == [(3, 11, 12)]
        assert "2 events of cell_death are kept, 1 rejected, 1 undecided" in " ".join(found.notices)

    def test_they_need_not_lie_next_to_the_reviewed_file(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_fusion_kept", (1, 2, 3))
        rois(tmp_path, "wing_fusion_nothing", (2, 10, 20))
        (found,) = read_training_folder(tmp_path)
        assert {name: points(events) for name, events in found.events_by_class.items()} == {"fusion": [(1, 2, 3)]}
        assert points(found.nothing) == [(2, 10, 20)]
        assert classes_of([found]) == ("fusion",)

    def test_all_rejected_leaves_no_event(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death", (1, 2, 3), (2, 10, 20))
        rois(tmp_path, "wing_cell_death_nothing", (1, 2, 3), (2, 10, 20))
        (found,) = read_training_folder(tmp_path)
        assert not any(found.events_by_class.values())
        assert points(found.nothing) == [(1, 2, 3), (2, 10, 20)]

    def test_places_that_look_like_annotated_events_and_are_none_do_not_replace_these(self, tmp_path):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death", (1, 2, 3))
        rois(tmp_path, "wing_cell_death_nothing", (2, 10, 20))
        (found,) = read_training_folder(tmp_path)
        assert points(found.events_by_class["cell_death"]) == [(1, 2, 3)]
        assert points(found.nothing) == [(2, 10, 20)]

    def test_a_review_of_the_managers_rois_has_the_classes_that_these_are_named_after(self, tmp_path):
        movie(tmp_path, "wing")
        places = {"cell_death 1 (0.91)": (1, 4, 3), "cell_sop 2": (2, 6, 5)}
        named = []
        for name, (frame, y, x) in places.items():
            roi = roifile.ImagejRoi.frompoints([[x, y]])
            roi.roitype, roi.position, roi.t_position, roi.name = roifile.ROI_TYPE.POINT, frame + 1, frame + 1, name
            named.append(roi)
        roifile.roiwrite(tmp_path / "wing_kept.zip", named)
        (found,) = read_training_folder(tmp_path)
        assert {name: points(events) for name, events in found.events_by_class.items()} == {
            "cell_death": [(1, 4, 3)],
            "cell_sop": [(2, 6, 5)],
        }

    @pytest.mark.parametrize(
        "name", ["wing_kept", "wing_RoiSet", "wing_cell_death_old", "wing_cell_death_2", "wing_cell_death_checked"]
    )
    def test_names_that_are_no_class_are_refused(self, tmp_path, name):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        rois(tmp_path, name)
        with pytest.raises(WrongInputError, match=rf"{name}\.zip .*wing_<class>"):
            read_training_folder(tmp_path)

    def test_a_class_that_begins_like_another_is_read_and_reported(self, tmp_path):
        movie(tmp_path, "wing")
        for name in ("wing_cell_death", "wing_cell_death_apical", "wing_budding", "wing_budding_late"):
            rois(tmp_path, name)
        (found,) = read_training_folder(tmp_path)
        assert classes_of([found]) == ("cell_death", "budding", "budding_late", "cell_death_apical")
        assert [notice for notice in found.notices if "of its own" in notice] == [
            "wing_budding_late.zip was read as a class budding_late of its own, and not as budding.",
            "wing_cell_death_apical.zip was read as a class cell_death_apical of its own, and not as cell_death.",
        ]

    @pytest.mark.parametrize("ending", ["match", "falsepositive", "falsenegative", "FP", "FN"])
    def test_outcomes_of_a_comparison_are_no_annotation(self, tmp_path, ending):
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        rois(tmp_path, f"wing_fusion_{ending}")
        (found,) = read_training_folder(tmp_path)
        assert list(found.events_by_class) == ["cell_death"]
        assert found.notices[0].startswith(f"wing_fusion_{ending}.zip was ignored")


class TestMoviesWithoutEvents:
    def test_a_folder_without_any_roi_file_is_one_of_controls(self, tmp_path):
        movie(tmp_path, "control")
        (control,) = read_training_folder(tmp_path)
        assert (control.events_by_class, list(control.nothing)) == ({}, [])
        assert control.notices == ("control.tif has no ROI file, so it counts as a movie without events.",)

    def test_one_without_a_roi_file_beside_others_is_refused(self, tmp_path):
        movie(tmp_path, "figure")
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        with pytest.raises(WrongInputError) as refused:
            read_training_folder(tmp_path)
        assert str(refused.value) == (
            f"figure.tif has no ROI file in {tmp_path}, but the other movies have: annotate the events, move movies "
            "without annotations elsewhere, or confirm that there are no events with an empty file figure_nothing.zip."
        )

    @pytest.mark.parametrize("entries", [None, 0])
    def test_an_empty_file_says_so_beside_others(self, tmp_path, entries):
        movie(tmp_path, "control")
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        said = tmp_path / "control_nothing.zip"
        said.touch() if entries is None else zipfile.ZipFile(said, "w").close()
        control, wing = read_training_folder(tmp_path)
        assert (control.events_by_class, list(control.nothing), wing.notices) == ({}, [], ())
        assert (
            "control.tif has no ROI file except control_nothing.zip, so it counts as a movie without events."
            in control.notices
        )

    def test_an_empty_file_of_a_class_is_no_annotation(self, tmp_path):
        movie(tmp_path, "wing")
        (tmp_path / "wing_cell_death.zip").touch()
        with pytest.raises(WrongInputError, match="is not an ImageJ ROI"):
            read_training_folder(tmp_path)

    @pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
    def test_accents_in_names_may_be_encoded_in_two_ways(self, tmp_path, forms):
        of_movie, of_rois = (unicodedata.normalize(form, "aile_n\u00e9e") for form in forms)
        movie(tmp_path, of_movie)
        rois(tmp_path, f"{of_rois}_cell_death", (3, 4, 5))
        (found,) = read_training_folder(tmp_path)
        assert points(found.events_by_class["cell_death"]) == [(3, 4, 5)]

    def test_an_empty_zip_says_that_there_is_no_event_of_its_class(self, tmp_path):
        movie(tmp_path, "wing")
        zipfile.ZipFile(tmp_path / "wing_cell_sop.zip", "w").close()
        (found,) = read_training_folder(tmp_path)
        assert found.events_by_class == {"cell_sop": []}
        assert found.notices == ("wing_cell_sop.zip contains no ROIs, so wing has none of these.",)

    def test_cells_next_to_their_movie_are_no_movies(self, tmp_path):
        for name in ("wing", "wing_labels", "wing_corrected_labels", "other_labels"):
            movie(tmp_path, name)
        assert [one.name for one in read_training_folder(tmp_path)] == ["other_labels", "wing"]

    def test_maps_among_the_results_of_a_run_are_no_movies(self, tmp_path):
        movie(tmp_path, "wing_cell_death_rawproba")
        (tmp_path / "run.json").write_text("{}")
        with pytest.raises(WrongInputError, match="contains no movie"):
            read_training_folder(tmp_path)


class TestWhatIsRefused:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """One labelled movie, to which each test adds a fault."""
        movie(tmp_path, "wing")
        rois(tmp_path, "wing_cell_death")
        return tmp_path

    def refused(self, folder: Path) -> str:
        with pytest.raises(WrongInputError) as caught:
            read_training_folder(folder)
        sentence = str(caught.value)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return sentence

    def test_a_folder_that_is_none(self, folder):
        assert "gone does not exist, but a folder is needed" in self.refused(folder / "gone")
        assert "wing.tif is a file, but a folder is needed" in self.refused(folder / "wing.tif")

    def test_a_folder_without_movies(self, folder):
        (folder / "wing.tif").unlink()
        assert "contains no movie, but a movie such as wing.tif" in self.refused(folder)

    def test_a_roi_file_without_its_movie(self, folder):
        rois(folder, "eye_cell_death")
        assert self.refused(folder).startswith("eye_cell_death.zip belongs to none of the movies in ")

    def test_a_name_that_only_begins_like_a_movies(self, folder):
        rois(folder, "wings_cell_death")
        assert "wings_cell_death.zip belongs to none of the movies" in self.refused(folder)

    @pytest.mark.parametrize("name", ["wing", "wing_", "wing_2", "wing_cell death", "wing_cell-death", "wing__x"])
    def test_a_file_that_names_no_class(self, folder, name):
        rois(folder, name)
        assert f"{name}.zip names the class {name[5:]!r}, but a class's name begins with a letter" in self.refused(
            folder
        )

    def test_a_class_in_two_files(self, folder):
        (roi,) = roifile.ImagejRoi.fromfile(folder / "wing_cell_death.zip")
        roi.tofile(folder / "wing_cell_death.roi")
        assert "wing_cell_death.roi and wing_cell_death.zip both contain cell_death of wing" in self.refused(folder)

    @pytest.mark.parametrize(("name", "written"), [("Nothing", "nothing"), ("Cell_Death", "cell_death")])
    def test_a_known_class_in_other_letters(self, folder, name, written):
        rois(folder, f"wing_{name}x")
        (folder / f"wing_{name}x.zip").rename(folder / f"wing_{name}.ZIP")
        (folder / "wing_cell_death.zip").unlink()
        assert f"names the class {name}, but it is written {written} elsewhere" in self.refused(folder)

    def test_a_class_of_ones_own_in_two_spellings(self, folder):
        movie(folder, "eye")
        rois(folder, "eye_Fusion")
        rois(folder, "wing_fusion")
        assert "names the class fusion, but it is written Fusion elsewhere" in self.refused(folder)

    def test_two_movies_of_one_name(self, folder):
        (folder / "wing.tiff").write_bytes((folder / "wing.tif").read_bytes())
        assert "wing.tif and wing.tiff have the same name" in self.refused(folder)

    def test_a_zip_of_something_else(self, folder):
        with zipfile.ZipFile(folder / "wing_cell_sop.zip", "w") as archive:
            archive.writestr("notes.txt", "mine")
        assert "wing_cell_sop.zip is a zip without ROIs" in self.refused(folder)

    def test_a_movie_that_is_none(self, folder):
        (folder / "wing.tif").write_bytes(b"\x89PNG and so on, and on")
        assert "is a PNG picture, but a TIFF or HDF5 file was expected" in self.refused(folder)

    def test_rois_after_the_last_frame(self, folder):
        rois(folder, "wing_cell_sop", (7, 5, 5), (8, 5, 5), (11, 5, 5))
        assert self.refused(folder).startswith(
            "wing_cell_sop.zip has 2 of 3 ROIs after the last frame (up to frame 12), but wing has 8 frames"
        )

    @pytest.mark.parametrize(("y", "x"), [(31.5, 5), (5, 42), (300, 5)])
    def test_rois_outside_the_frame(self, folder, y, x):
        rois(folder, "wing_nothing", (2, 5, 5), (2, y, x))
        sentence = self.refused(folder)
        assert f"wing_nothing.zip has 1 of 2 ROIs outside the frame (the first at x {x:g}, y {y:g})" in sentence
        assert "wing is 40 px wide and 30 px high" in sentence

    def test_a_click_at_the_very_edge_is_inside(self, folder):
        rois(folder, "wing_cell_sop", (2, 30, 40))
        assert points(read_training_folder(folder)[0].events_by_class["cell_sop"]) == [(2, 30, 40)]
