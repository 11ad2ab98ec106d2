"""Checks whether results belong to the open image.

The engine compares the file or, without a file, the pixels (Jython 2.7).
"""
import os
import re

from ij import IJ

from epifiji_client.engine.connection import call
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import active_image
from epifiji_client.images.frames import frames_are_channels, shape_of
from epifiji_client.images.movies import RESULTS, file_of, require_shape, shown_pixels
from epifiji_client.screen.log import log

EXTENSION = re.compile(r"(\.ome)?\.(tiff?|btf|tf8|lsm|stk|h5|hdf5|hdf|zarr)$", re.IGNORECASE)

CHOSEN = "EpiFiji results of the next dialog"
"""The image property with the results that the next dialog first shows."""


def require_movie(place, parameters):
    """Refuse the results in a place if they do not belong to the active image, unless other_movie is given.

    Log what was not compared.
    """
    image = active_image()
    if image is None or not place or "input" in parameters:
        return
    request = {"results": place, "other_movie": parameters.get("other_movie", False), "shown": _described(image)}
    found = call("identify", request)
    if found["pixels_needed"]:
        try:
            pixels = shown_pixels(image)
        except EngineError:
            # Colours and planes cannot be compared. A command that needs a movie refuses them itself.
            pixels, request = None, dict(request, image=None)
        found = call("identify", request, pixels)
    for notice in found["notices"]:
        log(notice)


def results_of(image, endings=("_epifiji",)):
    """Return the folder of an image's results: the known one, or the first one next to its file with one of these endings.

    An empty text if there is none.
    """
    folder = image.getProperty(RESULTS)
    if folder:
        return folder
    path = file_of(image)
    if path is None:
        return ""
    stem = EXTENSION.sub("", path) if EXTENSION.search(path) else os.path.splitext(path)[0]
    beside = [stem + ending for ending in endings if os.path.isfile(os.path.join(stem + ending, "run.json"))]
    return beside[0] if beside else ""


def movie_of(image, found, what, user=None):
    """Return the image or, if it is None, the movie of an answer's results, opened; refuse one of another shape than what has.

    user is what needs the movie; without a user, None is returned if the movie cannot be opened.
    """
    path = found["movie"]
    if image is None and path and os.path.isfile(path):
        image = IJ.openImage(path)
        if image is not None:
            image.show()
    if image is None and user:
        why = "%s cannot be opened as an image" % path if path else "the movie of the results was not found"
        raise EngineError("No image is open, and %s, but %s needs it: open the movie first." % (why, user), "input")
    if image is not None:
        require_shape(image, found["shape"], what)
    return image


def folder_beside(image):
    """Return the folder for the review of events that are not saved; None if the image has none."""
    if image is None or not (image.getProperty(RESULTS) or file_of(image)):
        return None
    return image.getProperty(RESULTS) or os.path.splitext(file_of(image))[0] + "_epifiji"


def results_shown(key="results", endings=("_epifiji",)):
    """Return a dialog's first value of the results (key): empty if the active image has none, never those of another movie."""
    image = active_image()
    if image is None:
        return {}
    chosen = image.getProperty(CHOSEN)
    image.setProperty(CHOSEN, None)
    return {key: results_of(image, endings) if chosen is None else chosen}


def choose_results(image, results):
    """Let the next dialog about an image first show some results; None shows an empty field, for the ROIs in the manager."""
    image.setProperty(CHOSEN, results or "")


def _described(image):
    alone = image.getNChannels() == 1 or frames_are_channels(image)
    return {"title": image.getTitle(), "shape": shape_of(image), "file": file_of(image), "alone": alone}
