"""Studies of networks for cells: protocols, runs that continue, tables and plots."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import epifiji
from command_line import one_sentence, run
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.study import StudyRun, parse_protocol
from epifiji.files.labelled_images import read_labelled_images
from epifiji.files.protocols import read_protocol
from epifiji.jobs.studies.cells import Study, chosen_images
from labelled_cells import write_labelled

SHORT = {"steps": 10, "tile_size": 64, "batch_size": 2}
SCORING = {"cell_diameter": 22, "borders": "bright"}
PROTOCOL = {
    "train": "train",
    "test": "test",
    "training": SHORT,
    "scoring": SCORING,
    "seeds": [1, 2],
    "variants": {"no rotation": {"without": ["rotation"]}},
    "sweep": {"merge_below": [0.5, 1.0], "flips": [True]},
}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separate the user's networks and unfinished trainings from those of the tests."""
    for name in ("DATA", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / f"user {name.lower()}"))
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A protocol with two small images to train on and one to test on."""
    folder = tmp_path_factory.mktemp("a study")
    for number, name in enumerate(("a", "b")):
        write_labelled(folder / "train", name, number)
    write_labelled(folder / "test", "c", 7)
    (folder / "small.yaml").write_text(yaml.safe_dump(PROTOCOL), encoding="utf-8")
    return folder / "small.yaml"


@pytest.fixture(scope="module")
def study(protocol: Path) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(protocol.parent / "cache"))
        return epifiji.study_cells(protocol, protocol.parent / "out")


def test_each_number_of_images_variant_and_seed_is_trained(study: Study) -> None:
    expected = {(variant, 2, seed) for variant in ("base", "no rotation") for seed in (1, 2)}
    assert {(row["variant"], row["images"], row["seed"]) for row in study.runs} == expected
    assert len(study.runs) == len(expected)
    for row in study.runs:
        assert row["ap"] == row["AP c"]
    networks = sorted(path.name for path in (study.folder / "networks").iterdir())
    assert networks[0] == "base_2_images_seed_1"
    assert len(networks) == len(expected)
    settings = json.loads((study.folder / "networks" / "no_rotation_2_images_seed_2" / "training.json").read_text())
    assert settings["settings"]["without"] == ["rotation"]
    assert (settings["settings"]["seed"], settings["settings"]["batch_size"]) == (2, 2)


def test_scores_are_those_of_an_evaluation(study: Study, protocol: Path) -> None:
    place = study.folder / "networks" / "base_2_images_seed_2"
    evaluated = epifiji.evaluate(place, protocol.parent / "test", **SCORING)
    row = next(row for row in study.runs if (row["variant"], row["images"], row["seed"]) == ("base", 2, 2))
    means = evaluated.networks[0].comparison.means()
    assert row["ap"] == means["ap"]
    assert row["rand_index"] == means["rand_index"]


def test_means_and_differences_are_those_of_the_table(study: Study) -> None:
    with (study.folder / "runs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {(row["variant"], row["images"]): row for row in study.summary}
    base, other = (
        np.array([float(row["ap"]) for row in rows if (row["variant"], row["images"]) == (name, "2")])
        for name in ("base", "no rotation")
    )
    assert found["base", 2]["ap"] == pytest.approx(base.mean(), abs=1e-5)
    assert found["base", 2]["ap_sd"] == pytest.approx(base.std(ddof=1), abs=1e-5)
    variant = found["no rotation", 2]
    assert variant["ap_difference"] == pytest.approx((other - base).mean(), abs=1e-5)
    assert variant["ap_higher"] == f"{(other > base).sum()} of 2"
    assert found["base", 2]["ap_difference"] is None


def test_a_sweep_scores_as_an_evaluation_with_the_setting(study: Study, protocol: Path) -> None:
    place = study.folder / "networks" / "base_2_images_seed_1"
    swept = {(row["setting"], row["value"]): row for row in study.sweep if row["seed"] == 1}
    assert set(swept) == {("merge_below", 0.5), ("merge_below", 1.0), ("flips", True)}
    for (name, value), row in swept.items():
        evaluated = epifiji.evaluate(place, protocol.parent / "test", **SCORING, **{name: value})
        assert row["ap"] == evaluated.networks[0].comparison.means()["ap"]


def test_plots_and_tables_are_written(study: Study) -> None:
    names = ["runs.csv", "summary.csv", "sweep.csv", "sweep.png", "variants.png"]
    assert sorted(file.name for file in study.files) == names
    for name in names:
        if name.endswith(".png"):
            with Image.open(study.folder / name) as picture:
                assert picture.size[0] > 300


def test_the_same_study_is_not_computed_twice_and_another_one_is_refused(study: Study, protocol: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (study.folder / "networks").rglob("*")}
    again = epifiji.study_cells(protocol, study.folder)
    assert again.runs == study.runs
    assert {path: path.stat().st_mtime_ns for path in (study.folder / "networks").rglob("*")} == before
    other = protocol.with_name("other.yaml")
    other.write_text(yaml.safe_dump(PROTOCOL | {"seeds": [3]}), encoding="utf-8")
    with pytest.raises(WrongInputError, match="contains a study with another protocol or other images"):
        epifiji.study_cells(other, study.folder)


def test_an_interrupted_study_continues(protocol: Path, tmp_path: Path) -> None:
    def stop(done: float, doing: str) -> None:
        if doing.startswith("base_2_images_seed_1: learning, step 3 "):
            raise CancelledError

    short = protocol.with_name("short.yaml")
    content = {key: PROTOCOL[key] for key in ("train", "test", "training", "scoring")} | {"images": [1, 2]}
    short.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(CancelledError):
        epifiji.study_cells(short, tmp_path / "out", stop)
    first = tmp_path / "out" / "networks" / "base_1_images_seed_1"
    assert (first / "weights_0.npz").exists()
    assert not (tmp_path / "out" / "runs.csv").exists()
    said: list[str] = []
    done = epifiji.study_cells(short, tmp_path / "out", lambda _, doing: said.append(doing))
    assert [row["images"] for row in done.runs] == [1, 2]
    assert tmp_path / "out" / "learning_curve.png" in done.files
    assert not any(one.startswith("base_1_images_seed_1: learning") for one in said)
    assert not any("base_2_images_seed_1: learning, step 2 " in one for one in said)


def test_more_images_contain_those_of_fewer(protocol: Path) -> None:
    (image, _) = read_labelled_images(protocol.parent / "train")
    images = [replace(image) for _ in range(6)]
    for seed in range(5):
        sets = [{id(one) for one in chosen_images(images, StudyRun("base", n, seed))} for n in (1, 2, 5)]
        assert sets[0] < sets[1] < sets[2]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sedes": [1]}, "there is no entry 'sedes', did you mean seeds?"),
        ({"training": {"step": 5}}, "training: there is no setting 'step', did you mean steps?"),
        ({"training": {"steps": 5}}, "steps is 5"),
        ({"training": {"seed": 5}}, "training has a seed, but each training is repeated with all seeds"),
        ({"scoring": {"iou": 2}}, "iou is 2"),
        ({"variants": {"x": {"zoom": False}}}, "variants.x: there is no setting 'zoom'"),
        ({"variants": {"base": {}}}, "has a variant 'base'"),
        ({"variants": {"../x": {}}}, "variants"),
        ({"sweep": {"iou": [0.5]}}, "sweep: there is no setting 'iou'"),
        ({"sweep": {"flips": []}}, "sweep.flips"),
        ({"sweep": {"least_area": [2.0]}}, "least_area is 2.0"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [-1]}, "seeds.0 is -1"),
        ({"train": None}, "train is None"),
        ({"training": {"unmarked": "none"}}, "there is no setting 'unmarked'"),
        ({"from_scratch": True, "network": "epicells"}, "random weights, and a network"),
    ],
)
def test_wrong_entries_are_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(WrongInputError) as problem:
        parse_protocol(PROTOCOL | changed, "small.yaml")
    assert said in str(problem.value)


def test_wrong_files(protocol: Path, tmp_path: Path) -> None:
    for content, said in (
        ("train: [", "is no YAML file"),
        ("just a text", "contains no entries"),
        ("!!python/object/apply:os.system ['true']", "is no YAML file"),
    ):
        (tmp_path / "x.yaml").write_text(content)
        with pytest.raises(WrongInputError, match=said):
            read_protocol(tmp_path / "x.yaml")
    with pytest.raises(WrongInputError, match="is not a file, but a protocol is needed"):
        read_protocol(tmp_path / "none.yaml")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(WrongInputError, match="is not empty and contains no study"):
        epifiji.study_cells(protocol, tmp_path / "out")
    shutil.copytree(protocol.parent / "train", tmp_path / "train")
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(PROTOCOL | {"test": "train"}))
    with pytest.raises(WrongInputError, match="has the same pixels as the training image"):
        epifiji.study_cells(tmp_path / "x.yaml", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command(
    study: Study, protocol: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said, _ = run(["study-cells", str(protocol), "--out", str(study.folder)], monkeypatch, capsys)
    assert code == 0
    assert "no rotation" in said
    assert "variants.png" in said
    code, _, said = run(["study-cells", str(protocol.parent / "none.yaml")], monkeypatch, capsys)
    assert code == 2
    assert one_sentence(said) == said.strip()
