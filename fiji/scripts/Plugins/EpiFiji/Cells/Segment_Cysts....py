"""Plugins > EpiFiji > Cells > Segment Cysts...: segments and measures the cells of the open stack (Z), and shows them in colours."""
from ij import Macro, WindowManager
from java.awt import GraphicsEnvironment

from epifiji_client.cells.segmentation import SeedsWindow
from epifiji_client.cells.shown import show_cyst
from epifiji_client.commands.run import call, command, record, report
from epifiji_client.images.movies import current_image, requested_pixels
from epifiji_client.images.volumes import VolumePixels
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import put_beside, show_table

LABEL = "Segment Cysts..."


def segment(parameters):
    headless = GraphicsEnvironment.isHeadless()
    image = None if "input" in parameters else current_image()
    pixels = requested_pixels(image, parameters.get("channel", ""), VolumePixels) if image is not None else None
    preview = parameters.pop("preview", True) and parameters.get("network", "none") == "none"
    if preview and image is not None and not headless and Macro.getOptions() is None:
        chosen = SeedsWindow(image, call("cyst_preview", {"settings": parameters}, pixels)).run()
        if chosen is None:
            call("cyst_preview_end", {})
            report("nothing was segmented")
            return
        parameters.update(chosen)
        record(LABEL, parameters)
    found = call("segment_cysts", {"settings": parameters, "headless": headless or image is None}, pixels)
    if found["shown"]:
        show_cyst(image, found, parameters.get("orthogonal", False))
    for notice in found["notices"]:
        log(notice)
    if found["rows"] and not headless:
        title = "Cells of %s" % found["name"]
        show_table(title, found["columns"], found["rows"])
        put_beside(WindowManager.getWindow(title), image)
    report(found["said"])


command(LABEL, segment)
