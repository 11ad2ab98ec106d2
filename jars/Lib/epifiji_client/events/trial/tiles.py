"""The pictures of a trial: the movie and probability maps of one place, with rings around the finds (Jython 2.7)."""
from java.awt import AlphaComposite, BasicStroke, Color, Dimension, Font, RenderingHints
from java.awt.event import MouseAdapter
from java.awt.geom import Ellipse2D
from java.awt.image import BufferedImage, IndexColorModel
from java.util import Arrays
from javax.swing import JPanel
from jarray import array

from epifiji_client.images.part import unpacked
from epifiji_client.events.rings import FADE

RADIUS_PX, LEAST_RADIUS, WIDTH = 10, 6, 1.6
FONT = Font("SansSerif", Font.BOLD, 12)
NOTHING, TEXT = Color(48, 48, 48), Color(170, 170, 170)


def movie_pictures(pixels):
    """Return a picture of each frame of some pixels, as bright as the image shows it."""
    image, luts = pixels.image, pixels.image.getLuts()
    lut = luts[min(pixels.layout["channel"], len(luts)) - 1]
    pictures = []
    for number in range(pixels.frames):
        processor = pixels.processor(number)
        processor.setColorModel(lut)
        processor.setMinAndMax(image.getDisplayRangeMin(), image.getDisplayRangeMax())
        pictures.append(processor.getBufferedImage())
    return pictures


def map_pictures(packed, frames, colour):
    """Return a picture of each frame of a map, from black to the colour of its class."""
    levels = unpacked(packed)
    width, height = packed["width"], packed["height"] // frames
    bands = [array([_signed(level * part // 255) for level in range(256)], "b") for part in colour]
    model = IndexColorModel(8, 256, *bands)
    pictures = []
    for number in range(frames):
        picture = BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, model)
        start = number * width * height
        picture.getRaster().setDataElements(0, 0, width, height, Arrays.copyOfRange(levels, start, start + width * height))
        pictures.append(picture)
    return pictures


def _signed(value):
    return value - 256 if value > 127 else value


class Tile(JPanel):
    """One picture of a place: of the movie or of a map, with the finds of a network, which fade over a few frames.

    pictures are those of the frames, or None with a text that is shown instead. shown() gives the frame that is shown
    (from 0 in the place), and the events as (frame, y, x, colour) in the place.
    """

    def __init__(self, pictures, text, scale, size, shown, clicked):
        JPanel.__init__(self)
        self.pictures, self.text, self.scale, self.shown = pictures, text, scale, shown
        self.setPreferredSize(Dimension(*size))
        self.setBackground(NOTHING)
        self.addMouseListener(_Clicking(clicked))

    def paintComponent(self, pen):
        self.super__paintComponent(pen)
        pen.setFont(FONT)
        if self.pictures is None:
            pen.setColor(TEXT)
            pen.drawString(self.text, 8, 20)
            return
        frame, events = self.shown()
        pen.drawImage(self.pictures[frame], 0, 0, self.getWidth(), self.getHeight(), None)
        pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON)
        pen.setStroke(BasicStroke(WIDTH))
        radius = max(LEAST_RADIUS, RADIUS_PX * self.scale)
        for at, y, x, colour in events:
            # Finds of the other frames stay faint, so that the picture shows as many as were counted.
            pen.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, FADE[min(abs(at - frame), len(FADE) - 1)]))
            pen.setColor(colour)
            # The centre of a pixel is half a pixel from its corner.
            centre_x, centre_y = (x + 0.5) * self.scale, (y + 0.5) * self.scale
            pen.draw(Ellipse2D.Double(centre_x - radius, centre_y - radius, 2 * radius, 2 * radius))


class _Clicking(MouseAdapter):
    def __init__(self, do):
        self.do = do

    def mousePressed(self, event):
        self.do()
