"""The overlay picture: circles and crops at the events, for any shape and name of the movie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.figures.overlay import BACKGROUND, CROP_PX, EMPTY, MARGIN_PX, PANEL_PX, TITLE_PX, write_picture

CLASSES = ("cell_death", "cell_division")
HALF_PX = 20
DARK = tuple(bytes.fromhex(BACKGROUND[1:]))
TOP = MARGIN_PX + TITLE_PX


def drawn(folder: Path, movie: Movie, events: list[Event]) -> np.ndarray:
    """Return the picture (Y, X, RGB), uint8."""
    write_picture(folder / "overlay.png", movie, events, CLASSES, HALF_PX)
    return (255 * imread(folder / "overlay.png")[..., :3]).round().astype(np.uint8)


def red(picture: np.ndarray) -> np.ndarray:
    """Return which pixels have the class that is drawn in red, on a grey movie."""
    levels = picture.astype(int)
    return (levels[..., 0] > 180) & (levels[..., 1:].max(-1) < 100)


def test_events_are_circled_at_their_place(tmp_path: Path) -> None:
    y, x, zoom = 60, 110, PANEL_PX / 200
    pixels = np.full((20, 200, 200), 7, np.uint8)
    picture = drawn(tmp_path, Movie(pixels), [Event("cell_death", 9, y, x, 0.9, 700)])
    panel = red(picture[TOP : TOP + PANEL_PX, MARGIN_PX : MARGIN_PX + PANEL_PX])
    rows, columns = np.nonzero(panel)
    radii = np.hypot(rows + 0.5 - (y + 0.5) * zoom, columns + 0.5 - (x + 0.5) * zoom)
    radius = 0.6 * HALF_PX * zoom
    ring = abs(radii - radius) < 2.5
    angles = np.degrees(np.arctan2(rows - y * zoom, columns - x * zoom))[ring]
    assert len(np.unique(angles // 10)) == 36
    # The rest is the number of the frame, above and to the right.
    assert (rows[~ring] < y * zoom).all()
    assert (columns[~ring] > x * zoom).all()


def test_an_event_at_the_border_is_dashed(tmp_path: Path) -> None:
    pixels = np.full((20, 200, 200), 7, np.uint8)
    lengths = [
        red(drawn(tmp_path, Movie(pixels), [Event("cell_death", 9, 100, 100, 0.9, 700, border)])[:, :PANEL_PX]).sum()
        for border in (False, True)
    ]
    assert 0.5 < lengths[1] / lengths[0] < 0.8


def test_crops_show_the_event_and_grey_beyond_the_movie(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(0, 20, (12, 120, 160)).astype(np.uint16)
    pixels[2, 117:120, 79:82] = 4000
    picture = drawn(tmp_path, Movie(pixels), [Event("cell_death", 2, 118, 80, 0.9, 700)])
    left = picture.shape[1] - MARGIN_PX - 6 * CROP_PX - 5 * 9
    crops = [picture[:, left + i * (CROP_PX + 9) :][:, :CROP_PX].astype(int) for i in range(6)]
    crops = [crop[np.nonzero((crop != DARK).any(-1).mean(1) > 0.9)[0][0] :][:CROP_PX] for crop in crops]
    # The movie begins two frames before the event.
    for early in crops[:2]:
        assert (abs(early - EMPTY).max(-1) < 3).all()
    middle = crops[3][2:-2, 2:-2]
    y, x = np.argwhere(middle.min(-1) > 200).mean(0)
    assert abs(y + 2 - CROP_PX / 2) < 3
    assert abs(x + 2 - CROP_PX / 2) < 3
    assert (abs(crops[3][70:-3, 3:-3] - EMPTY).max(-1) < 3).all(), "below the last row of pixels the movie ends"


@pytest.mark.parametrize("shape", [(5, 9, 9), (5, 40, 1200), (5, 1200, 40), (8, 1, 300), (7, 2300, 2100)])
def test_movies_of_any_shape_fit(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    events = [Event("cell_division", 2, shape[1] / 2, shape[2] / 2, 0.7, 700)]
    picture = drawn(tmp_path, Movie(np.zeros(shape, np.float32)), events)
    assert picture.shape[0] == TOP + PANEL_PX + 30
    panel = picture[TOP : TOP + PANEL_PX, MARGIN_PX : MARGIN_PX + PANEL_PX]
    black = (panel.max(-1) < 10).any(0).sum(), (panel.max(-1) < 10).any(1).sum()
    assert max(black) > 0.95 * PANEL_PX
    assert abs(min(black) / max(black) - min(shape[1:]) / max(shape[1:])) < 0.02


def test_names_have_accents_and_long_ones_end_before_the_crops(tmp_path: Path) -> None:
    pixels, events = np.zeros((9, 50, 50), np.uint8), [Event("cell_death", 2, 25, 25, 0.7, 700)]
    titles = [drawn(tmp_path, Movie(pixels, name), events)[MARGIN_PX : TOP - 5] for name in ("é", "ü", 90 * "mouche ")]
    assert (titles[0] != titles[1]).any(), "not two boxes for unknown letters"
    assert (titles[2][:, MARGIN_PX + PANEL_PX :] == DARK).all()
    assert (titles[2][:, MARGIN_PX + PANEL_PX - 60 : MARGIN_PX + PANEL_PX] != DARK).any()


def test_without_events_the_picture_ends_with_the_movie(tmp_path: Path) -> None:
    picture = drawn(tmp_path, Movie(np.zeros((9, 50, 50), np.uint8)), [])
    assert picture.shape[1] == PANEL_PX + 2 * MARGIN_PX
