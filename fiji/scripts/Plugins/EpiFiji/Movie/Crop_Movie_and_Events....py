"""Plugins > EpiFiji > Movie > Crop Movie and Events...: crops the open movie in space and time, with the events in it."""
from epifiji_client.commands.run import call, command
from epifiji_client.images.active import active_image
from epifiji_client.images.frames import shape_of
from epifiji_client.images.movies import current_image, shown_pixels
from epifiji_client.images.part import with_selection
from epifiji_client.movie.crop_and_rescale import RoisOfMovie, cropped, make_files, new_rois, show_with_rois


def crop(parameters):
    image = current_image() if "input" not in parameters else None
    if image is not None:
        parameters = with_selection(parameters, image)
    if image is None or "out" in parameters:
        make_files("crop", parameters, image)
        return
    shown_pixels(image)  # raises for an image that is not a movie
    shown = RoisOfMovie(image)
    found = call("crop_here", {"settings": parameters, "title": image.getTitle(), "shape": shape_of(image), "places": shown.places()})
    made = cropped(image, found)
    rois, left_out = new_rois(made, found, shown)
    show_with_rois(made, rois, left_out, parameters.get("replace_rois", False))


image = active_image()
command("Crop Movie and Events...", crop, with_selection({}, image) if image is not None else {})
