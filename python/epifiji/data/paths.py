"""Paths as people give them."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError

HOME = "~"


def path_from(given: object, what: str) -> Path:
    """Take what was given as a path; a leading ``~`` is the user's home folder, as in a shell.

    Parameters
    ----------
    given
        A text that is not empty, or a :class:`pathlib.Path`.
    what
        What the path is of, for the sentence, such as ``the result folder``.

    Raises
    ------
    WrongInputError
        Where it is neither.
    """
    if isinstance(given, Path) or (isinstance(given, str) and given.strip()):
        return Path(home_expanded(str(given)))
    shown = repr(given) if isinstance(given, str | int | float | None) else f"a value of type {type(given).__name__}"
    raise WrongInputError(
        f"{what} was given as {shown}, but a text that is not empty, or a pathlib.Path, is needed: give one."
    )


def home_expanded(text: str) -> str:
    """Replace a leading ``~``, as a shell does: it leaves one alone in quotes, and after the ``=`` of an option."""
    if text == HOME or text.startswith(f"{HOME}/"):
        try:
            return str(Path(text).expanduser())
        except RuntimeError:
            # There is no home folder: the text stays as it is.
            return text
    return text
