"""The window of a detection in many movies: a row for each, with its state, and what can be done (Jython 2.7)."""
import os

from ij import IJ, WindowManager
from java.awt import BorderLayout, Color, FlowLayout
from java.lang import Runnable, System, Thread
from java.util.concurrent import LinkedBlockingQueue
from javax.swing import (
    BorderFactory, JButton, JFrame, JOptionPane, JPanel, JProgressBar, JScrollPane, JTable, ListSelectionModel,
)
from javax.swing.table import DefaultTableCellRenderer

from epifiji_client.screen.log import log
from epifiji_client.commands.run import call, keep, report, run_with
from epifiji_client.screen.parts import FixedRows, Selecting, message_text, on_escape, show_error, when_closed, wrapped_text
from epifiji_client.screen.windows import and_wait, enlarged, keep_on_screen, later, put_free, set_size
from epifiji_client.screen.words import duration
from epifiji_client.engine.errors import EngineError
from epifiji_client.events.many.movies import AGAIN, CANCEL, COMPLETE, FAILED, LEFT, LOOKING, PAUSE, PAUSED, REFUSED, RUNNING, quietly
from epifiji_client.events.many.pooled import show_pooled
from epifiji_client.events.navigator.opening import events_shown
from epifiji_client.images.movies import file_of

SHOWN = "epifiji.many_movies"
"""The property of the JVM with the open window: there is one. Not all scripts share modules."""

TITLE = "Detection in Many Movies"
PLOTS = "Plot Event Statistics..."
PAUSE_TEXT, RESUME_TEXT, CANCEL_TEXT, RETRY_TEXT = "Pause", "Resume", "Cancel", "Retry Failed"
OPEN_TEXT, PLOTS_TEXT, POOL_TEXT, CLOSE_TEXT = "Open", "Plots...", "Pool", "Close"
TIPS = {
    PAUSE_TEXT: "Stop after the parts of the movie that are being computed; Resume continues from there",
    CANCEL_TEXT: "Stop, and leave the movies that are not done; the same command continues later",
    RETRY_TEXT: "Try the movies again that failed, were refused or cancelled",
    OPEN_TEXT: "Open the selected movie with its events in the navigator",
    PLOTS_TEXT: "Plot the events of the selected movie",
    POOL_TEXT: "Show counts and rates of all movies that are done, and compare conditions",
    CLOSE_TEXT: "Close this window",
}
LEFT_COLUMNS, RIGHT_COLUMNS = ["Movie", "Condition", "State"], ["Time left", "Details"]
STATE = 2
WIDTHS, COUNT_WIDTH, RIGHT_WIDTHS = (150, 100, 120), 90, (80, 300)
LARGEST, ROWS_HEIGHT = (1100, 640), 22
COLOURS = {RUNNING: Color(0, 90, 181), FAILED: Color(180, 30, 30), REFUSED: Color(150, 90, 0)}
REFRESH_MS = 200
GO, STOP, AGAIN_REQUEST, END = "go", "stop", "again", "end"
CLOSE_CHOICES = ["Stop and Close", "Keep Running"]
POOL_CHOICES = ["Replace It", "Keep It"]
KEPT = "The pooled table of the earlier run was kept; Pool replaces it."
HINT = "Select a movie to see its details, or to open its events."


def bring_to_front():
    """Bring the open window to the front, if there is one, and return whether there is."""
    window = System.getProperties().get(SHOWN)
    # A window that was closed may wait until its last detection has stopped.
    if window is None or not window.isVisible():
        return False
    window.toFront()
    report("a detection in many movies is open: close its window before you start another one")
    return True


class ManyMoviesWindow(object):
    """The window. The thread that runs the command detects; buttons only put requests into its queue."""

    def __init__(self, label, many):
        self.label, self.many = label, many
        self.wanted = LinkedBlockingQueue()
        self.refreshed, self.working, self.said = 0, True, ""
        self.classes = many.plan["classes"]

    def run(self):
        """Show the window until the user closes it."""
        keep(self.label, self.many.parameters)
        self._build()
        System.getProperties().put(SHOWN, self.window)
        try:
            what = GO
            while what != END:
                if what == AGAIN_REQUEST:
                    self._retry()
                elif what == STOP:
                    self.many.cancel()
                if what in (GO, AGAIN_REQUEST):
                    self._work()
                self._refresh(True)
                what = self.wanted.take()
        finally:
            System.getProperties().remove(SHOWN, self.window)
            later(self.window.dispose)
        report(self.many.summary())

    def _work(self):
        self.working, self.said = True, ""
        whole = self.many.work(lambda: self._refresh(False), quietly)
        for movie in self.many.movies:
            if movie["details"]:
                IJ.log(movie["details"])
                movie["details"] = ""
        if whole:
            self._write_pool()
        self.working = False

    def _retry(self):
        try:
            self.many.retry()
        except EngineError as error:
            self.said = error.sentence

    def _write_pool(self):
        """Write the pooled table when all movies were tried; that it failed does not matter to their results."""
        if self.many.keeps_pool():
            self.said = "The pooled table of an earlier run is in %s." % self.many.plan["pooled"]
            return
        try:
            pooled = self.many.pool() if self._may_pool() else None
        except EngineError as error:
            self.said = "The pooled table was not written: " + error.sentence
        else:
            self.said = KEPT if pooled is None and self.many.folders() else "" if pooled is None else "The pooled table is in %s." % self.many.plan["pooled"]
        if self.said:
            log(self.said)

    # What the buttons do, on the event thread.

    def _pause(self):
        if self.working:
            self.many.stop = PAUSE
            self.buttons[PAUSE_TEXT].setEnabled(False)
        else:
            self._begin(GO)

    def _cancel(self):
        if self.working:
            self.many.stop = CANCEL
            self.buttons[CANCEL_TEXT].setEnabled(False)
        else:
            self.wanted.put(STOP)

    def _begin(self, what):
        self.working, self.many.stop = True, None
        self.wanted.put(what)
        self._update()

    def _selected(self):
        row = self.table.getSelectedRow()
        return self.many.movies[row] if 0 <= row < len(self.many.movies) else None

    def _open(self, movie):
        found = call("open", {"settings": {"results": movie["folder"]}})
        image = movie["image"] if movie["image"] is not None and movie["image"].getWindow() is not None else _opened(found["movie"])
        if image is None:
            raise EngineError("The movie of %s was not found: open it first." % movie["folder"], "input")
        events_shown(image, found, {"navigator": True}, movie["folder"])

    def _may_pool(self):
        """Ask whether to replace the pooled table of an earlier run; return whether one may be written."""
        if not self.many.may_replace_pool:
            text = "The pooled table in %s is of an earlier run." % self.many.plan["pooled"]
            asked = []
            and_wait(lambda: asked.append(JOptionPane.showOptionDialog(
                self.window, message_text(text), TITLE, JOptionPane.DEFAULT_OPTION, JOptionPane.QUESTION_MESSAGE, None, POOL_CHOICES,
                POOL_CHOICES[1])))
            self.many.may_replace_pool = asked == [0]
        return self.many.may_replace_pool

    def _pool(self, _):
        found = self.many.pool() if self._may_pool() else None
        if found is not None:
            show_pooled(found)

    def _apart(self, do):
        """Do something with the selected movie on a thread of its own: this window's thread detects."""
        movie = self._selected()
        thread = Thread(_Apart(self.window, do, movie), "EpiFiji-Many")
        thread.setDaemon(True)
        thread.start()

    def _close(self):
        left = self.many.count(LEFT + (RUNNING,))
        if left:
            text = "%d of %d movies are not done. If you stop now, the same command continues later." % (left, len(self.many.movies))
            if JOptionPane.showOptionDialog(self.window, text, TITLE, JOptionPane.DEFAULT_OPTION, JOptionPane.QUESTION_MESSAGE, None,
                                            CLOSE_CHOICES, CLOSE_CHOICES[1]) != 0:
                return
        self.many.stop = CANCEL
        self.wanted.clear()
        self.wanted.put(END)
        self.window.setVisible(False)

    # What is shown.

    def _refresh(self, now):
        """Show the present state soon, at most some times a second."""
        time = System.currentTimeMillis()
        if now or time - self.refreshed > REFRESH_MS or self.many.count((RUNNING,)) == 0:
            self.refreshed = time
            later(self._update)

    def _row(self, movie):
        state = movie["state"]
        if state == RUNNING:
            state = "running, %d %%" % (100 * movie["done"]) if movie["doing"] == LOOKING else movie["doing"] or RUNNING
        elif state == PAUSED and movie["done"]:
            state = "paused at %d %%" % (100 * movie["done"])
        counts = movie["counts"] or {}
        left = self.many.seconds_left(movie)
        return ([movie["name"], movie["condition"], state] + [str(counts[name]) if name in counts else "" for name in self.classes]
                + [duration(left) if left is not None else "", "" if state in COMPLETE else _short(movie)])

    def _update(self):
        for number, movie in enumerate(self.many.movies):
            for column, text in enumerate(self._row(movie)):
                if self.model.getValueAt(number, column) != text:
                    self.model.setValueAt(text, number, column)
        many, total = self.many, len(self.many.movies)
        tried = total - many.count(LEFT + (RUNNING,))
        left = many.seconds_left() if self.working else None
        self.bar.setMaximum(1000 * total)
        self.bar.setValue(int(1000 * (tried + sum([one["done"] for one in many.movies if one["state"] in (RUNNING, PAUSED)]))))
        self.bar.setString(many.summary() + (", %s left" % duration(left) if left is not None and tried < total else ""))
        paused = not self.working and many.count(LEFT)
        button = self.buttons[PAUSE_TEXT]
        button.setText(RESUME_TEXT if paused else PAUSE_TEXT)
        button.setEnabled(bool(paused) or self.working and many.stop is None)
        self.buttons[CANCEL_TEXT].setEnabled(bool(paused) or self.working and many.stop is None)
        self.buttons[RETRY_TEXT].setEnabled(not self.working and many.count(AGAIN) > 0)
        movie = self._selected()
        has_results = movie is not None and movie["state"] in COMPLETE
        self.buttons[OPEN_TEXT].setEnabled(has_results)
        self.buttons[PLOTS_TEXT].setEnabled(has_results)
        self.buttons[POOL_TEXT].setEnabled(many.count(COMPLETE) > 0)
        text = movie is not None and _short(movie) or self.said or HINT
        if self.details.getText() != text:
            self.details.setText(text)
            self.details.setCaretPosition(0)

    def _build(self):
        self.window = JFrame(TITLE)
        self.model = FixedRows(LEFT_COLUMNS + self.classes + RIGHT_COLUMNS, len(self.many.movies))
        self.table = _Table(self.model)
        self.table.setRowHeight(ROWS_HEIGHT)
        self.table.setSelectionMode(ListSelectionModel.SINGLE_SELECTION)
        self.table.setAutoResizeMode(JTable.AUTO_RESIZE_LAST_COLUMN)
        widths = list(WIDTHS) + [COUNT_WIDTH] * len(self.classes) + list(RIGHT_WIDTHS)
        for column, width in enumerate(widths):
            self.table.getColumnModel().getColumn(column).setPreferredWidth(width)
        self.table.getColumnModel().getColumn(STATE).setCellRenderer(_State(self.many))
        self.table.getSelectionModel().addListSelectionListener(Selecting(self._update))
        self.details = wrapped_text("", 3, 1)
        self.details.setFont(self.table.getFont())
        self.bar = JProgressBar()
        self.bar.setStringPainted(True)
        below = JPanel(BorderLayout(0, 4))
        below.setBorder(BorderFactory.createEmptyBorder(4, 8, 4, 8))
        below.add(self.details, BorderLayout.NORTH)
        below.add(self.bar, BorderLayout.CENTER)
        below.add(self._row_of_buttons(), BorderLayout.SOUTH)
        self.window.add(JScrollPane(self.table), BorderLayout.CENTER)
        self.window.add(below, BorderLayout.SOUTH)
        when_closed(self.window, self._close)
        on_escape(self.window, self._close)
        self._update()
        enlarged(self.window.getContentPane())
        height = min(LARGEST[1], 230 + ROWS_HEIGHT * max(4, len(self.many.movies)))
        set_size(self.window, min(LARGEST[0], sum(widths) + 40), height)
        put_free(self.window, [IJ.getInstance()])
        keep_on_screen(self.window)
        self.window.setVisible(True)

    def _row_of_buttons(self):
        left, right, row = JPanel(FlowLayout(FlowLayout.LEFT, 4, 0)), JPanel(FlowLayout(FlowLayout.RIGHT, 4, 0)), JPanel(BorderLayout())
        self.buttons = {}
        plots = lambda movie: run_with(PLOTS, {"results": movie["folder"]})
        for panel, text, do in ((left, PAUSE_TEXT, self._pause), (left, CANCEL_TEXT, self._cancel),
                                (left, RETRY_TEXT, lambda: self._begin(AGAIN_REQUEST)),
                                (right, OPEN_TEXT, lambda: self._apart(self._open)), (right, PLOTS_TEXT, lambda: self._apart(plots)),
                                (right, POOL_TEXT, lambda: self._apart(self._pool)), (right, CLOSE_TEXT, self._close)):
            button = JButton(text)
            button.setToolTipText(TIPS[text])
            button.addActionListener(lambda event, do=do: do())
            self.buttons[text] = button
            panel.add(button)
        row.add(left, BorderLayout.WEST)
        row.add(right, BorderLayout.EAST)
        return row


def _short(movie):
    """Return why a movie has no results, without the folder of its file, which may hide the reason."""
    folder = os.path.join(os.path.dirname(movie["path"] or ""), "")
    return movie["reason"].replace(folder, "") if movie["path"] else movie["reason"]


def _opened(path):
    """Return the image of a movie's file that is open, or open it."""
    images = [image for image in map(WindowManager.getImage, WindowManager.getIDList() or []) if image is not None]
    for image in images:
        if path is not None and file_of(image) == path:
            return image
    image = IJ.openImage(path) if path is not None and os.path.exists(path) else None
    if image is not None:
        image.show()
    return image


class _Apart(Runnable):
    """Does something beside a running detection, and shows why it failed."""

    def __init__(self, window, do, movie):
        self.window, self.do, self.movie = window, do, movie

    def run(self):
        try:
            self.do(self.movie)
        except EngineError as error:
            sentence = error.sentence
            later(lambda: show_error(self.window, TITLE, sentence))


class _Table(JTable):
    """A table whose cells show their whole text as a tooltip."""

    def getToolTipText(self, event):
        row, column = self.rowAtPoint(event.getPoint()), self.columnAtPoint(event.getPoint())
        return (self.getValueAt(row, column) or None) if row >= 0 and column >= 0 else None


class _State(DefaultTableCellRenderer):
    """Shows a state in its colour."""

    def __init__(self, many):
        self.many = many

    def getTableCellRendererComponent(self, table, value, selected, focused, row, column):
        part = DefaultTableCellRenderer.getTableCellRendererComponent(self, table, value, selected, focused, row, column)
        part.setForeground(table.getSelectionForeground() if selected else COLOURS.get(self.many.movies[row]["state"], table.getForeground()))
        return part
