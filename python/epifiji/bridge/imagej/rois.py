"""ROI zips shown in ImageJ: in the ROI Manager, or as an overlay where there is no window."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.errors import java_errors
from epifiji.data.errors import WrongInputError


def show_rois(image: Any, zips: Iterable[str | Path], headless: bool) -> int:
    """Show the ROIs of zips on an image; see :meth:`ImageJ.show_rois`."""
    rois = [roi for path in zips for roi in read_imagej_rois(Path(path))]
    with java_errors(f"Showing ROIs on {image.getTitle()}"):
        if headless:
            _add_to_overlay(image, rois)
        else:
            _add_to_manager(image, rois)
    return len(rois)


def read_imagej_rois(path: Path) -> Iterator[Any]:
    """Read the ROIs of a zip with ImageJ's own decoder: names, positions and colours are those of the file.

    Raises
    ------
    WrongInputError
        Where the file is no zip of ImageJ ROIs.
    """
    import jpype
    from scyjava import jimport

    decoder = jimport("ij.io.RoiDecoder")
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.infolist() if name.filename.endswith(".roi")}
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise WrongInputError(
            f"{path} cannot be read ({error}), but a zip of ImageJ ROIs is needed: check the path."
        ) from None
    if not files:
        raise WrongInputError(
            f"{path} holds no ROIs, but a zip of ImageJ ROIs is needed: save them from the ROI Manager."
        )
    for file, content in files.items():
        try:
            yield decoder(content, Path(file.filename).name).getRoi()
        except jpype.JException:
            raise WrongInputError(f"{file.filename} in {path} is no ImageJ ROI: save the ROIs again.") from None


def _add_to_overlay(image: Any, rois: Iterable[Any]) -> None:
    from scyjava import jimport

    overlay = image.getOverlay()
    if overlay is None:
        overlay = jimport("ij.gui.Overlay")()
    for roi in rois:
        overlay.add(roi)
    image.setOverlay(overlay)


def _add_to_manager(image: Any, rois: Iterable[Any]) -> None:
    from scyjava import jimport

    image.show()
    manager = jimport("ij.plugin.frame.RoiManager").getRoiManager()
    for roi in rois:
        # addRoi would rename a ROI called FFFF-YYYY-XXXX after the frame that is shown.
        manager.add(image, roi, -1)
    manager.runCommand(image, "Show All")
