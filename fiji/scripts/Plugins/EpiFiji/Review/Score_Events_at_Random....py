"""Plugins > EpiFiji > Review > Score Events at Random...: you score a random sample, right (y) or wrong (n); reports the precision."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command, report
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.figures import described
from epifiji_client.images.identity import movie_of, results_shown
from epifiji_client.images.movies import current_image, saved_manager
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.navigator import set_aside
from epifiji_client.events.review import ReviewWindow
from epifiji_client.screen.windows import show_table


def score_events(parameters):
    if GraphicsEnvironment.isHeadless():
        raise EngineError("Scoring events needs a window: start ImageJ with one.", "input")
    image = current_image(needed="results" not in parameters)
    with saved_manager(image, needed="results" not in parameters) as manager:
        found = call("score_begin", {"settings": parameters, "manager": manager, "image": described(image)})
    for notice in found["notices"]:
        log(notice)
    image = movie_of(image, found, "The events", "scoring events")
    # Its rings would show earlier decisions.
    with set_aside(image):
        ReviewWindow(image, found).run()
    score = call("score_end", {"settings": parameters, "review": found["review"], "totals": found["totals"]})
    if not score["judged"]:
        report("no event was scored")
        return
    show_table("Score of %s" % image.getShortTitle(), score["columns"], score["rows"])
    report("%d events scored%s" % (score["judged"], "; written to " + score["file"] if score["file"] else ""))


command("Score Events at Random...", score_events, results_shown())
