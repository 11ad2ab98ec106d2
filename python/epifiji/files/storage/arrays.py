"""Files of arrays (``.npz``) from untrusted sources: only plain numbers, within limits, and never pickled objects."""

from __future__ import annotations

import math
from io import BytesIO

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.storage.archives import LARGEST_SUM_BYTES, MOST_ENTRIES, ZIP_ERRORS, Limits, opened, path_of

HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
ENDING = ".npy"
MOST_AXES = 8


def read_arrays(data: bytes, name: str, do: str) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz``.

    Parameters
    ----------
    data
        The file's bytes.
    name, do
        The file's name in messages, and what they advise.

    Raises
    ------
    WrongInputError
        If it is broken or too large, or an array is not plain numbers of the shape in its header.
    """
    whole, part = "{file} cannot be read ({reason})", "{file} cannot be read (array {entry}: {reason})"
    limits = Limits("arrays", whole, part, do, do, MOST_ENTRIES, LARGEST_SUM_BYTES, LARGEST_SUM_BYTES)
    found: dict[str, np.ndarray] = {}
    with opened(data, name, limits) as archive:
        for entry in archive.entries:
            key = path_of(entry).removesuffix(ENDING)
            if key in found:
                raise WrongInputError(f"{name} cannot be read (it contains {key!r} twice): {do}.")
            try:
                found[key] = _array(archive.read(entry))
            except WrongInputError:
                raise
            except (*ZIP_ERRORS, SyntaxError, TypeError, MemoryError, OverflowError) as problem:
                raise WrongInputError(f"{name} cannot be read (array {key}: {problem}): {do}.") from problem
    return found


def _array(data: bytes) -> np.ndarray:
    """Read an ``.npy``, whose header is compared with the bytes that follow before any memory is allocated."""
    file = BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"its format version {version} is unknown")
    shape, by_column, dtype = HEADERS[version](file)
    if dtype.kind not in "fiubU" or dtype.hasobject:
        raise ValueError(f"it contains {dtype} instead of plain numbers or texts")
    if len(shape) > MOST_AXES or any(length < 0 for length in shape):
        raise ValueError(f"it has the shape {shape}")
    said, left = math.prod(shape) * dtype.itemsize, len(data) - file.tell()
    if said != left:
        raise ValueError(f"its header says {said} bytes, but {left} follow")
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if by_column else "C").copy()
