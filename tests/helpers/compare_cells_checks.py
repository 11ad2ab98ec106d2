"""Checks of the comparison of cells in ImageJ; see :mod:`jvm`. Files are in the working folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from desktop import picture
from epifiji.bridge.imagej import ImageJ
from figure_checks import table, titles
from refusals import refusals

COMPARE = 'run("Compare Cells...", "'
DRAWN = "".join(f'makeOval({x}, 9, 20, 20); run("Add Selection...");' for x in (5, 30))
OPEN = 'open("merged.tif"); open("true cells.tif");'


def left_over() -> list[str]:
    return [path.name for path in Path(tempfile.gettempdir()).glob("epifiji-*cells-*")]


def image(title: str) -> Any:
    from scyjava import jimport

    return jimport("ij.WindowManager").getImage(title)


def compared_headless(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Compare open images, files, folders and a movie of labels."""
    imagej.run_macro(OPEN)
    opened = image("merged.tif")
    opened.changes = True
    imagej.run_macro('selectImage("merged.tif"); makeRectangle(1, 1, 5, 5);')
    imagej.run_macro(COMPARE + 'predicted=merged.tif annotated=[true cells.tif] out=[of images]");')
    imagej.run_macro(COMPARE + 'annotated=outlines.png out=[of the active image]");')
    seen = {
        "title": str(opened.getTitle()),
        "changes": bool(opened.changes),
        "selection": str(opened.getRoi().getBounds().toString()),
        "file": str(opened.getOriginalFileInfo().fileName),
    }
    imagej.run_macro('close("*");')
    imagej.run_macro(
        COMPARE + 'predicted=merged.tif annotated=[true cells.tif] iou=0.6 border=ignore out=[of files]");'
    )
    imagej.run_macro(COMPARE + 'predicted=segmented annotated=known out=[of folders]");')
    imagej.run_macro('open("two frames.tif"); rename("a/b: labels");')
    imagej.run_macro(COMPARE + 'predicted=[a/b: labels] annotated=[two frames.tif] out=[of frames]"); close("*");')
    return {**seen, "temporary": left_over()}


def refused(imagej: ImageJ, _: Path) -> dict[str, str]:
    """Return the messages for impossible requests."""
    merged = 'open("merged.tif");'
    done = ' close("*");'
    said = refusals(
        imagej,
        {
            "no image": COMPARE + 'annotated=merged.tif");',
            "no annotated": merged + COMPARE + '");',
            "unknown": COMPARE + 'predicted=nowhere annotated=merged.tif");',
            "one title": merged + merged + COMPARE + 'predicted=merged.tif annotated=small.tif");',
            "unknown image": merged + COMPARE + 'annotated=[never opened]");',
            "sizes": COMPARE + 'predicted=merged.tif annotated=small.tif");',
            "frames": COMPARE + 'predicted=merged.tif annotated=[two frames.tif]");',
            "photo": COMPARE + 'predicted=photo.tif annotated=merged.tif");',
            "colours": 'newImage("rgb", "RGB black", 60, 60, 1); setColor(255, 0, 0); fillRect(1, 1, 9, 9);'
            + COMPARE
            + 'annotated=merged.tif");',
            "channels": 'newImage("c", "8-bit composite-mode", 60, 60, 2, 1, 3);' + COMPARE + 'annotated=merged.tif");',
            "empty": 'newImage("empty", "8-bit black", 60, 60, 1);'
            + COMPARE
            + 'annotated=empty out=nothing"); x = zz();',
            "overlay": f'newImage("drawn", "8-bit black", 60, 60, 1); {DRAWN} {COMPARE}annotated=merged.tif");',
            "overlay on tissue": f'newImage("tissue", "8-bit noise", 60, 60, 1); {DRAWN} {COMPARE}annotated=merged.tif");',
            "iou": COMPARE + 'predicted=merged.tif annotated=merged.tif iou=2");',
            "border": COMPARE + 'predicted=merged.tif annotated=merged.tif border=all");',
            "key": COMPARE + 'predicted=merged.tif reference=merged.tif");',
            "exists": COMPARE + 'predicted=merged.tif annotated=merged.tif out=[of images]");',
            "text": COMPARE + 'predicted=values.txt annotated=merged.tif");',
        },
    )
    imagej.run_macro(done)
    return {**said, "temporary": ", ".join(left_over())}


def compared_in_a_window(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Compare open images, with table and picture."""
    from scyjava import jimport

    imagej.run_macro(OPEN + 'selectImage("merged.tif");' + COMPARE + 'annotated=[true cells.tif]");')
    picture(folder / "cells_compared.png")
    first = {"titles": titles(), "table": table("Comparison of cells")}
    active = str(jimport("ij.IJ").getImage().getTitle())
    imagej.run_macro('selectWindow("Comparison of cells"); run("Close"); close("*");')
    imagej.run_macro(COMPARE + 'predicted=[many frames.tif] annotated=[many frames.tif] table=false");')
    return {
        **first,
        "active": active,
        "many": titles(),
        "no table": table("Comparison of cells"),
        "log": str(jimport("ij.IJ").getLog()),
        "temporary": left_over(),
    }


HEADLESS = [compared_headless, refused]
WINDOW = [compared_in_a_window]
