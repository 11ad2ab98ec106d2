"""Command-line options made from the settings, so that each setting is described once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_args

import typer

from epifiji.data.settings.base import OTHER_MOVIE, Settings, shown_of

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]

OtherMovieOption = Annotated[bool, typer.Option("--other-movie", help=OTHER_MOVIE)]


def with_settings(kind: type[Settings], *left_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Replace a command's parameter `settings` by one option for each setting; the command gets them as a dictionary.

    Values are passed on as strings: :func:`epifiji.data.settings.base.parse_settings` converts them, as it does for
    dialogs, macros and Python.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        names = [name for name in kind.model_fields if name not in left_out]

        def run(**values: Any) -> Any:
            given = {name: values.pop(name) for name in names}
            return command(**values, settings={name: value for name, value in given.items() if value is not None})

        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "settings"]
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_option(kind, name))
            for name in names
        ]
        parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + options
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def _option(kind: type[Settings], name: str) -> Any:
    """Describe one setting as a typer option."""
    field = kind.model_fields[name]
    default = "" if field.default is None else f" (default: {field.default})"
    shown = shown_of(field)
    metavar = (shown.unit or shown.range or shown.values).upper() or "|".join(get_args(field.annotation))
    flag = f"--{name.replace('_', '-')}"
    return Annotated[str | None, typer.Option(flag, metavar=metavar, help=f"{field.description}{default}")]
