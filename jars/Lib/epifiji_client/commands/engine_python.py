"""The command EpiFiji's Python...: with a window, or by a macro's keys (Jython 2.7)."""
from java.awt import GraphicsEnvironment
from java.lang import System

from epifiji_client.engine import python_record
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.worker_process import stop
from epifiji_client.commands.run import report
from epifiji_client.engine.connection import ENGINE_HERE
from epifiji_client.engine.python_record import is_for_card
from epifiji_client.engine.setup.set_up import SetUp


def manage_python(parameters):
    if System.getProperties().get(ENGINE_HERE) is not None:
        report("Python started this ImageJ, and runs EpiFiji's engine")
        return
    action, place = parameters.get("action"), parameters.get("folder")
    if not parameters and not GraphicsEnvironment.isHeadless():
        from epifiji_client.engine.setup.window import manage
        manage()
        return
    place = place or python_record.known_place()
    gpu = parameters.get("gpu", action == "repair" and is_for_card())
    if "python" in parameters:
        from epifiji_client.engine.setup.window import use_python
        use_python(parameters["python"])
    elif action in ("repair", "remove"):
        stop()
        SetUp(place, _Progress()).remove()
        python_record.forget()
    if action in ("set_up", "repair"):
        SetUp(place, _Progress(), gpu=gpu).run()
    try:
        report("EpiFiji %s runs in %s" % tuple(reversed(python_record.engine_python())))
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
