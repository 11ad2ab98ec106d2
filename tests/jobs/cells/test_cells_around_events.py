"""The cells around events: the right cell is followed and measured, and results are written, read, and measured again."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from roifile import ImagejRoi

import epifiji
from epifiji.data.cell_traces import AREA, NEIGHBOURS
from epifiji.data.cells import CellMaps
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.engine.cells.borders import borders_of
from epifiji.engine.cells.scale import Scale
from epifiji.files.results.cells_around import FILES
from epifiji.files.results.opinions import read_opinions
from epifiji.jobs.cells.around_result import CellsAroundEvents
from followed_cells import TrueCells, simulated, true_cell


def measured(faulty: bool = False, events: list[Event] | None = None, **settings: object) -> CellsAroundEvents:
    made = simulated()
    movie = Movie(made.pixels, "m", pixel_size_um=0.5, frame_interval_s=120)
    return epifiji.measure_cells(
        made.events if events is None else events, movie, segmenter=TrueCells(made, faulty), **settings
    )


@pytest.fixture(scope="module")
def found() -> CellsAroundEvents:
    return measured(faulty=True)


def test_cells_are_followed_to_their_end_although_frames_are_segmented_badly(found: CellsAroundEvents) -> None:
    made = simulated()
    assert found.counts == {"cell_death": (4, 4), "cell_division": (2, 2)}
    assert all(abs(one.end - one.event.frame) <= 2 for one in found.traces if one.end is not None)
    errors, same = [], []
    for trace in found.traces:
        truth = made.labels == true_cell(made, trace.event)
        for index, frame in enumerate(trace.frames):
            if frame < min(trace.end or 0, trace.event.frame) and not np.isnan(trace.values[AREA][index]):
                area = np.count_nonzero(truth[frame])
                errors.append(abs(trace.values[AREA][index] - area) / area)
                borders = borders_of(made.labels[frame])
                own = (borders.pairs == true_cell(made, trace.event)).any(1) & (borders.lengths >= 2)
                same.append(trace.values[NEIGHBOURS][index] == own.sum())
    assert np.median(errors) < 0.03
    assert np.mean(same) > 0.8


def test_a_place_without_an_event_and_one_outside_are_reported_and_left_out() -> None:
    events = [*simulated().events, Event("cell_division", 2, 90, 90), Event("cell_death", 500, 9, 9)]
    result = measured(events=events)
    problems = {one.event.frame: one.problem for one in result.traces if one.problem}
    assert problems == {2: "no cell divides here", 500: "it is not in the movie"}
    opinions = {one.event.frame: one.opinion.reason for one in result.traces if one.opinion and one.problem}
    assert opinions == {2: "too few frames before the event", 500: "it is not in the movie"}
    assert result.counts == {"cell_death": (4, 5), "cell_division": (2, 3)}
    assert result.means["cell_division"][AREA].counts.max() == 2


def test_the_cells_agree_with_true_events_and_not_with_others(found: CellsAroundEvents, tmp_path: Path) -> None:
    assert {one.opinion and one.opinion.verdict for one in found.traces} == {"agrees"}
    true = next(one.event for one in found.traces if one.event.event == "cell_death")
    wrong = [Event("cell_division", true.frame, true.y, true.x), Event("cell_death", 17, 95, 40)]
    assert min(np.hypot(one.event.y - 95, one.event.x - 40) for one in found.traces) > 40
    other = measured(events=wrong)
    assert other.in_words() == [
        "cell_death: 0 of 1 followed, 1 could not be followed; the cells disagree with 1 of 1 that they show",
        "cell_division: 0 of 1 followed, 1 could not be followed; the cells disagree with 1 of 1 that they show",
    ]
    other.save(tmp_path / "cells")
    known = read_opinions(tmp_path)
    assert [(event.event, event.frame, opinion.verdict, opinion.reason) for event, opinion in known] == [
        ("cell_division", true.frame, "disagrees", "a cell disappears, none divides"),
        ("cell_death", 17, "disagrees", "the cell is still there 6 frames later"),
    ]


class NoCells:
    """Finds no cells, as in frames without tissue."""

    scale = Scale(20, False)

    def __call__(self, frame: np.ndarray) -> CellMaps:
        return CellMaps(np.zeros(frame.shape, np.int32), np.zeros(frame.shape, np.float32), np.zeros(frame.shape, bool))


@pytest.mark.filterwarnings("error")
def test_without_cells_the_reason_is_reported() -> None:
    movie = np.full((12, 80, 80), 5, np.uint8)
    found = epifiji.measure_cells(
        [Event("cell_death", 6, 40, 40), Event("cell_division", 6, 40, 40)], movie, segmenter=NoCells()
    )
    assert [one.problem for one in found.traces] == ["no cells are found around it"] * 2


def test_planes_are_projected_if_asked(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (6, 3, 40, 50), np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", stack, imagej=True, metadata={"axes": "TZYX"})
    found = epifiji.measure_cells(
        [Event("cell_death", 3, 9, 9)], tmp_path / "m.tif", segmenter=NoCells(), project="max"
    )
    assert np.array_equal(np.asarray(found.movie), stack.max(axis=1))


def test_pixels_that_are_not_square_give_no_lengths_in_micrometres() -> None:
    movie = Movie(np.zeros((12, 80, 80), np.uint8), "m", pixel_size_um=0.5, frame_interval_s=120, pixel_height_um=0.25)
    found = epifiji.measure_cells([Event("cell_death", 6, 40, 40)], movie, segmenter=NoCells())
    assert found.units.pixel_size_um is None
    assert found.units.frame_interval_s == 120
    (notice,) = found.notices
    assert "pixels that are not square, so all lengths and areas are in pixels" in notice


def test_a_class_without_a_fate_is_measured_at_its_place() -> None:
    result = measured(events=[Event("cell_sop", 3, 20.0, 150.0)], before=3, after=6)
    (trace,) = result.traces
    assert trace.problem or trace.end is None or trace.daughters


def test_no_events_and_a_movie_of_five_frames_are_sentences() -> None:
    made = simulated()
    none = epifiji.measure_cells([], Movie(made.pixels, "m"), segmenter=TrueCells(made))
    assert none.traces == () and "There are no events" in none.notices[0]
    short = epifiji.measure_cells(
        [Event("cell_death", 1, 90, 90), Event("cell_division", 4, 90, 90)],
        Movie(made.pixels[:5], "m"),
        segmenter=TrueCells(made),
    )
    assert {one.problem for one in short.traces} == {"fewer than two frames before the event", "no cell divides here"}


def test_the_files_contain_the_units_and_each_event(found: CellsAroundEvents, tmp_path: Path) -> None:
    files = found.save(tmp_path / "cells")
    assert {file.name for file in files} == {*FILES}
    with (tmp_path / "cells" / "cells_around_events.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    trace = found.traces[0]
    assert rows[0]["area (µm²)"] == f"{trace.values[AREA][0] * 0.25:.6g}"
    assert float(rows[0]["time (min)"]) == (trace.frames[0] - trace.zero) * 2
    with (tmp_path / "cells" / "followed_events.csv").open(encoding="utf-8") as file:
        assert [row["followed"] for row in csv.DictReader(file)] == ["yes"] * len(found.traces)
    with pytest.raises(WrongInputError, match="exists and would be overwritten"):
        found.save(tmp_path / "cells")
    with pytest.raises(WrongInputError, match="specify out"):
        found.save()


def test_changed_outlines_are_measured_again(found: CellsAroundEvents, tmp_path: Path) -> None:
    found.save(tmp_path)
    movie = found.movie
    same = epifiji.measure_cells([], movie, from_rois=tmp_path / "cell_outlines.zip", segmenter=TrueCells(simulated()))
    for before, after in zip(found.traces, same.traces, strict=True):
        assert repr(after.opinion) == repr(before.opinion)
        np.testing.assert_array_equal(before.labels, after.labels)
        for name, values in before.values.items():
            np.testing.assert_array_equal(values, after.values[name])
    trace = found.traces[0]
    name = f"cell {trace.number} frame {trace.frames[0] + 1}.roi"
    y, x = (round(float(at)) for at in trace.places[0])
    square = ImagejRoi.frompoints(np.array([[x, y], [x + 6, y], [x + 6, y + 6], [x, y + 6]]), name=name[:-4])
    with zipfile.ZipFile(tmp_path / "cell_outlines.zip") as old, zipfile.ZipFile(tmp_path / "new.zip", "w") as new:
        for entry in old.namelist():
            new.writestr(entry, square.tobytes() if entry == name else old.read(entry))
    changed = epifiji.measure_cells([], movie, from_rois=tmp_path / "new.zip")
    assert changed.traces[0].values[AREA][0] == 36
    assert changed.traces[0].values[AREA][1] == trace.values[AREA][1]


def test_results_of_another_movie_and_unknown_movies_are_refused(tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    table.write_text("event,frame,y,x\ncell_death,10,50,50\n", encoding="utf-8")
    with pytest.raises(WrongInputError, match="does not say which movie"):
        epifiji.measure_cells(table)
    with pytest.raises(WrongInputError, match="specify the movie"):
        epifiji.measure_cells([Event("cell_death", 9, 50, 50)])
