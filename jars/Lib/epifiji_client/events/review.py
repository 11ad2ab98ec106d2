"""The window for the review of events: crops of the movie around each event, keys, and decisions (Jython 2.7).

Keys and clicks only put requests into a queue. The script's thread reads them, sends each decision to the engine, which
writes it to the file, and then shows the next event. So ImageJ stays usable, and the window never shows a decision that
was not written.
"""
from ij import IJ
from ij.gui import PointRoi, Toolbar
from java.awt import BorderLayout, Color, Font
from java.lang import IllegalMonitorStateException, InterruptedException
from java.util.concurrent import LinkedBlockingQueue, TimeUnit
from javax.swing import BorderFactory, BoxLayout, ImageIcon, JFrame, JLabel, JPanel, JProgressBar, SwingConstants

from epifiji_client.commands.run import call, report
from epifiji_client.events.crops import Crops
from epifiji_client.images.movies import show_events, shown_pixels
from epifiji_client.screen.inputs import PictureMouse, WindowClosing, review_inputs
from epifiji_client.events.review_session import WORDS, ReviewSession
from epifiji_client.screen.windows import enlarged, in_lines, later, put_beside, screen_size, scroll_to, set_size, show_table

TITLE = "Review Epithelial Events"
LOOP_MS = 150
FRAME, TITLE_BAR = 20, 40
"""Room for a window's frame at both sides, and for its title, in pixels."""

HINTS = ("y keep   n reject   s skip   u undo   1-%d class   click or drag: correct the place   a add a missed one   "
         "left, right: frames   up, down: events   Esc end")
HINTS_SCORE = "y right   n wrong   s skip   u undo   left, right: frames   up, down: events   Esc end"
COUNTS = ("detected", "kept", "rejected", "skipped", "open", "other class", "moved", "added")


class ReviewWindow(object):
    """A review of the engine's events on a movie."""

    def __init__(self, image, found):
        self.image, self.found = image, found
        self.pixels = shown_pixels(image)
        self.session = ReviewSession(found, self.pixels.frames, call)
        self.classes, self.fixed = found["classes"], found.get("fixed", False)
        self.colours = dict((kind["name"], Color(*kind["colour"])) for kind in self.classes)
        self.crops = Crops(image, self.pixels, found["settings"], self.colours)
        self.wanted = LinkedBlockingQueue()
        self.looped = self.session.frame

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
            while not self.session.ended:
                try:
                    wanted = self.wanted.poll(LOOP_MS, TimeUnit.MILLISECONDS)
                except (IllegalMonitorStateException, InterruptedException):
                    # Escape in another window of ImageJ forcibly aborts the calling macro.
                    wanted = "end", None
                if wanted is not None:
                    self.session.do(*wanted)
                    if not self.session.ended:
                        self._show()
                elif self.crops.looping:
                    self.looped = self._next_in_loop()
                    self._show_crops()
        finally:
            inputs.stop()
            IJ.setTool(tool)
            self.window.dispose()
            if self.image.isVisible():
                self.image.setRoi(point)

    def _next_in_loop(self):
        frames = self.crops.frames_of(self.session.current())
        return self.looped + 1 if self.looped + 1 in frames else frames[0]

    def _show(self):
        """Show the current event in this window and on the movie."""
        session, item = self.session, self.session.current()
        if self.looped not in self.crops.frames_of(item):
            self.looped = self.crops.frames_of(item)[0]
        picture = self.crops.draw(item, session.frame, self.looped)
        number, count, done = session.place() + 1, len(session.order), session.done()
        score = "" if item["score"] is None else "   score %.2f" % item["score"]
        decided = WORDS[item["decision"]]
        doubt = "   cells: %s" % item["reason"] if item["verdict"] == "disagrees" else ""
        head = "  %d of %d   %s   frame %d   y %.1f   x %.1f%s   %s%s%s" % (
            number, count, item["event"], item["frame"], item["y"], item["x"], score, decided, "   added" if item["added"] else "", doubt)
        if session.pointing:
            head = "  Click where the missed %s is, on the movie or here; Esc: none" % item["event"]
        elif done == count:
            head += "   All are decided: Esc ends"
        below = precision_of(session.state)
        later(lambda: self._refresh(picture, head, below, done, count, self.crops.colour(item)))
        self._show_on_movie(item)

    def _show_crops(self):
        """Show the next frame of a loop. The movie is not changed, so that a point can be dragged on it."""
        picture = self.crops.draw(self.session.current(), self.session.frame, self.looped)
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
        index = self.pixels.indices[self.session.frame - 1]
        if self.image.getCurrentSlice() != index:
            self.image.setSlice(index)
        roi = PointRoi(item["x"], item["y"])
        roi.setStrokeColor(self.crops.colour(item))
        roi.setSize(3)
        self.image.setRoi(roi)
        scroll_to(self.image, item)

    def clicked_in_picture(self, x, y):
        """Handle a click on the crops."""
        at = self.crops.at(x, y)
        if at is not None and self._is_inside(*at[1:]):
            self.wanted.put(("point", at))

    def clicked_on_movie(self, y, x):
        """Handle a click on a pixel of the movie, in the shown frame."""
        index = self.image.getCurrentSlice()
        frame = self.pixels.indices.index(index) + 1 if index in self.pixels.indices else self.session.frame
        if self._is_inside(y, x):
            self.wanted.put(("point", (frame, y, x)))

    def _is_inside(self, y, x):
        return 0 <= y < self.image.getHeight() and 0 <= x < self.image.getWidth()

    def is_in_front(self, window):
        """Return whether the review's window or the movie's is in front, so that keys belong to the review."""
        return window is not None and (window is self.window or window is self.image.getWindow())

    def _build(self):
        self.picture = JLabel("", SwingConstants.CENTER)
        self.picture.addMouseListener(PictureMouse(self))
        self.head, self.below = JLabel(" "), JLabel(" ")
        self.head.setFont(Font("SansSerif", Font.BOLD, 14))
        self.bar = JProgressBar(0, len(self.session.order))
        self.bar.setStringPainted(True)
        names = "   ".join("%d %s" % (number, kind["name"]) for number, kind in enumerate(self.classes[:4], start=1))
        hints = [HINTS_SCORE] if self.fixed else [HINTS % min(4, len(self.classes)), names]
        screen = screen_size()
        lines = [JLabel(line) for text in hints for line in in_lines(text, screen.width - 2 * FRAME, self.below)]
        texts = [self.head, self.bar, self.below] + lines
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
        self.window.add(enlarged(panel), BorderLayout.SOUTH)
        self.crops.fit(screen.width - FRAME, screen.height - FRAME - TITLE_BAR - panel.getPreferredSize().height)
        self.picture.setPreferredSize(self.crops.size())
        self.window.pack()
        set_size(self.window)
        put_beside(self.window, self.image)
        self.window.setVisible(True)
        self.window.toFront()


def precision_of(state):
    """Return a sentence about the precision of the decisions so far."""
    if not state["judged"]:
        return "Precision: no event scored yet"
    low, high = state["interval"]
    return "Precision: %d of %d right, %.2f (95 %% interval %.2f to %.2f)" % (
        state["correct"], state["judged"], state["correct"] / float(state["judged"]), low, high)


def show_summary(window, summary, reviewed):
    """Show a review's summary and, with only_kept, replace the reviewed ROIs in the ROI Manager by the kept events."""
    if window.found["settings"]["only_kept"]:
        kept = [item for item in window.session.items if item["decision"] == "keep"]
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
