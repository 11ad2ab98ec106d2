"""The outlines of cells as an overlay on an image, of which only the changed part is replaced (Jython 2.7)."""
from ij.gui import ImageRoi, Overlay
from jarray import array, zeros
from java.awt import Color
from java.awt.image import BufferedImage, IndexColorModel
from java.util import Base64
from java.util.zip import Inflater

from epifiji_client.images.rois import set_frame

COLOURS = [(0, 0, 0, 0), (240, 228, 66, 255), (86, 180, 233, 255), (204, 121, 167, 90), (213, 94, 0, 255)]
"""Red, green, blue and opacity of a picture's values: the image, outlines, corrected cells, no cell, the marked cell.

The colours are those of B. Okabe and K. Ito, which people with colour blindness can tell apart.
"""

NAMES = [("outlines", Color(*COLOURS[1][:3])), ("corrected", Color(*COLOURS[2][:3])), ("no cell", Color(*COLOURS[3][:3]))]


class CellsOverlay(object):
    """The overlay of an image, from start() to stop(), which shows the overlay of before again."""

    def __init__(self, image):
        self.image = image
        self._before, self._hidden = image.getOverlay(), image.getHideOverlay()
        self._overlay, self._picture, self._outlines, self._mark = Overlay(), None, None, None
        # Otherwise a long click makes the picture the image's selection.
        self._overlay.selectable(False)

    def start(self):
        self.image.setHideOverlay(False)
        self.image.setOverlay(self._overlay)

    def stop(self):
        self.image.setHideOverlay(self._hidden)
        self.image.setOverlay(self._before)

    def show_frame(self, answer, frame):
        """Show the picture of a whole frame."""
        self._picture = _image(answer)
        self._outlines = _roi(self._picture, 0, 0, frame, self.image)
        self._mark = None
        self._overlay.clear()
        self._overlay.add(self._outlines)
        self.image.draw()

    def change(self, answer):
        """Replace a rectangle of the frame's picture."""
        _put(self._picture, answer, answer["x"], answer["y"])
        self.image.draw()

    def mark(self, answer, frame):
        """Outline a cell, instead of the one of before; None for none."""
        if self._mark is None and answer is None:
            return
        if self._mark is not None:
            self._overlay.remove(self._mark)
        self._mark = None
        if answer is not None:
            self._mark = _roi(_image(answer), answer["x"], answer["y"], frame, self.image)
            self._overlay.add(self._mark)
        self.image.draw()

    def toggle(self):
        """Hide the outlines, or show them again."""
        self.image.setHideOverlay(not self.image.getHideOverlay())
        self.image.draw()


def _roi(picture, x, y, frame, image):
    roi = ImageRoi(x, y, picture)
    set_frame(roi, frame, image)
    return roi


def _image(answer):
    bands = [array([_signed(colour[band]) for colour in COLOURS], "b") for band in range(4)]
    picture = BufferedImage(answer["width"], answer["height"], BufferedImage.TYPE_BYTE_INDEXED,
                            IndexColorModel(8, len(COLOURS), *bands))
    _put(picture, answer, 0, 0)
    return picture


def _put(picture, answer, x, y):
    pixels = zeros(answer["width"] * answer["height"], "b")
    inflater = Inflater()
    inflater.setInput(Base64.getDecoder().decode(answer["pixels"]))
    inflater.inflate(pixels)
    inflater.end()
    picture.getRaster().setDataElements(x, y, answer["width"], answer["height"], pixels)


def _signed(value):
    """Return a byte of Java for a value from 0 to 255."""
    return value - 256 if value > 127 else value
