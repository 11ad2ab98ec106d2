"""The movie that a command is about: the active image or, if that is one of EpiFiji's figures, the figure's movie (Jython 2.7)."""
from ij import IJ, WindowManager

FIGURE = "EpiFiji figure of"
"""The image property of plots, galleries and maps: the identifier of the movie from which they were made; 0 if there is none."""


def mark_figure(picture, movie):
    """Remember of which movie an image is a figure; without a movie, of the one that is active now."""
    movie = movie if movie is not None else active_image()
    picture.setProperty(FIGURE, movie.getID() if movie is not None else 0)


def is_figure(image):
    """Return whether an image is a figure, which no command takes as its movie."""
    return image.getProperty(FIGURE) is not None


def active_image():
    """Return the active image, or the movie of the active figure; None if there is none.

    If that movie was closed, the only other image that is no figure stands in for it. Of several none is guessed.
    """
    active = WindowManager.getCurrentImage()
    if active is None or not is_figure(active):
        return active
    movie = WindowManager.getImage(active.getProperty(FIGURE))
    if movie is not None:
        return movie
    images = [WindowManager.getImage(identifier) for identifier in WindowManager.getIDList() or []]
    others = [image for image in images if image is not None and not is_figure(image)]
    return others[0] if len(others) == 1 else None


def movie_to_front():
    """Make the movie of the active figure the active image, so that ImageJ, its ROI Manager and the command use the same one."""
    movie = active_image()
    if movie is not None and movie is not WindowManager.getCurrentImage():
        IJ.selectWindow(movie.getID())
