"""Plugins > EpiFiji > Detect Epithelial Events...: detects cell events in the open movie and shows them as ROIs."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client import call, command, report
from epifiji_images import Pixels, current_image, show_events, show_maps, shown_pixels
from epifiji_log import log


def detect(parameters):
    headless = GraphicsEnvironment.isHeadless()
    image = None if "input" in parameters else current_image()
    channel = parameters.get("channel", "")
    pixels = None
    if image is not None:
        # In the dialog the shown channel is the default. A macro must specify it, so that its result is always the
        # same.
        shown = not channel and not headless and Macro.getOptions() is None
        pixels = shown_pixels(image) if shown else Pixels(image, int(channel) if channel.isdigit() else None)
        if shown and image.getNChannels() > 1 and pixels.layout["time_axis"] != "C":
            pixels.notices.append("%s has %d channels: channel %d was used, which is shown."
                                  % (image.getTitle(), image.getNChannels(), image.getC()))
    found = call("detect", {"settings": parameters, "headless": headless or image is None}, pixels)
    if image is not None:
        show_events(image, found, parameters.get("replace_rois", False), parameters.get("table", True))
    if found.get("maps"):
        show_maps(image, found)
    for notice in found["notices"]:
        log(notice)
    counts = ", ".join("%d %s" % (kind["count"], kind["name"]) for kind in found["classes"])
    written = "; the results are in " + found["folder"] if found["folder"] else ""
    report("%s: %s, found by %s%s" % (found["name"], counts, found["network"], written))


command("Detect Epithelial Events...", detect)
