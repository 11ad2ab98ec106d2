"""Keys, clicks and drawn lines of a correction of cells: each only puts a request into its queue (Jython 2.7)."""
from ij import IJ
from ij.gui import Roi, Toolbar
from java.awt.event import KeyEvent, MouseAdapter
from javax.swing import SwingUtilities

from epifiji_client.screen.inputs import Closing, Inputs, Keys

KEYS = {
    KeyEvent.VK_D: "delete", KeyEvent.VK_BACK_SPACE: "delete", KeyEvent.VK_DELETE: "delete", KeyEvent.VK_Z: "undo",
    KeyEvent.VK_U: "undo", KeyEvent.VK_Y: "redo", KeyEvent.VK_A: "polygon", KeyEvent.VK_F: "freehand", KeyEvent.VK_S: "polyline",
    KeyEvent.VK_H: "hide", KeyEvent.VK_LEFT: "frame-", KeyEvent.VK_RIGHT: "frame+", KeyEvent.VK_KP_LEFT: "frame-",
    KeyEvent.VK_KP_RIGHT: "frame+", KeyEvent.VK_COMMA: "frame-", KeyEvent.VK_PERIOD: "frame+", KeyEvent.VK_ESCAPE: "end",
}
TYPED = "dzuyafshDZUYAFSH,.\b\x7f"
CLICK_PX = 3
"""A drag that leaves no more than so many pixels of the screen is a click."""

TOLERANCE_PX = 6
"""A click up to so many pixels of the screen from a border is at the border."""

BY_CLICKS = ("polygon", "polyline")
"""ImageJ's tools with which lines are drawn by clicks."""


def correction_inputs(correction, canvas):
    """Return the user's input in a correction."""
    keys = Keys(correction, KEYS, TYPED, lambda what: _wanted(what, canvas))
    return Inputs(canvas, keys, _Mouse(correction), Closing(correction))


def _wanted(what, canvas):
    """Return the request of a key; the cell to delete is the one under the mouse when the key is pressed."""
    if what == "delete":
        at = canvas.getMousePosition()
        return "delete", [] if at is None else [_place(canvas, at)]
    if what[-1] in "+-":
        return "frame", 1 if what[-1] == "+" else -1
    return what, None


class _Mouse(MouseAdapter):
    """Clicks on the image, and lines and outlines that were drawn with ImageJ's tools.

    ImageJ's canvas handles each event first.
    """

    def __init__(self, correction):
        self.correction, self._pressed = correction, None

    def mousePressed(self, event):
        self._pressed = event.getPoint() if SwingUtilities.isLeftMouseButton(event) and not IJ.spaceBarDown() else None

    def mouseReleased(self, event):
        pressed, self._pressed = self._pressed, None
        if pressed is None:
            return
        image, canvas = self.correction.image, event.getSource()
        roi = image.getRoi()
        again = event.getClickCount() > 1
        if Toolbar.getToolName() in BY_CLICKS:
            # ImageJ itself ends a line of two points only by its menu.
            if roi is not None and (again or roi.getState() != Roi.CONSTRUCTING):
                self._drawn(roi)
        elif again:
            # The second click of a double click that ended an outline is no click at a border.
            return
        elif pressed.distance(event.getPoint()) <= CLICK_PX and not _is_larger(roi, CLICK_PX / canvas.getMagnification()):
            self.correction.wanted.put(("click", ([_place(canvas, pressed)], TOLERANCE_PX / canvas.getMagnification())))
        elif roi is not None:
            self._drawn(roi)

    def _drawn(self, roi):
        points = roi.getFloatPolygon()
        places = [[points.ypoints[i], points.xpoints[i]] for i in range(points.npoints)]
        places = [place for i, place in enumerate(places) if i == 0 or place != places[i - 1]]
        if roi.isArea():
            # ImageJ's areas have their corners between pixels: 0 is the left edge of the first pixel, and not its centre.
            places = [[y - 0.5, x - 0.5] for y, x in places]
        self.correction.wanted.put(("outline" if roi.isArea() else "line", places))


def _is_larger(roi, size):
    """Return whether a line is larger than so many pixels of the image: an outline ends where it began."""
    return roi is not None and max(roi.getFloatWidth(), roi.getFloatHeight()) > size


def _place(canvas, point):
    """Return y, x of a point on the screen; integers are centres of pixels."""
    return [canvas.offScreenYD(point.y) - 0.5, canvas.offScreenXD(point.x) - 0.5]
