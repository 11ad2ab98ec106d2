"""Plugins > EpiFiji > Detect > Show Event Probability Maps...: shows kept maps of a run in colour over the movie."""
from ij import IJ
from java.io import File

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.frames import shape_of
from epifiji_client.images.movies import RESULTS, current_image, show_maps


def show(parameters):
    image = current_image(needed=False)
    results = parameters.get("results") or (image.getProperty(RESULTS) if image is not None else None)
    settings = {"results": File(results).getAbsolutePath()} if results else {}
    found = call("maps", {"settings": settings, "shape": shape_of(image) if image is not None else None})
    if image is None and found["movie"] and File(found["movie"]).isFile():
        image = IJ.openImage(found["movie"])
    show_maps(image, found)
    report("maps of " + found["name"])


command("Show Event Probability Maps...", show)
