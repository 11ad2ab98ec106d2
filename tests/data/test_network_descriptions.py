"""Contents of a ``network.json``: the families of event networks, and a family with another task."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

import epifiji
from epifiji.bridge.cli.main import app
from epifiji.data.descriptions import DESCRIPTIONS, parse_description
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import DexNetDescription, EpiNetDescription, event_network
from epifiji.data.image import Image
from epifiji.data.network import Network, NetworkDescription, first_problem
from epifiji.engine.networks.families import families
from epifiji.files.networks.store import card, read_description, read_network, shipped_network, write_network

REFERENCE = Path(__file__).parents[1] / "reference_files" / "parity" / "network" / "network.json"
LEAST = {"name": "small", "classes": ["nothing", "a"], "cell_diameter_px": 25, "event_duration_frames": 4.5}


class CellsDescription(NetworkDescription):
    """A network of a family that segments cells in images without time, and knows no events."""

    task: ClassVar[str] = "cells"
    axes: ClassVar[str] = "YX"

    kind: Literal["cellnet"] = "cellnet"
    maps: tuple[Literal["border", "distance", "seeds", "tissue"], ...]
    tile_px: int = 256

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.maps

    @property
    def sees(self) -> str:
        return f"tiles of {self.tile_px} x {self.tile_px} px"


CELLS = CellsDescription(name="cells", maps=("border", "seeds", "tissue"), cell_diameter_px=30, members=2)


@pytest.fixture
def cell_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(DESCRIPTIONS, "cellnet", CellsDescription)
    weights = tuple({"conv/kernel": np.full((3, 3), n, np.float32)} for n in range(2))
    return write_network(Network(CELLS, weights), tmp_path / "named" / "cells")


@pytest.mark.parametrize("file", [REFERENCE, shipped_network() / "network.json"], ids=["dexnet", "epinet"])
def test_a_file_is_written_as_it_was_read(file: Path) -> None:
    entries = json.loads(file.read_text(encoding="utf-8"))
    described = parse_description(entries)
    written = json.loads(described.model_dump_json(), object_pairs_hook=list)
    # Entries that came later are written too.
    assert [key for key, _ in written if key in entries] == list(entries)
    assert {key: value for key, value in json.loads(described.model_dump_json()).items() if key in entries} == entries


def test_the_entries_of_both_families_have_one_order() -> None:
    names = [
        "format",
        "kind",
        "name",
        "classes",
        "window_half_size_px",
        "frames_before",
        "frames_after",
        "cell_diameter_px",
    ]
    names += ["event_duration_frames", "thresholds", "min_volumes", "members", "provenance", "origin", "learnt_from"]
    names += ["weights_sha256"]
    for family in (DexNetDescription, EpiNetDescription):
        kind = family.model_fields["kind"].default
        assert list(family(**LEAST).model_dump()) == names
        assert list(family(**LEAST).model_dump(include={"name", "kind", "members"})) == ["kind", "name", "members"]
        assert json.loads(family(**LEAST).model_dump_json())["kind"] == kind


def test_a_file_that_names_no_family_is_a_dexnets() -> None:
    assert parse_description(LEAST) == DexNetDescription(**LEAST)


@pytest.mark.parametrize("kind", ["cellnet", "", None, 5, ["epinet"]])
def test_an_unknown_family_is_refused(kind: object) -> None:
    with pytest.raises(ValueError, match="kind: Input should be 'dexnet' or 'epinet'"):
        parse_description(LEAST | {"kind": kind})


@pytest.mark.parametrize("entries", [None, [], "dexnet", 5])
def test_what_holds_no_entries_is_refused(entries: object) -> None:
    with pytest.raises(TypeError, match="instead of entries"):
        parse_description(entries)


@pytest.mark.parametrize("family", [DexNetDescription, EpiNetDescription])
def test_unknown_entries_are_refused(family: type[NetworkDescription]) -> None:
    with pytest.raises(ValidationError) as refused:
        family(**LEAST, maps=["border"])
    assert first_problem(refused.value) == "maps: Extra inputs are not permitted"


def test_each_family_says_what_its_networks_are() -> None:
    dexnet, epinet = DexNetDescription(**LEAST), EpiNetDescription(**LEAST, frames_before=12, frames_after=13)
    assert (dexnet.family, epinet.family) == ("dexnet", "epinet")
    assert dexnet.sees == "windows of 10 frames of 45 x 45 px"
    assert epinet.sees == "whole frames, 25 of them at once"
    assert (dexnet.task, dexnet.axes, dexnet.outputs) == ("events", "TYX", ("a",))
    assert dexnet.scale == {"T": 4.5, "Y": 25.0, "X": 25.0}
    for described in (dexnet, epinet, CELLS):
        # The axes are those of an image.
        Image(np.zeros((2,) * len(described.axes)), axes=described.axes)
        assert set(described.scale) <= set(described.axes)


def test_each_family_that_has_networks_has_descriptions() -> None:
    assert list(DESCRIPTIONS) == list(families())
    assert all(
        DESCRIPTIONS[kind].model_fields["kind"].default == kind == family.kind for kind, family in families().items()
    )


class TestAFamilyForSomethingElse:
    def test_its_networks_are_written_and_read_back(self, cell_network: Path) -> None:
        read = read_network(cell_network)
        assert isinstance(read.description, CellsDescription)
        assert read.description.model_copy(update={"weights_sha256": ()}) == CELLS
        assert [float(member["conv/kernel"][0, 0]) for member in read.weights] == [0, 1]
        assert read_description(cell_network) == read.description
        assert repr(read) == f"<Network cells: cellnet, predicts border, seeds, tissue, from {cell_network}>"

    def test_its_file_has_no_entries_of_events(self, cell_network: Path) -> None:
        entries = json.loads((cell_network / "network.json").read_text(encoding="utf-8"))
        assert entries["kind"] == "cellnet"
        assert not {"classes", "thresholds", "min_volumes", "frames_before", "event_duration_frames"} & set(entries)

    def test_its_file_is_checked(self, cell_network: Path) -> None:
        file = cell_network / "network.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"classes": ["nothing", "a"]}))
        with pytest.raises(WrongInputError, match="classes: Extra inputs are not permitted"):
            read_network(cell_network)

    def test_its_card_and_its_row_say_what_it_is(self, cell_network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert card(read_description(cell_network)) == (
            "# cells\n\nPredicts: border, seeds, tissue.\n\n\n\n- Input: tiles of 256 x 256 px.\n"
            "- Trained for cells of 30 px.\n- Averages 2 networks.\n"
        )
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(cell_network.parent))
        listed = CliRunner().invoke(app, ["networks", "list", "--json"]).stdout
        (one,) = (row for row in json.loads(listed)["networks"] if row["name"] == "cells")
        assert (one["kind"], one["maps"], one["problem"]) == ("cellnet", ["border", "seeds", "tissue"], "")
        table = CliRunner().invoke(app, ["networks", "list"], env={"COLUMNS": "200"}).stdout
        assert "border, seeds, tissue" in table
        assert (
            CliRunner()
            .invoke(app, ["networks", "show", "cells"])
            .stdout.startswith("# cells\n\nPredicts: border, seeds")
        )

    def test_it_is_refused_if_events_are_needed(self, cell_network: Path) -> None:
        sentence = (
            "the network cells predicts border, seeds, tissue, but one that finds events is needed: specify another."
        )
        for refuse in (
            lambda: event_network(read_network(cell_network)),
            lambda: epifiji.detect(np.zeros((8, 60, 60), np.uint8), cell_network),
            lambda: epifiji.export_network(cell_network, cell_network.parent / "cells.onnx"),
        ):
            with pytest.raises(WrongInputError) as refused:
                refuse()
            assert str(refused.value) == sentence
