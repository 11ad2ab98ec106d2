"""Checks of commands that show earlier results, headless; see :mod:`jvm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from epifiji.bridge.imagej import ImageJ, ImageJError
from refusals import refusals


def _open(imagej: ImageJ, results: str) -> list[list[Any]]:
    from scyjava import jimport

    imagej.run_macro(
        f'open("{os.environ["EPIFIJI_TEST_MOVIE"]}"); run("Open Epithelial Events...", "results=[{results}]");'
    )
    overlay = jimport("ij.IJ").getImage().getOverlay()
    rois = [] if overlay is None else list(overlay.toArray())
    found = [[str(r.getName()), int(r.getTPosition()), float(r.getFloatPolygon().xpoints[0])] for r in rois]
    imagej.run_macro("close();")
    return found


def opened_results(imagej: ImageJ, _: Path) -> dict[str, Any]:
    results = os.environ["EPIFIJI_TEST_RESULTS"]
    return {
        "folder": _open(imagej, results),
        "zips alone": _open(imagej, os.environ["EPIFIJI_TEST_ZIPS"]),
        "table": _open(imagej, f"{results}/events.csv"),
    }


def refused_results(imagej: ImageJ, folder: Path) -> dict[str, str]:
    said = {}
    for name, results in {"missing": "/no/such/folder", "empty": str(folder)}.items():
        with pytest.raises(ImageJError) as failure:
            _open(imagej, results)
        said[name] = str(failure.value)
    results = os.environ["EPIFIJI_TEST_RESULTS"]
    return said | refusals(
        imagej,
        {
            "other movie": f'newImage("other", "8-bit", 10, 10, 6); run("Open Epithelial Events...", "results=[{results}]");',
            "none named": 'run("Open Epithelial Events...");',
        },
    )


def maps_shown(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Keep the composite's pixels, to be compared with the maps and the movie."""
    import numpy as np
    from scyjava import jimport

    imagej.run_macro(
        f'open("{os.environ["EPIFIJI_TEST_MOVIE"]}"); run("Show Event Probability Maps...", "results=['
        f'{os.environ["EPIFIJI_TEST_RESULTS"]}]");'
    )
    image = jimport("ij.IJ").getImage()
    stack = image.getStack()
    frames = [np.asarray(stack.getPixels(i + 1)).view(np.uint8) for i in range(int(stack.getSize()))]
    np.save(folder / "composite.npy", np.stack(frames))
    shape = [int(image.getNFrames()), int(image.getNChannels()), int(image.getHeight()), int(image.getWidth())]
    title = str(image.getTitle())
    rois = image.getOverlay().toArray()
    legend = [str(roi.getText()).strip() for roi in rois if hasattr(roi, "getText")]
    swatches = [[str(roi.getName()), _rgb(roi.getFillColor())] for roi in rois if not hasattr(roi, "getText")]
    imagej.run_macro("close(); close();")
    return {"shape": shape, "title": title, "legend": legend, "swatches": swatches}


def maps_by_the_former_label(imagej: ImageJ, _: Path) -> list[str]:
    """Run a macro with the former label without dots; return the titles of the open images and of the active one."""
    from scyjava import jimport

    imagej.run_macro(f'open("{os.environ["EPIFIJI_TEST_MOVIE"]}"); run("Show Event Probability Maps", "results=['
                     + os.environ["EPIFIJI_TEST_RESULTS"] + ']");')  # fmt: skip
    titles = sorted(str(title) for title in jimport("ij.WindowManager").getImageTitles())
    shown = str(jimport("ij.IJ").getImage().getTitle())
    imagej.run_macro("close(); close();")
    return [*titles, shown]


def _rgb(colour: Any) -> list[int]:
    return [int(colour.getRed()), int(colour.getGreen()), int(colour.getBlue())]


def maps_of_another_movie(imagej: ImageJ, _: Path) -> str:
    with pytest.raises(ImageJError) as failure:
        imagej.run_macro('newImage("other", "8-bit", 10, 10, 6); run("Show Event Probability Maps...", "results=['
                         + os.environ["EPIFIJI_TEST_RESULTS"] + ']");')  # fmt: skip
    return str(failure.value)


def checked(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro('run("Check EpiFiji Installation"); run("Stop EpiFiji Engine");')


RESULTS = [opened_results, refused_results, maps_shown, maps_by_the_former_label, maps_of_another_movie, checked]
