"""What is read of movie files beside what ImageJ shows of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from epifiji.data.settings import MIN_FRAMES
from epifiji.data.stack_layout import StackLayout
from jvm import Finished, run_checks
from shown_movies_checks import LAYOUTS, layouts_of_files, layouts_of_images


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_checks([layouts_of_files, layouts_of_images], tmp_path_factory.mktemp("shown"))


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
