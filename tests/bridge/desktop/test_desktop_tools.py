"""Scoring at random, the review macro and cropping, at a desktop with real keys."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from desktop import desktop
from epifiji.data.review import wilson
from epifiji.files.rois.roi_files import read_rois, write_rois
from imagej_checks import headless_process, refused_macros
from jvm import Finished, run_checks
from planted_events import planted
from tools_desktop_checks import (
    TOOLS,
    cropped_with_the_manager,
    macro_by_keys,
    macro_without_argument,
    protocol_in_a_dialog,
    score_at_random,
)


@pytest.fixture(scope="module")
def rois_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("zip") / "noise_cell_death.zip"
    write_rois(path, planted()[:5])
    return path


@pytest.fixture(scope="module")
def shown(
    tmp_path_factory: pytest.TempPathFactory,
    movie_file: Path,
    results: dict[str, Path],
    rois_zip: Path,
) -> Finished:
    with desktop() as display:
        env = {
            "DISPLAY": display,
            "EPIFIJI_TEST_MOVIE": str(movie_file),
            "EPIFIJI_TEST_RESULTS": str(results["whole"]),
            "EPIFIJI_TEST_ZIP": str(rois_zip),
        }
        return run_checks(TOOLS, tmp_path_factory.mktemp("tools"), headless=False, env=env)


def test_scored_events_give_a_precision_with_its_interval(shown: Finished) -> None:
    seen = shown[score_at_random]
    assert seen["last"] == {"class": "all", "events": "30", "drawn": "6", "judged": "5", "right": "3"}
    with (shown.folder / "score" / "score.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["class"] for row in table] == ["cell_death", "cell_sop", "cell_division", "all"]
    assert seen["rows"] == 4
    assert [float(table[-1][key]) for key in ("precision", "from", "to")] == pytest.approx(
        [0.6, *wilson(0.6, 5)], abs=1e-4
    )
    assert sum(int(row["judged"]) for row in table[:3]) == 5


def test_scoring_does_not_change_rois_and_results(shown: Finished, results: dict[str, Path]) -> None:
    assert shown[score_at_random]["same"]
    assert sorted(path.name for path in results["whole"].iterdir()) == ["events.csv", "run.json"]


def test_a_rectangle_crops_with_the_managers_rois(shown: Finished) -> None:
    seen = shown[cropped_with_the_manager]
    inside = [roi for roi in seen["before"] if 30 <= roi[3][0] + 0.5 < 60 and 15 <= roi[3][1] + 0.5 < 60]
    assert 0 < len(inside) < len(seen["before"])
    assert (seen["size"], seen["kept"], seen["overlay"]) == ([30, 45], True, len(inside))
    assert len(seen["replaced"]) == len(inside)
    for new, old in zip(seen["replaced"], inside, strict=True):
        assert new[:3] == old[:3]
        assert new[3] == pytest.approx([old[3][0] - 30, old[3][1] - 15], abs=1e-3)
        assert new[4] == old[4]


def test_a_protocol_does_not_meet_what_the_dialog_remembers(shown: Finished) -> None:
    remembered, typed = shown[protocol_in_a_dialog]
    assert "nowhere.yaml" in remembered
    assert "A protocol" not in remembered
    assert typed.startswith("A protocol was specified and also")
    assert "seeds" not in typed.lower()


def places(path: Path) -> list[tuple[int, float, float]]:
    return [(e.frame, round(e.y, 2), round(e.x, 2)) for e in read_rois(path, "any")]


def test_the_macro_writes_the_decisions_of_the_keys(shown: Finished, rois_zip: Path) -> None:
    all_of_them = places(rois_zip)
    assert places(rois_zip.with_name("noise_cell_death_kept.zip")) == all_of_them[:3]
    assert places(rois_zip.with_name("noise_cell_death_nothing.zip")) == all_of_them[3:4]
    seen = shown[macro_by_keys]
    assert f"3 kept, 1 rejected, 1 not reviewed; saved in {rois_zip.parent}" in seen["log"]
    assert seen["same"], "the ROI that was in the manager is there alone, as before"
    assert seen["titles"] == ["noise.tif"]


def test_the_macro_uses_the_open_image_and_the_managers_rois(shown: Finished, movie_file: Path) -> None:
    assert "1 kept, 1 rejected, 0 not reviewed" in shown[macro_without_argument]["log"]
    assert shown[macro_without_argument]["same"]
    kept, rejected = movie_file.with_name("noise_kept.zip"), movie_file.with_name("noise_nothing.zip")
    assert (places(kept), places(rejected)) == ([(11, 68, 2)], [(2, 20, 30)])
    kept.unlink()
    rejected.unlink()


def test_without_a_window_the_macro_ends_with_one_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    for said in headless_process(tmp_path_factory)[refused_macros]:
        assert "Reviewing events needs a window, but this ImageJ has none: start it without --headless." in said
