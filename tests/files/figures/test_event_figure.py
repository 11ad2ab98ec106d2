"""Figures for papers: numbers beside the tissue, strips with the numbers of their rings, scale bars and times."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.settings.movies import GallerySettings
from epifiji.files.figures.event_figure import draw_event_figure, scale_bar
from epifiji.files.figures.look import Look

SIDE = 2048
SETTINGS = {"before": 1, "after": 1, "half_size": 25}


class _Noise:
    """A movie of large frames that takes no memory: each is made when it is read."""

    shape, dtype = (9, SIDE, SIDE), np.dtype(np.uint8)

    def __getitem__(self, frames: slice) -> np.ndarray:
        count = len(range(*frames.indices(self.shape[0])))
        frame = np.tile(np.arange(SIDE, dtype=np.uint16) * 5 % 251, (SIDE, 1)).astype(np.uint8)
        return np.broadcast_to(frame, (count, SIDE, SIDE))


def many(number: int) -> list[Event]:
    y, x = np.random.default_rng(3).uniform(0, SIDE - 1, (2, number))
    names = ("cell_death", "cell_sop", "cell_division")
    places = enumerate(zip(y.tolist(), x.tolist(), strict=True))
    return [Event(names[n % 3], n % 9, *place, border=n % 50 == 0) for n, place in places]


def calibrated(**scale: float) -> Movie:
    return Movie(_Noise(), "a $movie_{x}$ <b>", **scale)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """The figure of 1000 events, light, with every number that has room; and its texts and their places in inches."""
    path = tmp_path_factory.mktemp("figure") / "crowded.png"
    movie = calibrated(pixel_size_um=0.5, frame_interval_s=90.0)
    settings = GallerySettings(rows=40, **SETTINGS)
    figure = draw_event_figure(path, movie, many(1000), settings, Look("light", 100))
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    return figure, path, list(zip(figure.axes[0].texts, boxes, strict=True))


def test_labels_of_a_thousand_events_never_hide_the_tissue_or_each_other(crowded):
    figure, _, texts = crowded
    pictures = [image.get_window_extent() for image in figure.axes[0].images]
    assert len(pictures) == 1 + 3 * 40
    for text, box in texts:
        hidden = [picture for picture in pictures if box.overlaps(picture)]
        assert not hidden, f"{text.get_text()!r} lies on the tissue"
        assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
        assert 0 <= box.y0 < box.y1 <= figure.bbox.y1
    numbers = [box for text, box in texts if text.get_gid() == "number"]
    assert not any(one.overlaps(other) for one, other in combinations(numbers, 2))


def test_strips_have_the_numbers_of_their_rings(crowded):
    _, _, texts = crowded
    beside = sorted(int(text.get_text()) for text, _ in texts if text.get_gid() == "number")
    strips = [int(text.get_text()) for text, _ in texts if text.get_gid() == "strip"]
    assert strips == beside == list(range(1, 41))


def test_scale_bar_and_time_have_the_units_of_the_movie(crowded):
    figure, _, texts = crowded
    words = [text.get_text() for text, _ in texts]
    assert "6 min, frame 5 of 9" in words
    assert words.count("200 µm") == 1, "a quarter of 2048 px of 0.5 µm is at most 256 µm"
    bar = next(line for line in figure.axes[0].lines if line.get_gid() == "scale bar")
    shown = figure.axes[0].images[0].get_extent()
    assert np.ptp(bar.get_xdata()) / (shown[1] - shown[0]) == pytest.approx(200 / (SIDE * 0.5))
    assert "−1.5 min" in words


def test_without_calibration_there_is_no_bar_and_no_time():
    assert scale_bar(calibrated(), SIDE) is None


def test_equal_figures_are_equal_files_in_every_format_and_theme(tmp_path):
    movie, events = calibrated(), many(2)
    for name in ("dark", "light"):
        look = Look(name, 80, ("png", "svg", "pdf"))
        for place in ("first", "again"):
            (tmp_path / place).mkdir(exist_ok=True)
            draw_event_figure(tmp_path / place / f"{name}.png", movie, events, GallerySettings(**SETTINGS), look, "map")
        for ending in look.formats:
            first, again = ((tmp_path / place / f"{name}.{ending}").read_bytes() for place in ("first", "again"))
            assert first == again
        corner = imread(tmp_path / "first" / f"{name}.png")[0, 0, :3].mean()
        assert (corner > 0.95) == (name == "light")
    assert b"%PDF" in (tmp_path / "first" / "dark.pdf").read_bytes()[:8]
    assert re.search("<svg", Path(tmp_path / "first" / "light.svg").read_text("utf-8"))
