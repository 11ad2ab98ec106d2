"""The navigator's table of events (Jython 2.7)."""
from java.awt import Color, Dimension
from java.awt.event import MouseAdapter
from java.lang import Object
from javax.swing import BorderFactory, JTable, ListSelectionModel
from javax.swing.event import ListSelectionListener
from javax.swing.table import AbstractTableModel, DefaultTableCellRenderer

from epifiji_client.events.review_session import WORDS
from epifiji_client.screen.windows import scaled

WIDTHS = {"event": 104, "frame": 54, "score": 48, "opinion": 84, "decision": 68}
OTHER_WIDTH = 56
NAMES = {"event": "class", "frame": "frame", "score": "score", "opinion": "cells", "decision": "decision"}
SORTED = {False: u" \u25b2", True: u" \u25bc"}
"""Marks of the column by which the events are sorted: ascending and descending."""

DECIDED = {"keep": Color(0, 110, 50), "reject": Color(150, 60, 60), "skip": Color(120, 100, 0), "": Color.GRAY}
VERDICTS = {"disagrees": Color(190, 60, 0), "agrees": Color(0, 110, 50), "unknown": Color.GRAY, "": Color.GRAY}
HEADER_TIP = "Click to sort. cells: whether the cells around an event change as its class says, disagreeing ones first"
SWATCH_WIDTH, ROW_HEIGHT = 6, 19
LEAST_WIDTH, LEAST_ROWS = 300, 6


class EventTable(JTable):
    """A table whose rows are the shown events of a session, in their order.

    scale is (pixel width, pixel height, unit), or None without a calibration. want(what, value) puts a request into the
    navigator's queue.
    """

    def __init__(self, session, shown, scale, colours, want):
        self.events = _Events(session, shown, scale)
        JTable.__init__(self, self.events)
        self.session, self.want = session, want
        self.setting = False
        self.setSelectionMode(ListSelectionModel.SINGLE_SELECTION)
        self.setAutoCreateColumnsFromModel(False)
        self.setRowHeight(ROW_HEIGHT)
        self.setShowVerticalLines(False)
        self.setGridColor(Color(230, 230, 230))
        self.setFillsViewportHeight(True)
        # The window's height is that of its other parts and of some rows, or larger.
        self.setPreferredScrollableViewportSize(Dimension(LEAST_WIDTH, scaled(LEAST_ROWS * ROW_HEIGHT)))
        columns = self.getColumnModel()
        for number, (key, _) in enumerate(self.events.columns):
            column = columns.getColumn(number)
            column.setPreferredWidth(WIDTHS.get(key, OTHER_WIDTH))
            column.setCellRenderer(_Cell(session, self.events, key, colours))
        self.getSelectionModel().addListSelectionListener(_Selected(self))
        self.getTableHeader().addMouseListener(_Header(self))
        self.getTableHeader().setReorderingAllowed(False)
        self.getTableHeader().setToolTipText(HEADER_TIP)
        self.addMouseListener(_Zoom(self))

    def refresh(self, all_rows):
        """Show the session's present state; all_rows: also if other events are shown, or in another order."""
        self.setting = True
        try:
            if all_rows:
                self.events.order = self.session.order
                self.events.fireTableDataChanged()
                self._name_columns()
            row = self.session.place()
            if row is None or row >= self.getRowCount():
                self.clearSelection()
            else:
                self.setRowSelectionInterval(row, row)
                self.scrollRectToVisible(self.getCellRect(row, 0, True))
            self.repaint()
        finally:
            self.setting = False

    def _name_columns(self):
        for number, (key, name) in enumerate(self.events.columns):
            is_sorted = key == self.events.shown.column
            self.getColumnModel().getColumn(number).setHeaderValue(name + (SORTED[self.events.shown.descending] if is_sorted else ""))
        self.getTableHeader().repaint()


class _Events(AbstractTableModel):
    """The rows. The shown events are sorted and filtered by the navigator's model; this only looks them up."""

    def __init__(self, session, shown, scale):
        self.session, self.shown, self.scale = session, shown, scale
        self.order = session.order
        self.columns = [(key, NAMES[key]) for key in ("event", "frame", "score")] + [("x", "x (px)"), ("y", "y (px)")]
        if scale is not None:
            self.columns += [("x", "x (%s)" % scale[2]), ("y", "y (%s)" % scale[2])]
        self.columns += [(key, NAMES[key]) for key in ("opinion", "decision")]

    def getRowCount(self):
        return len(self.order)

    def getColumnCount(self):
        return len(self.columns)

    def getColumnName(self, number):
        return self.columns[number][1]

    def getColumnClass(self, number):
        return Object

    def item(self, row):
        """Return the event of a row; None if it was removed meanwhile."""
        index = self.order[row] if row < len(self.order) else len(self.session.items)
        return self.session.items[index] if index < len(self.session.items) else None

    def getValueAt(self, row, number):
        item, (key, name) = self.item(row), self.columns[number]
        if item is None:
            return ""
        value = item[key]
        if key == "decision":
            return WORDS[value] + (", added" if item["added"] else "")
        if key == "opinion":
            return item["verdict"]
        if key == "score":
            return "" if value is None else "%.2f" % value
        if key not in ("x", "y"):
            return str(value) if key == "frame" else value
        return "%.1f" % value if name.endswith("(px)") else "%.1f" % (value * self.scale[key == "y"])


class _Cell(DefaultTableCellRenderer):
    def __init__(self, session, events, key, colours):
        DefaultTableCellRenderer.__init__(self)
        self.session, self.events, self.key, self.colours = session, events, key, colours
        if key in ("frame", "score", "x", "y"):
            self.setHorizontalAlignment(DefaultTableCellRenderer.RIGHT)

    def getTableCellRendererComponent(self, table, value, is_selected, has_focus, row, column):
        self.super__getTableCellRendererComponent(table, value, is_selected, False, row, column)
        item = self.events.item(row)
        if item is not None:
            if self.key == "opinion":
                self.setToolTipText(item["reason"] or None)
            if self.key in ("opinion", "decision"):
                self.setBorder(BorderFactory.createEmptyBorder(0, 8, 0, 2))
            if self.key == "event":
                self.setBorder(BorderFactory.createCompoundBorder(
                    BorderFactory.createMatteBorder(0, SWATCH_WIDTH, 0, 0, self.colours.get(item["event"], Color.WHITE)),
                    BorderFactory.createEmptyBorder(0, 5, 0, 2)))
            if not is_selected:
                own = {"decision": DECIDED[item["decision"]], "opinion": VERDICTS[item["verdict"]]}
                self.setForeground(own.get(self.key, Color.GRAY if item["decision"] == "reject" else Color.BLACK))
        return self


class _Selected(ListSelectionListener):
    def __init__(self, table):
        self.table = table

    def valueChanged(self, event):
        row = self.table.getSelectedRow()
        if not (self.table.setting or event.getValueIsAdjusting()) and 0 <= row < len(self.table.events.order):
            self.table.want("select", self.table.events.order[row])


class _Header(MouseAdapter):
    def __init__(self, table):
        self.table = table

    def mouseClicked(self, event):
        number = self.table.columnAtPoint(event.getPoint())
        if number >= 0:
            self.table.want("sort", self.table.events.columns[number][0])


class _Zoom(MouseAdapter):
    def __init__(self, table):
        self.table = table

    def mouseClicked(self, event):
        if event.getClickCount() == 2 and self.table.rowAtPoint(event.getPoint()) >= 0:
            self.table.want("zoom", None)
