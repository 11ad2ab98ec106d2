"""The preview of a segmentation: the frame in view, with sliders for how its cells are separated (Jython 2.7).

The engine keeps the network's maps of the frame, so that only the separation is computed again.
"""
from java.awt import GridLayout
from java.util.concurrent import LinkedBlockingQueue
from javax.swing import BorderFactory, JButton, JFrame, JLabel, JPanel, JSlider

from epifiji_client.cells.shown import outline_roi, show_outlines
from epifiji_client.commands.run import call
from epifiji_client.screen.parts import when_closed
from epifiji_client.screen.windows import enlarged, put_beside, set_size
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.movies import unless_closed
from epifiji_client.images.part import unpacked

TITLE = "Preview of Segmentation"
STEPS, WIDTH = 100, 460


class PreviewWindow(object):
    """The sliders, the outlines of the frame in view as an overlay, and the chosen settings."""

    command, again = "Segment Epithelium...", "segmentation_preview_cells"

    def __init__(self, image, found):
        self.image, self.found = image, found
        self.before = image.getOverlay()
        self.values = dict((key, self._step(key, found["values"][key])) for key in found["keys"])
        self.first = dict(self.values)
        self.wanted = LinkedBlockingQueue()
        self.place = image.getCurrentSlice()

    def run(self):
        """Show the sliders until the user clicks Segment or Cancel; return the settings, or None for Cancel."""
        self._build()
        try:
            self._show(self.found)
            while True:
                what = self.wanted.take()
                while not self.wanted.isEmpty() and what == "show":
                    what = self.wanted.take()
                if unless_closed(self.image) is None:
                    raise EngineError("%s was closed during the preview, but its pixels are needed: open it again, and choose %s again."
                                      % (self.image.getTitle(), self.command))
                if what == "segment":
                    return self._chosen()
                if what == "cancel":
                    return None
                self._show(call(self.again, dict((key, self._number(key)) for key in self.found["keys"])))
        finally:
            self.window.dispose()
            self.image.setOverlay(self.before)

    def _show(self, answer):
        show_outlines(self.image, [])
        overlay = self.image.getOverlay().duplicate()
        roi = outline_roi(unpacked(answer), answer["width"], answer["height"])
        roi.setPosition(self.place)
        overlay.add(roi)
        self.image.setOverlay(overlay)
        self.count.setText("%d cells of %s" % (answer["cells"], self.found["scale"]))

    def _ends(self, key):
        return self.found.get("ends", {}).get(key, (0.0, 1.0))

    def _step(self, key, value):
        low, high = self._ends(key)
        return min(STEPS, max(0, int(round(STEPS * (value - low) / (high - low)))))

    def _number(self, key):
        # An unmoved slider keeps the exact value, which may lie between two steps.
        if self.values[key] == self.first[key]:
            return self.found["values"][key]
        low, high = self._ends(key)
        return round(low + (high - low) * self.values[key] / STEPS, 4)

    def _chosen(self):
        """Return the settings with which the frame in view has the cells that were shown, also where they were estimated."""
        return dict(self._moved_values(), cell_diameter=repr(self.found["cell_diameter"]), borders=self.found["borders"])

    def _moved_values(self):
        return dict((key, str(self._number(key))) for key in self.found["keys"] if self.values[key] != self.first[key])

    def _build(self):
        self.window = JFrame(TITLE)
        panel = JPanel(GridLayout(0, 1))
        panel.setBorder(BorderFactory.createEmptyBorder(8, 10, 8, 10))
        self.texts = {}
        for key in self.found["keys"]:
            self.texts[key] = JLabel(" ")
            slider = JSlider(0, STEPS, self.values[key])
            slider.setName(key)
            slider.addChangeListener(lambda event, key=key: self._moved(key, event.getSource()))
            panel.add(self.texts[key])
            panel.add(slider)
            self._write(key)
        self.count = JLabel(" ")
        panel.add(self.count)
        buttons = JPanel()
        for text, what in (("Segment", "segment"), ("Cancel", "cancel")):
            button = JButton(text)
            button.addActionListener(lambda event, what=what: self.wanted.put(what))
            buttons.add(button)
        panel.add(buttons)
        self.window.add(panel)
        when_closed(self.window, lambda: self.wanted.put("cancel"))
        enlarged(panel)
        self.window.pack()
        set_size(self.window, WIDTH)
        put_beside(self.window, self.image)
        self.window.setVisible(True)

    def _write(self, key):
        self.texts[key].setText("%s: %.2f" % (self.found["labels"][key], self._number(key)))

    def _moved(self, key, slider):
        self.values[key] = slider.getValue()
        self._write(key)
        if not slider.getValueIsAdjusting():
            self.wanted.put("show")


class SeedsWindow(PreviewWindow):
    """The same for a volume without a network: the seeds of cells, in all planes."""

    command, again = "Segment Cysts...", "cyst_preview_seeds"

    def _show(self, answer):
        pixels, size = unpacked(answer), answer["width"] * answer["height"]
        show_outlines(self.image, [pixels[size * n:size * (n + 1)] for n in range(answer["planes"])])
        self.count.setText("%d seeds: of cells, and of a lumen if there is one" % answer["seeds"])

    def _chosen(self):
        return self._moved_values()
