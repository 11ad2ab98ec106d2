"""Movies and ROIs in a real ImageJ without a window, and back."""

from __future__ import annotations

import pytest
import roifile
import tifffile

from image_checks import (
    DTYPES,
    NAMES,
    PLACES,
    calibration_in_imagej,
    frames_of_another_byte_order,
    images_of_imagej,
    marks,
    refused_files,
    rois_in_overlay,
    round_trips,
    rounded_pixels,
    signed_image,
    virtual_stack,
)
from imagej_checks import headless_process
from jvm import Finished


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return headless_process(tmp_path_factory)


@pytest.mark.parametrize(("dtype", "bits"), DTYPES.items())
def test_a_movie_comes_back_from_imagej_unchanged(headless: Finished, dtype: str, bits: int) -> None:
    seen = headless[round_trips][dtype]
    assert seen["bits"] == bits
    assert seen["dimensions"] == [30, 20, 1, 1, 7]
    assert seen["voxel"] == seen["expected voxel"]
    assert seen["equal"]
    assert seen["statement"] is None
    assert seen["back"] == ["a movie", 0.325, 90.5, []]


def test_imagej_sees_micrometres_and_seconds(headless: Finished) -> None:
    assert headless[calibration_in_imagej] == [0.325, 0.325, "micron", 90.5, "sec"]


def test_pixels_that_imagej_must_round_are_reported(headless: Finished) -> None:
    """A float32 has 24 bits, so a number from 2048 to 4096 is off by at most 2^-13."""
    seen = headless[rounded_pixels]
    told = "thirds has float64 pixels; ImageJ holds them as 32-bit numbers, rounded to 24 bits."
    assert (seen["bits"], seen["statement"]) == (32, told)
    assert 0 < seen["worst"] <= 2**-13
    assert told in headless.err


def test_pixels_of_the_other_byte_order_are_swapped(headless: Finished) -> None:
    assert headless[frames_of_another_byte_order] is True


def test_slices_are_taken_as_frames_with_a_notice(headless: Finished) -> None:
    notice = "t-stack.ome.tif has 6 planes (Z) and one time point: they were taken as time."
    assert headless[images_of_imagej]["stack"] == ["t-stack", [6, 10, 20], None, None, [notice]]


def test_units_of_imagej_become_micrometres_and_seconds(headless: Finished) -> None:
    notice = "time has pixels of 0.2 x 0.25 µm (x, y), which are not square: lengths in µm use the first."
    name, shape, size, interval, notices = headless[images_of_imagej]["time"]
    assert (name, shape, interval, notices) == ("time", [6, 10, 20], 120, [notice])
    assert size == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            "colours",
            "colours is a colour image, but one grey value in each pixel is needed: use Image > Type > 8-bit, or split its "
            "channels.",
        ),
        (
            "indexed",
            "indexed is a colour image, but one grey value in each pixel is needed: use Image > Type > 8-bit, or split its "
            "channels.",
        ),
        (
            "channels",
            "channels has 2 channels, but one is needed: split them with Image > Color > Split Channels and choose one.",
        ),
        (
            "volume",
            "volume has 2 planes (Z) in each of 6 frames, but a movie has one plane over time: project it with "
            "Image > Stacks > Z Project...",
        ),
        (
            "still",
            "still has 1 frame, but at least 5 are needed (10 or more are better): give a movie, not a still image.",
        ),
    ],
)
def test_an_image_that_is_not_a_movie_is_refused(headless: Finished, image: str, message: str) -> None:
    assert headless[images_of_imagej][image] == message


def test_signed_pixels_keep_their_sign(headless: Finished) -> None:
    assert headless[signed_image] == {"dtype": "int16", "equal": True}


def test_a_virtual_stack_is_read(headless: Finished) -> None:
    assert headless[virtual_stack] == {"virtual": True, "equal": True}


def test_rois_are_shown_in_the_overlay_with_names_and_positions(headless: Finished) -> None:
    seen = headless[rois_in_overlay]
    assert (seen["shown"], seen["names"], seen["places"]) == (4, NAMES, PLACES)


def test_more_rois_are_added_to_the_overlay_and_the_image_is_not_changed(headless: Finished) -> None:
    assert headless[rois_in_overlay]["again"] == 2
    assert headless[rois_in_overlay]["after"] == ["grey", 1, 6]


def test_a_picture_shows_only_the_rois_of_its_frame(headless: Finished) -> None:
    assert headless[rois_in_overlay]
    found = [marks(headless.folder / f"frame{frame}.png") for frame in range(6)]
    assert [bool(places) for places in found] == [False, False, True, False, True, False]
    assert {(1, 2), (3, 7)} <= found[2]
    assert (6, 4) in found[4]
    assert (6, 4) not in found[2]


def test_the_saved_tiff_contains_frames_scale_and_rois(headless: Finished) -> None:
    assert headless[rois_in_overlay]
    with tifffile.TiffFile(headless.folder / "with rois.tif") as tif:
        assert tif.series[0].axes == "TYX"
        assert (tif.asarray() == 40).all()
        metadata = tif.imagej_metadata
    assert (metadata["unit"], metadata["finterval"]) == ("micron", 300)
    overlays = [roifile.ImagejRoi.frombytes(content) for content in metadata["Overlays"]]
    assert [r.name for r in overlays] == NAMES
    assert [[r.left, r.top, r.c_position, r.z_position, r.t_position] for r in overlays] == PLACES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no.zip", "no.zip does not exist, but a ROI zip or .roi file is needed: check the path."),
        ("text.zip", "text in text.zip is no ImageJ ROI: save the ROIs again."),
        (
            "none.zip",
            "none.zip is a zip without ROIs (it contains 'readme.txt'), but files ending in .roi are needed: save the ROIs in "
            "ImageJ's ROI Manager with More > Save.",
        ),
        ("broken.zip", "1 in broken.zip is no ImageJ ROI: save the ROIs again."),
        ("frame", "Frame 6 (0-based) of grey was asked for, but it has 6: choose 0 to 5."),
        ("folder", "no/such is no folder, but x.tif is to be written into it: make it first."),
        ("overlay", "None"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(headless: Finished, name: str, message: str) -> None:
    assert headless[refused_files][name].endswith(message)
