"""Plugins > EpiFiji > Cells > Compare Cells...: scores segmented cells, and shows which are properly, over- and under-segmented."""
from java.awt import GraphicsEnvironment

from epifiji_cell_images import open_cells, saved_images
from epifiji_client import call, command, report
from epifiji_figures import show_pictures
from epifiji_images import current_image
from epifiji_log import log
from epifiji_windows import show_table


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
