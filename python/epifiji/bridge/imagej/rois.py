"""ROI zips shown in ImageJ: in the ROI Manager or, without a window, as an overlay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.errors import java_errors
from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import roi_entries


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
    """Read the ROIs of a zip with ImageJ's decoder, which keeps their names, positions and colours.

    Raises
    ------
    WrongInputError
        If the file is not a zip of ImageJ ROIs.
    """
    import jpype
    from scyjava import jimport

    decoder = jimport("ij.io.RoiDecoder")
    found = False
    for name, content in roi_entries(path):
        found = True
        try:
            yield decoder(content, name).getRoi()
        except jpype.JException:
            raise WrongInputError(f"{name} in {path} is no ImageJ ROI: save the ROIs again.") from None
    if not found:
        raise WrongInputError(
            f"{path} contains no ROIs, but a zip of ImageJ ROIs is needed: save them from the ROI Manager."
        )


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
