"""Plugins > EpiFiji > Review > Check Boxes Completely...: you mark every event in boxes drawn at random; gives recall with its interval."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import described
from epifiji_client.images.identity import movie_of, results_shown
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table
from epifiji_client.events.navigator.navigator import close_navigators, navigate


def check_boxes(parameters):
    image = current_image(needed=False)
    headless = GraphicsEnvironment.isHeadless()
    if not headless and image is not None:
        # Its decisions are written before the boxes are read.
        close_navigators(image)
    found = call("check_begin", {"settings": parameters, "image": described(image)})
    for notice in found["notices"]:
        log(notice)
    if parameters.get("table", False) and found["rows"] and not headless:
        show_table("Complete check of %s" % found["name"], found["columns"], found["rows"])
    if not headless and parameters.get("guide", Macro.getOptions() is None):
        image = movie_of(image, found, "The events", "a check")
        navigate(image, parameters["results"], check=found)
    report(found["said"][0])


command("Check Boxes Completely...", check_boxes, results_shown())
