"""Shared by EpiFiji's scripts: command() runs one, from its parameters to the message if it fails (Jython 2.7)."""
import json
import os
import textwrap
import threading
import time
import traceback

from ij import Executer, IJ, Macro, Prefs, WindowManager
from java.awt import GraphicsEnvironment
from java.io import File
from java.lang import RuntimeException, System, Throwable

from epifiji_client.engine import connection
from epifiji_client.screen.log import log, shown
from epifiji_client.screen.words import duration
from epifiji_client.commands.dialog import from_dialog
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.python_record import read_json, record_file
from epifiji_client.commands.escape import Escape
from epifiji_client.images.active import active_image, movie_to_front
from epifiji_client.images.identity import require_movie
from epifiji_client.commands.parameters import from_macro, place_of_events, record as record_parameters, remember
from epifiji_client.commands.units import pixels_per_unit

TITLE = "EpiFiji"
LAST_ERROR = "epifiji.error"
EXIT_CODES = {"input": 2, "cancelled": 130, "failure": 1}
CANCELLED = "cancelled"
NOTHING_CHANGED = "It was cancelled; nothing was changed."
LINE = 80
OWN_COMMANDS = "epifiji.commands"
FIRST = "epifiji.first"
"""The property with the values that the dialog of a command shows first, as JSON by the command's label."""

_running = threading.local()
"""now is the run of the command that a thread runs."""


class _Run(object):
    """A run of a command: the scale that its dialog showed, and the engine's folders with files for it."""

    def __init__(self):
        self.scale, self.temporary = {}, []


def command(label, do, first=None):
    """Run a menu command: do(parameters), with only those parameters that a macro or the user gave.

    do may raise EngineError. If the parameters came from a dialog and are wrong, the dialog opens again. The dialog
    first shows the values of first instead of those of the last run.
    """
    System.setProperty(LAST_ERROR, "")
    escape = Escape.watched()
    # A command may run another one.
    outer, _running.now = getattr(_running, "now", None), _Run()
    try:
        movie_to_front()
        _run(label, do, first)
    finally:
        escape.ended = True
        for folder in _running.now.temporary:
            _remove(folder)
        _running.now = outer


def _run(label, do, first):
    keep_going, given, asked = False, None, False
    while True:
        try:
            given, asked = _parameters(label, given, first)
            if given is not None:
                keep_going = given.pop("keep_going", False)
                chosen = dict(given)
                parameters = _described(label)["parameters"]
                if any(one["key"] == "other_movie" for one in parameters):
                    require_movie(place_of_events(parameters, given), given)
                do(given)
                if asked:
                    remember(label, parameters, chosen)
            return
        except EngineError as error:
            _report_error(error, keep_going)
            if not asked or error.kind != "input":
                return
        except (Exception, Throwable) as error:
            details = traceback.format_exc()
            sentence = "%s failed: %s." % (label.rstrip("."), str(error).strip().rstrip("."))
            _report_error(EngineError(sentence, details=details), keep_going)
            return
        finally:
            _hide_progress()


def run_with(label, first):
    """Run another command, whose dialog first shows the values of first, by key; it has a line of its own in the recorder."""
    # Scripts do not share modules, but all share system properties.
    System.setProperty(FIRST, json.dumps({label: first}))
    try:
        # IJ.run would end this command too if the dialog is cancelled.
        Executer(label).run()
    finally:
        System.clearProperty(FIRST)


def _remove(folder):
    """Remove a folder of files; what another program has open stays until the engine finds it some days later."""
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        File(folder, name).delete()
    File(folder).delete()


def call(job, request, image=None, watch=None):
    """Do a job of the engine, with its progress in ImageJ's progress bar and status line, until it ends; Escape cancels it.

    watch(done, doing) receives the progress too, and returns whether to stop.
    """
    dialog = Macro.getOptions() is None and not GraphicsEnvironment.isHeadless()
    now = getattr(_running, "now", None) or _Run()
    progress = _Progress(watch)
    try:
        return connection.call(job, dict(request, dialog=dialog, scale=now.scale), image, progress, now.temporary)
    finally:
        progress.hide()


def scale_of_movie():
    """Return how many pixels are one micrometre, and how many frames one minute, in the movie of the command; see units.py."""
    return _running.now.scale


def keep(label, given):
    """Store the values of a dialog at once: the command goes on for long, and the program may end meanwhile."""
    remember(label, _described(label)["parameters"], given)
    Prefs.savePreferences()


def record(label, given):
    """Write parameters that were chosen in a command's own window into the macro recorder, if it is open."""
    record_parameters(given, _described(label)["parameters"])


def report(sentence):
    """Report what was done, in the log and in ImageJ's status line, which Fiji soon overwrites with "Command finished"."""
    log(sentence)
    if not GraphicsEnvironment.isHeadless():
        IJ.showStatus("EpiFiji: " + shown(sentence))


def end_process(exit_code):
    """End ImageJ with an exit code if it has no window; inside Python, and with a window, end the macro instead."""
    code = int(exit_code) if exit_code.isdigit() else -1
    if not 0 <= code <= 255:
        raise EngineError("exit_code is %s, but it must be a whole number from 0 to 255." % exit_code, "input")
    if GraphicsEnvironment.isHeadless() and not connection.is_inside_python():
        System.exit(code)
    if code:
        raise EngineError("The macro ended with exit code %d: see the log." % code)


class _Progress(object):
    """Shows a job's progress and the time left, and returns whether Escape was pressed."""

    def __init__(self, watch):
        self.watch = watch
        self.doing, self.started, self.shown = None, 0, 0
        self.visible = not GraphicsEnvironment.isHeadless()
        IJ.resetEscape()

    def __call__(self, done, doing):
        now = time.time()
        if doing != self.doing:
            self.doing, self.started, self.shown = doing, now, 0
        if self.visible and now - self.shown > 0.2:
            self.shown = now
            IJ.showProgress(done)
            IJ.showStatus("EpiFiji: %s%s (Esc cancels)" % (doing, self._left(done, now)))
        return bool(self.watch is not None and self.watch(done, doing)) or IJ.escapePressed()

    def hide(self):
        """Hide what was shown: a window may stay open after the job."""
        if self.shown:
            IJ.showProgress(1.0)
            IJ.showStatus("")

    def _left(self, done, now):
        spent = now - self.started
        if done <= 0:
            return ""
        percent = ", %d %%" % (100 * done)
        if spent < 2:
            return percent
        left = spent * (1 - done) / done
        return "%s, %s left" % (percent, duration(left))


def _parameters(label, before, first):
    """Return the parameters (None if the user cancelled), and whether they came from a dialog."""
    described = _described(label)
    given = from_macro(label, described["parameters"]) if before is None else None
    if given is not None or not described["parameters"]:
        return _absolute(given or {}, described), False
    networks = {}
    if any(one["kind"].endswith("network") for one in described["parameters"]):
        engine = call("describe", {})
        of_events, of_cells = engine["networks"], engine["cell_networks"]
        networks = {"network": of_events, "cell_network": of_cells, "any_network": of_events + of_cells,
                    "volume_network": engine["volume_networks"]}
    scale = _running.now.scale = pixels_per_unit(active_image(), described.get("units"))
    if all(one["page"] == "macro" for one in described["parameters"]):
        return {}, False
    asked = json.loads(System.getProperty(FIRST, "{}")).get(label, {})
    given = from_dialog(label, described, networks, dict(first or {}, **asked), scale, before)
    return None if given is None else _absolute(given, described), True


def _absolute(given, described):
    """Make relative paths absolute, because the engine's working folder differs.

    A network's name is a path if it exists.
    """
    known = dict((one["key"], one) for one in described["parameters"])
    return dict((key, _absolute_value(key, known[key]["kind"], value) if value not in known[key]["choices"] else value)
                for key, value in given.items())


def _absolute_value(key, kind, value):
    if kind in ("file", "folder") or (kind == "image" and WindowManager.getImage(value) is None):
        return File(value).getAbsolutePath()
    if key == "other_networks":
        return ",".join([_absolute_value("network", "text", name.strip()) for name in value.split(",")])
    if key == "network" and ("/" in value or os.sep in value) and File(value).exists():
        return File(value).getAbsolutePath()
    return value


def _described(label):
    """Return a command's description from the file of 'epifiji install-fiji', or from the engine if it is in this process."""
    installed = read_json(record_file("settings.json"))
    if installed is not None and System.getProperties().get(connection.ENGINE_HERE) is None:
        return installed["commands"][label]
    return connection.call("describe_command", {"command": label})


def _report_error(error, keep_going):
    """Report an error once; without a window end with an exit code, unless the macro gives keep_going."""
    sentence = error.sentence
    if error.details:
        IJ.log(error.details) if not GraphicsEnvironment.isHeadless() else System.err.println(error.details)
    if error.kind == CANCELLED:
        # The engine has no word for what a command of many parts has already done.
        sentence = sentence if sentence.startswith("It was cancelled") else NOTHING_CHANGED
        report("cancelled; nothing was changed" if sentence == NOTHING_CHANGED else sentence)
    System.setProperty(LAST_ERROR, sentence)
    if keep_going:
        log(sentence)
    elif not GraphicsEnvironment.isHeadless():
        # Escape has already ended the macro, as it always does in ImageJ.
        if error.kind != CANCELLED:
            _show_error(sentence)
    elif connection.is_inside_python():
        _show_error(sentence)
    else:
        System.err.println("epifiji: " + shown(sentence))
        System.exit(EXIT_CODES[error.kind])


def _show_error(sentence):
    """Show an error as ImageJ does, which ends the calling macro."""
    headless = GraphicsEnvironment.isHeadless()
    # ImageJ's message boxes do not wrap lines.
    text = sentence if headless else "\n".join(textwrap.wrap(sentence, LINE))
    if not headless:
        # A dialog closes by itself if there are macro options, so ImageJ clears them before it shows an error. In Fiji
        # a script runs on another thread, whose inherited options cannot be cleared, and IJ.error would show nothing:
        # so the box is shown here.
        Macro.setOptions(None)
        if Macro.getOptions() is not None:
            IJ.showMessage(TITLE, text)
    try:
        IJ.error(TITLE, text)
    except RuntimeException as end:
        # ImageJ ends the macro by this exception. The embedded ImageJ passes it on; Fiji would print it as an error of
        # the script.
        if end.getMessage() != Macro.MACRO_CANCELED or _in_own_imagej():
            raise


def _in_own_imagej():
    """Return whether this is the embedded ImageJ, and not a Fiji."""
    return System.getProperties().get(OWN_COMMANDS) is not None


def _hide_progress():
    if not GraphicsEnvironment.isHeadless():
        IJ.showProgress(1.0)
