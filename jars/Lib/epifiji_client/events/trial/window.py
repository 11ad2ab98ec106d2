"""The window of a trial: networks side by side, sliders for one class, and suggested settings with reasons (Jython 2.7)."""
from java.awt import BorderLayout, Color, Dimension, FlowLayout, Font, GraphicsEnvironment, GridBagConstraints, GridBagLayout, Insets
from java.awt.event import ActionListener
from java.util.concurrent import LinkedBlockingQueue
from javax.swing import (BorderFactory, Box, BoxLayout, ButtonGroup, JButton, JComboBox, JFrame, JLabel, JPanel,
                         JRadioButton, JScrollPane, JSlider)

from epifiji_client.commands.units import UNITS
from epifiji_client.screen.parts import on_escape, show_error, when_closed
from epifiji_client.screen.windows import enlarged, escaped, keep_on_screen, later, put_free, set_size
from epifiji_client.engine.errors import EngineError
from epifiji_client.events.thresholds import ALL, LEAST_POSITIVE
from epifiji_client.events.trial.fields import ScaleField
from epifiji_client.events.trial.finds import Finds
from epifiji_client.events.trial.tiles import Tile, map_pictures, movie_pictures

TITLE = "Try Networks Here"
DETECT, MANY = "Detect Epithelial Events...", "Detect in Many Movies..."
USE, ALL_OPEN, FOLDER, AGAIN, CLOSE = "use", "all_open", "folder", "again", "close"
SIDE, MARGIN = 380, 150
"""Width of the part with the settings, and height of what is above and below the pictures."""
LEAST_TILE, LARGEST_TILE = 90, 260
GREY = "#606060"
SCALE = (("cell_diameter", "Cell diameter", "length", "px", "auto"), ("event_duration", "Event duration", "time", "frames", ""))
"""Key, label, measure, unit without calibration, and text at first of the fields for the scale."""
TIPS = {
    USE: "Open %s with these settings" % DETECT,
    ALL_OPEN: "Open %s with these settings, for all open movies" % MANY,
    FOLDER: "Open %s with these settings, for the movies of a folder" % MANY,
    AGAIN: "Try again with these values, at the selection and the frame that the movie shows now",
}


class TrialWindow(object):
    """The window. again(settings) tries once more, and raises EngineError if that is not possible.

    per_unit is how many pixels are one micrometre, and how many frames one minute, as far as the movie is calibrated.
    """

    def __init__(self, image, found, per_unit, again):
        self.image, self.per_unit, self.again = image, per_unit, again
        self.wanted = LinkedBlockingQueue()
        self.window = JFrame(TITLE)
        self.found = None
        self._take(found)

    def run(self):
        """Show the window until the user closes it or uses its settings; return the label of a command and these, or None."""
        when_closed(self.window, lambda: self.wanted.put(CLOSE))
        on_escape(self.window, lambda: self.wanted.put(CLOSE))
        put_free(self.window, [self.image.getWindow()])
        keep_on_screen(self.window)
        self.window.setVisible(True)
        try:
            while True:
                what = self.wanted.take()
                if what == AGAIN:
                    self._try_again()
                else:
                    return self._next(what)
        finally:
            self.window.dispose()

    def _try_again(self):
        given = dict((key, field.value()) for key, field in self.fields.items())
        try:
            found = self.again(dict((key, text) for key, text in given.items() if text))
        except EngineError as error:
            if error.kind != "cancelled":
                show_error(self.window, TITLE, error.sentence)
            return
        later(lambda: self._take(found))

    def _next(self, what):
        """Return the command for a button, and the settings that its dialog shows first."""
        if what == CLOSE:
            return None
        if what == USE:
            return DETECT, self._values()
        info = self.image.getOriginalFileInfo() if what == FOLDER else None
        return MANY, dict(self._values(), folder=info.directory or "" if info is not None else "")

    def _values(self):
        """Return the chosen settings by key, all of them, so that none of an earlier dialog remains."""
        name = self.finds.network["name"]
        values = dict((one["key"], one["value"]) for one in self.finds.network["settings"])
        for key, text in self.finds.changed(name).items():
            values[key] = text
        if "channel" in self.found["settings"]:
            values["channel"] = self.found["settings"]["channel"]
        return dict(values, network=name)

    def _take(self, found):
        """Show the results of a trial."""
        self.found, self.finds = found, Finds(found)
        self.frame = found["place"]["frame"] - found["place"]["first"]
        content = JPanel(BorderLayout(8, 4))
        content.setBorder(BorderFactory.createEmptyBorder(6, 10, 6, 10))
        content.add(enlarged(self._headline()), BorderLayout.NORTH)
        content.add(self._pictures(), BorderLayout.CENTER)
        content.add(enlarged(self._side()), BorderLayout.EAST)
        content.add(enlarged(self._buttons()), BorderLayout.SOUTH)
        self.window.setContentPane(content)
        self._choose_network(self.finds.network["name"])
        self.window.pack()
        set_size(self.window)
        keep_on_screen(self.window)

    def _headline(self):
        place = self.found["place"]
        factor, size = self.per_unit.get("length"), ""
        if factor:
            size = " (%.3g x %.3g %s)" % (place["width"] / factor, place["height"] / factor, UNITS["length"])
        lines = [u"<b>%s</b>, frame %d, %d x %d px at x = %d, y = %d%s" % (
            escaped(self.found["name"]), place["frame"] + 1, place["width"], place["height"], place["x"], place["y"], size)]
        lines += ["<font color='%s'>%s</font>" % (GREY, escaped(notice)) for notice in self.found["notices"]]
        return JLabel("<html>%s</html>" % "<br>".join(lines))

    def _pictures(self):
        """Make the table of pictures: a column for each network, a row for the movie and each class, and the slider of frames."""
        place, networks, classes = self.found["place"], self.found["networks"], self.found["classes"]
        frames = place["stop"] - place["first"]
        self.scale = self._scale(len(networks), len(classes) + 1)
        size = [int(round(place[side] * self.scale)) for side in ("width", "height")]
        table, self.radios, self.counts = JPanel(GridBagLayout()), {}, {}
        movie, group = movie_pictures(self.found["pixels"]), ButtonGroup()
        _put(table, JLabel("movie"), 0, 2)
        for row, kind in enumerate(classes, start=3):
            label = JLabel(kind["name"])
            label.setForeground(Color(*kind["colour"]).darker())
            _put(table, label, 0, row)
        for column, network in enumerate(networks, start=1):
            name = network["name"]
            radio = JRadioButton(name)
            radio.setEnabled(not network["problem"])
            radio.addActionListener(lambda event, name=name: self._choose_network(name))
            group.add(radio)
            self.radios[name], self.counts[name] = radio, JLabel(" ")
            _put(table, radio, column, 0)
            _put(table, self.counts[name], column, 1)
            _put(table, self._tile(network, None, movie, size), column, 2)
            for row, kind in enumerate(classes, start=3):
                packed = network["maps"].get(kind["name"])
                maps = map_pictures(packed, frames, kind["colour"]) if packed else None
                _put(table, self._tile(network, kind["name"], maps, size), column, row)
        panel = JPanel(BorderLayout())
        panel.add(JScrollPane(table, JScrollPane.VERTICAL_SCROLLBAR_AS_NEEDED, JScrollPane.HORIZONTAL_SCROLLBAR_AS_NEEDED), BorderLayout.CENTER)
        self.tiles = table
        panel.add(self._time(frames), BorderLayout.SOUTH)
        return panel

    def _scale(self, columns, rows):
        """Return how large a pixel is on the screen, so that all pictures fit if possible."""
        screen = GraphicsEnvironment.getLocalGraphicsEnvironment().getMaximumWindowBounds()
        place = self.found["place"]
        width = (screen.width - SIDE - MARGIN) / float(columns) - 8
        height = (screen.height - MARGIN - 90) / float(rows) - 8
        side = min(width / place["width"], height / place["height"])
        longest = float(max(place["width"], place["height"]))
        return max(LEAST_TILE / longest, min(LARGEST_TILE / longest, side))

    def _tile(self, network, kind, pictures, size):
        def shown():
            return self.frame, self.finds.events(network["name"], kind)

        def clicked():
            if not network["problem"]:
                self.radios[network["name"]].setSelected(True)
                self._choose_network(network["name"])
                self.choice.setSelectedItem(kind if kind in network["classes"] else ALL)
        text = "cannot be used here" if network["problem"] else "not one of its classes"
        tile = Tile(None if network["problem"] else pictures, text, self.scale, size, shown, clicked)
        if network["problem"]:
            tile.setToolTipText(network["problem"])
        return tile

    def _time(self, frames):
        panel = JPanel(BorderLayout(6, 0))
        label, slider = JLabel(" "), JSlider(0, frames - 1, self.frame)
        slider.setName("frame")
        first = self.found["place"]["first"] + 1

        def show(event=None):
            self.frame = slider.getValue()
            label.setText("frame %d (%d to %d)" % (first + self.frame, first, first + frames - 1))
            self.tiles.repaint()
        slider.addChangeListener(show)
        panel.add(slider, BorderLayout.CENTER)
        panel.add(label, BorderLayout.EAST)
        show()
        return panel

    def _side(self):
        """Make the part with sliders, and with the suggested settings."""
        panel = JPanel()
        panel.setLayout(BoxLayout(panel, BoxLayout.Y_AXIS))
        self.choice = JComboBox([ALL])
        self.choice.addActionListener(lambda event: self._set_sliders())
        self.texts, self.sliders, self.setting = {}, {}, False
        panel.add(_heading("Preview of one class"))
        panel.add(_left(self.choice))
        for key, low, high in (("threshold", LEAST_POSITIVE, 255), ("min_volume", 0, self.finds.largest())):
            self.texts[key] = JLabel(" ")
            self.sliders[key] = JSlider(low, high)
            self.sliders[key].setName(key)
            self.sliders[key].addChangeListener(lambda event, key=key: self._moved(key))
            panel.add(_left(self.texts[key]))
            panel.add(_left(self.sliders[key]))
        panel.add(_heading("Suggested settings"))
        self.reasons = JLabel(" ")
        panel.add(_left(self.reasons))
        panel.add(_heading("Scale"))
        panel.add(_left(self._scale_fields()))
        panel.add(Box.createVerticalGlue())
        return panel

    def _scale_fields(self):
        row, self.fields = JPanel(GridBagLayout()), {}
        for line, (key, text, measure, pixels, empty) in enumerate(SCALE):
            factor = self.per_unit.get(measure)
            field = self.fields[key] = ScaleField(key, self.found["settings"].get(key, empty), factor, pixels)
            _put(row, JLabel("%s (%s)" % (text, UNITS[measure] if factor else pixels)), 0, line)
            _put(row, field.text, 1, line)
            _put(row, field.beside, 2, line, GridBagConstraints.WEST)
        panel = JPanel(BorderLayout())
        again = JPanel(FlowLayout(FlowLayout.LEFT, 4, 4))
        again.add(self._button("Try Again", AGAIN))
        panel.add(row, BorderLayout.WEST)
        panel.add(again, BorderLayout.SOUTH)
        return panel

    def _button(self, text, what):
        button = JButton(text)
        button.setToolTipText(TIPS.get(what))
        button.addActionListener(_Wanting(self.wanted, what))
        return button

    def _buttons(self):
        row = JPanel(FlowLayout(FlowLayout.RIGHT))
        for text, what in (("Use These...", USE), ("For All Open Movies...", ALL_OPEN), ("For a Folder...", FOLDER)):
            button = self._button(text, what)
            button.setEnabled(self.finds.usable())
            row.add(button)
        row.add(self._button("Close", CLOSE))
        return row

    def _choose_network(self, name):
        self.finds.choose(name)
        self.radios[name].setSelected(self.finds.usable())
        network, suggested = self.finds.network, self.found["suggested"]
        before = self.choice.getSelectedItem()
        self.choice.removeAllItems()
        for kind in [ALL] + network["classes"]:
            self.choice.addItem(kind)
        self.choice.setSelectedItem(before if before in network["classes"] else ALL)
        lines = []
        if suggested is None:
            lines.append(("Network", "none", "No network can be used here: " + network["problem"]))
        elif suggested["value"] == name:
            lines.append((suggested["label"], name, suggested["reason"]))
        else:
            lines.append((suggested["label"], name, "You selected it; %s was suggested." % suggested["value"]))
        if not network["problem"]:
            lines += [(one["label"], one["shown"], one["reason"]) for one in network["settings"]]
        texts = ["<b>%s: %s</b><br><font color='%s'>%s</font>" % (escaped(label), escaped(shown), GREY, escaped(reason))
                 for label, shown, reason in lines]
        self.reasons.setText("<html><body style='width:%dpx'>%s</body></html>" % (SIDE * 3 // 4 - 20, "<div style='height:4px'></div>".join(texts)))
        self._show_counts()

    def _set_sliders(self):
        if self.choice.getSelectedItem() is None or not self.finds.usable():
            return
        self.setting = True
        for key, slider in self.sliders.items():
            slider.setValue(self.finds.limits(key, self._classes())[0])
        self.setting = False
        self._show_counts()

    def _classes(self):
        chosen = self.choice.getSelectedItem()
        return self.finds.network["classes"] if chosen in (None, ALL) else [chosen]

    def _moved(self, key):
        if not self.setting and self.finds.usable():
            self.finds.set(key, self._classes(), self.sliders[key].getValue())
            self._show_counts()

    def _show_counts(self):
        for network in self.found["networks"]:
            count = len(self.finds.events(network["name"], None))
            text = "cannot be used here" if network["problem"] else "%d find%s, %.1f s" % (count, "s"[:count != 1], network["seconds"])
            self.counts[network["name"]].setText(text)
        for key, text in (("threshold", "Threshold"), ("min_volume", "Minimum volume (voxels)")):
            low, high = self.finds.limits(key, self._classes()) if self.finds.usable() else (0, 0)
            self.texts[key].setText("%s: %s" % (text, low if low == high else "%d to %d, by class" % (low, high)))
        self.tiles.repaint()


def _put(table, part, column, row, anchor=None):
    place = GridBagConstraints()
    place.gridx, place.gridy, place.insets = column, row, Insets(1, 3, 1, 3)
    place.anchor = anchor or (GridBagConstraints.WEST if column == 0 else GridBagConstraints.CENTER)
    table.add(part, place)


def _left(part):
    part.setAlignmentX(0.0)
    part.setMaximumSize(Dimension(SIDE, part.getPreferredSize().height) if not isinstance(part, JLabel) else None)
    return part


def _heading(text):
    label = JLabel(text)
    label.setFont(label.getFont().deriveFont(Font.BOLD, 14.0))
    label.setBorder(BorderFactory.createEmptyBorder(8, 0, 4, 0))
    return _left(label)


class _Wanting(ActionListener):
    """Puts what a button means into the window's queue."""

    def __init__(self, wanted, what):
        self.wanted, self.what = wanted, what

    def actionPerformed(self, event):
        self.wanted.put(self.what)
