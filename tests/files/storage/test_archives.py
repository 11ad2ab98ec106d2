"""Zips and files of arrays from untrusted sources: whatever they contain, an error message, or files inside the folder."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import tracemalloc
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epifiji.data.errors import WrongInputError
from epifiji.files.networks.store import read_network
from epifiji.files.storage import archives
from epifiji.files.storage.archives import roi_entries, unpack

WANTED = ("network.json", "weights_0.npz", "config.cfg")
LIMIT = 10_000
"""Total bytes that the property tests allow, so that examples stay small."""


@dataclass(frozen=True)
class Entry:
    """An entry that is written into a zip byte by byte, valid or not."""

    name: bytes
    data: bytes = b"{}"
    mode: int = stat.S_IFREG | 0o644
    flags: int = 0
    method: int = zipfile.ZIP_DEFLATED
    size_lie: int = 0
    crc_lie: int = 0
    zip64_size: int | None = None
    offset_lie: int = 0
    utf8: bool = True


def raw_zip(entries: list[Entry], comment: bytes = b"") -> bytes:
    """Write a zip by hand, following PKWARE's APPNOTE.TXT (4.3.7, 4.3.12, 4.3.16)."""
    body, directory = b"", b""
    for entry in entries:
        packed = entry.data
        if entry.method == zipfile.ZIP_DEFLATED:
            squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
            packed = squeeze.compress(entry.data) + squeeze.flush()
        crc = (zlib.crc32(entry.data) + entry.crc_lie) & 0xFFFFFFFF
        size = min(max(len(entry.data) + entry.size_lie, 0), 0xFFFFFFFE)
        flags = entry.flags | (0x800 if entry.utf8 else 0)
        extra = b""
        if entry.zip64_size is not None:
            size, extra = 0xFFFFFFFF, struct.pack("<HHQ", 1, 8, entry.zip64_size)
        offset = min(max(len(body) + entry.offset_lie, 0), 0xFFFFFFFE)
        both = struct.pack(
            "<HHHHHLLLHH", 20, flags, entry.method, 0, 0, crc, len(packed), size, len(entry.name), len(extra)
        )
        body += b"PK\x03\x04" + both + entry.name + extra + packed
        directory += (
            b"PK\x01\x02\x14\x03" + both + struct.pack("<HHHLL", 0, 0, 0, entry.mode << 16, offset) + entry.name + extra
        )
    end = struct.pack("<HHHHLLH", 0, 0, len(entries), len(entries), len(directory), len(body), len(comment))
    return body + directory + b"PK\x05\x06" + end + comment


ODD_PARTS = [
    *(
        "a",
        "A",
        "net",
        "variables",
        "weights_0.npz",
        "..",
        ".",
        "",
        " ..",
        "... ",
        "C:",
        "D:",
        "C:..",
        "c:x",
        "a:stream",
    ),
    *(
        "CON",
        "nul.json",
        "COM1",
        "lpt9.cfg",
        "x.",
        "x ",
        "a*b",
        "~",
        "$HOME",
        "%TEMP%",
        "..\\..",
        "\\\\host\\share",
        "/etc",
    ),
    *("\u00e9", "e\u0301", "\u212a", "k", "\ufb01", "fi", "\u0130", "a\x00b", "a\nb", "\u202e"),
]
PARTS = st.one_of(st.sampled_from(ODD_PARTS), st.text(max_size=6))
SEPARATORS = st.sampled_from(["/", "\\", "//", "/./"])


@st.composite
def names(draw: st.DrawFn) -> bytes:
    """A path from parts that some system reads differently, which mostly ends like a wanted file."""
    parts = draw(st.lists(PARTS, max_size=4))
    name = draw(SEPARATORS).join([*parts, draw(st.sampled_from(WANTED)) if draw(st.booleans()) else draw(PARTS)])
    return (
        name.encode("utf-8", errors="surrogatepass")[:60_000]
        if draw(st.booleans())
        else name.encode("cp437", errors="replace")
    )


ODD_NAMES = st.tuples(st.sampled_from(ODD_PARTS), st.sampled_from(ODD_PARTS), st.sampled_from(WANTED)).map(
    lambda parts: "/".join(parts[parts[0] == "a" :]).encode()
)

ENTRIES = st.builds(
    Entry,
    name=names(),
    data=st.one_of(st.binary(max_size=50), st.integers(0, 3 * LIMIT).map(bytes)),
    mode=st.sampled_from([0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFDIR, stat.S_IFCHR, stat.S_IFIFO]),
    flags=st.sampled_from([0, 0, 0, 1, 8, 0x2000]),
    method=st.sampled_from([0, 8, 8, 8, 9, 12, 14, 93, 99]),
    size_lie=st.sampled_from([0, 0, 0, 1, -1, 10**9, -(10**9)]),
    crc_lie=st.sampled_from([0, 0, 0, 1]),
    zip64_size=st.sampled_from([None, None, None, 0, 2**40, 2**63, 2**64 - 1]),
    offset_lie=st.sampled_from([0, 0, 0, -5, -100, 7, 10**9]),
    utf8=st.booleans(),
)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder deep in another, with small limits."""
    monkeypatch.setattr(archives, "LARGEST_SUM_BYTES", LIMIT)
    place = tmp_path / "a" / "b" / "c" / "box"
    place.mkdir(parents=True)
    return place


def unpacked_into(box: Path, data: bytes) -> list[PurePosixPath]:
    """Unpack a zip into a folder in the box, and return the files; none if it is refused. Nothing is written elsewhere."""
    target, file = box / "target", box / "1.zip"
    target.mkdir()
    file.write_bytes(data)
    outside = box.parents[2]
    expected = {path for path in outside.rglob("*") if target not in path.parents}
    try:
        unpack(file, target, WANTED)
    except WrongInputError as problem:
        assert str(problem).endswith(".")
        assert str(problem).isprintable()
    assert {path for path in outside.rglob("*") if target not in path.parents} == expected
    files = [path for path in target.rglob("*") if not path.is_dir()]
    assert all(stat.S_ISREG(os.lstat(path).st_mode) for path in files)
    assert sum(path.stat().st_size for path in files) <= LIMIT
    shutil.rmtree(target)
    return [PurePosixPath(path.relative_to(target)) for path in files]


def means_one_file_everywhere(path: PurePosixPath) -> bool:
    """Ask pathlib, which knows Windows' rules on any system."""
    windows = PureWindowsPath(str(path))
    return (
        not windows.is_absolute()
        and not windows.drive
        and not windows.root
        and not any(PureWindowsPath(part).is_reserved() for part in path.parts)
        and windows.parts == path.parts
        and ".." not in path.parts
        and not any(part.endswith((".", " ")) or set(part) & set(':*?"<>|') for part in path.parts)
    )


ONE_BOX = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@settings(ONE_BOX, max_examples=600)
@given(entries=st.lists(st.one_of(st.builds(Entry, name=ODD_NAMES), ENTRIES), min_size=1, max_size=3))
def test_whatever_entries_come_nothing_gets_outside_or_is_ambiguous(box: Path, entries: list[Entry]) -> None:
    files = unpacked_into(box, raw_zip(entries))
    assert all(map(means_one_file_everywhere, files))
    # On a disk that ignores case or normalises letters there would still be as many files.
    assert len({unicodedata.normalize("NFKC", str(path)).casefold() for path in files}) == len(files)


@ONE_BOX
@given(
    entry=ENTRIES,
    cut=st.integers(0, 400),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
)
def test_whatever_bytes_come_nothing_gets_outside(
    box: Path, entry: Entry, cut: int, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(raw_zip([Entry(b"net/network.json"), entry, Entry(b"net/weights_0.npz", b"1234")]))
    for place, value in changes:
        data[place % len(data)] = value
    unpacked_into(box, bytes(data)[: len(data) - cut if cut < len(data) else None])


@ONE_BOX
@given(
    entries=st.lists(ENTRIES, max_size=4),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
)
def test_a_roi_zip_of_any_bytes_is_read_or_refused_in_words(
    box: Path, entries: list[Entry], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(
        raw_zip(
            [
                Entry(one.name + b".roi", one.data, method=one.method, size_lie=one.size_lie, offset_lie=one.offset_lie)
                for one in entries
            ]
        )
    )
    for place, value in changes:
        data[place % len(data)] = value
    file = box / "rois.zip"
    file.write_bytes(bytes(data))
    try:
        found = list(roi_entries(file))
    except WrongInputError as problem:
        assert str(problem).isprintable()
    else:
        assert len(found) <= max(len(entries), 1)


class TestEntries:
    """Known attacks, one by one, in a zip that is valid otherwise."""

    @pytest.mark.parametrize(
        "name",
        ["a/D:/network.json", "a/C:../C:../network.json", "C:network.json", "network.json:stream", "a/..\\..\\network.json",
         "\\network.json", "\\\\host\\share\\network.json", "//host/network.json", ".. /network.json", "a/../network.json"],
    )  # fmt: skip
    def test_a_path_that_leaves_its_folder_on_some_system(self, box, name):
        (box / "1.zip").write_bytes(raw_zip([Entry(b"net/network.json"), Entry(name.encode())]))
        with pytest.raises(WrongInputError, match="leads outside the folder it is unpacked to: do not use this file"):
            unpack(box / "1.zip", box / "1", WANTED)

    @pytest.mark.parametrize(
        "name",
        ["con/network.json", "a/NUL.x/network.json", "a./network.json", "a /network.json", "a*/config.cfg",
         "a" * 300 + "/config.cfg", "/".join(["a"] * 50) + "/config.cfg"],
    )  # fmt: skip
    def test_a_name_that_some_system_cannot_write(self, box, name):
        (box / "1.zip").write_bytes(raw_zip([Entry(name.encode())]))
        with pytest.raises(WrongInputError, match="which not every system can write"):
            unpack(box / "1.zip", box / "1", WANTED)

    @pytest.mark.parametrize("other", ["NET/network.json", "net/Network.JSON", "net/network.json"])
    def test_two_entries_that_are_one_file_on_some_systems(self, box, other):
        wanted = (*WANTED, "Network.JSON")
        (box / "1.zip").write_bytes(raw_zip([Entry(b"net/network.json"), Entry(other.encode(), b"[]")]))
        with pytest.raises(WrongInputError, match="which are the same file on some systems"):
            unpack(box / "1.zip", box / "1", wanted)

    def test_one_letter_in_two_ways_of_writing_it(self, box):
        composed, apart = "\u00e9/config.cfg", "e\u0301/config.cfg"
        (box / "1.zip").write_bytes(raw_zip([Entry(composed.encode()), Entry(apart.encode())]))
        with pytest.raises(WrongInputError, match="which are the same file on some systems"):
            unpack(box / "1.zip", box / "1", WANTED)

    def test_a_file_inside_a_file(self, box):
        (box / "1.zip").write_bytes(raw_zip([Entry(b"config.cfg"), Entry(b"config.cfg/network.json")]))
        with pytest.raises(WrongInputError, match="inside an entry that is a file"):
            unpack(box / "1.zip", box / "1", WANTED)

    @pytest.mark.parametrize(
        ("entry", "words"),
        [
            (Entry(b"network.json", flags=1), "it is encrypted"),
            (Entry(b"network.json", method=14), "its compression method 14 is not supported"),
            (Entry(b"network.json", method=99), "its compression method 99 is not supported"),
            (Entry(b"network.json", crc_lie=1), "Bad CRC-32"),
            (Entry(b"network.json", size_lie=1), "its declared size is 3 bytes, but it has 2"),
            (Entry(b"network.json", b"{} and more", size_lie=-9), "Bad CRC-32"),
            (Entry(b"network.json", zip64_size=2**50), "but at most 10000 of 10000 bytes in all are read"),
        ],
    )
    def test_entries_that_differ_from_their_declaration(self, box, entry, words):
        (box / "1.zip").write_bytes(raw_zip([entry]))
        with pytest.raises(WrongInputError, match=words):
            unpack(box / "1.zip", box / "1", WANTED)

    def test_entries_that_share_their_bytes(self, box):
        one = raw_zip([Entry(b"network.json", bytes(5000))])
        directory = one.index(b"PK\x01\x02")
        end = one.index(b"PK\x05\x06")
        again = one[directory:end].replace(b"network.json", b"weights_.npz")
        data = (
            one[:end]
            + again
            + struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 2, 2, 2 * (end - directory), directory, 0)
        )
        (box / "1.zip").write_bytes(data)
        assert len(zipfile.ZipFile(box / "1.zip").infolist()) == 2
        with pytest.raises(WrongInputError, match="overlaps another"):
            unpack(box / "1.zip", box / "1", WANTED)

    def test_many_small_entries_are_refused_for_their_sum(self, box):
        data = raw_zip([Entry(f"{n}/network.json".encode(), bytes(1000)) for n in range(11)])
        assert len(data) < 2000
        (box / "1.zip").write_bytes(data)
        with pytest.raises(
            WrongInputError,
            match="contains 11 entries of 11000 bytes, but at most 10000 of 10000 bytes in all are read",
        ):
            unpack(box / "1.zip", box / "1", WANTED)
        assert not (box / "1").exists()

    def test_backslashes_are_read_as_the_folders_that_they_mean(self, box):
        (box / "1.zip").write_bytes(raw_zip([Entry(b"net\\network.json", b"{1}"), Entry(b"net\\weights_0.npz", b"12")]))
        (box / "1").mkdir()
        folder = unpack(box / "1.zip", box / "1", WANTED)
        assert (folder / "network.json").read_bytes() == b"{1}"
        assert folder == box / "1" / "net"


def test_a_small_zip_that_would_fill_the_disk_takes_neither_memory_nor_disk(tmp_path: Path) -> None:
    """Twelve entries of 200 MB each, packed with the largest ratio that deflate has, about 1 : 1,030."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = bytes(1_000_000)
    packed = b"".join(squeeze.compress(piece) for _ in range(200)) + squeeze.flush()
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("0/network.json", b"")
    crc = 0
    for _ in range(200):
        crc = zlib.crc32(piece, crc)
    body, directory = b"", b""
    for number in range(12):
        name = f"{number:02d}/network.json".encode()
        both = struct.pack("<HHHHHLLLHH", 20, 0, 8, 0, 0, crc, len(packed), 200_000_000, len(name), 0)
        directory += b"PK\x01\x02\x14\x03" + both + struct.pack("<HHHLL", 0, 0, 0, 0, len(body)) + name
        body += b"PK\x03\x04" + both + name + packed
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, 12, 12, len(directory), len(body), 0)
    file.write_bytes(body + directory + end)
    tracemalloc.start()
    with pytest.raises(WrongInputError, match="contains 12 entries of 2400000000 bytes"):
        read_network(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.zip"]
