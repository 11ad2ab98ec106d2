"""Messages in Fiji's terms: settings are named by the labels of a dialog or the keys of a macro.

All messages of EpiFiji name settings in the notation of the command line: ``--cell-diameter``, which a value or a
placeholder in capitals may follow (``--maps raw``, ``--channel N``, ``--out DIR``). The command line prints messages
unchanged. :func:`in_fiji_terms` translates those for Fiji, so the code that writes a message need not know who reads
it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.terminal_commands import TERMINAL, in_the_menu
from epifiji.data.settings.base import Unit, WrongSettingError, refusal

NOUNS = {"out": "folder", "movie": "movie", "author": "author", "license": "licence", "sha256": "SHA-256"}
"""Nouns for options that the command in Fiji does not have. Other settings are called by their names without dashes."""

OPTION = r"(?<![\w/\\.-])--(?P<option>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?![\w-])(?: (?P<value>[\w=|][\w=|,.-]*))?"
NOTATION = re.compile(f"{TERMINAL}|{OPTION}")
"""A setting in a sentence, or a command for a terminal: some are in the menu, the others are left unchanged."""

SUBJECT = re.compile(r"(\w+)(?= is )")
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9|_]*")


def in_fiji_terms(text: str, label: str | None = None, dialog: bool = False) -> str:
    """Translate a message of EpiFiji for a menu command of Fiji.

    Parameters
    ----------
    text
        One or more sentences, with settings written as on the command line.
    label
        The command's label; None if the message belongs to no command. A setting that the command does not have becomes
        a plain noun.
    dialog
        Whether the parameters came from a dialog. Its labels are used then; otherwise the keys of a macro's options.

    Returns
    -------
    str
        The message without any option of the command line.
    """
    parameters = _parameters(label)

    def named(found: re.Match[str]) -> str:
        if found["option"] not in _options():
            return in_the_menu(found)
        return _named(found["option"], found["value"] or "", parameters, dialog)

    message = NOTATION.sub(named, text)
    subject = SUBJECT.match(message)
    if dialog and subject and subject[1] in parameters and parameters[subject[1]]["page"] != "macro":
        # The message about a wrong value begins with the setting's key.
        rest = message[subject.end() :].replace(f"leave {subject[1]} out", "leave the field empty")
        message = _label(parameters[subject[1]]) + rest
    return message


def refused_in_units(error: WrongSettingError, label: str | None, scale: Mapping[str, float]) -> str:
    """Return the sentence of a refused value, in µm or minutes if the dialog of the command showed it in them.

    `scale` has how many pixels are one µm (``length``) and how many frames one minute (``time``).
    """
    parameter = _parameters(label).get(error.name)
    per_unit = scale.get(parameter["measure"]) if parameter else None
    if parameter is None or not per_unit:
        return str(error)
    unit = Unit("min", "frames", per_unit) if parameter["measure"] == "time" else Unit("µm", "px", per_unit)
    return refusal(error.model, error.name, error.value, unit)


@functools.cache
def _options() -> frozenset[str]:
    """Return the names of all settings. Any other word with two dashes is part of a file name."""
    return frozenset(NOUNS) | {key.replace("_", "-") for model in COMMANDS.values() for key in model.model_fields}


@functools.cache
def _parameters(label: str | None) -> Mapping[str, Mapping[str, Any]]:
    return {one["key"]: one for one in described(label)["parameters"]} if label in COMMANDS else {}


def _named(option: str, word: str, parameters: Mapping[str, Mapping[str, Any]], dialog: bool) -> str:
    """Return a setting's name in Fiji; `word` is the next word of the sentence, which may be the setting's value."""
    key = option.replace("-", "_")
    parameter = parameters.get(key)
    value = word.rstrip(".,")
    end = word[len(value) :]
    if not _is_value(value, parameter):
        value, end = "", f" {word}" if word else ""
    placeholder = PLACEHOLDER.fullmatch(value)
    if parameter is None:
        return NOUNS.get(option, option.replace("-", " ")) + (f" {value}" if value and not placeholder else "") + end
    if dialog and parameter["page"] != "macro":
        return _label(parameter) + (f" {value}" if value and not placeholder else "") + end
    if parameter["kind"] in ("file", "folder") and placeholder:
        value = f"[{parameter['kind']}]"
    return key + (f"={value}" if value else "") + (" (in a macro)" if dialog else "") + end


def _label(parameter: Mapping[str, Any]) -> str:
    return f'"{parameter["label"]}"' + (" under More settings" if parameter["page"] == "more" else "")


def _is_value(word: str, parameter: Mapping[str, Any] | None) -> bool:
    """Return whether a word is a setting's value: a placeholder, a number, one of its choices, or class=number."""
    if not word or (parameter is not None and parameter["kind"] == "flag"):
        return False
    known = parameter["choices"] if parameter else ()
    return bool(PLACEHOLDER.fullmatch(word)) or word in known or word[0].isdigit() or "=" in word or "_" in word
