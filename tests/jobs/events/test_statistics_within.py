"""Statistics within a part of the frame: what lies outside does not count, and an empty part is no clustering."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from roifile import ROI_TYPE, ImagejRoi
from scipy import stats

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.region import Mask, Region
from epifiji.data.statistics import Extent
from epifiji.engine.events.statistics import density_within, neighbours_in_space, random_places, rates
from epifiji.jobs.events.statistics_result import FILES, SUMMARY_TABLE

FRAME = (120, 180)
FRAMES = 40
EXTENT = Extent((FRAMES, *FRAME), 0.5, 120.0)
DRAWS = 200


def tissue() -> Region:
    """A tissue that fills two thirds of the frame, with a round hole, and shrinks in the second half."""
    y, x = np.mgrid[: FRAME[0], : FRAME[1]]
    first = (x < 120) & (np.hypot(y - 60, x - 50) > 20)
    return Region.of("drawn.zip", [Mask.of(first), Mask.of(first & (y > 30))], np.arange(FRAMES) // (FRAMES // 2))


def uniform(region: Region, seed: int, count: int = 60) -> np.ndarray:
    """Independent events, uniform in the region over space and time, drawn by rejection."""
    random = np.random.default_rng(seed)
    places = random.random((20 * count, 3)) * [FRAMES, *FRAME]
    places = np.column_stack([np.floor(places[:, 0]), np.floor(places[:, 1:])])
    inside = [
        bool(region.masks[region.of_frame[int(t)]].pixels()[int(y), int(x)]) for t, y, x in places[: 4 * count].tolist()
    ]
    return places[: 4 * count][inside][:count]


def pairs(region: Region, seed: int) -> np.ndarray:
    first = uniform(region, seed, 30)
    second = first + np.column_stack([np.zeros(30), np.random.default_rng(seed).normal(0, 3, (30, 2))])
    both = np.concatenate([first, np.clip(second, 0, [FRAMES - 1, FRAME[0] - 1, FRAME[1] - 1])])
    return both[region.holds(both)]


def events(places: np.ndarray, name: str = "cell_death") -> list[Event]:
    return [Event(name, int(t), float(y), float(x)) for t, y, x in places]


def drawn(path: Path, left: int, top: int, width: int, height: int, frame: int = 0) -> Path:
    path.write_bytes(
        ImagejRoi(
            roitype=ROI_TYPE.RECT,
            version=227,
            left=left,
            top=top,
            right=left + width,
            bottom=top + height,
            t_position=frame,
        ).tobytes()
    )
    return path


class TestClustering:
    def test_random_events_in_a_tissue_are_significant_as_often_as_the_level_says(self) -> None:
        region = tissue()
        within, frame = [], []
        for seed in range(DRAWS):
            places = uniform(region, seed)
            within.append(neighbours_in_space(places, region, 99, seed).p)
            frame.append(neighbours_in_space(places, Region.frame((FRAMES, *FRAME)), 99, seed).p)
        low, high = stats.binom.ppf([0.001, 0.999], DRAWS, 0.05)
        assert low <= sum(p <= 0.05 for p in within) <= high
        # p is uniform between 0 and 1.
        assert stats.kstest(within, "uniform").pvalue > 0.001
        # In the whole frame the same events are clustered far more often.
        assert sum(p <= 0.05 for p in frame) > DRAWS / 2

    @pytest.mark.parametrize("seed", range(5))
    def test_pairs_in_a_tissue_are_clustered(self, seed: int) -> None:
        found = neighbours_in_space(pairs(tissue(), seed), tissue(), 199, seed)
        assert (found.p <= 0.02, found.verdict) == (True, "clustered")

    def test_random_places_are_uniform_in_the_region_at_their_frame(self) -> None:
        region = tissue()
        frames = np.repeat([3, FRAMES - 1], 20_000)
        places = random_places(frames, region, np.random.default_rng(1))
        assert region.holds(np.column_stack([frames, places])).all()
        for half, mask in zip((slice(0, 20_000), slice(20_000, None)), region.masks, strict=True):
            counts = np.histogram2d(*places[half].T, bins=(6, 9), range=[(-0.5, 119.5), (-0.5, 179.5)])[0]
            expected = mask.coverage((6, 9)) * 20_000 / (mask.area / (20 * 20))
            assert stats.chisquare(counts[expected > 0], expected[expected > 0]).pvalue > 0.001
            assert not counts[expected == 0].any()

    def test_a_movie_with_an_empty_third_is_clustered_only_in_the_frame(self, tmp_path: Path) -> None:
        places = uniform(Region.frame((FRAMES, *FRAME)), 5, 120)
        places[:, 2] *= 2 / 3
        area = drawn(tmp_path / "tissue.roi", 0, 0, 120, 120)
        (frame,) = epifiji.event_statistics(events(places), extent=EXTENT, within="frame", permutations=499).summary()
        found = epifiji.event_statistics(events(places), extent=EXTENT, within=area, permutations=499)
        (within,) = found.summary()
        assert frame["p (space)"] <= 0.01
        assert frame["verdict (space)"] == "clustered if tissue fills the frame"
        assert within["p (space)"] > 0.05
        assert within["verdict (space)"] == "as by chance"
        assert within["p (space and time)"] == frame["p (space and time)"]


class TestDensityAndRates:
    def test_density_is_level_over_the_tissue_and_integrates_to_the_number_of_events(self) -> None:
        y, x = np.mgrid[: FRAME[0], : FRAME[1]]
        mask = (x < 120) & (np.hypot(y - 60, x - 50) > 20)
        region = Region.of("drawn.zip", [Mask.of(mask)], np.zeros(FRAMES, int))
        places = np.argwhere(mask).astype(float)
        places = np.column_stack([np.zeros(len(places)), places])
        found, sides = density_within(places, region, 15)
        coverage = region.coverage(found.shape)
        assert found[coverage == 1] == pytest.approx(1, rel=0.01)
        assert not found[coverage == 0].any()
        assert (found * coverage).sum() * sides[0] * sides[1] == pytest.approx(len(places))

    def test_no_events_are_an_empty_map(self) -> None:
        assert not density_within(np.empty((0, 3)), tissue(), 4)[0].any()

    def test_rates_count_only_frames_in_which_events_may_lie(self) -> None:
        observed = np.array([1, 1, 0, 0, 0, 0, 1, 0], bool)
        found = rates(np.array([0, 1, 1, 6]), observed, 2)
        assert found.observed.tolist() == [2, 0, 0, 1]
        assert found.per_frame()[[0, 3]].tolist() == [1.5, 1]
        assert np.isnan(found.per_frame()[1:3]).all()


class TestStatistics:
    def test_events_outside_are_counted_and_left_out(self, tmp_path: Path) -> None:
        inside, outside = np.array([[3, 10, 10], [9, 59, 59]]), np.array([[4, 61, 10], [5, 10, 100], [6, 100, 100]])
        area = drawn(tmp_path / "part.roi", 0, 0, 60, 60)
        given = events(np.concatenate([inside, outside])) + events(outside[:1], "cell_sop")
        found = epifiji.event_statistics(given, extent=EXTENT, within=area, permutations=19)
        death, sop = found.summary()
        assert (death["within"], death["events"], death["outside"], death["area (µm²)"]) == ("part.roi", 2, 3, 900)
        assert (sop["events"], sop["outside"]) == (0, 1)
        assert "4 of 6 events lie outside part.roi and are left out (3 cell_death, 1 cell_sop)." in found.notices
        assert found.in_words(found.classes["cell_death"]).startswith("2 events within part.roi, ")
        files = found.save(tmp_path / "out")
        assert [file.name for file in files] == list(FILES)
        with (tmp_path / "out" / SUMMARY_TABLE).open(encoding="utf-8", newline="") as file:
            assert [row["within"] for row in csv.DictReader(file)] == ["part.roi", "part.roi"]

    def test_all_events_outside_are_empty_plots_with_a_notice(self, tmp_path: Path) -> None:
        area = drawn(tmp_path / "part.roi", 170, 110, 1, 1)
        found = epifiji.event_statistics(events(uniform(tissue(), 1)), extent=EXTENT, within=area)
        assert found.summary()[0]["events"] == 0
        assert (
            "60 of 60 events lie outside part.roi and are left out (60 cell_death): the plots are empty."
            in found.notices
        )
        assert len(found.save(tmp_path / "out")) == len(FILES)

    def test_an_area_in_a_single_frame_gives_the_rate_in_this_frame(self, tmp_path: Path) -> None:
        area = drawn(tmp_path / "part.roi", 0, 0, 60, 60, frame=4)
        found = epifiji.event_statistics(
            events(np.array([[3, 10, 10], [3, 20, 20], [9, 10, 10]])), extent=EXTENT, within=area, time_bin=1
        )
        row = found.summary()[0]
        # Two events in one frame of two minutes.
        assert (row["events"], row["events per hour"]) == (2, pytest.approx(60))
        assert [one["events per hour"] for one in found.rate_rows()][2:5] == [None, pytest.approx(60), None]
        assert any("has areas in 1 of 40 frames only" in notice for notice in found.notices)
        found.save(tmp_path / "out")

    def test_the_whole_frame_is_named_too(self) -> None:
        (row,) = epifiji.event_statistics(events(uniform(tissue(), 1)), extent=EXTENT, within="frame").summary()
        assert (row["within"], row["outside"], row["area (µm²)"]) == ("frame", 0, FRAME[0] * FRAME[1] / 4)

    @pytest.mark.parametrize(
        ("within", "words"),
        [
            ("nowhere.zip", "within is 'nowhere.zip', which is not a file"),
            (".", r"within is '\.', which is not a file"),
            ("", "within is '', but it must be tissue or frame or a file"),
            (3, "within is 3, but it must be tissue or frame or a file"),
        ],
    )
    def test_what_is_no_region_is_refused(self, within: object, words: str) -> None:
        with pytest.raises(WrongInputError, match=words):
            epifiji.event_statistics([], extent=EXTENT, within=within)

    def test_areas_need_the_size_of_the_movie(self, tmp_path: Path) -> None:
        area = drawn(tmp_path / "part.roi", 0, 0, 60, 60)
        with pytest.raises(
            WrongInputError, match=r"The size of the events' movie is unknown.*specify the movie with --movie"
        ):
            epifiji.event_statistics(events(uniform(tissue(), 1)), within=area)
