"""Cells to convert: files, open images, and the ROIs of the ROI Manager; and the converted ones as they are shown (Jython 2.7)."""
from contextlib import contextmanager
import os

from ij import IJ
from java.awt import GraphicsEnvironment

from epifiji_client.cells.images import open_image, saved_images
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import active_image
from epifiji_client.images.manager import open_manager, roi_manager
from epifiji_client.images.movies import file_of, saved_rois


@contextmanager
def saved_cells(parameters):
    """Yield the parameters with temporary files instead of open images; without cells, with the ROIs of the ROI Manager.

    What is written goes next to the file of the open image, if no folder is given.
    """
    manager = open_manager()
    rois = list(manager.getRoisAsArray()) if manager is not None and "cells" not in parameters else []
    given = dict(parameters)
    if rois and "image" not in given and active_image() is None:
        raise EngineError("The ROIs in the ROI Manager belong to an image, but none is open: open it, or specify it.", "input")
    if rois and "image" not in given:
        given["image"] = file_of(active_image()) or active_image().getTitle()
    of_open = (active_image() if "image" not in parameters else None) if rois else open_image(given.get("cells", ""))
    if "out" not in given and of_open is not None:
        given["out"] = _folder_of(of_open)
    with saved_images(given, ("cells", "image"), None) as files:
        with saved_rois(rois) as path:
            if path is not None:
                files["cells"] = path
            yield files


def _folder_of(image):
    info = image.getOriginalFileInfo()
    path = file_of(image) or (info is not None and info.directory and info.fileName and os.path.join(info.directory, info.fileName))
    if not path or not os.path.isdir(os.path.dirname(path)):
        raise EngineError("%s was not opened from a file, so there is no folder to write into: specify the folder." % image.getTitle(),
                          "input")
    return os.path.dirname(path)


def rois_first():
    """Return a dialog's first values: the ROIs of the manager instead of the file of last time."""
    manager = open_manager()
    return {"cells": "", "image": ""} if manager is not None and manager.getCount() else {}


def show_converted(path):
    """Open a label image, or put ROIs into the ROI Manager; other files, and without a window nothing, are shown."""
    if path is None or GraphicsEnvironment.isHeadless():
        return
    if path.endswith(".zip"):
        roi_manager().runCommand("Open", path)
    elif path.endswith((".tif", ".png")):
        image = IJ.openImage(path)
        image.show()
