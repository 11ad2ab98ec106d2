"""Hooks of MkDocs: they add the reference made from the code, and the list of decisions, when the site is built.

A page includes a part of the reference by a line such as ``<!-- made from the code: settings detection.DetectionSettings -->``.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

MADE = re.compile(r"^<!-- made from the code: (\w+)(?: ([\w.]+))? -->$", re.MULTILINE)
ROLE = re.compile(r":(?:class|func|meth|mod|attr|data):<code>~?(?:[\w.]+\.)?(\w+)</code>")


def on_config(config: Any) -> Any:
    """List the pages of docs/decisions in the navigation; without any, leave the section out."""
    docs = Path(config.docs_dir)
    pages = [page.relative_to(docs).as_posix() for page in sorted((docs / "decisions").glob("*.md"))]
    for section in config.nav:
        for items in section.values():
            for item in items if isinstance(items, list) else ():
                if item.get("Decisions") == "decisions/":
                    item["Decisions"] = sorted(pages, key=lambda page: not page.endswith(("index.md", "README.md")))
                    if not pages:
                        items.remove(item)
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Insert the parts of the reference that a page includes."""
    return MADE.sub(lambda asked: PARTS[asked[1]](asked[2]), markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Show the roles of reStructuredText in docstrings, such as a class's name, as code."""
    return ROLE.sub(r"<code>\1</code>", html)


def settings(place: str) -> str:
    """Write the table of the settings of one model, such as ``detection.DetectionSettings``."""
    from epifiji.data.settings.base import expectation, shown_of

    module, _, name = place.rpartition(".")
    kind = getattr(importlib.import_module(f"epifiji.data.settings.{module}"), name)
    rows = []
    for key, field in kind.model_fields.items():
        value = expectation(kind, key).removeprefix("it must be ")
        unit = shown_of(field).unit
        default = "" if field.default in (None, ()) or field.default is False else field.default
        rows.append((f"`--{key.replace('_', '-')}`", value, unit, default, field.description))
    return table(("Setting", "Value", "Unit", "Default", "Meaning"), rows)


def commands(_: str | None) -> str:
    """Write the help of every command of the command line."""
    import typer

    from epifiji.bridge.cli.main import app

    return "\n".join(_command(("epifiji",), typer.main.get_command(app)))


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    """Write the help of a command, or of the commands of a group."""
    if path != ("epifiji",):
        yield f"{'#' * len(path)} {' '.join(path)}\n\n{command.help}\n"
    if command.params and path != ("epifiji",):
        yield from _parameters(path, command)
    for name, one in getattr(command, "commands", {}).items():
        yield from _command((*path, name), one)


def _parameters(path: tuple[str, ...], command: Any) -> Iterator[str]:
    """Write the usage of a command, and the table of its arguments and options."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    words = [one.metavar or one.name.upper() for one in arguments]
    yield f"    {' '.join([*path, *words])} [OPTIONS]\n"
    rows = [(f"`{word}`", one.help or "") for word, one in zip(words, arguments, strict=True)]
    for one in options:
        value = "" if one.is_flag else f" {one.metavar or 'VALUE'}"
        default = f" (default: {one.default})" if one.default not in (None, False, ()) and not one.required else ""
        rows.append(
            (f"`{', '.join(one.opts)}{value}`", (one.help or "") + default + (" Required." if one.required else ""))
        )
    if rows:
        yield table(("Argument or option", "Meaning"), rows)


def fiji_commands(_: str | None) -> str:
    """Write the dialog fields and macro keys of each command of Plugins > EpiFiji."""
    from epifiji.bridge.fiji.commands import COMMANDS
    from epifiji.bridge.fiji.dialogs import described

    fields = {"first": "{}", "more": "{} (second page)", "macro": "macros only"}
    parts = []
    for label in COMMANDS:
        command = described(label)
        rows = []
        for one in command["parameters"]:
            kind = {"text": one["unit"], "choice": ""}.get(one["kind"], one["kind"])
            value = ", ".join(filter(None, [*one["choices"], kind]))
            default = "" if one["default"] in ("", False) else str(one["default"]).lower()
            field = fields[one["page"]].format(one["label"])
            rows.append((f"`{one['key']}`", field, value, default, one["help"]))
        parts.append(f"## {label}\n\n{command['help']}\n")
        parts.append(table(("Macro key", "Field", "Value", "Default", "Meaning"), rows) if rows else "")
    return "\n".join(parts)


def menu(_: str | None) -> str:
    """Write one line for each command of Plugins > EpiFiji."""
    from epifiji.bridge.fiji.commands import COMMANDS

    rows = [(f"`{label}`", " ".join((model.__doc__ or "").split())) for label, model in COMMANDS.items()]
    return table(("Command", "What it does"), rows)


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Write a table in Markdown."""
    head = tuple(head)
    lines = [f"| {' | '.join(map(_cell, cells))} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]]) + "\n"


def _cell(value: object) -> str:
    """Write a cell; a bar outside of code is escaped, because it would begin another cell."""
    text = " ".join(str(value).split())
    return re.sub(r"`[^`]*`|\|", lambda found: "\\|" if found[0] == "|" else found[0], text)


PARTS = {
    "settings": settings,
    "commands": commands,
    "fiji_commands": fiji_commands,
    "menu": menu,
}
