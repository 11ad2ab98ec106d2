"""Events of many movies together: counts, rates, conditions, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import epifiji
from command_line import run_here
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.engine.events.cell_bins import poisson_interval
from epifiji.files.results.events_table import write_events
from epifiji.files.results.result_folder import write_record

SHAPE = (12, 100, 200)


def result(folder: Path, deaths: int, divisions: int = 1, **changes) -> Path:
    """Write a result folder of a movie of an hour and 5000 µm², with this number of events."""
    folder.mkdir(parents=True)
    counts = {"cell_death": deaths, "cell_division": divisions}
    events = [Event(name, i % 12, 5 + 3 * (i // 12), 5 + i % 12, 0.9) for name, n in counts.items() for i in range(n)]
    write_events(folder / "events.csv", events)
    name = folder.name.removesuffix("_epifiji")
    movie = {
        "name": name,
        "shape": SHAPE,
        "pixel_size_um": 0.5,
        "frame_interval_s": 300.0,
        "pixels_sha256": str(folder),
    }
    write_record(folder / "run.json", {"movie": movie | changes, "counts": counts})
    return folder


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Three control movies and four mutant ones, in a folder for each condition."""
    for number, deaths in enumerate((2, 4, 0)):
        result(tmp_path / "data" / "control" / f"c{number}_epifiji", deaths)
    for number, deaths in enumerate((11, 14, 9, 30)):
        result(tmp_path / "data" / "mutant" / f"m{number}_epifiji", deaths)
    return tmp_path / "data"


def test_rates_have_movies_conditions_and_intervals(experiment):
    pooled = epifiji.pool_results(experiment)
    assert pooled.conditions == ("control", "mutant")
    rows = [row for row in pooled.rows() if row["event"] == "cell_death"]
    assert [row["movie"] for row in rows] == ["c0", "c1", "c2", "m0", "m1", "m2", "m3"]
    assert [row["events"] for row in rows] == [2, 4, 0, 11, 14, 9, 30]
    unit = "events per hour and (100 µm)²"
    row = rows[1]
    assert (row["hours"], row["area (µm²)"], row["within"], row["condition"]) == (1, 5000, "frame", "control")
    low, high = poisson_interval(np.array(4))
    assert [row[f"{unit}{end}"] for end in ("", ", 2.5 %", ", 97.5 %")] == [
        8,
        pytest.approx(low * 2),
        pytest.approx(high * 2),
    ]
    (tissue,) = pooled.notices
    assert "The tissue of 7 of 7 movies is not known, so events were counted in the whole frame" in tissue


def test_conditions_have_means_over_movies_and_a_test(experiment):
    pooled = epifiji.pool_results(experiment, within="frame")
    control, mutant, *_ = pooled.condition_rows()
    assert (control["movies"], control["events"], mutant["movies"], mutant["events"]) == (3, 6, 4, 64)
    assert control["mean events per hour and (100 µm)²"] == 4
    # Of the 35 arrangements, only the one with the three highest rates together has means that differ more.
    assert control["p (conditions)"] == mutant["p (conditions)"] == pytest.approx(2 / 35)
    assert pooled.in_words("cell_death").startswith("control 4 (3 movies), mutant 32 (4 movies) events per hour")
    assert pooled.tests["cell_division"].p == 1


def test_the_command_line_writes_tables_and_a_plot(experiment, tmp_path):
    table = tmp_path / "conditions.csv"
    table.write_text("condition;movie\nodd;c0\neven;c1\nodd;c2\nodd;m0\neven;m1\neven;m2\nodd;m3\n\nodd;gone\n")
    out = tmp_path / "pooled"
    code, said, _ = run_here("pool", str(experiment), "--conditions", str(table), "--out", str(out), "--json")
    answer = json.loads(said)
    assert code == 0
    assert sorted(file.name for file in out.iterdir()) == ["conditions.csv", "pooled.csv", "pooled.png"]
    with (out / "pooled.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["condition"] for row in rows[::2]] == ["odd", "even", "odd", "odd", "even", "even", "odd"]
    assert len(answer["movies"]) == len(rows) == 14
    assert any("names 1 movies without results, such as gone" in one for one in answer["notices"])
    code, _, error = run_here("pool", str(experiment), "--out", str(out))
    assert (code, "would be overwritten" in error) == (2, True)


def test_movies_without_a_scale_are_compared_by_frame(experiment):
    result(experiment / "control" / "raw_epifiji", 3, pixel_size_um=None, frame_interval_s=None)
    pooled = epifiji.pool_results(experiment, within="frame")
    assert pooled.unit.text == "events per frame"
    assert [row["events per frame"] for row in pooled.rows() if row["movie"] == "raw"] == [3 / 12, 1 / 12]
    assert "Not all movies are calibrated" in pooled.notices[0]


def test_few_movies_are_reported(experiment):
    few = [experiment / "control" / "c0_epifiji", experiment / "control" / "c1_epifiji"]
    more = [experiment / "mutant" / f"m{i}_epifiji" for i in range(3)]
    assert epifiji.pool_results([*few, *more], within="frame").notices == (
        "With so few movies p cannot be below 0.1, however large a difference is.",
    )
    assert "not tested" in epifiji.pool_results([*few, more[0]], within="frame").notices[0]


def test_the_events_of_a_finished_review_are_counted(experiment):
    folder = experiment / "mutant" / "m3_epifiji" / "reviewed"
    folder.mkdir()
    write_events(folder / "events.csv", [Event("cell_death", 2, 20, 20), Event("cell_death", 3, 20, 20)])
    pooled = epifiji.pool_results(experiment, {f"{name}{i}": name for name in "cm" for i in range(4)}, within="frame")
    last = [row for row in pooled.rows() if row["movie"] == "m3"]
    assert [(row["event"], row["events"], row["condition"]) for row in last] == [
        ("cell_death", 2, "m"), ("cell_division", 0, "m"),
    ]  # fmt: skip
    assert any("1 of 7 movies were reviewed" in notice for notice in pooled.notices)
    assert epifiji.pool_results(experiment, within="frame").conditions == ("control", "mutant")


class TestRefused:
    def test_the_same_movie_twice(self, experiment):
        result(experiment / "mutant" / "again_epifiji", 1, pixels_sha256=str(experiment / "control" / "c0_epifiji"))
        with pytest.raises(WrongInputError, match="are of the same movie, but each movie counts once"):
            epifiji.pool_results(experiment)

    def test_a_movie_without_a_condition_or_two(self, experiment, tmp_path):
        with pytest.raises(WrongInputError, match="c1 .* is not in the table of conditions"):
            epifiji.pool_results(experiment, {"c0": "a"}, within="frame")
        (tmp_path / "t.csv").write_text("movie,condition\nc0,a\nc0,b\n")
        with pytest.raises(WrongInputError, match="line 3, has movie 'c0' and condition 'b', but each movie has one"):
            epifiji.pool_results(experiment, tmp_path / "t.csv")
        (tmp_path / "t.csv").write_text("name,condition\nc0,a\n")
        with pytest.raises(WrongInputError, match="begins with 'name,condition'"):
            epifiji.pool_results(experiment, tmp_path / "t.csv")

    def test_a_folder_without_results(self, tmp_path):
        with pytest.raises(WrongInputError, match="contains no results of a detection"):
            epifiji.pool_results(tmp_path)
        with pytest.raises(WrongInputError, match="is not a folder"):
            epifiji.pool_results(tmp_path / "missing")

    def test_results_that_do_not_record_their_movie(self, experiment):
        (experiment / "mutant" / "m1_epifiji" / "run.json").unlink()
        with pytest.raises(WrongInputError, match="does not record the size of its movie"):
            epifiji.pool_results(experiment)
