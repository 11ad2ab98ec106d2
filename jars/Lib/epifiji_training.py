"""Shows the result of a training: pictures, a table of scores, and whether to use the new network (Jython 2.7)."""
from java.awt import GraphicsEnvironment

from epifiji_client import report
from epifiji_figures import show_pictures
from epifiji_images import current_image
from epifiji_log import log
from epifiji_windows import show_table


def show_training(found, parameters):
    headless = GraphicsEnvironment.isHeadless()
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, current_image(needed=False))
    if parameters.get("table", True) and not headless:
        show_table("Training of %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])
