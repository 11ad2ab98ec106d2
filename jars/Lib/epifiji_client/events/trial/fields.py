"""A field for a length or a time, in micrometres or minutes where the movie is calibrated, with pixels or frames beside (Jython 2.7)."""
from javax.swing import JLabel, JTextField
from javax.swing.event import DocumentListener

from epifiji_client.commands.units import in_pixels, in_units, is_number


class ScaleField(DocumentListener):
    """Text field and the label beside it; pixels is the name of the unit of the value that the engine needs."""

    def __init__(self, key, value, factor, pixels):
        self.before, self.factor, self.pixels = value, factor, pixels
        self.text = JTextField(in_units(value, factor) if factor else value, 6)
        self.text.setName(key)
        self.beside = JLabel(" ")
        self.text.getDocument().addDocumentListener(self)
        self._show()

    def value(self):
        """Return the value in pixels or frames; exactly the first one if the text was not changed."""
        text = self.text.getText().strip()
        if not self.factor:
            return text
        return self.before if text == in_units(self.before, self.factor) else in_pixels(text, self.factor, False)

    def _show(self):
        value = self.value()
        self.beside.setText("= %.4g %s" % (float(value), self.pixels) if self.factor and is_number(value) else " ")

    def insertUpdate(self, event):
        self._show()

    def removeUpdate(self, event):
        self._show()

    def changedUpdate(self, event):
        pass
