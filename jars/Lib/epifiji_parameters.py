"""Parameters of EpiFiji's commands: read strictly from a macro's options, or from a dialog and recorded (Jython 2.7).

The engine's settings define the parameters. No value is silently taken from an earlier run: a dialog only shows the
earlier values first.
"""
import re

from ij import Macro, Prefs, WindowManager
from ij.gui import GenericDialog
from ij.plugin.frame import Recorder
from java.awt import GraphicsEnvironment

from epifiji_engine import EngineError

TOKEN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(\[(?P<bracketed>.*?)\](?=\s|$)|(?P<plain>\S*)))?(\s+|$)", re.DOTALL)
TRUTH = {"": True, "true": True, "false": False}
COLUMNS = {"file": 30, "folder": 30, "image": 30}
MORE = "More settings"
OTHER_MOVIE = "other_movie"
PLACES_OF_EVENTS = ("results", "events", "detected")
OF_A_MOVIE = PLACES_OF_EVENTS + ("reference", "review", "out", "within")
EMPTY_FIELDS = "Fields may be left empty; Help explains what that means."


def from_macro(label, parameters):
    """Return the options that a macro gave this command, as a dictionary of texts and booleans.

    None if no macro called it.

    Raises EngineError if a key is not one of the command's parameters, or is given twice.
    """
    options = Macro.getOptions()
    if options is None:
        return {} if GraphicsEnvironment.isHeadless() else None
    known = dict((key, parameter) for parameter in parameters for key in [parameter["key"]] + parameter["also"])
    values, place, options = {}, 0, options.strip()
    while place < len(options):
        token = TOKEN.match(options, place)
        if token is None or (token.group("plain") or "").startswith("["):
            raise EngineError("%s was given the options '%s', which cannot be read from '%s' on: write key=value, with [ ] around "
                              "values that have spaces." % (label, options, options[place:]), "input")
        place = token.end()
        key = token.group(1)
        if key not in known:
            raise EngineError("%s was given '%s', but its parameters are %s: check the names."
                              % (label, key, ", ".join(sorted(one["key"] for one in parameters)) or "none"), "input")
        parameter = known[key]
        key = parameter["key"]
        if key in values:
            raise EngineError("%s was given '%s' twice: give it once." % (label, key), "input")
        given = token.group("bracketed") if token.group("bracketed") is not None else token.group("plain")
        values[key] = _value(label, parameter, given)
    return values


def _value(label, parameter, given):
    key = parameter["key"]
    if parameter["kind"] == "flag":
        if (given or "").lower() not in TRUTH:
            raise EngineError("%s was given %s=%s, but only %s or %s=true (true) and %s=false (false) are possible: write one of "
                              "these." % (label, key, given, key, key, key), "input")
        return TRUTH[(given or "").lower()]
    if not given:
        raise EngineError("%s was given '%s' without a value: write %s=value, or leave it out." % (label, key, key), "input")
    return given


def from_dialog(label, described, networks, first=None):
    """Return the parameters that the user gives in a dialog; None if it was cancelled.

    It first shows the values of the last run.

    The values of first replace those of the last run, for example after wrong input. networks are names by kind of
    parameter.
    """
    parameters = [one for one in described["parameters"] if one["page"] != "macro"]
    shown = dict((one["key"], one["default"] if _is_another_movies(one) else _remembered(label, one)) for one in parameters)
    shown.update(first or {})
    pages = [[one for one in parameters if one["page"] == page] for page in ("first", "more")]
    values, number, more = {}, 0, None
    while number < len(pages):
        page = pages[number]
        dialog = GenericDialog(label.rstrip("."))
        for one in page:
            _add(dialog, one, values.get(one["key"], shown[one["key"]]), networks)
        if number == 0 and pages[1]:
            dialog.addCheckbox(MORE, any(shown[one["key"]] != one["default"] for one in pages[1]) if more is None else more)
        if any(one["kind"] == "text" for one in page):
            dialog.addMessage(EMPTY_FIELDS)
        dialog.addHelp(_help(label, described))
        dialog.showDialog()
        if dialog.wasCanceled():
            if number == 0:
                return None
            # Back to the first page, with its values.
            number = 0
            continue
        values.update(_read(dialog, page + ([{"key": MORE, "kind": "flag"}] if number == 0 and pages[1] else [])))
        more = values.pop(MORE, more)
        number += 1
        if number == 1 and not (pages[1] and more):
            # The parameters of the second page keep their defaults if it was not opened.
            break
    given = dict((one["key"], values[one["key"]]) for one in parameters if values.get(one["key"], one["default"]) != one["default"])
    record(given, parameters)
    return given


def remember(label, parameters, given):
    """Store the user's values for the next dialog; called after the command has succeeded."""
    for one in parameters:
        if one["page"] != "macro":
            Prefs.set(_preference(label, one["key"]), given.get(one["key"], one["default"]))


def _add(dialog, parameter, value, networks):
    kind = parameter["kind"]
    title = parameter["label"] + (" (%s)" % parameter["unit"].replace("|", " or ") if parameter["unit"] else "")
    if kind == "flag":
        dialog.addCheckbox(title, value)
    elif kind == "choice" or kind in networks:
        choices = parameter["choices"] or networks[kind]
        dialog.addChoice(title, choices, value if value in choices else choices[0])
    elif kind == "folder":
        dialog.addDirectoryField(title, value, COLUMNS[kind])
    elif kind in ("file", "image"):
        dialog.addFileField(title, value, COLUMNS[kind])
    else:
        dialog.addStringField(title, value, 10)


def _read(dialog, page):
    """Read the fields directly: GenericDialog's getters would record all of them, even those with their default."""
    texts, choices, flags = (iter(fields or ()) for fields in (dialog.getStringFields(), dialog.getChoices(), dialog.getCheckboxes()))
    values = {}
    for one in page:
        if one["kind"] == "flag":
            values[one["key"]] = bool(next(flags).getState())
        elif one["kind"] == "choice" or one["kind"].endswith("network"):
            values[one["key"]] = next(choices).getSelectedItem()
        else:
            values[one["key"]] = next(texts).getText().strip()
    return values


def record(given, parameters):
    """Write the given parameters into the macro recorder, if it is open."""
    if not Recorder.record:
        return
    Recorder.resetCommandOptions()
    for one in parameters:
        if one["key"] not in given:
            continue
        value = given[one["key"]]
        if one["kind"] in COLUMNS:
            Recorder.recordPath(one["key"], value)
        elif value is True:
            Recorder.recordOption(one["key"])
        else:
            Recorder.recordOption(one["key"], "false" if value is False else value)


def _preference(label, key):
    return "epifiji.%s.%s" % (label.rstrip(".").replace(" ", "_").lower(), key)


def _is_another_movies(parameter):
    """Return whether the last value of a parameter belonged to another movie than the one that is open now."""
    key, is_place = parameter["key"], parameter["kind"] in COLUMNS
    return key == OTHER_MOVIE or (is_place and key in OF_A_MOVIE and WindowManager.getCurrentImage() is not None)


def place_of_events(parameters, given):
    """Return the results that a command was given, under any of the keys for them; None if there are none."""
    keys = [one["key"] for one in parameters if one["kind"] in COLUMNS and one["key"] in PLACES_OF_EVENTS]
    return next((given[key] for key in keys if key in given), None)


def _remembered(label, parameter):
    if parameter["kind"] == "flag":
        return bool(Prefs.get(_preference(label, parameter["key"]), parameter["default"]))
    return Prefs.get(_preference(label, parameter["key"]), parameter["default"])


def _help(label, described):
    """Return the text of the button Help as HTML."""
    rows = ["<b>%s</b> %s" % (one["key"], _escaped(one["help"])) for one in described["parameters"]]
    return "<html><body style='width:420px'><h2>%s</h2><p>%s</p><p>%s</p></body></html>" % (
        label.rstrip("."), _escaped(described["help"]), "<br><br>".join(rows))


def _escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;")
