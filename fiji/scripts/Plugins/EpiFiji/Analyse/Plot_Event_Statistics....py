"""Plugins > EpiFiji > Analyse > Plot Event Statistics...: plots rate, density and nearest neighbours of events, with a table."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.figures import described, show_pictures
from epifiji_client.images.identity import results_shown
from epifiji_client.images.movies import current_image, saved_manager, shown_pixels
from epifiji_client.screen.log import log
from epifiji_client.screen.windows import show_table


def plot(parameters):
    image = current_image(needed=False)
    headless = GraphicsEnvironment.isHeadless()
    with saved_manager(image, needed="results" not in parameters and not headless) as manager:
        request = {"settings": parameters, "manager": manager, "image": described(image), "headless": headless}
        found = call("plot", request)
        if found.get("pixels_needed"):
            found = call("plot", request, shown_pixels(image))
    for notice in found["notices"]:
        log(notice)
    show_pictures(found, image)
    if parameters.get("table", True) and not headless:
        show_table("Statistics of %s" % found["name"], found["columns"], found["rows"])
    report(found["said"])


command("Plot Event Statistics...", plot, results_shown())
