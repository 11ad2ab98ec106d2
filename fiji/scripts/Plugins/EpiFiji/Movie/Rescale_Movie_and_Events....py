"""Plugins > EpiFiji > Movie > Rescale Movie and Events...: rescales the open movie in space and time, with its events."""
from ij import IJ

from epifiji_client.commands.run import call, command
from epifiji_client.images.movies import current_image, shown_pixels
from epifiji_client.movie.crop_and_rescale import RoisOfMovie, make_files, new_rois, show_with_rois


def rescale(parameters):
    image = current_image() if "input" not in parameters else None
    if image is None or "out" in parameters:
        make_files("rescale", parameters, image)
        return
    shown = RoisOfMovie(image)
    pixels, shown_range = shown_pixels(image), (image.getDisplayRangeMin(), image.getDisplayRangeMax())
    found = call("rescale_here", {"settings": parameters, "places": shown.places()}, pixels)
    made = IJ.openImage(found["file"])
    made.setTitle(found["name"])
    made.setDisplayRange(*shown_range)
    rois, left_out = new_rois(made, found, shown, (found["ratios"][1], found["ratios"][2]))
    show_with_rois(made, rois, left_out, parameters.get("replace_rois", False))


command("Rescale Movie and Events...", rescale)
