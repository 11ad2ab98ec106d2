"""The default network: EpiNet, unless another is specified or chosen; origins and removal of networks."""

from __future__ import annotations

import codecs
import json
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from command_line import run
from epifiji.bridge.doctor import diagnose
from epifiji.bridge.fiji.requests.answer import answer
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.progress import silent
from epifiji.files.networks.store import find_network, read_description, read_network, user_folder, write_network
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.networks import import_network
from small_networks import small_epinet, small_network


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with one imported network, and a folder EPIFIJI_NETWORKS with another."""
    for name in ("DATA", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(tmp_path / "named"))
    write_network(small_network(1, seed=3, name="mine"), tmp_path / "named" / "Aaa")
    import_network(tmp_path / "named" / "Aaa", "mine")
    return tmp_path


def names_in_dialogs() -> list[str]:
    networks: list[str] = json.loads(answer("describe", "{}", [], lambda *_: None))["result"]["networks"]
    return networks


class TestTheDefault:
    def test_it_is_epinet_until_another_is_chosen_and_again_after_a_reset(self, monkeypatch, capsys):
        assert find_network().name == "epinet"
        assert names_in_dialogs() == ["epinet", "mine", "Aaa"]
        for chosen in ("Aaa", "mine"):
            code, said, _ = run(["networks", "default", chosen], monkeypatch, capsys)
            assert (code, said.split(" (")[0]) == (0, f"default: {chosen}")
            assert find_network().name == chosen
            assert names_in_dialogs()[0] == chosen
            assert sorted(names_in_dialogs()) == ["Aaa", "epinet", "mine"]
            code, said, _ = run(["networks", "list", "--json"], monkeypatch, capsys)
            assert json.loads(said)["default"] == chosen
        run(["networks", "default", "--reset"], monkeypatch, capsys)
        assert find_network().name == "epinet"

    def test_epinet_by_its_name_is_the_reset(self, monkeypatch, capsys):
        run(["networks", "default", "mine"], monkeypatch, capsys)
        run(["networks", "default", "epinet"], monkeypatch, capsys)
        _, said, _ = run(["networks", "default", "--json"], monkeypatch, capsys)
        assert json.loads(said) == {"default": "epinet", "path": str(find_network())}

    def test_a_folder_of_networks_takes_no_name_away(self, home):
        write_network(small_network(1, seed=9), home / "named" / "epinet")
        write_network(small_network(1, seed=9), home / "named" / "mine")
        assert find_network() == find_network("epinet") != home / "named" / "epinet"
        assert find_network("mine") == user_folder() / "mine"

    def test_what_has_no_name_is_no_default(self, monkeypatch, capsys, home):
        for wrong in ("nobody", str(home / "named" / "Aaa")):
            code, _, said = run(["networks", "default", wrong], monkeypatch, capsys)
            assert code == 2
            assert "the names are epinet, mine, Aaa" in said

    def test_a_network_for_cells_is_no_default_and_is_offered_for_cells_alone(self, monkeypatch, capsys):
        code, _, said = run(["networks", "default", "epicells"], monkeypatch, capsys)
        assert code == 2
        assert "epicells segments cells, but the default is a network that finds events" in said
        described = json.loads(answer("describe", "{}", [], silent))["result"]
        assert described["cell_networks"] == ["epicells"]
        assert described["networks"] == ["epinet", "mine", "Aaa"]
        _, said, _ = run(["networks", "list", "--json"], monkeypatch, capsys)
        tasks = {one["name"]: one["task"] for one in json.loads(said)["networks"]}
        assert tasks == {
            "epicells": "cells",
            "epicysts": "volumes",
            "epinet": "events",
            "mine": "events",
            "Aaa": "events",
        }

    @pytest.mark.parametrize(
        "arguments",
        [
            ["detect", "m.tif", "--network", "epicells"],
            ["evaluate", "epicells", "annotated"],
            ["train", "annotated", "--network", "epicells"],
            ["demo", "--network", "epicells"],
        ],
    )
    def test_a_network_for_cells_finds_no_events(self, monkeypatch, capsys, arguments, movie_file, tmp_path):
        (tmp_path / "annotated").mkdir()
        write_rois(tmp_path / "annotated" / f"{movie_file.stem}_cell_death.zip", [Event("cell_death", 5, 30, 30)])
        shutil.copy(movie_file, tmp_path / "annotated")
        places = {"m.tif": str(movie_file), "annotated": str(tmp_path / "annotated")}
        code, _, said = run([places.get(one, one) for one in arguments], monkeypatch, capsys)
        assert code == 2
        assert said.startswith("epifiji: ")
        assert "epicells" in said

    def test_a_missing_default_is_reported_and_not_replaced_silently(self, monkeypatch, capsys, home):
        run(["networks", "default", "Aaa"], monkeypatch, capsys)
        shutil.rmtree(home / "named" / "Aaa")
        with pytest.raises(WrongInputError, match="the default network 'Aaa' is not known any more: choose another"):
            find_network()
        assert any("'Aaa' is not known any more" in finding.what for finding in diagnose(inside=True))
        run(["networks", "default", "--reset"], monkeypatch, capsys)
        assert find_network().name == "epinet"

    @pytest.mark.parametrize(
        "text", ["", "[]", '{"default_network": 3}', "[" * 9000, "\\xff", "{" + " " * 20_000 + "}"]
    )
    def test_a_broken_choice_is_reported(self, home, text):
        (home / "config" / "epifiji").mkdir(parents=True)
        (home / "config" / "epifiji" / "networks.json").write_text(text)
        with pytest.raises(WrongInputError, match="networks.json"):
            find_network()
        assert names_in_dialogs() == ["epinet", "mine", "Aaa"]

    def test_every_answer_names_the_network(self, monkeypatch, capsys, home, movie_file):
        quick = ["--threshold", "254"]
        for number, chosen in enumerate((None, "mine")):
            if chosen:
                run(["networks", "default", chosen], monkeypatch, capsys)
            out = home / f"out{number}"
            code, said, error = run(["detect", str(movie_file), "--out", str(out), *quick], monkeypatch, capsys)
            assert code == 0, error
            name = chosen or "epinet"
            assert f"network: {name}" in said.splitlines()
            (record,) = out.rglob("run.json")
            assert json.loads(record.read_text())["network"]["name"] == name
            code, said, _ = run(
                ["detect", str(movie_file), "--out", str(out), "--overwrite", "--json", *quick], monkeypatch, capsys
            )
            (told,) = json.loads(said)["results"]
            assert (told["network"]["name"], told["network"]["source"]) == (name, str(find_network()))


class TestTheNamedFolder:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda place: None, "which does not exist"),
            (lambda place: place.mkdir(), "which contains no network"),
            (lambda place: place.write_text("x"), "which is a file"),
            (lambda place: write_network(small_network(1), place), "which is a network itself"),
        ],
    )  # fmt: skip
    def test_a_folder_without_networks_is_reported(self, home, monkeypatch, capsys, make, words):
        make(home / "other")
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(home / "other"))
        assert find_network().name == "epinet"
        (finding,) = [one for one in diagnose(inside=True) if one.name == "networks"]
        assert finding.state == "warning"
        for said in (finding.what, run(["networks", "list"], monkeypatch, capsys)[2]):
            assert f"EPIFIJI_NETWORKS names {home / 'other'}, {words}" in said.replace("\n", " ")
        with pytest.raises(WrongInputError, match=f"there is no network 'Aaa'.*EPIFIJI_NETWORKS names .*{words}"):
            find_network("Aaa")

    def test_two_networks_of_one_name_are_reported(self, home, monkeypatch, capsys):
        write_network(small_network(1, seed=9), home / "named" / "mine")
        (finding,) = [one for one in diagnose(inside=True) if one.name == "networks"]
        assert finding.state == "warning"
        assert str(home / "named" / "mine") in finding.what
        assert f"{home / 'named' / 'mine'} cannot be used by name" in run(["networks", "list"], monkeypatch, capsys)[2]


class TestRemoving:
    def test_an_imported_one_is_removed_with_all_its_files(self, monkeypatch, capsys):
        run(["networks", "default", "mine"], monkeypatch, capsys)
        code, said, _ = run(["networks", "remove", "mine", "--yes"], monkeypatch, capsys)
        assert code == 0
        assert said.splitlines() == [
            f"removed: {user_folder() / 'mine'}",
            "It was the default network, which is EpiNet again.",
        ]
        assert list(user_folder().iterdir()) == []
        assert find_network().name == "epinet"
        with pytest.raises(WrongInputError, match="no network 'mine'"):
            find_network("mine")

    def test_nothing_is_removed_without_permission(self, monkeypatch, capsys):
        code, _, said = run(["networks", "remove", "mine"], monkeypatch, capsys)
        assert code == 2
        assert "give --yes to delete it" in said
        assert find_network("mine").is_dir()

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("epinet", "comes with EpiFiji and is not removed"),
            ("Aaa", "the folder EPIFIJI_NETWORKS"),
            ("nobody", "there is no network 'nobody': the names are epicells, epicysts, epinet, mine, Aaa"),
            ("../named", "there is no network '../named'"),
        ],
    )
    def test_files_of_others_stay(self, home, monkeypatch, capsys, name, words):
        before = sorted(home.rglob("*"))
        code, _, said = run(["networks", "remove", name, "--yes"], monkeypatch, capsys)
        assert code == 2
        assert words in said
        assert sorted(home.rglob("*")) == before

    def test_a_file_that_cannot_be_moved_leaves_all_of_it(self, monkeypatch, capsys):
        rename = Path.rename

        def locked(path: Path, target: Path) -> Path:
            if path == user_folder() / "mine":
                raise PermissionError(13, "Permission denied", str(path))
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", locked)
        monkeypatch.setattr("os.rename", lambda a, b: locked(Path(a), Path(b)))
        monkeypatch.setattr("os.replace", lambda a, b: locked(Path(a), Path(b)))
        monkeypatch.setattr(Path, "replace", locked)
        code, _, _ = run(["networks", "remove", "mine", "--yes"], monkeypatch, capsys)
        assert code != 0
        assert read_network(find_network("mine")).description.name == "mine"


class TestImporting:
    def refused(self, source: Path) -> str:
        with pytest.raises(WrongInputError) as caught:
            import_network(source, "new")
        assert not (user_folder() / "new").exists()
        return str(caught.value)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    @pytest.mark.parametrize("kind", ["dexnet", "epinet"])
    def test_weights_that_are_no_numbers(self, home, value, kind):
        network = small_network(1) if kind == "dexnet" else small_epinet()
        key = sorted(network.weights[0])[0]
        network.weights[0][key].flat[0] = value
        assert f"{key} does not consist of finite 32-bit numbers" in self.refused(write_network(network, home / "bad"))

    def test_no_weights_at_all(self, home):
        network = small_network(1)
        network.weights[0].clear()
        assert "is missing" in self.refused(write_network(network, home / "bad"))

    @pytest.mark.parametrize("count", [101, 1_000_000])
    def test_more_classes_than_anybody_has(self, home, count):
        folder = write_network(small_network(1), home / "bad")
        file = folder / "network.json"
        classes = ["nothing", *(f"c{number}" for number in range(count))]
        file.write_text(json.dumps(json.loads(file.read_text()) | {"classes": classes}))
        assert "bytes" in self.refused(folder) if count > 101 else "at most 100 items" in self.refused(folder)

    def test_a_description_of_a_gigabyte_is_not_read(self, home):
        folder = write_network(small_network(1), home / "bad")
        with (folder / "network.json").open("r+b") as file:
            file.truncate(1_000_000_000)
        assert "network.json has more than 1000000 bytes" in self.refused(folder)

    @pytest.mark.parametrize(
        "name", ["model.keras", "model.h5", "model.pth", "weights.pkl", "model.onnx", "MODEL.KERAS"]
    )
    @pytest.mark.parametrize("content", ["zip", "pickle"])
    def test_models_of_other_programs_are_refused_by_their_kind_and_not_loaded(self, home, name, content):
        file, ran = home / name, home / "ran"

        class Hostile:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (ran,)

        if content == "zip":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("config.json", '{"module": "builtins", "class_name": "exec"}')
                archive.writestr("model.weights.h5", pickle.dumps(Hostile()))
        else:
            file.write_bytes(pickle.dumps(Hostile()))
        # Files of Keras may be networks of EPySeg, whose arrays alone are read.
        said = {
            ("keras", "zip"): "it does not end in a sigmoid",
            ("keras", "pickle"): "cannot be read as a zip",
            ("h5", "zip"): "is not an HDF5 file",
            ("h5", "pickle"): "is not an HDF5 file",
        }.get(
            (name.lower().rpartition(".")[2], content),
            "which EpiFiji does not read, because such a file may contain code",
        )
        assert said in self.refused(file)
        with pytest.raises(WrongInputError):
            read_network(find_network(file))
        assert not ran.exists()

    @pytest.mark.parametrize("name", ["CON", "nul.txt", "a.", "-x", ".a", "a" * 101, "a b", "a/b", "..", "\x1b[31m"])
    def test_a_name_that_is_no_folder_on_some_system_or_no_argument(self, home, name):
        folder = write_network(small_epinet(), home / "any")
        with pytest.raises(WrongInputError, match="cannot name a network"):
            import_network(folder, name)
        assert [path.name for path in user_folder().glob("[!.]*")] == ["mine"]

    def test_a_name_that_differs_from_another_only_in_case(self, home):
        folder = write_network(small_epinet(), home / "any")
        with pytest.raises(WrongInputError, match="there is a network 'mine' already"):
            import_network(folder, "MINE", overwrite=True)
        assert [path.name for path in user_folder().glob("[!.]*")] == ["mine"]

    def test_a_saved_model_of_tensorflow(self, home):
        folder = home / "saved"
        (folder / "variables").mkdir(parents=True)
        for name in ("saved_model.pb", "variables/variables.index"):
            (folder / name).write_bytes(b"")
        assert "has no variables/variables.data-00000-of-00001" in self.refused(folder)

    def test_a_description_that_an_editor_saved_with_a_byte_order_mark(self, home):
        folder = write_network(small_epinet(), home / "edited")
        text = (folder / "network.json").read_bytes()
        (folder / "network.json").write_bytes(codecs.BOM_UTF8 + text.replace(b"\n", b"\r\n"))
        assert import_network(folder, "edited") == user_folder() / "edited"

    def test_a_device_or_folder_in_place_of_a_file(self, home):
        folder = write_network(small_network(1), home / "bad")
        (folder / "weights_0.npz").unlink()
        (folder / "weights_0.npz").symlink_to("/dev/zero")
        assert "weights_0.npz is not a file" in self.refused(folder)

    def test_a_package_of_bioimage_io(self, home):
        with zipfile.ZipFile(home / "p.zip", "w") as archive:
            archive.writestr("bioimageio.yaml", "type: model\n")
        assert "is a package of bioimage.io, which EpiFiji writes but does not read" in self.refused(home / "p.zip")

    def test_epinets_name_is_not_taken(self, home):
        with pytest.raises(WrongInputError, match="is the name of the network that comes with EpiFiji"):
            import_network(home / "named" / "Aaa", "EpiNet")


class TestFoldersOfNetworks:
    @pytest.fixture
    def authors(self, shared_data: Path, home: Path) -> Path:
        for file in (shared_data / "dexnets").glob("*.zip"):
            with zipfile.ZipFile(file) as archive:
                archive.extractall(home / "authors")
        return home / "authors"

    def test_an_ensemble_has_nothing_but_its_members(self, authors):
        assert read_description(authors / "notum_all").members == 2
        (authors / "notum_all" / ".hidden").mkdir()
        (authors / "notum_all" / "__MACOSX").mkdir()
        assert read_description(authors / "notum_all").members == 2
        (authors / "notum_all" / "older" / "one").mkdir(parents=True)
        with pytest.raises(
            WrongInputError, match=r"contains some \(notumAll0, notumAll1\) next to or inside other folders \(older\)"
        ):
            import_network(authors / "notum_all", "new")

    def test_several_networks_are_not_averaged_and_the_message_says_how_to_import_each(self, authors):
        with pytest.raises(WrongInputError) as caught:
            import_network(authors, "new")
        assert f"import each network by itself, as in 'epifiji networks import {authors / 'notum_ExtSOP'}" in str(
            caught.value
        )
        mixed = authors.parent / "mixed"
        for name in ("notum_all/notumAll0", "notum_ExtSOP/notum_ExtSOP1"):
            shutil.copytree(authors / name, mixed / Path(name).name)
        with pytest.raises(
            WrongInputError, match=r"differ in their classes.* as in 'epifiji networks import .*mixed/notumAll0'"
        ):
            import_network(mixed, "new")

    def test_networks_deeper_inside_are_listed_too(self, home):
        write_network(small_network(1), home / "lab" / "2024" / "good")
        write_network(small_network(1), home / "lab" / "2025" / "better")
        with pytest.raises(
            WrongInputError, match=r"is not a network but contains some \(2024/good, 2025/better\): import each"
        ):
            import_network(home / "lab", "new")
        with zipfile.ZipFile(home / "lab.zip", "w") as archive:
            for file in (home / "lab").rglob("*.*"):
                archive.write(file, file.relative_to(home))
        with pytest.raises(WrongInputError, match="unpack the zip and import each network by itself"):
            import_network(home / "lab.zip", "new")

    def test_the_authors_are_named_only_for_their_own_weights(self, authors, home, shared_data):
        theirs = "Trained by the authors of DeXtrusion"
        for source in (
            shared_data / "dexnets" / "notum_all.zip",
            authors / "notum_all",
            authors / "notum_ExtSOP" / "notum_ExtSOP1",
        ):
            assert read_description(source).provenance.startswith(theirs)
            assert read_network(source).description.provenance.startswith(theirs)
        imported = import_network(authors / "notum_all", "new")
        assert read_description(imported).provenance.startswith(theirs)
        # A stranger's: other weights behind the authors' name and classes.
        stranger = shutil.copytree(authors / "notum_ExtSOP", home / "notum_all")
        for member, other in zip(sorted(stranger.iterdir()), sorted((authors / "notum_all").iterdir()), strict=True):
            shutil.rmtree(member / "variables")
            shutil.copytree(other / "variables", member / "variables")
        assert "it is unknown who trained it" in read_description(stranger).provenance
        network = read_network(imported)
        network.weights[0]["dense_2/bias"][0] += 1
        again = write_network(network, home / "again")
        assert read_description(again).provenance == read_network(again).description.provenance
        assert "it is unknown who trained it" in read_description(again).provenance
