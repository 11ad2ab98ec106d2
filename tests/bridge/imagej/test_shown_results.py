"""Commands that show earlier results in ImageJ: events of EpiFiji and of the authors' package, and probability maps."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji import Result
from epifiji.data.events import EVENT_COLOURS
from jvm import Finished, run_checks
from result_checks import (
    RESULTS,
    checked,
    maps_by_the_former_label,
    maps_of_another_movie,
    maps_shown,
    opened_results,
    refused_results,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, epinet_folder: Path) -> tuple[Path, Result]:
    result = epifiji.detect(movie_file, epinet_folder, threshold=130, min_volume=100, maps="scaled")
    return result.save(tmp_path_factory.mktemp("saved") / "noise_epifiji"), result


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, saved: tuple[Path, Result]) -> Finished:
    folder = tmp_path_factory.mktemp("shown")
    zips = folder / "results"
    zips.mkdir()
    for file in saved[0].glob("*_cell_*.zip"):
        shutil.copy(file, zips)
    env = {
        "EPIFIJI_TEST_MOVIE": str(movie_file),
        "EPIFIJI_TEST_RESULTS": str(saved[0]),
        "EPIFIJI_TEST_ZIPS": str(zips),
    }
    return run_checks(RESULTS, folder, env=env)


def test_events_of_a_folder_a_table_and_zips_are_the_same(shown: Finished, saved: tuple[Path, Result]) -> None:
    events = saved[1].events
    for name, rois in shown[opened_results].items():
        assert len(rois) == len(events) > 0, name
        assert sorted(t for _, t, _ in rois) == sorted(event.frame + 1 for event in events)
        assert sorted(x for *_, x in rois) == pytest.approx(sorted(event.x for event in events), abs=0.01)


def test_invalid_inputs_are_refused_in_one_sentence(shown: Finished) -> None:
    said = shown[refused_results]
    assert "/no/such/folder does not exist, but a result folder is needed" in said["missing"]
    assert (
        "has neither events.csv nor a *_cell_*.zip nor a <movie>_<class>.zip next to its movie, but a result folder is needed"
        in said["empty"]
    )
    assert "other has 6 frames of 10 x 10 pixels, but the results in " in said["other movie"]
    assert "noise.tif with 12 frames of 80 x 70 pixels: open or name the movie" in said["other movie"]
    assert "No results were specified, but a result folder is needed" in said["none named"]


def test_maps_are_shown_over_the_movie_frame_by_frame(
    shown: Finished, saved: tuple[Path, Result], movie_file: Path
) -> None:
    seen = shown[maps_shown]
    assert seen["title"] == "noise-maps"
    assert seen["legend"] == [*saved[1].classes, "probability 0.12 to 1"]
    assert seen["swatches"] == [[name, list(EVENT_COLOURS[name])] for name in saved[1].classes]
    composite = np.load(shown.folder / "composite.npy").reshape(seen["shape"])
    assert np.array_equal(composite[:, 0], tifffile.imread(movie_file))
    for channel, event in enumerate(saved[1].classes, start=1):
        assert np.array_equal(composite[:, channel], tifffile.imread(saved[0] / f"noise_{event}_proba.tif"))


def test_macros_with_the_former_label_show_the_maps_too(shown: Finished) -> None:
    assert shown[maps_by_the_former_label] == ["noise-maps", "noise.tif", "noise-maps"]


def test_maps_of_another_movie_are_refused(shown: Finished) -> None:
    said = shown[maps_of_another_movie]
    assert "other has 6 frames of 10 x 10 pixels, but the results in " in said
    assert "noise.tif with 12 frames of 80 x 70 pixels: open or name the movie" in said


def test_the_check_and_the_stop_report_their_result(shown: Finished) -> None:
    assert shown[checked] is None
    assert "EpiFiji: ok  TensorFlow  " in shown.out
    assert "EpiFiji: no engine was running" in shown.out
