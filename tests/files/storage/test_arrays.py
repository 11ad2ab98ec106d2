"""Files of arrays from untrusted sources: their headers are compared with the bytes that follow."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_archives import ONE_BOX

from epifiji.data.errors import WrongInputError
from epifiji.files.networks.store import read_description, read_network, write_network
from epifiji.files.storage.arrays import read_arrays
from small_networks import small_network


def npy(shape: str, descr: str = "'<f4'", data: bytes = b"", order: str = "False") -> bytes:
    """Write an array's file by hand, following NEP 1."""
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def npz(**arrays: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in arrays.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


class TestArrays:
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", [np.float32, ">f4", np.uint8, np.int64, bool])
    def test_what_numpy_writes_is_read(self, order, dtype):
        values = np.asarray(np.arange(24).reshape(2, 3, 4) % 3, dtype, order=order)
        file = io.BytesIO()
        np.savez_compressed(file, a=values, b=values[0, 0, 0], c=np.zeros((0, 3), dtype))
        found = read_arrays(file.getvalue(), "x.npz", "do")
        assert all(
            np.array_equal(found[key], values_)
            for key, values_ in zip("abc", (values, values[0, 0, 0], np.zeros((0, 3))), strict=True)
        )
        assert found["a"].dtype == values.dtype
        assert found["c"].shape == (0, 3)

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (npy("(1000000000, 1000000000)"), "its header says 4000000000000000000 bytes, but 0 follow"),
            (npy("(2,)", data=bytes(12)), "its header says 8 bytes, but 12 follow"),
            (npy("(-1,)"), "it has the shape"),
            (npy("(True,)", data=bytes(4)), ""),
            (npy("(2,)", "'|O'", bytes(16)), "it contains object instead of plain numbers"),
            (npy("(2,)", "[('x', '<f4')]", bytes(8)), "instead of plain numbers"),
            (npy("(2,)", "'<c8'", bytes(16)), "instead of plain numbers"),
            (npy("(1," + "1," * 40 + ")", data=bytes(4)), "it has the shape"),
            (npy("(" * 400 + ")" * 400), "cannot be read"),
            (npy("(__import__('os').getpid(),)"), "cannot be read"),
            (b"\x93NUMPY\x03\x00" + bytes(100), "its form"),
            (b"\x93NUMPY\x01\x00\xff\xff", "cannot be read"),
            (b"", "cannot be read"),
            (b"PK\x03\x04", "cannot be read"),
        ],
    )
    def test_what_is_no_array_of_numbers_is_refused(self, data, words):
        with pytest.raises(WrongInputError) as caught:
            read_arrays(npz(a=data), "x.npz", "import the network again")
        assert words in str(caught.value)
        assert str(caught.value).endswith("import the network again.")

    def test_a_packed_array_of_zeros_is_limited_by_the_sum(self, monkeypatch):
        monkeypatch.setattr("epifiji.files.storage.arrays.LARGEST_SUM_BYTES", 10_000)
        data = npz(**{f"a{n}": npy("(1000,)", data=bytes(4000)) for n in range(3)})
        with pytest.raises(WrongInputError, match="contains 3 arrays of 12384 bytes, but at most"):
            read_arrays(data, "x.npz", "import the network again")

    @ONE_BOX
    @given(
        changes=st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=5),
        cut=st.integers(0, 300),
    )
    def test_any_changed_bytes_are_read_or_refused_in_words(self, changes, cut):
        file = io.BytesIO()
        np.savez(file, a=np.arange(6, dtype=np.float32).reshape(2, 3), b=np.ones(3, np.uint8))
        data = bytearray(file.getvalue())
        for place, value in changes:
            data[place % len(data)] = value
        try:
            found = read_arrays(bytes(data)[: len(data) - cut], "x.npz", "do")
        except WrongInputError as problem:
            assert str(problem).endswith(": do.")
        else:
            assert sum(values.nbytes for values in found.values()) <= 1000


@ONE_BOX
@given(changes=st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_network_of_any_changed_bytes_is_read_or_refused_in_words(
    tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    whole, file = tmp_path / "whole.zip", tmp_path / "net.zip"
    if not whole.exists():
        folder = write_network(small_network(1), tmp_path / "net")
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(folder.iterdir()):
                archive.write(part, f"net/{part.name}")
    data = bytearray(whole.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    file.write_bytes(data)
    for read in (read_description, read_network):
        try:
            read(file)
        except WrongInputError as problem:
            assert "\n" not in str(problem).strip()
