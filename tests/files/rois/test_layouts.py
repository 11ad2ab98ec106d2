"""Positions of ROIs agree with ImageJ's for the same movie, in all arrangements of its frames, written and read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile

import epifiji
from display import virtual_display
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.stack_layout import StackLayout
from epifiji.files.event_sources import read_events_of
from epifiji.files.results.layouts import layout_of
from epifiji.files.rois.roi_files import read_rois, write_rois
from jvm import Finished, run_checks
from layout_checks import LAYOUTS, placed_by_imagej, written_rois


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    with virtual_display() as display:
        return run_checks(LAYOUTS, tmp_path_factory.mktemp("layouts"), headless=False, env={"DISPLAY": display})


def test_imagej_selects_the_frames_of_written_rois(shown: Finished) -> None:
    assert isinstance(shown[written_rois], int), shown[written_rois]
    assert shown[written_rois] >= 50


def test_rois_that_imagej_placed_are_read_in_their_frames(shown: Finished) -> None:
    assert isinstance(shown[placed_by_imagej], int), shown[placed_by_imagej]
    assert shown[placed_by_imagej] >= 50


def roi(c: int, z: int, t: int, number: int = 0) -> roifile.ImagejRoi:
    made = roifile.ImagejRoi.frompoints([[50, 40]])
    made.roitype, made.name = roifile.ROI_TYPE.POINT, f"event {c} {z} {t} {number}"
    made.c_position, made.z_position, made.t_position, made.position = c, z, t, number
    return made


def write(path: Path, *rois: roifile.ImagejRoi) -> Path:
    roifile.roiwrite(path, list(rois), mode="w")
    return path


def test_a_channel_is_a_frame_only_where_the_movie_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "movie_cell_death.zip", roi(9, 1, 1))
    with pytest.raises(WrongInputError, match=r"lies in channel 9 of frame 1; .* depends on the movie"):
        read_rois(path, "cell_death")
    assert [e.frame for e in read_rois(path, "cell_death", StackLayout("C"))] == [8]
    assert [e.frame for e in read_rois(path, "cell_death", StackLayout("T", channels=12))] == [0]
    assert [e.frame for e in read_rois(path, "cell_death", StackLayout("T"))] == [8]
    write(path, roi(2, 1, 1), roi(2, 1, 7))
    assert [e.frame for e in read_rois(path, "cell_death")] == [0, 6]


def test_an_area_at_a_slice_of_two_channels_lies_in_its_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "movie_cell_death.zip", roi(0, 0, 0, 7), roi(0, 0, 0, 21))
    assert [e.frame for e in read_rois(path, "cell_death", StackLayout("T", channels=2))] == [3, 10]
    notices: list[str] = []
    assert [e.frame for e in read_rois(path, "cell_death", None, notices)] == [6, 20]
    assert notices == [
        "The movie of movie_cell_death.zip is unknown: slices of the stack were taken as frames, as in a movie of one channel."
    ]
    found = epifiji.compare(path, [Event("cell_death", 6, 40, 50)])
    assert notices[0] in found.notices


def test_zips_that_put_the_frames_of_planes_into_t_are_still_read(tmp_path: Path) -> None:
    """Earlier versions wrote every movie's frames as T."""
    write_rois(tmp_path / "movie_cell_death.zip", [Event("cell_death", 4, 3, 2)])
    assert [e.frame for e in read_rois(tmp_path / "movie_cell_death.zip", "cell_death", StackLayout("Z"))] == [4]


def test_the_movie_beside_the_rois_says_what_they_mean(tmp_path: Path) -> None:
    movie = np.zeros((12, 2, 60, 70), np.uint8)
    tifffile.imwrite(tmp_path / "two.tif", movie, imagej=True, metadata={"axes": "TCYX"})
    path = write(tmp_path / "two_cell_death.zip", roi(0, 0, 0, 7))
    assert layout_of(path) == StackLayout("T", channels=2)
    assert [e.frame for e in read_events_of(path)] == [3]


@pytest.mark.parametrize(("axes", "expected"), [("ZYX", (1, 5, 1)), ("TYX", (1, 1, 5)), ("CYX", (5, 1, 1))])
def test_a_detection_writes_rois_for_the_movies_own_axes(
    tmp_path: Path, epinet_folder: Path, axes: str, expected: tuple[int, int, int]
) -> None:
    pixels = np.random.default_rng(7).integers(0, 255, (12, 70, 80), np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", pixels, imagej=True, metadata={"axes": axes})
    result = epifiji.detect(tmp_path / "m.tif", epinet_folder, threshold=126, min_volume=10, mode="exact")
    assert result.events
    folder = result.save(tmp_path / "m_epifiji")
    letter = "CZT"[expected.index(5)]
    assert layout_of(folder) == StackLayout(letter)  # type: ignore[arg-type]
    for path in folder.glob("*.zip"):
        found = roifile.roiread(path)
        for one in found if isinstance(found, list) else [found]:
            place = {"C": one.c_position, "Z": one.z_position, "T": one.t_position}
            assert place[letter] == int(one.name[:4])
            assert [value for axis, value in place.items() if axis != letter] == [1, 1]
    (folder / "events.csv").unlink()
    again = {(e.frame, round(e.y), round(e.x)) for e in read_events_of(folder)}
    assert again == {(e.frame, round(e.y), round(e.x)) for e in result.events}
