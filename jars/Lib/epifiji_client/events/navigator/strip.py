"""The navigator's strip over time: a row for each class with a mark for each event, and the frame in view (Jython 2.7)."""
from ij import Prefs
from java.awt import BasicStroke, Color, Dimension, Font
from java.awt.event import MouseAdapter
from java.awt.image import BufferedImage
from javax.swing import JPanel

ROW, LEAST_MARK, LEAST_HEIGHT = 16, 6, 44
EDGE, MARK_PX = 6, 3
AXIS = 16
"""Height of a class's row, of a mark and of the strip; margins at its ends, reach of a click on a mark, and height of the axis, in pixels."""

BACKGROUND, FAINT = Color(28, 28, 28), Color(70, 70, 70)
FONT = Font("SansSerif", Font.PLAIN, 10)
STEPS = (1, 2, 5)


class Strip(JPanel):
    """The strip. A click or drag goes to the frame, or to the event that is marked there.

    frame_of() gives the frame in view, and want(what, value) puts a request into the navigator's queue.
    """

    def __init__(self, shown, frames, colours, frame_of, want):
        JPanel.__init__(self)
        self.session, self.frames, self.colours, self.frame_of, self.want = shown.session, frames, colours, frame_of, want
        self._shown = shown
        self._picture, self.scale = None, Prefs.getGuiScale()
        # Its pen and its mouse are in ImageJ's GUI scale; enlarged() enlarges this size.
        self.setPreferredSize(Dimension(400, max(LEAST_HEIGHT, 2 * EDGE + ROW * len(self.session.classes) + AXIS)))
        mouse = _StripMouse(self)
        self.addMouseListener(mouse)
        self.addMouseMotionListener(mouse)
        self.setToolTipText("Events over time; click to go to a frame")

    def refresh(self):
        """Draw the events again because they changed."""
        self._picture = None
        self.repaint()

    def paintComponent(self, pen):
        # On a screen with small pixels, one of Java's is several of them.
        fine = pen.getDeviceConfiguration().getDefaultTransform().getScaleX()
        width, height = (max(1, int(round(size * fine))) for size in (self.getWidth(), self.getHeight()))
        if self._picture is None or (self._picture.getWidth(), self._picture.getHeight()) != (width, height):
            self._picture = self._draw(width, height, fine * self.scale)
        pen.drawImage(self._picture, 0, 0, self.getWidth(), self.getHeight(), None)
        pen.scale(self.scale, self.scale)
        current = self.session.current()
        if self.session.place() is not None:
            row = self._row(current["event"])
            if row is not None:
                pen.setColor(Color.WHITE)
                pen.drawRect(self.x_of(current["frame"]) - 3, EDGE + row * ROW, 6, ROW - 2)
        pen.setColor(Color.WHITE)
        x = self.x_of(self.frame_of())
        pen.setStroke(BasicStroke(1))
        pen.drawLine(x, 0, x, int(self._height()) - AXIS)
        pen.fillPolygon([x - 4, x + 4, x], [0, 0, 5], 3)

    def x_of(self, frame):
        """Return the position of a frame (from 1) on the strip, in ImageJ's GUI scale."""
        return EDGE + int((frame - 0.5) * (self._width() - 2 * EDGE) / self.frames)

    def _width(self):
        return self.getWidth() / self.scale

    def _height(self):
        return self.getHeight() / self.scale

    def at(self, x, y):
        """Return the frame at a position of the mouse, and the shown event that is marked there, or None."""
        x, y = x / self.scale, y / self.scale
        frame = int((x - EDGE) * self.frames / float(max(1, self._width() - 2 * EDGE))) + 1
        frame = min(max(1, frame), self.frames)
        near, shown = [], self._shown.over_time()
        for other in range(1, self.frames + 1):
            away = abs(self.x_of(other) - x)
            if away <= MARK_PX:
                near += [(away, index) for index in shown.indexes(other) if self._is_in_row(self.session.items[index], y)]
        return frame, min(near)[1] if near else None

    def _is_in_row(self, item, y):
        row = self._row(item["event"])
        return row is not None and EDGE + row * ROW <= y < EDGE + (row + 1) * ROW

    def _row(self, name):
        names = [kind["name"] for kind in self.session.classes]
        return names.index(name) if name in names else None

    def _draw(self, width, height, scale):
        picture = BufferedImage(width, height, BufferedImage.TYPE_INT_RGB)
        pen = picture.createGraphics()
        pen.setColor(BACKGROUND)
        pen.fillRect(0, 0, width, height)
        pen.scale(scale, scale)
        pen.setFont(FONT)
        self._draw_axis(pen)
        rows = dict((kind["name"], number) for number, kind in enumerate(self.session.classes))
        marks = self._shown.over_time().marks()
        most = float(max([1] + marks.values()))
        for (name, frame), count in sorted(marks.items(), key=lambda mark: mark[1]):
            # The more events, the higher the mark; one alone is visible too.
            height = max(LEAST_MARK, int(round((ROW - 2) * count / most)))
            pen.setColor(self.colours.get(name, Color.WHITE) if count else FAINT)
            pen.fillRect(self.x_of(frame) - 1, EDGE + (rows.get(name, 0) + 1) * ROW - 2 - height, 3, height)
        pen.dispose()
        return picture

    def _draw_axis(self, pen):
        base, end = int(self._height()) - AXIS, int(self._width())
        pen.setColor(FAINT)
        pen.drawLine(EDGE, base, end - EDGE, base)
        step = _step(self.frames * 60.0 / max(60, end))
        for frame in [1] + range(step, self.frames + 1, step):
            pen.setColor(FAINT)
            pen.drawLine(self.x_of(frame), base, self.x_of(frame), base + 3)
            pen.setColor(Color.LIGHT_GRAY)
            text = str(frame)
            width = pen.getFontMetrics().stringWidth(text)
            if frame == 1 or frame > step / 2:
                pen.drawString(text, min(max(1, self.x_of(frame) - width // 2), end - width - 1), base + 13)


def _step(least):
    """Return the smallest of 1, 2, 5, 10, 20, ... that is at least a number."""
    size = 1
    while True:
        for step in STEPS:
            if step * size >= least:
                return step * size
        size *= 10


class _StripMouse(MouseAdapter):
    def __init__(self, strip):
        self.strip = strip

    def mousePressed(self, event):
        frame, index = self.strip.at(event.getX(), event.getY())
        self.strip.want(*(("go", frame) if index is None else ("select", index)))

    def mouseDragged(self, event):
        self.strip.want("go", self.strip.at(event.getX(), -1)[0])
