"""The requests of Study Cells..., and the protocol that a study leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import epifiji
from epifiji.files.protocols import read_protocol
from recorded_study import recorded_study, stop
from requests_of_fiji import ask, refused


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return recorded_study(tmp_path_factory.mktemp("studied"))


@pytest.fixture(scope="module")
def studied(settings: dict[str, str]) -> dict[str, Any]:
    return ask("study_cells", {"settings": settings})["result"]


def test_the_answer_has_a_row_for_each_number_of_images_and_augmentation(studied: dict[str, Any]) -> None:
    assert studied["rows"] == [
        ["base", "1", "1", "0.200", "0.100", "-"],
        ["base", "2", "1", "0.500", "0.250", "-"],
        ["without rotation", "2", "1", "0.400", "0.200", "-"],
    ]
    assert [Path(file).name for file in studied["pictures"]] == ["learning_curve.png", "variants.png"]
    assert studied["columns"][3] == "AP"
    assert studied["notices"] == [
        "without rotation: the AP differs by -0.100 from that of the base training with the same seed, and is higher with 0 of 1 "
        "seeds"
    ]
    assert studied["said"].startswith("3 trainings were scored; the results are in ")


def test_the_protocol_repeats_the_study(studied: dict[str, Any], settings: dict[str, str]) -> None:
    place = Path(settings["train"]).parent / "train_study"
    entries = yaml.safe_load((place / "protocol.yaml").read_text(encoding="utf-8"))
    assert entries == {
        "train": "../train",
        "test": "../test",
        "training": {"cell_diameter": 22, "steps": 10, "tile_size": 64, "batch_size": 2},
        "scoring": {"cell_diameter": 22, "border": "ignore"},
        "images": [1, 2],
        "variants": {"without rotation": {"without": ["rotation"]}},
    }
    # The study is the same one: its trainings are there.
    assert epifiji.study_cells(place / "protocol.yaml", place).rows() == studied["rows"]
    given = {"protocol": str(place / "protocol.yaml"), "out": str(place)}
    assert ask("study_cells", {"settings": given})["result"]["rows"] == studied["rows"]


def test_initial_weights_by_name_or_random(settings: dict[str, str], tmp_path: Path) -> None:
    for number, (network, entry) in enumerate(
        {"epicells": {"network": "epicells"}, "random weights": {"from_scratch": True}, "EpiFiji's own": {}}.items()
    ):
        given = settings | {"network": network, "out": str(tmp_path / str(number))}
        assert ask("study_cells", {"settings": given}, report=stop)["kind"] == "cancelled"
        found = read_protocol(tmp_path / str(number) / "protocol.yaml")
        assert found.train == settings["train"]
        assert found.model_dump(include={"network", "from_scratch"}, exclude_defaults=True) == entry


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train": None}, "No folder of images to train on was specified, but images with cells are needed"),
        ({"test": None}, "No folder of images to test on was specified"),
        ({"test": "nowhere"}, "nowhere"),
        ({"images": "5"}, "contains 5, but "),
        (
            {"images": "one"},
            "images is 'one', but it must be a whole number of at least 1, or several separated by commas",
        ),
        (
            {"seeds": "1;2"},
            "seeds is '1;2', but it must be a whole number of at least 0, or several separated by commas",
        ),
        ({"leave_out": "shake"}, "leave_out is 'shake', but it must be names separated by commas out of gamma"),
        ({"protocol": "p.yaml"}, "A protocol was specified and also batch_size, border, cell_diameter"),
        ({"network": "nowhere"}, "there is no network 'nowhere'"),
        ({"batch_size": "3"}, "batch_size is '3'"),
    ],
)
def test_impossible_settings(settings: dict[str, str], changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    given = settings | {"out": str(tmp_path / "out")} | changed
    assert said in refused("study_cells", {"settings": given})
    assert not (tmp_path / "out" / "networks").exists()


def test_a_folder_without_images_and_the_same_images_twice(settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert str(tmp_path / "empty") in refused(
        "study_cells", {"settings": settings | {"train": str(tmp_path / "empty")}}
    )
    assert "has the same pixels as the training image" in refused(
        "study_cells", {"settings": settings | {"test": settings["train"], "out": str(tmp_path / "out")}}
    )
