"""Names that a spreadsheet would treat as formulas are shown unchanged, and are read back unchanged."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from epifiji.data.events import Event
from epifiji.data.review import Review
from epifiji.files.results.comparisons import write_table
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.results.reviews import read_review, write_review
from epifiji.files.storage.spreadsheet_cells import cell_of, text_of

FORMULAS = ("=1+1", "+cmd", "-x", "@SUM(A1)", "=HYPERLINK(0)", "'=1+1", "''@x", "'quoted", "plain", "a=b", "\uff1d1+1")
BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Formulas that OWASP's page on CSV injection lists."""


def first_cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


@pytest.mark.parametrize("name", [*FORMULAS, "\t=1", "\r=1", "\n=1", "'\t"])
def test_every_text_comes_back(name: str) -> None:
    cell = str(cell_of(name))
    assert not cell.startswith(BEGINNINGS)
    assert text_of(cell) == name


@pytest.mark.parametrize("value", [-1.5, "-1.5", "+3", "-1e-05", 0, None])
def test_numbers_keep_their_signs(value: object) -> None:
    assert cell_of(value) == value


def test_a_table_of_events_holds_no_formula_and_reads_back(tmp_path: Path) -> None:
    events = [Event(name, 1, 2.0, 3.0, 0.5, 7) for name in FORMULAS]
    write_events(tmp_path / "events.csv", events)
    assert not [cell for cell in first_cells(tmp_path / "events.csv") if cell.startswith(BEGINNINGS)]
    assert [event.event for event in read_events(tmp_path / "events.csv")] == list(FORMULAS)


def test_a_review_holds_no_formula_and_reads_back(tmp_path: Path) -> None:
    review = Review([Event(name, 1, 2.0, 3.0, 0.5) for name in FORMULAS])
    write_review(tmp_path / "review.csv", review)
    with (tmp_path / "review.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [row for row in rows if row["event"].startswith(BEGINNINGS) or row["class"].startswith(BEGINNINGS)]
    assert [event.event for event in read_review(tmp_path / "review.csv").detected] == list(FORMULAS)


def test_a_table_of_scores_holds_no_formula(tmp_path: Path) -> None:
    write_table(tmp_path / "scores.csv", [{"movie": name, "f1": -0.25} for name in FORMULAS])
    assert not [cell for cell in first_cells(tmp_path / "scores.csv") if cell.startswith(BEGINNINGS)]
    assert (tmp_path / "scores.csv").read_text(encoding="utf-8").count(",-0.25\n") == len(FORMULAS)
