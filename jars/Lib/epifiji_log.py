"""What EpiFiji writes into ImageJ's log: one line for each sentence (Jython 2.7)."""
import re

from ij import IJ

UNSHOWN = re.compile(u"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]")
"""Letters that begin another line, move a terminal's cursor, or turn a line's text around."""


def shown(sentence):
    """Write such letters as escapes: names of files and of images may hold them."""
    return UNSHOWN.sub(lambda found: found.group().encode("unicode_escape"), sentence)


def log(sentence):
    """Write a sentence into the log."""
    IJ.log("EpiFiji: " + shown(sentence))
