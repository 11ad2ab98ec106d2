"""Arrays in the files of PyTorch's ``save``, read without PyTorch; nothing in them is executed.

Such a file is a pickle with raw numbers. A pickle may call any function, so only the four calls of a dictionary of arrays are
allowed, and they are answered here; anything else is refused. Newer files are zips, older ones a row of pickles.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import network_limits, opened, read_limited, require_ordinary

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The beginning of an older file: its magic number as a pickle."""

LARGEST_BYTES = 200_000_000
LARGEST_PICKLE_BYTES = 5_000_000
TYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4"}

Read = TypeVar("Read")


class _RefusedError(ValueError):
    """Raised with a reason if a file contains something else than arrays."""


class _Numbers:
    """Numbers of a type; the bytes are filled in when they were read."""

    def __init__(self, dtype: str, count: int) -> None:
        self.dtype, self.count = np.dtype(dtype), count
        self.data = b""


class _Array:
    """An array whose numbers may not be read yet."""

    def __init__(self, numbers: _Numbers, offset: int, shape: tuple[int, ...], steps: tuple[int, ...]) -> None:
        whole = [numbers.count, offset, *shape, *steps]
        if not all(isinstance(one, int) and one >= 0 for one in whole) or len(shape) != len(steps):
            raise _RefusedError("an array has an impossible shape")
        last = offset + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
        self.size = math.prod(shape)
        if self.size > LARGEST_BYTES // 4 or (self.size and last >= numbers.count):
            raise _RefusedError("an array is larger than its numbers")
        self.numbers, self.offset, self.shape, self.steps = numbers, offset, shape, steps

    def values(self) -> np.ndarray:
        """Return the array (float32)."""
        item = self.numbers.dtype.itemsize
        if len(self.numbers.data) != self.numbers.count * item:
            raise _RefusedError("its numbers are incomplete")
        flat = np.frombuffer(self.numbers.data, self.numbers.dtype)[self.offset :]
        strides = [step * item for step in self.steps]
        with np.errstate(over="ignore"):
            return np.lib.stride_tricks.as_strided(flat, self.shape, strides, writeable=False).astype(np.float32)


def _array(numbers: Any, offset: Any, shape: Any, steps: Any, *_: Any) -> _Array:
    if not isinstance(numbers, _Numbers) or not isinstance(shape, tuple) or not isinstance(steps, tuple):
        raise _RefusedError("an array has no numbers")
    return _Array(numbers, offset, shape, steps)


def _parameter(array: Any, *_: Any) -> Any:
    return array


class _Storage:
    """Stands for a type of numbers, which a pickle names."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _array,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): _Storage(dtype) for name, dtype in TYPES.items()},
}


class _ArraysOnly(pickle.Unpickler):
    """Reads a pickle of a dictionary of arrays; whatever else it names is refused, and so never called."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.numbers: dict[str, _Numbers] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name in the pickle."""
        if (module, name) not in ALLOWED:
            raise _RefusedError(f"it names {module}.{name}, and would run code")
        return ALLOWED[module, name]

    def persistent_load(self, known: Any) -> _Numbers:
        """Return the numbers that a key stands for."""
        if not isinstance(known, tuple) or len(known) < 5 or known[0] != "storage":
            raise _RefusedError("its numbers have no type")
        kind, key, count = known[1], known[2], known[4]
        if not isinstance(kind, _Storage) or not isinstance(key, str) or not isinstance(count, int) or count < 0:
            raise _RefusedError("its numbers have no type")
        return self.numbers.setdefault(key, _Numbers(kind.dtype, count))


def is_torch_file(path: Path) -> bool:
    """Return whether a file is one of PyTorch's, by its beginning and its names."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(MAGIC))
        if begin == MAGIC:
            return True
        if not begin.startswith(b"PK"):
            return False
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/data.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def torch_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read the arrays of a file by name, float32; counters of whole numbers too.

    Raises
    ------
    WrongInputError
        If the file contains anything else, is broken, or larger than 200 MB.
    """
    return _read(path, lambda found: {name: array.values() for name, array in found.items()}, with_numbers=True)


def torch_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read only the shapes of the arrays of a file by name; see :func:`torch_arrays`."""
    return _read(path, lambda found: {name: array.shape for name, array in found.items()}, with_numbers=False)


def _read(path: Path, wanted: Callable[[dict[str, _Array]], Read], with_numbers: bool) -> Read:
    require_ordinary(path)
    try:
        return wanted(_arrays_in(path, with_numbers))
    except (WrongInputError, OSError):
        raise
    except Exception as problem:
        # A broken pickle may raise anything.
        raise WrongInputError(
            f"{path} cannot be read as a model of PyTorch ({problem}), but one that contains arrays alone is needed: save the "
            "model in Cellpose again."
        ) from problem


def _arrays_in(path: Path, with_numbers: bool) -> dict[str, _Array]:
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise _RefusedError(f"it has {size} bytes, more than {LARGEST_BYTES}")
    with path.open("rb") as file:
        old = file.read(len(MAGIC)) == MAGIC
    found = _from_pickles(path) if old else _from_zip(path, with_numbers)
    if not isinstance(found, dict) or not found:
        raise _RefusedError("it is no dictionary of arrays")
    if not all(isinstance(name, str) and isinstance(array, _Array) for name, array in found.items()):
        raise _RefusedError("it is no dictionary of arrays")
    if sum(array.size for array in found.values()) > LARGEST_BYTES // 4:
        raise _RefusedError("its arrays are too large")
    return found


def _from_zip(path: Path, with_numbers: bool) -> Any:
    with opened(path, str(path), network_limits()) as archive:
        entries = {entry.filename: entry for entry in archive.entries}
        (root,) = [name.removesuffix("data.pkl") for name in entries if name.endswith("/data.pkl")]

        def content(name: str, most: int) -> bytes:
            entry, stream = entries[root + name], io.BytesIO()
            if entry.file_size > most:
                raise _RefusedError(f"{name} has {entry.file_size} bytes")
            archive.copy(entry, stream)
            return stream.getvalue()

        if root + "byteorder" in entries and content("byteorder", 10) != b"little":
            raise _RefusedError("its numbers are big-endian")
        reader = _ArraysOnly(io.BytesIO(content("data.pkl", LARGEST_PICKLE_BYTES)))
        found = reader.load()
        if with_numbers:
            for key, numbers in reader.numbers.items():
                numbers.data = content(f"data/{key}", LARGEST_BYTES)
    return found


def _from_pickles(path: Path) -> Any:
    stream = io.BytesIO(read_limited(path, LARGEST_BYTES, "a model of PyTorch"))
    load: Callable[[], Any] = lambda: _ArraysOnly(stream).load()  # noqa: E731
    _, _, system = load(), load(), load()
    if system.get("little_endian") is not True:
        raise _RefusedError("its numbers are big-endian")
    reader = _ArraysOnly(stream)
    found, keys = reader.load(), load()
    for key in keys:
        numbers = reader.numbers[key]
        (count,) = struct.unpack("<q", stream.read(8))
        if count != numbers.count:
            raise _RefusedError("its numbers are incomplete")
        numbers.data = stream.read(count * numbers.dtype.itemsize)
    return found
