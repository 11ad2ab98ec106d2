"""Training data: folders and reviews, at the network's scale, and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.review import Action
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.training import RetrainingSettings, TrainingSettings
from epifiji.engine.networks.epinet.targets import AROUND_FRAMES, AROUND_PX
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.review import decide, finish_review, start_review
from epifiji.jobs.training.sources import classes_in, prepare, read_sources

SHAPE = (20, 60, 80)
PLAIN = TrainingSettings()
DETECTED = [
    Event("cell_death", 3, 10, 12, 0.9),
    Event("cell_death", 9, 40, 60, 0.8),
    Event("cell_division", 12, 20, 30, 0.7),
    Event("cell_death", 15, 50, 20, 0.6),
]


def described(*classes: str, diameter: float = 25, duration: float = 4.5) -> EpiNetDescription:
    return EpiNetDescription(
        name="any",
        classes=("nothing", *classes),
        cell_diameter_px=diameter,
        event_duration_frames=duration,
    )


def movie(folder: Path, name: str = "wing", shape: tuple[int, int, int] = SHAPE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tif"
    write_movie(Movie(np.random.default_rng(1).integers(0, 255, shape).astype(np.uint8), name), path)
    return path


@pytest.fixture
def review(tmp_path: Path) -> Path:
    """A review: one kept, one rejected, one given another class and moved, one undecided, one added."""
    path = movie(tmp_path)
    folder = tmp_path / "wing_epifiji"
    record = {
        "movie": {"name": "wing", "file": str(path), "shape": list(SHAPE)},
        "settings": {"events": ["cell_death", "cell_division"], "event_duration": None},
        "scale": {"cell_diameter_px": None},
    }
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record))
    place, begun = start_review(DETECTED, folder)
    decide(place, begun, Action(0, "keep"))
    decide(place, begun, Action(1, "reject"))
    decide(place, begun, Action(2, "class", Event("fusion", 12, 20, 30, 0.7)))
    decide(place, begun, Action(2, "move", Event("fusion", 12, 22, 33, 0.7)))
    decide(place, begun, Action(2, "keep"))
    decide(place, begun, Action(4, "add", Event("cell_death", 6, 30, 70)))
    return place


class TestReviews:
    def test_kept_added_and_changed_events_are_learnt_and_rejected_ones_are_nothing(self, review):
        (source,) = read_sources([review], PLAIN)
        places = {(event.event, event.frame, event.y, event.x) for event in source.events}
        assert places == {("cell_death", 3, 10, 12), ("fusion", 12, 22, 33), ("cell_death", 6, 30, 70)}
        assert [(one.frame, one.y, one.x) for one in source.nothing] == [(9, 40, 60)]
        assert [(one.frame, one.y, one.x) for one in source.undecided] == [(15, 50, 20)]
        assert classes_in([source]) == ("cell_death", "fusion")
        assert source.counts() == {"cell_death": 2, "cell_division": 0, "fusion": 1, "nothing": 1}
        assert "3 events kept or added, 1 rejected, 1 undecided" in source.notices[-1]

    def test_it_is_found_by_its_folder_too_and_by_what_came_out_of_it(self, review):
        finish_review(review)
        for place in (review, review.parent, review.parent / "reviewed"):
            assert read_sources([place], PLAIN)[0].events == read_sources([review], PLAIN)[0].events

    def test_only_places_with_a_decision_are_known(self, review):
        (source,) = read_sources([review], PLAIN)
        (made,) = prepare([source], described("cell_death", "cell_division", "fusion", "other"), PLAIN)
        known = np.zeros(SHAPE, bool)
        t, y, x = np.indices(SHAPE)

        def near(a: float, b: float, c: float) -> np.ndarray:
            return (abs(t - a) <= AROUND_FRAMES) & (abs(y - b) <= AROUND_PX) & (abs(x - c) <= AROUND_PX)

        for place in ((3, 10, 12), (9, 40, 60), (12, 22, 33), (6, 30, 70)):
            known |= near(*place)
        assert np.array_equal(made.known, known & ~near(15, 50, 20))
        assert made.annotated == (True, True, True, False)
        assert made.predicted_nothing_only

    def test_everything_except_undecided_places_is_known_if_all_events_are_marked(self, review):
        (source,) = read_sources([review], PLAIN, "none")
        (made,) = prepare([source], described("cell_death", "cell_division", "fusion"), PLAIN)
        assert made.known.mean() > 0.5
        assert not made.known[15, 50, 20]
        assert not made.predicted_nothing_only

    def test_without_a_movie_it_cannot_be_learnt_from(self, review):
        (review.parent / "run.json").unlink()
        with pytest.raises(WrongInputError, match="does not say which movie it belongs to"):
            read_sources([review], PLAIN)

    def test_its_movie_is_found_next_to_its_folder_if_both_were_moved(self, review, tmp_path):
        moved = tmp_path / "elsewhere"
        moved.mkdir()
        for name in ("wing.tif", "wing_epifiji"):
            (tmp_path / name).rename(moved / name)
        (source,) = read_sources([moved / "wing_epifiji"], PLAIN)
        assert source.movie.path == moved / "wing.tif"
        (moved / "wing.tif").unlink()
        with pytest.raises(WrongInputError, match=f"{tmp_path / 'wing.tif'} does not exist"):
            read_sources([moved / "wing_epifiji"], PLAIN)

    @pytest.mark.parametrize("files", [[], ["wing_cell_death.zip", "wing_cell_death_rawproba.tif"]])
    def test_detected_events_need_a_review_first(self, review, files):
        review.unlink()
        for name in files:
            (review.parent / name).write_bytes(b"")
        with pytest.raises(
            WrongInputError, match="wing_epifiji contains events that were detected and not .*: review them"
        ):
            read_sources([review.parent], PLAIN)

    def test_a_folder_of_movies_with_results_in_it_is_one_of_movies(self, review, tmp_path):
        (tmp_path / "run.json").write_bytes((review.parent / "run.json").read_bytes())
        with pytest.raises(WrongInputError, match="no event of any class is marked in"):
            read_sources([tmp_path], PLAIN)
        write_rois(tmp_path / "wing_blink.zip", [Event("blink", 10, 40, 60)])
        assert read_sources([tmp_path], PLAIN)[0].counts() == {"blink": 1}

    def test_it_cannot_be_learnt_from_with_another_movie(self, review, tmp_path):
        (tmp_path / "wing.tif").unlink()
        movie(tmp_path, "wing", (20, 60, 81))
        with pytest.raises(WrongInputError, match=r"of the shape \(20, 60, 80\), but .* has \(20, 60, 81\) now"):
            read_sources([review], PLAIN)

    def test_it_cannot_be_learnt_from_without_decisions(self, review):
        path, begun = start_review(DETECTED, review.parent.parent / "other")
        decide(path, begun, Action(0, "skip"))
        (path.parent / "run.json").write_bytes((review.parent / "run.json").read_bytes())
        with pytest.raises(WrongInputError, match="has no decisions on events"):
            read_sources([path], PLAIN)

    def test_a_class_that_would_be_a_folder_is_refused(self, review):
        path, begun = start_review(DETECTED, review.parent.parent / "other")
        decide(path, begun, Action(0, "class", replace(DETECTED[0], event="a/b")))
        (path.parent / "run.json").write_bytes((review.parent / "run.json").read_bytes())
        with pytest.raises(WrongInputError, match="the class 'a/b' has the character '/'"):
            read_sources([path], PLAIN)

    @pytest.mark.parametrize(("name", "words"), [("nothing", "stands for places without")])
    def test_events_of_an_invalid_class_are_refused(self, review, name, words):
        path, begun = start_review(DETECTED, review.parent.parent / "other")
        decide(path, begun, Action(0, "class", replace(DETECTED[0], event=name)))
        decide(path, begun, Action(1, "keep"))
        (path.parent / "run.json").write_bytes((review.parent / "run.json").read_bytes())
        read_sources([path], PLAIN)
        decide(path, begun, Action(0, "keep"))
        with pytest.raises(WrongInputError, match=f"of a class that cannot be learnt, as the class '{name}' {words}"):
            read_sources([path], PLAIN)


class TestFolders:
    def test_a_class_that_only_another_movie_has_does_not_occur_unless_unmarked_is_unknown(self, tmp_path):
        for name in ("a", "b"):
            movie(tmp_path, name)
        write_rois(tmp_path / "a_blink.zip", [Event("blink", 3, 10, 10)])
        write_rois(tmp_path / "b_fusion.zip", [Event("fusion", 3, 10, 10)])
        both = described("blink", "fusion")
        for unmarked, expected in (("auto", [(True, True)] * 2), ("unknown", [(True, False), (False, True)])):
            made = prepare(read_sources([tmp_path], PLAIN, unmarked), both, PLAIN)
            assert [one.annotated for one in made] == expected
            assert [one.known is None for one in made] == [unmarked == "auto"] * 2

    def test_a_movie_without_roi_files_beside_others_has_no_events_if_the_user_says_so(self, tmp_path):
        for name in ("a", "b"):
            movie(tmp_path, name)
        write_rois(tmp_path / "a_blink.zip", [Event("blink", 3, 10, 10)])
        for unmarked in ("auto", "unknown"):
            with pytest.raises(WrongInputError, match="b.tif has no ROI file in .*, but the other movies have"):
                read_sources([tmp_path], PLAIN, unmarked)
        bare = read_sources([tmp_path], PLAIN, "none")[1]
        assert (bare.movie.name, bare.events, bare.classes, bare.complete) == ("b", (), ("blink",), True)
        assert bare.notices == ("b.tif has no ROI file, so it counts as a movie without events.",)
        (tmp_path / "b_nothing.zip").touch()
        (confirmed,) = prepare(read_sources([tmp_path], PLAIN)[1:], described("blink"), PLAIN)
        (made,) = prepare([bare], described("blink"), PLAIN)
        assert (made.annotated, made.known) == (confirmed.annotated, confirmed.known) == ((True,), None)

    def test_movies_and_events_come_to_the_networks_scale_as_in_a_detection(self, tmp_path):
        movie(tmp_path)
        write_rois(tmp_path / "wing_blink.zip", [Event("blink", 10, 40, 60)])
        settings = parse_settings(TrainingSettings, {"cell_diameter": 50, "event_duration": 9})
        (made,) = prepare(read_sources([tmp_path], settings), described("blink"), settings)
        assert made.pixels.shape == (10, 30, 40)
        ((kind, t, y, x),) = made.events
        assert (kind, t, y, x) == (0, 10.5 / 2 - 0.5, 40.5 / 2 - 0.5, 60.5 / 2 - 0.5)
        near = parse_settings(TrainingSettings, {"cell_diameter": 30})
        (made,) = prepare(read_sources([tmp_path], near), described("blink"), near)
        assert made.pixels.shape == SHAPE

    def test_a_movie_given_twice_is_refused(self, tmp_path, monkeypatch):
        movie(tmp_path)
        write_rois(tmp_path / "wing_blink.zip", [Event("blink", 10, 40, 60)])
        with pytest.raises(WrongInputError, match="is given twice"):
            read_sources([tmp_path, tmp_path], PLAIN)
        monkeypatch.chdir(tmp_path.parent)
        with pytest.raises(WrongInputError, match="is given twice"):
            read_sources([tmp_path, tmp_path.name], PLAIN)

    def test_nothing_but_places_that_are_no_events_is_refused(self, tmp_path):
        movie(tmp_path)
        write_rois(tmp_path / "wing_nothing.zip", [Event("nothing", 10, 40, 60)])
        with pytest.raises(WrongInputError, match="no event of any class is marked in"):
            read_sources([tmp_path], PLAIN)

    def test_nothing_at_all_is_refused(self):
        with pytest.raises(WrongInputError, match="nothing to learn from was given"):
            read_sources([], PLAIN)


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (TrainingSettings, {"steps": "3"}, "steps is '3', but it must be a whole number from 10"),
        (
            TrainingSettings,
            {"without": "noise,dirt"},
            "without is 'noise,dirt', but it must be names separated by commas",
        ),
        (TrainingSettings, {"without": "noise,dirt"}, "separated by commas out of gamma, flicker, bleach"),
        (TrainingSettings, {"held_out": "0.9"}, "held_out is '0.9', but it must be a number from 0.05 to 0.5"),
        (TrainingSettings, {"rate": "0"}, "rate is '0', but it must be a number above 0"),
        (TrainingSettings, {"unmarked": "none"}, "there is no setting 'unmarked'"),
        (RetrainingSettings, {"unmarked": "all"}, "unmarked is 'all', but it must be one of auto, none, unknown"),
        (RetrainingSettings, {"keep": "1"}, "keep is '1', but it must be a number from 0 to 0.9"),
    ],
)
def test_a_bad_setting_gives_one_sentence(kind: type, given: dict, words: str) -> None:
    with pytest.raises(WrongInputError) as caught:
        parse_settings(kind, given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_changes_are_switched_off_by_name() -> None:
    assert parse_settings(TrainingSettings, {"without": "noise, turns"}).without == ("noise", "rotation", "flip")
