"""The window with sliders for the thresholds of probability maps; the events on the movie follow (Jython 2.7).

The engine returns every event that any thresholds give, with its raw score and volume. Which of them pass is decided here.
The engine is needed again only if the distances between events are changed.
"""
from ij.gui import Overlay, PointRoi
from java.awt import Color, GridLayout
from java.util.concurrent import LinkedBlockingQueue
from javax.swing import BorderFactory, JButton, JComboBox, JFrame, JLabel, JPanel, JSlider

from epifiji_client.commands.run import call
from epifiji_client.screen.parts import when_closed
from epifiji_client.screen.windows import enlarged, put_beside, set_size
from epifiji_client.images.movies import SYMBOL_SIZE
from epifiji_client.images.rois import set_frame

TITLE = "Adjust Event Thresholds"
WIDTH = 460
ALL = "all classes"
FIXED = "Other distances make other events: undo the decisions about these first"
LEAST_POSITIVE = 125
"""Map levels up to this are not part of any event, whatever the threshold."""

VOLUME_STEPS = 200
DISTANCES = (("seed_distance_xy", 60), ("seed_distance_t", 30))
"""The sliders of distances, and their largest values."""


class ThresholdWindow(object):
    """The sliders, the events that pass as an overlay on the movie, and the chosen settings."""

    def __init__(self, image, found):
        self.image, self.found = image, found
        self.before = image.getOverlay()
        self.classes = [kind["name"] for kind in found["classes"]]
        self.colours = dict((kind["name"], Color(*kind["colour"])) for kind in found["classes"])
        self.thresholds = dict((kind["name"], kind["threshold"]) for kind in found["classes"])
        self.volumes = dict((kind["name"], kind["min_volume"]) for kind in found["classes"])
        self.distances = dict((key, found[key]) for key, _ in DISTANCES)
        self.known = {}
        self.wanted = LinkedBlockingQueue()
        self.setting = False
        self._take(found)

    def run(self):
        """Show the sliders until the user clicks Apply or Discard; return the settings, or None for Discard."""
        self._build()
        try:
            self._show()
            while True:
                what, value = self.wanted.take()
                while not self.wanted.isEmpty() and what == "show":
                    what, value = self.wanted.take()
                if what == "end":
                    return self.chosen() if value else None
                if what == "distance" and self.wanted.isEmpty():
                    self.distances.update(value)
                    self._take(call("candidates", dict(self.distances, results=self.found["results"], saved=self.found["saved"])))
                self._show()
        finally:
            self.window.dispose()
            self.image.setOverlay(self.before)

    def _take(self, found):
        """Make one ROI for each event."""
        self.candidates = []
        for event in found["events"]:
            roi = PointRoi(event["x"], event["y"])
            set_frame(roi, event["frame"], self.image)
            roi.setStrokeColor(self.colours[event["event"]])
            roi.setPointType(PointRoi.CIRCLE)
            roi.setSize(SYMBOL_SIZE)
            self.candidates.append((event["event"], event["raw_score"], event["volume"], event.get("stays", False), roi))
        self.largest = max([100] + [candidate[2] for candidate in self.candidates])

    def _show(self):
        """Show the events that pass on the movie."""
        overlay, counts = Overlay(), dict.fromkeys(self.classes, 0)
        for name, roi in self.passing():
            overlay.add(roi)
            counts[name] += 1
        self.image.setOverlay(overlay)
        self.count.setText("   ".join("%d %s" % (counts[name], name) for name in self.classes))

    def passing(self):
        """Return the class and the ROI of each event that passes the chosen thresholds, or stays because it was reviewed."""
        return [(name, roi) for name, score, volume, stays, roi in self.candidates
                if stays or score > self.thresholds[name] / 255.0 and volume > self.volumes[name]]

    def chosen(self):
        """Return the settings that the sliders show."""
        def by_class(values):
            same = len(set(values.values())) == 1
            return str(values.values()[0]) if same else ",".join("%s=%d" % (name, values[name]) for name in self.classes)
        chosen = {"threshold": by_class(self.thresholds), "min_volume": by_class(self.volumes)}
        chosen.update((key, str(value)) for key, value in self.distances.items())
        return chosen

    def _build(self):
        self.window = JFrame(TITLE)
        panel = JPanel(GridLayout(0, 1))
        panel.setBorder(BorderFactory.createEmptyBorder(8, 10, 8, 10))
        self.choice = JComboBox([ALL] + self.classes)
        self.choice.addActionListener(lambda event: self._set_sliders())
        panel.add(self.choice)
        self.texts = {}
        self.threshold = self._slider(panel, "threshold", LEAST_POSITIVE, 255, lambda value: self._set(self.thresholds, value))
        self.volume = self._slider(panel, "min_volume", 0, VOLUME_STEPS, lambda value: self._set(self.volumes, self._of_step(value)))
        for key, largest in DISTANCES:
            slider = self._slider(panel, key, 1, largest, None)
            slider.setValue(self.distances[key])
            if self.found["decided"]:
                slider.setEnabled(False)
                slider.setToolTipText(FIXED)
            slider.addChangeListener(lambda event, key=key: self._distance(key, event.getSource()))
        self.count = JLabel(" ")
        panel.add(self.count)
        buttons = JPanel()
        for text, value in (("Apply", True), ("Discard", False)):
            button = JButton(text)
            button.addActionListener(lambda event, value=value: self.wanted.put(("end", value)))
            buttons.add(button)
        panel.add(buttons)
        self._set_sliders()
        self.window.add(panel)
        when_closed(self.window, lambda: self.wanted.put(("end", False)))
        enlarged(panel)
        self.window.pack()
        set_size(self.window, WIDTH)
        put_beside(self.window, self.image)
        self.window.setVisible(True)

    def _slider(self, panel, key, low, high, changed):
        self.texts[key] = JLabel(" ")
        slider = JSlider(low, high)
        panel.add(self.texts[key])
        panel.add(slider)
        if changed is not None:
            slider.addChangeListener(lambda event: changed(slider.getValue()))
        return slider

    def _of_step(self, step):
        """Return the volume of a slider's step: steps increase with the volume."""
        return int(round((self.largest + 1.0) ** (step / float(VOLUME_STEPS)))) - 1

    def _step_of(self, volume):
        from math import log
        return int(round(VOLUME_STEPS * log(volume + 1.0) / log(self.largest + 1.0)))

    def _named(self):
        chosen = self.choice.getSelectedItem()
        return self.classes if chosen == ALL else [chosen]

    def _set(self, values, value):
        if self.setting:
            return
        for name in self._named():
            values[name] = value
        self._show_values()
        self.wanted.put(("show", None))

    def _set_sliders(self):
        """Set the sliders to the values of the chosen class."""
        name = self._named()[0]
        self.setting = True
        self.threshold.setValue(self.thresholds[name])
        self.volume.setValue(min(VOLUME_STEPS, self._step_of(self.volumes[name])))
        self.setting = False
        self._show_values()

    def _show_values(self):
        self._write("threshold", self._span(self.thresholds))
        self._write("min_volume", self._span(self.volumes))
        for key, _ in DISTANCES:
            self._write(key, self.distances[key])

    def _write(self, key, value):
        self.texts[key].setText("%s: %s" % (self.found["labels"][key], value))

    def _span(self, values):
        """Return the value of the chosen class as a text, or the range if all classes are chosen and their values differ."""
        low, high = (end(values[name] for name in self._named()) for end in (min, max))
        return "%d" % low if low == high else "%d to %d, by class" % (low, high)

    def _distance(self, key, slider):
        self._write(key, slider.getValue())
        if not slider.getValueIsAdjusting():
            self.wanted.put(("distance", {key: slider.getValue()}))
