"""Training from annotated movies and retraining from reviews, to the network's folder."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import epifiji
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.events import Event
from epifiji.data.labelled import TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.progress import silent
from epifiji.data.review import Action
from epifiji.engine.networks.epinet import family
from epifiji.engine.networks.epinet.model import REACH_FRAMES, new_weights
from epifiji.engine.networks.epinet.predictor import mean_predictions
from epifiji.engine.networks.epinet.recipe import with_predictions
from epifiji.engine.training.rehearsal import simulated
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.default import choose_default
from epifiji.files.networks.store import available, read_network, user_folder, write_network
from epifiji.jobs.events.review import decide, start_review
from epifiji.jobs.training import run, train
from epifiji.jobs.training.result import TrainingResult
from labelled_movies import blinking, write_blinking
from small_networks import small_network

PICTURES = ("confusion_matrix.png", "learning_curve.png", "precision_recall.png")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separate the user's networks and unfinished trainings from those of the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user config"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)


@pytest.fixture(scope="module")
def movies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three small movies with blinking discs."""
    folder = tmp_path_factory.mktemp("annotated") / "my spots"
    for number in range(3):
        write_blinking(folder, f"spots{number}", number)
    return folder


@pytest.fixture(scope="module")
def learnt(movies: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A network that has learnt the class of these movies, in a separate user's folder."""
    folder = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "user data"))
        patch.setenv("XDG_CACHE_HOME", str(folder / "user cache"))
        patch.delenv("EPIFIJI_NETWORKS", raising=False)
        return epifiji.train(movies, steps=60, rate=3e-3)


@pytest.fixture
def no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """End trainings before the first step: they are prepared, scored and written, but their weights stay the initial ones."""
    monkeypatch.setattr(run.TrainingLoop, "_ended", lambda *_: True)


def parent_in(folder: Path, *classes: str, rarity: float = 0.3) -> Path:
    """Write an untrained EpiNet that finds events everywhere."""
    described = EpiNetDescription(
        name=folder.name,
        classes=("nothing", *classes),
        frames_before=REACH_FRAMES,
        frames_after=REACH_FRAMES + 1,
        cell_diameter_px=25,
        event_duration_frames=4.5,
        thresholds=dict.fromkeys(classes, 140),
        min_volumes=dict.fromkeys(classes, 100),
    )
    return write_network(Network(described, (new_weights(len(classes), np.random.default_rng(3), rarity),)), folder)


def contents(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.mark.usefixtures("no_steps")
class TestTheBeginning:
    def test_it_is_the_default_network_if_that_is_an_epinet(self, movies, tmp_path):
        parent_in(user_folder() / "mine", "blink")
        choose_default("mine")
        result = epifiji.train(movies, steps=10)
        assert result.began_with == "mine"
        assert not any("default network" in notice for notice in result.notices)

    def test_it_is_epinet_with_a_notice_if_the_default_is_one_of_the_authors_kind(self, movies, tmp_path):
        write_network(small_network(1, name="theirs"), user_folder() / "theirs")
        choose_default("theirs")
        result = epifiji.train(movies, steps=10)
        assert result.began_with == "epinet"
        assert [notice for notice in result.notices if "The default network theirs" in notice and "epinet" in notice]

    def test_a_missing_default_is_not_replaced_silently(self, movies, tmp_path):
        choose_default("gone")
        with pytest.raises(WrongInputError, match="'gone' is not known any more"):
            epifiji.train(movies, steps=10)


def test_a_class_of_the_users_own_is_learnt(
    movies: Path, learnt: TrainingResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, folder = learnt, learnt.folder
    monkeypatch.setenv("XDG_DATA_HOME", str(folder.parents[2]))
    assert folder == user_folder() / "my_spots"
    assert dict(available())["my_spots"] == folder
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        ["card.md", "network.json", "training.json", "weights_0.npz", *PICTURES]
    )
    for name in PICTURES:
        with Image.open(folder / name) as picture:
            assert picture.size[0] > 300
    assert result.network.description.classes == ("nothing", "blink")
    assert result.sentence.startswith("On 6 held-out events F1 is ")
    assert result.points[-1].loss < 0.5 * result.points[1].loss
    # Another movie, which was not used.
    pixels, events = blinking(77, (40, 100, 100), 12)
    found = epifiji.detect(pixels, "my_spots", mode="fast")
    assert epifiji.compare(found.events, events).scores.overall.f1 > 0.7
    card = (folder / "card.md").read_text()
    assert "spots0 (6 blink)" in card
    assert result.sentence in card
    record = json.loads((folder / "training.json").read_text())
    assert record["split"] == "movies"
    assert record["held_out"] == {"blink": 6}
    assert record["parent"]["name"] == result.to_dict()["began_with"] == "epinet"
    assert record["result"] == result.sentence
    hashes = {one.name: one.file_sha256 for one in result.network.description.learnt_from}
    assert hashes == {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in movies.glob("*.tif")}
    assert not list((user_folder().parent.parent).rglob("*.part*"))


@pytest.mark.usefixtures("no_steps")
def test_a_movie_without_events_is_learnt_from_too(movies: Path, tmp_path: Path) -> None:
    folder = tmp_path / "with control"
    shutil.copytree(movies, folder)
    write_movie(Movie(blinking(8, events=0)[0]), folder / "control.tif")
    (folder / "control_nothing.zip").touch()
    result = epifiji.train(folder, steps=10)
    (control,) = [one for one in result.record["movies"] if one["name"] == "control"]
    assert control["counts"] == {"blink": 0}
    assert control["all_marked"]
    assert (
        "control.tif has no ROI file except control_nothing.zip, so it counts as a movie without events."
        in result.notices
    )


@pytest.mark.usefixtures("no_steps")
def test_the_movies_that_the_parent_learnt_from_are_reported(movies: Path, learnt: TrainingResult) -> None:
    again = epifiji.retrain(learnt.folder, movies, name="second", keep=0, steps=10)
    assert any(
        notice.startswith("my_spots learnt from spots0, spots1, spots2 before, so its scores")
        for notice in again.notices
    )
    assert again.network.description.learnt_from == learnt.network.description.learnt_from


def test_an_interrupted_training_continues_and_ends_as_one_that_was_not(movies: Path) -> None:
    settings = {"from_scratch": True, "steps": 10, "name": "interrupted"}

    def stop_at(step: int):
        def report(done: float, doing: str) -> None:
            if doing.startswith(f"learning, step {step} "):
                raise CancelledError

        return report

    with pytest.raises(
        CancelledError, match="the state after 4 steps is stored: start the training again to continue from there"
    ):
        epifiji.train(movies, report=stop_at(4), **settings)
    assert not user_folder().exists()
    resumed = epifiji.train(movies, **settings)
    assert "The training continued from step 4, where it was interrupted." in resumed.notices
    assert [point.step for point in resumed.points] == [0, 10]
    whole = epifiji.train(movies, **(settings | {"name": "whole"}))
    assert not any("continued" in notice for notice in whole.notices)
    for name, values in whole.network.weights[0].items():
        assert np.allclose(resumed.network.weights[0][name], values, atol=2e-3), name


def test_other_data_or_settings_are_another_training(movies: Path) -> None:
    """The next training begins with its first step; a continued one would have a notice."""
    begun = []

    def stop(done: float, doing: str) -> None:
        if doing.startswith("learning, step "):
            begun.append(doing)
            if len(begun) != 1:
                raise CancelledError

    with pytest.raises(CancelledError):
        epifiji.train(movies, from_scratch=True, steps=10, report=stop)
    with pytest.raises(CancelledError):
        epifiji.train(movies, from_scratch=True, steps=10, seed=2, report=stop)
    with pytest.raises(CancelledError):
        epifiji.train(movies, from_scratch=True, steps=10, report=stop)
    steps = [int(doing.split()[2]) for doing in begun]
    assert steps == [1, 2, 1, 3], "the other begins anew, the same goes on"


def test_weights_that_were_learnt_for_other_frames_are_another_training(
    movies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identities = []

    def note(identity: dict) -> None:
        identities.append(identity)
        raise CancelledError

    monkeypatch.setattr(run, "Unfinished", note)
    for reach in (REACH_FRAMES, REACH_FRAMES - 1):
        monkeypatch.setattr(family, "REACH_FRAMES", reach)
        with pytest.raises(CancelledError):
            epifiji.train(movies, from_scratch=True)
    assert identities[0] != identities[1]


@pytest.fixture
def review(tmp_path: Path) -> Iterator[Path]:
    """A review of all of a movie's events, two of them given a class that the network does not know."""
    pixels, events = write_blinking(tmp_path / "movie", "wing", 5, shape=(60, 96, 160), events=24)
    result = replace(epifiji.detect(pixels, parent_in(tmp_path / "any", "blink"), threshold=0, min_volume=0))
    folder = tmp_path / "movie" / "wing_epifiji"
    folder.mkdir()
    record = result.record | {"movie": result.record["movie"] | {"file": str(tmp_path / "movie" / "wing.tif")}}
    (folder / "run.json").write_text(json.dumps(record))
    place, begun = start_review(events, folder)
    for number, event in enumerate(events):
        if number % 8 == 0:
            decide(place, begun, Action(number, "class", Event("flash", event.frame, event.y, event.x)))
        decide(place, begun, Action(number, "keep"))
    return place


@pytest.mark.usefixtures("no_steps")
def test_a_network_is_retrained_from_a_review_into_another_one(
    review: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = parent_in(tmp_path / "parent", "cell_death", "blink")
    before = contents(parent)
    result = epifiji.retrain(parent, review, keep=0, steps=10, unmarked="none", out=tmp_path / "report")
    assert contents(parent) == before
    assert result.folder == user_folder() / "parent_wing"
    assert result.network.description.classes == ("nothing", "cell_death", "blink", "flash")
    assert result.network.description.thresholds["cell_death"] == 140
    assert result.before is not None
    assert "blink" in result.before.counts
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == sorted([*PICTURES, "training.json"])
    record = json.loads((tmp_path / "report" / "training.json").read_text())
    assert record["parent"] == {"name": "parent", "sha256": read_network(parent).sha256, "source": str(parent)}
    assert record["split"] == "parts"
    # A second time it gets another name, which is known before the first step.
    monkeypatch.setattr(train, "run_training", lambda task, target, *_: target.folder.name)
    assert epifiji.retrain(parent, review, keep=0, steps=10, unmarked="none") == "parent_wing_2"


def test_a_network_of_the_authors_form_is_retrained_without_the_origin_of_its_parent(
    review: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = small_network(1, classes=("nothing", "blink"), origin="the web")
    monkeypatch.setattr(train, "run_training", lambda task, *_: task.description)
    described = epifiji.retrain(parent, review)
    assert (described.classes, described.origin) == (("nothing", "blink", "flash"), "")


def test_the_parents_predictions_are_kept_in_simulated_movies(tmp_path: Path) -> None:
    parent = read_network(parent_in(tmp_path / "parent", "cell_death", "blink"))
    (movie,) = with_predictions(parent, simulated(3, silent, count=1), silent, classes=3)
    assert movie.annotated == (False, False, False)
    assert np.array_equal(movie.predicted[..., :2], mean_predictions(parent, movie.pixels))
    assert not movie.predicted[..., 2].any()


def test_the_parent_predicts_only_for_incompletely_annotated_movies(tmp_path: Path) -> None:
    parent = read_network(parent_in(tmp_path / "parent", "cell_death", "blink"))
    pixels, _ = blinking(1)
    known = TrainingMovie(pixels, np.empty((0, 4)), np.empty((0, 3)), annotated=(True, True))
    partly = replace(known, annotated=(False, True))
    asked = with_predictions(parent, [known, partly], silent)
    assert asked[0].predicted is None
    assert asked[1].predicted.shape == (28, 16, 16, 2)


class TestRefused:
    def test_the_parents_name_is_never_taken(self, movies, tmp_path):
        parent = parent_in(user_folder() / "mine", "blink")
        before = contents(parent)
        for how in ({"network": "mine"}, {"network": parent}):
            with pytest.raises(WrongInputError, match="'mine' of the one that it begins with, which is never replaced"):
                epifiji.train(movies, name="mine", overwrite=True, **how)
        assert contents(parent) == before

    def test_a_name_that_is_taken_needs_overwrite(self, movies):
        parent_in(user_folder() / "taken", "blink")
        with pytest.raises(WrongInputError, match="there is a network 'taken' already: give another --name"):
            epifiji.train(movies, name="taken", from_scratch=True)

    def test_files_of_an_earlier_report_are_not_replaced(self, movies, tmp_path):
        (tmp_path / "training.json").write_text("{}")
        with pytest.raises(WrongInputError, match="training.json"):
            epifiji.train(movies, from_scratch=True, out=tmp_path)

    def test_a_bad_name(self, movies):
        with pytest.raises(WrongInputError, match="'a/b' cannot name a network"):
            epifiji.train(movies, name="a/b", from_scratch=True)

    def test_from_scratch_with_a_network_to_begin_with(self, movies, tmp_path):
        with pytest.raises(WrongInputError, match="leave one out"):
            epifiji.train(movies, parent_in(tmp_path / "p", "blink"), from_scratch=True)

    def test_one_of_the_authors_networks_to_begin_with(self, movies, network_folder):
        with pytest.raises(WrongInputError, match="a training begins with an EpiNet or with random weights"):
            epifiji.train(movies, network_folder)


def command(*arguments: str, **how: object) -> subprocess.Popen:
    # A shell's background jobs, and what they start, ignore interrupts: these must not.
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "epifiji", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **how,
        )
    finally:
        signal.signal(signal.SIGINT, kept)


def test_the_command_line_trains_continues_after_an_interrupt_and_prints_one_line(movies: Path, tmp_path: Path) -> None:
    asked = ("train", str(movies), "--from-scratch", "--steps", "200", "--patience", "1000", "--minutes", "600")
    first = command(*asked)
    # The first validation is kept before the first step.
    while not list((tmp_path / "user cache").rglob("0.npz")) and first.poll() is None:
        time.sleep(0.1)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=300)
    assert first.returncode == 130, said
    assert re.fullmatch(
        r"epifiji: cancelled; the state after \d+ steps is stored: start the training again to continue from there\.\n",
        said,
    )
    assert not (tmp_path / "user data").exists()
    second = command(*asked[:2], "--from-scratch", "--steps", "10", "--json")
    out, noted = second.communicate(timeout=600)
    assert second.returncode == 0, noted
    told = json.loads(out)
    assert told["sentence"].startswith("On 6 held-out events")
    steps = int(re.search(r"after (\d+) steps", said).group(1))
    assert any(f"continued from step {steps}" in notice for notice in told["notices"]) == bool(steps)
    assert [file.name for file in (tmp_path / "user data" / "epifiji" / "networks").iterdir()] == ["my_spots"]


def test_the_command_line_refuses_in_one_sentence(tmp_path: Path) -> None:
    nowhere = command("retrain", "nothing", str(tmp_path))
    _, said = nowhere.communicate(timeout=120)
    assert nowhere.returncode == 2
    assert said.startswith("epifiji: there is no network 'nothing'")
    assert said.count("\n") == 1
