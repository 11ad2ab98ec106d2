"""Crops of a movie around an event, side by side or as a loop, and the positions of clicks on them (Jython 2.7)."""
from ij.plugin import ContrastEnhancer
from java.awt import BasicStroke, Color, Dimension, Font

from epifiji_client.screen.windows import scaled

COLUMNS = 7
GAP = 2
SATURATED = 0.35
REACH = 10
"""Radius of the circle around the event, in pixels of the movie."""

CURRENT = Color(255, 255, 255)
FONT = Font("SansSerif", Font.BOLD, 12)


class Crops(object):
    """The crops of a review: the frames before and after an event side by side, or one at a time in a loop.

    Parameters: the image; its pixels, for the indices of frames in the stack; the settings before, after (frames),
    half_size (px), zoom and loop; and the colours of the classes.
    """

    def __init__(self, image, pixels, settings, colours):
        self.image, self.pixels, self.colours = image, pixels, colours
        self.before, self.after, self.half, self.zoom = (settings[key] for key in ("before", "after", "half_size", "zoom"))
        self.looping = settings["loop"]
        self.side = 2 * self.half + 1
        self._tiles = []

    def colour(self, item):
        """Return the colour of an event's class."""
        return self.colours.get(item["event"], Color.WHITE)

    def size(self):
        """Return the size of the largest picture."""
        rows, columns = self._grid()
        step = (self.side + GAP) * self.zoom
        return Dimension(step * columns, step * rows)

    def fit(self, width, height):
        """Reduce the zoom until the picture fits into a width and a height, if it can."""
        while self.zoom > 1 and (self.size().width > width or self.size().height > height):
            self.zoom -= 1

    def frames_of(self, item):
        """Return the frames (from 1) around an event that are in the movie."""
        return range(max(1, item["frame"] - self.before), min(self.pixels.frames, item["frame"] + self.after) + 1)

    def draw(self, item, current, looped):
        """Draw the crops around an event, with the frame current marked.

        In a loop, draw only that of the frame looped.
        """
        frames = self.frames_of(item)
        columns = min(COLUMNS, self.before + self.after + 1)
        rows = -(-(self.before + self.after + 1) // COLUMNS)
        left, top = int(item["x"]) - self.half, int(item["y"]) - self.half
        stack = self.image.getStack()
        sheet = stack.getProcessor(1).createProcessor(columns * (self.side + GAP) - GAP, rows * (self.side + GAP) - GAP)
        tiles = {}
        for frame in frames:
            cell = frame - item["frame"] + self.before
            x, y = (cell % columns) * (self.side + GAP), (cell // columns) * (self.side + GAP)
            source = stack.getProcessor(self.pixels.indices[frame - 1])
            source.setRoi(max(0, left), max(0, top), self.side + min(0, left), self.side + min(0, top))
            sheet.insert(source.crop(), x + max(0, -left), y + max(0, -top))
            source.resetRoi()
            tiles[frame] = x, y
        sheet.resetMinAndMax()
        ContrastEnhancer().stretchHistogram(sheet, SATURATED)
        if self.looping:
            # All frames have the same contrast; otherwise the loop would flicker.
            sheet.setRoi(tiles[looped][0], tiles[looped][1], self.side, self.side)
            sheet, tiles = _cropped(sheet), {looped: (0, 0)}
        self._tiles = [(frame, x * self.zoom, y * self.zoom, left, top) for frame, (x, y) in sorted(tiles.items())]
        drawn = sheet.convertToByteProcessor(True).resize(sheet.getWidth() * self.zoom, sheet.getHeight() * self.zoom)
        picture = drawn.convertToColorProcessor().getBufferedImage()
        self._mark(picture.createGraphics(), item, current)
        return picture

    def at(self, x, y):
        """Return frame, y and x on the movie for a point of the picture.

        The frame is None in a loop, because a click cannot select a frame there.

        Gives None between crops.
        """
        side = self.side * self.zoom
        for frame, left, top, first_x, first_y in self._tiles:
            if left <= x < left + side and top <= y < top + side:
                place = first_y + (y - top) / float(self.zoom) - 0.5, first_x + (x - left) / float(self.zoom) - 0.5
                return (None if self.looping else frame,) + place
        return None

    def _grid(self):
        shown = 1 if self.looping else self.before + self.after + 1
        return -(-shown // COLUMNS), min(COLUMNS, shown)

    def _mark(self, pen, item, current):
        """Outline the event's frame in its class's colour and the movie's current frame in white.

        Mark the event's position.
        """
        side = self.side * self.zoom
        pen.setFont(FONT.deriveFont(float(scaled(FONT.getSize()))))
        for frame, x, y, left, top in self._tiles:
            if frame == item["frame"]:
                pen.setColor(self.colour(item))
                pen.setStroke(BasicStroke(3))
                pen.drawRect(x + 1, y + 1, side - 3, side - 3)
                pen.setStroke(BasicStroke(1))
            if frame == item["frame"] or self.looping:
                pen.setColor(self.colour(item))
                middle_x, middle_y = x + (item["x"] - left + 0.5) * self.zoom, y + (item["y"] - top + 0.5) * self.zoom
                reach = REACH * self.zoom
                pen.drawOval(int(middle_x - reach), int(middle_y - reach), 2 * reach, 2 * reach)
            if frame == current and not self.looping:
                pen.setColor(CURRENT)
                pen.drawRect(x + 4, y + 4, side - 9, side - 9)
            _write(pen, str(frame), x + 8, y + 7 + scaled(FONT.getSize()))
        pen.dispose()


def _cropped(sheet):
    cropped = sheet.crop()
    cropped.setMinAndMax(sheet.getMin(), sheet.getMax())
    return cropped


def _write(pen, text, x, y):
    """Write in white with a black outline, which is visible on white too."""
    pen.setColor(Color.BLACK)
    for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        pen.drawString(text, x + dx, y + dy)
    pen.setColor(Color.WHITE)
    pen.drawString(text, x, y)
