"""Parameters of EpiFiji's commands: read strictly from a macro's options, recorded, and remembered for dialogs (Jython 2.7).

The engine's settings define the parameters. No value is silently taken from an earlier run: a dialog only shows the
earlier values first.
"""
import re

from ij import Macro, Prefs
from ij.plugin.frame import Recorder
from java.awt import GraphicsEnvironment

from epifiji_client.engine.errors import EngineError
from epifiji_client.images.active import active_image

TOKEN = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(\[(?P<bracketed>.*?)\](?=\s|$)|(?P<plain>\S*)))?(\s+|$)", re.DOTALL)
TRUTH = {"": True, "true": True, "false": False}
PLACES = ("file", "folder", "image")
OTHER_MOVIE = "other_movie"
PLACES_OF_EVENTS = ("results", "events", "detected")
OF_A_MOVIE = PLACES_OF_EVENTS + ("reference", "review", "out", "within")


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


def remember(label, parameters, given):
    """Store the user's values for the next dialog; called after the command has succeeded."""
    for one in parameters:
        if one["page"] != "macro":
            Prefs.set(_preference(label, one["key"]), given.get(one["key"], one["default"]))


def record(given, parameters):
    """Write the given parameters into the macro recorder, if it is open."""
    if not Recorder.record:
        return
    Recorder.resetCommandOptions()
    for one in parameters:
        if one["key"] not in given:
            continue
        value = given[one["key"]]
        if one["kind"] in PLACES:
            Recorder.recordPath(one["key"], value)
        elif value is True:
            Recorder.recordOption(one["key"])
        else:
            Recorder.recordOption(one["key"], "false" if value is False else value)


def _preference(label, key):
    return "epifiji.%s.%s" % (label.rstrip(".").replace(" ", "_").lower(), key)


def is_another_movies(parameter):
    """Return whether the last value of a parameter belonged to another movie than the one that is open now."""
    key, is_place = parameter["key"], parameter["kind"] in PLACES
    return key == OTHER_MOVIE or (is_place and key in OF_A_MOVIE and active_image() is not None)


def place_of_events(parameters, given):
    """Return the results that a command was given, under any of the keys for them; None if there are none."""
    keys = [one["key"] for one in parameters if one["kind"] in PLACES and one["key"] in PLACES_OF_EVENTS]
    return next((given[key] for key in keys if key in given), None)


def remembered(label, parameter):
    """Return the value of a parameter in the last dialog that succeeded; its default if there was none."""
    if parameter["kind"] == "flag":
        return bool(Prefs.get(_preference(label, parameter["key"]), parameter["default"]))
    return Prefs.get(_preference(label, parameter["key"]), parameter["default"])
