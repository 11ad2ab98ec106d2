"""Tables, changes of windows, and their positions, so that none covers another one that is needed (Jython 2.7)."""
import re

from ij import IJ, Prefs, WindowManager
from ij.measure import ResultsTable
from java.awt import Container, Dimension, FlowLayout, GraphicsEnvironment
from java.lang import Runnable, Thread
from javax.swing import JComponent, JFileChooser, JTable, SwingUtilities

CELL_MARGIN, SCROLLBAR, TABLE_MARGIN, LEAST_TABLE = 16, 30, 90, (300, 160)
MEASURED_ROWS = 200
PAINTING_LOOKS, LOOK_MS = 40, 50


def scaled(pixels):
    """Return a length on the screen in ImageJ's GUI scale (Edit > Options > Appearance), which Swing does not know."""
    return int(round(pixels * Prefs.getGuiScale()))


def enlarged(part):
    """Enlarge the fonts and fixed sizes of Swing's parts of a window by ImageJ's GUI scale; return the part.

    Call it before the window gets its size. Parts that draw themselves use scaled().
    """
    if Prefs.getGuiScale() != 1:
        if part.isFontSet():
            part.setFont(part.getFont().deriveFont(float(part.getFont().getSize() * Prefs.getGuiScale())))
        if isinstance(part, JComponent) and part.isPreferredSizeSet():
            size = part.getPreferredSize()
            part.setPreferredSize(Dimension(scaled(size.width), scaled(size.height)))
        if isinstance(part, JTable):
            part.setRowHeight(scaled(part.getRowHeight()))
            for column in part.getColumnModel().getColumns():
                column.setPreferredWidth(scaled(column.getPreferredWidth()))
            # It is not inside of any other part before the window is shown.
            enlarged(part.getTableHeader())
        for inner in part.getComponents() if isinstance(part, Container) else ():
            enlarged(inner)
    return part


def set_size(window, width=0, height=0):
    """Give a packed window at least a size, in ImageJ's GUI scale, but not more than the screen has."""
    screen = _screen()
    width = min(max(scaled(width), window.getWidth()), screen.width)
    _wrap_rows(window, width - window.getInsets().left - window.getInsets().right)
    window.setSize(width, min(max(scaled(height), window.getHeight()), screen.height))


def _wrap_rows(part, width):
    """Give rows of buttons the height of several lines where one is too wide; FlowLayout fills lines, but asks for one."""
    layout = part.getLayout()
    if isinstance(layout, FlowLayout) and part.getPreferredSize().width > width:
        sizes = [inner.getPreferredSize() for inner in part.getComponents()]
        lines, filled = 1, layout.getHgap()
        for size in sizes:
            if filled + size.width + layout.getHgap() > width and filled > layout.getHgap():
                lines, filled = lines + 1, layout.getHgap()
            filled += size.width + layout.getHgap()
        height = max(size.height for size in sizes)
        part.setPreferredSize(Dimension(width, lines * (height + layout.getVgap()) + layout.getVgap()))
    for inner in part.getComponents():
        if isinstance(inner, Container):
            _wrap_rows(inner, width)


def in_lines(text, width, label):
    """Divide a text at its groups of three spaces into lines that fit into a width in a label's font, in ImageJ's GUI scale."""
    metrics = label.getFontMetrics(label.getFont())
    lines = []
    for part in text.split("   "):
        longer = lines[-1] + "   " + part if lines else part
        if lines and scaled(metrics.stringWidth(longer)) > width:
            lines.append(part)
        else:
            lines[-1:] = [longer]
    return lines


def screen_size():
    """Return the size of the screen without the system's bars."""
    return _screen().getSize()


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


def covers(window, other):
    """Return whether a window covers a part of another one; either may be None."""
    return window is not None and other is not None and window.getBounds().intersects(other.getBounds())


def keep_on_screen(window):
    """Move a window up and to the left if the screen cuts it off, as far as the screen has room."""
    screen = _screen()
    x = min(window.getX(), screen.x + screen.width - window.getWidth())
    y = min(window.getY(), screen.y + screen.height - window.getHeight())
    window.setLocation(max(screen.x, x), max(screen.y, y))


def put_below(window, other):
    """Move a window below another one that it covers, if the screen has room."""
    if covers(window, other):
        top, screen = other.getY() + other.getHeight(), _screen()
        if top + window.getHeight() <= screen.y + screen.height:
            window.setLocation(window.getX(), top)


def put_right(window, other):
    """Move a window to the right of another one that it covers, if the screen has room."""
    if covers(window, other):
        right, screen = other.getX() + other.getWidth(), _screen()
        if right + window.getWidth() <= screen.x + screen.width:
            window.setLocation(right, window.getY())


def put_free(window, others):
    """Move a window to where it covers least of others, which are given with the most important first."""
    screen, size = _screen(), window.getSize()
    others = [other.getBounds() for other in others if other is not None and other.isVisible() and other is not window]
    xs = [screen.x, screen.x + screen.width - size.width]
    ys = [screen.y, screen.y + screen.height - size.height]
    for other in others:
        xs += [other.x + other.width, other.x - size.width]
        ys += [other.y, other.y + other.height]
    inside = [(x, y) for y in ys for x in xs
              if screen.x <= x <= screen.x + screen.width - size.width and screen.y <= y <= screen.y + screen.height - size.height]
    if inside:
        window.setLocation(*min(inside, key=lambda place: _covered_area(place, size, others)))


def put_beside(window, image):
    """Move a window that is not yet shown to where it covers least of an image and of ImageJ's window.

    A place chosen by the window manager is sometimes unknown to Java under X11, which would open menus and tips elsewhere.
    """
    put_free(window, [image.getWindow(), IJ.getInstance()])


def _covered_area(place, size, others):
    """Return what a window at a place covers: the area of each other window counts twice as much as that of the next."""
    area, weight = 0, 1.0
    for other in others:
        width = min(place[0] + size.width, other.x + other.width) - max(place[0], other.x)
        height = min(place[1] + size.height, other.y + other.height) - max(place[1], other.y)
        area += weight * max(0, width) * max(0, height)
        weight /= 2
    return area


def scroll_to(image, place):
    """Scroll a zoomed movie so that a place (a dictionary with x and y) is visible."""
    canvas = image.getCanvas()
    view = canvas.getSrcRect()
    if not view.contains(int(place["x"]), int(place["y"])):
        left = min(max(0, int(place["x"]) - view.width // 2), image.getWidth() - view.width)
        top = min(max(0, int(place["y"]) - view.height // 2), image.getHeight() - view.height)
        canvas.setSourceRect(type(view)(left, top, view.width, view.height))
        image.draw()


class _Run(Runnable):
    def __init__(self, do):
        self.do = do

    def run(self):
        self.do()


def later(do):
    """Call a function on the event thread, on which windows must be changed."""
    SwingUtilities.invokeLater(_Run(do))


def and_wait(do):
    """Call a function on the event thread, and return when it has ended."""
    if SwingUtilities.isEventDispatchThread():
        do()
    else:
        SwingUtilities.invokeAndWait(_Run(do))


def chosen_file(window, title, kind, start):
    """Let the user choose a file or folder, from a folder on; return its path, or None if she cancelled.

    `kind` is one of JFileChooser's selection modes.
    """
    found = []

    def do():
        chooser = JFileChooser(start)
        chooser.setDialogTitle(title)
        chooser.setFileSelectionMode(kind)
        chooser.setFileHidingEnabled(False)
        if chooser.showDialog(window, "Use") == JFileChooser.APPROVE_OPTION:
            found.append(chooser.getSelectedFile().getPath())
    and_wait(do)
    return found[0] if found else None


def escaped(text):
    """Return a text as it is written in HTML, which Swing's labels and ImageJ's help can show."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
