"""Setting up EpiFiji's Python from inside Fiji, with small packages: each failure, kills, and sharing."""

from __future__ import annotations

import http.server
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from set_up_checks import (
    ALL_FAILURES,
    SHARING,
    UNTIL_COMPLETE,
    VERSION,
    Packages,
    jython,
    killed_when,
    make_records,
    served,
    small_packages,
)

pytestmark = pytest.mark.skipif(shutil.which("sh") is None, reason="the program in uv's place is a shell script")

SENTENCES = {
    "no network": "127.0.0.1 cannot be reached (Connection refused): connect this computer to the internet and try again",
    "no name": "packages.invalid cannot be reached (packages.invalid",
    "dead proxy": "does not answer (Connection refused",
    "proxy with password": "The proxy of this network asks for a password: set it in Edit > Options > Proxy Settings...",
    "not there": "answered with code 404 instead of the file: try again later",
    "changed": "p1-1.0-any.whl arrived changed (its SHA-256 differs): try again",
    "full disk": "full disk/wheels is full: free some space there, or choose a folder on another disk.",
    "full while unpacking": "full while unpacking is full: free some space there",
    "little room": "MB while it is set up, but the disk of",
    "no rights": "You may not write into /proc/epifiji",
    "no rights while unpacking": "You may not write into ",
    "in use": "is used by another program, perhaps a virus scanner: wait a minute, close other Fijis, and try again.",
    "old Java": "This Fiji runs on Java 1.8, but EpiFiji needs Java 11 or newer: download a new Fiji, which contains one.",
    "other processor": "There are no ready-made packages for this system (Linux on riscv64)",
    "no Python": "There is no Python 3.11 to 3.13 on this computer, and none could be downloaded: connect",
    "engine does not start": "EpiFiji's new Python does not start the engine (ImportError: DLL load failed): try again",
    "another failure": "EpiFiji's Python could not be built (error: something else): try again",
    "lock missing": "lock.json or a file that it names is missing): unpack EpiFiji's archive over this Fiji again.",
    "wheel missing": "a file that it names is missing): unpack EpiFiji's archive over this Fiji again.",
    "wheel changed": "own.whl is damaged (its SHA-256 differs): unpack EpiFiji's archive over this Fiji again.",
    "no card": "This computer has no graphics card that EpiFiji can use (it needs one of NVIDIA's, with its driver",
    "card not found": "TensorFlow does not find the graphics card (NVIDIA RTX A4000): update NVIDIA's driver and",
    "at once": "Another Fiji sets up EpiFiji's Python in ",
}
CANCELLED = [f"cancelled {number}" for number in range(5)]


def answer(request: http.server.BaseHTTPRequestHandler, content: bytes) -> bool:
    """Answer as a proxy that asks for a password, or with a fault that the address names."""
    if request.path.startswith("http://"):
        request.send_response(407)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True
    if "/missing/" in request.path:
        request.send_error(404)
        return True
    if "/changed/p1" in request.path:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(b"x" + content[1:])
        return True
    if "/interrupted/p1" in request.path and not request.headers.get("Range"):
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        return True
    return False


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Packages]:
    packages = small_packages()
    packages.answer = answer
    fiji = tmp_path_factory.mktemp("failures") / "Fiji für Müller, コピー"
    make_records(fiji, packages)
    with served(packages) as server:
        proxy = server.rpartition(":")[2]
        process = jython(fiji, ALL_FAILURES, {}, server=server, proxy=proxy, places=fiji / "epi places")
        out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    return json.loads(out), packages


@pytest.mark.parametrize("failure", SENTENCES)
def test_each_failure_is_one_sentence_and_leaves_nothing_half_installed(
    failure: str, failures: tuple[dict[str, Any], Packages]
) -> None:
    seen = failures[0][failure]
    assert SENTENCES[failure] in seen["sentence"]
    assert seen["sentence"].endswith(".")
    assert "\n" not in seen["sentence"]
    assert "Exception" not in seen["sentence"]
    assert seen["kind"] == "input"
    assert (seen["complete"], seen["environments"], seen["cache"], seen["asks"]) == (False, 0, False, True)


@pytest.mark.parametrize("moment", [*CANCELLED, "cancelled while uv works"])
def test_a_cancelled_set_up_ends_at_once_and_leaves_nothing_half_installed(
    moment: str, failures: tuple[dict[str, Any], Packages]
) -> None:
    seen = failures[0][moment]
    assert (seen["kind"], seen["complete"], seen["environments"], seen["asks"]) == ("cancelled", False, 0, True)
    assert seen["took"] < 5


def test_it_continues_after_a_cancellation_and_an_interruption(failures: tuple[dict[str, Any], Packages]) -> None:
    found, packages = failures
    for name in ("continued", "interrupted"):
        assert (found[name]["sentence"], found[name]["complete"], found[name]["environments"]) == ("", True, 1)
        assert not found[name]["asks"]
    half = len(packages.wheels["p1-1.0-any.whl"]) // 2
    assert ("/interrupted/p1-1.0-any.whl", f"bytes={half}-") in packages.asked


def test_packages_for_a_graphics_card_have_a_folder_of_their_own(failures: tuple[dict[str, Any], Packages]) -> None:
    seen = failures[0]["for a card"]
    assert (seen["sentence"], seen["complete"], seen["known"], seen["removed"]) == ("", True, True, True)
    assert Path(seen["python"]).parents[2].name == f"{VERSION}-gpu"


@pytest.fixture
def fiji(tmp_path: Path) -> Iterator[tuple[Path, Packages]]:
    packages = small_packages()
    folder = tmp_path / "Fiji"
    make_records(folder, packages)
    yield folder, packages


def test_killed_at_five_moments_it_is_not_used_and_then_completed(fiji: tuple[Path, Packages]) -> None:
    folder, packages = fiji
    place = folder / "epifiji"
    stalled: list[str] = []
    stalling = ["uv-1.0", "p1-1.0"]

    def stall(request: http.server.BaseHTTPRequestHandler, content: bytes) -> bool:
        if not stalling or stalling[0] not in request.path:
            return False
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])
        request.wfile.flush()
        stalled.append(stalling[0])
        request.rfile.read(1)  # until the client is killed
        return True

    packages.answer = stall
    with served(packages) as server:
        env = {"EPIFIJI_PACKAGES": server}
        for moment in ("uv-1.0", "p1-1.0", "venv", "pip", "python"):
            marker = place / f"at {moment}"
            if moment in ("venv", "pip", "python"):
                (place / "test.sh").write_text(f'[ $1 = {moment} ] && touch "{marker}" && sleep 2')
            process = jython(folder, UNTIL_COMPLETE, env)
            killed_when(process, lambda moment=moment, marker=marker: moment in stalled or marker.exists())  # type: ignore[misc]
            assert not list(place.glob("*/complete.json"))
            assert not (folder / "jars/epifiji/python.json").exists()
            if stalling:
                stalling.pop(0)
        (place / "test.sh").unlink()
        asked = len(packages.asked)
        out, error = jython(folder, UNTIL_COMPLETE, env).communicate(timeout=60)
    python, version = json.loads(out or "null") or pytest.fail(error)
    assert version == VERSION
    assert [path.name for path in (place / VERSION).glob("python-*")] == [Path(python).parents[1].name]
    assert sorted(path.name for path in place.iterdir() if not path.name.startswith("at ")) == [".lock", VERSION, "uv"]
    assert any(path == "/p1-1.0-any.whl" and begun for path, begun in packages.asked)
    assert len(packages.asked) == asked, "what was downloaded is not downloaded again"


def test_fijis_share_a_place_and_another_version_has_its_own(fiji: tuple[Path, Packages], tmp_path: Path) -> None:
    folder, packages = fiji
    place = tmp_path / "shared by all"
    with served(packages) as server:
        env = {"EPIFIJI_PACKAGES": server}
        pythons = {name: script(tmp_path / name, version) for name, version in (("mine", VERSION), ("other", "0.0.1"))}
        process = jython(folder, SHARING, env, place=place, none=tmp_path / "none", **pythons)
        out, error = process.communicate(timeout=60)
    found = json.loads(out.splitlines()[-1] if out else "null") or pytest.fail(error)
    assert Path(found["first"][0]).is_relative_to(place / VERSION)
    assert found["known"] is None
    assert "This Fiji has EpiFiji 9.9.9, but its Python has EpiFiji 9.8.7: " in found["asks"]
    assert Path(found["second"][0]).is_relative_to(place / "9.9.9")
    assert found["both"] == [True, True]
    assert found["left"] == [True, False, ".lock", VERSION, "uv"]
    by_macro, repaired = found["by macro"][0], found["repaired"][0]
    assert Path(by_macro).parents[2] == Path(repaired).parents[2] == place / VERSION
    assert by_macro != repaired
    assert Path(found["repaired from nothing"][0]).parents[2] == place / VERSION
    assert "This Fiji has no Python that runs EpiFiji yet: Plugins > EpiFiji > Engine" in found["removed"]
    assert found["nothing"] is False
    assert found["mine"] == [str(pythons["mine"]), VERSION]
    assert f"{pythons['other']} has EpiFiji 0.0.1, but this Fiji has EpiFiji {VERSION}" in found["other"]
    assert f"{tmp_path / 'none'} is no file" in found["none"]


def script(path: Path, version: str) -> Path:
    """Write a program that answers as a Python with a version of EpiFiji."""
    path.write_text(f'#!/bin/sh\necho \'["3.13.1", "{version}"]\'\n')
    path.chmod(0o755)
    return path
