"""``epifiji install-fiji`` and ``uninstall-fiji``: what they print, and what they refuse."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from command_line import one_sentence, run
from fiji_folders import contents, make_fiji


@pytest.fixture
def fiji(tmp_path: Path) -> Path:
    return make_fiji(tmp_path / "Fiji für Müller, コピー")


def a_file(folder: Path) -> Path:
    (folder / "Fiji.app").write_text("no folder")
    return folder / "Fiji.app"


def without(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "F" / ("jars" if name == "plugins" else "plugins")).mkdir(parents=True)
        if name == "plugins":
            (folder / "F/jars/ij-1.54p.jar").write_bytes(b"")
        return folder / "F"

    return make


def file_for_folder(folder: Path) -> Path:
    make_fiji(folder / "F")
    (folder / "F/jars/epifiji").write_text("a file")
    return folder / "F"


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "none", "none is no folder, but Fiji's is needed"),
    "a file": (a_file, "Fiji.app is no folder, but Fiji's is needed"),
    "no plugins": (without("plugins"), "is no Fiji (it lacks plugins)"),
    "no jar": (without("jars"), "is no Fiji (it lacks jars/ij-*.jar)"),
    "a file in a folder's place": (file_for_folder, "jars/epifiji is no folder, but EpiFiji needs one there"),
}


PYTHONS: dict[str, tuple[str | None, str]] = {
    "missing": (None, "is no file, but a Python with EpiFiji in it is needed"),
    "no program": ("no program", "is no Python with EpiFiji in it"),
    "a Python that fails": ("#!/bin/sh\nexit 1\n", "is no Python with EpiFiji in it"),
    "no Python": ("#!/bin/sh\necho hello\n", "is no Python with EpiFiji in it"),
    "another EpiFiji": ('#!/bin/sh\necho \'["3.12.1", "0.0.1"]\'\n', "has EpiFiji 0.0.1, but this is EpiFiji"),
}


@pytest.mark.parametrize("command", ["install-fiji", "uninstall-fiji"])
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_folders(command, kind, tmp_path, monkeypatch, capsys):
    make, words = WRONG[kind]
    folder = make(tmp_path)
    before = contents(tmp_path)
    code, out, error = run([command, str(folder)], monkeypatch, capsys)
    assert (code, out) == (2, "")
    assert words in one_sentence(error)
    assert contents(tmp_path) == before


def test_installing_twice_and_uninstalling_twice(fiji, monkeypatch, capsys):
    before = contents(fiji)
    code, out, error = run(["install-fiji", str(fiji)], monkeypatch, capsys)
    assert (code, error) == (0, "")
    assert "new        jars/epifiji/settings.json" in out.splitlines()
    code, out, _ = run(["install-fiji", str(fiji)], monkeypatch, capsys)
    assert code == 0
    assert out.splitlines()[-1] == f"unchanged: this EpiFiji is already installed in {fiji}."
    code, out, _ = run(["uninstall-fiji", str(fiji)], monkeypatch, capsys)
    assert code == 0
    assert "removed    jars/epifiji/settings.json" in out.splitlines()
    assert contents(fiji) == before
    code, _, error = run(["uninstall-fiji", str(fiji)], monkeypatch, capsys)
    assert code == 2
    assert "is not installed in" in one_sentence(error)


def test_json(fiji, monkeypatch, capsys):
    code, out, _ = run(["install-fiji", str(fiji), "--json", "--python", sys.executable], monkeypatch, capsys)
    told = json.loads(out)
    assert (code, told["folder"], told["unchanged"]) == (0, str(fiji), False)
    assert {"path": "jars/epifiji/python.json", "what": "new"} in told["written"]
    _, out, _ = run(["uninstall-fiji", str(fiji), "--json"], monkeypatch, capsys)
    assert {"path": "jars/epifiji/python.json", "what": "removed"} in json.loads(out)["removed"]


@pytest.mark.parametrize("kind", PYTHONS)
def test_wrong_pythons(kind, fiji, tmp_path, monkeypatch, capsys):
    text, words = PYTHONS[kind]
    program = tmp_path / "python"
    if text is not None:
        program.write_text(text)
        program.chmod(0o755)
    before = contents(fiji)
    code, _, error = run(["install-fiji", str(fiji), "--python", str(program)], monkeypatch, capsys)
    assert code == 2
    assert words in one_sentence(error)
    assert contents(fiji) == before
