"""Parts that several windows of Swing have (Jython 2.7)."""
from java.awt.event import KeyEvent, WindowAdapter
from javax.swing import JComponent, JOptionPane, JTextArea, KeyStroke, WindowConstants
from javax.swing.event import ListSelectionListener
from javax.swing.table import DefaultTableModel

MESSAGE_SIZE = 4, 50
"""Rows and columns of a sentence in a box."""


def when_closed(window, do):
    """Call a function when the user closes a window, which stays open until it is disposed of."""
    window.setDefaultCloseOperation(WindowConstants.DO_NOTHING_ON_CLOSE)
    window.addWindowListener(_Closing(do))


def on_escape(window, do):
    """Call a function when the user presses Escape in a window."""
    window.getRootPane().registerKeyboardAction(lambda event: do(), KeyStroke.getKeyStroke(KeyEvent.VK_ESCAPE, 0),
                                                JComponent.WHEN_IN_FOCUSED_WINDOW)


def wrapped_text(text=" ", rows=0, columns=0):
    """Return a text that is only read, and takes as many lines as it needs: sentences with paths are long."""
    area = JTextArea(text, rows, columns)
    area.setLineWrap(True)
    area.setWrapStyleWord(True)
    area.setEditable(False)
    area.setOpaque(False)
    return area


def message_text(text):
    """Return a sentence for a box with buttons, in lines of a readable length."""
    return wrapped_text(text, *MESSAGE_SIZE)


def show_error(window, title, sentence):
    """Show why something failed in a box over a window."""
    JOptionPane.showMessageDialog(window, message_text(sentence), title, JOptionPane.ERROR_MESSAGE)


class FixedRows(DefaultTableModel):
    """Rows of a table that cannot be edited in it."""

    def isCellEditable(self, row, column):
        return False


class Selecting(ListSelectionListener):
    """Calls a function when the selection in a table has changed."""

    def __init__(self, do):
        self.do = do

    def valueChanged(self, event):
        if not event.getValueIsAdjusting():
            self.do()


class _Closing(WindowAdapter):
    def __init__(self, do):
        self.do = do

    def windowClosing(self, event):
        self.do()
