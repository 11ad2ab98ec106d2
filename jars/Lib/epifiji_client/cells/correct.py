"""The correction of cells on an image: keys, clicks and drawn lines become corrections (Jython 2.7).

As in a review, keys and clicks only put requests into a queue. The script's thread reads them, sends each to the engine,
which finds the cells that are meant, changes their labels and writes the step to the file, and then shows the answer.
So the window never shows a correction that was not written, and no pixel is handled here.
"""
import os

from ij import IJ, WindowManager
from ij.gui import Toolbar
from java.awt import BorderLayout, Color, FlowLayout, Font, GridLayout
from java.lang import IllegalMonitorStateException, InterruptedException
from java.util.concurrent import LinkedBlockingQueue, TimeUnit
from javax.swing import BorderFactory, BoxLayout, JFrame, JLabel, JPanel

from epifiji_client.cells.overlay import NAMES, CellsOverlay
from epifiji_client.commands.run import call
from epifiji_client.cells.correct_input import correction_inputs
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.frames import frames_are_channels
from epifiji_client.images.movies import file_of
from epifiji_client.screen.inputs import WindowClosing
from epifiji_client.screen.parts import wrapped_text
from epifiji_client.screen.windows import enlarged, later, put_beside, set_size

TITLE = "Correct Cells"
LOOK_MS = 100
OTHERS = ("_masks.tif", "_masks.png", "_labels.png", "_rois.zip", "_seg.npy", "_coco.json")
"""Endings of files next to an image in which other programs keep its cells."""

DRAG = "freeline"
"""ImageJ's tool between two corrections: a click does not draw, and a drag draws a line."""

HINTS = (
    ("click a border", "merge the two cells"),
    ("drag across a cell", "split it"),
    ("s", "split along clicked points"),
    ("a", "add a cell: click its outline"),
    ("f", "add a cell: drag around it"),
    ("d, Backspace", "delete the cell at the mouse"),
    ("click inside a cell", "show its number and size"),
    ("z, u", "undo"),
    ("y", "redo"),
    ("h", "hide or show the outlines"),
    ("left, right", "%ss"),
    ("+ - space-drag", "zoom, scroll"),
    ("Esc", "end; every step is saved"),
)
SENTENCE_ROWS, SENTENCE_COLUMNS = 3, 26
DRAWING = {
    "polygon": "Click the corners of the missed cell; a double click closes the outline. Esc: none.",
    "freehand": "Drag around the missed cell. Esc: none.",
    "polyline": "Click the points of the line across the cell; a double click ends it. Esc: none.",
}


class CorrectionWindow(object):
    """A correction of cells on an image; found is the engine's answer to correct_begin."""

    def __init__(self, image, found):
        self.image, self.found, self.session = image, found, found["session"]
        self.wanted = LinkedBlockingQueue()
        self.frame, self.ended = 0, False
        self.state = found
        self.overlay = CellsOverlay(image)
        # The cells of a still image have one frame, however many channels it has.
        self.along_channels = frames_are_channels(image) and found["frames"] > 1

    def run(self):
        """Show the cells and handle the user's input until the correction ends."""
        tool, roi = Toolbar.getToolName(), self.image.getRoi()
        self.image.deleteRoi()
        inputs = correction_inputs(self, self.image.getCanvas())
        self._build()
        inputs.start()
        self.overlay.start()
        IJ.setTool(DRAG)
        try:
            self._show_frame(self._frame_of_image(), self.found["said"])
            while not self.ended:
                try:
                    wanted = self.wanted.poll(LOOK_MS, TimeUnit.MILLISECONDS)
                except (IllegalMonitorStateException, InterruptedException):
                    # Escape in another window of ImageJ forcibly aborts the calling macro.
                    wanted = "end", None
                if wanted is not None:
                    self._do(*wanted)
                elif self._frame_of_image() != self.frame:
                    self._show_frame(self._frame_of_image())
        finally:
            inputs.stop()
            IJ.setTool(tool)
            self.window.dispose()
            if self.image.isVisible():
                self.image.deleteRoi()
                self.overlay.stop()
                self.image.setRoi(roi)

    def _do(self, what, value):
        if what == "end":
            if self.image.isVisible() and Toolbar.getToolName() in DRAWING:
                self._draw_with(DRAG, "Nothing was drawn.")
            else:
                self.ended = True
        elif what in DRAWING:
            self._draw_with(what, DRAWING[what])
        elif what == "hide":
            self.overlay.toggle()
        elif what == "frame":
            self._show_frame(min(max(1, self.frame + value), self.found["frames"]))
        elif what == "click":
            self._step(what, *value)
        else:
            self._step(what, value)

    def _draw_with(self, tool, sentence):
        """Let the user draw with one of ImageJ's tools."""
        self.image.deleteRoi()
        IJ.setTool(tool)
        self._say(sentence)

    def _step(self, what, points=None, tolerance=0):
        """Let the engine make a correction, or undo one, and show it."""
        shown = self._frame_of_image()
        if what in ("line", "outline"):
            self.image.deleteRoi()
            IJ.setTool(DRAG)
        request = {"session": self.session, "what": what, "frame": shown, "points": points, "tolerance": tolerance}
        answer = self.state = call("correct_step", request)
        if answer["frame"] != self.frame:
            self._show_frame(answer["frame"])
        elif answer["picture"]:
            self.overlay.change(answer["picture"])
        self.overlay.mark(answer["mark"], self.frame)
        self._say(answer["said"])

    def _show_frame(self, frame, sentence=" "):
        """Show a frame with its outlines."""
        answer = call("correct_frame", {"session": self.session, "frame": frame})
        self.frame = frame
        self.state = dict(self.state, count=answer["count"])
        if self._frame_of_image() != frame:
            self._position(frame)
        self.overlay.show_frame(answer["picture"], frame)
        self._say(sentence)

    def _frame_of_image(self):
        """Return the frame that the image shows, from 1; the last one if it was closed."""
        if not self.image.isVisible():
            return self.frame
        if self.along_channels:
            return self.image.getC()
        return self.image.getT() if self.image.getNFrames() > 1 else self.image.getZ()

    def _position(self, frame):
        channel, plane, time = self.image.getC(), self.image.getZ(), self.image.getT()
        if self.along_channels:
            channel = frame
        elif self.image.getNFrames() > 1:
            time = frame
        else:
            plane = frame
        self.image.setPosition(channel, plane, time)

    def _say(self, sentence):
        frames = self.found["frames"]
        steps, cells = self.state["steps"], "%d cells" % self.state["count"]
        if "cells" in self.state:
            cells = "%d cells, %d here" % (self.state["cells"], self.state["count"])
        state = "%s        %d correction%s" % (cells, steps, "s"[:steps != 1])
        if frames > 1:
            state = "%s %d of %d        %s" % (self.found["noun"], self.frame, frames, state)
        later(lambda: (self.said.setText(sentence), self.below.setText(state)))

    def is_in_front(self, window):
        """Return whether this window or the image's is in front, so that keys belong to the correction."""
        return window is not None and (window is self.window or window is self.image.getWindow())

    def _build(self):
        self.said, self.below = wrapped_text(" ", SENTENCE_ROWS, SENTENCE_COLUMNS), JLabel(" ")
        self.said.setOpaque(True)
        self.said.setFocusable(False)
        self.said.setFont(Font("SansSerif", Font.BOLD, 14))
        colours = _row(FlowLayout(FlowLayout.LEFT, 10, 4), [_label(name, colour) for name, colour in NAMES])
        texts = [_label(text, colour) for key, does in HINTS
                 for text, colour in ((key, Color.LIGHT_GRAY), (does.replace("%s", self.found["noun"]), Color.WHITE))]
        panel = _row(None, [self.said, self.below, colours, _row(GridLayout(0, 2, 8, 1), texts)])
        panel.setLayout(BoxLayout(panel, BoxLayout.Y_AXIS))
        for part in (self.said, self.below):
            part.setForeground(Color.WHITE)
            part.setBackground(Color.DARK_GRAY)
        panel.setBorder(BorderFactory.createEmptyBorder(6, 8, 6, 8))
        self.window = JFrame(TITLE)
        self.window.setDefaultCloseOperation(JFrame.DO_NOTHING_ON_CLOSE)
        self.window.addWindowListener(WindowClosing(self))
        self.window.add(enlarged(panel), BorderLayout.CENTER)
        self.window.pack()
        set_size(self.window)
        put_beside(self.window, self.image)
        self.window.setVisible(True)
        self.window.toFront()


def _label(text, colour):
    label = JLabel(text)
    label.setForeground(colour)
    return label


def _row(layout, parts):
    panel = JPanel(layout)
    panel.setBackground(Color.DARK_GRAY)
    for part in parts:
        part.setAlignmentX(0.0)
        panel.add(part)
    return panel


def require_saved(image, parameters, beside):
    """Refuse cells that are only open: corrections are written next to the file of the cells."""
    stem = os.path.splitext(image.getTitle())[0]
    labels = WindowManager.getImage(stem + "_labels.tif")
    if "cells" not in parameters and beside is None and labels is not None and file_of(labels) is None:
        raise EngineError("The cells of %s are open as %s but not saved, and corrections are written next to their file: save them "
                          "with File > Save As > Tiff... next to the image, and choose Correct Cells... again."
                          % (image.getTitle(), labels.getTitle()), "input")


def cells_beside(image):
    """Return the cells next to an image's file: labels, those of a segmentation or of a cyst, Tissue Analyzer's outlines, ROIs and the like, or None."""
    path = file_of(image)
    if path is None:
        return None
    stem = os.path.splitext(path)[0]
    labels = os.path.basename(stem) + "_labels.tif"
    folders = [os.path.dirname(stem), stem + "_cells", stem + "_epifiji"]
    places = [os.path.join(folder, labels) for folder in folders] + [os.path.join(stem, "handCorrection.tif")] + [stem + ending for ending in OTHERS]
    return next((place for place in places if os.path.isfile(place)), None)
