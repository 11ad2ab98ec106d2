"""The settings of every job: names, units, ranges, defaults and help, in one place.

The command line's options, Python's keyword arguments, a worker's requests, ImageJ's dialogs and macro keys, and the
tables of the documentation all come from these models.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from epifiji.data.errors import WrongInputError

MIN_FRAMES = 5
"""Fewest frames in which an event can be detected."""


def one_or_several(value: object) -> object:
    """Accept a single text instead of several."""
    return (value,) if isinstance(value, str) else value


def names(value: object) -> object:
    """Read names separated by commas."""
    if isinstance(value, str):
        value = [name.strip() for name in value.split(",") if name.strip()]
        if not value:
            raise ValueError("one or more class names separated by commas, such as cell_death,cell_division")
    return value


def class_names(value: object) -> object:
    """Read names of classes, at least one: an empty list is never intended."""
    read = names(value)
    if isinstance(read, list | tuple | set | frozenset) and not read:
        raise ValueError("one or more class names")
    return read


LAST = 1000

Page = Literal["first", "more", "macro"]


@dataclass(frozen=True)
class Shown:
    """How a setting is displayed, in addition to its name, type, default and help, which are properties of the field.

    Parameters
    ----------
    unit
        Unit of its values.
    range
        Its values in short, if they have no unit.
    values
        A word for its values, if neither describes them.
    label
        Its label in dialogs. Default: its name.
    page
        The page of a dialog: the first, the page for experts, or none (only in macros).
    kind
        The widget of a dialog; an image is a file, a folder, or the title of an image that is open in ImageJ.
    order
        Position in a dialog; settings without one follow in the order of the fields.
    also
        Its older names, which are accepted wherever it is specified by name.
    words
        Values of a place, or of a network, that are no places and no networks.
    empty
        What an empty field of a dialog means, in a few words. Default: from the help's sentence "Default: …".
    calibrated
        Whether it is a length (px) or a time (frames) of the movie itself: dialogs show it in µm or minutes if they are known.
    beside
        For a setting that contains others, such as a protocol: those that can still be specified. Dialogs then leave out values
        of the last run.
    """

    unit: str = ""
    range: str = ""
    values: str = ""
    label: str = ""
    page: Page = "first"
    kind: Literal["", "file", "folder", "image", "network", "cell_network", "any_network", "volume_network"] = ""
    order: int = LAST
    also: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    empty: str = ""
    calibrated: bool = False
    beside: tuple[str, ...] = ()


def setting(default: Any = PydanticUndefined, *, description: str = "", **more: Any) -> Any:
    """Make the field of a setting: default, help and limits, as for pydantic's Field, and how it is displayed (`Shown`)."""
    shown = {name: more.pop(name) for name in tuple(more) if name in Shown.__dataclass_fields__}
    return Field(default, description=description or None, json_schema_extra=shown or None, **more)


def placed(kind: type[Settings], name: str, page: Page = "first", order: int = LAST, default: Any = None) -> Any:
    """Return the field of a setting for a model that shows it at another place of its dialog, or has another default."""
    field = copy(kind.model_fields[name])
    field.default = field.default if default is None else default
    field.json_schema_extra = {**(field.json_schema_extra or {}), "page": page, "order": order}  # type: ignore[dict-item]
    return field


def option_of(name: str) -> str:
    """Return the option of a setting on the command line."""
    return f"--{name.replace('_', '-')}"


def shown_of(field: FieldInfo) -> Shown:
    """Return how a setting is displayed."""
    extra = field.json_schema_extra
    return Shown(**extra) if isinstance(extra, dict) else Shown()  # type: ignore[arg-type]


class Settings(BaseModel):
    """Base of all settings: unknown names are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


Seed = Annotated[int, setting(ge=0, le=2**32 - 1, values="number", label="Random seed", page="more")]

Channel = Annotated[
    int | None,
    setting(
        ge=1,
        values="number",
        description="Channel to use if the movie has several, counted from 1 as in ImageJ.",
        empty="needed if there are several",
        page="more",
    ),
]

COMMA = re.compile(r"\s*([+-]?\d+),(\d+)\s*")
"""A number with a decimal comma, which is not accepted: 1,500 is another number to other people."""


@dataclass(frozen=True)
class Unit:
    """A unit in which a dialog shows a setting: its `name`, that of pixels or frames, and how many of these are one unit."""

    name: str
    of: str
    per_unit: float

    def shown(self, value: object) -> str:
        """Return a value of pixels or frames in this unit, with pixels or frames beside; a value that is no number stays."""
        try:
            number = float(str(value).encode("ascii"))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            return repr(value)
        of = self.of.removesuffix("s") if number == 1 else self.of
        return f"{_plain(number / self.per_unit)} {self.name} ({_plain(number)} {of})" if number else "0"


def _plain(number: float) -> str:
    """Write a number with four significant digits and without an exponent."""
    text = f"{float(f'{number:.4g}'):.10f}"
    return text.rstrip("0").rstrip(".")


class WrongSettingError(WrongInputError):
    """The `value` of a setting, called `name` in the settings `model`, is not valid."""

    def __init__(self, model: type[Settings], name: str, value: object) -> None:
        super().__init__(refusal(model, name, value))
        self.model, self.name, self.value = model, name, value

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy, or send to another process, with all arguments."""
        return type(self), (self.model, self.name, self.value)


AnySettings = TypeVar("AnySettings", bound=Settings)
P = ParamSpec("P")
R = TypeVar("R")


def parse_settings(kind: type[AnySettings], values: Mapping[str, Any]) -> AnySettings:
    """Make settings from a user's values: texts, numbers, or None for missing ones.

    Raises
    ------
    WrongInputError
        If a value is invalid; the sentence has the setting, its value, what is expected and what to do.
    """
    given = _by_name(kind, {name: value for name, value in values.items() if value is not None})
    for name, value in given.items():
        # Pydantic would accept True as 1.
        if name in kind.model_fields and kind.model_fields[name].annotation is not bool and _has_bool(value):
            raise WrongSettingError(kind, name, value)
    try:
        return kind(**given)
    except ValidationError as problem:
        raise _wrong(kind, given, problem) from problem


def formerly(**older: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Accept an older name of a function's parameter as well, as in ``@formerly(out="folder")``."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: P.args, **given: P.kwargs) -> R:
            for name, old in older.items():
                if old in given and name not in given:
                    given[name] = given.pop(old)
            return function(*args, **given)

        return called

    return decorate


def _by_name(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the names of their settings; older names are replaced."""
    names = {older: name for name, field in kind.model_fields.items() for older in shown_of(field).also}
    given: dict[str, Any] = {}
    for called, value in values.items():
        name = names.get(called, called)
        if name in given:
            older = next(one for one in values if names.get(one) == name)
            raise WrongInputError(f"{name} and {older} are one setting, but both were given: leave {older} out.")
        given[name] = value
    return given


def _wrong(kind: type[Settings], given: Mapping[str, Any], problem: ValidationError) -> WrongInputError:
    """Describe the first invalid setting in one sentence."""
    name = str(problem.errors()[0]["loc"][0])
    if name not in kind.model_fields:
        return WrongInputError(f"there is no setting {name!r}: the settings are {', '.join(kind.model_fields)}.")
    return WrongSettingError(kind, name, given.get(name))


def refusal(kind: type[Settings], name: str, value: object, unit: Unit | None = None) -> str:
    """Return the sentence about an invalid value; with a `unit`, numbers are in it, with pixels or frames beside."""
    shown = repr(value) if unit is None else unit.shown(value)
    fractions = unit is not None or "number" in {choice.get("type") for choice in _choices(kind, name)}
    comma = COMMA.fullmatch(value) if fractions and isinstance(value, str) else None
    another = f"write {comma[1]}.{comma[2]}, with a point" if comma else "give another value"
    return f"{name} is {shown}, but {expectation(kind, name, unit)}: {another}, or leave {name} out."


def _has_bool(value: object) -> bool:
    """Return whether a value is, or contains, true or false."""
    # numpy's own is not a bool; comparing its name avoids importing numpy here.
    return type(value).__name__ in ("bool", "bool_") or (
        isinstance(value, dict) and any(map(_has_bool, value.values()))
    )


def expectation(kind: type[Settings], name: str, unit: Unit | None = None) -> str:
    """Describe the valid values of a setting; with a `unit`, limits are in it, with pixels or frames beside."""
    shown = shown_of(kind.model_fields[name])
    if place := PLACES.get(shown.kind):
        return f"it must be {' or '.join([*shown.words, place])}"
    return f"it must be {' or '.join(_words(choice, unit) for choice in _choices(kind, name))}"


def _choices(kind: type[Settings], name: str) -> list[dict[str, Any]]:
    """Return the JSON schemas of a setting's alternatives, without that of no value."""
    field = kind.model_json_schema()["properties"][name]
    return [choice for choice in field.get("anyOf", [field]) if choice.get("type") != "null"]


TYPES = {
    "array": "names separated by commas",
    "boolean": "true or false",
    "object": "such numbers by class, as in cell_death=170,cell_sop=190",
    "string": "a text",
}


NETWORK = "the name, folder or zip of a network"
PLACES = {
    "file": "a file",
    "folder": "a folder",
    "image": "the title of an open image, a file or a folder",
    "network": NETWORK,
    "cell_network": NETWORK,
    "any_network": NETWORK,
    "volume_network": NETWORK,
}


def _words(choice: Mapping[str, Any], unit: Unit | None = None) -> str:
    """Describe one alternative of a JSON schema."""
    if "enum" in choice or "const" in choice:
        return "one of " + ", ".join(map(str, choice["enum"])) if "enum" in choice else repr(choice["const"]).strip("'")
    if named := choice.get("items", {}).get("enum"):
        return f"{TYPES['array']} out of {', '.join(named)}"
    if choice.get("type") in TYPES:
        of = choice.get("items", {})
        return f"{_words(of)}, or several separated by commas" if of.get("type") == "integer" else TYPES[choice["type"]]
    # A whole number of pixels is not one of micrometres.
    kind = "a whole number" if choice.get("type") == "integer" and unit is None else "a number"
    limits = (choice.get(key) for key in ("minimum", "maximum", "exclusiveMinimum"))
    figure = _figure if unit is None else unit.shown
    low, high, above = (None if limit is None else figure(limit) for limit in limits)
    if above is not None:
        return f"{kind} above {above}" + (f" and at most {high}" if high is not None else "")
    if low is not None and high is not None:
        return f"{kind} from {low} to {high}"
    return kind + (f" of at least {low}" if low is not None else "")


def _figure(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)
