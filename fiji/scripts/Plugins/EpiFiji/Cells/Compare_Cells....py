"""Plugins > EpiFiji > Cells > Compare Cells...: scores segmented cells, and shows which are properly, over- and under-segmented."""
from java.awt import GraphicsEnvironment

from epifiji_client.cells.images import open_cells, saved_images
from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import show_pictures
from epifiji_client.images.movies import current_image
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def compare(parameters):
    with saved_images(parameters, ("predicted", "annotated"), "predicted") as given:
        found = call("compare_cells", {"settings": given})
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, current_image(needed=False))
    if parameters.get("table", True) and not GraphicsEnvironment.isHeadless():
        show_table("Comparison of cells", found["columns"], found["rows"])
    report(found["said"])


command("Compare Cells...", compare, open_cells())
