"""The guide for contributors agrees with the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECISIONS = ROOT / "docs" / "decisions"
ROOTS = (ROOT, ROOT / "python" / "epifiji")


def exists(path: str) -> bool:
    return any(root.joinpath(path).exists() for root in ROOTS)


NAMED = re.compile(r"`([\w./-]+(?:\.py|\.md|\.yml|\.toml|/))`")


@pytest.mark.parametrize("path", sorted(set(NAMED.findall(GUIDE))))
def test_files_that_the_guide_names_exist(path: str) -> None:
    nested = [ROOT / "python/epifiji", ROOT / "fiji/scripts/Plugins/EpiFiji"]
    assert exists(path) or any(list(root.rglob(path)) for root in nested), path


@pytest.mark.parametrize("record", sorted(DECISIONS.glob("*.md")), ids=lambda path: path.stem)
def test_paths_that_a_decision_names_exist(record: Path) -> None:
    for path in NAMED.findall(record.read_text(encoding="utf-8")):
        assert exists(path) or path == "oracle/" or path == "dexnets/", path


def test_the_index_lists_every_decision() -> None:
    index = (DECISIONS / "index.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\(([\w-]+\.md)\)", index)) == sorted(
        path.name for path in DECISIONS.glob("*.md") if path.name != "index.md"
    )


def test_the_citation_has_the_projects_version_and_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]


def test_commits_are_checked_as_in_ci() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    run = {" ".join(hook["entry"].split()[:2]) for hook in hooks}
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for tool in re.findall(r"^(ruff check|ruff format|mypy)\b", ci, re.MULTILINE):
        assert tool in run


def test_the_sdist_lists_what_exists() -> None:
    for path in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]:
        assert (ROOT / path).exists(), path


def test_the_workflow_runs_the_quick_ring_on_three_systems() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    quick = jobs["quick"]
    assert {system.partition("-")[0] for system in quick["strategy"]["matrix"]["os"]} == {"ubuntu", "macos", "windows"}
    versions = quick["strategy"]["matrix"]["python"]
    least, most = re.findall(r"3\.\d+", PROJECT["project"]["requires-python"])
    assert versions == [least, f"3.{int(most.partition('.')[2]) - 1}"]
    assert any("pytest -m quick" in step.get("run", "") for step in quick["steps"])
