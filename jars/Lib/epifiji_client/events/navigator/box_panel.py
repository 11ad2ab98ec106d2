"""What to do in a complete check, above the navigator's events: the box, what is left to decide, and the result (Jython 2.7)."""
from java.awt import BorderLayout, Color, FlowLayout, Font
from javax.swing import BorderFactory, JButton, JLabel, JPanel

from epifiji_client.screen.parts import wrapped_text
from epifiji_client.screen.words import duration

GUIDE = ("Box %d of %d: frames %d to %d, inside the yellow outline. Play it several times and mark every event in it. Events with a "
         "ring: y keeps, n rejects. Events without one: a, then click; number keys give the class. Leave out what has its ring outside of the box.")
BACK, EDGE = Color(255, 248, 225), Color(214, 170, 40)
ROWS, COLUMNS = 4, 52


class BoxPanel(JPanel):
    """The panel. check is the state, want(what, value) puts a request into the navigator's queue."""

    def __init__(self, check, want, is_playing):
        JPanel.__init__(self, BorderLayout(4, 2))
        self._check, self._is_playing = check, is_playing
        self.text, self.state = wrapped_text(" ", ROWS, COLUMNS), JLabel(" ")
        self.text.setFocusable(False)
        self.text.setFont(Font("SansSerif", Font.PLAIN, 12))
        self.state.setFont(Font("SansSerif", Font.BOLD, 12))
        buttons = JPanel(FlowLayout(FlowLayout.LEFT, 3, 1))
        buttons.setOpaque(False)
        self.play = self._button(buttons, "Stop", "Show the frames of the box again and again", lambda: want("box_play", None))
        self.done = self._button(buttons, "All Events Are Marked", "Every event in the box is kept, rejected or added",
                                 lambda: want("box_mark", None))
        self.more = self._button(buttons, "Next Box", "Several boxes make the interval narrower", lambda: want("box_next", None))
        self.end = self._button(buttons, "Finish", "Show the result and return to all events; you can continue later",
                                lambda: want("box_end", None))
        self.setBackground(BACK)
        self.setBorder(BorderFactory.createCompoundBorder(BorderFactory.createMatteBorder(0, 6, 1, 0, EDGE),
                                                          BorderFactory.createEmptyBorder(4, 6, 4, 6)))
        self.add(self.text, BorderLayout.NORTH)
        self.add(self.state, BorderLayout.CENTER)
        self.add(buttons, BorderLayout.SOUTH)
        # Its other text is shorter.
        self.play.setPreferredSize(self.play.getPreferredSize())
        self.refresh()

    def _button(self, row, text, tip, do):
        button = JButton(text)
        button.setToolTipText(tip)
        button.setFocusable(False)
        button.addActionListener(lambda event: do())
        row.add(button)
        return button

    def refresh(self):
        """Show the present state; call it on the event thread."""
        check = self._check
        box, count = check.box(), len(check.found["boxes"])
        left, kept, rejected, added = check.counts()
        if box["complete"]:
            self.text.setText(check.found["said"][0])
            self.state.setText("Box %d of %d is complete; it took %s." % (check.place + 1, count, duration(box["seconds"])))
        else:
            self.text.setText(GUIDE % ((check.place + 1, count) + tuple(box["frames"])))
            to_do = "%d to decide" % left if left else "nothing left to decide"
            self.state.setText("%s: %d kept, %d rejected, %d added" % (to_do, kept, rejected, added))
        self.play.setText("Stop" if self._is_playing() else "Play")
        self.done.setEnabled(not box["complete"] and not left)
        self.more.setEnabled(box["complete"] and not check.is_last())
