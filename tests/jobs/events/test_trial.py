"""What networks find at one place is what a detection in the whole movie finds there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from demo_movie import demo_movie
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.trial import PlaceSettings
from epifiji.engine.simulation.movie import simulate
from epifiji.jobs.events.detect import detect
from epifiji.jobs.events.suggestions import suggested_network, suggested_settings
from epifiji.jobs.events.trial import Trial, TriedNetwork, try_networks
from epifiji.jobs.events.trial_place import LARGEST_SIDE_PX, SIDE_PX, place_of
from small_networks import small_network

PLACE = {"x": 45, "y": 40, "width": 60, "height": 70, "frame": 12}
SCALE = {"cell_diameter": 25.0}


@pytest.fixture(scope="module")
def movie() -> Movie:
    return replace(demo_movie()[0], pixel_size_um=0.2, frame_interval_s=300.0)


@pytest.fixture(scope="module")
def tried(movie: Movie) -> Trial:
    network = small_network(1, seed=15)
    return try_networks(movie, ["epinet", network], mode="exact", **PLACE, **SCALE)


@pytest.mark.parametrize("number", [0, 1])
def test_the_finds_and_maps_are_those_of_the_whole_movie(movie: Movie, tried: Trial, number: int) -> None:
    network = ("epinet", small_network(1, seed=15))[number]
    whole = detect(movie, network, mode="exact", maps="raw", threshold=0, min_volume=0)
    place, one = tried.place, tried.networks[number]
    assert one.problem == ""
    for name, pixels in (one.maps or {}).items():
        expected = whole.maps["rawproba"][name][place.first : place.stop][:, 40:110, 45:105]
        assert np.array_equal(pixels, expected), name
    # Volumes that reach far beyond the place are cut by its margin.
    inside = [e for e in whole.events if 50 < e.x < 100 and 45 < e.y < 105 and abs(e.frame - place.frame) < 3]
    compact = {key(event) for event in inside if event.volume < 2000}
    assert compact <= {key(event) for event in one.candidates}
    assert compact or number


def test_a_detection_with_the_suggested_settings_finds_what_the_trial_shows() -> None:
    """Cells of 40 px, so that the movie is rescaled: the trial's part begins within the movie and rescales on its own."""
    movie, _ = simulate(seed=6, frames=26, height=160, width=520, cell_diameter_px=40.0, extrusions=6, margin_frames=4)
    trial = try_networks(movie, ["epinet"], x=420, y=10, width=100, height=140, frame=20)
    (one,), place = trial.networks, trial.place
    values = {setting.setting: setting.value for setting in suggested_settings(trial, one)}
    assert one.rescaled
    assert one.uncertain == 0
    assert float(values["cell_diameter"]) == trial.cell_diameter
    whole = detect(movie, "epinet", **{name: value for name, value in values.items() if value})
    expected = sorted(map(key, filter(place.contains, whole.events)))
    assert expected
    assert sorted(map(key, one.finds)) == [pytest.approx(values, abs=0.01) for values in expected]


def key(event: Event) -> tuple[str, int, float, float, float, int]:
    return event.event, event.frame, round(event.y, 3), round(event.x, 3), round(event.score, 6), event.volume


def test_a_place_is_the_middle_of_the_view_and_of_the_movie() -> None:
    place, notices = place_of("m", (50, 600, 800), PlaceSettings(), (100, 50, 400, 300))
    assert (place.x, place.y, place.width, place.height) == (200, 100, SIDE_PX, SIDE_PX)
    assert (place.first, place.frame, place.stop) == (21, 25, 30)
    assert notices == ()
    small, _ = place_of("m", (50, 600, 800), PlaceSettings(frame=1), (0, 0, 90, 80))
    assert (small.x, small.y, small.width, small.height) == (0, 0, SIDE_PX, SIDE_PX)
    assert (small.first, small.stop) == (0, 5)


def test_only_the_middle_of_a_large_rectangle_is_tried() -> None:
    settings = PlaceSettings(x=0, y=10, width=700, height=100)
    place, notices = place_of("m", (50, 600, 800), settings)
    assert (place.x, place.width, place.y, place.height) == (200, LARGEST_SIDE_PX, 10, 100)
    assert notices == ("The rectangle has more than 300 x 300 px, so only its middle is tried.",)


@pytest.mark.parametrize(
    ("shape", "values", "message"),
    [
        ((1, 90, 90), {}, "m has 1 frame, but at least 5 are needed, because networks compare frames"),
        ((9, 90, 90), {"frame": "10"}, "frame is 10, but m has 9 frames: give a frame from 1 to 9"),
        ((9, 90, 90), {"x": "5", "width": "8"}, "The width of the rectangle is 8 px in the movie, but at least 32 px"),
        ((9, 90, 90), {"y": "200"}, "The height of the rectangle is 0 px in the movie"),
    ],
)
def test_a_place_without_room_is_refused(shape: tuple[int, int, int], values: dict[str, str], message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        place_of("m", shape, parse_settings(PlaceSettings, values))


def test_a_short_movie_is_tried_with_a_notice() -> None:
    _, notices = place_of("m", (7, 90, 90), PlaceSettings())
    assert notices[0].startswith("m has 7 frames, fewer than 10")


def test_a_network_that_cannot_be_used_here_says_why_and_the_others_are_tried() -> None:
    noise = np.random.default_rng(3).integers(0, 200, (8, 40, 42)).astype(np.uint8)
    found = try_networks(noise, [small_network(1), "epinet"], mode="fast")
    assert [bool(one.problem) for one in found.networks] == [True, True]
    assert "the windows of the network small are 45 x 45 px" in found.networks[0].problem
    assert found.cell_diameter is None
    assert suggested_network(found) is None


def test_a_channel_of_16_bits_without_calibration_is_tried(movie: Movie, tmp_path: Path) -> None:
    """The demonstration's movie is the second channel, without µm and minutes; the first one has no tissue."""
    pixels = np.asarray(movie.pixels).astype(np.uint16) * 200 + 1000
    noise = np.random.default_rng(5).integers(0, 65535, pixels.shape).astype(np.uint16)
    path = tmp_path / "two.tif"
    tifffile.imwrite(path, np.stack([noise, pixels], 1), imagej=True, metadata={"axes": "TCYX"})
    found = try_networks(path, ["epinet"], channel=2, mode="exact", **PLACE, **SCALE)
    (one,), (same,) = found.networks, try_networks(pixels, ["epinet"], mode="exact", **PLACE, **SCALE).networks
    assert [key(event) for event in one.candidates] == [key(event) for event in same.candidates]
    assert one.finds
    assert not any(unit in setting.reason for setting in suggested_settings(found, one) for unit in ("µm", " min)"))
    other = try_networks(path, ["epinet"], channel=1, mode="exact", **PLACE, **SCALE)
    assert [key(event) for event in other.networks[0].finds] != [key(event) for event in one.finds]
    with pytest.raises(WrongInputError, match="3"):
        try_networks(path, ["epinet"], channel=3, **PLACE, **SCALE)


def test_a_trial_can_be_cancelled(movie: Movie) -> None:
    def cancel(done: float, doing: str) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        try_networks(movie, ["epinet"], cancel)


def of(tried: Trial, name: str, *finds: Event) -> TriedNetwork:
    one = tried.networks[0]
    return replace(one, name=name, candidates=finds)


FIRST, SECOND = Event("cell_death", 10, 60, 70, 0.9, 900), Event("cell_death", 12, 100, 50, 0.9, 900)


def test_the_default_network_is_suggested_with_the_share_of_its_finds_that_others_make(tried: Trial) -> None:
    trial = replace(tried, networks=(of(tried, "epinet", FIRST, SECOND), of(tried, "other", FIRST)))
    network = suggested_network(trial)
    assert network is not None
    assert network.value == "epinet"
    assert network.reason == (
        "It is the default network, and 1 of its 2 finds here is also made by another network; agreement is no measure of "
        "accuracy, which needs annotated or reviewed events."
    )


def test_another_network_is_suggested_if_the_default_one_misses_what_the_others_agree_on(tried: Trial) -> None:
    both = FIRST, SECOND
    trial = replace(tried, networks=(of(tried, "epinet"), of(tried, "one", *both), of(tried, "two", *both)))
    network = suggested_network(trial)
    assert network is not None
    assert network.value == "one"
    assert "2 of its 2 finds here are also made by another network, and none of epinet's" in network.reason.replace(
        "\n", ""
    )


def test_settings_are_suggested_from_the_scale_and_the_threshold(tried: Trial) -> None:
    near = replace(FIRST, raw_score=tried.networks[0].thresholds["cell_death"] / 255 + 0.01)
    trial = replace(tried, cell_diameter=48.0, settings=tried.settings.model_copy(update={"cell_diameter": "auto"}))
    found = {one.setting: one for one in suggested_settings(trial, of(tried, "epinet", near))}
    assert found["cell_diameter"].value == "48"
    assert found["cell_diameter"].reason == (
        "Cells here are about 48.0 px (9.6 µm), but epinet was trained for 25 px, so the movie is rescaled."
    )
    assert found["event_duration"].value == ""
    assert "4.5 frames (22.5 min)" in found["event_duration"].reason
    assert found["threshold"].reason == "The network's own; 1 of 1 find here is close to it, as the slider shows."
    assert found["mode"].value == "exact"
