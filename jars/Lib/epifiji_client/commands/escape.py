"""The effect of Escape on a macro that called a command of EpiFiji (Jython 2.7)."""
from ij import Macro
from ij.macro import Interpreter
from java.awt import GraphicsEnvironment
from java.lang import Class, Runnable, System, Thread

LOOK_MS = 50
PATIENCE_MS = 1500
AFTER_MS = 2000


class Escape(Runnable):
    """Lets the macro that called a command end normally when Escape is pressed.

    HACK: ImageJ 1.54p waits for the macro's end on the event thread. After two seconds it kills the macro's thread,
    which opens a window with a traceback. SciJava needs the event thread to end a script, so in Fiji no macro ends in
    time. ImageJ does not wait if its record of the running macro is cleared, which is done here.
    """

    def __init__(self, interpreter):
        self.interpreter, self.ended = interpreter, False

    @staticmethod
    def watched():
        """Watch the macro that runs this command, if there is one and ImageJ has a window."""
        interpreter = Interpreter.getInstance()
        escape = Escape(interpreter)
        if interpreter is not None and Macro.getOptions() is not None and not GraphicsEnvironment.isHeadless():
            thread = Thread(escape, "EpiFiji-Escape")
            thread.setDaemon(True)
            thread.start()
        return escape

    def run(self):
        escaped = left = None
        while Interpreter.getInstance() is self.interpreter:
            now = System.currentTimeMillis()
            if escaped is None and self.interpreter.done():
                escaped = now
            if left is None and self.ended:
                left = now
            if escaped is not None and (self.ended or now - escaped > PATIENCE_MS):
                self._forget()
            elif left is not None and now - left > AFTER_MS:
                return
            Thread.sleep(LOOK_MS)

    def _forget(self):
        field = Class.forName("ij.macro.Interpreter").getDeclaredField("instance")
        field.setAccessible(True)
        field.set(None, None)
