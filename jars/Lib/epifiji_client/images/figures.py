"""Shared by comparisons and plots: a description of the open image, and the display of the engine's pictures (Jython 2.7)."""
import os

from ij import IJ
from java.awt import GraphicsEnvironment

from epifiji_client.images.active import mark_figure
from epifiji_client.images.frames import shape_of
from epifiji_client.images.movies import layout_of
from epifiji_client.screen.windows import keep_on_screen


def described(image):
    """Describe an image without its pixels; return None if there is no image."""
    if image is None:
        return None
    scale = image.getCalibration()
    return {
        "title": image.getTitle(),
        "shape": shape_of(image),
        "layout": layout_of(image),
        "calibration": {
            "pixel_width": scale.pixelWidth,
            "pixel_height": scale.pixelHeight,
            "x_unit": scale.getXUnit(),
            "y_unit": scale.getYUnit(),
            "interval": scale.frameInterval,
            "time_unit": scale.getTimeUnit(),
        },
    }


def show_pictures(answer, image):
    """Show an answer's pictures, and make the movie the active image again.

    Their titles are those of the answer, or <name>-<picture>.
    """
    if not GraphicsEnvironment.isHeadless():
        titles = answer.get("titles") or ["%s-%s" % (answer["name"], os.path.splitext(os.path.basename(path))[0])
                                          for path in answer["pictures"]]
        for path, title in zip(answer["pictures"], titles):
            picture = IJ.openImage(path)
            picture.setTitle(title)
            mark_figure(picture, image)
            picture.show()
            keep_on_screen(picture.getWindow())
        if answer["pictures"] and image is not None and image.getWindow() is not None:
            IJ.selectWindow(image.getID())
