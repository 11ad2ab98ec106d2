"""calibrate-scores: a copy of a network whose scores are the shares of its events that are right."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import epifiji
from command_line import run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.opinions import Opinion
from epifiji.data.review import Action, Review, presented
from epifiji.engine.networks.families import event_family_of
from epifiji.files.networks.store import read_network, user_folder, write_network
from epifiji.files.results.events_table import write_events
from epifiji.files.results.reviews import read_review, write_review
from reviewed_results import reviewed
from small_networks import small_epinet, small_network


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_network(small_network(1, name="lab"), tmp_path / "lab")


def test_reviews_calibrate_a_copy_of_the_network(network: Path, tmp_path: Path) -> None:
    results = [reviewed(tmp_path / f"m{i}_epifiji", network, seed=i) for i in range(3)]
    found = epifiji.calibrate_scores(network, results)
    assert found.folder == user_folder() / "lab_calibrated"
    made = read_network(found.folder)
    assert made.sha256 == read_network(network).sha256
    assert read_network(network).description.calibration == {}
    assert made.description.calibrated_on == "270 judged events of 3 movies"
    maps = made.description.calibration
    assert maps["cell_death"].of(0.6) < 0.1
    assert maps["cell_death"].of(0.9) > 0.9
    assert min(maps["cell_sop"].right) > 0.95
    death, sop = found.classes
    assert (death.events, death.movies, sop.events) == (180, 3, 90)
    assert death.errors["raw"].value > 0.2
    assert death.errors["calibrated"].value < 0.1
    assert "Scores calibrated on" in (found.folder / "card.md").read_text(encoding="utf-8")
    with (found.folder / "calibration.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["events"]) for row in rows if row["scores"] == "raw") == 270
    assert Image.open(found.folder / "calibration.png").width > 400
    assert json.loads((found.folder / "calibration.json").read_text())["classes"]["cell_sop"]["events"] == 90


def test_the_command_writes_where_it_is_told_and_replaces_nothing(network: Path, tmp_path: Path) -> None:
    results = reviewed(tmp_path / "m_epifiji", network, 120)
    arguments = ["calibrate-scores", str(network), str(results), "--name", "mine", "--out", str(tmp_path / "out")]
    code, said, _ = run_here(*arguments)
    assert code == 0
    assert re.search(r"cell_death +120 +1 +0\.\d\d", said)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "calibration.csv",
        "calibration.json",
        "calibration.png",
    ]
    code, _, told = run_here(*arguments)
    assert (code, "mine" in told, "--overwrite" in told) == (2, True, True)
    assert run_here(*arguments, "--overwrite")[0] == 0


def names_in_user_folder() -> list[str]:
    return sorted(path.name for path in user_folder().glob("*"))


@pytest.mark.parametrize(
    ("events", "settings", "message"),
    [
        (
            40,
            {},
            r"too few judged events \(40 of cell_death, 20 of cell_sop, 0 of cell_division\).* at least 50 of a class",
        ),
        (60, {"events": "cell_sop"}, r"too few judged events \(30 of cell_sop\)"),
        (60, {"mode": "compatible"}, r"mode is 'compatible', whose scores are always those of the authors' package"),
        (60, {"name": "epinet"}, r"there is a network 'epinet' already"),
        (60, {"name": "lab"}, r"'lab' of the one that it begins with, which is never replaced"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(network, tmp_path, events, settings, message) -> None:
    results, before = reviewed(tmp_path / "m_epifiji", network, events), names_in_user_folder()
    with pytest.raises(WrongInputError, match=message):
        epifiji.calibrate_scores(network, results, **settings)
    assert names_in_user_folder() == before


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"network": {"name": "other", "sha256": "0" * 64}}, "is a review of events of other, but the scores of lab"),
        (
            {"network": {"name": "lab", "sha256": "0" * 64}},
            "events of lab with other weights, as of another version, but",
        ),
        ({"settings": {"mode": "compatible"}}, "were detected in compatible mode"),
    ],
)
def test_reviews_of_other_events_are_refused(network, tmp_path, record, message) -> None:
    results = reviewed(tmp_path / "m_epifiji", network, **record)
    with pytest.raises(WrongInputError, match=message):
        epifiji.calibrate_scores(network, results)


def test_a_review_by_disagreement_is_refused_and_one_by_score_is_not(network: Path, tmp_path: Path) -> None:
    """The cells contradict the 30 % of events with the lowest scores, and every fifth of the others."""
    for order, refused in (("disagreement", True), ("score", False)):
        folder = tmp_path / order
        review = read_review(reviewed(folder, network, 120) / "review.csv")
        events = [event for event in review.detected if event.event == "cell_death"]
        ranks = np.argsort(np.argsort([event.raw_score for event in events]))
        known = [Opinion("disagrees" if rank < 36 or rank % 5 == 0 else "agrees", "") for rank in ranks]
        chosen = presented(events, order, opinions=known)[:60]
        write_events(folder / "events.csv", events)
        write_review(folder / "review.csv", Review(events, [Action(i, "keep") for i in chosen]))
        rows = [
            f"{one.event},{one.frame + 1},{one.y},{one.x},{of.verdict},," for one, of in zip(events, known, strict=True)
        ]
        (folder / "cells").mkdir()
        head = "event,frame,y,x,second opinion,reason,remaining area"
        (folder / "cells" / "followed_events.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
        arguments = ["calibrate-scores", str(network), str(folder), "--name", order, "--out", str(tmp_path / "out")]
        code, _, told = run_here(*arguments)
        assert code == (2 if refused else 0)
        assert ("that the cells around them contradict, but on" in told) == refused


@pytest.mark.parametrize("make", [small_network, small_epinet])
def test_a_retrained_network_has_no_maps_of_its_parent(make) -> None:
    maps = {"cell_sop": {"raw": [0.5], "right": [0.7]}}
    parent = make(calibration=maps, calibrated_on="nine movies").description
    made = event_family_of(parent).description_for("new", parent.events, parent)
    assert (made.events, made.calibration, made.calibrated_on) == (parent.events, {}, "")
