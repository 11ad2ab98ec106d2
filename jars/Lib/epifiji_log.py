"""What EpiFiji writes into ImageJ's log: one line for each sentence (Jython 2.7)."""
import re

from ij import IJ, Prefs, WindowManager
from ij.gui import GUI
from java.awt import GraphicsEnvironment

UNSHOWN = re.compile(u"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]")
"""Letters that begin another line, move a terminal's cursor, or turn a line's text around."""

TITLE, LOCATION = "Log", "log.loc"
"""The log's window, and the preference under which ImageJ keeps where a person put it."""


def shown(sentence):
    """Write such letters as escapes: names of files and of images may hold them."""
    return UNSHOWN.sub(lambda found: found.group().encode("unicode_escape"), sentence)


def log(sentence):
    """Write a sentence into the log, whose window opens in a corner of the screen and not over the movie."""
    opens = not GraphicsEnvironment.isHeadless() and WindowManager.getWindow(TITLE) is None
    IJ.log("EpiFiji: " + shown(sentence))
    window = WindowManager.getWindow(TITLE) if opens and Prefs.getLocation(LOCATION) is None else None
    if window is not None:
        screen = GUI.getMaxWindowBounds(IJ.getInstance())
        window.setLocation(screen.x, screen.y + screen.height - window.getHeight())
