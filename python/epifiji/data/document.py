"""A document of texts, tables and pictures, independent of the format in which it is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from epifiji.data.palette import Colour


@dataclass(frozen=True)
class Text:
    """A paragraph; `code` is shown as it is typed, `quote` is to be copied into a paper."""

    text: str
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table of texts; with `columns` empty, the first cell of each row is its heading."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Picture:
    """A picture as PNG on white and on dark, and what it shows."""

    light: bytes = field(repr=False)
    dark: bytes = field(repr=False)
    caption: str
    photo: bool = False
    """Whether it shows a movie, so that a small loss is not visible."""


@dataclass(frozen=True)
class Clip:
    """A short animation of an event as WebP, a picture of it that stands still, and its texts.

    Parameters
    ----------
    number
        The event's number.
    name
        Its class.
    details
        Its time and other texts.
    colour
        That of its class.
    moving, still
        WebP files.
    """

    number: int
    name: str
    details: str
    colour: Colour
    moving: bytes = field(repr=False)
    still: bytes = field(repr=False)


@dataclass(frozen=True)
class Clips:
    """Clips side by side; formats that do not move show the `pages` instead, PNG files on white."""

    clips: Sequence[Clip]
    pages: Sequence[bytes] = field(default=(), repr=False)


Block = Text | Table | Picture | Clips


@dataclass(frozen=True)
class Section:
    """A part of a document with a heading; its `parts` follow its own blocks. It may be closed at first, if it can be opened."""

    heading: str
    blocks: Sequence[Block] = ()
    parts: Sequence[Section] = ()
    shown: bool = True


@dataclass(frozen=True)
class Document:
    """A document.

    Parameters
    ----------
    title, subtitle
        Its title, and one line below it.
    sections
        Its parts.
    made_by
        The program that wrote it.
    """

    title: str
    subtitle: str
    sections: Sequence[Section]
    made_by: str
