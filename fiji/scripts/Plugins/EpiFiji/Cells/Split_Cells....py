"""Plugins > EpiFiji > Cells > Split Cells...: cuts images with cells into a part to train on and a part to test on."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def split(parameters):
    found = call("split_cells", {"settings": parameters})
    for notice in found["notices"]:
        log(notice)
    if parameters.get("table", True) and not GraphicsEnvironment.isHeadless():
        show_table("Parts of images", found["columns"], found["rows"])
    report(found["said"])


command("Split Cells...", split)
