"""Settings: which values they accept and refuse, and with which messages."""

from __future__ import annotations

import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.comparison import ComparisonSettings
from epifiji.data.settings.detection import DetectionSettings, EventSettings
from epifiji.data.settings.simulation import SimulationSettings


def test_texts_and_values_give_the_same_settings() -> None:
    texts = {
        "threshold": "170",
        "step_xy": "5",
        "cell_diameter": "31.5",
        "events": "cell_death, cell_sop",
        "mode": "compatible",
    }
    values = {
        "threshold": 170,
        "step_xy": 5,
        "cell_diameter": 31.5,
        "events": ("cell_death", "cell_sop"),
        "mode": "compatible",
    }
    assert parse_settings(DetectionSettings, texts) == parse_settings(DetectionSettings, values)


def test_missing_values_are_the_defaults_of_the_mode() -> None:
    settings = parse_settings(DetectionSettings, {"threshold": None})
    assert settings.threshold_of("cell_death", "compatible") == 180
    assert settings.min_volume_of("cell_death", "compatible") == 800
    assert settings.threshold_of("cell_death", "exact") == 160
    assert (settings.step_xy, settings.step_t, settings.maps, settings.mode) == (10, 2, "none", "fast")


def test_thresholds_may_differ_by_class() -> None:
    settings = parse_settings(EventSettings, {"threshold": "cell_death=170, cell_sop=200"})
    assert [settings.threshold_of(name, "exact") for name in ("cell_death", "cell_sop", "cell_division")] == [
        170,
        200,
        160,
    ]


def test_a_networks_own_thresholds_are_not_those_of_another_arithmetic() -> None:
    settings = parse_settings(EventSettings, {"min_volume": 5})
    own = {"cell_death": 201}, {"cell_death": 77}
    for mode, threshold in (("fast", 201), ("exact", 201), ("compatible", 180)):
        filled = settings.with_defaults(*own, mode)
        assert (filled.threshold_of("cell_death", mode), filled.min_volume_of("cell_death", mode)) == (threshold, 5)


def test_events_are_given_in_the_networks_order() -> None:
    settings = parse_settings(EventSettings, {"events": "b,a"})
    assert settings.chosen_events(["a", "b", "c"]) == ("a", "b")


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        (EventSettings, {"threshold": "300"}, "threshold is '300', but it must be a whole number from 0 to 255"),
        (EventSettings, {"threshold": "cell_death=300"}, "threshold is 'cell_death=300', but it must be"),
        (EventSettings, {"threshold": "cell_death=1,cell_death=2"}, "numbers by class, as in cell_death=170"),
        (EventSettings, {"min_volume": "-1"}, "min_volume is '-1', but it must be a whole number from 0"),
        (EventSettings, {"events": ","}, "events is ',', but it must be names separated by commas"),
        (DetectionSettings, {"cell_diameter": "big"}, "it must be a number above 0 and at most 2000 or auto"),
        (DetectionSettings, {"cell_diameter": "nan"}, "cell_diameter is 'nan'"),
        (DetectionSettings, {"event_duration": 0}, "event_duration is 0, but it must be a number above 0"),
        (DetectionSettings, {"step_xy": "1.5"}, "step_xy is '1.5', but it must be a whole number from 1 to 200"),
        (DetectionSettings, {"maps": "all"}, "maps is 'all', but it must be one of none, raw, scaled, clean"),
        (DetectionSettings, {"channel": "0"}, "channel is '0', but it must be a whole number of at least 1"),
        (DetectionSettings, {"tresh": 1}, "there is no setting 'tresh': the settings are events, threshold"),
        (ComparisonSettings, {"distance_t": "-1"}, "distance_t is '-1', but it must be a number from 0 to 10000"),
    ],
)
def test_a_bad_value_gives_one_sentence(kind: type, given: dict, words: str) -> None:
    with pytest.raises(WrongInputError) as caught:
        parse_settings(kind, given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "setting", [{"events": "cell_fusion"}, {"threshold": "cell_fusion=3"}, {"min_volume": {"cell_fusion": 3}}]
)
def test_an_unknown_class_is_refused_and_the_known_ones_are_named(setting: dict) -> None:
    settings = parse_settings(EventSettings, setting)
    with pytest.raises(
        WrongInputError, match="'cell_fusion' is not known: the network's classes are cell_death, cell_sop"
    ):
        settings.chosen_events(["cell_death", "cell_sop"])


def test_every_setting_says_what_it_means() -> None:
    for kind in (DetectionSettings, ComparisonSettings, SimulationSettings):
        for name, field in kind.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name
