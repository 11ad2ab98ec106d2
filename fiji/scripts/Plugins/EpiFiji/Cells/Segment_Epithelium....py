"""Plugins > EpiFiji > Cells > Segment Epithelium...: segments the cells of the open image and shows labels and outlines."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client.cells.shown import show_cells
from epifiji_client.commands.run import call, command, record, report
from epifiji_client.images.movies import current_image, only_frame_in_view, requested_pixels
from epifiji_client.screen.log import log
from epifiji_client.cells.segmentation import PreviewWindow

LABEL = "Segment Epithelium..."


def segment(parameters):
    headless = GraphicsEnvironment.isHeadless()
    image = None if "input" in parameters else current_image()
    pixels = requested_pixels(image, parameters.get("channel", "")) if image is not None else None
    preview = parameters.pop("preview", True)
    if preview and image is not None and not headless and Macro.getOptions() is None:
        found = call("segmentation_preview", {"settings": parameters}, only_frame_in_view(image, pixels))
        chosen = PreviewWindow(image, found).run()
        if chosen is None:
            report("nothing was segmented")
            return
        parameters.update(chosen)
        record(LABEL, parameters)
    found = call("segment", {"settings": parameters, "headless": headless or image is None}, pixels)
    if found["shown"]:
        show_cells(image, found)
    for notice in found["notices"]:
        log(notice)
    frames = " in %d frames" % len(found["counts"]) if len(found["counts"]) > 1 else ""
    written = "; the results are in " + found["folder"] if found["folder"] else ""
    report("%s: %d cells%s, found by %s%s" % (found["name"], sum(found["counts"]), frames, found["network"], written))


command(LABEL, segment)
