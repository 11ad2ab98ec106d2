"""Plugins > EpiFiji > Detect > Detect in Many Movies...: detects cell events in a folder of movies, or in all open ones."""
from ij import Macro
from java.awt import GraphicsEnvironment

from epifiji_client.commands.run import command
from epifiji_client.events.many.movies import ManyMovies, detect_without_window
from epifiji_client.events.many.window import ManyMoviesWindow, bring_to_front

LABEL = "Detect in Many Movies..."


def has_windows():
    return Macro.getOptions() is None and not GraphicsEnvironment.isHeadless()


def detect(parameters):
    many = ManyMovies(parameters)
    if has_windows():
        ManyMoviesWindow(LABEL, many).run()
    else:
        detect_without_window(many)


if not (has_windows() and bring_to_front()):
    command(LABEL, detect)
