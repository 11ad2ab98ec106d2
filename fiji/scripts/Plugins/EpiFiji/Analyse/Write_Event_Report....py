"""Plugins > EpiFiji > Analyse > Write Event Report...: writes results as one HTML file and as PDF, and shows it in the browser."""
from java.awt import GraphicsEnvironment
from java.io import File

from ij.plugin import BrowserLauncher

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import described
from epifiji_client.images.identity import results_of, results_shown
from epifiji_client.images.movies import current_image, shown_pixels


def write(parameters):
    image = current_image(needed=False)
    if "results" not in parameters and image is not None and results_of(image):
        parameters = dict(parameters, results=results_of(image))
    request = {"settings": parameters, "image": described(image)}
    found = call("report", request)
    if found.get("pixels_needed"):
        found = call("report", request, shown_pixels(image))
    if parameters.get("show", True) and not GraphicsEnvironment.isHeadless():
        BrowserLauncher.openURL(File(found["files"][0]).toURI().toString())
    report(found["said"])


command("Write Event Report...", write, results_shown())
