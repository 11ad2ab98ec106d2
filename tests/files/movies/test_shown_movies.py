"""Movies as they are read from files, compared with what ImageJ shows of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.settings.base import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.movie_file import read_movie
from jvm import Finished, run_checks
from movie_files import FRAMES, assert_same
from shown_movies_checks import (
    LAYOUTS,
    SAVED,
    SHOWN,
    VARIANTS,
    brightness_of_files,
    detected_in_variants,
    layouts_of_files,
    layouts_of_images,
    pages_of_files,
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    checks = [layouts_of_files, layouts_of_images, brightness_of_files, pages_of_files]
    return run_checks(checks, tmp_path_factory.mktemp("shown"))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_lies_where_imagej_shows_it(shown: Finished, name: str) -> None:
    seen = shown[layouts_of_files][name]
    assert (seen["same"], seen["indices"], seen["back"]) == (True, True, True), seen


@pytest.mark.parametrize("name", [name for name, case in LAYOUTS.items() if case[2] is None and case[0]])
def test_a_frame_of_an_open_image_lies_where_imagej_shows_it(shown: Finished, name: str) -> None:
    seen = shown[layouts_of_images][name]
    assert (seen["same"], seen["indices"], seen["back"]) == (True, True, True), seen


def test_the_client_in_fiji_takes_as_few_channels_for_frames_as_files_do():
    client = (Path(__file__).parents[3] / "jars" / "Lib" / "epifiji_client" / "images" / "frames.py").read_text()
    assert f"\nLEAST_FRAMES = {MIN_FRAMES}\n" in client


def test_slices_between_frames_belong_to_no_frame():
    layout = StackLayout("Z", first=2, step=3)
    assert [layout.frame_of_slice(number) for number in range(1, 9)] == [None, 0, None, None, 1, None, None, 2]


def test_a_slice_of_any_channel_belongs_to_its_frame():
    layout = StackLayout("T", channels=2, channel=1)
    assert [layout.frame_of_slice(number) for number in range(1, 7)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", [*SHOWN, *SAVED])
def test_what_imagej_paints_brighter_is_larger(shown: Finished, name: str) -> None:
    seen = shown[brightness_of_files][name]
    assert (seen["file"], seen["image"]) == (True, True)
    assert seen["said"] == [seen["inverting"]] * 2


@pytest.mark.parametrize("name", ["in_a_loop", "appended", "fewer_frames", "no_number"])
def test_all_pages_that_imagej_opens_are_frames(shown: Finished, name: str) -> None:
    seen = shown[pages_of_files][name]
    assert (seen["same"], seen["indices"], seen["dimensions"]) == (True, True, [1, 6, 1]), seen


def test_a_palette_in_no_order_of_brightness_is_refused(tmp_path):
    palette = np.stack([np.random.default_rng(0).permutation(256)] * 3).astype(np.uint16) * 257
    tifffile.imwrite(
        tmp_path / "m.tif", FRAMES.astype(np.uint8), photometric="palette", colormap=palette, metadata=None
    )
    with pytest.raises(WrongInputError, match="colours that have no order of brightness"):
        read_movie(tmp_path / "m.tif")


def test_frames_of_which_some_have_white_as_0_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as writer:
        for t, frame in enumerate(FRAMES):
            writer.write(frame, photometric="miniswhite" if t == 3 else "minisblack", metadata=None, contiguous=False)
    with pytest.raises(WrongInputError, match="first in frame 4"):
        read_movie(tmp_path / "m.tif")


def test_pages_beyond_those_in_imagejs_header_are_read_and_reported(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as writer:
        for t, frame in enumerate(FRAMES):
            text = "ImageJ=1.54f\nimages=10\nframes=10\n" if t == 0 else None
            writer.write(frame, contiguous=False, metadata=None, description=text)
    (notice,) = assert_same(tmp_path / "m.tif").notices
    assert "has 12 images, but its header says 10 (10 frames): all were taken as frames" in notice


def test_pages_beyond_those_that_ome_names_are_counted(tmp_path):
    tifffile.imwrite(tmp_path / "m.ome.tif", FRAMES, metadata={"axes": "TYX"})
    described = (tmp_path / "m.ome.tif").read_bytes().replace(b'SizeT="12"', b'SizeT="10"')
    (tmp_path / "m.ome.tif").write_bytes(described)
    (notice,) = assert_same(tmp_path / "m.ome.tif", FRAMES[:10]).notices
    assert "has 12 pages, but its OME description names 10 of them" in notice


def test_a_movie_behind_an_overview_is_read_and_reported(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as writer:
        writer.write(FRAMES[0, :9, :9], metadata=None)
        for frame in FRAMES:
            writer.write(frame, contiguous=False, metadata=None)
    (notice,) = assert_same(tmp_path / "m.tif").notices
    assert "contains 2 images: number 2 was read" in notice


def test_ome_frames_come_in_the_order_that_the_description_gives(tmp_path):
    planes = "".join(f'<TiffData FirstT="{11 - t}" IFD="{t}" PlaneCount="1"/>' for t in range(12))
    description = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="34" SizeY="21" SizeZ="1" SizeC="1" SizeT="12">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    tifffile.imwrite(tmp_path / "m.ome.tif", FRAMES, description=description, ome=False, metadata=None)
    assert_same(tmp_path / "m.ome.tif", FRAMES[::-1])


def test_single_frames_that_were_written_as_ome_images_in_a_loop_are_a_movie(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.ome.tif") as writer:
        for frame in FRAMES:
            writer.write(frame)
    (notice,) = assert_same(tmp_path / "m.ome.tif").notices
    assert "12 images that are alike" in notice


@pytest.fixture(scope="module")
def detected(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, epinet_folder: Path) -> dict[str, Any]:
    places = {"EPIFIJI_NETWORKS": str(epinet_folder.parent), "EPIFIJI_TEST_MOVIE": str(movie_file)}
    return run_checks([detected_in_variants], tmp_path_factory.mktemp("variants"), env=places)[detected_in_variants]


@pytest.mark.parametrize(
    ("name", "dimensions"), [("slices", [1, 12, 1]), ("channels", [12, 1, 1]), ("inverted", [1, 1, 12])]
)
def test_the_command_finds_the_same_however_an_image_is_stored(detected, name, dimensions):
    assert detected[name]["dimensions"] == dimensions
    assert len(detected["plain"]["events"].splitlines()) > 1
    assert detected[name]["events"] == detected["plain"]["events"]


def test_a_lut_of_one_colour_changes_nothing(detected):
    assert "green" in VARIANTS
    assert detected["green"]["events"] == detected["plain"]["events"]


def test_colours_in_no_order_of_brightness_are_refused_in_imagej(detected):
    assert "colours that have no order of brightness" in detected["refused"]


@pytest.mark.parametrize(("axes", "said"), [(None, True), ("TYX", False), ("ZYX", False)])
def test_pages_that_look_like_rows_are_reported_unless_their_axes_are_named(tmp_path, axes, said):
    """An array stacked by numpy along its last axis, saved unchanged: ImageJ also shows 64 slices that are 6 px wide."""
    turned = np.random.default_rng(0).integers(0, 255, (64, 72, 6)).astype(np.uint8)
    path = tmp_path / "m.tif"
    options = {"imagej": True, "metadata": {"axes": axes}} if axes else {}
    tifffile.imwrite(path, turned, photometric="minisblack", **options)
    movie = assert_same(path, turned)
    assert any("taken as 64 frames of 6 x 72 pixels (T, Y, X)" in notice for notice in movie.notices) == said


class TestFramesWithoutAPicture:
    def test_all(self):
        (notice,) = Movie(np.full((6, 9, 9), 7, np.uint8), "m").require_finite()
        assert "All pixels of each frame of m are equal" in notice

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
    def test_some(self, dtype):
        frames = FRAMES.astype(dtype)
        frames[[2, 3, 7]] = frames[0, 0, 0]
        (notice,) = Movie(frames, "m").require_finite()
        assert "has 3 of 12 frames in which all pixels are equal (frames 3 to 4, 8)" in notice

    def test_none(self):
        assert Movie(FRAMES).require_finite() == ()

    @pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
    def test_stored_twice(self, dtype):
        frames = FRAMES.astype(dtype)
        frames[[5, 6, 9]] = frames[4], frames[4], frames[0]
        (notice,) = Movie(frames, "m").require_finite()
        assert notice.startswith("m has 3 of 12 frames with the pixels of an earlier frame (frames 6 to 7, 10; ")
        assert "; frame 6 is the same as frame 5): " in notice

    def test_a_movie_appended_to_itself(self):
        (notice,) = Movie(np.concatenate([FRAMES, FRAMES]), "m").require_finite()
        assert (
            "12 of 24 frames with the pixels of an earlier frame (frames 13 to 24; frame 13 is the same as frame 1): "
            in notice
        )

    def test_frames_that_differ_in_one_pixel_are_no_copies(self):
        frames = np.repeat(FRAMES[:1], 6, axis=0)
        frames[range(6), range(6), 3] = np.arange(6)
        assert Movie(frames).require_finite() == ()

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_no_numbers(self, value):
        frames = FRAMES.astype(np.float32)
        frames[4, 3, 2] = value
        with pytest.raises(WrongInputError, match="first in frame 5"):
            Movie(frames).require_finite()

    def test_a_detection_reports_them(self, epinet_folder):
        result = epifiji.detect(np.zeros((12, 60, 60), np.uint8), network=str(epinet_folder))
        assert any("no events can be found" in notice for notice in result.notices)
