"""Plugins > EpiFiji > Detect > Detect Epithelial Events...: detects cell events in the open movie and shows them as ROIs."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.movies import current_image, requested_pixels, show_events, show_maps
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.navigator import events_shown, table_wanted


def detect(parameters):
    headless = GraphicsEnvironment.isHeadless()
    image = None if "input" in parameters else current_image()
    pixels = requested_pixels(image, parameters.get("channel", "")) if image is not None else None
    table = table_wanted(parameters)
    request = {"settings": parameters, "headless": headless or image is None, "lines": True, "table": table}
    found = call("detect", request, pixels)
    if image is not None:
        show_events(image, found, parameters.get("replace_rois", False), table)
    if found.get("maps"):
        show_maps(image, found)
    events_shown(image, parameters, found["folder"], found["lines"])
    for notice in found["notices"]:
        log(notice)
    counts = ", ".join("%d %s" % (kind["count"], kind["name"]) for kind in found["classes"])
    written = "; the results are in " + found["folder"] if found["folder"] else ""
    report("%s: %s, found by %s%s" % (found["name"], counts, found["network"], written))


command("Detect Epithelial Events...", detect)
