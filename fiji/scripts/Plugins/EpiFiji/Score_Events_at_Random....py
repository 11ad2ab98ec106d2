"""Plugins > EpiFiji > Score Events at Random...: judge some events, right (y) or wrong (n), for the precision of all."""
from ij import IJ
from java.awt import GraphicsEnvironment

from epifiji_client import call, command, tell
from epifiji_engine import EngineError
from epifiji_figures import described
from epifiji_identity import results_shown
from epifiji_images import current_image, require_shape, saved_manager
from epifiji_log import log
from epifiji_review import ReviewWindow
from epifiji_windows import show_table


def score(parameters):
    if GraphicsEnvironment.isHeadless():
        raise EngineError("Judging events needs a window: start ImageJ with one.", "input")
    image = current_image(needed="results" not in parameters)
    with saved_manager(image, needed="results" not in parameters) as manager:
        begun = call("score_begin", {"settings": parameters, "manager": manager, "image": described(image)})
    for notice in begun["notices"]:
        log(notice)
    if image is None:
        if not begun["movie"]:
            raise EngineError("No image is open, but scoring events needs the movie: open it first.", "input")
        image = IJ.openImage(begun["movie"])
        image.show()
    require_shape(image, begun["shape"], "The events")
    ReviewWindow(image, begun).run()
    found = call("score_end", {"settings": parameters, "review": begun["review"], "totals": begun["totals"]})
    if not found["judged"]:
        tell("no event was judged")
        return
    show_table("Score of %s" % image.getShortTitle(), found["columns"], found["rows"])
    tell("%d events judged%s" % (found["judged"], "; written to " + found["file"] if found["file"] else ""))


command("Score Events at Random...", score, results_shown())
