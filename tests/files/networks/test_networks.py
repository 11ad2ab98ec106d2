"""Networks as files: the project's form, the authors', names, and untrusted files."""

from __future__ import annotations

import hashlib
import http.server
import json
import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.files.networks import zoo
from epifiji.files.networks.store import (
    SHIPPED,
    available,
    find_network,
    own_card,
    read_description,
    read_network,
    shipped_network,
    user_folder,
    weights_sha256,
    write_network,
)
from epifiji.files.networks.zoo import fetch_network, import_network
from small_networks import small_network, spoil_entry

INCLUDED = ["epicells", "epicysts", "epinet"]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own networks out of the tests."""
    monkeypatch.delenv("EPIFIJI_NETWORKS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_a_written_network_is_read_back_the_same(tmp_path: Path) -> None:
    network = small_network(2)
    folder = write_network(network, tmp_path / "small")
    back = read_network(folder)
    assert back.sha256 == weights_sha256(*network.weights)
    for ours, theirs in zip(back.weights, network.weights, strict=True):
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[key], theirs[key]) for key in ours)
    assert back.description.classes == network.description.classes
    assert "Finds: cell_death, cell_sop, cell_division." in (folder / "card.md").read_text()
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("home")) == ["small"]


def test_a_zip_of_a_network_is_the_network(tmp_path: Path) -> None:
    folder = write_network(small_network(1), tmp_path / "small")
    file = tmp_path / "small.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for part in folder.iterdir():
            archive.write(part, f"outer/small/{part.name}")
    assert read_network(file).sha256 == read_network(folder).sha256


def test_nothing_is_overwritten_without_permission(tmp_path: Path) -> None:
    write_network(small_network(1), tmp_path / "small")
    with pytest.raises(WrongInputError, match="small exists: choose another name, or --overwrite"):
        write_network(small_network(1, seed=1), tmp_path / "small")
    write_network(small_network(1, seed=1), tmp_path / "small", overwrite=True)
    assert read_network(tmp_path / "small").sha256 == weights_sha256(*small_network(1, seed=1).weights)


@pytest.mark.parametrize("problem", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("failing", ["old", "new"])
def test_an_interrupt_while_a_network_is_replaced_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: type[BaseException], failing: str
) -> None:
    folder = write_network(small_network(1), tmp_path / "networks" / "small")
    rename = Path.rename

    def interrupted(path: Path, target: Path) -> Path:
        if path == folder if failing == "old" else target == folder and "new" in path.parts:
            raise problem
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(problem):
        write_network(small_network(1, seed=1), folder, overwrite=True)
    assert read_network(folder).sha256 == weights_sha256(*small_network(1).weights)
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("kind", ["link", "file"])
def test_what_is_no_folder_is_not_replaced(tmp_path: Path, kind: str) -> None:
    place, elsewhere = tmp_path / "small", write_network(small_network(1), tmp_path / "elsewhere")
    place.symlink_to(elsewhere) if kind == "link" else place.write_text("mine")
    with pytest.raises(WrongInputError, match=f"small is a {kind}, but only a network's folder is replaced"):
        write_network(small_network(1, seed=1), place, overwrite=True)
    assert read_network(elsewhere).sha256 == weights_sha256(*small_network(1).weights)


@pytest.mark.parametrize("denied", ["named", "named/closed", "named/closed/network.json"])
def test_a_folder_that_may_not_be_read_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    named = tmp_path / "named"
    for name in ("closed", "open"):
        write_network(small_network(1), named / name)
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(named))
    listed, looked_at = Path.iterdir, Path.stat

    def iterdir(path: Path) -> Iterator[Path]:
        if path == tmp_path / denied:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    def stat_of(path: Path, **how: bool) -> object:
        # Files in a closed folder cannot be accessed either.
        if path in (tmp_path / denied, tmp_path / denied / "network.json") and denied != "named":
            raise PermissionError(13, "Permission denied", str(path))
        return looked_at(path, **how)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    monkeypatch.setattr(Path, "stat", stat_of)
    assert [name for name, _ in available()] == [*INCLUDED, *([] if denied == "named" else ["open"])]


def test_networks_are_found_by_name_and_the_named_folder_adds_names_but_changes_no_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dict(available())[SHIPPED] == shipped_network()
    assert [name for name, _ in available()] == INCLUDED
    assert find_network() == shipped_network()
    write_network(small_network(1), tmp_path / "named" / "beta")
    write_network(small_network(1), tmp_path / "named" / "Alpha")
    imported = import_network(tmp_path / "named" / "beta", "gamma")
    assert imported == user_folder() / "gamma"
    assert [name for name, _ in available()] == [*INCLUDED, "gamma"]
    monkeypatch.setenv("EPIFIJI_NETWORKS", str(tmp_path / "named"))
    assert [name for name, _ in available()] == [*INCLUDED, "gamma", "Alpha", "beta"]
    assert find_network() == shipped_network()
    assert find_network("Alpha") == tmp_path / "named" / "Alpha"
    assert find_network("gamma") == imported
    with pytest.raises(
        WrongInputError, match="no network 'delta'.*a known name .epicells, epicysts, epinet, gamma, Alpha, beta."
    ):
        find_network("delta")


@pytest.mark.parametrize("name", ["../away", ".hidden", "a b", "", "a/b"])
def test_names_that_are_no_names_are_refused(tmp_path: Path, name: str) -> None:
    folder = write_network(small_network(1, name="x y"), tmp_path / "small")
    with pytest.raises(WrongInputError, match="cannot name a network"):
        import_network(folder, name)


def _spoil_json(folder: Path, **changes: object) -> None:
    file = folder / "network.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


SPOILED = [
    (
        {"classes": ["cell_death", "cell_sop", "cell_division", "nothing"]},
        "the first class is 'cell_death' instead of 'nothing'",
    ),
    ({"classes": ["nothing", "a", "b", "a"]}, "the class 'a' comes twice"),
    ({"classes": ["nothing", "a", "b", "nothing"]}, "the class 'nothing' comes twice"),
    *(
        ({"classes": ["nothing", "a", "b", name]}, f"the class {name!r} has the character {name[1]!r}")
        for name in ("a/b", "a\\b", "a:b", "a\nb", "a\x1bb", "a\u202eb")
    ),
    *(({"classes": ["nothing", "a", "b", name]}, f"a class is called {name!r}") for name in ("", ".", "..")),
    ({"thresholds": {"cell_death": 256}}, "thresholds.cell_death: Input should be less than or equal to 255"),
    ({"min_volumes": {"cell_death": -1}}, "min_volumes.cell_death: Input should be greater than or equal to 0"),
]


def test_spoiled_folders_are_refused_with_their_reason(tmp_path: Path) -> None:
    def fresh(number: int) -> Path:
        return write_network(small_network(1), tmp_path / f"n{number}")

    folder = fresh(0)
    (folder / "network.json").write_text("{")
    with pytest.raises(WrongInputError, match="network.json cannot be read"):
        read_network(folder)
    folder = fresh(1)
    _spoil_json(folder, format=2)
    with pytest.raises(WrongInputError, match="format: Input should be less than or equal to 1"):
        read_network(folder)
    folder = fresh(2)
    _spoil_json(folder, code="import os")
    with pytest.raises(WrongInputError, match="code: Extra inputs are not permitted"):
        read_network(folder)
    folder = fresh(3)
    (folder / "weights_0.npz").unlink()
    with pytest.raises(WrongInputError, match="weights_0.npz cannot be read"):
        read_network(folder)
    folder = fresh(4)
    np.savez(folder / "weights_0.npz", **small_network(1, seed=9).weights[0])
    with pytest.raises(WrongInputError, match="is not the file that network.json describes"):
        read_network(folder)
    for number, (spoiled, words) in enumerate(SPOILED, start=5):
        folder = fresh(number)
        _spoil_json(folder, **spoiled)
        with pytest.raises(WrongInputError) as caught:
            read_network(folder)
        assert words in str(caught.value)
        assert str(caught.value).isprintable()
    folder = fresh(5 + len(SPOILED))
    (folder / "network.json").write_text("[" * 100_000)
    with pytest.raises(WrongInputError, match="network.json cannot be read"):
        read_network(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(WrongInputError, match="contains no network: specify a folder with network.json"):
        read_network(empty)


def test_pickled_weights_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return (Path.touch, (tmp_path / "executed",))

    folder = write_network(small_network(1), tmp_path / "small")
    np.savez(folder / "weights_0.npz", **{"conv_0/kernel": np.array([Trap()], object)})
    _spoil_json(folder, weights_sha256=[])
    with pytest.raises(WrongInputError, match="weights_0.npz cannot be read"):
        read_network(folder)
    assert not (tmp_path / "executed").exists()


def test_changed_bytes_in_the_weights_are_refused(tmp_path: Path) -> None:
    folder = write_network(small_network(1), tmp_path / "small")
    spoil_entry(folder / "weights_0.npz", "dense_0/kernel.npy")
    _spoil_json(folder, weights_sha256=[])
    with pytest.raises(WrongInputError, match="weights_0.npz cannot be read .* invalid block type.: import"):
        read_network(folder)


@pytest.mark.parametrize("name", ["net/network.json", "net/config.cfg"])
def test_zips_with_changed_bytes_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "net.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, 100 * "any text ")
    whole = file.read_bytes()
    spoil_entry(file, name)
    directory = tmp_path / "directory.zip"
    directory.write_bytes(whole.replace(b"PK\x01\x02", b"PK\x09\x09"))
    assert zipfile.is_zipfile(directory)
    for broken, words in ((file, "invalid block type"), (directory, "Bad magic number")):
        for read in (read_network, read_description, own_card):
            if read is not own_card or name.endswith(".json"):
                with pytest.raises(WrongInputError, match=f"cannot be read as a zip .*{words}.*: download it again"):
                    read(broken)


@pytest.mark.parametrize(
    "name", ["../evil/config.cfg", "/evil/config.cfg", "a/../../config.cfg", "C:\\evil\\config.cfg", "..\\config.cfg"]
)
def test_zip_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "evil.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), "nb_events_category = 4")
    with pytest.raises(WrongInputError, match="leads outside the folder it is unpacked to"):
        read_network(file)


def test_zip_links_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "link.zip"
    entry = zipfile.ZipInfo("net/config.cfg")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(WrongInputError, match="leads outside the folder"):
        read_network(file)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("net/config.cfg", "w") as entry:
        for _ in range(201):
            entry.write(bytes(1_000_000))
    with pytest.raises(WrongInputError, match="one of 201000000 bytes, but at most"):
        read_network(file)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on this machine that serves the files of a folder."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def __init__(self, *arguments: object, **options: object) -> None:
            super().__init__(*arguments, directory=str(folder), **options)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}", folder
        running.shutdown()
        thread.join()


def test_a_fetched_network_is_checked_and_imported(server: tuple[str, Path], shared_data: Path) -> None:
    address, folder = server
    data = (shared_data / "dexnets" / "notum_ExtSOP.zip").read_bytes()
    (folder / "notum_ExtSOP.zip").write_bytes(data)
    with pytest.raises(WrongInputError) as caught:
        (folder / "notum_all.zip").write_bytes(data)
        fetch_network("notum_all", address)
    assert f"SHA-256 {hashlib.sha256(data).hexdigest()}, but {zoo.AUTHORS_SHA256['notum_all']} was expected" in str(
        caught.value
    )
    assert [name for name, _ in available()] == INCLUDED
    assert fetch_network("notum_ExtSOP", address) == user_folder() / "notum_ExtSOP"
    assert [name for name, _ in available()] == [*INCLUDED, "notum_ExtSOP"]


def test_what_cannot_be_fetched_says_how_to_import(server: tuple[str, Path]) -> None:
    address, _ = server
    with pytest.raises(
        WrongInputError, match="cannot be reached .*not found.*run 'epifiji networks import notum_all.zip'"
    ):
        fetch_network("notum_all", address)
    with pytest.raises(WrongInputError, match="cannot be reached .*refused.*DeXNets"):
        fetch_network("notum_all", "http://127.0.0.1:9")
    with pytest.raises(WrongInputError, match="'notum' is not one of the authors' networks: choose one of notum_all"):
        fetch_network("notum", address)


def test_the_address_names_the_authors_commit() -> None:
    assert zoo.AUTHORS_URL.startswith("https://github.com/Image-Analysis-Hub/DeXtrusion/")
    assert zoo.AUTHORS_COMMIT in zoo.AUTHORS_URL
    assert zoo.AUTHORS_URL.endswith("/DeXNets")
