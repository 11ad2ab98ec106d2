"""Movies in Zarr folders: images of OME-Zarr (OME-NGFF), and plain arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.array_frames import axes_of, letters_of
from epifiji.files.movies.calibration import Calibration, checked, in_units_of
from epifiji.files.movies.frames import Planes, ProjectedFrames, perhaps_turned, pick
from epifiji.files.movies.zarr_arrays import ZarrFrames, has_chunks, require_numbers, require_possible
from epifiji.files.movies.zarr_store import Node, nodes_below, read_node

SHOWN = 8
"""Most arrays that a message lists."""
MOST_GROUPS = 1000
"""Most groups of a folder that are searched for images."""
FIVE_AXES = ("t", "c", "z", "y", "x")
"""The axes of images in the first versions of OME-NGFF, which did not name them."""


def open_zarr(
    folder: Path, inside: str | None, name: str, channel: int | None, least_frames: int, over_z: Planes = "time"
) -> Movie:
    """Open an image or an array in a Zarr folder as a movie whose frames are read when sliced.

    Of an image of OME-NGFF the finest level is read, with its scale. Three axes without names are (T, Y, X), without axes of
    length 1.

    Parameters
    ----------
    folder
        An existing Zarr folder.
    inside
        Path of the image or array in the folder, or None if it contains only one.
    name
        Name of the movie.
    channel
        Channel to read, from 1; required if there are several.
    least_frames, over_z
        See :func:`epifiji.files.movies.frames.pick`.

    Raises
    ------
    WrongInputError
        If there is no such image, none or several to choose from, it is not one grey plane over time, or its description
        is not that of an array of numbers.
    """
    node = _chosen(folder, inside)
    full = _full(folder, node.inside)
    image, notices = (None, ()) if node.array is not None else _image(node, full)
    array = node if image is None else _finest_level(folder, node, image, full)
    shape, stored = require_numbers(array, full)
    labels = _names(image, len(shape)) if image is not None else _labels_of_array(array)
    axes = axes_of(shape, labels, over_z)
    if axes is None:
        raise WrongInputError(
            f"{full} has the shape {shape} and no names of its axes, but a movie has the three axes (T, Y, X): choose another "
            "array, or save one plane and channel of it."
        )
    require_possible(shape, axes, full)
    if 0 not in shape and not has_chunks(folder, array.inside):
        raise WrongInputError(
            f"{full} has a shape, but its pixels were never written: the program that made it was probably stopped; write it "
            "again."
        )
    picked = pick(axes, shape, channel, full, least_frames, over_z)
    read = _calibration(image, axes, full) if image is not None else Calibration()
    frames = ZarrFrames(folder, array, shape, stored, axes, picked.index)
    return Movie(
        ProjectedFrames(frames, picked.depth) if picked.depth > 1 else frames,
        name=name,
        pixel_size_um=read.x_um,
        pixel_height_um=read.y_um,
        voxel_depth_um=read.z_um,
        frame_interval_s=read.interval_s,
        path=Path(full),
        notices=(
            *notices,
            *([f"{full} was read, the only image of {folder}."] if node.inside and not inside else []),
            *picked.notices,
            *(() if letters_of(labels) else perhaps_turned(shape, full, over_z)),
            *read.notices(full),
        ),
        layout=picked.layout,
    )


def _full(folder: Path, inside: str) -> str:
    return f"{folder}:/{inside}" if inside else str(folder)


def _chosen(folder: Path, inside: str | None) -> Node:
    """Find the array or image with a path in the folder, or the only one below it."""
    node = read_node(folder, inside or "")
    if node is not None and (node.array is not None or node.images):
        return node
    if inside and node is None:
        raise WrongInputError(
            f"{folder} has no array or group {inside}, but one of its images was expected: {_listed(folder, _below(folder))}."
        )
    found = [one for one in _below(folder) if not inside or one.inside.startswith(f"{inside}/")]
    if len(found) == 1:
        return found[0]
    if found:
        raise WrongInputError(
            f"{_full(folder, inside or '')} has {len(found)} images or arrays, but one movie is needed: add its path, as in "
            f"{folder.name}/{found[0].inside}; {_listed(folder, found)}."
        )
    raise WrongInputError(
        f"{_full(folder, inside or '')} contains no image in the Zarr format, but a movie is one: check the path, or copy the "
        "whole folder again."
    )


def _below(folder: Path) -> list[Node]:
    return list(nodes_below(folder, MOST_GROUPS))


def _listed(folder: Path, nodes: list[Node]) -> str:
    if not nodes:
        return "it has none"
    names = ", ".join(
        f"{one.inside or folder.name} {'x'.join(map(str, one.array.get('shape', ())))}"
        if one.array
        else one.inside or folder.name
        for one in nodes[:SHOWN]
    )
    return f"it has {names}{f' and {len(nodes) - SHOWN} more' if len(nodes) > SHOWN else ''}"


def _image(node: Node, full: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the first image that a group describes, as the format says, with a notice if there are others."""
    first, *others = node.images
    if not others:
        return first, ()
    return first, (f"{full} describes {len(others) + 1} images: the first one was read.",)


def _finest_level(folder: Path, node: Node, image: Mapping[str, Any], full: str) -> Node:
    level = _first(image.get("datasets"))
    path = level.get("path")
    if not isinstance(path, str) or not path:
        raise WrongInputError(
            f"{full} describes an image without a path of its pixels, but OME-Zarr names one: write the movie again."
        )
    array = read_node(folder, f"{node.inside}/{path}" if node.inside and not path.startswith("/") else path)
    if array is None or array.array is None:
        raise WrongInputError(f"{full} describes the array {path}, which is missing: copy the whole folder again.")
    return array


def _first(given: object) -> Mapping[str, Any]:
    return given[0] if isinstance(given, list) and given and isinstance(given[0], dict) else {}


def _axes(image: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the axes of an image with their names and units; version 0.3 has names alone."""
    given = image.get("axes")
    return [one if isinstance(one, dict) else {"name": one} for one in given] if isinstance(given, list) else []


def _names(image: Mapping[str, Any], count: int) -> list[object]:
    named = [axis.get("name") for axis in _axes(image)]
    return named or (list(FIVE_AXES) if count == len(FIVE_AXES) else [])


def _labels_of_array(array: Node) -> list[object]:
    """Return the names of a plain array's axes: those of version 3, or those that xarray records."""
    given = (array.array or {}).get("dimension_names") or array.attributes.get("_ARRAY_DIMENSIONS")
    return list(given) if isinstance(given, list) else []


def _calibration(image: Mapping[str, Any], axes: str, full: str) -> Calibration:
    """Read the scale of the finest level, multiplied by that of all levels."""
    described = _axes(image)
    scale = [1.0] * len(axes)
    found = False
    for transformations in (
        _first(image.get("datasets")).get("coordinateTransformations"),
        image.get("coordinateTransformations"),
    ):
        for one in transformations if isinstance(transformations, list) else []:
            given = one.get("scale") if isinstance(one, dict) and one.get("type") == "scale" else None
            if isinstance(given, list) and len(given) == len(scale):
                found = True
                scale = [a * b if isinstance(b, int | float) else math.nan for a, b in zip(scale, given, strict=True)]
    if not found or len(described) != len(axes):
        return Calibration()
    sizes = dict(zip(axes, scale, strict=True))
    units = {letter: axis.get("unit") or "" for letter, axis in zip(axes, described, strict=True)}
    # Without a unit of time a step of 1 is a frame.
    interval = sizes.get("T") if units.get("T") else None
    y = in_units_of(sizes["Y"], units["Y"], units["X"])
    z = in_units_of(sizes["Z"], units["Z"], units["X"]) if "Z" in sizes else None
    return checked((sizes["X"], y), units["X"], interval, units.get("T", ""), z)
