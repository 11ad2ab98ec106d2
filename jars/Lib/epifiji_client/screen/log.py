"""EpiFiji's lines in ImageJ's log, one for each sentence (Jython 2.7)."""
import re

from ij import IJ, Prefs, WindowManager
from ij.gui import GUI
from java.awt import GraphicsEnvironment

UNSHOWN = re.compile(u"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]")
"""Characters that begin another line, move a terminal's cursor, or reverse a line's text."""

TITLE, LOCATION = "Log", "log.loc"
"""The title of the log's window, and ImageJ's preference for the position that the user gave it."""


def shown(sentence):
    """Escape control characters, which the names of files and images may contain."""
    return UNSHOWN.sub(lambda found: found.group().encode("unicode_escape"), sentence)


def log(sentence):
    """Write a sentence into the log.

    Its window opens in a corner of the screen, so that it does not cover the movie.
    """
    opens = not GraphicsEnvironment.isHeadless() and WindowManager.getWindow(TITLE) is None
    IJ.log("EpiFiji: " + shown(sentence))
    window = WindowManager.getWindow(TITLE) if opens and Prefs.getLocation(LOCATION) is None else None
    if window is not None:
        screen = GUI.getMaxWindowBounds(IJ.getInstance())
        window.setLocation(screen.x, screen.y + screen.height - window.getHeight())
