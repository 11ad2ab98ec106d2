"""Keys, clicks and closed windows of a review or correction: each only puts a request into its queue (Jython 2.7)."""
from ij import ImageListener, ImagePlus
from ij.gui import Toolbar
from java.awt import KeyEventDispatcher, KeyboardFocusManager
from java.awt.event import KeyEvent, MouseAdapter, WindowAdapter
from javax.swing import SwingUtilities

KEYS = {
    KeyEvent.VK_Y: "keep", KeyEvent.VK_N: "reject", KeyEvent.VK_S: "skip", KeyEvent.VK_U: "undo", KeyEvent.VK_A: "add",
    KeyEvent.VK_LEFT: "frame-", KeyEvent.VK_RIGHT: "frame+", KeyEvent.VK_UP: "event-", KeyEvent.VK_DOWN: "event+",
    KeyEvent.VK_KP_LEFT: "frame-", KeyEvent.VK_KP_RIGHT: "frame+", KeyEvent.VK_KP_UP: "event-", KeyEvent.VK_KP_DOWN: "event+",
    KeyEvent.VK_1: "class1", KeyEvent.VK_2: "class2", KeyEvent.VK_3: "class3", KeyEvent.VK_4: "class4",
    KeyEvent.VK_NUMPAD1: "class1", KeyEvent.VK_NUMPAD2: "class2", KeyEvent.VK_NUMPAD3: "class3", KeyEvent.VK_NUMPAD4: "class4",
    KeyEvent.VK_ESCAPE: "end",
}
TYPED = "ynsuaYNSUA1234"
MODIFIERS = KeyEvent.CTRL_DOWN_MASK | KeyEvent.ALT_DOWN_MASK | KeyEvent.META_DOWN_MASK


class Inputs(object):
    """The user's input, from start() to stop(): receivers of keys, of the mouse on a canvas, and of closing images."""

    def __init__(self, canvas, keys, mouse, closing):
        self._focus = KeyboardFocusManager.getCurrentKeyboardFocusManager()
        self._canvas, self._keys, self._mouse, self._closing = canvas, keys, mouse, closing

    def start(self):
        self._focus.addKeyEventDispatcher(self._keys)
        self._canvas.addMouseListener(self._mouse)
        ImagePlus.addImageListener(self._closing)

    def stop(self):
        self._focus.removeKeyEventDispatcher(self._keys)
        self._canvas.removeMouseListener(self._mouse)
        ImagePlus.removeImageListener(self._closing)


def review_inputs(review, canvas):
    """Return the user's input in a review of events."""
    return Inputs(canvas, Keys(review, KEYS, TYPED, key_request), _CanvasMouse(review), Closing(review))


class Keys(KeyEventDispatcher):
    """Receives a review's keys before ImageJ does, while the review's window or the movie's is in front.

    keys are the names of what key codes do, typed the characters of these keys; wanted(name) gives the request.
    """

    def __init__(self, review, keys, typed, wanted):
        self.review, self.keys, self.typed, self.wanted = review, keys, typed, wanted

    def dispatchKeyEvent(self, event):
        window = KeyboardFocusManager.getCurrentKeyboardFocusManager().getActiveWindow()
        if not self.review.is_in_front(window) or event.getModifiersEx() & MODIFIERS:
            return False
        if event.getID() == KeyEvent.KEY_TYPED:
            return event.getKeyChar() in self.typed
        what = self.keys.get(event.getKeyCode())
        if what is None:
            return False
        if event.getID() == KeyEvent.KEY_PRESSED:
            self.review.wanted.put(self.wanted(what))
        return True


def key_request(what):
    """Return the request for the name of what a key does."""
    if what.startswith("class"):
        return "class", int(what[5:]) - 1
    if what[-1] in "+-":
        return what[:-1], 1 if what[-1] == "+" else -1
    return what, None


class _CanvasMouse(MouseAdapter):
    """Clicks and drags on the movie with the point tool.

    The mouse's position is used, not that of ImageJ's point, which does not move if the click is near it.
    """

    def __init__(self, review):
        self.review = review

    def mouseReleased(self, event):
        if SwingUtilities.isLeftMouseButton(event) and Toolbar.getToolName() in ("point", "multipoint"):
            canvas = event.getSource()
            self.review.clicked_on_movie(canvas.offScreenY(event.getY()), canvas.offScreenX(event.getX()))


class PictureMouse(MouseAdapter):
    """Clicks and drags on the crops; the end of a drag is the event's position."""

    def __init__(self, review):
        self.review = review

    def mouseReleased(self, event):
        icon = self.review.picture.getIcon()
        if icon is not None and SwingUtilities.isLeftMouseButton(event):
            left = (self.review.picture.getWidth() - icon.getIconWidth()) // 2
            top = (self.review.picture.getHeight() - icon.getIconHeight()) // 2
            self.review.clicked_in_picture(event.getX() - left, event.getY() - top)


class Closing(ImageListener):
    """Ends the review when the movie is closed."""

    def __init__(self, review):
        self.review = review

    def imageClosed(self, image):
        if image is self.review.image:
            self.review.wanted.put(("end", None))

    def imageOpened(self, image):
        pass

    def imageUpdated(self, image):
        pass


class WindowClosing(WindowAdapter):
    """Ends the review when its window is closed."""

    def __init__(self, review):
        self.review = review

    def windowClosing(self, event):
        self.review.wanted.put(("end", None))
