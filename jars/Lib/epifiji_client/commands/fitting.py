"""A dialog that fits on the screen: if it is too high, its fields scroll (Jython 2.7)."""
from ij.gui import GenericDialog
from java.awt import Dimension, GridBagConstraints, GridBagLayout, Panel, Point, ScrollPane
from java.awt.event import FocusListener
from javax.swing import SwingUtilities

from epifiji_client.screen.windows import scaled, screen_size

STAY = 2
"""The last parts of a dialog stay in view: the lines about a field, and the buttons."""

LEAST_HEIGHT, STEP, MARGIN = 80, 24, 8
BELOW_TITLE = 40
"""Room for the window's title and frame, in pixels."""


class FittingDialog(GenericDialog):
    """A dialog whose last part before the buttons is a panel that stays in view."""

    def setup(self):
        """Let the fields scroll if the screen is too low; ImageJ calls this before it shows the dialog."""
        room = screen_size().height - BELOW_TITLE
        if self.getHeight() <= room:
            return
        fields, layout = Panel(GridBagLayout()), self.getLayout()
        parts = list(self.getComponents())
        for part in parts[:-STAY]:
            place = layout.getConstraints(part)
            self.remove(part)
            fields.add(part, place)
        pane = ScrollPane(ScrollPane.SCROLLBARS_AS_NEEDED)
        pane.add(fields)
        pane.getVAdjustable().setUnitIncrement(scaled(STEP))
        place = GridBagConstraints()
        place.gridx, place.gridy, place.gridwidth = 0, 0, 2
        place.fill, place.weightx, place.weighty = GridBagConstraints.BOTH, 1, 1
        self.add(pane, place)
        width = fields.getPreferredSize().width + pane.getVScrollbarWidth() + MARGIN
        pane.setPreferredSize(Dimension(width, LEAST_HEIGHT))
        self.pack()
        pane.setPreferredSize(Dimension(width, max(LEAST_HEIGHT, room - self.getHeight() + LEAST_HEIGHT)))
        self.pack()
        for part in _parts(fields):
            part.addFocusListener(_InView(pane, fields))


def _parts(panel):
    for part in panel.getComponents():
        if isinstance(part, Panel):
            for inner in _parts(part):
                yield inner
        else:
            yield part


class _InView(FocusListener):
    """Scrolls to a field that gets the focus."""

    def __init__(self, pane, fields):
        self.pane, self.fields = pane, fields

    def focusGained(self, event):
        field = event.getComponent()
        top = SwingUtilities.convertPoint(field, 0, 0, self.fields).y - MARGIN
        bottom = top + field.getHeight() + 2 * MARGIN
        shown, height = self.pane.getScrollPosition().y, self.pane.getViewportSize().height
        if top < shown:
            self.pane.setScrollPosition(Point(0, max(0, top)))
        elif bottom > shown + height:
            self.pane.setScrollPosition(Point(0, bottom - height))

    def focusLost(self, event):
        pass
