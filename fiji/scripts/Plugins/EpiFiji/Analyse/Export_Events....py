"""Plugins > EpiFiji > Analyse > Export Events...: writes events in the formats of TrackMate, napari and QuPath."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.active import active_image
from epifiji_client.images.identity import results_of, results_shown
from epifiji_client.images.figures import described
from epifiji_client.images.movies import file_of, saved_manager
from epifiji_client.screen.log import log


def export(parameters):
    image = active_image()
    if "results" not in parameters and image is not None and results_of(image):
        parameters = dict(parameters, results=results_of(image))
    needed = "results" not in parameters and image is not None and not GraphicsEnvironment.isHeadless()
    with saved_manager(image, needed) as manager:
        shown = dict(described(image), file=file_of(image)) if needed else None
        found = call("export", {"settings": parameters, "manager": manager, "image": shown})
    for notice in found["notices"]:
        log(notice)
    report(found["said"])


command("Export Events...", export, results_shown())
