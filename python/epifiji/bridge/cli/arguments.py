"""Checks of the shell's arguments before any command reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.paths import home_expanded


def usable_arguments(arguments: list[str], command: Any) -> list[str]:
    """Check the shell's arguments and expand ``~`` to the home folder.

    Parameters
    ----------
    arguments
        The arguments from the shell.
    command
        The command line's group of commands.

    Raises
    ------
    WrongInputError
        If an argument is empty, an option with one value is given twice, or the working folder was deleted.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if not argument and before != "--argument":
            # An empty path would mean the working folder.
            where = f"for {before} " if before.startswith("-") else ""
            raise WrongInputError(
                f"{where}an empty text was given, but a value was expected: check whether a variable of your script is empty."
            )
    _require_once(arguments, command)
    try:
        Path.cwd()
    except FileNotFoundError:
        raise WrongInputError(
            "the working folder was deleted, but paths begin there: change to another folder."
        ) from None
    return [_home_expanded(argument) for argument in arguments]


def _require_once(arguments: list[str], command: Any) -> None:
    """Refuse an option with one value that is given twice: click would silently use the last one."""
    for argument in arguments:
        if argument not in getattr(command, "commands", {}):
            break
        command = command.commands[argument]
    single = {
        name
        for parameter in command.params
        if not (getattr(parameter, "multiple", False) or getattr(parameter, "is_flag", False))
        for name in parameter.opts
        if name.startswith("--")
    }
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    given = [option for option in (argument.partition("=")[0] for argument in options) if option in single]
    for option in given:
        if given.count(option) > 1:
            raise WrongInputError(
                f"{option} was given {given.count(option)} times, but it has one value: keep one of them."
            )


def _home_expanded(argument: str) -> str:
    """Expand ``~`` where the shell does not: in quotes, and after the ``=`` of an option."""
    option, equals, value = argument.partition("=")
    return f"{option}={home_expanded(value)}" if equals and option.startswith("--") else home_expanded(argument)
