"""The command EpiFiji's Python...: with a window, or by a macro's keys (Jython 2.7)."""
from java.awt import GraphicsEnvironment

import epifiji_python
from epifiji_client import report
from epifiji_engine import EngineError, _EngineHere, stop
from epifiji_setup import SetUp


def manage_python(parameters):
    if _EngineHere.find() is not None:
        report("Python started this ImageJ, and runs EpiFiji's engine")
        return
    action, place = parameters.get("action"), parameters.get("folder")
    if not parameters and not GraphicsEnvironment.isHeadless():
        from epifiji_setup_window import manage
        manage()
        return
    place = place or epifiji_python.known_place()
    if "python" in parameters:
        from epifiji_setup_window import use_python
        use_python(parameters["python"])
    elif action in ("repair", "remove"):
        stop()
        SetUp(place, _Progress()).remove()
        epifiji_python.forget()
    if action in ("set_up", "repair"):
        SetUp(place, _Progress()).run()
    try:
        report("EpiFiji %s runs in %s" % tuple(reversed(epifiji_python.engine_python())))
    except EngineError as missing:
        report(missing.sentence)


class _Progress(object):
    """Reports each step of a set-up once; Escape cancels it."""

    def __init__(self):
        self.doing = None

    def __call__(self, done, doing):
        from ij import IJ
        doing = doing.split(":")[0]
        if doing != self.doing:
            self.doing = doing
            report(doing)
        if not GraphicsEnvironment.isHeadless():
            IJ.showProgress(done)
