"""Plugins > EpiFiji > Analyse > Compare Event ROIs...: compares detected events with a reference; shows matches and errors in colour."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import described, show_pictures
from epifiji_client.images.identity import results_shown
from epifiji_client.images.movies import current_image, saved_manager, show_events
from epifiji_client.screen.log import log
from epifiji_client.images.rois import COMPARISON
from epifiji_client.screen.windows import show_table


def compare(parameters):
    image = current_image(needed=False)
    headless = GraphicsEnvironment.isHeadless()
    with saved_manager(image, needed="detected" not in parameters and not headless) as manager:
        found = call("compare", {"settings": parameters, "manager": manager, "image": described(image)})
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, image)
    show_events(image, found, parameters.get("replace_rois", False), False, COMPARISON)
    if parameters.get("table", True) and not headless:
        show_table("Comparison of %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])


command("Compare Event ROIs...", compare, results_shown("detected"))
