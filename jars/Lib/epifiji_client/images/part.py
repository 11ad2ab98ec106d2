"""A part of the open image for the engine, a rectangle of some frames, and the pixels of pictures from the engine (Jython 2.7)."""
from jarray import zeros
from java.awt import Rectangle
from java.nio import ByteOrder
from java.util import Base64
from java.util.zip import Inflater

from epifiji_client.images.movies import Pixels


class PartOfPixels(Pixels):
    """Some frames of some pixels, cut to a rectangle; part has first, stop, x, y, width and height, from 0."""

    def __init__(self, pixels, part):
        self.__dict__.update(pixels.__dict__)
        self.box = Rectangle(part["x"], part["y"], part["width"], part["height"])
        self.indices = pixels.indices[part["first"]:part["stop"]]
        self.frames = len(self.indices)
        self.frame_bytes = self.box.width * self.box.height * self.bits // 8

    def processor(self, number):
        """Return a frame of the part, counted from 0."""
        processor = self.image.getStack().getProcessor(self.indices[number])
        processor.setRoi(self.box)
        return processor.crop()

    def write(self, buffer, first, count):
        """Write frames into a buffer of bytes, little-endian."""
        buffer.order(ByteOrder.LITTLE_ENDIAN)
        typed = {8: buffer, 16: buffer.asShortBuffer(), 32: buffer.asFloatBuffer()}[self.bits]
        for number in range(first, first + count):
            typed.put(self.processor(number).getPixels())

    def description(self):
        """Return what the engine needs besides the pixels; a part is not the file's content."""
        return dict(Pixels.description(self), shape=[self.frames, self.box.height, self.box.width], file=None)


def with_selection(parameters, image):
    """Add the bounds of a selected area to the parameters, unless they already have a position or size."""
    roi = image.getRoi()
    if roi is None or not roi.isArea() or set(parameters) & set(("x", "y", "width", "height")):
        return parameters
    bounds = roi.getBounds().intersection(Rectangle(image.getWidth(), image.getHeight()))
    return dict(parameters, x=str(bounds.x), y=str(bounds.y), width=str(bounds.width), height=str(bounds.height))


def unpacked(answer):
    """Return the pixels of a picture from the engine, or of all planes of a stack one after the other, as a byte array."""
    pixels = zeros(answer["width"] * answer["height"] * answer.get("planes", 1), "b")
    inflater = Inflater()
    inflater.setInput(Base64.getDecoder().decode(answer["pixels"]))
    inflater.inflate(pixels)
    inflater.end()
    return pixels
