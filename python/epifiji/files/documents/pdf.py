"""A document as PDF pages of A4, drawn by matplotlib: texts can be searched and copied."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.document import Block, Clips, Document, Picture, Section, Table, Text
from epifiji.files.figures.look import DARK_TEXT, SAVED
from epifiji.files.figures.overlay import text_font

PAGE_INCHES = 8.27, 11.69
MARGIN_INCHES, FOOT_INCHES = 0.75, 0.45
WIDTH_INCHES = PAGE_INCHES[0] - 2 * MARGIN_INCHES
POINTS, SMALL, HEADINGS = 9.5, 8, (13.5, 11.5, 10.5)
LINE = 1.38
"""Height of a line in font sizes."""
FAINT, RULE = "#5c626d", "#dfe2e7"
CELL_GAP_INCHES = 0.16
HIGHEST_INCHES = 4.1
"""Most height of a picture with a caption, so that two of them are on a page."""
MEASURED_PX = 100
"""Size of the font in which the widths of texts are measured."""


def write_pdf(path: Path, document: Document) -> None:
    """Write a document as PDF; equal documents give equal bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    with rc_context({**SAVED, "text.parse_math": False}):
        metadata = {"Title": document.title, "Creator": document.made_by, "CreationDate": None}
        with PdfPages(path, metadata=metadata) as pages:
            writer = _Writer(pages, document.made_by)
            writer.write(document.title, 18, gap=0.04)
            writer.write(document.subtitle, SMALL, FAINT, gap=0.15)
            for section in document.sections:
                writer.section(section, 0)
            writer.end_page()


class _Writer:
    """Writes blocks below each other, on as many pages as they need."""

    def __init__(self, pages: Any, foot: str) -> None:
        self._pages, self._foot = pages, foot
        self._figure: Any = None
        self._y, self._number = 0.0, 0

    def section(self, section: Section, level: int) -> None:
        points = HEADINGS[min(level, len(HEADINGS) - 1)]
        # A heading stays with what it is about: the blocks up to the first that is not a text.
        kept = _lead(section)
        self._need(min(points * LINE / 72 + 0.3 + sum(map(_height, kept)), PAGE_INCHES[1] - 2 * MARGIN_INCHES))
        self.write(section.heading, points, weight="bold", gap=0.05, above=0.22 if level == 0 else 0.12)
        for block in section.blocks:
            self._block(block)
        for part in section.parts:
            self.section(part, level + 1)

    def write(
        self,
        text: str,
        points: float,
        colour: str = DARK_TEXT,
        weight: str = "normal",
        gap: float = 0.1,
        above: float = 0.0,
    ) -> None:
        """Write a paragraph."""
        if self._figure is not None:
            self._y += above
        for line in wrapped(text, points, WIDTH_INCHES):
            self._need(points * LINE / 72)
            self._text(MARGIN_INCHES, line, points, colour, weight)
            self._y += points * LINE / 72
        self._y += gap

    def _block(self, block: Block) -> None:
        if isinstance(block, Text):
            self.write(block.text, SMALL if block.kind == "code" else POINTS)
        elif isinstance(block, Table):
            self._table(block)
        elif isinstance(block, Picture):
            self._picture(block.light, block.caption)
        else:
            self._clips(block)

    def _table(self, table: Table) -> None:
        rows = [list(row) for row in table.rows]
        widths = _column_widths([list(table.columns), *rows] if table.columns else rows)
        for number, row in enumerate([list(table.columns), *rows] if table.columns else rows):
            cells = [wrapped(cell, SMALL, width) for cell, width in zip(row, widths, strict=True)]
            height = max(map(len, cells)) * SMALL * LINE / 72
            self._need(height + 0.05)
            heading = number == 0 and bool(table.columns)
            x = MARGIN_INCHES
            for column, (lines, width) in enumerate(zip(cells, widths, strict=True)):
                y = self._y
                for line in lines:
                    colour = FAINT if heading or (column == 0 and not table.columns) else DARK_TEXT
                    self._text(x, line, SMALL, colour, "bold" if column == 0 and not heading else "normal")
                    self._y += SMALL * LINE / 72
                self._y = y
                x += width + CELL_GAP_INCHES
            self._y += height + 0.03
            self._rule(sum(widths) + CELL_GAP_INCHES * (len(widths) - 1))
            self._y += 0.02
        self._y += 0.1

    def _picture(self, png: bytes, caption: str) -> None:
        from PIL import Image

        picture = Image.open(io.BytesIO(png)).convert("RGB")
        width, height = _size(png, bool(caption))
        self._need(height + len(wrapped(caption, SMALL, WIDTH_INCHES)) * SMALL * LINE / 72)
        page_width, page_height = PAGE_INCHES
        place = (
            (page_width - width) / 2 / page_width,
            1 - (self._y + height) / page_height,
            width / page_width,
            height / page_height,
        )
        axes = self._figure.add_axes(place)
        axes.set_axis_off()
        axes.imshow(np.asarray(picture), aspect="auto", interpolation="none")
        self._y += height + 0.04
        if caption:
            self.write(caption, SMALL, FAINT, gap=0.12)

    def _clips(self, block: Clips) -> None:
        for page in block.pages:
            self._picture(page, "")

    def _text(self, x: float, line: str, points: float, colour: str, weight: str = "normal") -> None:
        place = x / PAGE_INCHES[0], 1 - self._y / PAGE_INCHES[1]
        self._figure.text(*place, line, fontsize=points, color=colour, weight=weight, va="top")

    def _rule(self, width: float) -> None:
        from matplotlib.lines import Line2D

        left, right = MARGIN_INCHES / PAGE_INCHES[0], (MARGIN_INCHES + width) / PAGE_INCHES[0]
        y = 1 - self._y / PAGE_INCHES[1]
        self._figure.add_artist(Line2D([left, min(right, 1)], [y, y], color=RULE, lw=0.6))

    def _need(self, height: float) -> None:
        """Begin a new page if there is less room than this."""
        from matplotlib.figure import Figure

        if self._figure is not None and self._y + height <= PAGE_INCHES[1] - MARGIN_INCHES:
            return
        self.end_page()
        self._figure = Figure(figsize=PAGE_INCHES, facecolor="white")
        self._y = MARGIN_INCHES
        self._number += 1

    def end_page(self) -> None:
        """Write the page that was begun."""
        if self._figure is not None:
            y = FOOT_INCHES / PAGE_INCHES[1]
            text = {"fontsize": 7, "color": FAINT}
            self._figure.text(MARGIN_INCHES / PAGE_INCHES[0], y, self._foot, **text)
            self._figure.text(1 - MARGIN_INCHES / PAGE_INCHES[0], y, str(self._number), ha="right", **text)
            self._pages.savefig(self._figure)
        self._figure = None


def _lead(section: Section) -> list[Block]:
    """Return the first blocks of a section, or of its first part, up to the first that is not a text."""
    kept: list[Block] = []
    blocks = section.blocks or (section.parts[0].blocks if section.parts else ())
    for block in blocks:
        kept.append(block)
        if not isinstance(block, Text):
            break
    return kept


def _height(block: Block) -> float:
    """Return about the height of a block; of a table, which may be broken, that of some rows."""
    if isinstance(block, Text):
        return len(wrapped(block.text, POINTS, WIDTH_INCHES)) * POINTS * LINE / 72 + 0.1
    if isinstance(block, Table):
        return min(len(block.rows), 5) * 0.25
    if isinstance(block, Picture):
        lines = len(wrapped(block.caption, SMALL, WIDTH_INCHES))
        return _size(block.light, True)[1] + lines * SMALL * LINE / 72 + 0.16
    return _size(block.pages[0], False)[1] if block.pages else 0


def _size(png: bytes, captioned: bool) -> tuple[float, float]:
    """Return the width and height of a picture on a page; with a caption, two of them have room."""
    from PIL import Image

    width, height = Image.open(io.BytesIO(png)).size
    most = HIGHEST_INCHES if captioned else PAGE_INCHES[1] - 2 * MARGIN_INCHES - 0.9
    scale = min(WIDTH_INCHES / width, most / height)
    return width * scale, height * scale


@cache
def _width(word: str) -> float:
    """Return the width of a text in font sizes; a bold one is a little wider."""
    return text_font(MEASURED_PX).getlength(word) / MEASURED_PX


def wrapped(text: str, points: float, width_inches: float) -> list[str]:
    """Break a text into lines of at most this width; words that are wider are cut."""
    room = width_inches * 72 / points * 0.97
    lines = []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for word in paragraph.split(" "):
            for part in _parts(word, room):
                longer = f"{line} {part}" if line else part
                if line and _width(longer) > room:
                    lines.append(line)
                    longer = part
                line = longer
        lines.append(line)
    return lines


def _parts(word: str, room: float) -> list[str]:
    if _width(word) <= room:
        return [word]
    parts, part = [], ""
    for letter in word:
        if part and _width(part + letter) > room:
            parts.append(part)
            part = ""
        part += letter
    return [*parts, part]


def _column_widths(rows: Sequence[Sequence[str]]) -> list[float]:
    """Return the widths of columns in inches: those of their texts, or less for the widest if there is no room."""
    inches = SMALL / 72 * 1.1
    widths = [max(_width(cell) * inches for cell in column) + 0.02 for column in zip(*rows, strict=True)]
    room = WIDTH_INCHES - CELL_GAP_INCHES * (len(widths) - 1)
    if sum(widths) <= room:
        return widths
    low, high = 0.0, max(widths)
    for _ in range(40):
        most = (low + high) / 2
        low, high = (most, high) if sum(min(width, most) for width in widths) <= room else (low, most)
    return [min(width, low) for width in widths]
