"""Plugins > EpiFiji > Cells > Correct Cells...: merge, split, add and delete segmented cells on the open image; z undoes, Esc ends."""
from java.awt import GraphicsEnvironment

from epifiji_client.cells.shown import has_outlines, show_corrected
from epifiji_client.commands.run import call, command, report
from epifiji_client.cells.correct import CorrectionWindow, cells_beside, require_saved
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import active_image
from epifiji_client.images.frames import axis_of, shape_of
from epifiji_client.images.movies import current_image, shown_pixels
from epifiji_client.screen.log import log


def correct(parameters):
    if GraphicsEnvironment.isHeadless():
        raise EngineError("Cells are corrected in a window: start ImageJ with one, or use 'epifiji correct-cells'.", "input")
    image = current_image()
    if image.getBitDepth() != 24:
        # Refuses images with Z and T; colours need not be refused, because nothing is computed from them.
        shown_pixels(image)
    beside = cells_beside(image)
    require_saved(image, parameters, beside)
    request = {"settings": parameters, "beside": beside, "title": image.getTitle(), "shape": shape_of(image),
               "axis": axis_of(image)}
    window = CorrectionWindow(image, call("correct_begin", request))
    window.run()
    ended = call("correct_end", {"session": window.session, "outlines": has_outlines(image)})
    if "shown" in ended:
        show_corrected(image, ended)
    for notice in ended["notices"]:
        log(notice)
    report(ended["said"])


def beside():
    image = active_image()
    return {"cells": (cells_beside(image) or "") if image is not None else ""}


command("Correct Cells...", correct, beside())
