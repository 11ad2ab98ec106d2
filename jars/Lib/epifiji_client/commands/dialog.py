"""The dialog of a command, made from the description of its parameters (Jython 2.7)."""
from ij.io import OpenDialog
from java.awt import BorderLayout, Color, Dimension, FlowLayout, Label, Panel
from java.awt.event import FocusListener, KeyEvent, KeyListener, MouseAdapter, TextListener

from epifiji_client.commands.choosing import buttons_of, let_choose_files_and_folders
from epifiji_client.commands.fitting import FittingDialog
from epifiji_client.commands.parameters import PLACES, is_another_movies, record, remembered
from epifiji_client.commands.units import UNITS, in_pixels, in_units, is_number
from epifiji_client.images.active import active_image
from epifiji_client.screen.parts import wrapped_text
from epifiji_client.screen.windows import escaped, scaled

NARROW, WIDE = 10, 30
LEAST_HELP, HELP_LINES, HELP_WIDTH = 380, 4, 390
MORE, OUTPUT = "More settings", "out"
PLACEHOLDER, TYPED = Color(120, 120, 120), Color.BLACK
WITHOUT_TEXT = (KeyEvent.VK_TAB, KeyEvent.VK_ENTER, KeyEvent.VK_ESCAPE, KeyEvent.VK_SHIFT, KeyEvent.VK_CONTROL, KeyEvent.VK_ALT)


def from_dialog(label, described, networks, first=None, scale=None, again=None):
    """Return the parameters that the user gives in a dialog; None if it was cancelled.

    It first shows the values of the last run. Lengths and times of a calibrated movie are shown in micrometres and minutes,
    and returned in pixels and frames: scale has how many of these are one unit.

    The values of first replace those of the last run. After wrong input, again has what the user gave, and is all that is
    shown: a field that was emptied stays empty. networks are names by kind of parameter. If a parameter contains others, such
    as a protocol, only what the user changed is given beside it.
    """
    parameters = [one for one in described["parameters"] if one["page"] != "macro"]
    values = dict((one["key"], one["default"] if is_another_movies(one) else remembered(label, one)) for one in parameters)
    last = dict(values)
    values.update(first or {})
    if again is not None:
        values = dict(((one["key"], one["default"]) for one in parameters), **again)
    pages = [[one for one in parameters if one["page"] == page] for page in ("first", "more")]
    more = any(values[one["key"]] != one["default"] for one in pages[1])
    number = 0
    while number < len(pages):
        page = _Page(label, described, networks, scale or {})
        for one in pages[number]:
            page.add(one, values[one["key"]])
        if number == 0 and pages[1]:
            page.dialog.addCheckbox(MORE, more)
        if not page.show():
            if number == 0:
                return None
            # Back to the first page, with its values.
            number = 0
            continue
        values.update(page.values())
        if number == 0:
            more = bool(pages[1]) and bool(page.dialog.getCheckboxes().lastElement().getState())
        number += 1
        if number == 1 and not more:
            # The parameters of the second page keep their defaults if it was not opened.
            values.update((one["key"], one["default"]) for one in pages[1])
            break
    given = dict((one["key"], values[one["key"]]) for one in parameters if values[one["key"]] != one["default"])
    for one in parameters:
        if one["beside"] and one["key"] in given:
            kept = [one["key"]] + one["beside"]
            given = dict((key, value) for key, value in given.items() if key in kept or value != last[key])
    record(given, parameters)
    return given


class _Page(object):
    """One page of a dialog."""

    def __init__(self, label, described, networks, scale):
        self.dialog = FittingDialog(label.rstrip("."))
        self.dialog.addHelp(_help(label, described))
        self.networks, self.scale = networks, scale
        self.fields = []
        self.about = _About(described["help"])

    def add(self, parameter, value):
        """Add the field of a parameter, with a value in pixels or frames where it has a measure."""
        kind, measure = parameter["kind"], parameter["measure"]
        factor = self.scale.get(measure) if measure else None
        unit = parameter["unit"].replace("|", " or ")
        if factor:
            unit = unit.replace("px", UNITS["length"]).replace("frames", UNITS["time"])
        title = parameter["label"] + (" (%s)" % unit if unit else "")
        if kind == "flag":
            self.dialog.addCheckbox(title, value)
            field = self.dialog.getCheckboxes().lastElement()
        elif kind == "choice" or kind in self.networks:
            choices = parameter["choices"] + self.networks.get(kind, [])
            self.dialog.addChoice(title, choices, value if value in choices else choices[0])
            field = self.dialog.getChoices().lastElement()
        else:
            field = self._add_text(title, parameter, value, factor)
        self.about.of(field, parameter["help"])
        self.fields.append((parameter, value, factor))

    def _add_text(self, title, parameter, value, factor):
        empty, kind = parameter["empty"], parameter["kind"]
        shown = in_units(value, factor) if factor else value
        if kind == "folder":
            self.dialog.addDirectoryField(title, shown, WIDE)
        elif kind in ("file", "image"):
            self.dialog.addFileField(title, shown, WIDE)
        else:
            self.dialog.addStringField(title, shown, max(NARROW, len(empty)))
        field = self.dialog.getStringFields().lastElement()
        if factor:
            self._put_beside(field, _InPixels(field, factor, parameter))
        if kind in PLACES and parameter["key"] != OUTPUT:
            let_choose_files_and_folders(field, parameter["label"])
        if empty:
            placeholder = _Placeholder(field, empty)
            for button in buttons_of(field):
                button.addMouseListener(_Pressed(placeholder))
        return field

    def _put_beside(self, field, in_pixels):
        """Put a label beside a text field, in a panel that takes the field's place."""
        place = self.dialog.getLayout().getConstraints(field)
        self.dialog.remove(field)
        panel = Panel(FlowLayout(FlowLayout.LEFT, 0, 0))
        panel.add(field)
        panel.add(in_pixels.label)
        self.dialog.add(panel, place)

    def show(self):
        """Show the page, with the movie's folder as the first one of file choosers; return whether the user clicked OK."""
        image, before = active_image(), OpenDialog.getDefaultDirectory()
        place = image.getOriginalFileInfo() if image is not None else None
        if place is not None and place.directory:
            OpenDialog.setDefaultDirectory(place.directory)
        self.dialog.addPanel(self.about.panel)
        self.dialog.showDialog()
        if place is not None and OpenDialog.getDefaultDirectory() == place.directory:
            OpenDialog.setDefaultDirectory(before)
        return not self.dialog.wasCanceled()

    def values(self):
        """Read the fields directly: GenericDialog's getters would record all of them, even those with their default."""
        dialog = self.dialog
        texts, choices, flags = (iter(fields or ()) for fields in (dialog.getStringFields(), dialog.getChoices(), dialog.getCheckboxes()))
        values = {}
        for parameter, before, factor in self.fields:
            key, kind = parameter["key"], parameter["kind"]
            if kind == "flag":
                values[key] = bool(next(flags).getState())
            elif kind == "choice" or kind in self.networks:
                values[key] = next(choices).getSelectedItem()
            else:
                text = next(texts).getText().strip()
                text = "" if text == parameter["empty"] else text
                # A value that was not changed keeps all its digits.
                same = factor and text == in_units(before, factor)
                values[key] = before if same else in_pixels(text, factor, parameter["whole"]) if factor else text
        return values


class _Placeholder(FocusListener, KeyListener, TextListener):
    """Shows in grey what an empty field means, until a key or the mouse is pressed in it."""

    def __init__(self, field, text):
        self.field, self.text = field, text
        field.addFocusListener(self)
        field.addKeyListener(self)
        field.addTextListener(self)
        field.addMouseListener(_Pressed(self))
        self.focusLost(None)

    def clear(self):
        if self.field.getText() == self.text:
            self.field.setText("")

    def keyPressed(self, event):
        if event.getKeyCode() not in WITHOUT_TEXT:
            self.clear()

    def keyReleased(self, event):
        pass

    def keyTyped(self, event):
        pass

    def focusGained(self, event):
        pass

    def focusLost(self, event):
        if not self.field.getText().strip():
            self.field.setText(self.text)
        self.textValueChanged(None)

    def textValueChanged(self, event):
        self.field.setForeground(PLACEHOLDER if self.field.getText() == self.text else TYPED)


class _Pressed(MouseAdapter):
    """Empties a field when it is clicked, and before its button Browse reads it."""

    def __init__(self, placeholder):
        self.placeholder = placeholder

    def mousePressed(self, event):
        self.placeholder.clear()


class _InPixels(TextListener):
    """A label that shows what a field in micrometres or minutes is in pixels or frames."""

    def __init__(self, field, factor, parameter):
        self.field, self.factor, self.parameter = field, factor, parameter
        # The width of a label is that of its first text.
        self.label = Label("= 000000 frames")
        field.addTextListener(self)
        self.textValueChanged(None)

    def textValueChanged(self, event):
        text = self.field.getText().strip()
        value = in_pixels(text, self.factor, self.parameter["whole"])
        unit = "frames" if self.parameter["measure"] == "time" else "px"
        self.label.setText("= %s %s" % (value, unit) if is_number(text) else "")


class _About(object):
    """A few lines at the bottom of a dialog about the field under the mouse, or the one with the focus."""

    def __init__(self, text):
        self.area = wrapped_text(text, HELP_LINES, 1)
        self.area.setFocusable(False)
        font = self.area.getFont()
        self.area.setFont(font.deriveFont(float(scaled(font.getSize()))))
        self.area.setForeground(Color(70, 70, 70))
        self.panel = Panel(BorderLayout())
        self.panel.add(self.area)
        self.panel.setPreferredSize(Dimension(scaled(LEAST_HELP), self.area.getPreferredSize().height))

    def of(self, field, text):
        """Show a text while a field has the focus or the mouse."""
        listener = _Shows(self.area, text)
        field.addFocusListener(listener)
        field.addMouseListener(_Entered(listener))


class _Shows(FocusListener):
    """Shows a text when a field gets the focus."""

    def __init__(self, area, text):
        self.area, self.text = area, text

    def focusGained(self, event):
        self.area.setText(self.text)

    def focusLost(self, event):
        pass


class _Entered(MouseAdapter):
    """Shows the text of a field when the mouse enters it."""

    def __init__(self, shows):
        self.shows = shows

    def mouseEntered(self, event):
        self.shows.focusGained(None)


def _help(label, described):
    """Return the text of the button Help as HTML: fields as the dialog names them, with their keys in macros."""
    rows = [_help_row(one) for one in described["parameters"] if one["page"] != "macro"]
    macro = [_help_row(one) for one in described["parameters"] if one["page"] == "macro"]
    if macro:
        rows.append("<b>Only in macros</b><br><br>" + "<br><br>".join(macro))
    return "<html><body style='width:%dpx'><h2>%s</h2><p>%s</p><p>%s</p><p>%s</p></body></html>" % (
        scaled(HELP_WIDTH), label.rstrip("."), escaped(described["help"]), "<br><br>".join(rows), _more(described["documentation"]))


def _more(page):
    """Return where the documentation shows the command: a link to its site, or the file if the site has no address."""
    if page["address"]:
        return "More, with pictures: <a href='%s'>the documentation of this command</a>" % page["address"]
    return "More, with pictures, is in the documentation: %s" % page["file"]


def _help_row(one):
    return "<b>%s</b> <font color='#606060'>(in macros: %s)</font><br>%s" % (
        escaped(one["label"]), one["key"], escaped(one["help"]))
