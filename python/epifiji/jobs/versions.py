"""The versions of the software that results depend on."""

from __future__ import annotations

import importlib.metadata
import platform
from contextlib import suppress

VERSIONS_OF = ("epifiji", "tensorflow", "numpy", "scipy", "scikit-image")
OTHER_NAMES = {"tensorflow": "tensorflow-cpu"}
"""The Python that Fiji sets up on Linux has the smaller package of the same TensorFlow."""


def versions() -> dict[str, str]:
    """Return the versions of the software that a result depends on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in VERSIONS_OF}}


def _version(name: str) -> str:
    if name in OTHER_NAMES:
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(OTHER_NAMES[name])
    return importlib.metadata.version(name)
