"""Plugins > EpiFiji > Review > Show Event Gallery...: shows each event as a row of crops of the open movie over time."""
from ij import IJ

from epifiji_client.commands.run import call, command, report
from epifiji_client.images.active import mark_figure
from epifiji_client.images.identity import results_shown
from epifiji_client.images.movies import current_image, saved_rois, shown_pixels
from epifiji_client.screen.log import log
from epifiji_client.movie.crop_and_rescale import RoisOfMovie
from epifiji_client.images.rois import events_among


def show(parameters):
    image = current_image()
    pixels = shown_pixels(image)
    with saved_rois([] if "events" in parameters else events_among(RoisOfMovie(image).rois)) as rois:
        found = call("gallery", {"settings": parameters, "manager": rois}, pixels)
    for notice in found["notices"]:
        log(notice)
    picture = IJ.openImage(found["file"])
    picture.setTitle(found["name"])
    mark_figure(picture, image)
    picture.show()
    report("%d of %d events" % (found["shown"], found["of"]))


command("Show Event Gallery...", show, results_shown("events"))
