"""Areas of ROI files as the region of a movie; tests/bridge/imagej/test_figures.py compares them with ImageJ's own."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from roifile import ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from epifiji.data.errors import WrongInputError
from epifiji.data.region import Mask, Region
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.areas import read_areas

SHAPE = (6, 40, 50)


def rectangle(left: int, top: int, width: int, height: int, **fields: Any) -> ImagejRoi:
    return ImagejRoi(
        roitype=ROI_TYPE.RECT, version=227, left=left, top=top, right=left + width, bottom=top + height, **fields
    )


def polygon(kind: ROI_TYPE, *corners: tuple[float, float], **fields: Any) -> ImagejRoi:
    with np.errstate(invalid="ignore"):
        roi = ImagejRoi.frompoints(np.array(corners, np.float32))
    roi.roitype = kind
    for name, value in fields.items():
        setattr(roi, name, value)
    return roi


def zipped(path: Path, *rois: ImagejRoi) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, roi in enumerate(rois):
            archive.writestr(f"{number}.roi", roi.tobytes())
    return path


class TestMasks:
    @pytest.mark.parametrize("shape", [(7, 11), (30, 40), (1, 1), (50, 3)])
    @pytest.mark.parametrize("share", [0, 0.4, 1])
    def test_a_mask_has_the_pixels_that_it_was_made_of(self, shape: tuple[int, int], share: float) -> None:
        random = np.random.default_rng(1)
        pixels = random.random(shape) < share
        mask = Mask.of(pixels)
        assert np.array_equal(mask.pixels(), pixels)
        assert mask.area == np.count_nonzero(pixels)
        assert np.array_equal(mask.numbered(np.arange(mask.area)), np.argwhere(pixels))
        everywhere = np.argwhere(np.ones(shape, bool)).astype(float)
        assert np.array_equal(mask.holds(everywhere), pixels.ravel())
        cells = min(5, shape[0]), min(4, shape[1])
        rows, columns = (np.arange(side) * count // side for side, count in zip(shape, cells, strict=True))
        expected = [
            [pixels[rows == row][:, columns == column].mean() for column in range(cells[1])] for row in range(cells[0])
        ]
        assert mask.coverage(cells) == pytest.approx(np.array(expected))

    def test_places_between_pixels_belong_to_the_nearest_pixel(self) -> None:
        mask = Mask.of(np.array([[False, True], [False, False]]))
        places = np.array([[0, 1], [0.4, 0.6], [0, 0.4], [0.6, 1], [-0.5, 1.9]])
        assert mask.holds(places).tolist() == [True, True, False, False, True]

    def test_a_region_over_time_has_areas_and_coverage_of_its_frames(self) -> None:
        half, none = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
        half[:2] = True
        region = Region.of("x", [Mask.of(half), Mask.of(none), Mask.of(~none)], np.array([0, 1, 2, 2]))
        assert region.of_frame.tolist() == [0, -1, 2, 2]
        assert region.areas.tolist() == [8, 0, 16, 16]
        assert region.coverage((2, 1)) == pytest.approx(np.array([[1], [2 / 3]]))
        assert region.holds(np.array([[0, 3, 0], [1, 0, 0], [2, 3, 0], [0, 0, 0]], float)).tolist() == [0, 0, 1, 1]


class TestReading:
    def test_an_area_without_a_position_holds_for_all_frames(self, tmp_path: Path) -> None:
        notices: list[str] = []
        region = read_areas(zipped(tmp_path / "a.zip", rectangle(5, 10, 20, 8)), SHAPE, None, notices)
        expected = np.zeros(SHAPE[1:], bool)
        expected[10:18, 5:25] = True
        assert np.array_equal(region.masks[region.of_frame[3]].pixels(), expected)
        assert region.areas.tolist() == [160] * 6
        assert (region.name, region.text, notices) == ("a.zip", "within a.zip", [])

    def test_an_area_with_a_position_holds_for_its_frame_in_addition(self, tmp_path: Path) -> None:
        rois = rectangle(0, 0, 4, 4), rectangle(2, 0, 4, 4, t_position=3, c_position=1, z_position=1)
        region = read_areas(zipped(tmp_path / "a.zip", *rois), SHAPE)
        assert region.areas.tolist() == [16, 16, 24, 16, 16, 16]

    def test_frames_without_an_area_are_reported(self, tmp_path: Path) -> None:
        notices: list[str] = []
        path = tmp_path / "a.roi"
        path.write_bytes(rectangle(0, 0, 4, 4, position=2).tobytes())
        region = read_areas(path, SHAPE, None, notices)
        assert region.observed.tolist() == [False, True, False, False, False, False]
        assert "a.roi has areas in 1 of 6 frames only, and the other frames are left out" in notices[-1]

    def test_positions_count_along_the_movies_time_axis(self, tmp_path: Path) -> None:
        # The second channel of the fourth frame of two channels is slice 8.
        path = zipped(tmp_path / "a.zip", rectangle(0, 0, 4, 4, position=8))
        region = read_areas(path, SHAPE, StackLayout(channels=2))
        assert np.flatnonzero(region.observed).tolist() == [3]

    def test_the_name_that_imagej_gives_is_no_position(self, tmp_path: Path) -> None:
        path = zipped(tmp_path / "a.zip", rectangle(0, 0, 4, 4, name="0003-0002-0002"))
        assert read_areas(path, SHAPE).observed.all()

    def test_areas_that_reach_beyond_the_frame_are_clipped_with_a_notice(self, tmp_path: Path) -> None:
        notices: list[str] = []
        region = read_areas(zipped(tmp_path / "a.zip", rectangle(-3, -5, 4000, 3000)), SHAPE, None, notices)
        assert region.areas.tolist() == [2000] * 6
        assert notices == [
            "a.zip has 1 ROI that reaches beyond the frame of 50 x 40 pixels: only the part in the frame is used."
        ]

    @pytest.mark.parametrize(
        ("roi", "words"),
        [
            (rectangle(50, 0, 5, 5), "has no pixel in the frame of 50 x 40 pixels"),
            (rectangle(3, 3, 0, 0), "has no pixel in the frame"),
            (rectangle(3, 3, 5, 5, position=7), "lies in frame 7, but the movie has 6 frames"),
            (rectangle(3, 3, 5, 5, subtype=ROI_SUBTYPE.TEXT), "is a text, but an area is needed: draw a rectangle"),
            (rectangle(3, 3, 5, 5, shape_roi_size=4, multi_coordinates=np.zeros(4, ">f4")), "is composed of several"),
            (polygon(ROI_TYPE.POLYGON, (1, 1), (5, 5)), "has no outline of at least three points"),
            (polygon(ROI_TYPE.FREEHAND, (1, 1), (5, float("nan")), (3, 9)), "has no outline of at least three points"),
            (polygon(ROI_TYPE.POINT, (1, 1)), "is a point, but an area is needed"),
            (polygon(ROI_TYPE.POLYLINE, (1, 1), (5, 5), (9, 1)), "is a polyline, but an area is needed"),
            (ImagejRoi(roitype=ROI_TYPE.LINE, version=227, x1=1, y1=1, x2=9, y2=9), "is a line, but an area"),
        ],
        ids=["outside", "empty", "late", "text", "composite", "two points", "nan", "point", "polyline", "line"],
    )
    def test_what_is_no_area_of_the_movie_is_refused(self, tmp_path: Path, roi: ImagejRoi, words: str) -> None:
        with pytest.raises(WrongInputError, match=words) as refused:
            read_areas(zipped(tmp_path / "a.zip", rectangle(0, 0, 5, 5), roi), SHAPE)
        assert str(refused.value).startswith("a.zip, ROI 1 ")

    def test_files_without_rois_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(WrongInputError, match=r"a\.zip contains no ROIs, but areas are needed"):
            read_areas(zipped(tmp_path / "a.zip"), SHAPE)
        (tmp_path / "b.roi").write_bytes(b"not a ROI")
        with pytest.raises(WrongInputError, match=r"b\.roi is not an ImageJ ROI"):
            read_areas(tmp_path / "b.roi", SHAPE)
        (tmp_path / "c.roi").write_bytes(rectangle(0, 0, 4, 4).tobytes()[:70])
        with pytest.raises(WrongInputError, match=r"c\.roi is a broken ImageJ ROI"):
            read_areas(tmp_path / "c.roi", SHAPE)
        with pytest.raises(WrongInputError, match="does not exist"):
            read_areas(tmp_path / "none.zip", SHAPE)

    def test_an_endless_outline_is_refused(self, tmp_path: Path) -> None:
        zigzag = [(float(number % 50), float(number % 2) * 4000) for number in range(13_000)]
        path = zipped(tmp_path / "a.zip", polygon(ROI_TYPE.POLYGON, *zigzag))
        with pytest.raises(WrongInputError, match="has an outline of 13000 points, which is too long"):
            read_areas(path, (1, 4000, 50))
