"""What ImageJ says of macros that fail; for checks that run in the process of an ImageJ."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from epifiji.bridge.imagej import ImageJ, ImageJError


def refusal(imagej: ImageJ, code: str) -> str:
    """Run a macro, make sure that it fails, and give what is said."""
    with pytest.raises(ImageJError) as failure:
        imagej.run_macro(code)
    return str(failure.value)


def refusals(imagej: ImageJ, macros: Mapping[str, str]) -> dict[str, str]:
    """Give what is said of each macro by its name; see :func:`refusal`."""
    return {name: refusal(imagej, code) for name, code in macros.items()}
