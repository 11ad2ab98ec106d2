"""Checks of the evaluation of networks in ImageJ; see :mod:`jvm`. Networks and movies are in the working folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej import ImageJ
from figure_checks import table, titles
from refusals import refusals

EVALUATE = 'run("Evaluate Event Network...", "min_volume=20 '
CALIBRATE = 'run("Calibrate Event Scores...", "network=[net one] '
OF_CELLS = 'run("Evaluate Event Network...", "cell_diameter=20 borders=bright '


def evaluated_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(EVALUATE + 'network=[net one] folder=[the movies] events=cell_death output=[its scores]");')
    imagej.run_macro(OF_CELLS + 'network=epicells folder=[the cells] output=[cell scores]");')
    imagej.run_macro(OF_CELLS + 'network=epicells folder=[the cells/a.tif] iou=0.75 output=[one image]");')


def calibrated_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(CALIBRATE + 'results=[my results] name=of_reviews output=[its calibration] table=false");')


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    """Return the command's messages for impossible requests."""
    commands = {
        "no folder": 'network=[net one]");',
        "missing folder": 'network=[net one] folder=nowhere");',
        "missing network": 'network=nowhere folder=[the movies]");',
        "twice": 'network=[net one] other_networks=[net one] folder=[the movies]");',
        "exists": 'network=[net one] folder=[the movies] output=[its scores]");',
        "bad setting": 'network=[net one] folder=[the movies] unmarked=maybe");',
        "cells only": 'network=epinet folder=[the cells]");',
    }
    of_cells = {
        "both tasks": 'network=epicells other_networks=[net one] folder=[the cells]");',
        "events only": 'network=epicells folder=[the movies]");',
        "a setting of events": 'network=epicells folder=[the cells] threshold=100");',
    }
    codes = {name: EVALUATE + code for name, code in commands.items()}
    to_calibrate = {
        "nothing to calibrate with": '");',
        "results without a review": 'results=[not reviewed]");',
        "results of another network": 'results=[of another]");',
        "no results": 'results=[the movies]");',
        "a name that exists": 'results=[my results] name=of_reviews");',
    }
    codes |= {name: CALIBRATE + code for name, code in to_calibrate.items()}
    return refusals(imagej, codes | {name: OF_CELLS + code for name, code in of_cells.items()})


def evaluated_in_a_window(imagej: ImageJ, _: Path) -> dict[str, Any]:
    from scyjava import jimport

    imagej.run_macro('newImage("mine", "8-bit", 30, 30, 1);')
    imagej.run_macro(EVALUATE + 'network=[net one] other_networks=[net two] folder=[the movies]");')
    shown, log = titles(), str(jimport("ij.IJ").getLog())
    imagej.run_macro(CALIBRATE + 'results=[my results/day 1/a_epifiji] ");')
    calibrated, errors = titles(), table("Scores of net_one_calibrated")
    imagej.run_macro('selectImage("net_one_calibrated-calibration"); close();')
    imagej.run_macro(OF_CELLS + 'network=epicells other_networks=merging folder=[the cells] ");')
    return {
        "titles": shown,
        "calibrated": calibrated,
        "calibration errors": errors,
        "of cells": titles(),
        "cell scores": table("Networks on the cells"),
        "cell differences": table("Networks compared on the cells"),
        "active": str(jimport("ij.IJ").getImage().getTitle()),
        "scores": table("Networks on the movies"),
        "differences": table("Networks compared on the movies"),
        "log": log,
        "temporary": [path.name for path in Path(tempfile.gettempdir()).glob("epifiji-client-*")],
    }


HEADLESS = [evaluated_headless, calibrated_headless, refused]
WINDOW = [evaluated_in_a_window]
