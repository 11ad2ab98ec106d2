"""Split images with cells into a training and a test part, by a cut or by tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.paths import path_from
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.splitting import CellSplitSettings
from epifiji.engine.cells.cuts import Part, cut_cells, halves, tiles
from epifiji.files.labelled_images import read_labelled_images, require_size_of
from epifiji.files.movies.movie_file import read_movie
from epifiji.files.results.cell_splits import SplitImage, require_room_for_split, write_split
from epifiji.jobs.cells.annotated import read_labels


@dataclass(frozen=True)
class SplitCells:
    """Images with cells in a training and a test part.

    Parameters
    ----------
    files
        The files that were written.
    rows
        For each part of each image ``image``, ``part``, ``file``, its place as ``top``, ``left``, ``height`` and ``width``,
        and its ``cells``.
    removed
        Number of cells of each image that a cut goes through.
    notices
        Sentences about parts that were left out.
    """

    files: tuple[Path, ...]
    rows: tuple[dict[str, Any], ...]
    removed: dict[str, int]
    notices: tuple[str, ...] = ()

    @property
    def cells(self) -> dict[str, int]:
        """Number of cells in each part."""
        return {part: sum(row["cells"] for row in self.rows if row["part"] == part) for part in ("train", "test")}


def split_cells(
    images: str | Path,
    cells: str | Path | None = None,
    *,
    out: str | Path,
    overwrite: bool = False,
    **settings: Any,
) -> SplitCells:
    """Split images and their cells, so that a network is tested on a part that it was not trained on.

    Cells that a cut goes through are in neither part: they are removed, and their pixels get the smallest value of the
    image, so that nobody scores what is found there.

    Parameters
    ----------
    images
        A folder of images with their cells, or an image.
    cells
        The cells of the image, in any form. Default: those next to it.
    out
        The folder for ``train`` and ``test``, each with images and labels that can be trained on and evaluated.
    overwrite
        Whether files of an earlier split may be replaced.
    settings
        See :class:`epifiji.data.settings.splitting.CellSplitSettings`.

    Raises
    ------
    WrongInputError
        If the images or cells cannot be read, sizes differ, the test part is as large as the image, a part has no cell,
        or files would be overwritten.
    """
    chosen = parse_settings(CellSplitSettings, settings)
    folder = path_from(out, "the folder to write into")
    random = np.random.default_rng(chosen.seed)
    made: list[SplitImage] = []
    rows: list[dict[str, Any]] = []
    removed: dict[str, int] = {}
    notices: list[str] = []
    for movie, labels in _images(path_from(images, "the images"), cells, chosen):
        places = _places(movie, chosen, random)
        pixels, kept, removed[movie.name] = _without_cut(movie, labels, [place for _, place in places])
        for number, (part, place) in enumerate(places, 1):
            name = movie.name if chosen.tiles is None else f"{movie.name}_tile{number:03d}"
            inside = (slice(None), *place.place)
            count = sum(len(np.unique(frame[frame > 0])) for frame in kept[inside])
            if not count:
                notices.append(f"{name}: the {part} part has no cells, and was left out.")
                continue
            cropped = replace(movie, pixels=pixels[inside], name=name)
            made.append(SplitImage(part, cropped, kept[inside]))
            where = {
                "top": place.top,
                "left": place.left,
                "height": place.bottom - place.top,
                "width": place.right - place.left,
            }
            rows.append({"image": movie.name, "part": part, "file": f"{part}/{name}.tif", **where, "cells": count})
    _require_both(rows)
    require_room_for_split(folder, [(one.part, one.movie.name) for one in made], overwrite)
    record = {"settings": chosen.model_dump(mode="json"), "removed": removed, "parts": rows}
    files = write_split(folder, made, rows, record)
    return SplitCells(tuple(files), tuple(rows), removed, tuple(notices))


def _images(place: Path, cells: str | Path | None, chosen: CellSplitSettings) -> Iterator[tuple[Movie, np.ndarray]]:
    """Yield images and their labels (T, Y, X)."""
    if cells is None:
        for one in read_labelled_images(place, chosen.channel):
            yield one.movie, read_labels(one.file, one.movie.shape)
        return
    movie = read_movie(place, chosen.channel, least_frames=1)
    labels = read_labels(path_from(cells, "the cells"), movie.shape)
    require_size_of(movie, labels.shape, path_from(cells, "the cells"))
    yield movie, labels


def _places(movie: Movie, chosen: CellSplitSettings, random: np.random.Generator) -> list[tuple[str, Part]]:
    """Return the parts of an image, and whether each is for training or testing."""
    _, height, width = movie.shape
    if chosen.tiles is not None:
        parts = tiles((height, width), chosen.tiles)
        if len(parts) < 2:
            raise WrongInputError(
                f"{movie.name} has {width} x {height} pixels, which is one tile of {chosen.tiles} pixels, but two or more are "
                "needed: choose smaller tiles."
            )
        count = min(max(1, round(chosen.test_share * len(parts))), len(parts) - 1)
        tested = set(random.permutation(len(parts))[:count].tolist())
        return [("test" if number in tested else "train", part) for number, part in enumerate(parts)]
    side = width if chosen.test in ("left", "right") else height
    size = chosen.test_size if chosen.test_size is not None else max(1, round(side / 5))
    if size >= side:
        raise WrongInputError(
            f"{movie.name} has {side} pixels in this direction, so a test part of {size} leaves nothing for training: choose a "
            "smaller one."
        )
    test, train = halves((height, width), chosen.test, size)
    return [("train", train), ("test", test)]


def _without_cut(movie: Movie, labels: np.ndarray, parts: Sequence[Part]) -> tuple[np.ndarray, np.ndarray, int]:
    """Return pixels and labels (T, Y, X) without the cells that lie in several parts, and the number of these."""
    pixels, kept, count = np.array(movie.frames(0, len(movie))), labels.copy(), 0
    for frame, cells in enumerate(kept):
        cut = cut_cells(cells, parts)
        gone = np.isin(cells, cut)
        pixels[frame][gone] = pixels[frame].min()
        cells[gone] = 0
        count += len(cut)
    return pixels, kept, count


def _require_both(rows: Sequence[dict[str, Any]]) -> None:
    for part in ("train", "test"):
        if not any(row["part"] == part for row in rows):
            raise WrongInputError(
                f"The {part} part has no cells that lie completely in it, but both parts need some: choose another size or side."
            )
