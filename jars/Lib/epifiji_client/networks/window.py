"""The window of all networks: a table, the card of the selected one, and what can be done with it (Jython 2.7)."""
import os

from ij import Executer, IJ
from ij.gui import GUI
from ij.plugin.frame import Recorder
from java.awt import BorderLayout, FlowLayout, Font
from java.awt.event import KeyEvent, WindowAdapter
from java.util.concurrent import LinkedBlockingQueue
from javax.swing import BorderFactory, JButton, JFileChooser, JFrame, JLabel, JOptionPane, JPanel, JScrollPane, JSplitPane, JTable, JTextArea, ListSelectionModel

from epifiji_client.commands.run import CANCELLED, call, record, report
from epifiji_client.engine.errors import EngineError
from epifiji_client.screen.parts import FixedRows, Selecting, on_escape, show_error
from epifiji_client.screen.windows import chosen_file, enlarged, escaped, later, scaled, set_size

TITLE = "Networks"
SIZE, CARD_HEIGHT = (860, 520), 260
NAME = 0
WIDTHS = (160, 55, 65, 210, 65, 100, 180)
IMPORT, FETCH, EXPORT = "Import EpiFiji Network...", "Fetch DeXtrusion Network...", "Export EpiFiji Network..."
DEFAULT, REMOVE, CELLPOSE = "Make Default", "Remove...", "Cellpose..."
TIPS = {
    IMPORT: "Add a network from a file, a folder or an address",
    FETCH: "Download a network of DeXtrusion's authors",
    EXPORT: "Write an EpiNet for other programs",
    DEFAULT: "Use the selected network where no other one is chosen",
    CELLPOSE: "Choose the Python or the environment in which Cellpose is installed, to use its models",
    REMOVE: "Delete the selected network, which you imported or trained",
}
LIST, SELECT, DO, END = "list", "select", "do", "end"


def lines_of(found):
    """Return the list of networks as lines of text."""
    lines = [", ".join("%s: %s" % pair for pair in zip(found["columns"], row)) for row in found["rows"]]
    return lines + found["notices"] + ["default: %s" % found["default"]]


class NetworksWindow(object):
    """The window. The engine is called by the thread that runs the command, as for every command; Escape cancels."""

    def __init__(self, label):
        self.label = label
        self.wanted = LinkedBlockingQueue()
        self.found, self.shown, self.names, self.done = call("networks", {}), None, [], []

    def run(self):
        """Show the window until the user closes it."""
        self._build()
        try:
            while True:
                what, value = self.wanted.take()
                if what == END:
                    return
                if what == LIST:
                    self._list()
                elif what == SELECT:
                    self._show_card(value)
                else:
                    self._do(*value)
        finally:
            # Each action was recorded by itself.
            Recorder.setCommand(None)
            self.window.dispose()

    def _list(self):
        """Fill the table anew if the networks have changed."""
        self.found = call("networks", {})
        rows, default = self.found["rows"], self.found["default"]
        shown = [[row[NAME] + (" (default)" if row[NAME] == default else "")] + row[1:] for row in rows]
        if shown == self.shown:
            return
        self.shown = shown
        later(lambda: self._fill(shown, [row[NAME] for row in rows], default))

    def _fill(self, rows, names, default):
        """Fill the table, and keep the selection; without one, or if its network is gone, select the default one."""
        chosen = self._name()
        self.names = names
        self.model.setRowCount(0)
        for row in rows:
            self.model.addRow(row)
        if rows:
            chosen = chosen if chosen in names else default
            row = names.index(chosen) if chosen in names else 0
            self.table.setRowSelectionInterval(row, row)
        self._say()

    def _say(self, sentences=()):
        """Show sentences above the buttons, before the notices about networks; without any, what the last action did."""
        sentences = list(sentences or self.done) + self.found["notices"]
        self.notices.setText("<html>%s</html>" % "<br>".join(map(escaped, sentences)))

    def _name(self):
        """Return the name of the selected network, or None."""
        row = self.table.getSelectedRow()
        return self.names[row] if 0 <= row < len(self.names) else None

    def _show_card(self, name):
        try:
            text = call("network_card", {"network": name})["card"]
        except EngineError as error:
            text = error.sentence
        later(lambda: self._write(text))

    def _write(self, text):
        self.card.setText(text)
        self.card.setCaretPosition(0)

    def _do(self, what, name):
        if what in (IMPORT, FETCH, EXPORT):
            # These are commands of their own, with their dialogs, their messages and their lines in the recorder. IJ.run
            # would end this command too if one is cancelled.
            Executer(what).run()
        elif what == DEFAULT:
            self._manage({"default": name})
        elif what == CELLPOSE:
            python = chosen_file(self.window, "A Python with Cellpose, or the folder of its environment",
                                 JFileChooser.FILES_AND_DIRECTORIES, os.path.expanduser("~"))
            if python is not None:
                self._manage({"cellpose": python})
        elif JOptionPane.showConfirmDialog(self.window, "Delete the network %s?" % name, TITLE, JOptionPane.OK_CANCEL_OPTION) == 0:
            self._manage({"remove": name})
        self._list()

    def _manage(self, settings):
        try:
            self.done = []
            self.done = [call("manage_networks", {"settings": settings}, watch=self._watch)["said"]]
            report(self.done[0])
        except EngineError as error:
            if error.kind != CANCELLED:
                show_error(self.window, TITLE, error.sentence)
            return
        finally:
            later(self._say)
        record(self.label, settings)
        Recorder.saveCommand()
        Recorder.setCommand(self.label)

    def _watch(self, done, doing):
        """Show what is being done, which may be the start of Cellpose; return whether the user closes the window."""
        later(lambda: self._say(["%s (Esc cancels)" % doing]))
        return self.wanted.contains((END, None))

    def _selected(self):
        name = self._name()
        if name is None:
            return
        self.buttons[DEFAULT].setEnabled(name in self.found["of_events"] and name != self.found["default"])
        self.buttons[REMOVE].setEnabled(name in self.found["removable"])
        self.buttons[EXPORT].setEnabled(True)
        self.wanted.put((SELECT, name))

    def _build(self):
        self.window = JFrame(TITLE)
        self.model = FixedRows(self.found["columns"], 0)
        self.table = JTable(self.model)
        self.table.setSelectionMode(ListSelectionModel.SINGLE_SELECTION)
        self.table.setAutoResizeMode(JTable.AUTO_RESIZE_LAST_COLUMN)
        for column, width in enumerate(WIDTHS):
            self.table.getColumnModel().getColumn(column).setPreferredWidth(width)
        self.table.getSelectionModel().addListSelectionListener(Selecting(self._selected))
        self.card = JTextArea()
        self.card.setEditable(False)
        self.card.setLineWrap(True)
        self.card.setWrapStyleWord(True)
        self.card.setFont(Font(Font.SANS_SERIF, Font.PLAIN, self.table.getFont().getSize()))
        self.card.setBorder(BorderFactory.createEmptyBorder(6, 8, 6, 8))
        self.notices = JLabel("")
        split = JSplitPane(JSplitPane.VERTICAL_SPLIT, JScrollPane(self.table), JScrollPane(self.card))
        split.setDividerLocation(scaled(SIZE[1] - CARD_HEIGHT - 80))
        split.setResizeWeight(0.4)
        below = JPanel(BorderLayout())
        below.add(self.notices, BorderLayout.CENTER)
        below.add(self._row_of_buttons(), BorderLayout.SOUTH)
        self.window.add(split, BorderLayout.CENTER)
        self.window.add(below, BorderLayout.SOUTH)
        self.window.setDefaultCloseOperation(JFrame.DO_NOTHING_ON_CLOSE)
        self.window.addWindowListener(_Window(self.wanted))
        # ImageJ sees this key in its own windows only; it matters while a job runs.
        on_escape(self.window, lambda: IJ.setKeyDown(KeyEvent.VK_ESCAPE))
        enlarged(self.window.getContentPane())
        set_size(self.window, *SIZE)
        GUI.centerOnImageJScreen(self.window)
        self.window.setVisible(True)

    def _row_of_buttons(self):
        row = JPanel(FlowLayout(FlowLayout.RIGHT))
        self.buttons = {}
        for text, what in (("Import...", IMPORT), ("Fetch...", FETCH), ("Export...", EXPORT), (CELLPOSE, CELLPOSE), (DEFAULT, DEFAULT), (REMOVE, REMOVE)):
            button = JButton(text)
            button.setToolTipText(TIPS[what])
            button.addActionListener(lambda event, what=what: self.wanted.put((DO, (what, self._name()))))
            self.buttons[what] = button
            row.add(button)
        close = JButton("Close")
        close.addActionListener(lambda event: self.wanted.put((END, None)))
        row.add(close)
        return row


class _Window(WindowAdapter):
    """Lists the networks anew when the user comes back to the window: other commands add and remove some too."""

    def __init__(self, wanted):
        self.wanted = wanted

    def windowActivated(self, event):
        self.wanted.put((LIST, None))

    def windowClosing(self, event):
        self.wanted.put((END, None))
