"""The error messages of failing macros; for checks that run in ImageJ's process."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from epifiji.bridge.imagej import ImageJ, ImageJError


def refusal(imagej: ImageJ, code: str) -> str:
    """Run a macro, check that it fails, and return the message."""
    with pytest.raises(ImageJError) as failure:
        imagej.run_macro(code)
    return str(failure.value)


def refusals(imagej: ImageJ, macros: Mapping[str, str]) -> dict[str, str]:
    """Return the messages of macros by their names; see :func:`refusal`."""
    return {name: refusal(imagej, code) for name, code in macros.items()}
