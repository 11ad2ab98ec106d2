"""Protocols of studies as YAML files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.study import StudyProtocol, parse_protocol
from epifiji.files.storage.archives import read_limited

LARGEST_BYTES = 1_000_000

PLACES = ("train", "test")
"""Entries that are places, relative to the file."""


def read_protocol(path: Path) -> StudyProtocol:
    """Read a protocol; its folders, and its network if there is one at that place, are relative to the file.

    Raises
    ------
    WrongInputError
        If it cannot be read, is no YAML, or an entry is unknown or invalid.
    """
    protocol = parse_protocol(read_yaml(path, "a protocol"), path.name)
    changed = {key: str(path.parent / getattr(protocol, key)) for key in PLACES}
    if protocol.network is not None and (path.parent / protocol.network).exists():
        changed["network"] = str(path.parent / protocol.network)
    return protocol.model_copy(update=changed)


def read_yaml(path: Path, what: str) -> Any:
    """Read the content of a YAML file; `what` it should be is for messages.

    Raises
    ------
    WrongInputError
        If it cannot be read, is no YAML, or has an entry twice.
    """
    import yaml

    try:
        text = read_limited(path, LARGEST_BYTES, what).decode("utf-8-sig")
        root = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise WrongInputError(f"{path} is no YAML file ({type(problem).__name__}{where}): correct it.") from problem
    # PyYAML keeps the last one of them.
    twice = _entry_twice(root)
    if twice is not None:
        raise WrongInputError(
            f"{path} has {twice.value} twice in one section, again in line {twice.start_mark.line + 1}: keep one of them."
        )
    return content


def _entry_twice(root: Any) -> Any:
    """Return the second node of an entry that a section below a YAML node has twice; None if there is none."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        # An alias is the same node again, so that some are below themselves.
        if id(node) in seen or not isinstance(getattr(node, "value", None), list):
            continue
        seen.add(id(node))
        names = set()
        for child in node.value:
            key, value = child if isinstance(child, tuple) else (None, child)
            waiting.append(value)
            name = getattr(key, "value", None)
            if isinstance(name, str):
                if name in names:
                    return key
                names.add(name)
    return None


def write_protocol(path: Path, protocol: StudyProtocol, folder: Path) -> None:
    """Write a protocol that will be in `folder`; places beside this folder are relative to it, so that both can be moved."""
    import yaml

    entries = protocol.model_dump(mode="json", exclude_defaults=True)
    for key in (*PLACES, "network"):
        if key in entries and Path(entries[key]).exists():
            entries[key] = _place_from(folder.absolute(), Path(entries[key]).absolute())
    text = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)
    path.write_text(f"# To repeat this study: epifiji study-cells {path.name} --out FOLDER\n{text}", encoding="utf-8")


def _place_from(folder: Path, place: Path) -> str:
    """Return a place relative to a folder if it is beside it, otherwise the whole path."""
    return Path(os.path.relpath(place, folder)).as_posix() if place.is_relative_to(folder.parent) else str(place)
