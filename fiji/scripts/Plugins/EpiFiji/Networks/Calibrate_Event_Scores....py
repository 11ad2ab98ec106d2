"""Plugins > EpiFiji > Networks > Calibrate Event Scores...: a copy of a network whose scores are the shares of right events."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def calibrate(parameters):
    found = call("calibrate_scores", {"settings": parameters})
    for notice in found["notices"]:
        log(notice)
    if not GraphicsEnvironment.isHeadless():
        show_pictures(found, current_image(needed=False))
        if parameters.get("table", True):
            show_table("Scores of %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])


command("Calibrate Event Scores...", calibrate)
