"""The pictures and clips of a report, each on white and on dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from epifiji.data.document import Clip, Clips, Picture
from epifiji.data.events import by_class, colour_of
from epifiji.data.movie import Movie
from epifiji.data.progress import Report
from epifiji.data.settings.movies import GallerySettings
from epifiji.data.settings.reports import ReportSettings
from epifiji.files.figures.clips import event_clips
from epifiji.files.figures.event_figure import draw_event_figure
from epifiji.files.figures.look import Look
from epifiji.files.figures.plots import draw_densities, draw_neighbours, draw_rates
from epifiji.files.figures.quantities import draw_quantities
from epifiji.jobs.events.cell_tables import quantities
from epifiji.jobs.reports.reported import Reported
from epifiji.jobs.reports.words import class_in_words

LIGHT, DARK = Look("light", 150), Look("dark", 110)
LIGHT_MAP, DARK_MAP = Look("light", 200), Look("dark", 200)
STRIPS = Look("light", 170)
STRIPS_OF_A_PAGE = 38
NUMBERED_ON_MAP = 60
"""More numbers beside a frame would be too many lines on it."""


def drawn(draw: Callable[[Path, Look], object], caption: str, photo: bool = False) -> Picture:
    """Draw a picture in both themes."""
    looks = (LIGHT_MAP, DARK_MAP) if photo else (LIGHT, DARK)
    light, dark = (_png(draw, look) for look in looks)
    return Picture(light, dark, caption, photo)


def _png(draw: Callable[[Path, Look], object], look: Look) -> bytes:
    with TemporaryDirectory(prefix="epifiji-report-") as folder:
        path = Path(folder) / "picture.png"
        draw(path, look)
        return path.read_bytes()


def rate_picture(reported: Reported) -> Picture:
    """Draw the rates over time."""
    found = reported.statistics
    return drawn(
        lambda path, look: draw_rates(path, found.movie, found.classes, found.extent, found.region, look),
        f"Events {found.region.text} over time: rate (above) and cumulative number (below).",
    )


def density_picture(reported: Reported) -> Picture:
    """Draw where events lie."""
    found, extent = reported.statistics, reported.statistics.extent
    return drawn(
        lambda path, look: draw_densities(
            path, found.movie, found.classes, extent, found.region, found.bandwidth_px, look
        ),
        f"Density {found.region.text}, smoothed by a Gaussian of {found.bandwidth_px * extent.length:.3g} {extent.length_unit}; "
        "circles are the events.",
    )


def neighbour_picture(reported: Reported) -> Picture:
    """Draw the distances to the nearest neighbours."""
    found = reported.statistics
    return drawn(
        lambda path, look: draw_neighbours(
            path, found.movie, found.classes, found.extent, found.region, found.frame_distance_px, look
        ),
        "Share of the events whose nearest event of the same class lies within a distance; grey: 95 % of random arrangements.",
    )


def cell_picture(reported: Reported) -> Picture | None:
    """Draw events per cell; None if the tissue is not known."""
    found, bins = reported.statistics, reported.statistics.bins
    if bins is None:
        return None
    shown = quantities(found.classes, bins, found.extent)
    title = f"{found.movie}: events per cell"
    return drawn(
        lambda path, look: draw_quantities(path, title, shown, found.extent, bins, look),
        "Events per cell, and the cells, over space and over time.",
    )


def map_picture(reported: Reported, movie: Movie, settings: ReportSettings) -> Picture:
    """Draw the movie's middle frame with all events as rings."""
    chosen = _figure_settings(settings, min(settings.clips, NUMBERED_ON_MAP))
    caption = "All events as rings on the middle frame; dashed: at the border."
    if chosen.rows < len(reported.events):
        caption += f" The first {chosen.rows} have their numbers beside the frame."
    return drawn(
        lambda path, look: draw_event_figure(path, movie, reported.events, chosen, look, "map"), caption, photo=True
    )


def clips(reported: Reported, movie: Movie, settings: ReportSettings, report: Report) -> Clips:
    """Make the clips of the first events, and the pages of strips for formats that do not move."""
    shown = reported.events[: settings.clips]
    classes = list(by_class(reported.events))
    files = event_clips(movie, shown, settings.before, settings.after, settings.half_size, classes)
    made = []
    for number, (event, (moving, still)) in enumerate(zip(shown, files, strict=True), start=1):
        report(number / (len(shown) + 1), "drawing the clips")
        score = f"\nscore {event.score:.2f}" if event.score == event.score else ""
        interval = movie.frame_interval_s
        time = f"{event.frame * interval / 60:.3g} min, " if interval else ""
        details = f"{time}frame {event.frame + 1}{score}"
        colour = colour_of(event.event, classes)
        made.append(Clip(number, class_in_words(event.event), details, colour, moving, still))
    return Clips(made, list(_pages(reported, movie, settings)))


def _pages(reported: Reported, movie: Movie, settings: ReportSettings) -> Iterator[bytes]:
    shown = min(len(reported.events), settings.clips)
    for first in range(0, shown, STRIPS_OF_A_PAGE):
        chosen = _figure_settings(settings, min(STRIPS_OF_A_PAGE, shown - first))

        def draw(path: Path, look: Look, chosen: GallerySettings = chosen, first: int = first) -> object:
            return draw_event_figure(path, movie, reported.events, chosen, look, "strips", first)

        yield _png(draw, STRIPS)


def _figure_settings(settings: ReportSettings, rows: int) -> GallerySettings:
    return GallerySettings(
        rows=max(1, rows), before=settings.before, after=settings.after, half_size=settings.half_size
    )
