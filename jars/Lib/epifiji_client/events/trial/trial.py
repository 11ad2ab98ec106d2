"""A trial of networks at one place of the open movie: in a window, or for a macro (Jython 2.7)."""
from ij import Macro
from ij.plugin.frame import Recorder
from java.awt import GraphicsEnvironment

from epifiji_client.screen.log import log
from epifiji_client.commands.run import call, record, report, run_with, scale_of_movie
from epifiji_client.screen.windows import show_table
from epifiji_client.events.trial.window import TrialWindow
from epifiji_client.images.movies import current_image, frame_in_view, requested_pixels
from epifiji_client.images.part import PartOfPixels, with_selection

LABEL = "Try Networks Here"
TABLE = "Finds of networks in %s"
RECTANGLE = ("x", "y", "width", "height")


def try_networks(parameters):
    """Try the networks, and show what they find; its window can go on with the dialog of a detection, in this movie or in many."""
    image = current_image()
    if Macro.getOptions() is not None or GraphicsEnvironment.isHeadless():
        _report(parameters, tried(image, parameters))
        return
    window = TrialWindow(image, tried(image, parameters), scale_of_movie(), lambda more: tried(image, dict(parameters, **more)))
    chosen = window.run()
    record(LABEL, window.found["settings"])
    if chosen is not None:
        Recorder.saveCommand()
        run_with(*chosen)
        Recorder.setCommand(None)


def tried(image, parameters):
    """Let the engine try the networks at the selection or in the middle of the view, in the frame in view.

    The answer has also the settings that repeat the trial, the place and its pixels.
    """
    pixels = requested_pixels(image, parameters.get("channel", ""))
    settings = with_selection(parameters, image)
    settings = dict(settings, frame=settings.get("frame", str(frame_in_view(image, pixels))))
    shape = [pixels.frames, image.getHeight(), image.getWidth()]
    asked = call("trial_place", {"settings": settings, "name": pixels.title, "shape": shape, "view": _view(image)})
    place = asked["place"]
    settings.update((key, str(place[key])) for key in RECTANGLE)
    found = call("trial", {"settings": settings, "shape": shape, "place": place, "part": asked["part"]}, PartOfPixels(pixels, asked["part"]))
    found.update(settings=settings, place=place, pixels=PartOfPixels(pixels, place), notices=asked["notices"] + found["notices"])
    return found


def _view(image):
    """Return the part of the frame that is in view; None if a macro needs the same result each time."""
    if Macro.getOptions() is not None or image.getCanvas() is None:
        return None
    seen = image.getCanvas().getSrcRect()
    return [seen.x, seen.y, seen.width, seen.height]


def _report(parameters, found):
    """Show the finds as a table, and write the suggestions into the log."""
    if not GraphicsEnvironment.isHeadless() and parameters.get("table", True):
        show_table(TABLE % found["name"], found["columns"], found["rows"])
    for sentence in found["notices"] + sentences(found):
        log(sentence)
    counts = ["%s: %s" % (one["name"], one["problem"] or "%d finds in %.1f s" % (_count(found, one), one["seconds"]))
              for one in found["networks"]]
    written = "; written into " + found["file"] if found["file"] else ""
    report("%s, frame %d: %s%s" % (found["name"], found["place"]["frame"] + 1, "; ".join(counts), written))


def _count(found, network):
    return len([row for row in found["rows"] if row[0] == network["name"]])


def sentences(found):
    """Return the suggested settings and their reasons, as lines of text."""
    if found["suggested"] is None:
        return []
    network = [one for one in found["networks"] if one["name"] == found["suggested"]["value"]][0]
    return ["%s: %s. %s" % (one["label"], one["shown"], one["reason"]) for one in [found["suggested"]] + network["settings"]]
