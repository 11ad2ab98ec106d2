"""The events that a command found, as ROIs and, if they are wanted there, in the navigator (Jython 2.7)."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client.events.navigator.navigator import close_navigators, navigate
from epifiji_client.images.movies import name_shown, show_events, wide_manager


def table_wanted(parameters):
    """Return whether a command shows its events as a table: if it is asked to or, by default, if no navigator opens."""
    return not GraphicsEnvironment.isHeadless() and parameters.get("table", not _is_wanted(parameters))


def events_shown(image, found, parameters, results, text=None):
    """Show the events of an answer as ROIs and, if a command's parameters ask for it, in the navigator; else close an earlier one.

    The image may be None. Thousands of ROIs take as long as the navigator, so they come after its window.
    """
    wanted, opened = _is_wanted(parameters), None
    if wanted and image is not None and image.getWindow() is not None:
        # The navigator is known by the movie's name, and lies beside the ROI Manager.
        name_shown(image, found)
        wide_manager()
        opened = navigate(image, results, text, has_rois=False)
    elif image is not None:
        close_navigators(image)
    try:
        # The navigator's rings show them.
        show_events(image, found, parameters.get("replace_rois", False), table_wanted(parameters), visible=opened is None)
    finally:
        if opened is not None:
            opened.adopt()


def _is_wanted(parameters):
    # A macro that opens many movies gets no window for each, unless it asks for it.
    return parameters.get("navigator", Macro.getOptions() is None and not GraphicsEnvironment.isHeadless())
