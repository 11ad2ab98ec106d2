"""The boxes of a complete check in the navigator: which one is checked, what is in it, and its outline on the movie (Jython 2.7)."""
import time

from java.awt import BasicStroke, Color
from java.awt.geom import Rectangle2D
from java.lang import Runnable, Thread

from epifiji_client.events.rings import OnMovie

OUTLINE, OUTSIDE_FRAMES = Color(255, 211, 77), Color(255, 211, 77, 90)
"""Colour of the box in its frames, and before and after them."""

STEP_MS, PAUSE_MS = 140, 500
"""How long a frame is shown, and how much longer the last one."""

AROUND = 0.15
"""What is shown around a box, as a part of its side."""


class BoxCheck(object):
    """The boxes of the engine's answer, one of which is the current one, and the events of a session in it; no windows."""

    def __init__(self, found, session, ask):
        self.session, self._ask = session, ask
        self._take(found)

    def _take(self, found):
        self.found = found
        waiting = [number for number, box in enumerate(found["boxes"]) if not box["complete"]]
        self.place = waiting[0] if waiting else len(found["boxes"]) - 1
        self._since = time.time()

    def box(self):
        """Return the current box."""
        return self.found["boxes"][self.place]

    def holds(self, item):
        """Return whether an event is in the current box; one beyond the movie's edge is at the edge."""
        box = self.box()
        first, last = box["frames"]
        # First what excludes most of thousands of events.
        if not first <= item["frame"] <= last:
            return False
        (top, bottom), (left, right), (_, height, width) = box["y"], box["x"], self.found["shape"]
        return top <= _within(item["y"], height) <= bottom and left <= _within(item["x"], width) <= right

    def counts(self):
        """Return how many events in the box are still open, kept, rejected, and added."""
        items = [item for item in self.session.items if self.holds(item)]
        decisions = [item["decision"] for item in items if not item["added"]]
        kept, rejected = decisions.count("keep"), decisions.count("reject")
        return len(decisions) - kept - rejected, kept, rejected, len(items) - len(decisions)

    def mark(self):
        """Say that every event in the box is marked; the box stays the current one."""
        place, seconds = self.place, time.time() - self._since
        self._take(self._ask("check_mark", {"results": self.found["results"], "number": place + 1, "seconds": seconds}))
        self.place = place

    def go_on(self):
        """Make the next box that is not complete the current one; if there is none, draw another."""
        boxes = self.found["boxes"]
        if all([box["complete"] for box in boxes]):
            self._take(self._ask("check_draw", {"results": self.found["results"], "boxes": len(boxes) + 1}))
        else:
            self._take(self.found)

    def is_last(self):
        """Return whether all boxes of the movie are complete."""
        return len(self.found["boxes"]) == self.found["in_all"] and all([box["complete"] for box in self.found["boxes"]])

    def view(self):
        """Return the middle (x, y) of the box, and width and height of what is shown of the movie."""
        (left, right), (top, bottom) = self.box()["x"], self.box()["y"]
        return (left + right + 1) // 2, (top + bottom + 1) // 2, (right - left + 1) * (1 + 2 * AROUND), (bottom - top + 1) * (1 + 2 * AROUND)


def _within(place, side):
    return min(max(0, int(place + 0.5)), side - 1)


class BoxOutline(OnMovie):
    """The outline of the current box on the movie, faint in frames before and after it. frame_of() is the frame in view."""

    def __init__(self, image, check, frame_of):
        OnMovie.__init__(self, image)
        self._check, self._frame_of = check, frame_of

    def paint(self, pen, magnification):
        box = self._check.box()
        (left, right), (top, bottom), (first, last) = box["x"], box["y"], box["frames"]
        pen.setColor(OUTLINE if first <= self._frame_of() <= last else OUTSIDE_FRAMES)
        pen.setStroke(BasicStroke(2 / magnification))
        pen.draw(Rectangle2D.Double(left - 0.5, top - 0.5, right - left + 1, bottom - top + 1))


class Player(Runnable):
    """Shows the frames from first to last of a box again and again, until it is stopped."""

    def __init__(self, frames, first, last):
        self._frames, self._first, self._last = frames, first, last
        self.is_playing = True
        thread = Thread(self, "EpiFiji-Player")
        thread.setDaemon(True)
        thread.start()

    def run(self):
        while self.is_playing and self._frames.image.isVisible():
            frame = self._frames.in_view() + 1
            self._frames.show(frame if self._first <= frame <= self._last else self._first)
            Thread.sleep(STEP_MS + (PAUSE_MS if frame == self._last else 0))

    def stop(self):
        """Stop at the frame that is shown."""
        self.is_playing = False
