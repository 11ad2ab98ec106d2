"""Messages in the words of Fiji: a setting is named as the dialog or the macro in front of a person names it.

Every message of EpiFiji, on whatever floor it is written, names a setting in one notation, that of the command line:
``--cell-diameter``, followed by a value or a placeholder in capitals where there is one (``--maps raw``, ``--channel N``,
``--out DIR``). The command line prints messages as they are. What goes to Fiji passes :func:`in_fijis_words`, so nobody who
writes a message needs to know who will read it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described

KEYS = {"out": "output"}
"""Options of the command line that are called otherwise in Fiji."""

NOUNS = {"out": "folder", "movie": "movie", "author": "author", "license": "licence", "sha256": "SHA-256"}
"""What options are called where the command in Fiji has no such parameter; settings by their name, without dashes."""

TERMINAL = r"'(?:epifiji|pip|python|conda) [^']*'"
OPTION = r"(?<![\w/\\.-])--(?P<option>[a-z][a-z0-9]*(?:-[a-z0-9]+)*)(?![\w-])(?: (?P<value>[\w=|][\w=|,.-]*))?"
NOTATION = re.compile(f"{TERMINAL}|{OPTION}")
"""A setting in a sentence; lines that are to be typed into a terminal stay as they are."""

SUBJECT = re.compile(r"(\w+)(?= is )")
PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9|_]*")


def in_fijis_words(text: str, label: str | None = None, dialog: bool = False) -> str:
    """Put a message of EpiFiji into the words of a menu command of Fiji.

    Parameters
    ----------
    text
        One or more sentences, with settings written as on the command line.
    label
        The command's label; None where the message belongs to no command. A setting that the command does not have becomes
        a plain noun.
    dialog
        Whether a person has a dialog in front of her, whose labels are used then; else the keys of a macro's options are.

    Returns
    -------
    str
        The message, in which no option of the command line is left.
    """
    parameters = _parameters(label)

    def named(found: re.Match[str]) -> str:
        if found["option"] not in _options():
            return found[0]
        return _named(found["option"], found["value"] or "", parameters, dialog)

    said = NOTATION.sub(named, text)
    subject = SUBJECT.match(said)
    if dialog and subject and subject[1] in parameters and parameters[subject[1]]["page"] != "macro":
        # What a dialog's field was refused for begins with the setting's key.
        rest = said[subject.end() :].replace(f"leave {subject[1]} out", "leave the field empty")
        said = _label(parameters[subject[1]]) + rest
    return said


@functools.cache
def _options() -> frozenset[str]:
    """Give all settings' names; anything else that has two dashes is part of somebody's file name."""
    return frozenset(NOUNS) | {key.replace("_", "-") for model in COMMANDS.values() for key in model.model_fields}


@functools.cache
def _parameters(label: str | None) -> Mapping[str, Mapping[str, Any]]:
    return {one["key"]: one for one in described(label)["parameters"]} if label in COMMANDS else {}


def _named(option: str, word: str, parameters: Mapping[str, Mapping[str, Any]], dialog: bool) -> str:
    """Name a setting; `word` follows it in the sentence, as its value or not."""
    key = KEYS.get(option, option.replace("-", "_"))
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
    """Tell a setting's value from a word of the sentence: a placeholder, a figure, one of its choices, or class=figure."""
    if not word or (parameter is not None and parameter["kind"] == "flag"):
        return False
    known = parameter["choices"] if parameter else ()
    return bool(PLACEHOLDER.fullmatch(word)) or word in known or word[0].isdigit() or "=" in word or "_" in word
