"""Arrays in Zarr folders: what is accepted, and their pixels, read when sliced."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.array_frames import ArrayFrames
from epifiji.files.movies.zarr_store import DESCRIPTIONS, Node, place_in, readable_store, require_within

CODECS = frozenset(
    {
        "adler32", "astype", "bitround", "blosc", "bytes", "bz2", "crc32", "crc32c", "delta", "endian", "fixedscaleoffset",
        "fletcher32", "gzip", "jenkins_lookup3", "lz4", "lzma", "packbits", "quantize", "sharding_indexed", "shuffle",
        "transpose", "zlib", "zstd",
    }
)  # fmt: skip
"""Codecs of numbers. Others, such as those of Python objects (pickle), could execute what a file contains."""

LARGEST_CHUNK = 2**32
"""Most bytes of a chunk, which is decoded as a whole; a chunk of Blosc has at most half of it."""
MOST_PIXELS = 2**31 - 1
"""Most pixels of a frame, as in ImageJ, and most frames."""


def require_numbers(node: Node, full: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Return the shape and the type of an array, after a check of everything that its description says.

    Raises
    ------
    WrongInputError
        If it has no real numbers, a codec that is not one of numbers, or impossible sizes.
    """
    array = node.array or {}
    shape = _sizes(array.get("shape"), full, "shape")
    if node.version == 3:
        stored = array.get("data_type")
        chunk = _within(array, "chunk_grid", "configuration", "chunk_shape")
    else:
        stored, chunk = array.get("dtype"), array.get("chunks")
    dtype = _numeric(stored)
    if dtype is None:
        raise WrongInputError(
            f"{full} has values of type {str(stored)[:40]}, but pixels are real numbers: choose another array."
        )
    chunk_shape = _sizes(chunk, full, "chunks")
    if len(chunk_shape) != len(shape) or 0 in chunk_shape:
        raise WrongInputError(
            f"{full} has the shape {shape} and chunks of {chunk_shape}, but both have one positive number for each axis: "
            "write the movie again."
        )
    if math.prod(chunk_shape) * dtype.itemsize > LARGEST_CHUNK:
        raise WrongInputError(
            f"{full} has chunks of {chunk_shape}, but a chunk is decoded as a whole and may have at most "
            f"{LARGEST_CHUNK >> 30} GB: write the movie again with smaller chunks."
        )
    unknown = sorted({name for name in _codecs(array) if name.removeprefix("numcodecs.") not in CODECS})
    if unknown:
        raise WrongInputError(
            f"{full} is stored with the codec {unknown[0][:40]!r}, but only codecs of numbers such as Blosc, Zstandard and "
            "gzip are read: write the movie again with one of them."
        )
    return shape, dtype


def _sizes(given: object, full: str, what: str) -> tuple[int, ...]:
    if isinstance(given, list) and given and all(isinstance(n, int) and 0 <= n < 2**63 for n in given):
        return tuple(given)
    raise WrongInputError(
        f"{full} has {str(given)[:40]} as {what}, but whole numbers are needed: write the movie again."
    )


def _within(given: object, *names: str) -> object:
    for name in names:
        given = given.get(name) if isinstance(given, dict) else None
    return given


def _numeric(stored: object) -> np.dtype[np.generic] | None:
    if not isinstance(stored, str):
        return None
    try:
        dtype = np.dtype(stored)
    except (TypeError, ValueError):
        return None
    return dtype if dtype.kind in "buif" else None


def _codecs(array: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of all codecs of an array, also those within another."""
    for key in ("compressor", "filters", "codecs", "index_codecs"):
        given = array.get(key)
        for codec in given if isinstance(given, list) else [] if given is None else [given]:
            yield str(_within(codec, "id") or _within(codec, "name"))
            inner = _within(codec, "configuration")
            if isinstance(inner, dict):
                yield from _codecs(inner)


def require_possible(shape: tuple[int, ...], axes: str, full: str) -> None:
    """Refuse frames that are larger, or more, than any program shows."""
    sizes = dict(zip(axes, shape, strict=True))
    if sizes["Y"] * sizes["X"] > MOST_PIXELS or max(shape) > MOST_PIXELS:
        raise WrongInputError(
            f"{full} has the shape {shape}, but a frame has at most {MOST_PIXELS} pixels: write a part of the movie."
        )


def has_chunks(folder: Path, inside: str) -> bool:
    """Return whether any chunk of an array was written."""
    return any(
        name not in DESCRIPTIONS and not name.startswith(".")
        for _, _, names in os.walk(place_in(folder, inside))
        for name in names
    )


class ZarrFrames(ArrayFrames):
    """Frames of an array in a Zarr folder. Chunks that are missing have the array's fill value.

    Parameters
    ----------
    folder
        The Zarr folder.
    node
        The array in it, which was checked with :func:`require_numbers`.
    shape, stored, axes, index
        See :class:`epifiji.files.movies.array_frames.ArrayFrames`.
    """

    def __init__(
        self,
        folder: Path,
        node: Node,
        shape: tuple[int, ...],
        stored: np.dtype[np.generic],
        axes: str,
        index: tuple[int | slice, ...],
    ) -> None:
        self._array, self._version = node.inside, node.version
        super().__init__(folder, shape, stored, axes, index)

    def _size_of_file(self) -> int:
        # A folder's own size says nothing; a changed array has another description.
        place = self.path / self._array
        return sum((place / name).stat().st_size for name in DESCRIPTIONS if (place / name).is_file())

    def _readable(self) -> AbstractContextManager[None]:
        return readable_store(self.path)

    def _part(self, index: tuple[int | slice, ...]) -> np.ndarray:
        import zarr

        store = _own_store()(self.path, read_only=True)
        array = zarr.open_array(store=store, path=self._array, mode="r", zarr_format=self._version)
        return np.asarray(array[index])


@cache
def _own_store() -> Any:
    """Return zarr's store of a folder, restricted to files within the folder."""
    from zarr.storage import LocalStore

    class OwnStore(LocalStore):
        """A folder whose links to other places are refused."""

        async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
            require_within(self.root, self.root / key)
            return await super().get(key, prototype, byte_range)

        def get_sync(self, key: str, *, prototype: Any = None, byte_range: Any = None) -> Any:
            require_within(self.root, self.root / key)
            return super().get_sync(key, prototype=prototype, byte_range=byte_range)

        async def get_partial_values(self, prototype: Any, key_ranges: Any) -> Any:
            wanted = list(key_ranges)
            for key, _ in wanted:
                require_within(self.root, self.root / key)
            return await super().get_partial_values(prototype, wanted)

    return OwnStore
