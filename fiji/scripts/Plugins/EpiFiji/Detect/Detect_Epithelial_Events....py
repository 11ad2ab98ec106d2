"""Plugins > EpiFiji > Detect > Detect Epithelial Events...: detects cell events in the open movie and shows them as ROIs."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.movies import current_image, requested_pixels, show_maps, wide_manager
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.opening import events_shown, table_wanted


def detect(parameters):
    headless = GraphicsEnvironment.isHeadless()
    image = None if "input" in parameters else current_image()
    pixels = requested_pixels(image, parameters.get("channel", "")) if image is not None else None
    request = {"settings": parameters, "headless": headless or image is None, "as_text": True, "table": table_wanted(parameters)}
    found = call("detect", request, pixels)
    if found.get("maps"):
        if image is not None and not headless:
            # The maps lie beside it.
            wide_manager()
        show_maps(image, found)
    if image is not None:
        events_shown(image, found, parameters, found["folder"], found["text"])
    for notice in found["notices"]:
        log(notice)
    counts = ", ".join("%d %s" % (kind["count"], kind["name"]) for kind in found["classes"])
    written = "; the results are in " + found["folder"] if found["folder"] else ""
    report("%s: %s, found by %s%s" % (found["name"], counts, found["network"], written))


command("Detect Epithelial Events...", detect)
