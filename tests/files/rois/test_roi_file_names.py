"""The class of a ROI file is read from its name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from epifiji.files.rois.roi_files import event_of_file


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("movie_cell_death.zip", "cell_death"),
        ("a/b/my_movie.v2_cell_division.zip", "cell_division"),
        ("movie_nothing.zip", "nothing"),
        ("cell_sop.roi", "cell_sop"),
        ("movie_cell_fusion.zip", "cell_fusion"),
        ("a_cell_movie_cell_t1.zip", "cell_t1"),
        ("RoiSet.zip", "RoiSet"),
        ("movie_.zip", "movie_"),
        ("movie_cell_death_kept.zip", "cell_death"),
        ("movie_cell_death_nothing.zip", "nothing"),
        ("movie_cell_sop_match.zip", "cell_sop"),
        ("movie_cell_fusion_falsenegative.zip", "cell_fusion"),
        ("movie_cell_division_FP.zip", "cell_division"),
    ],
)
def test_the_class_is_read_from_the_files_name(name, event):
    assert event_of_file(Path(name)) == event


def test_the_movies_name_and_known_classes_help_to_read_the_class():
    assert event_of_file(Path("my_movie_budding.zip")) == "my_movie_budding"
    assert event_of_file(Path("my_movie_budding.zip"), movie_name="my_movie") == "budding"
    assert event_of_file(Path("my_movie_late_budding.zip"), classes=("budding", "late_budding")) == "late_budding"
    assert event_of_file(Path("my_movie_cell_death.zip"), movie_name="my_movie") == "cell_death"


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_of_the_movies_name_may_be_encoded_in_two_ways(forms):
    of_file, of_movie = (unicodedata.normalize(form, "aile_n\u00e9e") for form in forms)
    assert event_of_file(Path(f"{of_file}_budding.zip"), movie_name=of_movie) == "budding"
