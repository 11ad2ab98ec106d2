"""Descriptions of the menu commands' parameters for dialogs, the recorder and macros, made from the commands' models."""

from __future__ import annotations

import re
from typing import Any, get_args

from epifiji.bridge.fiji.commands import (
    CALIBRATE,
    COMMANDS,
    DETECT_MANY,
    EVALUATE,
    RETRAIN,
    SPLIT,
    STUDY,
    TRAIN,
    AdjustCommand,
)
from epifiji.bridge.fiji.pages import page_of
from epifiji.bridge.fiji.terminal_commands import with_menu_commands
from epifiji.data.settings.base import Settings, Shown, shown_of
from epifiji.data.settings.detection import EventSettings
from epifiji.files.movies.calibration import (
    LARGEST_INTERVAL_S,
    LARGEST_PIXEL_UM,
    LEAST_INTERVAL_S,
    LEAST_PIXEL_UM,
    MICROMETRES,
    SECONDS,
)

OTHER_MOVIES = (DETECT_MANY, TRAIN, RETRAIN, EVALUATE, CALIBRATE, STUDY, SPLIT)
"""Commands whose settings are not those of the open movie, so its calibration does not apply."""

UNITS: dict[str, dict[str, Any]] = {
    "length": {"names": MICROMETRES, "plausible": [LEAST_PIXEL_UM, LARGEST_PIXEL_UM]},
    "time": {
        "names": {name: seconds / 60 for name, seconds in SECONDS.items()},
        "plausible": [LEAST_INTERVAL_S / 60, LARGEST_INTERVAL_S / 60],
    },
}
"""Names of units (lower case) in µm and minutes, with the smallest and largest plausible pixel or interval."""

DEFAULT = re.compile(r"Default(?: [^:]+)?: (.+?)(?:[,;]|\.(?:\s|$)|$)")


def described(label: str) -> dict[str, Any]:
    """Describe a command as JSON types: its help, its page in the documentation, and its parameters in the dialog's order.

    A parameter has `key`, `also` (its older keys), `label`, `kind` (``text``, ``choice``, ``flag``, ``file``, ``folder``,
    ``image``, ``network``, ``cell_network``, ``any_network`` or ``volume_network``), `default` (a string, or a boolean for a
    flag), `unit`, `choices` (for a file or a network the words that are none), `empty` (the meaning of an empty field), `measure`
    (``length`` or ``time`` if it is shown in µm or minutes, else empty), `whole` (whether it is a whole number), `beside`
    (the keys of what can be specified with it, if it contains the other parameters), `help` and `page`. If a parameter
    has a measure, `units` has :data:`UNITS`.
    """
    model = COMMANDS[label]
    keys = sorted(model.model_fields, key=lambda key: shown_of(model.model_fields[key]).order)
    parameters = [_described_field(model, key) for key in keys]
    if label in OTHER_MOVIES:
        parameters = [one | {"measure": ""} for one in parameters]
    measured = any(one["measure"] for one in parameters)
    about = {"help": (model.__doc__ or "").strip(), "documentation": page_of(label), "parameters": parameters}
    return about | ({"units": UNITS} if measured else {})


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
        "empty": _empty(shown, field.description or ""),
        "measure": ("time" if unit == "frames" else "length") if shown.calibrated else "",
        "whole": field.annotation in (int, int | None),
        "beside": list(shown.beside),
        "help": with_menu_commands(field.description or ""),
        # The window has sliders for the thresholds.
        "page": "macro" if model is AdjustCommand and key in EventSettings.model_fields else shown.page,
    }


def _empty(shown: Shown, description: str) -> str:
    """Return in a few words what an empty field means: the first part of the default in the help."""
    found = DEFAULT.search(description)
    return shown.empty or (found.group(1) if found else "")
