"""Commands for a terminal in texts of EpiFiji, and those of them that Fiji's menu has too."""

from __future__ import annotations

import re

from epifiji.bridge.fiji.commands import CELLS_AROUND, COMPARE_CELLS, CONVERT, FETCH, IMPORT, MANAGE, PLOT, SPLIT, STUDY

IN_THE_MENU = {
    "plot": PLOT,
    "networks import": IMPORT,
    "networks fetch": FETCH,
    "networks default": MANAGE,
    "networks cellpose": MANAGE,
    "cells": CELLS_AROUND,
    "compare-cells": COMPARE_CELLS,
    "convert-cells": CONVERT,
    "split-cells": SPLIT,
    "study-cells": STUDY,
}
"""Commands for a terminal that are in Fiji's menu too."""

TERMINAL = r"'(?:epifiji (?P<menu>" + "|".join(IN_THE_MENU) + r")(?= |')|(?:epifiji|pip|python|conda) )[^']*'"
"""A command for a terminal; the group `menu` is its name if it is in the menu."""


def in_the_menu(found: re.Match[str]) -> str:
    """Return what to write in Fiji for a command that :data:`TERMINAL` matches."""
    return f'"{IN_THE_MENU[found["menu"]]}"' if found["menu"] else found[0]


def with_menu_commands(text: str) -> str:
    """Return a text in which commands for a terminal are those of the menu, if it has them."""
    return re.sub(TERMINAL, in_the_menu, text)
