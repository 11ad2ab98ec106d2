"""Plugins > EpiFiji > Detect > Adjust Event Thresholds...: sliders for the thresholds of kept probability maps; a macro gives the values."""
from ij import Macro
from java.awt import GraphicsEnvironment
from java.io import File

from epifiji_client.commands.run import call, command, record, report
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.identity import movie_of, results_shown
from epifiji_client.images.movies import RESULTS, current_image, show_events
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.navigator import events_adjusted, in_front, navigators_of
from epifiji_client.events.thresholds import ThresholdWindow

LABEL = "Adjust Event Thresholds..."


def adjust(parameters):
    image = current_image(needed=False)
    results = parameters.get("results") or (image.getProperty(RESULTS) if image is not None else None)
    if not results:
        raise EngineError("No results were specified, but a result folder with maps is needed: choose one as results.", "input")
    parameters["results"] = File(results).getAbsolutePath()
    if Macro.getOptions() is None and not GraphicsEnvironment.isHeadless():
        found = call("candidates", {"results": parameters["results"], "saved": bool(parameters.get("save"))})
        image = movie_of(image, found, "The maps", "the choice of thresholds")
        window = ThresholdWindow(image, found)
        chosen = window.run()
        if chosen is None:
            report("the thresholds were not changed")
            return
        parameters.update(chosen)
        record(LABEL, parameters)
    found = call("adjust", {"settings": parameters})
    for notice in found["notices"]:
        log(notice)
    image = movie_of(image, found, "The maps", "the choice of thresholds")
    show_events(image, found, parameters.get("replace_rois", False), parameters.get("table", not navigators_of(image)))
    events_adjusted(image, found["folder"] if parameters.get("save") else None, found["text"])
    report("%d events of %s%s" % (len(found["events"]), found["name"],
                                  "; saved in " + found["folder"] if parameters.get("save") else ""))


if not in_front("thresholds"):
    command(LABEL, adjust, results_shown())
