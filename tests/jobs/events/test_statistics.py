"""Counts by hand, densities that integrate, and tests of clustering on arrangements whose result is known."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import stats

import epifiji
from epifiji.bridge.cli.main import main
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.region import Region
from epifiji.data.statistics import Extent
from epifiji.engine.events.statistics import (
    EMPTY_CHANCE,
    FEWEST,
    density,
    empty_band,
    nearest_distances,
    neighbours_in_space,
    neighbours_in_space_and_time,
    rates,
)
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import read_scale, write_events
from epifiji.files.results.result_folder import write_record
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.events.statistics_result import FILES, PICTURES, Statistics

FRAME = (300, 400)
FRAMES = 100
SEEDS = range(5)
PERMUTATIONS = 199
REGION = Region.frame((FRAMES, *FRAME))
EXTENT = Extent((FRAMES, *FRAME), 0.5, 120.0)


def poisson(seed: int, count: int = 80) -> np.ndarray:
    """Frame, y, x of independent uniform events."""
    places = np.random.default_rng(1000 + seed).random((count, 3)) * [FRAMES, *FRAME]
    return np.column_stack([np.floor(places[:, 0]), places[:, 1:]])


def pairs(seed: int, count: int = 40, pixels: float = 5, frames: int = 2) -> np.ndarray:
    """Events in pairs, near each other in space and in time."""
    random = np.random.default_rng(2000 + seed)
    first = poisson(seed, count)
    second = first + np.column_stack(
        [random.integers(-frames, frames + 1, count), random.normal(0, pixels, (count, 2))]
    )
    return np.clip(np.concatenate([first, second]), 0, [FRAMES - 1, FRAME[0] - 1, FRAME[1] - 1])


def grid(seed: int) -> np.ndarray:
    """Events on a slightly irregular grid: further from each other than by chance."""
    y, x = np.mgrid[15 : FRAME[0] : 30, 20 : FRAME[1] : 40]
    places = np.column_stack([y.ravel(), x.ravel()]) + np.random.default_rng(seed).normal(0, 2, (y.size, 2))
    return np.column_stack([np.zeros(y.size), places])


def events(places: np.ndarray, name: str = "cell_death") -> list[Event]:
    return [Event(name, int(t), float(y), float(x)) for t, y, x in places]


def in_frame(*given: Any, **settings: Any) -> Statistics:
    """Compute statistics of events whose movie has no pixels; test_statistics_within.py tests those within tissue."""
    return epifiji.event_statistics(*given, within="frame", **settings)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestRates:
    def test_counts_are_those_by_hand_and_the_last_bin_is_shorter(self):
        found = rates(np.array([0, 3, 4, 4, 7, 9]), np.ones(10, bool), 4)
        assert found.edges.tolist() == [0, 4, 8, 10]
        assert found.counts.tolist() == [2, 3, 1]
        assert found.cumulative.tolist() == [2, 5, 6]
        assert found.per_frame().tolist() == [2 / 4, 3 / 4, 1 / 2]

    @pytest.mark.parametrize("time_bin", [1, 3, 10, 50])
    def test_every_event_is_counted_once(self, time_bin):
        found = rates(poisson(1)[:, 0], REGION.observed, time_bin)
        assert found.counts.sum() == 80
        assert (found.per_frame() * np.diff(found.edges)).sum() == pytest.approx(80)

    def test_no_events_are_empty_bins(self):
        assert rates(np.empty(0), np.ones(5, bool), 2).counts.tolist() == [0, 0, 0]

    def test_events_per_hour_follow_the_frame_interval(self, tmp_path):
        # 30 frames of 2 minutes are an hour.
        found = in_frame(events(poisson(3)), extent=EXTENT, time_bin=30, permutations=19)
        found.save(tmp_path)
        table = rows(tmp_path / "rate.csv")
        assert [row["first frame"] for row in table] == ["1", "31", "61", "91"]
        assert [row["last frame"] for row in table] == ["30", "60", "90", "100"]
        assert [float(row["to (min)"]) for row in table] == [60, 120, 180, 200]
        for row in table[:3]:
            assert float(row["events per hour"]) == float(row["events"])
        assert float(table[3]["events per hour"]) == pytest.approx(3 * float(table[3]["events"]), rel=1e-5)
        assert table[3]["events so far"] == "80"


class TestDensity:
    @pytest.mark.parametrize("shape", [(300, 400), (1000, 30), (1, 1), (2048, 2048)])
    @pytest.mark.parametrize("bandwidth", [0.05, 3, 40, 5000])
    def test_it_integrates_to_the_number_of_events_whatever_the_frame(self, shape, bandwidth):
        random = np.random.default_rng(4)
        places = random.random((37, 2)) * shape - 0.5
        smooth, (height, width) = density(places, shape, bandwidth)
        assert smooth.sum() * height * width == pytest.approx(37)
        assert smooth.shape[0] * height == pytest.approx(shape[0])
        assert smooth.shape[1] * width == pytest.approx(shape[1])

    def test_an_event_far_from_the_edges_is_a_gaussian(self):
        smooth, sides = density(np.array([[100.0, 120.0]]), (200, 240), 8)
        assert sides == (1, 1)
        expected = np.outer(*(stats.norm.pdf(np.arange(n), place, 8) for n, place in ((200, 100), (240, 120))))
        assert smooth == pytest.approx(expected, abs=4e-6)

    def test_uniform_events_give_a_level_map_up_to_the_edges(self):
        y, x = np.mgrid[0.5:100:2, 0.5:100:2]
        smooth, _ = density(np.column_stack([y.ravel(), x.ravel()]).astype(float), (100, 100), 15)
        assert smooth.mean() == pytest.approx(0.25)
        assert smooth == pytest.approx(0.25, rel=0.01)

    def test_no_events_are_an_empty_map(self):
        assert not density(np.empty((0, 2)), (20, 30), 4)[0].any()


class TestNeighbours:
    def test_distances_are_those_by_hand(self):
        places = np.array([[0.0, 0], [0, 3], [4, 3], [100, 100], [100, 100]])
        assert nearest_distances(places).tolist() == [3, 3, 4, 0, 0]

    @pytest.mark.parametrize("seed", SEEDS)
    def test_pairs_are_clustered_in_space(self, seed):
        found = neighbours_in_space(pairs(seed), REGION, PERMUTATIONS, seed)
        assert found.p == pytest.approx(2 / (PERMUTATIONS + 1))
        assert found.verdict == "clustered"
        assert found.mean < found.expected_low < found.expected < found.expected_high
        assert np.any(found.share > found.high)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_grid_is_spread_out_in_space(self, seed):
        found = neighbours_in_space(grid(seed), REGION, PERMUTATIONS, seed)
        assert (found.p <= 0.02, found.verdict) == (True, "spread out")

    @pytest.mark.parametrize("seed", SEEDS)
    def test_pairs_are_clustered_in_space_and_time(self, seed):
        found = neighbours_in_space_and_time(pairs(seed), 3.0, PERMUTATIONS, seed)
        assert (found.p <= 0.02, found.verdict) == (True, "clustered")

    @pytest.mark.parametrize("seed", SEEDS)
    def test_dense_regions_are_no_clustering_in_space_and_time(self, seed):
        # Pairs in space whose times are independent of each other.
        places = pairs(seed)
        places[:, 0] = np.random.default_rng(seed).integers(0, FRAMES, len(places))
        assert neighbours_in_space(places, REGION, PERMUTATIONS, seed).verdict == "clustered"
        assert neighbours_in_space_and_time(places, 3.0, PERMUTATIONS, seed).p > 0.01

    def test_random_events_are_significant_as_often_as_the_level_says(self):
        space = [neighbours_in_space(poisson(n), REGION, 99, n).p for n in range(60)]
        together = [neighbours_in_space_and_time(poisson(n), 3.0, 99, n).p for n in range(60)]
        # Of 60 tests at 5 % more than 9 are significant with a probability of 0.1 %.
        assert sum(p <= 0.05 for p in space) <= 9
        assert sum(p <= 0.05 for p in together) <= 9
        # p is uniform between 0 and 1.
        assert stats.kstest(space, "uniform").pvalue > 0.001
        assert stats.kstest(together, "uniform").pvalue > 0.001

    def test_the_mean_expected_distance_is_that_of_a_poisson_process(self):
        # 1 / (2 sqrt(density)), and Donnelly's (1978) correction for the frame's edges.
        count, area, perimeter = 400, FRAME[0] * FRAME[1], 2 * sum(FRAME)
        found = neighbours_in_space(poisson(2, count), REGION, 199, 1)
        expected = 0.5 * np.sqrt(area / count) + (0.0514 + 0.041 / np.sqrt(count)) * perimeter / count
        assert found.expected == pytest.approx(expected, rel=0.01)

    def test_the_envelope_holds_the_curve_of_random_events(self):
        found = neighbours_in_space(poisson(7, 200), REGION, PERMUTATIONS, 1)
        assert np.mean((found.share >= found.low) & (found.share <= found.high)) > 0.9
        assert np.all(np.diff(found.share) >= 0)
        assert found.share[-1] == 1

    def test_a_seed_gives_the_same_again_and_another_gives_another(self):
        first, again, other = (neighbours_in_space(poisson(1), REGION, 49, seed) for seed in (1, 1, 2))
        assert first.expected == again.expected != other.expected
        assert np.array_equal(first.high, again.high)

    def test_events_of_one_frame_or_one_place_are_as_by_chance_after_permuting(self):
        together = poisson(1)
        together[:, 0] = 5
        assert neighbours_in_space_and_time(together, 3.0, 99, 1).p == 1
        at_once = poisson(1)
        at_once[:, 1:] = 7
        assert neighbours_in_space_and_time(at_once, 3.0, 99, 1).p == 1

    def test_too_few_events_are_not_tested(self):
        few = poisson(1, FEWEST - 1)
        assert neighbours_in_space(few, REGION, 99, 1) is None
        assert neighbours_in_space_and_time(few, 1.0, 99, 1) is None


class TestEmptyParts:
    """Tissue that fills two thirds of the frame: random events there are not random in the whole frame."""

    @pytest.mark.parametrize(
        ("axis", "first", "side"), [(1, 0, "right"), (1, 1, "left"), (0, 0, "lower"), (0, 1, "upper")]
    )
    def test_events_spread_over_a_part_are_clustered_only_if_tissue_fills_the_frame(self, axis, first, side):
        places = poisson(1)
        length = FRAME[axis]
        places[:, 1 + axis] = places[:, 1 + axis] * 2 / 3 + first * length / 3
        found = in_frame(events(places), extent=EXTENT, permutations=199)
        assert found.summary()[0]["verdict (space)"] == "clustered if tissue fills the frame"
        assert "in space clustered if tissue fills the frame (p = " in found.in_words(found.classes["cell_death"])
        (notice,) = found.notices
        assert f"No event lies in the {side} 3" in notice
        assert "crop the movie to the tissue" in notice

    def test_random_events_leave_such_a_band_as_rarely_as_the_level_says(self):
        random = np.random.default_rng(5)
        bands = [empty_band(random.random((20, 2)) * FRAME - 0.5, FRAME) for _ in range(2000)]
        assert sum(band is not None for band in bands) <= stats.binom.ppf(0.999, 2000, EMPTY_CHANCE)

    def test_few_events_give_no_band(self):
        assert empty_band(np.array([[100.0, 150.0], [200.0, 250.0]]), FRAME) is None
        assert empty_band(np.empty((0, 2)), FRAME) is None


class TestStatistics:
    def test_classes_do_not_change_each_other(self):
        alone = in_frame(events(poisson(1)), extent=EXTENT, permutations=49)
        both = events(poisson(1)) + events(poisson(2), "cell_sop")
        joined = in_frame(both, extent=EXTENT, permutations=49)
        assert list(joined.classes) == ["cell_death", "cell_sop"]
        assert alone.summary()[0] == joined.summary()[0]

    def test_lengths_and_times_follow_the_calibration(self):
        places = pairs(1)
        plain = in_frame(events(places), extent=Extent((FRAMES, *FRAME)), permutations=49).summary()[0]
        scaled = in_frame(events(places), extent=EXTENT, permutations=49).summary()[0]
        for key in ("nearest", "nearest at random", "2.5 %", "97.5 %"):
            for kind in ("space", "space and time"):
                assert scaled[f"{key} ({kind}, µm)"] == pytest.approx(0.5 * plain[f"{key} ({kind}, px)"])
        assert scaled["p (space and time)"] == plain["p (space and time)"]
        assert scaled["last (min)"] == 2 * places[:, 0].max()
        assert plain["events per frame"] == 80 / FRAMES
        assert scaled["events per hour"] == pytest.approx(80 / (FRAMES * 120 / 3600))

    def test_frames_count_from_1_as_in_the_table_of_events(self, tmp_path):
        write_events(tmp_path / "events.csv", [Event("cell_death", t, 5, 5 + t) for t in (8, 10, 20)])
        in_table = [int(row["frame"]) for row in rows(tmp_path / "events.csv")]
        found = in_frame(tmp_path / "events.csv", extent=Extent((30, *FRAME)), time_bin=10)
        row = found.summary()[0]
        assert [row[f"{key} (frames)"] for key in ("first", "median", "last")] == in_table == [9, 11, 21]
        found.save(tmp_path / "plots")
        table = rows(tmp_path / "plots" / "rate.csv")
        assert [(row["first frame"], row["last frame"], row["events"]) for row in table] == [
            ("1", "10", "1"),
            ("11", "20", "1"),
            ("21", "30", "1"),
        ]
        assert not [key for key in table[0] if key.startswith(("from", "to"))]

    def test_the_record_gives_size_scale_and_classes(self, tmp_path):
        write_events(tmp_path / "events.csv", [*events(poisson(1)), Event("blink", 3, 5, 5, border=True)], 0.5, 120)
        movie = {"name": "wing", "shape": [FRAMES, *FRAME], "pixel_size_um": 0.25, "frame_interval_s": 60}
        write_record(tmp_path / "run.json", {"movie": movie, "settings": {"events": ["cell_death", "cell_sop"]}})
        found = in_frame(tmp_path, permutations=19)
        assert (found.movie, found.extent) == ("wing", Extent((FRAMES, *FRAME), 0.25, 60))
        assert {name: len(one.places) for name, one in found.classes.items()} == {
            "cell_death": 80,
            "cell_sop": 0,
            "blink": 1,
        }
        assert found.classes["blink"].border == 1
        assert len(found.save(tmp_path / "out")) == len(FILES)

    def test_a_table_gives_the_scale_by_its_columns(self, tmp_path):
        write_events(tmp_path / "events.csv", events(poisson(1)), 0.321, 47)
        pixel, interval = read_scale(tmp_path / "events.csv")
        assert (pixel, interval) == (pytest.approx(0.321, rel=1e-4), pytest.approx(47, rel=1e-4))
        found = in_frame(tmp_path / "events.csv", permutations=19)
        assert (found.extent.length_unit, found.extent.time_unit, found.extent.known) == ("µm", "min", False)

    def test_a_table_without_such_columns_gives_none(self, tmp_path):
        write_events(tmp_path / "events.csv", events(poisson(1)))
        assert read_scale(tmp_path / "events.csv") == (None, None)

    def test_a_movie_gives_size_and_scale_to_rois(self, tmp_path):
        write_rois(tmp_path / "m_cell_death.zip", events(np.array([[1, 2, 3], [4, 20, 30]])))
        write_movie(Movie(np.zeros((6, 40, 50), np.uint8), "m", 0.3, 60), tmp_path / "m.tif")
        alone = in_frame(tmp_path / "m_cell_death.zip")
        assert (alone.extent.shape, alone.extent.known) == ((5, 21, 31), False)
        assert "The movie's size is unknown" in alone.notices[0]
        found = in_frame(tmp_path / "m_cell_death.zip", tmp_path / "m.tif")
        assert found.extent == Extent((6, 40, 50), pytest.approx(0.3, rel=1e-4), 60)

    def test_an_unknown_size_means_no_test_in_space_but_one_in_time(self):
        found = in_frame(events(poisson(1)), permutations=19).classes["cell_death"]
        assert found.space is None
        assert found.space_time is not None

    @pytest.mark.parametrize("given", [[], [Event("cell_death", 3, 5, 5)], [Event("cell_death", 0, 0, 0)] * 7])
    @pytest.mark.parametrize("extent", [None, EXTENT, Extent((1, 1, 1))])
    def test_few_or_equal_events_are_sensible_plots(self, given, extent, tmp_path):
        if extent is not None and extent.shape == (1, 1, 1):
            given = [Event(e.event, 0, 0, 0) for e in given]
        files = in_frame(given, extent=extent, permutations=19).save(tmp_path / "out")
        for file in files:
            if file.name in PICTURES:
                with Image.open(file) as picture:
                    assert min(picture.size) > 200

    def test_events_outside_the_movie_are_refused(self):
        with pytest.raises(WrongInputError, match=r"lies in frame 101 .* but the movie has 100 frames of 400 x 300"):
            in_frame([Event("cell_death", 100, 3, 3)], extent=EXTENT)

    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            ({"time_bin": 0}, "time_bin is 0, but it must be a whole number from 1"),
            ({"bandwidth": "wide"}, "bandwidth is 'wide', but it must be a number above 0"),
            ({"permutations": 3}, "permutations is 3, but it must be a whole number from 19"),
            ({"bins": 3}, "there is no setting 'bins'"),
        ],
    )
    def test_settings_that_cannot_be_used_are_refused(self, setting, words):
        with pytest.raises(WrongInputError, match=words):
            in_frame([], **setting)

    def test_it_can_be_cancelled(self):
        def cancel(done: float, doing: str) -> None:
            if done > 0.3:
                raise CancelledError

        with pytest.raises(CancelledError):
            in_frame(events(poisson(1)), report=cancel, extent=EXTENT)


class TestTheCommandLine:
    def run(self, monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["epifiji", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    def test_it_writes_plots_and_tables_and_overwrites_nothing(self, tmp_path, monkeypatch, capsys):
        write_events(tmp_path / "events.csv", events(pairs(1)))
        movie = {"name": "wing", "shape": [FRAMES, *FRAME]}
        write_record(tmp_path / "run.json", {"movie": movie})
        arguments = ("plot", tmp_path, "--out", tmp_path / "out", "--permutations", 99, "--within", "frame")
        assert self.run(monkeypatch, *arguments) == 0
        assert "in space and time clustered (p = 0.02)" in capsys.readouterr().out
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(FILES)
        assert self.run(monkeypatch, *arguments) == 2
        assert "exists and would be overwritten" in capsys.readouterr().err
        assert self.run(monkeypatch, *arguments, "--overwrite", "--json") == 0
        (summary,) = json.loads(capsys.readouterr().out)["summary"]
        assert (summary["events"], summary["verdict (space)"]) == (80, "clustered if tissue fills the frame")

    def test_figures_have_the_theme_the_formats_and_the_resolution_that_are_given(self, tmp_path):
        found = epifiji.event_statistics([Event("cell_death", 3, 5.0, 6.0)], extent=EXTENT, within="frame")
        written = found.save(tmp_path, theme="light", formats="png,pdf", dpi=72)
        pictures = [name for name in FILES if name in PICTURES]
        assert sorted(file.name for file in written if file.suffix == ".pdf") == sorted(
            name.replace(".png", ".pdf") for name in pictures
        )
        for name in pictures:
            picture = Image.open(tmp_path / name)
            assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
            assert picture.info["dpi"] == pytest.approx((72, 72), abs=0.1)
        with pytest.raises(WrongInputError, match="formats is 'jpg', but it must be .*png, svg, pdf"):
            found.save(tmp_path / "other", formats="jpg")
        with pytest.raises(WrongInputError, match="exists and would be overwritten"):
            found.save(tmp_path, formats="pdf")

    def test_a_missing_folder_is_reported(self, tmp_path, monkeypatch, capsys):
        assert self.run(monkeypatch, "plot", tmp_path / "none", "--out", tmp_path / "out") == 2
        assert "does not exist, but a result folder or a ROI zip is needed" in capsys.readouterr().err
