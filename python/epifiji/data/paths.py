"""Paths as users specify them."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError

HOME = "~"


def path_from(given: object, what: str) -> Path:
    """Convert a user's path; a leading ``~`` is the user's home folder, as in a shell.

    Parameters
    ----------
    given
        A text that is not empty, or a :class:`pathlib.Path`.
    what
        Name of the path in messages, such as ``the result folder``.

    Raises
    ------
    WrongInputError
        If it is neither.
    """
    if isinstance(given, Path) or (isinstance(given, str) and given.strip()):
        return Path(home_expanded(str(given)))
    shown = repr(given) if isinstance(given, str | int | float | None) else f"a value of type {type(given).__name__}"
    raise WrongInputError(
        f"{what} was given as {shown}, but a text that is not empty, or a pathlib.Path, is needed: specify one."
    )


def home_expanded(text: str) -> str:
    """Replace a leading ``~``, as a shell does, except in quotes and after the ``=`` of an option."""
    if text == HOME or text.startswith(f"{HOME}/"):
        try:
            return str(Path(text).expanduser())
        except RuntimeError:
            # There is no home folder: the text is unchanged.
            return text
    return text
