"""The commands of Fiji that import, list, export and remove networks, as macros request them."""

from __future__ import annotations

from pathlib import Path

import pytest

from epifiji.files.networks.default import SHIPPED, default_name
from epifiji.files.networks.store import user_folder, write_network
from requests_of_fiji import ask, refused
from small_networks import small_network


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CONFIG", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    return write_network(small_network(2, seed=3), tmp_path / "quick")


def test_a_network_is_imported_chosen_and_removed(network: Path) -> None:
    imported = ask("import_network", {"settings": {"network": str(network), "name": "mine"}})["result"]
    assert imported["name"] == "mine"
    assert imported["said"].startswith(f"imported: {user_folder() / 'mine'}. It is an ensemble")

    before = ask("networks", {})["result"]
    assert {"mine"} == set(before["removable"])
    assert [row[0] for row in before["rows"]].count("mine") == 1
    assert before["default"] == SHIPPED
    assert {"mine", "epinet"} <= set(before["of_events"])
    assert "epicells" not in before["of_events"]
    assert ask("network_card", {"network": "mine"})["result"]["card"].endswith(f"{user_folder() / 'mine'}\n")

    said = ask("manage_networks", {"settings": {"default": "mine"}})["result"]["said"]
    assert said == "mine is the default network for events"
    assert default_name() == "mine"
    said = ask("manage_networks", {"settings": {"remove": "mine"}})["result"]["said"]
    assert said == f"removed {user_folder() / 'mine'}; EpiNet is the default again"
    assert not (user_folder() / "mine").exists()


def test_epinet_is_exported_under_a_name_that_nobody_has(tmp_path: Path, network: Path) -> None:
    out = tmp_path / "epinet.onnx"
    given = {"settings": {"network": "epinet", "out": str(out)}}
    assert ask("export_network", given)["result"]["said"] == f"exported: {out}"
    assert out.stat().st_size > 100_000
    assert "overwrite" in refused("export_network", given)


@pytest.mark.parametrize(
    ("job", "settings", "sentence"),
    [
        ("import_network", {}, "No network was specified: choose its file, or give network"),
        ("import_network", {"network": "https://example.org/a.zip"}, "without its SHA-256"),
        ("import_network", {"network": "nothing_there"}, "nothing_there"),
        ("fetch_network", {"base_url": "ftp://example.org"}, "of the kind ftp"),
        ("fetch_network", {"name": "another"}, "name"),
        ("export_network", {}, "No file was specified: give out"),
        ("export_network", {"network": "epicells", "out": "a.onnx"}, "epicells"),
        ("manage_networks", {"default": "epicells"}, "segments cells"),
        ("manage_networks", {"remove": "epinet"}, "comes with EpiFiji"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    network: Path, job: str, settings: dict[str, str], sentence: str
) -> None:
    said = refused(job, {"settings": settings})
    assert sentence in said
    assert "--" not in said
