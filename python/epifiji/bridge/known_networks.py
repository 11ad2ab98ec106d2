"""The networks that can be used by name, as the command line and Fiji show them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from epifiji.files.networks.zoo import Listed

COLUMNS = ("name", "task", "kind", "finds", "cells (px)", "events (frames)", "from")


def row_of(one: Listed) -> list[str]:
    """Return the row of a network in a table with :data:`COLUMNS`."""
    if one.description is None:
        return [one.name, "-", "broken", "-", "-", "-", one.origin]
    described = one.description
    scale = [f"{described.scale[axis]:g}" if axis in described.scale else "-" for axis in "XT"]
    return [one.name, described.task, described.family, ", ".join(described.outputs), *scale, one.origin]


def notices_of(found: list[Listed]) -> list[str]:
    """Report networks that cannot be used or named, and problems of the folder that EPIFIJI_NETWORKS names."""
    from epifiji.files.networks.store import hidden, problem_of_named_folder

    broken = [f"{one.name} cannot be used: {one.problem}" for one in found if one.problem]
    same = [f"{path} cannot be used by name, as {first} is called {name} too" for name, path, first in hidden()]
    problem = problem_of_named_folder()
    return [*broken, *same, *([problem] if problem else [])]


def card_of(place: Path) -> str:
    """Return a network's card, and where its weights came from."""
    from epifiji.files.networks.store import card, own_card, read_network

    loaded = read_network(place)
    described = loaded.description
    origin = f"- Imported from {described.origin}\n" if described.origin else ""
    return (
        f"{(own_card(place) or card(described)).rstrip()}\n{origin}"
        f"- SHA-256 of its weights: {loaded.sha256}\n- Read from {loaded.source}\n"
    )


def members_note(place: Path) -> str:
    """Return a sentence about a network that is an ensemble; an empty text for another one."""
    from epifiji.files.networks.store import read_description

    members = read_description(place).members
    return f"It is an ensemble: the probabilities of its {members} networks are averaged." if members > 1 else ""
