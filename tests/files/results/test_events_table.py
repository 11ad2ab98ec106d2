"""events.csv: what is written, read back, and refused."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.files.results.events_table import read_events, read_scale, write_events
from epifiji.jobs.events.result import Result

BEFORE = "event,frame,y,x,score,volume,border"
"""The header of earlier versions."""

HEADER = f"{BEFORE},raw_score"


@pytest.fixture
def table(tmp_path):
    """A function that writes lines into a table and returns its path."""

    def write(*lines: str, encoding: str = "utf-8"):
        path = tmp_path / "events.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


class TestWriting:
    def test_frames_count_from_1_and_numbers_are_short(self, tmp_path):
        events = [
            Event("cell_death", 0, 127, 128.5, 0.987654, 1234, True),
            Event("cell_sop", 11, 0.004, -0.001, 1.0),
            Event("cell_sop", 12, 1, 2, 0.75, 900, raw_score=0.912345),
            Event("mine, all", 9999, 10.126, 1e4),
        ]
        write_events(tmp_path / "events.csv", events)
        assert (tmp_path / "events.csv").read_text("utf-8").splitlines() == [
            HEADER,
            "cell_death,1,127,128.5,0.9877,1234,1,0.9877",
            "cell_sop,12,0,0,1,0,0,1",
            "cell_sop,13,1,2,0.75,900,0,0.9123",
            '"mine, all",10000,10.13,10000,,0,0,',
        ]

    def test_without_events_there_is_only_the_header(self, tmp_path):
        write_events(tmp_path / "events.csv", [])
        assert (tmp_path / "events.csv").read_bytes() == f"{HEADER}\n".encode()
        assert read_events(tmp_path / "events.csv") == []

    def test_a_calibrated_movie_adds_micrometres_and_minutes(self, tmp_path):
        write_events(tmp_path / "events.csv", [Event("cell_death", 12, 100, 200, 0.5, 9)], 0.183, 300)
        with (tmp_path / "events.csv").open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
        assert list(row) == [*HEADER.split(","), "y_um", "x_um", "time_min"]
        # 100 px of 0.183 µm, 200 px, and 12 intervals of 300 s after the first frame.
        assert (row["y_um"], row["x_um"], row["time_min"]) == ("18.3", "36.6", "60")

    @pytest.mark.parametrize(("scale", "columns"), [((0.2, None), ["y_um", "x_um"]), ((None, 60.0), ["time_min"])])
    def test_only_the_known_scale_adds_columns(self, tmp_path, scale, columns):
        write_events(tmp_path / "events.csv", [], *scale)
        assert (tmp_path / "events.csv").read_text("utf-8").strip() == ",".join([HEADER, *columns])

    def test_a_write_that_fails_leaves_the_old_table_and_nothing_else(self, tmp_path, table):
        path = table("old")
        events = (Event("cell_death", frame, 1, 1) for frame in [0, None])
        with pytest.raises(TypeError):
            write_events(path, events)
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestReading:
    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.builds(
                Event,
                st.text(
                    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\:"), min_size=1, max_size=80
                ).filter(lambda s: s == s.strip() and s not in (".", "..")),
                st.integers(0, 10**6),
                st.floats(0, 60535),
                st.floats(0, 60535),
                st.floats(0, 1),
                st.integers(0, 10**9),
                st.booleans(),
                st.floats(0, 1),
            )
        )
    )
    def test_what_is_written_is_read_again_to_its_decimals(self, tmp_path_factory, events):
        path = tmp_path_factory.mktemp("tables") / "events.csv"
        write_events(path, events, 0.2, 60)
        again = read_events(path)
        exact = [(e.event, e.frame, e.volume, e.border) for e in events]
        assert [(e.event, e.frame, e.volume, e.border) for e in again] == exact
        for read, written in zip(again, events, strict=True):
            np.testing.assert_allclose((read.y, read.x), (written.y, written.x), rtol=0, atol=0.00501)
            assert read.score == pytest.approx(written.score, abs=0.0000501)
            assert read.raw_score == pytest.approx(written.raw_score, abs=0.0000501)

    def test_columns_may_be_in_any_order_and_others_are_ignored(self, table):
        path = table("x,comment,y,frame,event", "3.5,really,2.5,7,cell_sop", "", "")
        (event,) = read_events(path)
        assert (event.event, event.frame, event.y, event.x, event.volume) == ("cell_sop", 6, 2.5, 3.5, 0)
        assert math.isnan(event.score)

    def test_scores_of_earlier_tables_are_raw(self, table):
        (event,) = read_events(table(BEFORE, "cell_death,5,1,2,0.75,900,0"))
        assert (event.score, event.raw_score) == (0.75, 0.75)
        assert event.over(191)
        assert not event.over(192)

    def test_thresholds_apply_to_raw_scores(self, table):
        known, unknown = read_events(table(HEADER, "cell_death,5,1,2,0.75,900,0,0.9", "cell_death,6,1,2,0.75,900,0,"))
        assert (known.score, known.raw_score) == (0.75, 0.9)
        assert known.over(229)
        assert not known.over(230)
        assert math.isnan(unknown.raw_score)

    def test_a_table_saved_by_a_spreadsheet_is_read(self, table):
        path = table(BEFORE, "cell_death, 5.0 ,1,2,,,\r", encoding="utf-8-sig")
        (event,) = read_events(path)
        assert (event.frame, event.y, event.border) == (4, 1, False)

    @pytest.mark.parametrize(
        "lines",
        [
            ("event;frame;y;x;score", "cell_death;5;1,25;20,5;0,75", "cell_sop;6;10;2,5;"),
            (
                "sep=;",
                "Event;Frame;Y;X;Score",
                "",
                "cell_death;5;1,25;20,5;0,75",
                ";;;;",
                "cell_sop;6;10;2.5;",
                ";;;;",
                "",
            ),
            ("event\tframe\ty\tx\tscore", "cell_death\t5\t1.25\t20.5\t0.75", "cell_sop\t6\t10\t2.5\t"),
            ("sep=,", "EVENT,FRAME,Y,X,SCORE", "cell_death,5,1.25,20.5,0.75", ",,,,", "cell_sop,6,10,2.5,"),
            (
                '"event";"frame";"y";"x";"score"',
                '"cell_death";"5";"1,25";"20,5";"0,75"',
                '"cell_sop";"6";"10";"2,5";""',
            ),
        ],
        ids=["semicolons", "sep", "tabs", "capitals", "quotes"],
    )
    def test_what_spreadsheets_of_other_countries_save_is_read(self, table, lines):
        first, second = read_events(table(*lines, encoding="utf-8-sig"))
        assert (first.event, first.frame, first.y, first.x, first.score) == ("cell_death", 4, 1.25, 20.5, 0.75)
        assert (second.event, second.frame, second.y, second.x) == ("cell_sop", 5, 10, 2.5)

    def test_a_comma_in_thousands_is_no_decimal_comma(self, table):
        with pytest.raises(WrongInputError, match=r"line 2, has '1\.234,5' as y"):
            read_events(table("event;frame;y;x", "cell_death;5;1.234,5;2"))
        with pytest.raises(WrongInputError, match="line 2, has '1,234' as y"):
            read_events(table("event\tframe\ty\tx", "cell_death\t5\t1,234\t2"))

    def test_the_scale_is_read_from_such_tables_too(self, table):
        assert read_scale(table("event;frame;y;x;y_um;time_min", "a;5;10;2;2,5;20", "a;9;20;2;5;40")) == (0.25, 300)

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("cell_death,0,1,2,0.5,9,0", "line 3, has '0' as frame, but a whole number of at least 1 is needed"),
            ("cell_death,1.5,1,2,0.5,9,0", "line 3, has '1.5' as frame"),
            ("cell_death,,1,2,0.5,9,0", "line 3, has '' as frame"),
            ("cell_death,1,abc,2,0.5,9,0", "line 3, has 'abc' as y, but a number of pixels with a decimal point"),
            ("cell_death,1,1,nan,0.5,9,0", "line 3, has 'nan' as x"),
            ("cell_death,1,inf,1,0.5,9,0", "line 3, has 'inf' as y"),
            ("cell_death,1,1,2,1.5,9,0", "line 3, has '1.5' as score, but a number from 0 to 1 or nothing"),
            ("cell_death,1,1,2,0.5,-9,0", "line 3, has '-9' as volume, but a whole number of at least 0"),
            ("cell_death,1,1,2,0.5,9,yes", "line 3, has 'yes' as border, but 0, 1 or nothing"),
            (",1,1,2,0.5,9,0", "line 3, has no class in the column event"),
            ("cell_death,1,1,2,0.5,9", "line 3, has 6 cells, but the header has 7 columns"),
            ('cell_death,1,"1"2,2,0.5,9,0', r"line 3, is not comma-separated values \("),
        ],
    )
    def test_a_wrong_cell_is_refused_with_its_line(self, table, row, message):
        path = table(BEFORE, "cell_death,1,1,2,0.5,9,0", row, "cell_death,1,1,2,0.5,9,0")
        with pytest.raises(WrongInputError, match=rf"^events\.csv, {message}"):
            read_events(path)

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ([], r"events\.csv is empty, but a table with the header event,frame,y,x"),
            (["event frame y x"], r"begins with 'event frame y x' and lacks the column event, .* separated by commas"),
            (["event;frame,y,x"], r"begins with 'event;frame,y,x' and lacks the column event"),
            (["event,frame,y"], r"begins with 'event,frame,y' and lacks the column x"),
            (["event,frame,y,x,y"], r"events\.csv has the column y twice"),
        ],
    )
    def test_a_wrong_header_is_refused(self, table, lines, message):
        with pytest.raises(WrongInputError, match=message):
            read_events(table(*lines))

    def test_a_file_that_is_no_table_is_refused(self, tmp_path, table):
        with pytest.raises(WrongInputError, match=r"gone\.csv does not exist, .* check the path"):
            read_events(tmp_path / "gone.csv")
        with pytest.raises(WrongInputError, match=r"cannot be read .* check the path"):
            read_events(tmp_path)
        with pytest.raises(WrongInputError, match=r"events\.csv is not text in UTF-8, .* save it as CSV UTF-8"):
            read_events(table("event,frame,y,x", "µ,1,2,3", encoding="latin-1"))


class TestCut:
    """A truncated table is never read as a shorter one, wherever it was cut."""

    def _saved(self, folder: Path) -> Path:
        pixels = np.zeros((8, 40, 40), np.uint8)
        record = {
            "scale": {"factor_t": 1, "factor_xy": 1},
            "network": {"window_half_size_px": 12},
            "movie": {"name": "m"},
        }
        events = [Event(name, 2 + n, 20, 20, 0.5, 700) for n in range(3) for name in ("cell_death", "cell_sop")]
        Result(events, ("cell_death", "cell_sop"), Movie(pixels, "m"), record).save(folder)
        return folder / "events.csv"

    def test_a_result_that_was_cut_anywhere_is_refused(self, tmp_path):
        table = self._saved(tmp_path / "m_epifiji")
        whole = table.read_bytes()
        assert len(read_events(table)) == 6
        for size in range(len(whole)):
            table.write_bytes(whole[:size])
            with pytest.raises(WrongInputError, match="events.csv"):
                read_events(table)

    def test_the_sentence_says_what_is_there_and_what_was(self, tmp_path):
        table = self._saved(tmp_path / "m_epifiji")
        table.write_bytes(b"".join(table.read_bytes().splitlines(keepends=True)[:-1]))
        with pytest.raises(
            WrongInputError, match=r"has 2 events of cell_sop, but according to run.json next to it the run found 3"
        ):
            epifiji.compare(tmp_path / "m_epifiji", [Event("cell_sop", 2, 20, 20)])
        moved = tmp_path / "mine.csv"
        table.rename(moved)
        assert len(read_events(moved)) == 5

    def test_events_that_were_added_by_hand_are_read(self, tmp_path):
        table = self._saved(tmp_path / "m_epifiji")
        with table.open("a", encoding="utf-8") as file:
            file.write("cell_death,1,3,4,,,,\n")
        assert len(read_events(table)) == 7

    @pytest.mark.parametrize("header", ["event,frame,y,x", "event,frame,y,x,sc", BEFORE])
    def test_a_header_that_does_not_end_is_refused(self, table, header):
        with pytest.raises(WrongInputError, match=r"events.csv ends within its first line, '.*', so it was truncated"):
            read_events(table(header))
        assert read_events(table(header, "")) == []
