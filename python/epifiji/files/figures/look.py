"""How figures look: their theme, their resolution and the formats in which they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from epifiji.data.settings.figures import FigureSettings, LookSettings
from epifiji.files.figures.overlay import BACKGROUND, FOREGROUND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH, PAPER_DOTS_PER_INCH = 110, 300
DARK_TEXT = "#20242b"
SAVED: Any = {"pdf.fonttype": 42, "svg.hashsalt": "epifiji"}
"""Texts in PDF stay texts of a TrueType font, as journals ask; parts of an SVG have the same names each time."""


@dataclass(frozen=True)
class Theme:
    """The colours of a theme, apart from those of the classes.

    Parameters
    ----------
    background, foreground
        Of the figure, and of its texts.
    grid, frame
        Of grid lines, and of the lines around panels.
    faint, median
        Of random arrangements.
    casing
        Of the edges of lines in a class's colour, which make bright colours visible on white; None for no edge.
    densest
        The end of a scale that begins with the background and goes through a class's colour; None to end with the colour.
    """

    background: str
    foreground: str
    grid: str
    frame: str
    faint: str
    median: str
    casing: str | None = None
    densest: str | None = None


THEMES = {
    "dark": Theme(BACKGROUND, FOREGROUND, "#343841", "#7a808c", "#8a919e", "#b9bfca"),
    "light": Theme("#ffffff", DARK_TEXT, "#e3e5e9", "#5c626d", "#8a919e", "#5c626d", DARK_TEXT, DARK_TEXT),
}


@dataclass(frozen=True)
class Look:
    """How figures look, and the files that are written of each."""

    name: Literal["dark", "light"] = "dark"
    dots_per_inch: int = DOTS_PER_INCH
    formats: Sequence[str] = ("png",)

    @classmethod
    def of(cls, settings: LookSettings, dots_per_inch: int = DOTS_PER_INCH) -> Look:
        """Return the look that settings describe, with a resolution if they specify none."""
        formats = settings.formats if isinstance(settings, FigureSettings) else None
        return cls(settings.theme, settings.dpi or dots_per_inch, formats or cls.formats)

    @property
    def theme(self) -> Theme:
        """The theme's colours."""
        return THEMES[self.name]

    def files(self, name: str) -> list[str]:
        """Return the names of the files of a figure whose PNG is called `name`."""
        return [str(Path(name).with_suffix(f".{ending}")) for ending in dict.fromkeys(self.formats)]

    def text_colour(self, colour: Any) -> Any:
        """Return the colour of a text about a class: its own if it is legible on the background."""
        return colour if self.theme.casing is None else self.theme.foreground

    def casing(self, width: float) -> list[Any]:
        """Return the effect that makes a line of this width in a class's colour visible on the background."""
        from matplotlib.patheffects import Normal, withStroke

        return (
            []
            if self.theme.casing is None
            else [withStroke(linewidth=width + 0.9, foreground=self.theme.casing), Normal()]
        )

    def scale(self, colour: Any) -> Any:
        """Return the colours of a density from the background to a class's colour."""
        from matplotlib.colors import LinearSegmentedColormap

        ends = [] if self.theme.densest in (None, colour) else [self.theme.densest]
        return LinearSegmentedColormap.from_list("", [self.theme.background, colour, *ends])

    def save(self, figure: Figure, path: Path) -> list[Path]:
        """Write a figure in each format, and return the files. Equal figures give equal bytes."""
        from matplotlib import rc_context
        from matplotlib.text import Text

        ticks = {
            label
            for axes in figure.axes
            for axis in (axes.xaxis, axes.yaxis)
            for label in axis.get_ticklabels(which="both")
        }
        for text in figure.findobj(Text):
            # The names of movies and classes may have dollar signs, between which matplotlib expects formulas.
            if text not in ticks:
                text.set_parse_math(False)
        written = [path.with_name(name) for name in self.files(path.name)]
        with rc_context(SAVED):
            layout = figure.get_layout_engine()
            if layout is not None and {file.suffix for file in written} == {".png"}:
                # Otherwise the figure would be drawn once for its layout alone.
                figure.set_dpi(self.dots_per_inch)
                layout.execute(figure)
                figure.set_layout_engine("none")
            for file in written:
                metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(file.suffix)
                figure.savefig(file, facecolor=self.theme.background, dpi=self.dots_per_inch, metadata=metadata)
        return written


DARK = Look()
