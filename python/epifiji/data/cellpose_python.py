"""The Python with Cellpose that the user chose."""

from __future__ import annotations

import os
import re
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.own_folders import NoHomeError, config_folder
from epifiji.data.user_choice import LARGEST_BYTES, choice_in

PYTHON_VARIABLE = "EPIFIJI_CELLPOSE_PYTHON"
"""A variable that names a Python with Cellpose, before the user's choice."""

KEY = "python"
RESET = "run 'epifiji networks cellpose --reset'"

CHOOSE = "choose the environment in which Cellpose 3 is installed"

NAME = re.compile(r"(?:python|pypy)[\w.]*$", re.IGNORECASE)
"""Names of Pythons: any other program would be started for nothing."""

PLACES = ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe")
"""Where an environment's folder has its Python."""


def choice_file() -> Path:
    """Return the file of the choice in the user's configuration; it may not exist.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return config_folder() / "cellpose.json"


def chosen_python() -> tuple[str, str] | None:
    """Return the Python of :data:`PYTHON_VARIABLE` or of the user's choice, and where it was chosen; None without either.

    Raises
    ------
    WrongInputError
        If it is not a file, or the choice cannot be read.
    """
    if named := os.environ.get(PYTHON_VARIABLE):
        return _existing(named, PYTHON_VARIABLE, "correct it or unset it"), PYTHON_VARIABLE
    try:
        file = choice_file()
        with file.open("rb") as opened:
            content = opened.read(LARGEST_BYTES)
    except (NoHomeError, FileNotFoundError, NotADirectoryError, PermissionError):
        # A folder that this user may not enter contains no choice of this user.
        return None
    chosen = choice_in(content, file, KEY, "the path of a Python, as expected", RESET)
    return _existing(chosen, "the chosen Python with Cellpose", f"choose another, or {RESET}"), str(file)


def python_of(given: str) -> str:
    """Return the path of a Python, given itself or as the folder of its environment, as of conda or venv.

    Raises
    ------
    WrongInputError
        If there is none.
    """
    path = Path(given).expanduser()
    found = next((path / place for place in PLACES if (path / place).is_file()), None) if path.is_dir() else path
    if found is None or not found.is_file():
        raise WrongInputError(
            f"{given} is neither a Python nor the folder of an environment with one ({', '.join(PLACES[:3])}): {CHOOSE}."
        )
    if not path.is_dir() and not NAME.match(path.name):
        raise WrongInputError(f"{given} is a file, but no Python: {CHOOSE}, or its Python ({PLACES[0]}).")
    # Links are not followed, because an environment is known by the place of its Python.
    return str(found.absolute())


def _existing(python: str, what: str, do: str) -> str:
    if not Path(python).is_file():
        raise WrongInputError(f"{what} is {python}, which is not a file, but a Python is expected: {do}.")
    return python
