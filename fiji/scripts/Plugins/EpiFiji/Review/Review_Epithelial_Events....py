"""Plugins > EpiFiji > Review > Review Epithelial Events...: keep (y), reject (n) or correct events one by one; u undoes, Esc ends."""
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import call, command
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.figures import described
from epifiji_client.images.identity import folder_beside, movie_of
from epifiji_client.images.movies import current_image, managed_rois, saved_rois
from epifiji_client.screen.log import log
from epifiji_client.events.navigator.navigator import in_front, set_aside
from epifiji_client.events.review import ReviewWindow, show_summary
from epifiji_client.images.rois import events_among


def review(parameters):
    if GraphicsEnvironment.isHeadless():
        raise EngineError("A review needs a window: start ImageJ with one.", "input")
    image = current_image(needed="results" not in parameters)
    with set_aside(image):
        _review(image, parameters)


def _review(image, parameters):
    reviewed = events_among(managed_rois(image)) if "results" not in parameters else []
    with saved_rois(reviewed) as manager:
        found = call("review_begin", {"settings": parameters, "manager": manager, "beside": folder_beside(image), "image": described(image)})
    for notice in found["notices"]:
        log(notice)
    image = movie_of(image, found, "The events", "a review")
    if not found["order"]:
        raise EngineError("There are no events of these classes to review: choose others.", "input")
    window = ReviewWindow(image, found)
    window.run()
    summary = call("review_end", {"review": found["review"], "movie": image.getShortTitle(), "image": described(image)})
    show_summary(window, summary, reviewed)


# The navigator is the review of its movie.
if not in_front():
    command("Review Epithelial Events...", review)
