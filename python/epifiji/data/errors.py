"""Errors that any part of EpiFiji may raise and every user interface reports."""

from __future__ import annotations


class WrongInputError(ValueError):
    """An input is not usable.

    The message is one sentence that says what came, what was expected and what to do. The command line prints it and
    ends with exit code 2; ImageJ shows it in one message.

    A message names a setting as the command line does, with its value or a placeholder in capitals
    (``--cell-diameter``, ``--maps raw``, ``--out DIR``), and never in another notation. In Fiji it is replaced by the
    dialog's label or the macro's key; see :mod:`epifiji.bridge.fiji.messages`. The same holds for the sentences of
    notices.
    """


class CancelledError(Exception):
    """The user cancelled. The command line ends with exit code 130.

    A message describes what was left behind, as half a sentence with its full stop; it is empty if nothing was.
    """


class ImageJError(RuntimeError):
    """Java, ImageJ, a macro or a script failed. The message says what failed and why, in one sentence.

    Longer texts, such as the traceback of a Jython script, are in the exception's notes. The command line ends with
    exit code 1.
    """
