"""The tissue of simulated movies, found by segmentation: events in it are tested, and it is kept with the results."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.region import Mask
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.results.events_table import write_events
from epifiji.files.results.movie_identity import described_movie
from epifiji.files.results.result_folder import write_record
from epifiji.files.results.tissue_files import tissue_files
from epifiji.jobs.events import tissue as tissue_job
from epifiji.jobs.events.statistics_result import CELL_FILES, CELL_TABLE, FILES
from epifiji.jobs.events.tissue import MOST_FRAMES, MovieNotFoundError, spread, without_small_parts

FRAMES, HEIGHT, WIDTH, FULL = 9, 160, 300, 200
"""Tissue fills the left `FULL` columns of the movie."""

EVENTS = 90


def uniform_events(seed: int) -> list[Event]:
    places = np.random.default_rng(seed).random((EVENTS, 3)) * [FRAMES, HEIGHT, FULL]
    return [Event("cell_death", int(t), float(int(y)), float(int(x)), 0.9) for t, y, x in places]


@pytest.fixture(scope="module")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated movie whose right third has noise only, with a result folder."""
    folder = tmp_path_factory.mktemp("third")
    simulated, _ = epifiji.simulate(
        seed=5, frames=FRAMES, height=HEIGHT, width=WIDTH, extrusions=0, divisions=0, sops=0
    )
    pixels = np.array(simulated.pixels)
    empty = np.random.default_rng(1).normal(np.percentile(pixels, 2), 3, pixels[:, :, FULL:].shape)
    pixels[:, :, FULL:] = np.clip(empty, 0, 255)
    write_movie(Movie(pixels, "m", 0.3, 120), folder / "m.tif")
    results = folder / "m_epifiji"
    results.mkdir()
    write_events(results / "events.csv", uniform_events(4), 0.3, 120)
    opened = epifiji.read_movie(folder / "m.tif")
    write_record(results / "run.json", {"epifiji": 1, "movie": described_movie(opened, opened.sha256())})
    epifiji.event_statistics(results, permutations=19)
    return folder / "m.tif"


@pytest.fixture
def results(movie: Path, tmp_path: Path) -> Path:
    """The result folder with the tissue, whose movie is not found any more."""
    folder = tmp_path / "m_epifiji"
    shutil.copytree(movie.parent / "m_epifiji", folder)
    record = json.loads((folder / "run.json").read_text())
    record["movie"]["file"] = str(tmp_path / "moved.tif")
    (folder / "run.json").write_text(json.dumps(record))
    return folder


class SegmentsError(Exception):
    """Raised instead of a segmentation."""


@pytest.fixture
def raises_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise an error instead of segmenting a movie."""

    def instead(*_: Any) -> None:
        raise SegmentsError

    monkeypatch.setattr(tissue_job, "segmenter_for", instead)


class TestEmptyThird:
    def test_random_events_are_clustered_in_the_frame_but_not_in_the_tissue(self, results: Path) -> None:
        (frame,) = epifiji.event_statistics(results, within="frame").summary()
        (within,) = epifiji.event_statistics(results).summary()
        assert frame["p (space)"] <= 0.01
        assert frame["verdict (space)"] == "clustered if tissue fills the frame"
        assert within["p (space)"] > 0.05
        assert (within["within"], within["verdict (space)"]) == ("tissue", "as by chance")
        # Of 90 events three are expected within 8 px of the edge.
        assert within["outside"] <= 4

    def test_true_pairs_are_clustered_in_the_tissue(self, results: Path) -> None:
        first = uniform_events(7)[:40]
        shift = np.random.default_rng(1).normal(0, 3, (40, 2))
        second = [
            Event("cell_death", e.frame, float(np.clip(e.y + dy, 0, HEIGHT - 1)), float(np.clip(e.x + dx, 0, FULL - 4)))
            for e, (dy, dx) in zip(first, shift, strict=True)
        ]
        write_events(results / "events.csv", [*first, *second], 0.3, 120)
        (row,) = epifiji.event_statistics(results).summary()
        assert (row["p (space)"] <= 0.01, row["verdict (space)"]) == (True, "clustered")

    def test_the_mask_is_the_tissue(self, results: Path) -> None:
        region = epifiji.event_statistics(results, permutations=19).region
        share = np.mean([mask.pixels() for mask in region.masks], axis=0)
        assert share[:, : FULL - 8].mean() > 0.99
        assert share[:, FULL + 8 :].mean() < 0.02
        assert region.observed.all()


class TestCellsAndRates:
    def test_rates_are_events_by_cells_and_time(self, results: Path) -> None:
        found = epifiji.event_statistics(results, permutations=19)
        assert found.tissue is not None
        row = found.summary()[0]
        # Cells of 25 px in the left part, of which those at its edges are cut.
        assert row["cells"] == pytest.approx(HEIGHT * FULL / (np.pi / 4 * 25**2), rel=0.35)
        assert row["cells, 2.5 %"] < row["cells"] < row["cells, 97.5 %"]
        hours = FRAMES * 120 / 3600
        cells = found.tissue.counts_over_time.mean()
        unit = "events per 100 cells and hour"
        assert row[unit] == pytest.approx(100 * row["events"] / (cells * hours))
        assert row[f"{unit}, 2.5 %"] < row[unit] < row[f"{unit}, 97.5 %"]
        assert f"{row[unit]:.3g} per 100 cells and hour (95 %: " in found.in_words(found.classes["cell_death"])

    def test_the_table_of_squares_adds_up(self, results: Path, tmp_path: Path) -> None:
        found = epifiji.event_statistics(results, permutations=19, time_bin=3, square=50)
        files = found.save(tmp_path / "out")
        assert [file.name for file in files] == [*FILES, *CELL_FILES]
        with (tmp_path / "out" / CELL_TABLE).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 3 * 3 * 6
        assert sum(int(row["events"]) for row in rows) == len(found.classes["cell_death"].places)
        assert found.tissue is not None
        assert sum(float(row["cells"]) for row in rows) / 3 == pytest.approx(
            found.tissue.counts_over_time.mean(), rel=1e-4
        )
        for row in rows:
            cells, rate = float(row["cells"]), row["events per 100 cells and hour"]
            assert (
                rate == ""
                if cells == 0
                else float(rate) == pytest.approx(100 * int(row["events"]) / (cells * 3 * 120 / 3600), rel=1e-4)
            )
            assert (row["mean area (µm²)"] == "") == (row["mean elongation"] == "") == (cells == 0)
        areas = [float(row["mean area (µm²)"]) for row in rows if float(row["cells"]) > 3]
        # Cells of 25 px of 0.3 µm.
        assert np.median(areas) == pytest.approx(np.pi / 4 * 7.5**2, rel=0.3)

    def test_other_regions_write_no_table_of_cells(self, results: Path, tmp_path: Path) -> None:
        epifiji.event_statistics(results, permutations=19).save(tmp_path / "out")
        found = epifiji.event_statistics(results, within="frame", permutations=19)
        found.save(tmp_path / "out", overwrite=True)
        assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(FILES)


class TestKeeping:
    @pytest.mark.usefixtures("raises_instead")
    def test_the_tissue_is_read_again_without_the_movie(self, results: Path) -> None:
        before = {name: (results / name).read_bytes() for name in tissue_files("m")}
        found = epifiji.event_statistics(results, permutations=19)
        assert before == {name: (results / name).read_bytes() for name in tissue_files("m")}
        with tifffile.TiffFile(results / "m_tissue.tif") as file:
            assert len(file.pages) == FRAMES
            pixels = file.asarray()
        assert np.array_equal(pixels > 0, [mask.pixels() for mask in found.region.masks])
        assert any(f"({FRAMES} of {FRAMES} frames segmented with" in notice for notice in found.notices)

    @pytest.mark.usefixtures("raises_instead")
    @pytest.mark.parametrize("what", ["another network", "another movie", "mask cut off", "table cut off", "no mask"])
    def test_a_tissue_that_may_be_wrong_is_not_used(self, movie: Path, results: Path, what: str) -> None:
        mask, table = (results / name for name in tissue_files("m"))
        if what.startswith("another"):
            key = what.removeprefix("another ")
            with tifffile.TiffFile(mask) as file:
                described, pixels = json.loads(file.pages.first.description), file.asarray()
            tifffile.imwrite(mask, pixels, description=json.dumps(described | {key: "0" * 64}), metadata=None)
        elif what == "no mask":
            mask.unlink()
        else:
            file = mask if "mask" in what else table
            file.write_bytes(file.read_bytes()[:-2000])
        with pytest.raises(SegmentsError):
            epifiji.event_statistics(results, movie, permutations=19)

    def test_pooled_movies_are_counted_in_the_kept_tissue(self, results: Path) -> None:
        found = epifiji.event_statistics(results, permutations=19)
        (row,) = epifiji.pool_results(results).rows()
        (one,) = found.summary()
        assert (row["within"], row["events"]) == ("tissue", one["events"])
        assert row["area (µm²)"] == pytest.approx(one["area (µm²)"])
        assert row["cells"] == pytest.approx(one["cells"], rel=0.1)
        whole = next(epifiji.pool_results(results, within="frame").rows())
        assert (whole["within"], whole["area (µm²)"]) == ("frame", pytest.approx(HEIGHT * WIDTH * 0.3**2))

    def test_it_is_found_again_with_the_same_result(self, movie: Path, results: Path) -> None:
        mask, table = (results / name for name in tissue_files("m"))
        good = mask.read_bytes(), table.read_bytes()
        table.unlink()
        epifiji.event_statistics(results, movie, permutations=19)
        assert (mask.read_bytes(), table.read_bytes()) == good

    def test_without_the_movie_and_the_tissue_the_sentence_says_what_to_do(self, results: Path) -> None:
        (results / "m_tissue.tif").unlink()
        with pytest.raises(
            MovieNotFoundError, match=r"The movie m of the events is not found.*--movie, or --within frame"
        ):
            epifiji.event_statistics(results)
        with pytest.raises(MovieNotFoundError, match=r"The movie of the events is not found"):
            epifiji.event_statistics(uniform_events(1))

    def test_a_file_of_the_user_stays(self, movie: Path, results: Path) -> None:
        (results / "m_tissue.tif").write_bytes(b"mine")
        found = epifiji.event_statistics(results, movie, permutations=19)
        assert (results / "m_tissue.tif").read_bytes() == b"mine"
        assert any(
            "m_tissue.tif could not be kept" in notice and "is a file of yours" in notice for notice in found.notices
        )

    @pytest.mark.usefixtures("raises_instead")
    def test_the_kept_tissue_is_not_that_of_another_movie(self, movie: Path, results: Path) -> None:
        pixels = np.array(epifiji.read_movie(movie).pixels)[:, ::-1]
        with pytest.raises(SegmentsError):
            epifiji.event_statistics(results, Movie(pixels, "other"), other_movie=True, permutations=19)


class TestFrames:
    @pytest.mark.parametrize("count", [1, 5, MOST_FRAMES, 21, 200, 1001])
    def test_few_frames_are_spread_evenly(self, count: int) -> None:
        frames = spread(count)
        assert len(frames) == min(count, MOST_FRAMES)
        assert frames[0] >= 0
        assert frames[-1] < count
        assert np.ptp(np.diff(frames)) <= 1 if len(frames) > 1 else True
        assert abs(frames[0] - (count - 1 - frames[-1])) <= 1

    def test_small_holes_are_filled_and_small_islands_removed(self) -> None:
        tissue = np.zeros((200, 200), bool)
        tissue[:, :120] = True
        tissue[50:60, 50:60] = False
        tissue[100:110, 160:170] = True
        cleaned = without_small_parts(tissue, 10)
        expected = np.zeros((200, 200), bool)
        expected[:, :120] = True
        assert np.array_equal(cleaned, expected)
        tissue[20:80, 20:80] = False
        assert not without_small_parts(tissue, 10)[50, 50]

    def test_the_largest_island_stays_and_nothing_stays_nothing(self) -> None:
        tissue = np.zeros((50, 50), bool)
        assert not without_small_parts(tissue, 20).any()
        tissue[20:30, 20:30] = True
        assert Mask.of(without_small_parts(tissue, 20)).area == 100

    @pytest.mark.parametrize("pixels", [np.zeros((8, 40, 50), np.uint8), np.full((8, 40, 50), np.nan, np.float32)])
    def test_movies_without_a_picture_are_refused(self, pixels: np.ndarray) -> None:
        with pytest.raises(
            WrongInputError, match=r"(have no picture|cannot be found).*--within FILE, or --within frame"
        ):
            epifiji.event_statistics([Event("cell_death", 1, 5, 5)], Movie(pixels, "blank"))
