"""Shows the result of a training, or of a study of trainings: pictures, a table of scores, and a conclusion (Jython 2.7)."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def show_training(found, parameters, title="Training of %s"):
    headless = GraphicsEnvironment.isHeadless()
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, current_image(needed=False))
    if parameters.get("table", True) and not headless:
        show_table(title % found["name"], found["columns"], found["rows"])
    report(found["said"])
