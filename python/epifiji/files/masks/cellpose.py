"""Cellpose's ``_seg.npy``: a pickled dictionary, of which only the numbers of the masks are read.

A pickle is a program that can do anything. Here it is never run as one: its instructions are checked against a list, and
every object that it names is replaced by a note of what it would have been made from. The masks are then made from the
bytes in that note.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import read_limited
from epifiji.files.storage.atomic import replacing

START = b"\x93NUMPY"
ENDING = "_seg.npy"
LARGEST_BYTES = 2 << 30
MOST_INSTRUCTIONS = 5_000_000
INSTEAD = "in Cellpose choose File > Save masks as PNG/tif"

_KIND = re.compile(r"b1|[iu][1248]|f[48]")
# What pickles of numbers, texts, lists and arrays consist of.
_INSTRUCTIONS = re.compile(
    r"PROTO|FRAME|STOP|MARK|POP|POP_MARK|DUP|MEMOIZE|(LONG_)?BIN(PUT|GET)|PUT|GET|NONE|NEWTRUE|NEWFALSE|INT|BININT[12]?|"
    r"LONG[14]?|FLOAT|BINFLOAT|UNICODE|(SHORT_)?BINUNICODE8?|STRING|(SHORT_)?BINSTRING|(SHORT_)?BINBYTES8?|"
    r"(EMPTY_)?(TUPLE|LIST|DICT)|TUPLE[123]|APPENDS?|SETITEMS?|(STACK_)?GLOBAL|REDUCE|BUILD"
)


class _Note:
    """The arguments and the state that an object would have been made from."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Notes(pickle.Unpickler):
    """Reads a pickle as plain values and notes."""

    KNOWN: ClassVar[set[tuple[str, str]]] = {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
        *(("pathlib", name) for name in ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
        *(("pathlib._local", name) for name in ("PosixPath", "WindowsPath")),
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return the class of notes for everything that Cellpose's files name, and refuse the rest."""
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it names {module[:60]}.{name[:60]}")
        return _Note


def read_seg(path: Path) -> np.ndarray:
    """Read the masks of a ``_seg.npy``, (Y, X) or (T, Y, X), of the type in the file.

    Raises
    ------
    WrongInputError
        If the file is too large or broken, contains more than numbers and texts, or no masks.
    """
    data = read_limited(path, LARGEST_BYTES, "a _seg.npy of Cellpose")
    try:
        return _masks(_pickled(data))
    except (
        pickle.UnpicklingError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError, OverflowError,
        MemoryError, SyntaxError, RecursionError,
    ) as problem:  # fmt: skip
        raise WrongInputError(
            f"{path} cannot be read as masks of Cellpose ({problem or type(problem).__name__}), and is not unpickled: {INSTEAD}."
        ) from problem


def _pickled(data: bytes) -> bytes:
    """Return the pickle after the header of an ``.npy`` that contains one object."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"its format version {version} is unknown")
    shape, _, dtype = readers[version](file)
    if shape or dtype != np.dtype(object):
        raise ValueError(f"it contains {dtype} of the shape {shape} instead of a dictionary")
    return data[file.tell() :]


def _masks(pickled: bytes) -> np.ndarray:
    """Return the array that the dictionary in a pickle calls masks."""
    _require_plain(pickled)
    whole = _Notes(io.BytesIO(pickled)).load()
    (content,) = whole.state[4]
    masks = content["masks"] if isinstance(content, dict) else None
    if not isinstance(masks, _Note):
        raise ValueError("it contains no masks")  # noqa: TRY004
    return _array(masks)


def _require_plain(pickled: bytes) -> None:
    """Refuse instructions that plain values and arrays do not need, and places from which an unpickler reserves memory."""
    for count, (instruction, argument, _) in enumerate(pickletools.genops(pickled), 1):
        if not _INSTRUCTIONS.fullmatch(instruction.name):
            raise ValueError(f"it contains the instruction {instruction.name}")
        if count > MOST_INSTRUCTIONS or (instruction.name.endswith("PUT") and int(argument or 0) > count):
            raise ValueError("it contains too many values")


def _array(note: _Note) -> np.ndarray:
    """Return the array of numbers that a note describes."""
    _, shape, kind, by_column, numbers = note.state
    code, order = kind.arguments[0], kind.state[1]
    if not (isinstance(code, str) and _KIND.fullmatch(code) and order in ("<", ">", "|", "=")):
        raise ValueError(f"its masks are {code!r} instead of numbers")
    dtype = np.dtype(order + code)
    sides = [int(side) for side in shape]
    if min(sides, default=0) < 1 or not isinstance(numbers, bytes) or math.prod(sides) * dtype.itemsize != len(numbers):
        raise ValueError(f"its masks have the shape {shape}, but another number of bytes")
    return np.frombuffer(numbers, dtype).reshape(sides, order="F" if by_column else "C")


def write_seg(path: Path, labels: np.ndarray, image: str) -> None:
    """Write labels (Y, X) or (T, Y, X) as Cellpose does, in one step; Cellpose's window opens them with their image.

    Parameters
    ----------
    image
        Name of the image's file, which Cellpose looks for in the same folder.
    """
    from skimage.segmentation import find_boundaries

    count = int(labels.max())
    dtype = np.uint16 if count < (1 << 16) - 1 else np.uint32
    masks = labels.astype(dtype)
    frames = masks if masks.ndim == 3 else masks[None]
    inner = np.stack([find_boundaries(frame, mode="inner") for frame in frames]).reshape(masks.shape)
    content = {
        "outlines": np.where(inner, masks, 0).astype(dtype),
        "masks": masks,
        "chan_choose": [0, 0],
        "ismanual": np.ones(count, bool),
        "filename": image,
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(content, dtype=object), allow_pickle=True)
