"""The navigator's window: classes, filter, table, strip and buttons (Jython 2.7).

It only shows a session and puts requests into the navigator's queue.
"""
from java.awt import BorderLayout, Color, FlowLayout, Font, GridLayout
from java.awt.event import KeyEvent, WindowAdapter
from javax.swing import BorderFactory, BoxLayout, JButton, JCheckBox, JComponent, JFrame, JLabel, JPanel, JScrollPane, JTextField
from javax.swing import KeyStroke
from javax.swing.event import DocumentListener

from epifiji_client.events.navigator.box_panel import BoxPanel
from epifiji_client.events.navigator.strip import Strip
from epifiji_client.events.navigator.table import EventTable
from epifiji_client.screen.parts import wrapped_text
from epifiji_client.screen.windows import enlarged, set_size
from epifiji_client.screen.inputs import WindowClosing
from epifiji_client.events.review_session import WORDS

SIZE = (560, 620)
LONGEST_NAME, SHORT_NAME = 24, 16
"""Class names are shortened to so many letters, and with names longer than the second one only two are in a row."""

BUTTONS = (("Keep (y)", "keep"), ("Reject (n)", "reject"), ("Skip (s)", "skip"), ("Undo (u)", "undo"), ("Add (a)", "add"), ("Move (m)", "move"))
HINTS = "y keep   n reject   s skip   u undo   a add   m move   z zoom   arrows: events, frames"
TIPS = {
    "keep": "This is an event of this class", "reject": "This is not an event", "skip": "Decide later",
    "undo": "Undo the last step, any number of times", "add": "Then click on the movie where an event was missed",
    "move": "Then click on the movie where the event is",
}
FILTER_TIP = "Parts of a class, decision or opinion (death, open, kept, rejected, added, disagrees), or comparisons: frame&gt;20 score&lt;0.8 x&lt;100"
SHOWN = (
    ("rings", "rings", "Rings on the movie around the events, which fade in and out"),
    ("ROIs", "managed", "The events' ROIs in the ROI Manager; your own ROIs stay"),
)
"""Boxes for what is shown elsewhere: name, request and tooltip."""

MAPS = "Sliders for the thresholds of the probability maps; the result folder gets the new events"
NO_MAPS = "Needs a result folder with probability maps: detect with maps, and save"
PLOT, REPORT = "Plot Event Statistics...", "Write Event Report..."
COMMANDS = (
    ("Plots...", PLOT, "Rate, density and neighbours of the kept and added events, or of all before the first decision"),
    ("Report...", REPORT, "One HTML file and a PDF with these results, which opens in the browser"),
)
"""Buttons that start another command with these results: text, command and tooltip."""

OPEN_REPORT, NO_REPORT = "Open the report in the browser", "No report was written yet"
WRONG = Color(170, 0, 0)


class NavigatorView(object):
    """The window. navigator has the session, the shown events and the queue; shown in it are the events of a title."""

    def __init__(self, navigator, title, scale):
        self.navigator, self.session, self.shown = navigator, navigator.session, navigator.shown
        want = navigator.want
        self.wanted = navigator.wanted
        self.table = EventTable(self.session, self.shown, scale, navigator.colours, want)
        self.strip = Strip(self.shown, navigator.frames.count, navigator.colours, navigator.frame_of, want)
        self.head, self.below, self.count = JLabel(" "), wrapped_text(), JLabel(" ")
        self.below.setFocusable(False)
        self.boxes, self.boxes_panel = {}, None
        self.window = JFrame(title)
        self.window.setDefaultCloseOperation(JFrame.DO_NOTHING_ON_CLOSE)
        self.window.addWindowListener(WindowClosing(self))
        self.window.add(self._top(want), BorderLayout.NORTH)
        self.window.add(JScrollPane(self.table), BorderLayout.CENTER)
        self.window.add(self._bottom(want), BorderLayout.SOUTH)
        enlarged(self.window.getContentPane())
        self.window.pack()
        set_size(self.window, *SIZE)

    def open(self):
        """Show the window; keys are the review's, not text for the filter."""
        self.show_report()
        self.window.setVisible(True)
        self.table.requestFocusInWindow()

    def _top(self, want):
        classes, counts = JPanel(GridLayout(0, self._classes_in_row())), self.shown.counts()
        for kind in self.session.classes:
            name = kind["name"]
            swatch = JLabel("   ")
            swatch.setOpaque(True)
            swatch.setBackground(self.navigator.colours[name])
            box = JCheckBox(_counted(name, counts), name not in self.shown.hidden)
            box.setToolTipText("Show or hide the events of class %s" % name)
            box.setFocusable(False)
            box.addActionListener(lambda event, name=name, box=box: want("show_class", (name, box.isSelected())))
            self.boxes[name] = box
            # Unlike a flow, this never moves a box that became wider into a row of which nothing is seen.
            shown_class = JPanel(BorderLayout(4, 0))
            shown_class.setBorder(BorderFactory.createEmptyBorder(2, 4, 2, 4))
            shown_class.add(swatch, BorderLayout.WEST)
            shown_class.add(box, BorderLayout.CENTER)
            classes.add(shown_class)
        shown = JPanel(FlowLayout(FlowLayout.RIGHT, 4, 2))
        for name, what, tip in SHOWN:
            box = JCheckBox(name, True)
            box.setToolTipText(tip)
            box.setFocusable(False)
            box.addActionListener(lambda event, what=what, box=box: want(what, box.isSelected()))
            shown.add(box)
        line = JPanel(BorderLayout(6, 0))
        self.field = JTextField(self.shown.text)
        self.field.setToolTipText("<html>%s</html>" % FILTER_TIP)
        self.field.getDocument().addDocumentListener(_Typed(lambda: want("filter", self.field.getText())))
        self.field.addActionListener(lambda event: self.table.requestFocusInWindow())
        escape = KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0)
        self.field.registerKeyboardAction(lambda event: self._leave_filter(), escape, JComponent.WHEN_FOCUSED)
        line.add(JLabel("Filter"), BorderLayout.WEST)
        line.add(self.field, BorderLayout.CENTER)
        line.add(self.count, BorderLayout.EAST)
        line.setBorder(BorderFactory.createEmptyBorder(0, 6, 4, 6))
        top = JPanel(BorderLayout())
        if self.navigator.check is not None:
            self.boxes_panel = BoxPanel(self.navigator.check, want, self.navigator.is_playing)
            top.add(self.boxes_panel, BorderLayout.NORTH)
        top.add(classes, BorderLayout.CENTER)
        top.add(shown, BorderLayout.EAST)
        top.add(line, BorderLayout.SOUTH)
        return top

    def _classes_in_row(self):
        return 3 if max([0] + [len(kind["name"]) for kind in self.session.classes]) <= SHORT_NAME else 2

    def _leave_filter(self):
        self.field.setText("")
        self.table.requestFocusInWindow()

    def _bottom(self, want):
        bottom = JPanel()
        bottom.setLayout(BoxLayout(bottom, BoxLayout.Y_AXIS))
        self.head.setFont(Font("SansSerif", Font.BOLD, 13))
        buttons = JPanel(FlowLayout(FlowLayout.LEFT, 3, 1))
        for text, what in BUTTONS:
            buttons.add(_button(text, TIPS[what], lambda event, what=what: want(what, None)))
        classes = JPanel(GridLayout(0, self._classes_in_row(), 3, 1))
        for number, kind in enumerate(self.session.classes):
            name = _shortened(kind["name"])
            text = "%s (%d)" % (name, number + 1) if number < 4 else name
            classes.add(_button(text, "Give the event class %s" % kind["name"], lambda event, number=number: want("class", number)))
        results = JPanel(FlowLayout(FlowLayout.LEFT, 3, 1))
        results.add(JLabel("Results:"))
        for button in self._of_results(want):
            results.add(button)
        self.below.setFont(Font("SansSerif", Font.PLAIN, 12))
        hints = JLabel(HINTS)
        hints.setFont(Font("SansSerif", Font.PLAIN, 11))
        hints.setForeground(Color.GRAY)
        named = JPanel(FlowLayout(FlowLayout.LEFT, 3, 1))
        named.add(JLabel("Class:"))
        named.add(classes)
        for part in (self.strip, self.head, buttons, named, results, self.below, hints):
            part.setAlignmentX(0.0)
            bottom.add(part)
        for label in (self.head, self.below, hints):
            label.setBorder(BorderFactory.createEmptyBorder(2, 6, 2, 6))
        return bottom

    def _of_results(self, want):
        """Return the buttons for the results as a whole."""
        has_maps = self.session.found["maps"]
        sliders = _button("Thresholds...", MAPS if has_maps else NO_MAPS, lambda event: want("thresholds", None))
        sliders.setEnabled(has_maps)
        commands = [_button(text, tip, lambda event, label=label: want("command", label)) for text, label, tip in COMMANDS]
        self.report = _button("Open Report", NO_REPORT, lambda event: want("open_report", None))
        self.window.addWindowListener(_Activated(self._show_outside))
        return [sliders] + commands + [self.report]

    def _show_outside(self):
        """Show what may have changed elsewhere: the movie's title, second opinions, and whether there is a report."""
        self.show_report()
        if self.navigator.has_new_opinions():
            self.navigator.want("opinions", None)
        self._show_title()

    def _show_title(self):
        title = self.navigator.title()
        if title != self.window.getTitle():
            self.window.setTitle(title)

    def return_to(self):
        """Bring the window to the front after another command, which may have written a report."""
        self.show_report()
        self.window.toFront()

    def show_report(self):
        """Show whether there is a report; another command writes it."""
        is_there = self.navigator.report_file() is not None
        self.report.setEnabled(is_there)
        self.report.setToolTipText(OPEN_REPORT if is_there else NO_REPORT)

    def refresh(self, all_rows, changed, message, counts):
        """Show the session's present state; call it on the event thread.

        all_rows: other events are shown, or in another order; changed: events were changed; message: a sentence instead
        of the precision, or None.
        """
        session = self.session
        self._show_title()
        self.table.refresh(all_rows)
        if all_rows or changed:
            self.strip.refresh()
        self.strip.repaint()
        for name, box in self.boxes.items():
            box.setText(_counted(name, counts))
        if self.boxes_panel is not None:
            self.boxes_panel.refresh()
        self.count.setText("%d of %d shown" % (len(session.order), len(session.items)))
        self.head.setText(self._heading())
        self.head.setBorder(BorderFactory.createCompoundBorder(
            BorderFactory.createMatteBorder(0, 10, 0, 0, self.navigator.colours.get(session.current()["event"], Color.WHITE)),
            BorderFactory.createEmptyBorder(2, 6, 2, 6)))
        self.below.setText(message or self._progress())
        self.below.setForeground(WRONG if message else Color.BLACK)

    def _heading(self):
        session = self.session
        item = session.current()
        if session.pointing == "add":
            return "Click on the movie where the missed %s is; Esc: none" % item["event"]
        if session.pointing == "move":
            return "Click on the movie where this %s is; Esc: leave it" % item["event"]
        score = "" if item["score"] is None else "   score %.2f" % item["score"]
        place = session.place()
        number = "not shown" if place is None else "%d of %d" % (place + 1, len(session.order))
        return "%s   %s   frame %d%s   %s" % (number, item["event"], item["frame"], score, WORDS[item["decision"]])

    def _progress(self):
        from epifiji_client.events.review import precision_of
        session = self.session
        done = len(session.items) - len(session.open)
        doubt = session.current()
        doubt = "The cells disagree: %s.   " % doubt["reason"] if doubt["verdict"] == "disagrees" else ""
        return "%s%d of %d decided.   %s" % (doubt, done, len(session.items), precision_of(session.state))


def _counted(name, counts):
    return "%s %d" % (_shortened(name), counts.get(name, 0))


def _shortened(name):
    """Return a class's name with at most LONGEST_NAME letters; both ends stay, as names may differ in either."""
    half = (LONGEST_NAME - 3) // 2
    return name if len(name) <= LONGEST_NAME else name[:half] + "..." + name[-half:]


def _button(text, tip, do):
    button = JButton(text)
    button.setToolTipText(tip)
    button.setFocusable(False)
    button.setMargin(button.getMargin().__class__(1, 6, 1, 6))
    button.addActionListener(do)
    return button


class _Activated(WindowAdapter):
    def __init__(self, do):
        self.do = do

    def windowActivated(self, event):
        self.do()


class _Typed(DocumentListener):
    def __init__(self, do):
        self.do = do

    def insertUpdate(self, event):
        self.do()

    def removeUpdate(self, event):
        self.do()

    def changedUpdate(self, event):
        self.do()
