"""Checks of the cells around events in ImageJ; see :mod:`jvm`. Movie and results are in the working folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.bridge.imagej import ImageJ
from figure_checks import table, titles
from refusals import refusals

MEASURE = 'run("Measure Cells around Events...", "cell_diameter=25 borders=bright '


def measured_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(MEASURE + 'results=m_epifiji");')


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    """Return the command's messages for impossible requests."""
    commands = {
        "no results": 'out=never");',
        "missing": 'results=nowhere out=never");',
        "exists": 'results=m_epifiji");',
        "other movie": 'results=m_epifiji input=other.tif out=never");',
        "bad setting": 'results=m_epifiji out=never before=1");',
    }
    return refusals(imagej, {name: MEASURE + code for name, code in commands.items()})


def measured_in_a_window(imagej: ImageJ, _: Path) -> dict[str, Any]:
    from scyjava import jimport

    imagej.run_macro('open("m.tif");' + MEASURE + 'results=m_epifiji rois");')
    manager = jimport("ij.plugin.frame.RoiManager").getInstance()
    return {
        "titles": titles(),
        "table": table("Cells of m"),
        "rois": [[str(roi.getName()), int(roi.getTPosition())] for roi in manager.getRoisAsArray()],
    }


HEADLESS = [measured_headless, refused]
WINDOW = [measured_in_a_window]
