"""The versions of the software that results depend on."""

from __future__ import annotations

import importlib.metadata
import platform
from contextlib import suppress

VERSIONS_OF = ("epifiji", "tensorflow", "onnxruntime", "numpy", "scipy", "scikit-image")
OTHER_NAMES = {"tensorflow": "tensorflow-cpu"}
"""The Python that Fiji sets up on Linux has the smaller package of the same TensorFlow."""


def versions() -> dict[str, str]:
    """Return the versions of the software that a result depends on."""
    found = {"python": platform.python_version(), **{name: _version(name) for name in VERSIONS_OF}}
    return {name: version for name, version in found.items() if version is not None}


def _version(name: str) -> str | None:
    """Return the version of a package; None for one that was removed and that EpiFiji can do without."""
    for one in (OTHER_NAMES.get(name, name), name):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(one)
    return None
