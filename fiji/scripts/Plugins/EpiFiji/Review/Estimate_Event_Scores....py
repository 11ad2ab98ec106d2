"""Plugins > EpiFiji > Review > Estimate Event Scores...: what a review of some events lets expect of all, and a threshold."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.identity import results_shown
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def estimate(parameters):
    headless = GraphicsEnvironment.isHeadless()
    found = call("estimate_scores", {"settings": parameters, "headless": headless})
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, current_image(needed=False))
    if parameters.get("table", True) and not headless:
        show_table("Expected scores of %s" % found["name"], found["columns"], found["rows"])
    for sentence in found["said"][:-1]:
        log(sentence)
    report(found["said"][-1])


command("Estimate Event Scores...", estimate, results_shown())
