"""Rings around the events on a movie, which fade in and out over a few frames (Jython 2.7)."""
import math

from ij.gui import Overlay, Roi
from java.awt import AlphaComposite, BasicStroke, Color, RenderingHints
from java.awt.geom import Ellipse2D, Path2D

FADE = (1.0, 0.65, 0.4, 0.2)
"""Opacity of a ring in its event's frame, and one, two, ... frames before and after it."""

RADIUS_PX = 10
LEAST_RADIUS = 8
"""Radius of a ring in pixels of the movie, and the least one on the screen."""

WIDTH, WIDTH_KEPT = 1.6, 2.8
DASHES = (3.0, 4.0)
"""Rings of rejected events are dashed."""


class OnMovie(Roi):
    """What is drawn on a movie, as one element of its overlay, and needs no new ROIs when the frame changes.

    A class of it has paint(pen, magnification), in which pixels of the movie are units and integers the centres of pixels.
    """

    def __init__(self, image):
        Roi.__init__(self, 0, 0, 0, 0)
        self.movie = image

    def show(self):
        """Add it to the movie's overlay, unless it is already there."""
        overlay = self.movie.getOverlay() or Overlay()
        if not any([overlay.get(i) is self for i in range(overlay.size())]):
            overlay.add(self)
            self.movie.setOverlay(overlay)

    def hide(self):
        """Remove it from the movie's overlay; the rest of it stays."""
        overlay = self.movie.getOverlay()
        for i in reversed(range(overlay.size() if overlay is not None else 0)):
            if overlay.get(i) is self:
                overlay.remove(i)
        if overlay is not None:
            self.movie.setOverlay(overlay if overlay.size() else None)

    def draw(self, graphics):
        # A copy of the overlay may be drawn on another image.
        canvas = self.movie.getCanvas()
        if self.getImage() is not self.movie or canvas is None:
            return
        pen = graphics.create()
        try:
            magnification, view = canvas.getMagnification(), canvas.getSrcRect()
            pen.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON)
            pen.scale(magnification, magnification)
            pen.translate(0.5 - view.x, 0.5 - view.y)
            self.paint(pen, magnification)
        finally:
            pen.dispose()

    def contains(self, x, y):
        return False

    def isHandle(self, x, y):
        return -1


class Rings(OnMovie):
    """All rings. shown are the shown events of a session, frame_of() gives the frame (from 1) in view, and colours those of the classes."""

    def __init__(self, image, shown, frame_of, colours):
        OnMovie.__init__(self, image)
        self.session, self.frame_of, self.colours = shown.session, frame_of, colours
        self._shown, self._paths, self._radius = shown, {}, 0

    def refresh(self):
        """Draw the rings again because events changed."""
        self._paths = {}
        self.movie.draw()

    def at(self, x, y):
        """Return the event whose ring is nearest to a point of the movie in the frame in view; None if there is none."""
        frame, radius, items = self.frame_of(), self._shown_radius(), self.session.items
        near = []
        for away in range(len(FADE)):
            for other in set((frame - away, frame + away)):
                for index in self._shown.over_time().indexes(other):
                    distance = math.hypot(items[index]["x"] - x, items[index]["y"] - y)
                    if distance <= radius + 2:
                        near.append((distance + away, index))
        return min(near)[1] if near else None

    def paint(self, pen, magnification):
        frame = self.frame_of()
        strokes = dict((decision, _stroke(decision, magnification)) for decision in ("", "keep", "reject"))
        for away in reversed(range(len(FADE))):
            pen.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, FADE[away]))
            for other in set((frame - away, frame + away)):
                for (name, decision), path in self._paths_of(other).items():
                    pen.setColor(self.colours.get(name, Color.WHITE))
                    pen.setStroke(strokes[decision])
                    pen.draw(path)
        self._mark_current(pen, frame, magnification)

    def _mark_current(self, pen, frame, magnification):
        """Draw a white ring around that of the current event."""
        item = self.session.current()
        away = abs(item["frame"] - frame)
        if away < len(FADE):
            radius = self._shown_radius() + 3 / magnification
            pen.setComposite(AlphaComposite.getInstance(AlphaComposite.SRC_OVER, FADE[away]))
            pen.setColor(Color.WHITE)
            pen.setStroke(BasicStroke(2 / magnification))
            pen.draw(Ellipse2D.Double(item["x"] - radius, item["y"] - radius, 2 * radius, 2 * radius))

    def _shown_radius(self):
        return max(RADIUS_PX, LEAST_RADIUS / self.movie.getCanvas().getMagnification())

    def _paths_of(self, frame):
        """Return a path with the rings of a frame's events for each class and decision."""
        radius = self._shown_radius()
        if radius != self._radius:
            self._radius, self._paths = radius, {}
        if frame not in self._paths:
            paths = {}
            for index in self._shown.over_time().indexes(frame):
                item = self.session.items[index]
                key = item["event"], "" if item["decision"] == "skip" else item["decision"]
                path = paths.setdefault(key, Path2D.Double())
                path.append(Ellipse2D.Double(item["x"] - radius, item["y"] - radius, 2 * radius, 2 * radius), False)
            self._paths[frame] = paths
        return self._paths[frame]


def _stroke(decision, magnification):
    width = (WIDTH_KEPT if decision == "keep" else WIDTH) / magnification
    if decision != "reject":
        return BasicStroke(width)
    dashes = [length / magnification for length in DASHES]
    return BasicStroke(width, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 10.0, dashes, 0.0)
