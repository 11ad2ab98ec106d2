"""Checks of training in ImageJ; see :mod:`jvm`. Movies, reviews and networks are in the working folder."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from desktop import focus, press, wait_for, windows
from desktop_checks import CANCELLED
from epifiji.bridge.imagej import ImageJ
from figure_checks import table, titles
from imagej_window import error, start_command, status, wait_for_the_macro
from refusals import refusals

TRAIN, RETRAIN = 'run("Train Event Network...", "', 'run("Retrain from Review...", "'
STUDY = 'run("Study Cells...", "'
SHORT = "from_scratch steps=10 "
DIALOG = "Train Event Network"


def trained_headless(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro(TRAIN + SHORT + 'folder=[the movies] name=spots out=[the report]");')


def retrained_headless(imagej: ImageJ, _: Path) -> None:
    """Retrain without specifying a network: the record of the result folder names it."""
    imagej.run_macro(RETRAIN + 'results=[wing_epifiji/reviewed] keep=0 steps=10 unmarked=none");')


def cells_headless(imagej: ImageJ, _: Path) -> None:
    """Train on images with labels, and retrain the network that segmented the open image, with its corrected cells."""
    imagej.run_macro(TRAIN + SHORT + 'tile_size=64 folder=[the cells] name=new_cells");')
    imagej.run_macro('open("tissue.tif");' + RETRAIN + 'keep=0 steps=10 tile_size=64");close();')


def studied_headless(imagej: ImageJ, _: Path) -> None:
    """Continue a study by its protocol, whose trainings are all finished."""
    imagej.run_macro(STUDY + 'protocol=[a study/train_study/protocol.yaml] out=[a study/train_study]");')


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    """Return the commands' messages for impossible requests."""
    commands = {
        "no folder": TRAIN + SHORT + '");',
        "missing folder": TRAIN + SHORT + 'folder=nowhere");',
        "no review": RETRAIN + '");',
        "missing network": RETRAIN + 'results=wing_epifiji network=nowhere");',
        "network by its older name": TRAIN + 'folder=[the movies] begin_with=nowhere");',
        "exists": TRAIN + SHORT + 'folder=[the movies] name=spots");',
        "bad setting": TRAIN + 'folder=[the movies] steps=3");',
        "setting of cells": TRAIN + SHORT + 'folder=[the movies] loss=jaccard");',
        "study without images": STUDY + 'seeds=1,2");',
        "another study": STUDY + 'protocol=[a study/train_study/protocol.yaml] out=[the cells]");',
        "unknown key": TRAIN + 'folder=[the movies] step=30");',
    }
    return refusals(imagej, commands)


def asked_in_a_dialog(_: ImageJ, __: Path) -> dict[str, Any]:
    """Leave the folder empty: a message is shown and the dialog opens again; then cancel."""
    start_command(f"{DIALOG}...")
    focus(DIALOG)
    press("Return")
    focus("EpiFiji")
    told = error()
    press("Return")
    focus(DIALOG)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(DIALOG))
    return {"told": told, "titles": titles()}


def cancelled_by_escape(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Press Escape between two steps of a training that would replace a network."""
    from scyjava import jimport

    imagej.run_macro('newImage("mine", "8-bit", 60, 60, 1);')
    code = TRAIN + 'from_scratch steps=100000 minutes=60 patience=1000 folder=[the movies] name=old overwrite");'
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the first steps", lambda: "learning, step" in status())
    focus("mine")
    press("Escape")
    wait_for("the end of what was cancelled", lambda: error() == CANCELLED)
    wait_for_the_macro()
    networks = Path("data/epifiji/networks")
    return {
        "titles": titles(),
        "table": table("Training of old"),
        "networks": [path.name for path in networks.iterdir()],
        "old": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (networks / "old").iterdir()},
        "temporary": _temporary(),
    }


def trained_in_a_window(imagej: ImageJ, _: Path) -> dict[str, Any]:
    from scyjava import jimport

    imagej.run_macro(TRAIN + SHORT + 'folder=[the movies] name=spots");')
    return {
        "titles": titles(),
        "active": str(jimport("ij.IJ").getImage().getTitle()),
        "table": table("Training of spots"),
        "log": str(jimport("ij.IJ").getLog()),
        "temporary": _temporary(),
    }


def _temporary() -> list[str]:
    return [path.name for path in Path(tempfile.gettempdir()).glob("epifiji-*")]


HEADLESS = [trained_headless, retrained_headless, cells_headless, studied_headless, refused]
WINDOW = [asked_in_a_dialog, cancelled_by_escape, trained_in_a_window]
