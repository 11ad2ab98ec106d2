"""Plugins > EpiFiji > Cells > Measure Cells around Events...: follows the cell of each event, with curves, gallery, table and outlines."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.identity import results_shown
from epifiji_client.images.manager import managing, roi_manager
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def measure(parameters):
    image = current_image(needed=False)
    found = call("cells_around", {"settings": parameters})
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, image)
    if not GraphicsEnvironment.isHeadless():
        if found["outlines"]:
            # Outlines are added; the other ROIs stay.
            with managing():
                roi_manager().runCommand("Open", found["outlines"])
        if parameters.get("table", True) and found["rows"]:
            show_table("Cells of %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])


command("Measure Cells around Events...", measure, results_shown())
