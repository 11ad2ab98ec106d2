"""Open images of cells, labels or outlines, as the engine reads them (Jython 2.7)."""
from contextlib import contextmanager
import os
import re
import shutil

from ij import ImagePlus, WindowManager
from ij.io import FileSaver
from java.nio.file import Files

from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import active_image, is_figure

NOT_IN_NAMES = re.compile(r'[\x00-\x1f<>:"/\\|?*]')
TIFF = re.compile(r"\.tiff?$", re.IGNORECASE)

OVERLAY = (" The %d ROIs of its overlay are not read: make labels of them with Image > Overlay > To ROI Manager and Convert Cells..., "
           "and choose those.")


def open_cells():
    """Return a dialog's first values: the active image and, if just one other of its size is open, that one as annotated cells."""
    active = active_image()
    if active is None:
        return {}
    images = [WindowManager.getImage(identifier) for identifier in WindowManager.getIDList()]
    others = [image for image in images if image is not active and not is_figure(image) and _size(image) == _size(active)]
    return {"predicted": active.getTitle(), "annotated": others[0].getTitle() if len(others) == 1 else ""}


def _size(image):
    return image.getWidth(), image.getHeight(), image.getStackSize()


@contextmanager
def saved_images(parameters, keys, first):
    """Yield the parameters with temporary files instead of titles of open images; without the first one, of the active image."""
    folder, titles, images = Files.createTempDirectory("epifiji-cells-").toString(), {}, {}
    try:
        given = dict(parameters)
        for key in keys:
            image = open_image(given[key]) if key in given else active_image() if key == first else None
            if image is not None:
                _refuse_overlay(image)
                given[key] = _saved(image, os.path.join(folder, key))
                titles[given[key]], images[given[key]] = image.getTitle(), image
        yield given
    except EngineError as error:
        # The user knows the images by their titles, not by the temporary files.
        for path, title in titles.items():
            if path in error.sentence and error.kind == "input":
                error.sentence += _of_overlay(images[path])
            error.sentence = error.sentence.replace(path, title)
        raise
    finally:
        shutil.rmtree(folder, True)


def _refuse_overlay(image):
    """Refuse an image without labels whose cells are drawn in its overlay: they would be no cells."""
    stack = image.getStack()
    levels = set()
    for number in range(1, stack.getSize() + 1) if _count(image.getOverlay()) else ():
        processor = stack.getProcessor(number)
        levels.update([processor.getMin(), processor.getMax()] if processor.getBitDepth() == 24 else _range(processor))
        if len(levels) > 1:
            return
    if levels:
        raise EngineError("%s has the same value in all pixels, so no labels.%s" % (image.getTitle(), _of_overlay(image)), "input")


def _range(processor):
    statistics = processor.getStats()
    return statistics.min, statistics.max


def _of_overlay(image):
    """Return a sentence about the ROIs in an image's overlay, which are not read as cells; nothing without any."""
    count = _count(image.getOverlay())
    return OVERLAY % count if count else ""


def _count(overlay):
    """Return the number of areas in an overlay."""
    return len([roi for roi in overlay.toArray() if roi.isArea()]) if overlay is not None else 0


def open_image(title):
    """Return the open image of a title; None if there is none, so that it is a file. ImageJ would take any of several."""
    images = [WindowManager.getImage(identifier) for identifier in WindowManager.getIDList() or []]
    found = [image for image in images if image.getTitle() == title]
    if len(found) > 1:
        raise EngineError("%d open images have the title %s, but one is meant: rename one of them with Image > Rename..., or close it."
                          % (len(found), title), "input")
    return WindowManager.getImage(title)


def _saved(image, folder):
    """Write the pixels of an image into a folder, under its title, and return the file. The image itself stays unsaved."""
    os.mkdir(folder)
    path = os.path.join(folder, TIFF.sub("", NOT_IN_NAMES.sub("_", image.getTitle())) + ".tif")
    # FileSaver marks the image that it writes as saved, and renames it.
    copy = ImagePlus(image.getTitle(), image.getStack())
    saver = FileSaver(copy)
    saver.saveAsTiffStack(path) if copy.getStackSize() > 1 else saver.saveAsTiff(path)
    return path
