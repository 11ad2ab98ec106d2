"""The versions of the software that results depend on."""

from __future__ import annotations

import importlib.metadata
import platform

VERSIONS_OF = ("epifiji", "tensorflow", "numpy", "scipy", "scikit-image")


def versions() -> dict[str, str]:
    """Return the versions of the software that a result depends on."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in VERSIONS_OF}}
