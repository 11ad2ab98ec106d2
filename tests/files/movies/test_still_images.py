"""Still images, for tasks without time: read as movies of one frame only if that is requested."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import epifiji
from epifiji.bridge.pixels import movie_of_image
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import open_movie, read_movie
from epifiji.jobs.events.from_maps import events_from_maps
from movie_files import FRAMES, save

STILL = FRAMES[0]


def of_hdf5(folder: Path) -> Path:
    with h5py.File(folder / "still.h5", "w") as file:
        file["pixels"] = STILL[None]
    return folder / "still.h5"


def of_files(folder: Path) -> Path:
    (folder / "still").mkdir()
    save(folder / "still" / "only.tif", STILL)
    return folder / "still"


FORMS = {
    "plain": lambda folder: save(folder / "still.tif", STILL),
    "imagej": lambda folder: save(folder / "still.tif", STILL, imagej=True),
    "ome": lambda folder: save(folder / "still.ome.tif", STILL, metadata={"axes": "YX"}),
    "compressed": lambda folder: save(folder / "still.tif", STILL, compression="zlib"),
    "hdf5": of_hdf5,
    "files": of_files,
}


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_one_frame_is_read_where_one_is_enough(tmp_path: Path, form: str) -> None:
    path = FORMS[form](tmp_path)
    movie = read_movie(path, least_frames=1)
    assert movie.shape == (1, *STILL.shape)
    assert np.array_equal(movie.frames(0, 1)[0], STILL)
    with pytest.raises(WrongInputError, match=r"still has 1 frame, but at least 5 are needed"):
        read_movie(path)


@pytest.mark.parametrize("channels", [2, 6])
def test_a_channel_of_a_still_image_is_chosen(tmp_path: Path, channels: int) -> None:
    path = save(tmp_path / "still.tif", FRAMES[:channels], imagej=True, metadata={"axes": "CYX"})
    assert np.array_equal(read_movie(path, 2, least_frames=1).frames(0, 1)[0], FRAMES[1])
    with pytest.raises(
        WrongInputError, match=rf"has {channels} channels, but one is needed: choose it with --channel N"
    ):
        read_movie(path, least_frames=1)


def test_a_colour_of_a_picture_is_chosen_or_the_only_one_that_is_not_black(tmp_path: Path) -> None:
    colours = np.zeros((9, 8, 3), np.uint8)
    colours[..., 1] = np.arange(72).reshape(9, 8)
    Image.fromarray(colours).save(tmp_path / "stain.png")
    movie = read_movie(tmp_path / "stain.png", least_frames=1)
    assert np.array_equal(movie.pixels[0], colours[..., 1])
    assert movie.notices == ("stain.png is a colour image of which only channel 2 is not black: it is used.",)
    colours[..., 2] = 7
    Image.fromarray(colours).save(tmp_path / "two.png")
    with pytest.raises(WrongInputError, match="or choose a channel"):
        read_movie(tmp_path / "two.png", least_frames=1)
    assert np.array_equal(read_movie(tmp_path / "two.png", 2, least_frames=1).pixels[0], colours[..., 1])
    with pytest.raises(WrongInputError, match="is a colour"):
        read_movie(tmp_path / "two.png", 4, least_frames=1)


def test_many_channels_without_time_stay_the_frames_of_a_movie(tmp_path: Path) -> None:
    path = save(tmp_path / "movie.tif", FRAMES[:6], imagej=True, metadata={"axes": "CYX"})
    assert read_movie(path).shape[0] == 6


def test_the_fewest_frames_depend_on_the_caller(tmp_path: Path) -> None:
    path = save(tmp_path / "short.tif", FRAMES[:3])
    for given in (path, FRAMES[:3], Movie(FRAMES[:3])):
        assert len(open_movie(given, least_frames=3)) == 3
        with pytest.raises(WrongInputError, match="has 3 frames, but at least 4 are needed"):
            open_movie(given, least_frames=4)


def test_an_open_image_of_one_frame_is_taken_where_one_is_enough() -> None:
    calibration = {
        "pixel_width": 1,
        "pixel_height": 1,
        "x_unit": "pixel",
        "y_unit": "",
        "interval": 0,
        "time_unit": "sec",
    }
    image = {"title": "still.tif", "shape": [1, 9, 8], "bits": 8, "calibration": calibration}
    pixels = np.arange(72, dtype=np.uint8)
    assert np.array_equal(movie_of_image(image, [pixels], least_frames=1).frames(0, 1)[0], pixels.reshape(9, 8))
    with pytest.raises(WrongInputError, match="still has 1 frame, but at least 5 are needed"):
        movie_of_image(image, [pixels])


SHORT = Movie(np.zeros((4, 60, 60), np.uint8), "short")
ASKS = {
    "detect": lambda folder: epifiji.detect(SHORT),
    "crop": lambda folder: epifiji.crop(SHORT),
    "rescale": lambda folder: epifiji.rescale_with_events(SHORT, factor_xy=2),
    "gallery": lambda folder: epifiji.save_gallery(SHORT, [], folder / "out.png"),
    "statistics": lambda folder: epifiji.event_statistics([], SHORT),
}


@pytest.mark.parametrize("job", ASKS)
def test_a_short_movie_in_memory_is_refused_by_what_needs_more(tmp_path: Path, job: str) -> None:
    with pytest.raises(
        WrongInputError, match=r"short has 4 frames, but at least 5 are needed \(10 or more are better\)"
    ):
        ASKS[job](tmp_path)
    assert not list(tmp_path.iterdir())


def test_maps_of_a_short_movie_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "m_cell_death_rawproba.tif", FRAMES[:3].astype(np.uint8))
    with pytest.raises(WrongInputError, match="has 3 frames, but at least 5 are needed"):
        events_from_maps(tmp_path)
