"""Descriptions of the menu commands' parameters for dialogs, the recorder and macros, made from the commands' models."""

from __future__ import annotations

from typing import Any, get_args

from epifiji.bridge.fiji.commands import COMMANDS, AdjustCommand
from epifiji.data.settings.base import Settings, shown_of
from epifiji.data.settings.detection import EventSettings


def described(label: str) -> dict[str, Any]:
    """Describe a command as JSON types: its help, and its parameters in the order of the dialog.

    A parameter has `key`, `also` (its older keys), `label`, `kind` (``text``, ``choice``, ``flag``, ``file``, ``folder``,
    ``image``, ``network``, ``cell_network`` or ``any_network``), `default` (a string, or a boolean for a flag), `unit`,
    `choices` (for a file the words that are no files), `help` and `page`.
    """
    model = COMMANDS[label]
    keys = sorted(model.model_fields, key=lambda key: shown_of(model.model_fields[key]).order)
    return {"help": (model.__doc__ or "").strip(), "parameters": [_described_field(model, key) for key in keys]}


def _described_field(model: type[Settings], key: str) -> dict[str, Any]:
    field = model.model_fields[key]
    shown = shown_of(field)
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    unit = shown.unit or shown.range
    kind = "flag" if field.annotation is bool else shown.kind or ("choice" if choices and not unit else "text")
    default: Any = bool(field.default) if kind == "flag" else "" if field.default in (None, ()) else str(field.default)
    return {
        "key": key,
        "also": list(shown.also),
        "label": shown.label or key.replace("_", " ").capitalize(),
        "kind": kind,
        "default": default,
        "unit": unit,
        "choices": choices if kind == "choice" else list(shown.words),
        "help": field.description or "",
        # The window has sliders for the thresholds.
        "page": "macro" if model is AdjustCommand and key in EventSettings.model_fields else shown.page,
    }
