"""The window for the review of events: crops of the movie around each event, keys, and decisions (Jython 2.7).

Keys and clicks only put requests into a queue. The script's thread reads them, sends each decision to the engine, which
writes it to the file, and then shows the next event. So ImageJ stays usable, and the window never shows a decision that
was not written.
"""
import time

from ij import IJ
from ij.gui import PointRoi, Toolbar
from java.awt import BorderLayout, Color, Font
from java.lang import IllegalMonitorStateException, InterruptedException
from java.util.concurrent import LinkedBlockingQueue, TimeUnit
from javax.swing import BorderFactory, BoxLayout, ImageIcon, JFrame, JLabel, JPanel, JProgressBar, SwingConstants

from epifiji_client import call, report
from epifiji_crops import Crops
from epifiji_images import show_events, shown_pixels
from epifiji_review_input import PictureMouse, WindowClosing, review_inputs
from epifiji_windows import later, show_table

TITLE = "Review Epithelial Events"
LOOP_MS = 150
HINTS = ("y keep   n reject   s skip   u undo   1-%d class   click or drag: correct the place   a add a missed one   "
         "left, right: frames   up, down: events   Esc end")
HINTS_SCORE = "y right   n wrong   s skip   u undo   left, right: frames   up, down: events   Esc end"
COUNTS = ("detected", "kept", "rejected", "skipped", "open", "other class", "moved", "added")

CHANGES = ("class", "point", "add")
"""Requests that change events; they are ignored if events are only scored."""

SAME_PLACE_PX = 0.01
"""A click that would move an event by less is ignored: ImageJ stores positions in single precision."""


class ReviewWindow(object):
    """A review of the engine's events on a movie."""

    def __init__(self, image, found):
        self.image, self.found = image, found
        self.items = Items(found["items"].split("\n"))
        self.order, self.classes = found["order"], found["classes"]
        self.open = set([index for index in self.order if not self.items.is_decided(index)])
        self.colours = dict((kind["name"], Color(*kind["colour"])) for kind in self.classes)
        self.fixed = found.get("fixed", False)
        self.pixels = shown_pixels(image)
        self.crops = Crops(image, self.pixels, found["settings"], self.colours)
        self.wanted = LinkedBlockingQueue()
        self.place = found["place"]
        self.frame = self.looped = self.items[self.order[self.place]]["frame"]
        self.adding = False
        self.state = found
        self.since = time.time()
        self.ended = False

    def run(self):
        """Show the window and handle the user's input until the review ends."""
        tool, point = Toolbar.getToolName(), self.image.getRoi()
        self._build()
        inputs = review_inputs(self, self.image.getCanvas())
        inputs.start()
        if not self.fixed:
            IJ.setTool("point")
        try:
            self._show()
            while not self.ended:
                try:
                    wanted = self.wanted.poll(LOOP_MS, TimeUnit.MILLISECONDS)
                except (IllegalMonitorStateException, InterruptedException):
                    # Escape in another window of ImageJ forcibly aborts the calling macro.
                    wanted = "end", None
                if wanted is not None:
                    self._do(wanted)
                elif self.crops.looping:
                    self.looped = self._next_in_loop()
                    self._show_crops()
        finally:
            inputs.stop()
            IJ.setTool(tool)
            self.window.dispose()
            if self.image.isVisible():
                self.image.setRoi(point)

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
        """Let the engine record a decision; see its job review_act."""
        now = time.time()
        request = {"review": self.found["review"], "what": what, "item": self._current() if item is None else item,
                   "event": event, "seconds": now - self.since}
        self.since = now
        answer = call("review_act", request)
        self.state = answer
        if answer["item"] is not None and answer["item"] < answer["count"]:
            self.items.put(answer["item"], answer["now"])
            if self.items.is_decided(answer["item"]):
                self.open.discard(answer["item"])
            elif answer["item"] in self.order:
                self.open.add(answer["item"])
        return answer

    def _undo(self):
        answer = self._act("undo")
        index = answer["item"]
        if index is None:
            return
        if answer["count"] < len(self.items):
            removed = len(self.items) - 1
            self.items.pop()
            self.order = [place for place in self.order if place != removed]
            self.place = min(self.place, len(self.order) - 1)
        elif index in self.order:
            self.place = self.order.index(index)
        self.frame = self.items[self._current()]["frame"]

    def _change(self, **values):
        """Change the class or the position of the current event."""
        item = dict(self.items[self._current()], **values)
        self._act("class" if "event" in values else "move", dict((key, item[key]) for key in ("event", "frame", "y", "x", "score")))

    def _point(self, frame, y, x):
        """Handle a click: the position of a missed event, or the right position of this one.

        Frame is None if it is not known.
        """
        if not (0 <= y < self.image.getHeight() and 0 <= x < self.image.getWidth()):
            return
        item = self.items[self._current()]
        if frame is None:
            frame = self.frame if self.adding else item["frame"]
        if not self.adding:
            if frame != item["frame"] or max(abs(y - item["y"]), abs(x - item["x"])) > SAME_PLACE_PX:
                self._change(frame=frame, y=y, x=x)
            return
        self.adding = False
        event = {"event": item["event"], "frame": frame, "y": y, "x": x, "score": None}
        answer = self._act("add", event, len(self.items))
        self.order.insert(self.place + 1, answer["item"])
        self.place += 1
        self.frame = frame

    def _go(self, step):
        """Go to a neighbouring event."""
        self.place = min(max(0, self.place + step), len(self.order) - 1)
        self.frame = self.items[self._current()]["frame"]

    def _go_on(self):
        """Go to the next event without a decision; after the last one, continue from the first.

        If all are decided, stay.
        """
        count = len(self.order)
        for step in xrange(1, count if self.open else 1):
            place = (self.place + step) % count
            if self.order[place] in self.open:
                self.place = place
                break
        self.frame = self.items[self._current()]["frame"]

    def _next_in_loop(self):
        frames = self.crops.frames_of(self.items[self._current()])
        return self.looped + 1 if self.looped + 1 in frames else frames[0]

    def _show(self):
        """Show the current event in this window and on the movie."""
        item = self.items[self._current()]
        if self.looped not in self.crops.frames_of(item):
            self.looped = self.crops.frames_of(item)[0]
        picture = self.crops.draw(item, self.frame, self.looped)
        number, count = self.place + 1, len(self.order)
        done = count - len(self.open)
        score = "" if item["score"] is None else "   score %.2f" % item["score"]
        decided = {"keep": "kept", "reject": "rejected", "skip": "skipped", "": "open"}[item["decision"]]
        head = "  %d of %d   %s   frame %d   y %.1f   x %.1f%s   %s%s" % (
            number, count, item["event"], item["frame"], item["y"], item["x"], score, decided, "   added" if item["added"] else "")
        if self.adding:
            head = "  Click where the missed %s is, on the movie or here; Esc: none" % item["event"]
        elif done == count:
            head += "   All are decided: Esc ends"
        below = "Precision: no event scored yet"
        if self.state["judged"]:
            low, high = self.state["interval"]
            below = "Precision: %d of %d right, %.2f (95 %% interval %.2f to %.2f)" % (
                self.state["correct"], self.state["judged"], self.state["correct"] / float(self.state["judged"]), low, high)
        later(lambda: self._refresh(picture, head, below, done, count, self.crops.colour(item)))
        self._show_on_movie(item)

    def _show_crops(self):
        """Show the next frame of a loop. The movie is not changed, so that a point can be dragged on it."""
        picture = self.crops.draw(self.items[self._current()], self.frame, self.looped)
        later(lambda: self.picture.setIcon(ImageIcon(picture)))

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
        roi.setStrokeColor(self.crops.colour(item))
        roi.setSize(3)
        self.image.setRoi(roi)
        self._scroll_to(item)

    def _scroll_to(self, item):
        """Scroll a zoomed movie so that the event is visible."""
        canvas = self.image.getCanvas()
        view = canvas.getSrcRect()
        if not view.contains(int(item["x"]), int(item["y"])):
            left = min(max(0, int(item["x"]) - view.width // 2), self.image.getWidth() - view.width)
            top = min(max(0, int(item["y"]) - view.height // 2), self.image.getHeight() - view.height)
            canvas.setSourceRect(type(view)(left, top, view.width, view.height))
            self.image.draw()

    def clicked_in_picture(self, x, y):
        """Handle a click on the crops."""
        at = self.crops.at(x, y)
        if at is not None:
            self.wanted.put(("point", at))

    def clicked_on_movie(self, y, x):
        """Handle a click on a pixel of the movie, in the shown frame."""
        index = self.image.getCurrentSlice()
        frame = self.pixels.indices.index(index) + 1 if index in self.pixels.indices else self.frame
        self.wanted.put(("point", (frame, y, x)))

    def is_in_front(self, window):
        """Return whether the review's window or the movie's is in front, so that keys belong to the review."""
        return window is not None and (window is self.window or window is self.image.getWindow())

    def _build(self):
        self.picture = JLabel("", SwingConstants.CENTER)
        self.picture.addMouseListener(PictureMouse(self))
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
        self.window = JFrame(self.found.get("title", TITLE))
        self.window.setDefaultCloseOperation(JFrame.DO_NOTHING_ON_CLOSE)
        self.window.addWindowListener(WindowClosing(self))
        self.window.getContentPane().setBackground(Color.BLACK)
        self.window.add(self.picture, BorderLayout.CENTER)
        self.window.add(panel, BorderLayout.SOUTH)
        self.picture.setPreferredSize(self.crops.size())
        self.window.pack()
        self.window.setLocationByPlatform(True)
        self.window.setVisible(True)
        self.window.toFront()


class Items(object):
    """The events of the review as the engine's lines.

    A line is parsed when its event is shown: parsing thousands takes seconds.
    """

    def __init__(self, lines):
        self._lines = lines

    def __len__(self):
        return len(self._lines)

    def __getitem__(self, index):
        return _item(self._lines[index])

    def is_decided(self, index):
        """Return whether there is a decision on an event, without parsing the whole line."""
        return self._lines[index].split("\t", 6)[5] != ""

    def put(self, index, line):
        """Replace the line of a changed event, or append that of a new one."""
        self._lines[index:index + 1] = [line]

    def pop(self):
        """Remove the last event."""
        self._lines.pop()


def _item(line):
    """Parse an event from a line of the engine."""
    event, frame, y, x, score, decision, added = line.split("\t")
    return {"event": event, "frame": int(frame), "y": float(y), "x": float(x), "score": float(score) if score else None,
            "decision": decision, "added": added == "1"}


def show_summary(window, summary, reviewed):
    """Show a review's summary and, with only_kept, replace the reviewed ROIs in the ROI Manager by the kept events."""
    if window.found["settings"]["only_kept"]:
        kept = [item for item in window.items if item["decision"] == "keep"]
        numbers = {}
        for item in kept:
            numbers[item["event"]] = numbers.get(item["event"], 0) + 1
            score = "" if item["score"] is None else " (%.2f)" % item["score"]
            item["name"] = "%s %d%s" % (item["event"], numbers[item["event"]], score)
        answer = {"classes": window.classes, "events": kept, "name": window.image.getShortTitle(), "movie_key": window.found["movie_key"]}
        show_events(window.image if window.image.isVisible() else None, answer, False, False, reviewed=reviewed)
    if not summary["counts"]:
        report("nothing was decided")
        return
    rows = []
    for name in sorted(summary["counts"], key=lambda name: (name == "all", name)):
        found = summary["precision"][name]
        # If nothing was scored there is no precision, and ImageJ would show an empty number as 0.
        precision = ["%.3f" % value for value in [found["value"]] + found["interval"]] if found["judged"] else ["-"] * 3
        rows.append([name] + [str(summary["counts"][name][key]) for key in COUNTS] + precision)
    show_table("Review of %s" % window.image.getShortTitle(), ["class"] + list(COUNTS) + ["precision", "from", "to"], rows)
    report("the reviewed events are in %s" % summary["folder"])
