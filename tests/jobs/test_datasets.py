"""Published datasets: asked about, downloaded with interruptions, and evaluated on, from a local archive."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive_server import LocalArchive, local_archive
from command_line import one_sentence, run_here
from epifiji.data.datasets import DATASETS, dataset_called
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.jobs.datasets import evaluate_on_dataset, fetch_dataset
from labelled_cells import write_labelled

RECORD = dataset_called("dense_cells").record
CONTENT = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture
def archive() -> Iterator[LocalArchive]:
    with local_archive() as found:
        yield found


@pytest.fixture(autouse=True)
def own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a zip of files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_dataset_is_downloaded_checked_and_unpacked_once(archive: LocalArchive, tmp_path: Path) -> None:
    archive.add(RECORD, {"images.zip": zipped({"train/a": b"1", "__MACOSX/a": b"2"}), "notes.txt": b"notes"})
    found = fetch_dataset("dense_cells", archive=archive.address)
    assert found.folder.is_relative_to(tmp_path / "data")
    assert names(found.folder) == ["dataset.json", "images.zip", "images/train/a", "notes.txt"]
    assert (found.folder / "images/train/a").read_bytes() == b"1"
    assert found.record.licence == "cc-by-4.0"
    before = archive.files_asked()
    fetch_dataset("dense_cells", archive=archive.address)
    assert archive.files_asked() == before


@pytest.mark.parametrize("continues", [True, False])
def test_an_interrupted_download_continues(archive: LocalArchive, tmp_path: Path, continues: bool) -> None:
    archive.add(RECORD, {"images.bin": CONTENT})
    archive.most_bytes = 1_200_000
    with pytest.raises(WrongInputError, match="ended after 1200000 of 3000000 bytes: run the same command again"):
        fetch_dataset("dense_cells", out=str(tmp_path / "here"), archive=archive.address)
    assert not (tmp_path / "here" / "images.bin").exists()
    archive.most_bytes, archive.continues = None, continues
    fetch_dataset("dense_cells", out=str(tmp_path / "here"), archive=archive.address)
    assert (tmp_path / "here" / "images.bin").read_bytes() == CONTENT
    assert names(tmp_path / "here") == ["dataset.json", "images.bin"]
    assert archive.files_asked() == [("images.bin", 0), ("images.bin", 1_200_000)]


def test_a_cancelled_download_keeps_what_arrived(archive: LocalArchive, tmp_path: Path) -> None:
    archive.add(RECORD, {"a.bin": b"first", "images.bin": CONTENT})

    def cancel(done: float, doing: str) -> None:
        if doing.startswith("images.bin: ") and "MB" in doing:
            raise CancelledError

    with pytest.raises(CancelledError):
        fetch_dataset("dense_cells", cancel, out=str(tmp_path / "here"), archive=archive.address)
    part = (tmp_path / "here" / "images.bin.part").read_bytes()
    assert 0 < len(part) < len(CONTENT)
    assert CONTENT.startswith(part)
    fetch_dataset("dense_cells", out=str(tmp_path / "here"), archive=archive.address)
    assert (tmp_path / "here" / "images.bin").read_bytes() == CONTENT
    assert [name for name, _ in archive.files_asked()] == ["a.bin", "images.bin", "images.bin"]


def test_an_answer_that_is_not_the_file_leaves_what_arrived(archive: LocalArchive, tmp_path: Path) -> None:
    archive.add(RECORD, {"a.bin": CONTENT})
    archive.most_bytes, part = 2_000_000, tmp_path / "a" / "a.bin.part"
    arguments = ["datasets", "fetch", "dense_cells", "--out", str(tmp_path / "a"), "--archive", archive.address]
    assert "ended after 2000000 of 3000000 bytes" in one_sentence(run_here(*arguments)[2])
    archive.most_bytes = None
    page = b"<html>The archive is being maintained.</html>"
    answers: list[tuple[int, dict[str, str], bytes, str]] = [
        (200, {}, page, f"sends a file of {len(page)} bytes from byte 0 on, but one of 3000000 bytes is expected"),
        (206, {"Content-Range": "bytes 1-3/3000000"}, page, "from byte 1 on"),
        (206, {"Content-Range": f"bytes 2000000-2000044/{2_000_045}"}, page, "sends a file of 2000045 bytes"),
        (429, {"Retry-After": "17"}, page, "429 Too Many Requests, it asks to wait 17 s"),
        (503, {"Retry-After": "Tue, 01 Dec 2026 10:00:00 GMT"}, page, "503 Service Unavailable)"),
        (416, {}, page, "416 "),
    ]
    for *answer, message in answers:
        archive.answers.append((answer[0], answer[1], answer[2]))
        code, _, error = run_here(*arguments)
        assert code == 2
        assert message in one_sentence(error)
        assert part.read_bytes() == CONTENT[:2_000_000]
    # A server that sends the file from its beginning, and stops before it is as far as what is there.
    archive.answers.append((200, {"Content-Length": "3000000"}, CONTENT[:500_000]))
    assert "ended after 2000000 of 3000000 bytes" in one_sentence(run_here(*arguments)[2])
    assert run_here(*arguments)[0] == 0
    assert archive.files_asked()[-1] == ("a.bin", 2_000_000)
    assert (tmp_path / "a" / "a.bin").read_bytes() == CONTENT


def test_names_with_spaces_and_umlauts_are_downloaded(archive: LocalArchive, tmp_path: Path) -> None:
    record = archive.add(RECORD, {"Übersicht 1 (50%).txt": b"notes", "a b.zip": zipped({"Flügel/ä 1.txt": b"1"})})
    # As some archives encode addresses, and others do not.
    record["files"][1]["links"]["self"] = record["files"][1]["links"]["self"].replace(" ", "%20")
    record["files"][0]["links"]["self"] = record["files"][0]["links"]["self"].replace("%", "%25")
    folder = tmp_path / "Daten für Ärzte"
    assert run_here("datasets", "fetch", "dense_cells", "--out", str(folder), "--archive", archive.address)[0] == 0
    assert names(folder) == ["a b.zip", "a b/Flügel/ä 1.txt", "dataset.json", "Übersicht 1 (50%).txt"]


def test_a_wrong_hash_is_refused_and_the_file_not_kept(archive: LocalArchive, tmp_path: Path) -> None:
    answer = archive.add(RECORD, {"images.bin": CONTENT})
    right = answer["files"][0]["checksum"]
    answer["files"][0]["checksum"] = f"md5:{hashlib.md5(b'other', usedforsecurity=False).hexdigest()}"
    code, _, error = run_here(
        "datasets", "fetch", "dense_cells", "--out", str(tmp_path / "a"), "--archive", archive.address
    )
    assert code == 2
    assert "were not kept" in one_sentence(error)
    assert names(tmp_path / "a") == ["dataset.json"]
    # A file of the user with the same name is never overwritten.
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "images.bin").write_bytes(b"mine")
    answer["files"][0]["checksum"] = right
    with pytest.raises(WrongInputError, match=r"images\.bin differs from the file in the archive"):
        fetch_dataset("dense_cells", out=str(tmp_path / "b"), archive=archive.address)
    assert (tmp_path / "b" / "images.bin").read_bytes() == b"mine"


def test_files_are_chosen_and_limited_by_size(archive: LocalArchive, tmp_path: Path) -> None:
    archive.add(RECORD, {"images.bin": CONTENT, "notes.txt": b"notes"})
    with pytest.raises(WrongInputError, match=r"needs 0\.00 GB more, but at most 0\.00 GB were allowed"):
        fetch_dataset("dense_cells", largest_gb=0.001, archive=archive.address)
    with pytest.raises(
        WrongInputError, match=r"no file of dense_cells is named \*\.tif: it contains images\.bin, notes\.txt"
    ):
        fetch_dataset("dense_cells", only="*.tif", archive=archive.address)
    found = fetch_dataset("dense_cells", only=("*.txt",), largest_gb=0.001, archive=archive.address)
    assert names(found.folder) == ["dataset.json", "notes.txt"]
    assert found.notices == ("1 of 2 files of dense_cells were left out.",)
    assert archive.files_asked() == [("notes.txt", 0)]


def test_more_than_the_disk_holds_is_refused_before_anything_is_written(archive: LocalArchive, tmp_path: Path) -> None:
    answer = archive.add(RECORD, {"images.bin": CONTENT})
    answer["files"][0]["size"] = 10**15
    with pytest.raises(WrongInputError, match="make room"):
        fetch_dataset("dense_cells", out=str(tmp_path / "new"), largest_gb=1e9, archive=archive.address)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_else_is_refused(archive: LocalArchive, tmp_path: Path) -> None:
    answer = archive.add(RECORD, {"images.bin": CONTENT})
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"")
    with pytest.raises(WrongInputError, match=r"contains cat\.png, but a new or empty folder"):
        fetch_dataset("dense_cells", out=str(tmp_path / "photos"), archive=archive.address)
    assert names(tmp_path / "photos") == ["cat.png"]
    fetch_dataset("dense_cells", archive=archive.address)
    answer["files"][0]["checksum"] = f"md5:{'0' * 32}"
    with pytest.raises(WrongInputError, match="the archive now describes other files"):
        fetch_dataset("dense_cells", archive=archive.address)


def changed(file: dict[str, Any]) -> dict[str, Any]:
    return {
        "files": [{"key": "a", "size": 1, "checksum": f"md5:{'0' * 32}", "links": {"self": "https://x.org/a"}} | file]
    }


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (changed({"key": "../a"}), "which not every system can write"),
        (changed({"key": "..\\a"}), "which not every system can write"),
        (changed({"key": "CON"}), "which not every system can write"),
        (changed({"key": ".bashrc"}), "which not every system can write"),
        (changed({"checksum": "md5:0"}), "a size and one of md5"),
        (changed({"checksum": "crc32:00000000"}), "a size and one of md5"),
        (changed({"size": -1}), "a size and one of md5"),
        (changed({"size": "large"}), "answered something else"),
        (changed({"links": {"self": "file:///etc/passwd"}}), "an address that begins with http"),
        (changed({"links": {}}), "answered something else"),
        ({"files": changed({})["files"] * 2}, "some with the same name"),
        ({"files": []}, "has no files"),
        ({"id": 7}, "answered with record 7"),
        ({"files": None}, "answered something else"),
    ],
)
def test_answers_that_cannot_be_used_are_refused_in_one_sentence(
    archive: LocalArchive, tmp_path: Path, answer: dict[str, Any], message: str
) -> None:
    archive.records[RECORD] = archive.add(RECORD, {"a": b"a"}) | answer
    code, _, error = run_here(
        "datasets", "fetch", "dense_cells", "--out", str(tmp_path / "a"), "--archive", archive.address
    )
    assert code == 2
    assert message in one_sentence(error)
    assert not (tmp_path / "a").exists()


def test_no_record_and_no_archive_are_refused_in_one_sentence(archive: LocalArchive) -> None:
    for address in (archive.address, "http://127.0.0.1:9/api/records"):
        code, _, error = run_here("datasets", "fetch", "dense_cells", "--archive", address)
        assert code == 2
        assert "cannot be reached" in one_sentence(error)
    assert "choose one of dextrusion, dense_cells, cartocell" in one_sentence(run_here("datasets", "fetch", "mnist")[2])


def test_a_zip_that_would_leave_its_folder_is_not_unpacked(archive: LocalArchive, tmp_path: Path) -> None:
    archive.add(RECORD, {"images.zip": zipped({"a": b"1", "../evil": b"2"})})
    with pytest.raises(WrongInputError, match="leads outside the folder"):
        fetch_dataset("dense_cells", out=str(tmp_path / "here"), archive=archive.address)
    assert names(tmp_path) == ["here/dataset.json", "here/images.zip"]


def test_datasets_are_listed_with_what_the_archive_knows(archive: LocalArchive) -> None:
    code, out, error = run_here("datasets", "list")
    assert code == 0
    assert all(one.name in out and one.doi in out and one.citation in out for one in DATASETS)
    assert "0.694" in out
    assert "--online" in error
    for one in DATASETS:
        archive.add(one.record, {"images.bin": CONTENT})
    code, out, _ = run_here("datasets", "list", "--online", "--archive", archive.address)
    assert out.count("3.0 MB") == 3
    assert out.count("cc-by-4.0") == 3
    fetch_dataset("dense_cells", archive=archive.address)
    listed = json.loads(run_here("datasets", "list", "--json")[1])["datasets"]
    assert [one["bytes"] for one in listed] == [None, len(CONTENT), None]


def test_networks_are_evaluated_beside_published_scores(archive: LocalArchive, tmp_path: Path) -> None:
    write_labelled(tmp_path / "images", "a", 1)
    write_labelled(tmp_path / "images", "b", 2)
    files = {f"test/{path.name}": path.read_bytes() for path in (tmp_path / "images").iterdir()}
    archive.add(RECORD, {"images.zip": zipped(files | {"readme": b"text"})})
    with pytest.raises(WrongInputError, match="run 'epifiji datasets fetch dense_cells'"):
        evaluate_on_dataset("dense_cells", "epicells")
    fetch_dataset("dense_cells", archive=archive.address)
    code, out, _ = run_here(
        "datasets", "evaluate", "dense_cells", "epicells", "--cell-diameter", "22", "--borders", "bright"
    )
    assert code == 0
    assert "images/test:" in out
    assert "0.694" in out
    found = json.loads(
        run_here(
            "datasets", "evaluate", "dense_cells", "epicells", "--cell-diameter", "22", "--borders", "bright", "--json"
        )[1]
    )
    images = found["parts"]["images/test"]["networks"][0]["images"]
    assert [one["image"] for one in images] == ["a", "b"]
    # Cells that a network for them was made for.
    assert all(one["ap_0.5"] > 0.8 for one in images), images


def test_what_cannot_be_evaluated_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongInputError, match="contain no images with labels"):
        evaluate_on_dataset("dense_cells", "epicells", tmp_path / "empty")
    with pytest.raises(WrongInputError, match=r"contain no movies with their events as MOVIE_<class>\.zip"):
        evaluate_on_dataset("dextrusion", "epinet", tmp_path / "empty")
    with pytest.raises(WrongInputError, match="epifiji cartocell predict"):
        evaluate_on_dataset("cartocell", "epicells", tmp_path / "empty")
