"""Reads the authors' networks (DeXNets): TensorFlow SavedModel folders with a ``config.cfg``, or zips of them.

Only the checkpoint's numbers and the text file are read. The SavedModel's graph, which could hold any operation, is
neither loaded nor run, and of a zip only the three files of each network are taken out.
"""

from __future__ import annotations

import ast
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.data.network import NOTHING, Network, NetworkDescription, Weights, first_problem
from epifiji.data.quiet_tensorflow import import_tensorflow
from epifiji.files.archives import unpack

CONFIG = "config.cfg"
CHECKPOINT = "variables/variables"
INDEX, DATA = f"{CHECKPOINT}.index", f"{CHECKPOINT}.data-00000-of-00001"
AUTHORS = "Trained by the authors of DeXtrusion (Villars, Letort et al., Development 150, dev201747, 2023); BSD-3."


def is_dexnet(folder: Path) -> bool:
    """Say whether a folder is a DeXNet or an ensemble of them."""
    return bool(_member_folders(folder))


def read_dexnet(path: Path) -> Network:
    """Read a DeXNet folder, an ensemble's folder, or a zip of either.

    Raises
    ------
    WrongInputError
        Where the file is no zip, a path in it leaves its folder, or what is inside is no DeXNet.
    """
    if path.is_dir():
        return _read_folder(path, path.name)
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        folder = unpack(path, Path(temporary), (CONFIG, INDEX, DATA))
        return _read_folder(folder, path.stem)


def read_dexnet_description(path: Path) -> NetworkDescription:
    """Read what a DeXNet, as :func:`read_dexnet` takes it, says of itself; its checkpoints are not looked at.

    Raises
    ------
    WrongInputError
        As :func:`read_dexnet`, as far as that can be told without the numbers.
    """
    if path.is_dir():
        return _described(path, path.name)[1]
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        folder = unpack(path, Path(temporary), (CONFIG,))
        return _described(folder, path.stem)[1]


def _member_folders(folder: Path) -> list[Path]:
    """List the networks of a folder, sorted by name: itself, or its sub-folders."""
    if (folder / CONFIG).is_file():
        return [folder]
    return sorted(child for child in folder.iterdir() if (child / CONFIG).is_file())


def _read_folder(folder: Path, name: str) -> Network:
    """Read all members of a folder."""
    members, description = _described(folder, name)
    return Network(description, tuple(_read_checkpoint(member) for member in members))


def _described(folder: Path, name: str) -> tuple[list[Path], NetworkDescription]:
    """Find the members of a folder and describe them together."""
    members = _member_folders(folder)
    if not members:
        raise WrongInputError(
            f"{name} holds no network: a DeXNet is a folder with {CONFIG} and {INDEX}, or a folder or zip of such folders."
        )
    configs = [_read_config(member / CONFIG) for member in members]
    for member, config in zip(members[1:], configs[1:], strict=True):
        if config != configs[0]:
            raise WrongInputError(
                f"the networks {members[0].name} and {member.name} of {name} differ in their classes, window or scale, but the "
                "members of an ensemble must agree: use one of them alone."
            )
    try:
        return members, NetworkDescription(name=name, members=len(members), provenance=AUTHORS, **configs[0])
    except ValidationError as problem:
        raise WrongInputError(
            f"{name} is not described as a DeXNet is ({first_problem(problem)}): import it again from its authors."
        ) from problem


def _read_config(path: Path) -> dict[str, Any]:
    """Read what a ``config.cfg`` says of a network."""
    found: dict[str, object] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
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
            f"{path.parent.name}/{CONFIG} does not say what a DeXNet's does ({type(problem).__name__}: {problem}): "
            "import the network again from its authors."
        ) from problem
    if not square:
        raise WrongInputError(
            f"{path.parent.name}/{CONFIG} has a window of {half[0]} x {half[1]} px, but only square ones are known."
        )
    return config


def _read_checkpoint(folder: Path) -> Weights:
    """Read a member's arrays from its checkpoint, by their places in the authors' architecture."""
    for file in (INDEX, DATA):
        if not (folder / file).is_file():
            raise WrongInputError(f"the network {folder.name} has no {file}: import it again from its authors.")
    arrays = _checkpoint_arrays(folder)
    places = {f"variables/{number}": key for number, key in enumerate(_variable_keys())}
    places |= {
        f"layer_with_weights-{i + 2}/{part}": f"dense_{i}/{part}" for i in range(3) for part in ("kernel", "bias")
    }
    missing = [place for place in places if place not in arrays]
    if missing:
        raise WrongInputError(
            f"the checkpoint of network {folder.name} has no {missing[0]}, so it is no DeXNet: import it again from its authors."
        )
    return {key: np.asarray(arrays[place], np.float32) for place, key in places.items()}


def _checkpoint_arrays(folder: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a TensorFlow checkpoint by name."""
    tf = import_tensorflow()
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    try:
        reader = tf.train.load_checkpoint(str(folder / CHECKPOINT))
        names = [name for name in reader.get_variable_to_shape_map() if name.endswith(suffix)]
        return {name.removesuffix(suffix): reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError) as problem:
        raise WrongInputError(
            f"the checkpoint of network {folder.name} cannot be read ({str(problem).splitlines()[0][:120]}): "
            "import it again from its authors."
        ) from problem


def _variable_keys() -> list[str]:
    """Name the checkpoint's variables 0–34 in order: trainable ones block by block, moving statistics, the GRU."""
    keys = []
    for block in range(4):
        keys += [f"conv_{i}/{part}" for i in (2 * block, 2 * block + 1) for part in ("kernel", "bias")]
        keys += [f"norm_{block}/gamma", f"norm_{block}/beta"]
    keys += [f"norm_{block}/{part}" for block in range(4) for part in ("mean", "variance")]
    return [*keys, "gru/kernel", "gru/recurrent", "gru/bias"]
