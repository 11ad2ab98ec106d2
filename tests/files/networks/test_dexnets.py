"""Networks in the authors' form: reading them, and refusals."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.files.networks.store import read_description, read_network
from epifiji.files.networks.zoo import import_network


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own networks out of the tests."""
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


CONFIG = (
    "events_category_names = ['', '_cell_death.zip']\nwindow_half_size = (22, 22)\nnb_temporal_frames = (5, 5)\n"
    "cell_diameter = 25\nextrusion_duration = 4.5\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nb_events_category = 4\n", "KeyError: 'events_category_names'"),
        ("events_category_names = 3\nwindow_half_size = (22, 22)\n", "is not that of a DeXNet"),
        ("events_category_names = __import__('os').system('false')\n", "is not that of a DeXNet"),
        (
            "events_category_names = ['', '_cell_death.zip']\nwindow_half_size = (22, 20)\nnb_temporal_frames = (5, 5)\n"
            "cell_diameter = 25\nextrusion_duration = 4.5\n",
            "window of 22 x 20 px",
        ),
        (CONFIG, "has no variables/variables.index"),
        *(
            (CONFIG.replace(known, spoiled), words)
            for known, spoiled, words in [
                ("['', '_cell_death.zip']", "['']", "classes: Tuple should have at least 2 items"),
                ("['', '_cell_death.zip']", "['', '_../up.zip']", "the class '../up' has the character '/'"),
                ("(22, 22)", "(500, 500)", "window_half_size_px: Input should be less than or equal to 200"),
                ("(22, 22)", "(22,)", "IndexError"),
                ("(22, 22)", "(1e999, 1e999)", "OverflowError"),
                ("cell_diameter = 25", "cell_diameter = 0", "cell_diameter_px: Input should be greater than 0"),
                ("[''", "(" * 100_000, "net lacks the description of a DeXNet"),
            ]
        ),
    ],
)
def test_bad_dexnets_are_refused(tmp_path: Path, text: str, words: str) -> None:
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "config.cfg").write_text(text)
    with pytest.raises(WrongInputError) as caught:
        read_network(folder)
    assert words in str(caught.value)


def test_too_many_members_are_no_ensemble(tmp_path: Path) -> None:
    for number in range(65):
        (tmp_path / "many" / f"net{number}").mkdir(parents=True)
        (tmp_path / "many" / f"net{number}" / "config.cfg").write_text(CONFIG)
    with pytest.raises(WrongInputError, match="many lacks the description of a DeXNet .members: Input should be less"):
        read_description(tmp_path / "many")


def test_a_broken_checkpoint_is_refused(tmp_path: Path, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "dexnets" / "notum_all.zip") as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / "notum_all" / "notumAll0"
    data = folder / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:1000])
    with pytest.raises(WrongInputError, match="checkpoint of network notumAll0 cannot be read"):
        read_network(folder)


def test_the_authors_networks_are_imported_from_zip_and_folder_alike(tmp_path: Path, shared_data: Path) -> None:
    file = shared_data / "dexnets" / "notum_all.zip"
    with zipfile.ZipFile(file) as archive:
        archive.extractall(tmp_path)
    network = read_network(file)
    assert network.description.classes == ("nothing", "cell_death", "cell_sop", "cell_division")
    assert (network.description.members, network.description.cell_diameter_px) == (2, 25)
    assert read_network(tmp_path / "notum_all").sha256 == network.sha256
    single = read_network(tmp_path / "notum_all" / "notumAll1")
    assert single.description.members == 1
    assert all(np.array_equal(single.weights[0][key], network.weights[1][key]) for key in single.weights[0])
    imported = read_network(import_network(file))
    assert imported.sha256 == network.sha256
    assert "Villars, Letort et al." in imported.description.provenance


def test_members_that_differ_are_no_ensemble(tmp_path: Path, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "dexnets" / "notum_all.zip") as archive:
        archive.extractall(tmp_path)
    config = tmp_path / "notum_all" / "notumAll1" / "config.cfg"
    config.write_text(config.read_text().replace("cell_diameter = 25", "cell_diameter = 30"))
    with pytest.raises(
        WrongInputError, match="notumAll0 and notumAll1 of notum_all differ in their classes, window or scale"
    ):
        read_network(tmp_path / "notum_all")
