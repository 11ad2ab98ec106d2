"""The events that a command found, as ROIs and, if they are wanted there, in the navigator (Jython 2.7)."""
from ij import Macro
from java.awt import GraphicsEnvironment
from java.lang import Runnable, Thread, Throwable

from epifiji_client.events.navigator.navigator import close_navigators, navigate
from epifiji_client.images.movies import name_shown, show_events, wide_manager


def table_wanted(parameters):
    """Return whether a command shows its events as a table: if it is asked to or, by default, if no navigator opens."""
    return not GraphicsEnvironment.isHeadless() and parameters.get("table", not _is_wanted(parameters))


def _is_wanted(parameters):
    # A macro that opens many movies gets no window for each, unless it asks for it.
    return parameters.get("navigator", Macro.getOptions() is None and not GraphicsEnvironment.isHeadless())


class EventsShown(Runnable):
    """The ROIs of an answer with events, which are made at once, and then the navigator.

    Thousands of ROIs take as long as the navigator's window. If both are wanted, a thread makes the ROIs meanwhile.
    """

    def __init__(self, image, found, parameters):
        self.image, self._problem, self._thread = image, None, None
        self._answer = found, parameters.get("replace_rois", False), table_wanted(parameters)
        self._is_wanted = _is_wanted(parameters)
        if not (self._is_wanted and image is not None and image.getWindow() is not None):
            show_events(image, *self._answer)
            return
        # The navigator is known by the movie's name, and lies beside the ROI Manager.
        name_shown(image, found)
        wide_manager()
        self._thread = Thread(self, "EpiFiji-ROIs")
        self._thread.setDaemon(True)
        self._thread.start()

    def navigate(self, results, lines=None):
        """Open the navigator if it is wanted, else close an earlier one; return when the ROIs are shown too."""
        if self._is_wanted:
            navigate(self.image, results, lines, rois_shown=self._wait)
        elif self.image is not None:
            close_navigators(self.image)
        self._wait()
        if self._problem is not None:
            raise self._problem

    def run(self):
        try:
            show_events(self.image, *self._answer)
        except (Exception, Throwable) as problem:
            self._problem = problem

    def _wait(self):
        if self._thread is not None:
            self._thread.join()
