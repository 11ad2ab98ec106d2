"""ROI files: the authors' form, ImageJ's own files, and files that are refused."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile
from hypothesis import given, settings
from hypothesis import strategies as st

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.palette import BLUE, CYAN, GREEN, RED, TAN
from epifiji.files.rois.roi_files import MAX_COORDINATE, event_of_file, read_rois, write_rois
from epifiji.files.storage import archives

IMAGEJ_FILES = Path(__file__).parents[2] / "reference_files" / "rois"
ORACLE_ZIPS = [
    "movie_cell_death.zip",
    "movie_cell_division.zip",
    "movie2_uint16_cell_death.zip",
    "default/movie_cell_death.zip",
    "rescaled/movie2_uint16_cell_death.zip",
]

AUTHORS_COLOURS = {"cell_death": (255, 0, 0), "cell_division": (0, 255, 0)}


def places(path: Path) -> list[tuple[int, float, float]]:
    return [(event.frame, event.y, event.x) for event in read_rois(path, "cell_death")]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def make_zip(path: Path, *entries: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


@pytest.fixture
def point() -> bytes:
    """ROI at frame 6 (0-based), y 10, x 20, as ImageJ wrote it."""
    return (IMAGEJ_FILES / "one_point.roi").read_bytes()


class TestTheAuthorsForm:
    @pytest.mark.parametrize("name", ORACLE_ZIPS)
    def test_an_oracle_zip_read_and_written_again_in_its_colour_has_the_same_bytes(self, shared_data, tmp_path, name):
        path = shared_data / "oracle" / name
        event = event_of_file(path)
        write_rois(tmp_path / "again.zip", read_rois(path, event), AUTHORS_COLOURS[event])
        again, expected = contents(tmp_path / "again.zip"), contents(path)
        assert len(expected) > 1
        assert list(again) == list(expected)
        assert again == expected

    @pytest.mark.parametrize("name", ORACLE_ZIPS)
    def test_frame_and_place_of_an_oracle_roi_are_those_of_its_name(self, shared_data, name):
        path = shared_data / "oracle" / name
        named = [tuple(int(part) for part in entry.removesuffix(".roi").split("-")) for entry in contents(path)]
        assert places(path) == [(frame - 1, y, x) for frame, y, x in named]

    def test_fields_lie_where_imagej_looks_for_them(self, tmp_path):
        write_rois(tmp_path / "m_cell_sop.zip", [Event("cell_sop", 12344, 10001, 40002)])
        ((name, data),) = contents(tmp_path / "m_cell_sop.zip").items()
        assert name == "12345-10001-40002.roi"
        assert data[:4] == b"Iout"
        top, left = struct.unpack(">HH", data[8:12])
        assert (data[6], top, left) == (10, 10001, 40002)
        assert struct.unpack(">h", data[16:18]) == (1,)
        assert struct.unpack(">h", data[34:36]) == (3,)
        assert data[40:44] == bytes((255, *BLUE))
        position, header = struct.unpack(">ii", data[56:64])
        assert (position, *struct.unpack(">iii", data[header + 4 : header + 16])) == (12345, 1, 1, 12345)

    @pytest.mark.parametrize(
        ("event", "argb"),
        [
            ("cell_death", (255, *RED)),
            ("cell_sop", (255, *BLUE)),
            ("cell_division", (255, *GREEN)),
        ],
    )
    def test_each_class_has_its_colour(self, tmp_path, event, argb):
        write_rois(tmp_path / "a.zip", [Event(event, 0, 1, 2)])
        assert contents(tmp_path / "a.zip")["0001-0001-0002.roi"][40:44] == bytes(argb)

    def test_a_given_colour_is_used_for_all(self, tmp_path):
        write_rois(tmp_path / "a.zip", [Event("mine", 0, 1, 2)], colour=(1, 2, 3))
        assert contents(tmp_path / "a.zip")["0001-0001-0002.roi"][40:44] == bytes((255, 1, 2, 3))
        assert read_rois(tmp_path / "a.zip", "mine") == [Event("mine", 0, 1, 2)], "read whatever their colour"

    def test_classes_of_ones_own_in_one_file_have_different_colours(self, tmp_path):
        write_rois(tmp_path / "a.zip", [Event("flash", 0, 1, 2), Event("blink", 1, 1, 2)])
        assert [data[41:44] for data in contents(tmp_path / "a.zip").values()] == [bytes(TAN), bytes(CYAN)]


class TestWriting:
    def test_events_at_one_place_are_all_kept_under_names_of_their_own(self, tmp_path):
        events = [Event("cell_death", 5, 7, 9)] * 3 + [Event("cell_death", 5, 7.2, 9)]
        write_rois(tmp_path / "a.zip", events)
        names = ["0006-0007-0009", "0006-0007-0009-1", "0006-0007-0009-2", "0006-0007-0009-3"]
        assert list(contents(tmp_path / "a.zip")) == [f"{name}.roi" for name in names]
        assert len(read_rois(tmp_path / "a.zip", "cell_death")) == 4

    def test_halves_are_rounded_up_as_imagej_does_and_the_sub_pixel_position_is_kept(self, tmp_path):
        write_rois(tmp_path / "a.zip", [Event("cell_death", 0, 10.5, 20.25), Event("cell_death", 0, 10.49, 21.75)])
        assert list(contents(tmp_path / "a.zip")) == ["0001-0011-0020.roi", "0001-0010-0022.roi"]
        for data, (top, left) in zip(contents(tmp_path / "a.zip").values(), [(11, 20), (10, 22)], strict=True):
            assert struct.unpack(">hh", data[8:12]) == (top, left)
        assert places(tmp_path / "a.zip") == [
            (0, 10.5, 20.25),
            (0, pytest.approx(10.49, abs=1e-5), 21.75),
        ]

    def test_equal_events_give_equal_files(self, tmp_path):
        for name in ("a.zip", "b.zip"):
            write_rois(tmp_path / name, [Event("cell_death", 3, 4, 5)])
        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()

    def test_no_events_are_refused_and_leave_no_file(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"a\.zip was to be written with no events"):
            write_rois(tmp_path / "a.zip", [])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "event",
        [
            Event("cell_death", 0, MAX_COORDINATE + 1, 0),
            Event("cell_death", 0, 0, 70000),
            Event("cell_death", 0, -1, 0),
            Event("cell_death", -1, 0, 0),
            Event("cell_death", 2**31 - 1, 0, 0),
            Event("cell_death", 0, math.nan, 0),
            Event("cell_death", 0, 0, math.inf),
        ],
    )
    def test_a_place_that_imagej_would_read_as_another_is_refused(self, tmp_path, event):
        before = make_zip(tmp_path / "a.zip").read_bytes()
        with pytest.raises(WrongInputError, match="An event of cell_death lies at frame"):
            write_rois(tmp_path / "a.zip", [Event("cell_death", 0, 0, 0), event])
        assert (tmp_path / "a.zip").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]

    def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(self, tmp_path):
        (tmp_path / "a.zip" / "inside").mkdir(parents=True)
        with pytest.raises(OSError, match=r"a\.zip"):
            write_rois(tmp_path / "a.zip", [Event("cell_death", 0, 0, 0)])
        assert [path.name for path in tmp_path.rglob("*")] == ["a.zip", "inside"]

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 100_000),
                st.floats(0, MAX_COORDINATE, width=32),
                st.integers(0, MAX_COORDINATE),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_what_is_written_is_read_again(self, tmp_path_factory, values):
        path = tmp_path_factory.mktemp("rois") / "a.zip"
        write_rois(path, [Event("cell_death", *value) for value in values])
        assert places(path) == values


class TestReadingImageJ:
    """The values are those set by MakeRois.java and SaveManager.java in ImageJ; frames there are counted from 1."""

    def test_points(self):
        assert places(IMAGEJ_FILES / "points.zip") == [
            (6, 10, 20),
            (7, 11, 21),
            (8, 12, 22),
            (9, 13, 23),
            (10, 14.75, 24.25),
            (11, 15, 25),
            (12, 16, 26),
            (13, 17, 27),
            (12344, 30001, 40001),
            (0, 18, 28),
        ]

    def test_every_point_of_a_multi_point_roi_is_an_event_in_its_own_slice(self):
        assert places(IMAGEJ_FILES / "multipoints.zip") == [
            *[(2, 10, 20), (4, 11.25, 30.5), (4, 12, 40)],
            *[(5, 20, 50), (5, 21, 60)],
            *[(3, 30, 70), (3, 31, 80)],
            *[(8, 40, 90), (8, 41, 95)],
        ]

    def test_other_shapes_are_events_at_the_centre_of_their_bounding_box(self):
        # An area of 5 pixels from 10 on covers the pixels 10 … 14, so its centre is pixel 12.
        area, line, axis = (49.5, 19.5), (50, 20), (21.5, 19.5)
        expected = [
            *[(23, 12), (23.25, 12.5), (23, 12)],
            *[area, area, area],
            *[line, line, line],
            *[(22.5, 20.5), (22, 20)],
            *[axis, axis],
            *[(31.5, 22.5), (49.5, 20), (23, 12)],
        ]
        assert places(IMAGEJ_FILES / "shapes.zip") == [(frame, y, x) for frame, (y, x) in enumerate(expected)]

    def test_a_zip_of_the_roi_manager_with_clicked_points_and_equal_labels(self):
        assert places(IMAGEJ_FILES / "manager.zip") == [
            *[(1, 22, 20), (4, 55, 50), (8, 99, 90)],
            *[(7, 44, 33), (7, 44, 33)],
            (7, 43.5, 32.5),
        ]

    def test_a_single_roi_file_is_read_whatever_its_extension(self, tmp_path, point):
        (tmp_path / "ROI.dat").write_bytes(point)
        assert places(IMAGEJ_FILES / "one_point.roi") == places(tmp_path / "ROI.dat") == [(6, 10, 20)]

    def test_a_roi_without_position_is_refused_by_name(self, tmp_path, point):
        nowhere = (IMAGEJ_FILES / "no_position.roi").read_bytes()
        path = make_zip(tmp_path / "a.zip", ("good.roi", point), ("lost.roi", nowhere))
        with pytest.raises(WrongInputError, match=r"a\.zip, ROI lost has no position in the stack, .* FFFF-YYYY-XXXX"):
            places(path)

    @pytest.mark.parametrize("name", ["2024-05-17", "0000-0010-0020", "cell 0003-0004-0005"])
    def test_a_name_that_only_looks_like_a_place_gives_no_frame(self, tmp_path, name):
        nowhere = (IMAGEJ_FILES / "no_position.roi").read_bytes()
        with pytest.raises(WrongInputError, match="has no position in the stack"):
            places(make_zip(tmp_path / "a.zip", (f"{name}.roi", nowhere)))

    def test_the_authors_rois_for_a_movie_stored_as_z_have_their_frame_in_z(self, tmp_path, point):
        header = struct.unpack(">i", point[60:64])[0]
        data = bytearray(point)
        data[header + 4 : header + 16] = struct.pack(">iii", 1, 9, 1)
        assert places(make_zip(tmp_path / "a.zip", ("a.roi", bytes(data)))) == [(8, 10, 20)]


class TestZips:
    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_rois_with_one_name_are_all_read(self, tmp_path, point):
        other = bytearray(point)
        other[56:60] = struct.pack(">i", 9)
        path = make_zip(tmp_path / "a.zip", ("same.roi", point), ("same.roi", bytes(other)), ("same.roi", point))
        assert [frame for frame, _, _ in places(path)] == [6, 8, 6]

    def test_an_empty_zip_has_no_events(self, tmp_path):
        assert places(make_zip(tmp_path / "movie_cell_sop.zip")) == []

    def test_entries_that_are_not_rois_are_ignored(self, tmp_path, point):
        path = make_zip(
            tmp_path / "a.zip",
            ("folder/", b""),
            ("notes.txt", b"hello"),
            ("__MACOSX/._a.roi", b"\x00\x05\x16\x07"),
            ("folder/a.ROI", point),
        )
        assert places(path) == [(6, 10, 20)]

    def test_entries_that_point_out_of_the_folder_are_read_and_nothing_is_written(self, tmp_path, point):
        path = make_zip(tmp_path / "a.zip", ("../../evil.roi", point), ("/evil.roi", point))
        assert places(path) == [(6, 10, 20)] * 2
        assert sorted(tmp_path.parent.rglob("evil.roi")) == []

    def test_a_zip_of_other_files_is_refused(self, tmp_path):
        path = make_zip(tmp_path / "network.zip", ("saved_model.pb", b"weights"))
        with pytest.raises(
            WrongInputError, match=r"network\.zip is a zip without ROIs \(it contains 'saved_model\.pb'\)"
        ):
            places(path)

    def test_an_entry_that_unpacks_to_too_much_is_refused(self, tmp_path, monkeypatch, point):
        monkeypatch.setattr(archives, "LARGEST_ROI_BYTES", 1000)
        path = tmp_path / "bomb.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.roi", point)
            archive.writestr("bomb.roi", point + bytes(100_000))
        with pytest.raises(WrongInputError, match=r"bomb\.zip, entry bomb\.roi has more than 1000 bytes"):
            places(path)

    @pytest.mark.parametrize(("limit", "value"), [("MOST_ROIS", 1), ("LARGEST_ROIS_BYTES", 200)])
    def test_too_many_or_too_large_rois_are_refused(self, tmp_path, monkeypatch, point, limit, value):
        monkeypatch.setattr(archives, limit, value)
        path = make_zip(tmp_path / "a.zip", ("a.roi", point), ("b.roi", point))
        with pytest.raises(WrongInputError, match=r"a\.zip contains 2 ROIs of 288 bytes, but at most .* split it"):
            places(path)

    def test_a_damaged_entry_is_refused_by_name(self, tmp_path, point):
        path = make_zip(tmp_path / "a.zip", ("a.roi", point))
        path.write_bytes(path.read_bytes().replace(point[:12], b"Iout" + bytes(8)))
        with pytest.raises(WrongInputError, match=r"a\.zip, entry a\.roi, cannot be unpacked \(Bad CRC-32"):
            places(path)

    def test_an_encrypted_entry_is_refused_by_name(self, tmp_path, point):
        data = bytearray(make_zip(tmp_path / "a.zip", ("a.roi", point)).read_bytes())
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(signature) + flags] |= 1
        (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(WrongInputError, match=r"a\.zip, entry a\.roi, cannot be unpacked .*encrypted"):
            places(tmp_path / "a.zip")

    def test_a_zip_without_its_end_is_refused(self, tmp_path, point):
        path = make_zip(tmp_path / "a.zip", ("a.roi", point), ("b.roi", point))
        path.write_bytes(path.read_bytes()[:-30])
        with pytest.raises(WrongInputError, match=r"a\.zip is not an ImageJ ROI"):
            places(path)

    def test_a_zip_with_a_broken_directory_is_refused(self, tmp_path, point):
        path = make_zip(tmp_path / "a.zip", ("a.roi", point))
        path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x09\x09"))
        with pytest.raises(WrongInputError, match=r"a\.zip is a broken zip \(Bad magic number"):
            places(path)


class TestBrokenRois:
    @pytest.mark.parametrize("length", [4, 63, 66, 100, 126])
    def test_a_roi_that_is_cut_off_is_refused(self, tmp_path, point, length):
        (tmp_path / "cut.roi").write_bytes(point[:length])
        with pytest.raises(WrongInputError, match=r"^cut\.roi is a broken ImageJ ROI \("):
            places(tmp_path / "cut.roi")

    @pytest.mark.parametrize("data", [b"", b"II*\0" + bytes(200), b"hello"])
    def test_another_file_is_refused(self, tmp_path, data):
        (tmp_path / "a.roi").write_bytes(data)
        with pytest.raises(WrongInputError, match=r"^a\.roi is not an ImageJ ROI \(it does not begin with 'Iout'\)"):
            places(tmp_path / "a.roi")

    @pytest.mark.parametrize(("kind", "name"), [(6, "noroi"), (77, "unknown"), (0, "polygon")])
    def test_a_roi_without_coordinates_is_refused(self, tmp_path, point, kind, name):
        data = bytearray(point)
        data[6], data[16:18] = kind, bytes(2)
        (tmp_path / "a.roi").write_bytes(data)
        with pytest.raises(WrongInputError, match=f"a.roi has the type {name} and no coordinates"):
            places(tmp_path / "a.roi")

    def test_a_hostile_number_of_points_is_refused(self, tmp_path, point):
        data = bytearray(point)
        data[16:22] = struct.pack(">hi", 0, 2**31 - 1)
        (tmp_path / "a.roi").write_bytes(data)
        with pytest.raises(WrongInputError, match=r"a\.roi is a broken ImageJ ROI"):
            places(tmp_path / "a.roi")

    def test_a_position_that_is_no_number_is_refused(self, tmp_path, point):
        data = bytearray(point)
        data[68:72] = struct.pack(">f", math.nan)
        (tmp_path / "a.roi").write_bytes(data)
        with pytest.raises(WrongInputError, match=r"a\.roi has a position that is not a number"):
            places(tmp_path / "a.roi")

    @pytest.mark.parametrize("name", ["one_point.roi", "points.zip", "multipoints.zip", "shapes.zip"])
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_changed_bytes_give_events_or_a_sentence(self, tmp_path_factory, name, data):
        content = bytearray((IMAGEJ_FILES / name).read_bytes())
        places_changed = st.integers(4, len(content) - 1)
        for place, value in data.draw(st.lists(st.tuples(places_changed, st.integers(0, 255)), max_size=4)):
            content[place] = value
        path = tmp_path_factory.mktemp("rois") / "0007-0010-0020.roi"
        path.write_bytes(content)
        try:
            assert all(event.frame >= 0 for event in read_rois(path, "cell_death"))
        except WrongInputError as error:
            assert str(error).startswith("0007-0010-0020.roi")

    def test_a_missing_file_and_a_folder_are_refused(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"gone\.zip does not exist, .* check the path"):
            places(tmp_path / "gone.zip")
        with pytest.raises(WrongInputError, match=r"cannot be read .* check the path"):
            places(tmp_path)


def test_more_points_than_anybody_marks_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    """Thirty ROIs of 50,000 points each, in ImageJ's form, which compresses a thousandfold."""
    many = roifile.ImagejRoi.frompoints(np.zeros((50_000, 2), np.int32))
    many.roitype, many.position = roifile.ROI_TYPE.POINT, 1
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"{number}.roi", many.tobytes())
    assert path.stat().st_size < 100_000
    with pytest.raises(WrongInputError, match="contains more than 1000000 points, but no more are read: split it"):
        read_rois(path, "cell_death")
