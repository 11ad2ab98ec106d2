"""Detection as a user sees it: menu, dialog, recorder, Escape, ROI Manager, table and maps, with real keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import epifiji
from desktop import desktop
from desktop_checks import (
    DESKTOP,
    cancel_by_escape,
    cancelled_dialog,
    closed_while_running,
    detect_by_keys,
    help_and_what_is_remembered,
    many_rois,
    maps_in_colour,
    menu_items,
    refused_macro,
)
from epifiji.bridge.fiji.commands import COMMANDS, DETECT
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.pages import page_of
from epifiji.bridge.fiji.terminal_commands import with_menu_commands
from epifiji.bridge.imagej.menu import script_files
from epifiji.data.events import EVENT_COLOURS, Event
from jvm import Finished, run_checks
from small_networks import chosen

LOOSE = {"threshold": 130, "min_volume": 100}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, network_folder: Path) -> Finished:
    folder = tmp_path_factory.mktemp("desktop")
    with desktop() as display:
        env = {
            "DISPLAY": display,
            "EPIFIJI_TEST_MOVIE": str(movie_file),
            "EPIFIJI_NETWORKS": str(network_folder.parent),
            **chosen("small", folder / "config"),
        }
        return run_checks(DESKTOP, folder, headless=False, env=env)


@pytest.fixture(scope="module")
def events(movie_file: Path, network_folder: Path) -> list[Event]:
    return epifiji.detect(movie_file, network_folder, **LOOSE).events


def test_every_command_is_in_the_submenu_of_its_folder(shown: Finished) -> None:
    menus = shown[menu_items]
    assert sorted(label for labels in menus.values() for label in labels) == sorted(COMMANDS)
    scripts = script_files()
    assert all(scripts[label].parent.name == submenu for submenu, labels in menus.items() for label in labels)


def test_events_are_added_after_the_users_rois(shown: Finished, events: list[Event]) -> None:
    rois = shown[detect_by_keys]["rois"]
    assert [group for _, group, *_ in rois[:3]] == [0, 0, 0]
    found = rois[3:]
    assert len(found) == len(events)
    for (name, group, colour, (x, y), (_, _, t, _)), event in zip(found, events, strict=True):
        assert name.startswith(f"{event.event} ")
        assert name.endswith(f" ({event.score:.2f})")
        assert tuple(colour) == EVENT_COLOURS[event.event]
        assert group == [*EVENT_COLOURS].index(event.event) + 1
        assert (x, y) == pytest.approx((event.x, event.y), abs=1e-3)
        assert t == event.frame + 1


def test_choosing_an_event_in_the_manager_goes_to_its_frame(shown: Finished, events: list[Event]) -> None:
    assert shown[detect_by_keys]["frames"][3:] == [event.frame + 1 for event in events]


def test_the_navigator_has_a_row_for_each_event_and_no_other_table_opens(shown: Finished, events: list[Event]) -> None:
    seen = shown[detect_by_keys]
    assert seen["rows"] == len(events)
    assert {"class", "frame", "score", "y (px)", "y (µm)", "decision"} <= set(seen["columns"])
    assert seen["tables"] == []


def test_the_recorder_writes_only_the_chosen_parameters(shown: Finished) -> None:
    assert (
        'run("Detect Epithelial Events...", "network=small threshold=130 min_volume=100");'
        in shown[detect_by_keys]["recorded"]
    )


def test_a_length_in_micrometres_is_given_to_the_engine_in_pixels(shown: Finished) -> None:
    seen = shown[detect_by_keys]
    refused = re.search(r"Cell diameter.* is -3 µm \((\S+) px\)", seen["refused"])
    assert refused is not None, seen["refused"]
    assert seen["pixel_um"] != 1
    assert float(refused[1]) == pytest.approx(-3 / seen["pixel_um"], rel=1e-3)


def test_a_dialog_shows_the_last_values_and_help(shown: Finished) -> None:
    seen = shown[help_and_what_is_remembered]
    assert seen["remembered"] == ["no rescaling", "no rescaling", "all classes of the network", "130", "100"]
    assert "docs/windows.md" in seen["help"] or page_of(DETECT)["address"] in seen["help"]
    for key, field in COMMANDS[DETECT].model_fields.items():
        assert f"(in macros: {key})" in " ".join(re.sub("<[^>]*>", "", seen["help"]).split())
        shown_first = re.split('[&;"]', with_menu_commands(field.description or ""))[0]
        assert shown_first in " ".join(seen["help"].split())


def test_a_field_that_was_emptied_stays_empty_after_wrong_input(shown: Finished) -> None:
    """It has its default, and not the value of the last run, 130."""
    default = next(one for one in described(DETECT)["parameters"] if one["key"] == "threshold")
    assert shown[help_and_what_is_remembered]["emptied"][-2:] == [default["default"] or default["empty"], "wrong"]


def test_a_macro_does_not_use_values_of_a_dialog(shown: Finished, movie_file: Path, network_folder: Path) -> None:
    assert shown[help_and_what_is_remembered]
    record = json.loads((shown.folder / "not remembered" / "noise_epifiji" / "run.json").read_text())
    settings = epifiji.detect(movie_file, network_folder).record["settings"]
    assert {key: record["settings"][key] for key in ("threshold", "min_volume")} == {
        key: settings[key] for key in ("threshold", "min_volume")
    }


def test_a_macros_wrong_option_is_shown_in_a_box_and_ends_it(shown: Finished) -> None:
    seen = shown[refused_macro]
    assert "Detect Epithelial Events... was given 'netwrk', but its parameters are cell_diameter," in seen["said"]
    assert seen["same"]
    assert not (shown.folder / "went on").exists()


def test_a_cancelled_dialog_changes_nothing(shown: Finished) -> None:
    assert shown[cancelled_dialog] is True


def test_escape_cancels_within_two_seconds_and_changes_nothing(shown: Finished) -> None:
    moments = shown[cancel_by_escape]
    assert isinstance(moments, list), moments
    assert len(moments) == 3
    for moment in moments:
        assert moment["took"] < 2
        assert moment["same"]
        assert not moment["locked"]


def test_a_movie_closed_during_the_detection_still_gives_its_events(
    shown: Finished, movie_file: Path, network_folder: Path
) -> None:
    expected = epifiji.detect(movie_file, network_folder, step_xy=3, step_t=1, **LOOSE).events
    assert shown[closed_while_running]["rois"] == len(expected) > 0


def test_maps_open_in_colour_over_the_movie_with_its_calibration(shown: Finished, events: list[Event]) -> None:
    seen = shown[maps_in_colour]
    assert seen["title"] == "noise-maps"
    assert seen["shape"] == [4, 1, 12]
    assert seen["pixel"] == pytest.approx(0.2)
    assert [tuple(colour) for colour in seen["colours"]] == [(255, 255, 255), *EVENT_COLOURS.values()]
    assert seen["covered"] == []
    assert seen["rois"] == len(events)


def test_a_users_thousand_rois_stay(shown: Finished, events: list[Event]) -> None:
    assert shown[many_rois]["kept"]
    assert shown[many_rois]["added"] == len(events)


def test_the_process_ends_without_an_error(shown: Finished) -> None:
    assert shown.code == 0, shown.err
