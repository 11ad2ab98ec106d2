"""Plugins > EpiFiji > Analyse > Export Events...: writes events in the formats of TrackMate, napari and QuPath."""
from ij import WindowManager

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.identity import results_of, results_shown
from epifiji_client.screen.log import log


def export(parameters):
    image = WindowManager.getCurrentImage()
    if "results" not in parameters and image is not None and results_of(image):
        parameters = dict(parameters, results=results_of(image))
    found = call("export", {"settings": parameters})
    for notice in found["notices"]:
        log(notice)
    report(found["said"])


command("Export Events...", export, results_shown())
