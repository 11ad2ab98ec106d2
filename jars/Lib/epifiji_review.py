"""The window in which a person reviews events: crops of the movie around each, keys, and what was decided (Jython 2.7).

Keys and clicks only put what is wanted into a queue. The script's own thread takes it from there, asks the engine, which writes
the decision down, and shows the next event: so ImageJ stays usable, and nothing is shown that was not written.
"""
import time

from ij import IJ, ImageListener, ImagePlus
from ij.gui import PointRoi, Toolbar
from ij.measure import ResultsTable
from ij.plugin import ContrastEnhancer
from java.awt import BasicStroke, BorderLayout, Color, Dimension, Font, KeyEventDispatcher, KeyboardFocusManager
from java.awt.event import KeyEvent, MouseAdapter, WindowAdapter
from java.lang import IllegalMonitorStateException, InterruptedException, Runnable
from java.util.concurrent import LinkedBlockingQueue, TimeUnit
from javax.swing import BorderFactory, BoxLayout, ImageIcon, JFrame, JLabel, JPanel, JProgressBar, SwingConstants, SwingUtilities

from epifiji_client import call
from epifiji_images import show_events, shown_pixels

TITLE = "Review Epithelial Events"
COLUMNS = 7
GAP = 2
LOOP_MS = 150
SATURATED = 0.35
CURRENT = Color(255, 255, 255)
HINTS = ("y keep   n reject   s skip   u undo   1-%d class   click: correct the place   a add a missed one   "
         "left, right: frames   up, down: events   Esc end")
HINTS_SCORE = "y right   n wrong   s skip   u undo   left, right: frames   up, down: events   Esc end"
CHANGES = ("class", "point", "add")
"""What changes events, and is not done where they are only judged."""
KEYS = {
    KeyEvent.VK_Y: "keep", KeyEvent.VK_N: "reject", KeyEvent.VK_S: "skip", KeyEvent.VK_U: "undo", KeyEvent.VK_A: "add",
    KeyEvent.VK_LEFT: "frame-", KeyEvent.VK_RIGHT: "frame+", KeyEvent.VK_UP: "event-", KeyEvent.VK_DOWN: "event+",
    KeyEvent.VK_ESCAPE: "end", KeyEvent.VK_1: "class1", KeyEvent.VK_2: "class2", KeyEvent.VK_3: "class3", KeyEvent.VK_4: "class4",
}
TYPED = "ynsuaYNSUA1234"
MODIFIERS = KeyEvent.CTRL_DOWN_MASK | KeyEvent.ALT_DOWN_MASK | KeyEvent.META_DOWN_MASK


class ReviewWindow(object):
    """A review of the events that the engine gave, on a movie."""

    def __init__(self, image, begun):
        self.image, self.begun = image, begun
        self.items = [_item(line) for line in begun["items"].split("\n")]
        self.order, self.classes = begun["order"], begun["classes"]
        self.colours = dict((kind["name"], Color(*kind["colour"])) for kind in self.classes)
        settings = begun["settings"]
        self.before, self.after, self.half, self.zoom = (settings[key] for key in ("before", "after", "half_size", "zoom"))
        self.looping = settings["loop"]
        self.fixed = begun.get("fixed", False)
        self.pixels = shown_pixels(image)
        self.wanted = LinkedBlockingQueue()
        self.place = self._first_open()
        self.frame = self.items[self.order[self.place]]["frame"]
        self.adding = False
        self.state = begun
        self.since = time.time()
        self.ended = False
        self.tiles = []

    def run(self):
        """Show the window and follow the person until she ends."""
        tool, point = Toolbar.getToolName(), self.image.getRoi()
        self._build()
        keys, mouse, closing = _Keys(self), _CanvasMouse(self), _Closing(self)
        focus = KeyboardFocusManager.getCurrentKeyboardFocusManager()
        canvas = self.image.getCanvas()
        focus.addKeyEventDispatcher(keys)
        canvas.addMouseListener(mouse)
        ImagePlus.addImageListener(closing)
        if not self.fixed:
            IJ.setTool("point")
        try:
            self._show()
            while not self.ended:
                try:
                    wanted = self.wanted.poll(LOOP_MS, TimeUnit.MILLISECONDS)
                except (IllegalMonitorStateException, InterruptedException):
                    # Escape in another of ImageJ's windows aborts the macro that called, by force.
                    wanted = "end", None
                if wanted is not None:
                    self._do(wanted)
                elif self.looping:
                    self.frame = self._next_in_loop()
                    self._show()
        finally:
            focus.removeKeyEventDispatcher(keys)
            canvas.removeMouseListener(mouse)
            ImagePlus.removeImageListener(closing)
            IJ.setTool(tool)
            self.window.dispose()
            if self.image.isVisible():
                self.image.setRoi(point)

    def _first_open(self):
        """Find the first event without a decision, to go on there."""
        for place, index in enumerate(self.order):
            if not self.items[index]["decision"]:
                return place
        return len(self.order) - 1

    def _do(self, wanted):
        what, value = wanted
        if self.fixed and what in CHANGES:
            return
        if what == "end":
            if self.adding:
                self.adding = False
            else:
                self.ended = True
                return
        elif what in ("keep", "reject", "skip"):
            self._act(what)
            self._go_on()
        elif what == "undo":
            self._undo()
        elif what == "class":
            if value < len(self.classes):
                self._change(event=self.classes[value]["name"])
        elif what == "point":
            self._point(*value)
        elif what == "add":
            self.adding = True
        elif what == "frame":
            self.frame = min(max(1, self.frame + value), self.pixels.frames)
        elif what == "event":
            self._go(value)
        self._show()

    def _current(self):
        return self.order[self.place]

    def _act(self, what, event=None, item=None):
        """Have something written down; see the engine's review_act."""
        now = time.time()
        request = {"review": self.begun["review"], "what": what, "item": self._current() if item is None else item,
                   "event": event, "seconds": now - self.since}
        self.since = now
        answer = call("review_act", request)
        self.state = answer
        if answer["item"] is not None and answer["item"] < answer["count"]:
            if answer["item"] < len(self.items):
                self.items[answer["item"]] = _item(answer["now"])
            else:
                self.items.append(_item(answer["now"]))
        return answer

    def _undo(self):
        answer = self._act("undo")
        index = answer["item"]
        if index is None:
            return
        if answer["count"] < len(self.items):
            gone = len(self.items) - 1
            self.items.pop()
            self.order = [place for place in self.order if place != gone]
            self.place = min(self.place, len(self.order) - 1)
        elif index in self.order:
            self.place = self.order.index(index)
        self.frame = self.items[self._current()]["frame"]

    def _change(self, **values):
        """Change class or place of the current event."""
        item = dict(self.items[self._current()], **values)
        self._act("class" if "event" in values else "move", dict((key, item[key]) for key in ("event", "frame", "y", "x", "score")))

    def _point(self, frame, y, x):
        """Take a click: the place of a missed event, or the right place of this one."""
        if not (0 <= y < self.image.getHeight() and 0 <= x < self.image.getWidth()):
            return
        if not self.adding:
            self._change(frame=frame, y=y, x=x)
            return
        self.adding = False
        event = {"event": self.items[self._current()]["event"], "frame": frame, "y": y, "x": x, "score": None}
        answer = self._act("add", event, len(self.items))
        self.order.insert(self.place + 1, answer["item"])
        self.place += 1
        self.frame = frame

    def _go(self, step):
        """Go to a neighbouring event."""
        self.place = min(max(0, self.place + step), len(self.order) - 1)
        self.frame = self.items[self._current()]["frame"]

    def _go_on(self):
        """Go to the next event without a decision; from the last to those that were left before; stay where there is none."""
        count = len(self.order)
        for place in [(self.place + step) % count for step in range(1, count)]:
            if not self.items[self.order[place]]["decision"]:
                self.place = place
                break
        self.frame = self.items[self._current()]["frame"]

    def _frames(self):
        """List the frames around the event that the movie has."""
        frame = self.items[self._current()]["frame"]
        return range(max(1, frame - self.before), min(self.pixels.frames, frame + self.after) + 1)

    def _next_in_loop(self):
        frames = self._frames()
        return self.frame + 1 if self.frame + 1 in frames else frames[0]

    def _show(self):
        """Show the current event in this window and on the movie."""
        item = self.items[self._current()]
        picture = self._picture(item)
        number, count = self.place + 1, len(self.order)
        done = sum([self.items[index]["decision"] != "" for index in self.order])
        score = "" if item["score"] is None else "   score %.2f" % item["score"]
        decided = {"keep": "kept", "reject": "rejected", "skip": "skipped", "": "open"}[item["decision"]]
        head = "  %d of %d   %s   frame %d   y %.1f   x %.1f%s   %s%s" % (
            number, count, item["event"], item["frame"], item["y"], item["x"], score, decided, "   added" if item["added"] else "")
        if self.adding:
            head = "Click where the missed %s is, on the movie or here; Esc: none" % item["event"]
        elif done == count:
            head += "   All are decided: Esc ends"
        below = "Precision: no event judged yet"
        if self.state["judged"]:
            low, high = self.state["interval"]
            below = "Precision: %d of %d right, %.2f (95 %% interval %.2f to %.2f)" % (
                self.state["correct"], self.state["judged"], self.state["correct"] / float(self.state["judged"]), low, high)
        _later(lambda: self._refresh(picture, head, below, done, count, self.colours.get(item["event"], Color.WHITE)))
        self._show_on_movie(item)

    def _refresh(self, picture, head, below, done, count, colour):
        self.picture.setIcon(ImageIcon(picture))
        self.head.setText(head)
        self.head.setBorder(BorderFactory.createMatteBorder(0, 12, 0, 0, colour))
        self.below.setText(below)
        self.bar.setMaximum(count)
        self.bar.setValue(done)
        self.bar.setString("%d of %d done" % (done, count))

    def _show_on_movie(self, item):
        if not self.image.isVisible():
            return
        index = self.pixels.indices[self.frame - 1]
        if self.image.getCurrentSlice() != index:
            self.image.setSlice(index)
        roi = PointRoi(item["x"], item["y"])
        roi.setStrokeColor(self.colours.get(item["event"], Color.WHITE))
        roi.setSize(3)
        self.image.setRoi(roi)
        self._scroll_to(item)

    def _scroll_to(self, item):
        """Bring the place into view where the movie is zoomed in."""
        canvas = self.image.getCanvas()
        view = canvas.getSrcRect()
        if not view.contains(int(item["x"]), int(item["y"])):
            left = min(max(0, int(item["x"]) - view.width // 2), self.image.getWidth() - view.width)
            top = min(max(0, int(item["y"]) - view.height // 2), self.image.getHeight() - view.height)
            canvas.setSourceRect(type(view)(left, top, view.width, view.height))
            self.image.draw()

    def _picture(self, item):
        """Draw the crops around the event: a montage, or one of a loop."""
        side = 2 * self.half + 1
        frames = [min(max(self._frames()[0], self.frame), self._frames()[-1])] if self.looping else self._frames()
        columns = 1 if self.looping else min(COLUMNS, self.before + self.after + 1)
        rows = 1 if self.looping else -(-(self.before + self.after + 1) // COLUMNS)
        left, top = int(item["x"]) - self.half, int(item["y"]) - self.half
        stack = self.image.getStack()
        sheet = stack.getProcessor(1).createProcessor(columns * (side + GAP) - GAP, rows * (side + GAP) - GAP)
        first = item["frame"] - self.before
        self.tiles = []
        for frame in frames:
            cell = 0 if self.looping else frame - first
            x, y = (cell % columns) * (side + GAP), (cell // columns) * (side + GAP)
            source = stack.getProcessor(self.pixels.indices[frame - 1])
            source.setRoi(max(0, left), max(0, top), side + min(0, left), side + min(0, top))
            sheet.insert(source.crop(), x + max(0, -left), y + max(0, -top))
            source.resetRoi()
            self.tiles.append((frame, x * self.zoom, y * self.zoom, left, top))
        sheet.resetMinAndMax()
        ContrastEnhancer().stretchHistogram(sheet, SATURATED)
        drawn = sheet.convertToByteProcessor(True).resize(sheet.getWidth() * self.zoom, sheet.getHeight() * self.zoom)
        picture = drawn.convertToColorProcessor().getBufferedImage()
        self._mark(picture.createGraphics(), item, side * self.zoom)
        return picture

    def _mark(self, pen, item, side):
        """Frame the crops: the event's own frame in its class's colour, the one on the movie in white; and mark the place."""
        colour = self.colours.get(item["event"], Color.WHITE)
        pen.setFont(Font("SansSerif", Font.PLAIN, 12))
        for frame, x, y, left, top in self.tiles:
            pen.setColor(Color.LIGHT_GRAY)
            pen.drawString(str(frame), x + 4, y + 14)
            if frame == item["frame"]:
                pen.setColor(colour)
                pen.setStroke(BasicStroke(3))
                pen.drawRect(x + 1, y + 1, side - 3, side - 3)
                pen.setStroke(BasicStroke(1))
                middle_x, middle_y = x + (item["x"] - left + 0.5) * self.zoom, y + (item["y"] - top + 0.5) * self.zoom
                reach = 10 * self.zoom
                pen.drawOval(int(middle_x - reach), int(middle_y - reach), 2 * reach, 2 * reach)
            if frame == self.frame:
                pen.setColor(CURRENT)
                pen.drawRect(x + 4, y + 4, side - 9, side - 9)
        pen.dispose()

    def clicked_in_picture(self, x, y):
        """Take a click on a crop: it tells frame and place."""
        side = (2 * self.half + 1) * self.zoom
        for frame, left, top, first_x, first_y in self.tiles:
            if left <= x < left + side and top <= y < top + side:
                at = (frame, first_y + (y - top) / float(self.zoom) - 0.5, first_x + (x - left) / float(self.zoom) - 0.5)
                self.wanted.put(("point", at))

    def clicked_on_movie(self):
        """Take a click on the movie: ImageJ's point tool has made or moved a point there."""
        roi = self.image.getRoi()
        if roi is None or roi.getType() != roi.POINT:
            return
        points = roi.getFloatPolygon()
        index = self.image.getCurrentSlice()
        frame = self.pixels.indices.index(index) + 1 if index in self.pixels.indices else self.frame
        self.wanted.put(("point", (frame, points.ypoints[points.npoints - 1], points.xpoints[points.npoints - 1])))

    def is_in_front(self, window):
        """Whether keys belong to the review: its window or the movie's is in front."""
        return window is not None and (window is self.window or window is self.image.getWindow())

    def _build(self):
        self.picture = JLabel("", SwingConstants.CENTER)
        self.picture.addMouseListener(_PictureMouse(self))
        self.head, self.below = JLabel(" "), JLabel(" ")
        self.head.setFont(Font("SansSerif", Font.BOLD, 14))
        self.bar = JProgressBar(0, len(self.order))
        self.bar.setStringPainted(True)
        names = "   ".join("%d %s" % (number, kind["name"]) for number, kind in enumerate(self.classes[:4], start=1))
        hints = [JLabel(HINTS_SCORE)] if self.fixed else [JLabel(HINTS % min(4, len(self.classes))), JLabel(names)]
        texts = [self.head, self.bar, self.below] + hints
        panel = JPanel()
        panel.setLayout(BoxLayout(panel, BoxLayout.Y_AXIS))
        panel.setBackground(Color.DARK_GRAY)
        for text in texts:
            text.setAlignmentX(0.0)
            if text is not self.bar:
                text.setForeground(Color.WHITE)
            panel.add(text)
        panel.setBorder(BorderFactory.createEmptyBorder(6, 8, 6, 8))
        self.window = JFrame(self.begun.get("title", TITLE))
        self.window.setDefaultCloseOperation(JFrame.DO_NOTHING_ON_CLOSE)
        self.window.addWindowListener(_WindowClosing(self))
        self.window.getContentPane().setBackground(Color.BLACK)
        self.window.add(self.picture, BorderLayout.CENTER)
        self.window.add(panel, BorderLayout.SOUTH)
        side = (2 * self.half + 1 + GAP) * self.zoom
        shown = 1 if self.looping else self.before + self.after + 1
        self.picture.setPreferredSize(Dimension(side * min(COLUMNS, shown), side * -(-shown // COLUMNS)))
        self.window.pack()
        self.window.setLocationByPlatform(True)
        self.window.setVisible(True)
        self.window.toFront()


def _item(line):
    """Read an event from a line of the engine's."""
    event, frame, y, x, score, decision, added = line.split("\t")
    return {"event": event, "frame": int(frame), "y": float(y), "x": float(x), "score": float(score) if score else None,
            "decision": decision, "added": added == "1"}


class _Run(Runnable):
    def __init__(self, do):
        self.do = do

    def run(self):
        self.do()


def _later(do):
    SwingUtilities.invokeLater(_Run(do))


class _Keys(KeyEventDispatcher):
    """Takes the review's keys while its window or the movie's is in front, before ImageJ sees them."""

    def __init__(self, review):
        self.review = review

    def dispatchKeyEvent(self, event):
        window = KeyboardFocusManager.getCurrentKeyboardFocusManager().getActiveWindow()
        if not self.review.is_in_front(window) or event.getModifiersEx() & MODIFIERS:
            return False
        if event.getID() == KeyEvent.KEY_TYPED:
            return event.getKeyChar() in TYPED
        what = KEYS.get(event.getKeyCode())
        if what is None:
            return False
        if event.getID() == KeyEvent.KEY_PRESSED:
            self.review.wanted.put(_wanted(what))
        return True


def _wanted(what):
    if what.startswith("class"):
        return "class", int(what[5:]) - 1
    if what[-1] in "+-":
        return what[:-1], 1 if what[-1] == "+" else -1
    return what, None


class _CanvasMouse(MouseAdapter):
    def __init__(self, review):
        self.review = review

    def mouseReleased(self, event):
        if Toolbar.getToolName() in ("point", "multipoint"):
            self.review.clicked_on_movie()


class _PictureMouse(MouseAdapter):
    def __init__(self, review):
        self.review = review

    def mouseReleased(self, event):
        icon = self.review.picture.getIcon()
        if icon is not None:
            left = (self.review.picture.getWidth() - icon.getIconWidth()) // 2
            top = (self.review.picture.getHeight() - icon.getIconHeight()) // 2
            self.review.clicked_in_picture(event.getX() - left, event.getY() - top)


class _Closing(ImageListener):
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


class _WindowClosing(WindowAdapter):
    def __init__(self, review):
        self.review = review

    def windowClosing(self, event):
        self.review.wanted.put(("end", None))


def show_summary(window, summary):
    """Show what a review came to, and put the kept events into the ROI Manager where that was wanted."""
    if window.begun["settings"]["only_kept"]:
        kept = [item for item in window.items if item["decision"] == "keep"]
        numbers = {}
        for item in kept:
            numbers[item["event"]] = numbers.get(item["event"], 0) + 1
            score = "" if item["score"] is None else " (%.2f)" % item["score"]
            item["name"] = "%s %d%s" % (item["event"], numbers[item["event"]], score)
        show_events(window.image if window.image.isVisible() else None, {"classes": window.classes, "events": kept}, True, False)
    if not summary["counts"]:
        IJ.showStatus("EpiFiji: nothing was decided")
        return
    table = ResultsTable()
    table.setPrecision(3)
    for name in sorted(summary["counts"], key=lambda name: (name == "all", name)):
        table.incrementCounter()
        table.addValue("class", name)
        for key in ("detected", "kept", "rejected", "skipped", "open", "other class", "moved", "added"):
            table.addValue(key, summary["counts"][name][key])
        found = summary["precision"][name]
        if found["judged"]:
            table.addValue("precision", found["value"])
            table.addValue("from", found["interval"][0])
            table.addValue("to", found["interval"][1])
    table.show("Review of %s" % window.image.getShortTitle())
    IJ.showStatus("EpiFiji: the reviewed events are in %s" % summary["folder"])
