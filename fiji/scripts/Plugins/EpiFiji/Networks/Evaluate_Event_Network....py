"""Plugins > EpiFiji > Networks > Evaluate Event Network...: scores networks on movies with annotated events, in tables and curves."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def evaluate(parameters):
    headless = GraphicsEnvironment.isHeadless()
    found = call("evaluate", {"settings": parameters, "headless": headless})
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, current_image(needed=False))
    if parameters.get("table", True) and not headless:
        if found["difference_rows"]:
            show_table("Networks compared on %s" % found["name"], found["difference_columns"], found["difference_rows"])
        show_table("Networks on %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])


command("Evaluate Event Network...", evaluate)
