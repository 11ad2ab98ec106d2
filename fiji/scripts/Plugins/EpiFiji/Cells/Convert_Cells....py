"""Plugins > EpiFiji > Cells > Convert Cells...: between ROIs, label images, Cellpose's _seg.npy and COCO's JSON."""
from epifiji_client.cells.conversion import rois_first, saved_cells, show_converted
from epifiji_client.commands.run import call, command, report
from epifiji_client.screen.log import log


def convert(parameters):
    with saved_cells(parameters) as given:
        found = call("convert_cells", {"settings": given})
    for notice in found["notices"]:
        log(notice)
    show_converted(found["shown"])
    report(found["said"])


command("Convert Cells...", convert, rois_first())
