"""A movie cropped and rescaled with its events: pixels, positions, calibration and files; and the gallery."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from matplotlib.image import imread
from scipy import ndimage

import epifiji
from command_line import run
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.palette import BLUE, GREEN, RED
from epifiji.files.event_sources import read_events_of
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.results.events_table import read_events, write_events
from epifiji.files.rois.roi_files import write_rois

SHAPE = (16, 60, 84)
PLACES = [(0, 0, 0), (2, 11, 20), (7, 30, 41), (9, 45, 70), (12, 12, 21), (15, 59, 83)]
EVENTS = [
    Event(("cell_death", "cell_sop", "cell_division")[i % 3], t, float(y), float(x), 0.5 + i / 20, 100 + i, i == 0)
    for i, (t, y, x) in enumerate(PLACES)
]
INSIDE = EVENTS[1:4]
"""Those in the part of PART."""

PART = {"x": 20, "y": 11, "width": 51, "height": 40, "first_frame": 3, "last_frame": 12}


@pytest.fixture(scope="module")
def movie() -> Movie:
    """Dark noise with a bright mark at each event's position, in its frame."""
    pixels = np.random.default_rng(2).integers(0, 50, SHAPE).astype(np.uint16)
    for t, y, x in PLACES:
        pixels[t, y, x] = 60_000
    return Movie(pixels, "tissue", 0.5, 120.0)


@pytest.fixture
def file(movie: Movie, tmp_path: Path) -> Path:
    write_movie(movie, tmp_path / "tissue.tif")
    return tmp_path / "tissue.tif"


def all_frames(movie: Movie) -> np.ndarray:
    return movie.frames(0, movie.shape[0])


def test_the_pixels_of_a_part_are_numpys(movie: Movie, file: Path) -> None:
    for source in (movie, file, movie.pixels):
        cropped = epifiji.crop(source, **PART).movie
        assert np.array_equal(all_frames(cropped), movie.pixels[2:12, 11:51, 20:71])
        assert np.array_equal(cropped.frames(3, 5), movie.pixels[5:7, 11:51, 20:71])
    assert (epifiji.crop(file, **PART).movie.pixel_size_um, epifiji.crop(file, **PART).movie.frame_interval_s) == (
        0.5,
        120,
    )


def test_events_of_a_part_shifted_back_are_the_same(movie: Movie) -> None:
    made = epifiji.crop(movie, EVENTS, **PART)
    assert made.left_out == len(EVENTS) - len(INSIDE)
    assert [replace(e, frame=e.frame + 2, y=e.y + 11, x=e.x + 20) for e in made.events] == INSIDE
    assert all(all_frames(made.movie)[e.frame, int(e.y), int(e.x)] == 60_000 for e in made.events)


def test_a_part_that_is_the_whole_leaves_nothing_out(movie: Movie) -> None:
    made = epifiji.crop(movie, EVENTS)
    assert (made.events, made.left_out) == (EVENTS, 0)
    assert np.array_equal(all_frames(made.movie), movie.pixels)


@pytest.mark.parametrize(("y", "kept"), [(10.49, 0), (10.5, 1), (50.49, 1), (50.5, 0)])
def test_an_event_belongs_to_the_pixel_that_imagej_rounds_to(movie: Movie, y: float, kept: int) -> None:
    assert len(epifiji.crop(movie, [Event("cell_death", 5, y, 30.0)], **PART).events) == kept


@pytest.mark.parametrize("factor_t", [None, 2, 0.5, 1.3])
@pytest.mark.parametrize("factor_xy", [None, 2, 0.5, 1.7])
def test_a_mark_stays_under_its_event_when_rescaled(factor_xy: float | None, factor_t: float | None) -> None:
    if factor_xy is None and factor_t is None:
        return
    place = (9, 28.0, 50.0)
    t, y, x = np.mgrid[0 : SHAPE[0], 0 : SHAPE[1], 0 : SHAPE[2]]
    spot = np.exp(-((t - place[0]) ** 2 / 8 + (y - place[1]) ** 2 / 40 + (x - place[2]) ** 2 / 40))
    made = epifiji.rescale_with_events(
        Movie(spot.astype(np.float32)), [Event("cell_death", *place)], factor_xy=factor_xy, factor_t=factor_t
    )
    centre = ndimage.center_of_mass(np.clip(all_frames(made.movie) - 0.1, 0, None))
    (event,) = made.events
    assert (event.frame, event.y, event.x) == pytest.approx(centre, abs=0.55)
    expected = [round(n * (f or 1)) for n, f in zip(SHAPE, (factor_t, factor_xy, factor_xy), strict=True)]
    assert list(made.movie.shape) == expected


def test_twice_as_large_and_half_as_large_again_is_where_it_began(movie: Movie) -> None:
    large = epifiji.rescale_with_events(movie, EVENTS, factor_xy=2, factor_t=2)
    assert large.movie.shape == (32, 120, 168)
    assert (large.movie.pixel_size_um, large.movie.frame_interval_s) == (0.25, 60)
    back = epifiji.rescale_with_events(large.movie, large.events, factor_xy=0.5, factor_t=0.5)
    assert back.movie.shape == SHAPE
    assert (back.movie.pixel_size_um, back.movie.frame_interval_s) == pytest.approx((0.5, 120))
    for before, after in zip(EVENTS, back.events, strict=True):
        assert (after.frame, after.y, after.x) == pytest.approx((before.frame, before.y, before.x), abs=0.5)
        assert replace(after, frame=before.frame, y=before.y, x=before.x) == before


def test_targets_in_place_of_factors(movie: Movie) -> None:
    made = epifiji.rescale_with_events(movie, cell_diameter=20, new_cell_diameter=30, frames=8)
    assert made.movie.shape == (8, 90, 126)
    assert made.movie.pixel_size_um == pytest.approx(0.5 / 1.5)
    assert made.movie.frame_interval_s == pytest.approx(240)


def test_physical_places_stay_where_they_were(movie: Movie) -> None:
    """An event's distance from the upper left corner, in µm, is the same in the rescaled movie."""
    made = epifiji.rescale_with_events(movie, EVENTS, factor_xy=0.7)
    for before, after in zip(EVENTS, made.events, strict=True):
        assert made.movie.pixel_size_um is not None
        assert (after.x + 0.5) * made.movie.pixel_size_um == pytest.approx((before.x + 0.5) * 0.5, rel=0.01)


def test_files_are_written_next_to_the_movie_and_read_back(file: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    write_events(tmp_path / "events.csv", EVENTS)
    options = [f"--{key.replace('_', '-')}={value}" for key, value in PART.items()]
    code, out, _ = run(
        ["crop", str(file), "--events", str(tmp_path / "events.csv"), *options, "--json"], monkeypatch, capsys
    )
    said = json.loads(out)
    assert (code, said["events"], said["left_out"]) == (0, 3, 3)
    names = [Path(name).name for name in said["files"]]
    zips = [f"tissue_crop_{name}.zip" for name in ("cell_death", "cell_division", "cell_sop")]
    assert names == ["tissue_crop.tif", *zips[:2], "tissue_crop_cell_sop.zip", "tissue_crop_events.csv"]
    written = read_movie(tmp_path / "tissue_crop.tif")
    assert np.array_equal(all_frames(written), tifffile.imread(file)[2:12, 11:51, 20:71])
    assert (written.pixel_size_um, written.frame_interval_s) == pytest.approx((0.5, 120))
    found = [e for name in zips for e in read_events_of(tmp_path / name)]
    expected = [(e.event, e.frame - 2, e.y - 11, e.x - 20) for e in sorted(INSIDE, key=lambda e: e.event)]
    assert [(e.event, e.frame, e.y, e.x) for e in found] == expected
    assert [e.score for e in read_events(tmp_path / "tissue_crop_events.csv")] == [e.score for e in INSIDE]
    code, _, err = run(["crop", str(file), *options], monkeypatch, capsys)
    assert (code, "tissue_crop.tif exists and would be overwritten" in err) == (2, True)


def test_rescaled_files_by_the_command_line(file: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    zips = []
    for name in ("cell_death", "cell_sop"):
        zips += ["--events", str(tmp_path / f"tissue_{name}.zip")]
        write_rois(tmp_path / f"tissue_{name}.zip", [e for e in EVENTS if e.event == name])
    out = tmp_path / "small" / "er"
    code, said, _ = run(["rescale", str(file), *zips, "--factor-xy", "0.5", "--out", str(out)], monkeypatch, capsys)
    assert (code, said.splitlines()[0]) == (0, "tissue_rescaled: 4 events")
    assert read_movie(out / "tissue_rescaled.tif").shape == (16, 30, 42)
    assert read_movie(out / "tissue_rescaled.tif").pixel_size_um == pytest.approx(1.0)
    (event,) = (e for e in read_events_of(out / "tissue_rescaled_cell_sop.zip") if e.frame == 2)
    assert (event.y, event.x) == pytest.approx(((11.5) / 2 - 0.5, 20.5 / 2 - 0.5), abs=0.01)


def test_what_overwrites_leaves_no_zip_of_before(movie: Movie, tmp_path: Path) -> None:
    epifiji.crop(movie, EVENTS, **PART).save(tmp_path)
    epifiji.crop(movie, [], **PART).save(tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tissue_crop.tif"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"x": 84}, "from x 84, y 0 to x 83, y 59 was requested, but tissue has 84 x 60 pixels"),
        ({"width": 85}, "to x 84, y 59 was requested, but tissue has 84 x 60"),
        ({"y": 30, "height": 31}, "to x 83, y 60 was requested"),
        ({"last_frame": 17}, "frames 1 to 17 were requested, but tissue has 16"),
        ({"first_frame": 13}, "frames 13 to 16 were requested, but tissue has 16 and at least 5 are needed"),
        ({"width": 0}, "width is 0, but it must be a whole number of at least 1"),
    ],
)
def test_parts_that_are_none_are_refused(movie: Movie, settings: dict[str, int], sentence: str) -> None:
    with pytest.raises(WrongInputError, match=sentence):
        epifiji.crop(movie, **settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "There is no factor for rescaling"),
        ({"factor_xy": 1, "new_cell_diameter": 3}, "factor_xy and new_cell_diameter were both given"),
        ({"factor_t": 1, "frames": 30}, "factor_t and frames were both given"),
        ({"factor_t": 0.25}, "has 16 frames, of which 4 would be left"),
        ({"factor_xy": -1}, "factor_xy is -1, but it must be a number above 0 and at most 20"),
    ],
)
def test_scales_that_are_none_are_refused(movie: Movie, settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(WrongInputError, match=sentence):
        epifiji.rescale_with_events(movie, **settings)


def test_events_of_another_movie_are_refused(movie: Movie, tmp_path: Path) -> None:
    other = [Event("cell_death", 16, 3.0, 3.0)]
    with pytest.raises(WrongInputError, match="frame 17, x 3, y 3, but tissue has 16 frames of 84 x 60"):
        epifiji.rescale_with_events(movie, other, factor_xy=2)
    with pytest.raises(WrongInputError, match="specify the movie to which the events belong"):
        epifiji.save_gallery(movie, other, tmp_path / "gallery.png")
    with pytest.raises(WrongInputError, match=r"none\.zip does not exist, but a result folder or a ROI zip is needed"):
        epifiji.crop(movie, tmp_path / "none.zip")


def tile(picture: np.ndarray, row: int, column: int, side: int) -> np.ndarray:
    """Cut a crop out of a gallery: rows are as high as their labels at least."""
    height, left = max(side, 54) + 4, 130 + column * (side + 4)
    return picture[row * height : row * height + side, left : left + side]


@pytest.mark.parametrize("name", ["gallery.png", "gallery.tif"])
def test_a_gallery_shows_each_event_in_its_row(movie: Movie, tmp_path: Path, name: str) -> None:
    settings = {"before": 2, "after": 1, "half_size": 10, "zoom": 3}
    assert epifiji.save_gallery(movie, EVENTS, tmp_path / name, **settings) == len(EVENTS)
    read = tifffile.imread(tmp_path / name) if name.endswith("tif") else 255 * imread(tmp_path / name)[..., :3]
    assert read.shape == (6 * 67, 130 + 4 * 67, 3)
    side = 63
    for row, event in enumerate(EVENTS):
        crop = tile(read, row, 2, side)
        assert (crop[30:33, 30:33] == 255).all(), f"the mark of {event}"
    t, y, x = PLACES[3]
    before = tile(read, 3, 1, side)[::3, ::3][7:, :, 0].astype(float)  # below the frame's number
    assert np.corrcoef(before.ravel(), movie.pixels[t - 1, y - 3 : y + 11, x - 10 : x + 11].ravel())[0, 1] > 0.99
    assert (tile(read, 0, 1, side) == (42, 45, 52)).all(), "there is no frame before the first"
    colours = [tuple(tile(read, row, 2, side)[0, 30].round()) for row in range(3)]
    assert colours == [RED, BLUE, GREEN]


def test_a_gallery_shows_the_most_probable_if_there_are_too_many(movie: Movie, tmp_path: Path) -> None:
    settings = {"before": 0, "after": 0, "half_size": 10, "zoom": 1, "order": "score", "rows": 2}
    assert epifiji.save_gallery(movie, EVENTS, tmp_path / "gallery.png", **settings) == 2
    picture = 255 * imread(tmp_path / "gallery.png")[..., :3]
    tops = [tuple(picture[row * 58, 140].round()) for row in range(2)]
    assert tops == [GREEN, BLUE], "the last two events have the highest scores"


def test_a_gallery_can_be_a_figure_for_a_paper(movie: Movie, tmp_path: Path) -> None:
    settings = {"before": 1, "after": 1, "half_size": 10, "layout": "figure", "rows": 2, "dpi": 100}
    assert epifiji.save_gallery(movie, EVENTS, tmp_path / "figure.png", theme="light", **settings) == 2
    picture = imread(tmp_path / "figure.png")
    assert picture.shape[1] == 720
    assert (picture[0, 0, :3] == 1).all()
    with pytest.raises(WrongInputError, match="a figure is a .png, a .svg or a .pdf"):
        epifiji.save_gallery(movie, EVENTS, tmp_path / "figure.tif", **settings)


def test_galleries_that_cannot_be_are_refused(movie: Movie, file: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    with pytest.raises(WrongInputError, match="a gallery is a .png or a .tif"):
        epifiji.save_gallery(movie, EVENTS, tmp_path / "gallery.jpg")
    with pytest.raises(WrongInputError, match="There are no events to show"):
        epifiji.save_gallery(movie, [], tmp_path / "gallery.png")
    with pytest.raises(WrongInputError, match="would have .* pixels, but at most 400000000 are drawn"):
        epifiji.save_gallery(movie, EVENTS, tmp_path / "gallery.png", half_size=500, zoom=20)
    write_events(tmp_path / "events.csv", EVENTS)
    arguments = [
        "gallery",
        str(file),
        str(tmp_path / "events.csv"),
        "--out",
        str(tmp_path / "gallery.png"),
        "--zoom",
        "1",
    ]
    assert run(arguments, monkeypatch, capsys)[:2] == (0, f"6 events: {tmp_path / 'gallery.png'}\n")
    code, _, err = run(arguments, monkeypatch, capsys)
    assert (code, "exists already, but nothing is overwritten" in err) == (2, True)
