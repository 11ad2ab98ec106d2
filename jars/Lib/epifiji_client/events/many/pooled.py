"""The pooled events of many movies: tables and the plot by condition (Jython 2.7)."""
from java.awt import GraphicsEnvironment

from epifiji_client.screen.log import log
from epifiji_client.commands.run import report
from epifiji_client.screen.windows import show_table
from epifiji_client.images.figures import show_pictures


def show_pooled(found, table=True):
    """Show the engine's answer, with its tables if table is true; without a window only its sentences are logged."""
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, None)
    if table and not GraphicsEnvironment.isHeadless():
        for one in found["tables"]:
            show_table(one["title"], one["columns"], one["rows"])
    report(found["said"])
