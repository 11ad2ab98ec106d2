"""Missing parts of an HDF5 dataset: HDF5 reads a fill value for them without an error."""

from __future__ import annotations

import math
from pathlib import Path

import h5py
import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import frame_ranges


def gaps(dataset: h5py.Dataset, path: Path, time: int | None, index: tuple[int | slice, ...]) -> tuple[str, ...]:
    """Find frames of a dataset whose pixels were never written or lie in files that are missing.

    Parameters
    ----------
    dataset
        The dataset, open.
    path
        Its file.
    time
        Index of the time axis, None if there is none.
    index
        The part that is the movie, see :class:`epifiji.files.movies.frames.Picked`.

    Returns
    -------
    notices
        A sentence about frames that were not completely written.

    Raises
    ------
    WrongInputError
        If a source or an external file is missing or too short, or no frame was ever written.
    """
    full = f"{path}:{dataset.name}"
    if dataset.is_virtual:
        return _gaps_of_sources(dataset, path, full)
    if dataset.external:
        _require_external(dataset, path, full)
        return ()
    if dataset.chunks is None:
        if dataset.id.get_space_status() == h5py.h5d.SPACE_STATUS_NOT_ALLOCATED:
            raise _never_written(full)
        return ()
    missing = _unwritten(dataset, time, index)
    count = dataset.shape[time] if time is not None else 1
    if len(missing) == count:
        raise _never_written(full)
    if not missing:
        return ()
    return (
        f"{full} has {len(missing)} of {count} frames that were not completely written ({frame_ranges(missing)}): they "
        "contain a fill value.",
    )


def has_gaps(dataset: h5py.Dataset) -> bool:
    """Return whether a part of a dataset of plain pixels was never written."""
    if dataset.chunks is not None:
        return bool(_unwritten(dataset, None, (slice(None),) * dataset.ndim))
    return bool(dataset.id.get_space_status() == h5py.h5d.SPACE_STATUS_NOT_ALLOCATED)


def _never_written(full: str) -> WrongInputError:
    return WrongInputError(
        f"{full} has a shape, but its pixels were never written: the program that made the file was probably stopped; write "
        "it again."
    )


def _unwritten(dataset: h5py.Dataset, time: int | None, index: tuple[int | slice, ...]) -> list[int]:
    """List the frames with at least one chunk that was never written."""
    chunks, shape = dataset.chunks, dataset.shape
    if dataset.id.get_num_chunks() == math.prod(-(-n // size) for n, size in zip(shape, chunks, strict=True)):
        return []
    count, thickness = (1, 1) if time is None else (shape[time], chunks[time])
    held = np.zeros(-(-count // thickness), int)

    def note(chunk: h5py.h5d.StoreInfo) -> None:
        in_movie = all(
            isinstance(part, slice) or start <= part < start + size
            for part, start, size in zip(index, chunk.chunk_offset, chunks, strict=True)
        )
        if in_movie:
            held[0 if time is None else chunk.chunk_offset[time] // thickness] += 1

    dataset.id.chunk_iter(note)
    needed = math.prod(
        -(-n // size)
        for axis, (n, size, part) in enumerate(zip(shape, chunks, index, strict=True))
        if axis != time and isinstance(part, slice)
    )
    return [t for t in range(count) if held[t // thickness] < needed]


def _gaps_of_sources(dataset: h5py.Dataset, path: Path, full: str) -> tuple[str, ...]:
    missing, mapped = [], 0
    for source in dataset.virtual_sources():
        file = Path(source.file_name.replace("%b", "0"))
        place = next((p for p in (path.parent / file, file) if p.is_file()), None) if source.file_name != "." else path
        needed = source.vspace.get_select_npoints()
        if place is None or not _holds(place, source.dset_name.replace("%b", "0"), needed):
            missing.append(f"{source.dset_name} of {path.name if source.file_name == '.' else source.file_name}")
        mapped += source.vspace.get_select_npoints()
    if missing:
        raise WrongInputError(
            f"{full} takes its pixels from other datasets, of which {len(missing)} cannot be found or are too short, such as "
            f"{missing[0]}: put the files where they were when it was made."
        )
    if mapped < dataset.size:
        return (f"{full} has a source for {mapped} of its {dataset.size} pixels: the others contain a fill value.",)
    return ()


def _holds(path: Path, name: str, values: int) -> bool:
    """Return whether a file has a dataset with this number of values, all of which were written."""
    try:
        with h5py.File(path, "r") as file:
            found = file.get(name)
            if not isinstance(found, h5py.Dataset):
                return False
            written = found.id.get_space_status() != h5py.h5d.SPACE_STATUS_NOT_ALLOCATED or found.is_virtual
            return written and (values > 2**62 or found.size >= values)
    except OSError:
        return False


def _require_external(dataset: h5py.Dataset, path: Path, full: str) -> None:
    needed = dataset.size * dataset.dtype.itemsize
    for name, offset, size in dataset.external:
        file = next((p for p in (Path(name), path.parent / name) if p.is_file()), None)
        wanted = offset + min(size, needed)
        if file is None or file.stat().st_size < wanted:
            state = "which is missing" if file is None else f"which has {file.stat().st_size} of {wanted} bytes"
            raise WrongInputError(
                f"{full} keeps its pixels in the file {name}, {state}: put the whole file where it was when "
                f"{path.name} was made."
            )
        needed -= min(size, needed)
