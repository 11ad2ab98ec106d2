"""The window that sets up, repairs and removes the Python that runs EpiFiji's engine (Jython 2.7)."""
import json
import os

from ij import IJ, Macro
from java.awt import BorderLayout, Dimension, FlowLayout, Font, GraphicsEnvironment
from java.awt.event import KeyEvent
from java.io import BufferedReader, File, InputStreamReader, IOException
from java.lang import ProcessBuilder, Thread
from java.util.concurrent import LinkedBlockingQueue, TimeUnit
from javax.swing import (
    BorderFactory, BoxLayout, JButton, JCheckBox, JComponent, JFileChooser, JFrame, JLabel, JPanel, JProgressBar, JScrollPane, JTextArea, JTextField,
    KeyStroke, SwingUtilities,
)

from epifiji_client.engine import python_record
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.worker_process import stop
from epifiji_client.screen.log import log
from epifiji_client.engine.setup.folders import size_of
from epifiji_client.engine.setup.set_up import SetUp, UNPACKED, download_size, java_problem, read_lock, usable_card
from epifiji_client.screen.parts import when_closed
from epifiji_client.screen.windows import and_wait, chosen_file, enlarged, escaped, keep_on_screen, put_below

TITLE = "EpiFiji's Python"
WIDTH, LOG_ROWS = 520, 12
SET_UP, MINE, CHANGE, CLOSE, CANCEL, REPAIR, REMOVE, LOG, FOR_CARD = (
    "set up", "mine", "change", "close", "cancel", "repair", "remove", "log", "for card")
NOT_SET_UP = "EpiFiji's Python was not set up."
ASK = "import importlib.metadata, json, platform; print(json.dumps([platform.python_version(), importlib.metadata.version('epifiji')]))"
ASK_TIMEOUT_S = 60


def ask(reason):
    """Let the user set up a Python, or choose one; return when this Fiji has one, and raise EngineError if not."""
    problem = java_problem()
    if problem:
        raise EngineError(problem, "input")
    lock = read_lock()[1]
    window = Window()
    try:
        _choose(window, lock, reason, "<br>Then your command goes on.")
    finally:
        window.close()


def _choose(window, lock, reason, afterwards="", gpu=False):
    card = usable_card(lock)
    window.offer_card(card and "Use the graphics card (%s): downloads %s instead" % (card, _sizes(lock, True)), gpu)
    place = python_record.known_place()
    kept = size_of(File(place, "wheels")) / 1e6
    while True:
        text = ("EpiFiji finds events and cells with neural networks, which run in Python. It can set up a Python of its own: this "
                "downloads about %s in the folder below. Nothing else on this computer is changed." % _sizes(lock))
        if kept >= 1:
            text += "<br><br>%d MB of an earlier set-up are there already." % kept
        window.show("EpiFiji's Python is not set up" if reason else "EpiFiji needs a Python", _note(reason) + text,
                    [("Continue" if kept >= 1 else "Set up EpiFiji's Python here", SET_UP), ("Use a Python of mine...", MINE), ("Not now", CLOSE)], place)
        action = window.answer()
        reason = None
        if action == CLOSE:
            is_macro = Macro.getOptions() is not None
            raise EngineError("%s: %s." % (NOT_SET_UP.rstrip("."), python_record.SET_UP) if is_macro else NOT_SET_UP,
                              "input" if is_macro else "cancelled")
        try:
            if action == CHANGE:
                place = window.folder(place) or place
                kept = size_of(File(place, "wheels")) / 1e6
            elif action == MINE:
                if window.python():
                    return
            elif set_up(window, place, afterwards, window.is_card_wanted()):
                return
            else:
                kept, reason = size_of(File(place, "wheels")) / 1e6, "The set-up was cancelled."
        except EngineError as error:
            kept, reason = size_of(File(place, "wheels")) / 1e6, error.sentence


def _sizes(lock, gpu=False):
    """Return how much a set-up downloads, and how much it takes then."""
    megabytes = download_size(lock, gpu) / 1e6
    return "%d MB and takes %.1f GB" % (round(megabytes, -1), megabytes * UNPACKED[gpu] / 1000)


def set_up(window, place, afterwards="", gpu=False):
    """Set up a Python in a place with the window's progress; return whether it was not cancelled."""
    job = SetUp(place, window.progress, window.log_line, gpu)
    window.show_progress("The packages are downloaded and compared with their checksums, then unpacked." + afterwards, job.cancel)
    try:
        job.run()
        return True
    except EngineError as error:
        if error.kind != "cancelled":
            raise
        return False


def manage():
    """Show which Python runs the engine, and let the user set one up, repair it or remove it."""
    window = Window()
    try:
        note = None
        while True:
            heading, text, buttons, place = _state()
            window.show(heading, _note(note) + text, buttons + [("Close", CLOSE)], place)
            action, note = window.answer(), None
            try:
                if action == CLOSE:
                    return
                if action == MINE:
                    window.python()
                elif action in (CHANGE, SET_UP, FOR_CARD):
                    _choose(window, read_lock()[1], None, gpu=action == FOR_CARD)
                elif action == REPAIR:
                    note = repair(window, place)
                elif action == REMOVE:
                    note = remove(window, place)
            except EngineError as error:
                note = None if error.kind == "cancelled" else error.sentence
    finally:
        window.close()


def _confirmed(window, heading, text, button):
    window.show(heading, text, [(button, SET_UP), ("Back", CLOSE)], None)
    return window.answer() == SET_UP


def repair(window, place):
    if not _confirmed(window, "Repair EpiFiji's Python?", "It is removed, and its packages are downloaded anew. Results, networks and "
                      "settings stay.", "Repair"):
        return None
    gpu = python_record.is_for_card()
    _stop_engine()
    window.show("Repairing", "The packages are downloaded and unpacked anew.", [], None)
    SetUp(place, window.progress).remove()
    python_record.forget()
    return "It was repaired." if set_up(window, place, gpu=gpu) else "The repair was cancelled: set it up again to continue."


def remove(window, place):
    if not _confirmed(window, "Remove EpiFiji's Python?", "Its files in %s are deleted. Results, networks and settings stay."
                      % escaped(place), "Remove"):
        return None
    _stop_engine()
    window.show("Removing", "The files are deleted.", [], None)
    SetUp(place, window.progress).remove()
    python_record.forget()
    return "It was removed. The commands in the menu stay."


def _stop_engine():
    stop()


def _state():
    """Return what the window shows: a heading, a text, buttons, and the place; None if the Python is not in a place."""
    try:
        python, version = python_record.engine_python()
    except EngineError as missing:
        buttons = [("Set up...", SET_UP)] if python_record.own_setup() else []
        what = "" if getattr(missing, "is_first", False) else escaped(missing.sentence) + "<br>"
        return "EpiFiji has no Python", what + "Set one up, or choose a Python in which EpiFiji is installed.", buttons + [("Use a Python of mine...", MINE)], None
    record = python_record.read_json(python_record.record_file("python.json"))
    what = "EpiFiji %s runs in Python %s" % (version, record.get("python_version", "?"))
    place = record.get("folder")
    if not place:
        buttons = [("Set up a Python here...", SET_UP)] if python_record.own_setup() else []
        return "EpiFiji uses a Python of yours", what + ":<br>" + escaped(python), buttons + [("Use another...", MINE)], None
    gpu = python_record.is_for_card()
    size = "%.1f GB" % (size_of(File(python).getParentFile().getParentFile().getParentFile()) / 1e9)
    card = [] if gpu or not usable_card(read_lock()[1]) else [("Set up for the graphics card...", FOR_CARD)]
    return ("EpiFiji's Python is set up", what + "%s, and takes %s in the folder below." % (" with packages for the graphics card" if gpu else "", size),
            card + [("Repair", REPAIR), ("Remove", REMOVE), ("Use a Python of mine...", MINE)], place)


def use_python(python):
    """Let this Fiji use a Python of the user, which must have this version of EpiFiji."""
    setup = python_record.own_setup()
    record = python_record.read_json(python_record.record_file("python.json")) or {}
    wanted = setup["epifiji"] if setup else record.get("epifiji_version", "?")
    if not File(python).isFile():
        raise EngineError("%s is no file: give the program of a Python, for example bin/python of an environment." % python, "input")
    try:
        process = ProcessBuilder([python, "-I", "-c", ASK]).start()
        process.getOutputStream().close()
        line = BufferedReader(InputStreamReader(process.getInputStream(), "UTF-8")).readLine()
        if not process.waitFor(ASK_TIMEOUT_S, TimeUnit.SECONDS):
            process.destroyForcibly()
        python_version, version = json.loads(line or "")
    except (IOException, ValueError, TypeError):
        raise EngineError("%s is no Python with EpiFiji in it: install EpiFiji %s there with pip, or give another." % (python, wanted), "input")
    if version != wanted:
        raise EngineError("%s has EpiFiji %s, but this Fiji has EpiFiji %s: install the same version in both." % (python, version, wanted), "input")
    _stop_engine()
    python_record.use(python, python_version, version)


def _note(sentence):
    return "<b>%s</b><br><br>" % escaped(sentence) if sentence else ""


class Window(object):
    """The window, which a command's thread fills and then asks for the user's next action."""

    def __init__(self):
        self.actions, self.cancel, self.place = LinkedBlockingQueue(), None, None
        and_wait(self._build)

    def _build(self):
        self.frame = JFrame(TITLE)
        when_closed(self.frame, self.closed)
        self.panel = panel = JPanel()
        panel.setLayout(BoxLayout(panel, BoxLayout.Y_AXIS))
        panel.setBorder(BorderFactory.createEmptyBorder(14, 16, 10, 16))
        self.heading, self.text = JLabel(), JLabel()
        self.heading.setFont(self.heading.getFont().deriveFont(Font.BOLD, self.heading.getFont().getSize2D() + 3))
        self.text.setFont(self.text.getFont().deriveFont(Font.PLAIN))
        self.bar, self.doing = JProgressBar(0, 1000), JLabel(" ")
        self.card = JCheckBox()
        self.card.setVisible(False)
        self.folder_row = JPanel(BorderLayout(6, 0))
        self.folder_field = JTextField()
        self.folder_field.setEditable(False)
        self.folder_field.setFocusable(False)
        change = JButton("Change...")
        change.addActionListener(lambda event: self.actions.put(CHANGE))
        self.folder_row.add(JLabel("Folder"), BorderLayout.WEST)
        self.folder_row.add(self.folder_field, BorderLayout.CENTER)
        self.change = change
        self.folder_row.add(change, BorderLayout.EAST)
        self.lines = JTextArea(LOG_ROWS, 40)
        self.lines.setEditable(False)
        self.lines.setFont(Font(Font.MONOSPACED, Font.PLAIN, 11))
        self.scroll = JScrollPane(self.lines)
        self.scroll.setPreferredSize(Dimension(WIDTH, 180))
        self.buttons = JPanel(FlowLayout(FlowLayout.RIGHT, 6, 0))
        self.parts = [self.heading, self.text, self.card, self.folder_row, self.doing, self.bar, self.scroll, self.buttons]
        for part in self.parts:
            part.setAlignmentX(JComponent.LEFT_ALIGNMENT)
            part.setBorder(BorderFactory.createCompoundBorder(BorderFactory.createEmptyBorder(4, 0, 6, 0), part.getBorder()))
            panel.add(part)
        self.frame.add(enlarged(panel))
        escape = KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0)
        panel.registerKeyboardAction(lambda event: self.closed(), escape, JComponent.WHEN_IN_FOCUSED_WINDOW)

    def show(self, heading, text, buttons, place):
        """Show a text with buttons, each a label and an action, and the folder if there is one."""
        def do():
            self.cancel = None
            self._fill(heading, text)
            self.folder_row.setVisible(place is not None)
            self.change.setVisible(any(action == SET_UP for _, action in buttons))
            self.card.setVisible(self.change.isVisible() and bool(self.card.getText()) and place is not None)
            self.folder_field.setText(place or "")
            for part in (self.bar, self.doing, self.scroll):
                part.setVisible(False)
            has_log = place is not None and self.lines.getDocument().getLength() > 0
            self._set_buttons(([("Show log", LOG)] if has_log else []) + buttons)
            self._fit()
        and_wait(do)

    def offer_card(self, label, selected):
        """Offer, with the button that sets up, packages for a graphics card; label is None if there is no card."""
        def do():
            self.card.setText(label or "")
            self.card.setSelected(bool(label) and selected)
        and_wait(do)

    def is_card_wanted(self):
        return self.card.isSelected()

    def show_progress(self, text, cancel):
        """Show the progress of a set-up, which cancel() ends."""
        def do():
            self.cancel = cancel
            self._fill("Setting up EpiFiji's Python", text)
            self.folder_row.setVisible(False)
            self.card.setVisible(False)
            self.lines.setText("")
            self.bar.setValue(0)
            self.doing.setText(" ")
            for part in (self.bar, self.doing):
                part.setVisible(True)
            self._set_buttons([("Show log", LOG), ("Cancel", CANCEL)])
            self._fit()
        and_wait(do)

    def _fill(self, heading, text):
        self.heading.setText(heading)
        self.text.setText("<html><div style='width:%dpx'>%s</div></html>" % (WIDTH * 3 // 4, text))

    def _set_buttons(self, buttons):
        self.buttons.removeAll()
        for label, action in buttons:
            button = JButton(label)
            button.addActionListener(lambda event, action=action: self._pressed(action))
            self.buttons.add(button)
        defaults = [i for i, (_, action) in enumerate(buttons) if action in (SET_UP, CLOSE)]
        self.frame.getRootPane().setDefaultButton(self.buttons.getComponent(defaults[0]) if defaults else None)

    def _pressed(self, action):
        if action == CANCEL:
            self.closed()
        elif action == LOG:
            self.scroll.setVisible(not self.scroll.isVisible())
            self._fit()
        else:
            self.actions.put(action)

    def _fit(self):
        first = not self.frame.isVisible()
        for part in (self.folder_row, self.bar):
            part.setMaximumSize(Dimension(10000, part.getPreferredSize().height))
        self.panel.revalidate()
        self.frame.pack()
        self.frame.setSize(max(WIDTH + 60, self.frame.getWidth()), self.frame.getHeight())
        if first:
            self.frame.setLocationRelativeTo(IJ.getInstance())
            put_below(self.frame, IJ.getInstance())
            keep_on_screen(self.frame)
            self.frame.setVisible(True)
        self.panel.repaint()

    def closed(self):
        """The user closed the window or pressed Escape: end what runs, or the window."""
        if self.cancel is None:
            self.actions.put(CLOSE)
            return
        self.doing.setText("cancelling...")
        thread = Thread(self.cancel, "EpiFiji-Cancel")
        thread.setDaemon(True)
        thread.start()

    def answer(self):
        """Wait for the user's next action."""
        return self.actions.take()

    def progress(self, done, doing):
        def do():
            self.bar.setValue(int(1000 * done))
            self.doing.setText(doing)
        SwingUtilities.invokeLater(do)

    def log_line(self, line):
        SwingUtilities.invokeLater(lambda: self.lines.append(line + "\n"))

    def folder(self, place):
        """Let the user choose a folder; None if she cancelled."""
        return self._chosen("Folder for EpiFiji's Python", JFileChooser.DIRECTORIES_ONLY, place)

    def python(self):
        """Let the user choose a Python, and use it; return whether she did."""
        chosen = self._chosen("A Python with EpiFiji", JFileChooser.FILES_ONLY, os.path.expanduser("~"))
        if chosen is not None:
            use_python(chosen)
        return chosen is not None

    def _chosen(self, title, kind, start):
        return chosen_file(self.frame, title, kind, start)

    def close(self):
        and_wait(self.frame.dispose)
