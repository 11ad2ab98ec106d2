"""How dialogs, the recorder and macros show the parameters of Fiji's menu commands, whose one source the commands are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from epifiji.bridge.fiji.commands import COMMANDS, AdjustCommand
from epifiji.data.settings.base import Settings
from epifiji.data.settings.detection import EventSettings

FIRST = (
    "detected",
    "reference",
    "results",
    "network",
    "other_networks",
    "folder",
    "cell_diameter",
    "event_duration",
    "events",
    "threshold",
    "min_volume",
    "maps",
)
"""What a dialog begins with, in this order."""

LABELS = {
    "events": "Event classes",
    "threshold": "Least probability",
    "min_volume": "Least volume",
    "maps": "Probability maps",
    "seed_distance_xy": "Peaks apart in x and y, at least",
    "seed_distance_t": "Peaks apart in time, at least",
    "step_xy": "Step in x and y",
    "step_t": "Step in time",
    "distance_xy": "Apart in x and y, at most",
    "distance_t": "Apart in time, at most",
    "counting": "Way of counting",
    "unmarked": "Events of a class without a ROI file",
    "before": "Show before the event",
    "after": "Show after the event",
    "half_size": "Show around the event",
    "zoom": "Magnify",
    "number": "How many events",
    "seed": "Seed of chance",
    "time_bin": "Length of a bin of time",
    "bandwidth": "Smoothing of the density",
    "permutations": "Random arrangements",
    "frame_distance": "One frame counts as",
    "rows": "Most rows",
    "factor_xy": "Factor in x and y",
    "factor_t": "Factor in time",
    "frames": "New length",
    "steps": "Steps, at most",
    "minutes": "Time, at most",
    "patience": "Judgements without a gain",
    "rate": "Rate of learning",
    "held_out": "Part held out",
    "without": "Changes to leave out",
    "keep": "Part spent on keeping what it knew",
}
"""What a dialog calls a setting whose name says too little there."""

COUNTLESS = ("classes", "name", "names", "number", "address")
"""What the command line's help calls values that have no unit."""

EXPERT = (
    "seed",
    "before",
    "after",
    "half_size",
    "zoom",
    "step_xy",
    "step_t",
    "seed_distance_xy",
    "seed_distance_t",
    "mode",
    "channel",
    "permutations",
    "frame_distance",
    "memory",
    "device",
    "steps",
    "patience",
    "rate",
    "held_out",
    "without",
    "keep",
)
"""Settings that a dialog asks for on its second page."""

UNASKED = ("workers", "scheduler")
"""Settings that macros alone may give: Fiji is no place to start a cluster from by a click."""


def described(label: str) -> dict[str, Any]:
    """Describe a command as plain JSON types: its help, and each parameter as a dialog and a macro need it.

    A parameter has `key`, `label`, `kind` (``text``, ``choice``, ``flag``, ``file``, ``folder`` or ``network``), `default` (a
    text, or a truth value for a flag), `unit`, `choices`, `help` and `page`.
    """
    model = COMMANDS[label]
    keys = sorted(model.model_fields, key=lambda key: FIRST.index(key) if key in FIRST else len(FIRST))
    return {"help": (model.__doc__ or "").strip(), "parameters": [_described_field(model, key) for key in keys]}


def _described_field(model: type[Settings], key: str) -> dict[str, Any]:
    field = model.model_fields[key]
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choices = [choice for choice in get_args(field.annotation) if isinstance(choice, str)]
    kind, unit = "text", "" if field.title in COUNTLESS else field.title or ""
    if field.annotation is bool:
        kind = "flag"
    elif choices and not unit:
        kind = "choice"
    elif unit in ("file", "folder", "network"):
        kind, unit = unit, ""
    default: Any = bool(field.default) if kind == "flag" else "" if field.default is None else str(field.default)
    return {
        "key": key,
        "label": extra.get("label") or LABELS.get(key) or key.replace("_", " ").capitalize(),
        "kind": kind,
        "default": default,
        "unit": unit,
        "choices": choices if kind == "choice" else [],
        "help": field.description or "",
        "page": _page(model, key, extra),
    }


def _page(model: type[Settings], key: str, extra: Mapping[str, Any]) -> Any:
    if model is AdjustCommand and key in EventSettings.model_fields:
        return "macro"  # A person has sliders for these.
    return extra.get("page") or ("macro" if key in UNASKED else "more" if key in EXPERT else "first")
