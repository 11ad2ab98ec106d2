"""Command-line options made from the settings, so that each setting is described once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperCommand

from epifiji.data.settings.base import Settings, option_of, shown_of

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]

MovieOption = Annotated[
    str | None, typer.Option("--movie", metavar="MOVIE", help="The movie, if it is not found through run.json.")
]
AnnotatedData = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="Movies with their events as MOVIE_<class>.zip, or images with their cells as IMAGE_labels.tif and the like.",
    ),
]

NETWORK = "NAME|DIR|ZIP"
METAVARS = {
    "": "",
    "file": "FILE",
    "folder": "DIR",
    "network": NETWORK,
    "cell_network": NETWORK,
    "any_network": NETWORK,
    "volume_network": f"{NETWORK}|none",
}
"""The placeholder of a value for each kind of setting."""


def with_settings(*kinds: type[Settings]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add one option for each setting of some models to a command.

    A parameter of the command with the name of a setting receives its value. The values of all other settings are passed
    as `settings`, a dictionary of strings: :func:`epifiji.data.settings.base.parse_settings` converts them, as it does
    for dialogs, macros and Python.
    """
    fields = {name: field for kind in kinds for name, field in kind.model_fields.items()}

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = inspect.signature(command, eval_str=True).parameters.values()
        named = {p.name for p in own}
        others = [_other(name, field) for name, field in fields.items() if name not in named]
        parameters = [
            made for p in own for made in (others if p.name == "settings" else [_named(p, fields.get(p.name))])
        ]

        def run(**values: Any) -> Any:
            given = {p.name: values.pop(p.name) for p in others}
            if "settings" in named:
                values["settings"] = {name: value for name, value in given.items() if value not in (None, [])}
            return command(**values)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        return run

    return decorate


def with_subcommands(app: typer.Typer) -> type[TyperCommand]:
    """Make the class of a command that can also begin with the name of a subcommand, the only one of `app`.

    Then the rest of the line is the subcommand's; any other first word is an argument of the command itself.
    """

    class WithSubcommands(TyperCommand):
        @functools.cached_property
        def commands(self) -> dict[str, Any]:
            command = typer.main.get_command(app)
            return {str(command.name): command}

        def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **more: Any) -> Any:
            if args and args[0] in self.commands:
                return self.commands[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **more)
            return super().make_context(info_name, args, parent, **more)

    return WithSubcommands


def _named(own: inspect.Parameter, field: FieldInfo | None) -> inspect.Parameter:
    """Return a command's own parameter; if it is a setting, as an option with the parameter's type."""
    if field is None or get_origin(own.annotation) is Annotated:
        return own.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    optional = own.annotation is bool or type(None) in get_args(own.annotation)
    return inspect.Parameter(
        own.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=(False if own.annotation is bool else None) if optional else inspect.Parameter.empty,
        annotation=Annotated[own.annotation, _option(own.name, field)],
    )


def _other(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return the option of a setting that is not a parameter of the command."""
    kind: Any = bool if field.annotation is bool else list[str] if _is_repeated(field) else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, _option(name, field)]
    )


def _option(name: str, field: FieldInfo) -> Any:
    """Describe one setting as a typer option."""
    flag = option_of(name)
    if field.annotation is bool:
        return typer.Option(flag, help=field.description)
    default = (
        " Can be repeated." if _is_repeated(field) else "" if field.default is None else f" (default: {field.default})"
    )
    shown = shown_of(field)
    metavar = (shown.unit or shown.range or shown.values or METAVARS[shown.kind]).upper()
    return typer.Option(
        flag, metavar=metavar or "|".join(get_args(field.annotation)), help=f"{field.description}{default}"
    )


def _is_repeated(field: FieldInfo) -> bool:
    """Return whether the option is repeated for several values, as for places, instead of a list with commas."""
    return get_origin(field.annotation) is tuple
