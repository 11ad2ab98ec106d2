"""Keys, and clicks on the movie, in the navigator: each only puts a request into its queue (Jython 2.7)."""
from ij import ImageListener
from java.awt import KeyboardFocusManager
from java.awt.event import KeyEvent, MouseAdapter
from javax.swing import SwingUtilities
from javax.swing.text import JTextComponent

from epifiji_client.screen.inputs import KEYS, TYPED, Inputs, Keys, key_request

OWN_KEYS = dict(KEYS)
OWN_KEYS.update({KeyEvent.VK_M: "move", KeyEvent.VK_Z: "zoom", KeyEvent.VK_ESCAPE: "cancel"})
OWN_TYPED = TYPED + "mzMZ"
DRAG_PX = 4
"""A mouse that moved further between press and release was dragged: that is ImageJ's."""


def navigator_inputs(navigator, canvas):
    """Return the user's input in a navigator."""
    return Inputs(canvas, _Keys(navigator, OWN_KEYS, OWN_TYPED, key_request), _CanvasMouse(navigator), _Movie(navigator))


class _Keys(Keys):
    def dispatchKeyEvent(self, event):
        focus = KeyboardFocusManager.getCurrentKeyboardFocusManager().getFocusOwner()
        return not isinstance(focus, JTextComponent) and Keys.dispatchKeyEvent(self, event)


class _CanvasMouse(MouseAdapter):
    """A click on the movie selects the event whose ring is there, or gives the place that was asked for."""

    def __init__(self, navigator):
        self.navigator, self.pressed = navigator, (0, 0)

    def mousePressed(self, event):
        self.pressed = event.getX(), event.getY()

    def mouseReleased(self, event):
        navigator, moved = self.navigator, max(abs(event.getX() - self.pressed[0]), abs(event.getY() - self.pressed[1]))
        if not SwingUtilities.isLeftMouseButton(event) or moved > DRAG_PX:
            return
        canvas, image = event.getSource(), navigator.image
        x, y = canvas.offScreenXD(event.getX()) - 0.5, canvas.offScreenYD(event.getY()) - 0.5
        if navigator.session.pointing:
            if -0.5 <= x < image.getWidth() - 0.5 and -0.5 <= y < image.getHeight() - 0.5:
                navigator.want("point", (navigator.frame_of(), max(0, y), max(0, x)))
            return
        item = navigator.rings.at(x, y)
        # Keys act on the movie only while one of its events is selected there.
        navigator.on_movie = item is not None
        if item is not None:
            navigator.want("select", item)


class _Movie(ImageListener):
    """Follows the frame that the movie shows, and closes the navigator with it."""

    def __init__(self, navigator):
        self.navigator, self.frame = navigator, None

    def imageUpdated(self, image):
        if image is self.navigator.image and self.frame != self.navigator.frame_of():
            self.frame = self.navigator.frame_of()
            self.navigator.view.strip.repaint()

    def imageClosed(self, image):
        if image is self.navigator.image:
            self.navigator.want("close", None)

    def imageOpened(self, image):
        pass
