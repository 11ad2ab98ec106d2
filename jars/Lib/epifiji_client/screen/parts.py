"""Parts that several windows of Swing have (Jython 2.7)."""
from java.awt.event import WindowAdapter
from javax.swing import JTextArea, WindowConstants
from javax.swing.event import ListSelectionListener
from javax.swing.table import DefaultTableModel


def when_closed(window, do):
    """Call a function when the user closes a window, which stays open until it is disposed of."""
    window.setDefaultCloseOperation(WindowConstants.DO_NOTHING_ON_CLOSE)
    window.addWindowListener(_Closing(do))


def wrapped_text(text=" ", rows=0, columns=0):
    """Return a text that is only read, and takes as many lines as it needs: sentences with paths are long."""
    area = JTextArea(text, rows, columns)
    area.setLineWrap(True)
    area.setWrapStyleWord(True)
    area.setEditable(False)
    area.setOpaque(False)
    return area


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
