"""Choices of the user, each a text in a small file of its own."""

from __future__ import annotations

import json
from pathlib import Path

from epifiji.data.errors import WrongInputError

LARGEST_BYTES = 10_000
"""No file of a choice is larger."""


def choice_in(content: bytes, file: Path, key: str, what: str, reset: str) -> str:
    """Return the choice in the content of a file: JSON with a text under a key.

    Parameters
    ----------
    content
        The bytes of the file.
    file, key
        The file, and the key in it.
    what, reset
        What is expected, and how the choice is removed, for the message.

    Raises
    ------
    WrongInputError
        If there is no such text.
    """
    try:
        chosen = json.loads(content.decode("utf-8-sig"))[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        chosen = None
    if not isinstance(chosen, str):
        raise WrongInputError(f"{file} does not contain {what}: {reset}.")
    return chosen


def written_choice(key: str, chosen: str) -> str:
    """Return the content of the file of a choice."""
    return json.dumps({key: chosen}) + "\n"
