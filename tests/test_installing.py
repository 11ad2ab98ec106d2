"""All texts agree on where EpiFiji can be installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from epifiji.bridge import doctor
from epifiji.bridge.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ADMITTED = [f"3.{minor}" for minor in range(8, 20) if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}.5")]


def test_only_pythons_with_a_tensorflow_are_admitted() -> None:
    """TensorFlow 2.18 and 2.19 have wheels for Python 3.9 to 3.12, 2.20 and 2.21 for 3.13 too (PyPI's list of files)."""
    assert ADMITTED == ["3.11", "3.12", "3.13"]
    assert "tensorflow>=2.18" in PROJECT["dependencies"]


def test_classifiers_doctor_readme_and_scripts_name_the_same_pythons() -> None:
    named = [
        c.rpartition(" ")[2] for c in PROJECT["classifiers"] if c.startswith("Programming Language :: Python :: 3.")
    ]
    assert named == ADMITTED
    assert [".".join(map(str, v)) for v in (doctor.OLDEST_PYTHON, doctor.NEWEST_PYTHON)] == [ADMITTED[0], ADMITTED[-1]]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"You need Python {', '.join(ADMITTED[:-1])} or {ADMITTED[-1]} " in readme
    client = (ROOT / "jars" / "Lib" / "epifiji_client" / "engine" / "python_record.py").read_text(encoding="utf-8")
    assert f"a Python of version {ADMITTED[0]} to {ADMITTED[-1]}" in client


def test_the_conda_environment_has_the_same_pythons_and_takes_the_rest_from_pypi() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge"]
    python, pip, packages = environment["dependencies"]
    assert (python, pip) == (f"python{PROJECT['requires-python']}", "pip")
    assert packages == {"pip": PROJECT["dependencies"]}


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_ci_takes_an_admitted_python_and_passes_over_others(tmp_path: Path) -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (choice,) = re.findall(r"^python=\$\(.*?^done\)", script, re.DOTALL | re.MULTILINE)
    for name, version in (("python3", "(3, 14, 0)"), ("python3.13", "(3, 13, 1)"), ("python3.12", "(3, 12, 1)")):
        program = tmp_path / name
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = {version}; exec(sys.argv[1])" "$2"\n'
        )
        program.chmod(0o755)
    bash = shutil.which("bash")
    ended = subprocess.run(
        [bash, "-c", f"{choice}; echo $python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == "python3.13", ended.stderr


@pytest.mark.parametrize(("version", "state"), [((3, 10, 9), "problem"), ((3, 13, 9), "ok"), ((3, 14, 0), "problem")])
def test_the_doctor_says_where_there_is_no_tensorflow_for_a_python(
    version: tuple[int, ...], state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.version_info", version)
    found = doctor._python()
    assert found.state == state
    assert bool(found.do) == (state == "problem")


def test_the_version_is_that_of_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["epifiji", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out) == (0, f"epifiji {PROJECT['version']}\n")
