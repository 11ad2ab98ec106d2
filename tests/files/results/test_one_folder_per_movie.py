"""Results are always written into a folder of their movie, by every command, and never among those of another movie."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.bridge.fiji.requests.answer import answer
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.progress import silent
from epifiji.data.settings.detection import DetectionSettings
from epifiji.files.networks.store import read_description, shipped_network, write_network
from epifiji.files.results.events_table import read_events
from epifiji.files.rois.roi_files import read_rois, write_rois
from folders import names
from pages import PAGES
from small_networks import small_network

LOOSE = ("--threshold", "0", "--min-volume", "0")


def terminal(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["epifiji", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.fixture
def movies(movie_file: Path, tmp_path: Path) -> list[Path]:
    return [Path(shutil.copy(movie_file, tmp_path / name)) for name in ("one.tif", "two.tif")]


def test_one_movie_goes_where_several_go(movies, network_folder, tmp_path, monkeypatch):
    detect = ("detect", "--network", network_folder, *LOOSE)
    assert terminal(monkeypatch, *detect, movies[0], "--out", tmp_path / "alone") == 0
    assert terminal(monkeypatch, *detect, *movies, "--out", tmp_path / "together") == 0
    assert names(tmp_path / "alone") == ["one_epifiji"]
    assert names(tmp_path / "together") == ["one_epifiji", "two_epifiji"]
    assert names(tmp_path / "alone" / "one_epifiji") == names(tmp_path / "together" / "one_epifiji")


def test_rois_and_fijis_output_go_there_too(movies, network_folder, tmp_path, monkeypatch):
    settings = {
        "input": str(movies[0]),
        "output": str(tmp_path / "fiji"),
        "network": str(network_folder),
        "maps": "raw",
    }
    request = {"settings": settings | {"threshold": "0", "min_volume": "0"}, "headless": True}
    assert "result" in json.loads(answer("detect", json.dumps(request), [], silent))
    assert names(tmp_path / "fiji") == ["one_epifiji"]
    assert terminal(monkeypatch, "rois", tmp_path / "fiji" / "one_epifiji", *LOOSE, "--out", tmp_path / "rois") == 0
    assert names(tmp_path / "rois") == ["one_epifiji"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_results_of_another_movie_are_never_mixed_with(movies, network_folder, tmp_path, overwrite):
    settings = {"threshold": 0, "min_volume": 0}
    folder = epifiji.detect(movies[0], network_folder, **settings).save(tmp_path / "results")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(WrongInputError, match="contains the results of the movie one, but those of two"):
        epifiji.detect(movies[1], network_folder, **settings).save(folder, overwrite)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_results_are_saved_in_a_folder_of_results_as_on_the_command_line(movies, network_folder, tmp_path):
    found = epifiji.detect(movies[0], network_folder, threshold=0, min_volume=0)
    assert found.save(out=tmp_path / "results") == tmp_path / "results" / "one_epifiji"
    with pytest.raises(WrongInputError, match="one_epifiji.* exists and would be overwritten"):
        found.save(out=tmp_path / "results")
    with pytest.raises(WrongInputError, match="folder and out were both given, but results have one place"):
        found.save(tmp_path / "there", out=tmp_path / "results")
    with pytest.raises(WrongInputError, match="the folder to write into was given as None"):
        found.save()
    assert names(tmp_path / "results") == ["one_epifiji"]


def test_overwritten_results_leave_no_class_of_another_network(movies, network_folder, tmp_path):
    other = write_network(small_network(1, seed=3, classes=("nothing", "cell_death", "blink")), tmp_path / "other")
    settings = {"threshold": 0, "min_volume": 0, "maps": "raw"}
    first = epifiji.detect(movies[0], other, **settings)
    assert {event.event for event in first.events} >= {"blink"}
    folder = first.save(tmp_path / "results")
    (folder / "notes.txt").write_text("mine")
    write_rois(folder / "one_nothing.zip", [Event("nothing", 1, 2, 3)])
    again = epifiji.detect(movies[0], network_folder, **settings)
    again.save(folder, overwrite=True)
    kept = [name for name in names(folder) if "blink" in name]
    assert kept == []
    assert {"notes.txt", "one_nothing.zip"} <= set(names(folder))
    # Zips and table agree, class by class.
    table = read_events(folder / "events.csv")
    for event in {one.event for one in table}:
        assert len(read_rois(folder / f"one_{event}.zip", event)) == sum(one.event == event for one in table)


def test_classes_left_out_leave_no_stale_zip(movies, network_folder, tmp_path):
    settings = {"threshold": 0, "min_volume": 0, "maps": "raw"}
    found = epifiji.detect(movies[0], network_folder, **settings)
    folder = found.save(tmp_path / "results")
    one = found.events[0].event
    epifiji.events_from_maps(folder, events=one, threshold=0, min_volume=0).save(folder, overwrite=True)
    assert [file.name for file in folder.glob("*.zip")] == [f"one_{one}.zip"]
    # The maps of all classes stay: events can be made of them again.
    assert len(list(folder.glob("*_rawproba.tif"))) == len(found.classes)


def test_a_comparison_of_another_movie_is_not_mixed_with(tmp_path, monkeypatch):
    for name in ("one", "two"):
        write_rois(
            tmp_path / f"{name}_cell_death.zip", [Event("cell_death", 3, 10, 10), Event("cell_death", 5, 40, 40)]
        )
    write_rois(tmp_path / "truth_cell_death.zip", [Event("cell_death", 3, 10, 10)])
    compare = ("compare", tmp_path / "one_cell_death.zip", tmp_path / "truth_cell_death.zip", "--out", tmp_path / "out")
    assert terminal(monkeypatch, *compare) == 0
    before = names(tmp_path / "out")
    other = ("compare", tmp_path / "two_cell_death.zip", *compare[2:], "--overwrite")
    assert terminal(monkeypatch, *other) == 2
    assert names(tmp_path / "out") == before
    assert terminal(monkeypatch, *compare, "--overwrite") == 0


def test_documented_defaults_are_those_that_are_used(movies):
    """The numbers of EpiNet in the reference are those of its own description, and a run with no settings records them."""
    own = read_description(shipped_network())
    thresholds = [own.thresholds[event] for event in ("cell_death", "cell_sop", "cell_division")]
    volumes = [own.min_volumes[event] for event in ("cell_death", "cell_sop", "cell_division")]
    said = "EpiNet's own thresholds are {} (`cell_death`), {} (`cell_sop`) and {} (`cell_division`)".format(*thresholds)
    assert said + ", its minimum volumes {}, {} and {}".format(*volumes) in PAGES["reference/settings.md"]
    used = epifiji.detect(np.random.default_rng(0).integers(0, 200, (12, 64, 64)).astype(np.uint8), shipped_network())
    assert used.record["settings"]["threshold"] == own.thresholds
    assert used.record["settings"]["min_volume"] == own.min_volumes
    for name in ("threshold", "min_volume"):
        assert "the network's own" in str(DetectionSettings.model_fields[name].description)
