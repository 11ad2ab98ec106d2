"""The tutorials' steps work as written, and give their pictures: with EPIFIJI_PICTURES=docs/images they are saved there."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cells_tutorial_checks import CELLS_TUTORIAL, EDITED, PAGE, edited, measured, mended, segmented
from desktop import desktop
from epifiji.bridge.cli.main import main
from epifiji.engine.simulation.movie import DEMO
from jvm import TIMEOUT_S, Finished, run_checks
from pages import DOCS, PAGES
from tutorial_checks import NAME, TUTORIAL, adjusted, detected, plotted, reviewed

COMMANDS = re.findall(r"^    (epifiji .*)$", PAGES[PAGE], re.MULTILINE)


@dataclass
class Terminal:
    """A folder in which the commands of the page on cells ran, with what they printed."""

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> None:
        """Run a command in this process; it must succeed."""
        out = io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), pytest.raises(SystemExit) as ended:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", shlex.split(command))
            main()
        assert not ended.value.code, (command, out.getvalue())
        self.printed[command] = out.getvalue()


def _command(start: str) -> str:
    (command,) = (one for one in COMMANDS if one.startswith(start))
    return command


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    folder = tmp_path_factory.mktemp("tutorial")
    Terminal(folder).run(_command("epifiji simulate"))
    # It is the movie of `epifiji demo`: see the test below.
    shutil.copy(folder / "truth" / "simulated_6.tif", folder / f"{NAME}.tif")
    with desktop() as display:
        finished = run_checks([*TUTORIAL, *CELLS_TUTORIAL], folder, False, {"DISPLAY": display}, 3 * TIMEOUT_S)
    if os.environ.get("EPIFIJI_PICTURES"):
        for picture in folder.glob("*.png"):
            shutil.copy(picture, Path(os.environ["EPIFIJI_PICTURES"]) / f"tutorial_{picture.name}")
    return finished


def test_the_events_of_the_tutorials_movie_are_found(done: Finished) -> None:
    seen = done[detected]
    assert seen["rois"] == 10
    assert seen["maps"] == [170, 170, 4, 1, 30]


def test_a_few_decisions_give_reviewed_rois(done: Finished) -> None:
    files = done[reviewed]["files"]
    assert "events.csv" in files
    assert f"{NAME}_nothing.zip" in files
    assert done[reviewed]["decisions"] == ["keep", "keep", "keep", "keep", "reject", "skip"]


def test_sliders_change_what_is_shown_and_what_is_applied(done: Finished) -> None:
    seen = done[adjusted]
    assert 0 < seen["shown"] < seen["before"]
    assert seen["rois"] == seen["shown"]
    assert seen["overlay"]
    assert 'run("Adjust Event Thresholds...", "results=' in seen["recorded"]
    assert re.search(r'threshold=\d+ min_volume=\S+ seed_distance_xy=10 seed_distance_t=4"\);', seen["recorded"])


def test_plots_a_comparison_a_gallery_and_a_score_are_shown(done: Finished) -> None:
    titles = done[plotted]["images"]
    assert {f"{NAME}-{name}" for name in ("rate", "density", "neighbours", "gallery")} <= set(titles)
    assert done[plotted]["scored"] == ["4", "4", "3"]


def test_every_picture_of_the_tutorials_is_made_by_this_test(done: Finished) -> None:
    text = PAGES["tutorial.md"] + PAGES[PAGE]
    made = {f"tutorial_{picture.name}" for picture in done.folder.glob("*.png")}
    assert made == set(re.findall(r"images/(tutorial_\w+\.png)", text))
    assert made == {file.name for file in (DOCS / "images").glob("tutorial_*.png")}


def test_the_movie_with_true_cells_is_that_of_the_demonstration(done: Finished) -> None:
    (movie,) = json.loads((done.folder / "truth" / "simulation.json").read_text(encoding="utf-8"))["movies"]
    assert {**movie["settings"], **DEMO} == movie["settings"]


@pytest.fixture(scope="module")
def terminal(done: Finished, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Run the commands of the page on cells in a terminal, in the folder as it was before Fiji's, with the user's edits."""
    folder = tmp_path_factory.mktemp("terminal")
    results, cells = folder / f"{NAME}_epifiji", folder / f"{NAME}_cells"
    made = Terminal(folder)
    shutil.copy(done.folder / f"{NAME}.tif", folder)
    shutil.copytree(done.folder / "truth", folder / "truth")
    shutil.copytree(
        done.folder / results.name, results, ignore=shutil.ignore_patterns("cells", "corrected_cells", "*_proba.tif")
    )
    edits = {
        "epifiji correct-cells": (cells.name, f"{NAME}_corrections.json"),
        f"epifiji cells {NAME}_epifiji --from": (results.name, "cells", "corrected.zip"),
    }
    for command in COMMANDS:
        if command.startswith("epifiji simulate"):
            continue
        for start, parts in edits.items():
            if command.startswith(start):
                shutil.copy(done.folder.joinpath(*parts), folder.joinpath(*parts))
        made.run(command)
    return made


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    "file",
    [
        f"{NAME}_cells/{NAME}_labels.tif",
        f"{NAME}_cells/{NAME}_corrected_labels.tif",
        f"{NAME}_cells/cells.csv",
        f"{NAME}_epifiji/cells/cells_around_events.csv",
        f"{NAME}_epifiji/cells/aligned.csv",
        f"{NAME}_epifiji/corrected_cells/cells_around_events.csv",
        "comparison/cell_comparison.csv",
    ],
)
def test_terminal_and_fiji_write_the_same(done: Finished, terminal: Terminal, file: str) -> None:
    assert (terminal.folder / file).read_bytes() == (done.folder / file).read_bytes()


def test_the_numbers_of_the_page_are_those_of_the_run(done: Finished, terminal: Terminal) -> None:
    text = " ".join(PAGES[PAGE].split())
    cells, results = done.folder / f"{NAME}_cells", done.folder / f"{NAME}_epifiji"
    count = len(_rows(cells / "cells.csv"))
    before, after = (
        next(
            float(row["area (µm²)"])
            for row in _rows(results / folder / "cells_around_events.csv")
            if f"cell {row['number']} frame {row['frame']}" == EDITED
        )
        for folder in ("cells", "corrected_cells")
    )
    deaths = next(row for row in _rows(terminal.folder / "plots" / "summary.csv") if row["event"] == "cell_death")
    rate, low, high = (float(deaths[f"events per 100 cells and hour{end}"]) for end in ("", ", 2.5 %", ", 97.5 %"))
    comparison = json.loads((terminal.folder / "comparison" / "cell_comparison.json").read_text(encoding="utf-8"))
    found = done[segmented]["preview"].removesuffix(", bright borders")
    for words in (
        f"The outlines of this frame appear over the movie: {found}.",
        f"a table of {count - 2} cells",
        f"are renewed: {count} cells",
        f"is {after:.2f} µm² now instead of {before:.2f} µm²",
        f"{rate:.2f} per 100 cells and hour (95 %: {low:.2f} to {high:.2f}), with {float(deaths['cells']):.0f} cells",
        f"the quality is {comparison['all']['quality']['value']:.2f}",
    ):
        assert words in text


def test_two_tiny_cells_are_split_off(done: Finished) -> None:
    said = done[mended]
    assert [" is split" in one for one in said[:2]] == [True, True]
    assert said[2].endswith("is undone.")
    assert said[3].endswith("is made again.")


def test_all_kept_events_are_followed(done: Finished, terminal: Terminal) -> None:
    assert "cell_death: 3 of 3 followed" in terminal.printed[f"epifiji cells {NAME}_epifiji"]
    assert "cell_division: 1 of 1 followed" in terminal.printed[f"epifiji cells {NAME}_epifiji"]
    assert done[measured]["rois"] > 50


def test_another_outline_changes_one_cell_in_one_frame(done: Finished) -> None:
    assert done[edited]["frame"] == 4
    results = done.folder / f"{NAME}_epifiji"
    pairs = zip(
        *(_rows(results / folder / "cells_around_events.csv") for folder in ("cells", "corrected_cells")), strict=True
    )
    changed = [f"cell {a['number']} frame {a['frame']}" for a, b in pairs if a["area (µm²)"] != b["area (µm²)"]]
    assert changed == [EDITED]


def test_the_page_runs_in_python(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGES[PAGE], re.DOTALL)
    monkeypatch.chdir(terminal.folder)
    names: dict[str, Any] = {}
    exec(compile(example, PAGE, "exec"), names)
    assert capsys.readouterr().out == f"{names['found'].quality.value}\n"
