"""The networks at hand: listing and showing them, and importing others from a zip or an address only."""

from __future__ import annotations

import hashlib
import http.server
import json
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from epifiji.bridge.cli.main import main
from epifiji.data.errors import WrongInputError
from epifiji.files.networks.store import read_network, user_folder, write_network
from epifiji.files.networks.zoo import import_network, listed
from epifiji.files.storage.downloads import is_address
from small_networks import small_epinet, small_network, spoil_entry


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own networks out of the tests."""
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def zipped(folder: Path, file: Path) -> str:
    """Zip a network's folder, and return the zip's SHA-256."""
    with zipfile.ZipFile(file, "w") as archive:
        for part in folder.iterdir():
            archive.write(part, f"{folder.name}/{part.name}")
    return hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.fixture
def network_zip(tmp_path: Path) -> tuple[Path, str]:
    folder = write_network(small_network(1, name="wing"), tmp_path / "wing")
    return tmp_path / "wing.zip", zipped(folder, tmp_path / "wing.zip")


class Served:
    """A web server on this machine: its answers by path, as bytes or as the address of a redirection."""

    def __init__(self) -> None:
        self.gives: dict[str, bytes | str] = {}
        self.asked: list[str] = []
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                served.asked.append(self.path)
                answer = served.gives.get(self.path.partition("?")[0])
                self.send_response(404 if answer is None else 302 if isinstance(answer, str) else 200)
                if isinstance(answer, str):
                    self.send_header("Location", answer)
                self.end_headers()
                if isinstance(answer, bytes):
                    try:
                        self.wfile.write(answer)
                    except ConnectionError:
                        served.asked.append("hung up")

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def served() -> Iterator[Served]:
    running = Served()
    with running.server:
        thread = threading.Thread(target=running.server.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.server.shutdown()
        thread.join()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["epifiji", "networks", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def kept() -> list[str]:
    return sorted(path.name for path in user_folder().iterdir()) if user_folder().exists() else []


class TestImportFromAnAddress:
    @pytest.mark.parametrize("path", ["/wing.zip", "/a/b/wing.zip?download=1", "/wing"])
    def test_a_zip_with_the_right_hash_becomes_a_network(self, served, network_zip, path):
        file, sha256 = network_zip
        served.gives[path.partition("?")[0]] = file.read_bytes()
        folder = import_network(served.address + path, sha256=sha256.upper())
        assert folder == user_folder() / "wing"
        network = read_network(folder)
        assert network.sha256 == read_network(file).sha256
        assert network.description.origin == f"{served.address}{path} (SHA-256 {sha256})"

    def test_a_file_address_is_read_too(self, network_zip):
        file, sha256 = network_zip
        assert import_network(file.as_uri(), "mine", sha256=sha256) == user_folder() / "mine"
        with pytest.raises(
            WrongInputError, match="names the machine elsewhere, but a file address leads to a file of this"
        ):
            import_network(f"file://elsewhere{file}", sha256=sha256)

    def test_without_a_hash_nothing_is_downloaded_and_the_message_says_how_to_get_one(self, served, network_zip):
        served.gives["/wing.zip"] = network_zip[0].read_bytes()
        with pytest.raises(
            WrongInputError, match=r"was given without its SHA-256.*sha256sum FILE.*specify it with --sha256\."
        ):
            import_network(f"{served.address}/wing.zip")
        with pytest.raises(WrongInputError, match="the SHA-256 is '123', but it has 64 digits"):
            import_network(f"{served.address}/wing.zip", sha256="123")
        assert served.asked == []

    def test_another_file_is_not_kept(self, served, network_zip):
        served.gives["/wing.zip"] = network_zip[0].read_bytes()
        with pytest.raises(WrongInputError) as caught:
            import_network(f"{served.address}/wing.zip", sha256="0" * 64)
        assert f"gave a file with SHA-256 {network_zip[1]}, but {'0' * 64} was expected" in str(caught.value)
        assert kept() == []

    def test_a_redirection_to_the_web_is_followed(self, served, network_zip):
        served.gives |= {"/old.zip": f"{served.address}/new.zip", "/new.zip": network_zip[0].read_bytes()}
        import_network(f"{served.address}/old.zip", sha256=network_zip[1])
        assert served.asked == ["/old.zip", "/new.zip"]
        assert kept() == ["wing"]

    @pytest.mark.parametrize("kind", ["file", "ftp", "data"])
    def test_a_redirection_to_a_local_file_or_anything_else_is_not(self, served, network_zip, kind):
        file, sha256 = network_zip
        served.gives["/wing.zip"] = {
            "file": file.as_uri(),
            "ftp": "ftp://127.0.0.1/wing.zip",
            "data": "data:application/zip;base64,UEsFBgAA",
        }[kind]
        with pytest.raises(WrongInputError, match=r"cannot be reached .*(which is not followed|not allowed)"):
            import_network(f"{served.address}/wing.zip", sha256=sha256)
        assert kept() == []

    def test_a_redirection_without_end_ends(self, served):
        served.gives["/wing.zip"] = f"{served.address}/wing.zip"
        with pytest.raises(WrongInputError, match="cannot be reached .*infinite loop"):
            import_network(f"{served.address}/wing.zip", sha256="0" * 64)

    def test_what_is_far_too_large_is_not_read_to_its_end(self, served):
        served.gives["/wing.zip"] = bytes(140_000_000)
        with pytest.raises(WrongInputError, match="gives more than 100000000 bytes, but a network has a few million"):
            import_network(f"{served.address}/wing.zip", sha256="0" * 64)
        assert kept() == []

    def test_an_address_without_an_answer_is_reported(self, served):
        for address, words in {
            f"{served.address}/gone.zip": "cannot be reached .404 Not Found.: check the address",
            "http://127.0.0.1:9/wing.zip": "cannot be reached .*refused",
            "ftp://127.0.0.1/wing.zip": "is an address of the kind ftp, but https, http and file are known",
            "http://127.0.0.1:port/wing.zip": "cannot be reached",
            "file:///nowhere/wing.zip": "cannot be reached .*No such file",
        }.items():
            with pytest.raises(WrongInputError, match=words):
                import_network(address, sha256="0" * 64)

    def test_what_is_no_network_is_refused_whatever_its_hash(self, served):
        served.gives["/wing.zip"] = b"mine"
        with pytest.raises(
            WrongInputError, match=r"wing\.zip is not a network: specify a network's folder or a zip of it"
        ):
            import_network(f"{served.address}/wing.zip", sha256=hashlib.sha256(b"mine").hexdigest())

    def test_a_network_of_that_name_is_not_replaced_without_permission(self, served, network_zip):
        file, sha256 = network_zip
        served.gives["/wing.zip"] = file.read_bytes()
        import_network(f"{served.address}/wing.zip", sha256=sha256)
        with pytest.raises(WrongInputError, match="wing exists: choose another name, or --overwrite"):
            import_network(f"{served.address}/wing.zip", sha256=sha256)
        import_network(f"{served.address}/wing.zip", overwrite=True, sha256=sha256)

    @pytest.mark.parametrize("path", ["C:\\networks\\wing.zip", "C:/wing.zip", "wing.zip", "/a/b", "a:b", "http"])
    def test_a_path_is_no_address(self, path):
        assert not is_address(path)


class TestImportFromAFile:
    def test_a_hash_is_checked_where_one_is_given(self, network_zip):
        file, sha256 = network_zip
        assert read_network(import_network(file, sha256=sha256)).description.origin == str(file)
        with pytest.raises(WrongInputError, match=f"has the SHA-256 {sha256}, but {'1' * 64} was expected"):
            import_network(file, "other", sha256="1" * 64)
        with pytest.raises(WrongInputError, match="is a folder, but a SHA-256 is that of a zip"):
            import_network(file.parent / "wing", "other", sha256=sha256)
        assert kept() == ["wing"]

    def test_a_network_keeps_its_own_card(self, tmp_path):
        folder = write_network(
            small_epinet(1, name="learnt"), tmp_path / "learnt", text="# Learnt\n\nFrom my movies.\n"
        )
        zipped(folder, tmp_path / "learnt.zip")
        for number, source in enumerate((folder, tmp_path / "learnt.zip")):
            imported = import_network(source, f"copy{number}")
            assert (imported / "card.md").read_text(encoding="utf-8") == "# Learnt\n\nFrom my movies.\n"


class TestTheList:
    def test_it_has_kind_events_scale_and_origin_of_each(self, tmp_path, monkeypatch, capsys, network_zip):
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(tmp_path / "named"))
        write_network(small_epinet(1, name="epi", cell_diameter_px=31.5), tmp_path / "named" / "epi")
        import_network(network_zip[0])
        assert run(monkeypatch, "list") == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert ["name", "task", "kind", "finds", "cells", "(px)", "events", "(frames)", "from"] in rows
        events = ["cell_death,", "cell_sop,", "cell_division"]
        assert ["epi", "events", "epinet", *events, "31.5", "4.5", str(tmp_path / "named" / "epi")] in rows
        assert ["wing", "events", "dexnet", *events, "25", "4.5", str(network_zip[0])] in rows
        (shipped,) = (row for row in rows if row[:3] == ["epinet", "events", "epinet"])
        assert shipped[-3:] == ["comes", "with", "EpiFiji"]

    def test_the_authors_networks_are_listed_without_reading_their_weights(self, shared_data, monkeypatch):
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(shared_data / "dexnets"))
        found = {one.name: one.description for one in listed()}
        assert (found["notum_all"].members, found["notum_all"].cell_diameter_px) == (2, 25)
        assert found["notum_ExtSOP"].events == ("cell_death", "cell_sop")

    def test_a_broken_network_is_listed_with_its_reason(self, tmp_path, monkeypatch, capsys):
        named = tmp_path / "named"
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(named))
        for name in ("cut", "good", "other"):
            write_network(small_network(1, name=name), named / name)
        (named / "cut" / "network.json").write_text("{")
        (named / "other" / "weights_0.npz").write_bytes(b"another file")
        with zipfile.ZipFile(named / "holiday.zip", "w") as archive:
            archive.writestr("beach.txt", "sun")
        (named / "dex").mkdir()
        (named / "dex" / "config.cfg").write_text("nb_events_category = 4\n")
        (named / "flat").mkdir()
        (named / "flat" / "config.cfg").write_text(
            "events_category_names = ['', '_cell_death.zip']\nwindow_half_size = (22, 22)\nnb_temporal_frames = (5, 5)\n"
            "cell_diameter = 0\nextrusion_duration = 4.5\n"
        )
        for name in ("torn", "flipped"):
            with zipfile.ZipFile(named / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                archive.write(named / "good" / "network.json", "network.json")
        torn = named / "torn.zip"
        torn.write_bytes(torn.read_bytes().replace(b"PK\x01\x02", b"PK\x09\x09"))
        spoil_entry(named / "flipped.zip", "network.json")
        assert run(monkeypatch, "list") == 0
        printed = capsys.readouterr()
        assert sum(" broken " in line for line in printed.out.splitlines()) == 7
        assert any(line.split()[:3] == ["good", "events", "dexnet"] for line in printed.out.splitlines())
        told = {line.split(" ")[0]: line for line in printed.err.splitlines()}
        assert set(told) == {"cut", "dex", "flat", "flipped", "holiday", "other", "torn"}
        assert "network.json cannot be read" in told["cut"]
        assert "weights_0.npz is not the file that network.json describes" in told["other"]
        assert "contains no network" in told["holiday"]
        assert run(monkeypatch, "list", "--json") == 0
        answer = {one["name"]: one for one in json.loads(capsys.readouterr().out)["networks"]}
        assert (answer["good"]["kind"], answer["good"]["problem"]) == ("dexnet", "")
        assert "network.json cannot be read" in answer["cut"]["problem"]

    def test_an_untrusted_text_cannot_control_the_terminal(self, tmp_path, monkeypatch, capsys):
        monkeypatch.setenv("EPIFIJI_NETWORKS", str(tmp_path / "named"))
        write_network(
            small_network(1, origin="\x1b[32mthe web"),
            tmp_path / "named" / "red",
            text="# Red\x1b[2J\x07\nLine two.\n",
        )
        file = write_network(small_network(1), tmp_path / "named" / "blue") / "network.json"
        file.write_text(file.read_text().replace("cell_death", r"\u001b[31mcell_death"))
        assert run(monkeypatch, "list") == 0
        assert run(monkeypatch, "show", "red") == 0
        assert run(monkeypatch, "show", "blue") == 2
        printed = capsys.readouterr()
        assert "\x1b" not in printed.out + printed.err
        assert "[32mthe web" in printed.out
        assert "[31mcell_death" in printed.err
        assert "# Red[2J\nLine two.\n" in printed.out


class TestTheCommands:
    def test_show_prints_the_card_and_where_it_came_from(self, monkeypatch, capsys, network_zip):
        file, sha256 = network_zip
        assert run(monkeypatch, "import", file.as_uri(), "--sha256", sha256) == 0
        assert capsys.readouterr().out == f"imported: {user_folder() / 'wing'}\n"
        assert run(monkeypatch, "show", "wing") == 0
        shown = capsys.readouterr().out
        assert shown.startswith((user_folder() / "wing" / "card.md").read_text(encoding="utf-8").rstrip())
        assert f"- Imported from {file.as_uri()} (SHA-256 {sha256})\n" in shown
        assert f"- SHA-256 of its weights: {read_network(file).sha256}\n" in shown

    def test_an_address_without_a_hash_ends_with_exit_code_2(self, monkeypatch, capsys, network_zip):
        assert run(monkeypatch, "import", network_zip[0].as_uri()) == 2
        printed = capsys.readouterr()
        assert printed.err.count("\n") == 1
        assert "was given without its SHA-256" in printed.err
        assert kept() == []
