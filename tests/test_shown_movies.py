"""What is read of movie files beside what ImageJ shows of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.settings import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies import read_movie
from jvm import Finished, run_checks
from movie_files import FRAMES, assert_same
from shown_movies_checks import (
    LAYOUTS,
    SAVED,
    SHOWN,
    brightness_of_files,
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
    client = (Path(__file__).parents[1] / "jars" / "Lib" / "epifiji_images.py").read_text()
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
    with pytest.raises(WrongInputError, match="colours that are in no order of brightness"):
        read_movie(tmp_path / "m.tif")


def test_frames_of_which_some_have_white_as_0_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "m.tif") as writer:
        for t, frame in enumerate(FRAMES):
            writer.write(frame, photometric="miniswhite" if t == 3 else "minisblack", metadata=None, contiguous=False)
    with pytest.raises(WrongInputError, match="first in frame 4"):
        read_movie(tmp_path / "m.tif")


def test_pages_beyond_those_that_imagejs_header_promises_are_read_and_that_is_said(tmp_path):
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
