"""Reading the authors' networks (DeXNets): TensorFlow SavedModel folders with a ``config.cfg``, or zips of them.

Only the checkpoint's numbers and the text file are read. The SavedModel's graph, which could contain any operation, is
neither loaded nor run, and only three files of each network are unpacked from a zip.
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import DexNetDescription
from epifiji.data.network import NOTHING, Network, Weights, first_problem
from epifiji.files.networks.authors import provenance_of_checkpoints, provenance_of_zip
from epifiji.files.networks.checkpoints import DATA, INDEX, checkpoint_arrays
from epifiji.files.networks.several import folders_with, how_to_take_one, listed_names, sub_folders
from epifiji.files.storage.archives import LARGEST_SUM_BYTES, read_limited, unpack

CONFIG = "config.cfg"
LARGEST_CONFIG_BYTES = 1_000_000


def is_dexnet(folder: Path) -> bool:
    """Return whether a folder is a DeXNet, or directly contains some."""
    return (folder / CONFIG).is_file() or any((child / CONFIG).is_file() for child in folder.iterdir())


def read_dexnet(path: Path) -> Network[DexNetDescription]:
    """Read a DeXNet folder, an ensemble's folder, or a zip of either.

    Raises
    ------
    WrongInputError
        If the file is not a zip, a path in it leaves its folder, or it contains no DeXNet, or several.
    """
    with _unpacked(path, (CONFIG, INDEX, DATA)) as (folder, name):
        members, description = _described(folder, name, path)
        return Network(description, tuple(_read_checkpoint(member) for member in members))


def read_dexnet_description(path: Path) -> DexNetDescription:
    """Read the description of a DeXNet, in the forms of :func:`read_dexnet`, without the numbers of its checkpoints.

    Raises
    ------
    WrongInputError
        As :func:`read_dexnet`, except for errors in the numbers.
    """
    with _unpacked(path, (CONFIG, INDEX, DATA)) as (folder, name):
        return _described(folder, name, path)[1]


@contextmanager
def _unpacked(path: Path, wanted: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Yield the folder of a network, unpacked if it is in a zip, and its name."""
    if path.is_dir():
        yield path, path.resolve().name
        return
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        yield unpack(path, Path(temporary), wanted), path.stem


def _member_folders(folder: Path, name: str, source: Path) -> list[Path]:
    """List the members of a network, sorted by name: its folder itself, or all sub-folders of an ensemble's."""
    if (folder / CONFIG).is_file():
        return [folder]
    children = sub_folders(folder)
    members = [child for child in children if (child / CONFIG).is_file()]
    if members and members == children:
        return members
    found = [place.relative_to(folder) for place in folders_with(folder, CONFIG)]
    if not found:
        raise WrongInputError(
            f"{name} contains no network: a DeXNet is a folder with {CONFIG} and {INDEX}, or a folder or zip of such folders."
        )
    others = [child.name for child in children if child not in members]
    raise WrongInputError(
        f"{name} is not a network, but contains some ({listed_names(found)}) next to or inside other folders "
        f"({listed_names(others)}), and all folders of an ensemble are members: {how_to_take_one(source, found)}."
    )


def _described(folder: Path, name: str, source: Path) -> tuple[list[Path], DexNetDescription]:
    """Find the members of a folder and describe them together."""
    members = _member_folders(folder, name, source)
    configs = [_read_config(member / CONFIG) for member in members]
    for member, config in zip(members[1:], configs[1:], strict=True):
        if config != configs[0]:
            found = [one.relative_to(folder) for one in members]
            raise WrongInputError(
                f"the networks {members[0].name} and {member.name} of {name} differ in their classes, window or scale, but the "
                f"members of an ensemble must agree: {how_to_take_one(source, found)}."
            )
    events = configs[0]["classes"][1:]
    provenance = provenance_of_zip(source) if source.is_file() else None
    if provenance is None:
        provenance = provenance_of_checkpoints(((one / INDEX, one / DATA) for one in members), events)
    try:
        return members, DexNetDescription(name=name, members=len(members), provenance=provenance, **configs[0])
    except ValidationError as problem:
        raise WrongInputError(
            f"{name} lacks the description of a DeXNet ({first_problem(problem)}): import it again from its authors."
        ) from problem


def _read_config(path: Path) -> dict[str, Any]:
    """Read the ``config.cfg`` of a network."""
    found: dict[str, object] = {}
    text = read_limited(path, LARGEST_CONFIG_BYTES, "a network's description").decode("utf-8", errors="replace")
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            try:
                found[key.strip()] = ast.literal_eval(value.strip())
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                found[key.strip()] = value.strip()
    try:
        files: Any = found["events_category_names"]
        half: Any = found["window_half_size"]
        frames: Any = found["nb_temporal_frames"]
        config = {
            "classes": (NOTHING, *(str(file).removesuffix(".zip").strip("_") for file in files[1:])),
            "window_half_size_px": int(half[0]),
            "frames_before": int(frames[0]),
            "frames_after": int(frames[1]),
            "cell_diameter_px": float(str(found["cell_diameter"])),
            "event_duration_frames": float(str(found["extrusion_duration"])),
        }
        square = half[0] == half[1]
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as problem:
        raise WrongInputError(
            f"{path.parent.name}/{CONFIG} is not that of a DeXNet ({type(problem).__name__}: {problem}): "
            "import the network again from its authors."
        ) from problem
    if not square:
        raise WrongInputError(
            f"{path.parent.name}/{CONFIG} has a window of {half[0]} x {half[1]} px, but only square ones are known."
        )
    return config


def _read_checkpoint(folder: Path) -> Weights:
    """Read a member's arrays from its checkpoint, by their names in the authors' architecture."""
    places = {f"variables/{number}": key for number, key in enumerate(_variable_keys())}
    places |= {
        f"layer_with_weights-{i + 2}/{part}": f"dense_{i}/{part}" for i in range(3) for part in ("kernel", "bias")
    }
    arrays = checkpoint_arrays(folder, places, "a DeXNet", LARGEST_SUM_BYTES)
    return {key: arrays[place] for place, key in places.items()}


def _variable_keys() -> list[str]:
    """Return the names of the checkpoint's variables 0–34 in order: trainable ones by block, moving statistics, the GRU."""
    keys = []
    for block in range(4):
        keys += [f"conv_{i}/{part}" for i in (2 * block, 2 * block + 1) for part in ("kernel", "bias")]
        keys += [f"norm_{block}/gamma", f"norm_{block}/beta"]
    keys += [f"norm_{block}/{part}" for block in range(4) for part in ("mean", "variance")]
    return [*keys, "gru/kernel", "gru/recurrent", "gru/bias"]
