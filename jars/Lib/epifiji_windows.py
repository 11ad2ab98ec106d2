"""Tables, changes of windows, and their positions, so that none covers another one that is needed (Jython 2.7)."""
import re

from ij import WindowManager
from ij.measure import ResultsTable
from java.awt import GraphicsEnvironment
from java.lang import Runnable, Thread
from javax.swing import SwingUtilities

CELL_MARGIN, SCROLLBAR, TABLE_MARGIN, LEAST_TABLE = 16, 30, 90, (300, 160)
MEASURED_ROWS = 200
PAINTING_LOOKS, LOOK_MS = 40, 50


def show_table(title, columns, rows):
    """Show rows of texts as a table; columns that contain only numbers are shown as numbers."""
    table = ResultsTable()
    table.setPrecision(4)
    numbers = [all(re.match(r"-?[0-9.]+$", row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        table.incrementCounter()
        for column, text, is_number in zip(columns, row, numbers):
            table.addValue(column, float(text) if is_number else text)
    table.show(title)
    fit_table(title)


def fit_table(title):
    """Make a table's window as large as its columns and rows need, if the screen has room.

    ImageJ's default size cuts some off.
    """
    window = WindowManager.getWindow(title)
    if window is None:
        return
    panel = window.getTextPanel()
    metrics = window.getFontMetrics(_font_of(panel) or window.getFont())
    lines = [panel.getColumnHeadings()] + [panel.getLine(row) for row in range(min(panel.getLineCount(), MEASURED_ROWS))]
    cells = [line.split("\t") for line in lines]
    widths = [max([metrics.stringWidth(line[i]) for line in cells if i < len(line)]) + CELL_MARGIN for i in range(len(cells[0]))]
    _widen_columns(panel, widths)
    screen = _screen()
    height = (metrics.getHeight() + 2) * (panel.getLineCount() + 1) + TABLE_MARGIN
    window.setSize(max(LEAST_TABLE[0], min(sum(widths) + SCROLLBAR, screen.width)), max(LEAST_TABLE[1], min(height, screen.height * 2 // 3)))


def _widen_columns(panel, widths):
    """Make columns as wide as their cells: ImageJ measures only the first twenty lines, and keeps the result in a private field."""
    for field in [one for one in panel.getClass().getDeclaredFields() if one.getName() == "iColWidth"]:
        field.setAccessible(True)
        # ImageJ measures when it first paints the table, and would replace widths that were set before.
        for _ in range(PAINTING_LOOKS):
            if field.get(panel)[0]:
                break
            Thread.sleep(LOOK_MS)
        current = field.get(panel)
        for i in range(min(len(widths), len(current))):
            current[i] = max(current[i], widths[i])


def _font_of(panel):
    """Return the font of a table, whose size the user can choose; ImageJ keeps it in a private field."""
    for part in panel.getComponents():
        for field in [one for one in part.getClass().getDeclaredFields() if one.getName() == "fFont"]:
            field.setAccessible(True)
            return field.get(part)


def _screen():
    return GraphicsEnvironment.getLocalGraphicsEnvironment().getMaximumWindowBounds()


def _covers(window, other):
    return window is not None and other is not None and window.getBounds().intersects(other.getBounds())


def keep_on_screen(window):
    """Move a window up and to the left if the screen cuts it off, as far as the screen has room."""
    screen = _screen()
    x = min(window.getX(), screen.x + screen.width - window.getWidth())
    y = min(window.getY(), screen.y + screen.height - window.getHeight())
    window.setLocation(max(screen.x, x), max(screen.y, y))


def put_below(window, other):
    """Move a window below another one that it covers, if the screen has room."""
    if _covers(window, other):
        top, screen = other.getY() + other.getHeight(), _screen()
        if top + window.getHeight() <= screen.y + screen.height:
            window.setLocation(window.getX(), top)


def put_right(window, other):
    """Move a window to the right of another one that it covers, if the screen has room."""
    if _covers(window, other):
        right, screen = other.getX() + other.getWidth(), _screen()
        if right + window.getWidth() <= screen.x + screen.width:
            window.setLocation(right, window.getY())


class _Run(Runnable):
    def __init__(self, do):
        self.do = do

    def run(self):
        self.do()


def later(do):
    """Call a function on the event thread, on which windows must be changed."""
    SwingUtilities.invokeLater(_Run(do))
