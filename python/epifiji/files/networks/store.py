"""Networks as folders: ``network.json``, one weights file per member, and a card for people.

Here they are read, written and found by name; :mod:`epifiji.files.networks.zoo` imports them.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

import numpy as np

from epifiji.data.cellpose import PREFIX
from epifiji.data.errors import WrongInputError
from epifiji.data.network import AnyNetwork, Network, NetworkDescription
from epifiji.data.own_folders import NoHomeError, data_folder
from epifiji.data.paths import path_from
from epifiji.files.networks.cellpose import (
    find_model,
    is_cellpose,
    named_models,
    read_cellpose,
    read_cellpose_description,
)
from epifiji.files.networks.default import SHIPPED, default_name
from epifiji.files.networks.dexnets import CONFIG, is_dexnet, read_dexnet, read_dexnet_description
from epifiji.files.networks.epyseg import is_keras_model, read_epyseg
from epifiji.files.networks.own_format import (
    CARD,
    DESCRIPTION,
    read_folder,
    read_folder_description,
    weights_name,
    weights_sha256,
)
from epifiji.files.networks.several import folders_with, how_to_take_one, listed_names
from epifiji.files.storage.archives import names_in, unpack
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.journals import recover

PACKAGE = "bioimageio.yaml"
OTHER_MODELS = {
    **dict.fromkeys((".pth", ".pt", ".ckpt"), "PyTorch"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "pickle"),
    ".onnx": "ONNX",
    ".pb": "TensorFlow",
    ".tflite": "TensorFlow Lite",
}
"""Extensions of models that EpiFiji does not read, and their programs."""

LARGEST_CARD_BYTES = 100_000
FOLDER_VARIABLE = "EPIFIJI_NETWORKS"

HOW_TO_GET_ONE = (
    "get one of DeXtrusion's with 'epifiji networks fetch notum_all', or download notum_all.zip from the folder DeXNets of "
    "github.com/Image-Analysis-Hub/DeXtrusion and run 'epifiji networks import notum_all.zip'"
)


SHIPPED_FOLDER = Path(str(resources.files("epifiji"))) / "networks"


def shipped_network() -> Path:
    """Return the folder of the network that EpiFiji includes."""
    return SHIPPED_FOLDER / SHIPPED


def is_shipped(path: Path) -> bool:
    """Return whether a network is one that EpiFiji includes."""
    return path.parent == SHIPPED_FOLDER


def user_folder() -> Path:
    """Return the folder of imported networks; it may not exist yet.

    Raises
    ------
    NoHomeError
        If the user has no home folder.
    """
    return data_folder() / "networks"


def available() -> list[tuple[str, Path]]:
    """List the networks that have a name: the included ones, the imported ones, those in the folder EPIFIJI_NETWORKS, Cellpose's.

    Each folder is sorted by name, ignoring case. If several networks have the same name, the first one counts, so the
    variable adds names and changes none.
    """
    with suppress(NoHomeError):
        recover(user_folder())
    found: dict[str, Path] = {}
    for name, path in _every_network():
        found.setdefault(name, path)
    return list(found.items())


def names_default_first() -> list[str]:
    """List the names of all networks, beginning with the default."""
    names = [name for name, _ in available()]
    try:
        chosen = default_name()
    except WrongInputError:
        # A user who specifies a network can continue; one who does not gets an error that explains the problem.
        return names
    return sorted(names, key=lambda name: name != chosen)


def hidden() -> list[tuple[str, Path, Path]]:
    """List the networks whose name another one has: name, their path, and that of the other."""
    first = dict(available())
    return [(name, path, first[name]) for name, path in _every_network() if path != first[name]]


def _every_network() -> Iterator[tuple[str, Path]]:
    own: list[Path] = []
    with suppress(NoHomeError):
        own.append(user_folder())
    for place in (SHIPPED_FOLDER, *own, named_folder()):
        for path in _networks_in(place) if place else ():
            yield path.stem if path.is_file() else path.name, path
    yield from named_models()


def named_folder() -> Path | None:
    """Return the folder of the variable EPIFIJI_NETWORKS; None if it is not set."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


def problem_of_named_folder() -> str:
    """Return what is wrong with the folder EPIFIJI_NETWORKS; an empty text if nothing is, or the variable is not set."""
    folder = named_folder()
    if folder is None or _networks_in(folder):
        return ""
    if not folder.exists():
        what = "does not exist"
    elif not folder.is_dir():
        what = "is a file"
    elif _is_network(folder):
        what = "is a network itself"
    else:
        what = "contains no network"
    return f"{FOLDER_VARIABLE} names {folder}, which {what}, but a folder of networks is expected"


def _networks_in(folder: Path) -> list[Path]:
    """List the networks in a folder; a folder that may not be read contains none for this user."""
    try:
        paths = sorted(folder.iterdir(), key=lambda p: (p.name.lower(), p.name))
    except OSError:
        return []
    return [path for path in paths if not path.name.startswith(".") and _is_network(path)]


def find_network(given: str | Path | None = None) -> Path:
    """Find a network by name, or check that a folder or zip exists; without either, return the default one.

    Raises
    ------
    WrongInputError
        If there is none; the message says how to get one.
    """
    path = None if given is None else path_from(given, "a network's name, folder or zip")
    known = dict(available())
    if path is None:
        name = default_name()
        if name in known:
            return known[name]
        raise WrongInputError(
            f"the default network {name!r} is not known any more: choose another with 'epifiji networks default NAME', "
            "or return to EpiFiji's own with 'epifiji networks default --reset'."
        )
    if str(given) in known:
        return known[str(given)]
    if str(given).startswith(PREFIX):
        return find_model(str(given))
    recover(path)
    if path.exists():
        return path
    problem = problem_of_named_folder()
    raise WrongInputError(
        f"there is no network {str(given)!r}: specify a folder, a zip, or a known name ({', '.join(known)}), or "
        f"{HOW_TO_GET_ONE}{f'; {problem}' if problem else ''}."
    )


def read_network(path: Path) -> AnyNetwork:
    """Read a network from its folder or zip, in the project's form or DeXtrusion's, or from a model of EPySeg's or Cellpose's.

    Raises
    ------
    WrongInputError
        If it is neither, or its parts do not fit together.
    """
    recover(path)
    if is_cellpose(path):
        return _identified(read_cellpose(path), path)
    with _unpacked(path) as folder:
        if folder is not None:
            return _identified(read_folder(folder, path), path)
        return _identified(read_epyseg(path) if _is_keras_model(path) else read_dexnet(path), path)


def read_description(path: Path) -> NetworkDescription:
    """Read a network's description without loading its weights; it is checked that these are the described ones.

    Raises
    ------
    WrongInputError
        As :func:`read_network`, except for errors in the numbers.
    """
    if is_cellpose(path):
        return read_cellpose_description(path)
    with _unpacked(path) as folder:
        if folder is None:
            return read_epyseg(path).description if _is_keras_model(path) else read_dexnet_description(path)
        return read_folder_description(folder, path)


def own_card(path: Path) -> str | None:
    """Read the card in a network's folder or zip; None if there is none."""
    if is_cellpose(path):
        return None
    with _unpacked(path) as folder:
        file = None if folder is None else folder / CARD
        if file is None or not file.is_file():
            return None
        with file.open("rb") as stream:
            return stream.read(LARGEST_CARD_BYTES).decode("utf-8", errors="replace")


@contextmanager
def _unpacked(path: Path) -> Iterator[Path | None]:
    """Yield the folder of a network in the project's form, unpacked if it is in a zip; None for one in another program's form."""
    _require_no_other_kind(path)
    if _is_keras_model(path):
        yield None
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise WrongInputError(f"{path} is not a network: specify a network's folder or a zip of it.")
        names = {name.rpartition("/")[2] for name in names_in(path)}
        if PACKAGE in names and DESCRIPTION not in names:
            raise WrongInputError(
                f"{path} is a package of bioimage.io, which EpiFiji writes but does not read: specify the network's "
                "folder or a zip of it."
            )
        if DESCRIPTION not in names:
            yield None
            return
        with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
            wanted = (DESCRIPTION, CARD, *(weights_name(member) for member in range(64)))
            folder = unpack(path, Path(temporary), wanted)
            _require_one(folder, path)
            yield folder
    elif (path / DESCRIPTION).is_file():
        yield path
    elif path.is_dir() and is_dexnet(path):
        yield None
    else:
        if path.is_dir():
            _require_one(path, path)
        raise WrongInputError(
            f"{path} contains no network: specify a folder with {DESCRIPTION}, or one of the authors' with {CONFIG}, "
            "or a zip of either."
        )


def _require_no_other_kind(path: Path) -> None:
    """Refuse models of other programs by their kind: they may contain code that would run when they are loaded."""
    if path.is_file() and path.suffix.lower() in OTHER_MODELS:
        raise WrongInputError(
            f"{path} is a {OTHER_MODELS[path.suffix.lower()]} file, which EpiFiji does not read, because such a file may "
            "contain code: use a network that EpiFiji trained or exported as a folder or zip, or one of DeXtrusion's or "
            "EPySeg's."
        )


def _is_keras_model(path: Path) -> bool:
    """Return whether a path is a model of Keras; DeXNets and EpiFiji's networks may contain one."""
    return is_keras_model(path) and not (path.is_dir() and ((path / DESCRIPTION).is_file() or is_dexnet(path)))


def _require_one(folder: Path, source: Path) -> None:
    """Refuse a folder that is not a network but contains some."""
    found = [] if (folder / DESCRIPTION).is_file() else folders_with(folder, DESCRIPTION, CONFIG)
    if found:
        places = [place.relative_to(folder) for place in found]
        raise WrongInputError(
            f"{source} is not a network but contains some ({listed_names(places)}): {how_to_take_one(source, places)}."
        )


def write_network(
    network: AnyNetwork,
    folder: Path,
    overwrite: bool = False,
    text: str | None = None,
    more: Callable[[Change, Path], object] | None = None,
) -> Path:
    """Write a network as a folder, all of it or nothing.

    Parameters
    ----------
    text
        Its card. Default: the one of :func:`card`.
    more
        Called with the change and the folder in it, to write further files there or elsewhere.

    Raises
    ------
    WrongInputError
        If the folder exists and may not be overwritten, or the path is not a folder.
    """
    recover(folder)
    if folder.exists() and not overwrite:
        raise WrongInputError(f"{folder} exists: choose another name, or --overwrite to replace it.")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise WrongInputError(
            f"{folder} is a {'link' if folder.is_symlink() else 'file'}, but only a network's folder is replaced: "
            "choose another name, or delete it."
        )
    with Change() as change:
        partial = change.add(folder.parent, folders=[folder.name]) / folder.name
        partial.mkdir()
        hashes = []
        for member, weights in enumerate(network.weights):
            file = partial / weights_name(member)
            np.savez_compressed(file, **dict(weights))  # type: ignore[arg-type]
            hashes.append(hashlib.sha256(file.read_bytes()).hexdigest())
        description = network.description.model_copy(update={"weights_sha256": tuple(hashes)})
        (partial / DESCRIPTION).write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (partial / CARD).write_text(text or card(description), encoding="utf-8")
        if more is not None:
            more(change, partial)
    return folder


def card(description: NetworkDescription) -> str:
    """Write a card: what a person needs to know about a network before using it."""
    return (
        f"# {description.name}\n\n"
        f"{description.verb.capitalize()}: {', '.join(description.outputs)}.\n\n"
        f"{description.provenance}\n\n"
        f"- Input: {description.sees}.\n"
        f"- Trained for {description.trained_for}.\n"
        f"- Averages {description.members} network{'s' if description.members > 1 else ''}.\n"
    )


def _is_network(path: Path) -> bool:
    """Return whether a folder or file is a network that this user may read."""
    try:
        if path.is_dir():
            return (path / DESCRIPTION).is_file() or is_dexnet(path)
        return path.suffix == ".zip" and zipfile.is_zipfile(path)
    except OSError:
        return False


def _identified(network: AnyNetwork, path: Path) -> AnyNetwork:
    return Network(network.description, network.weights, str(path), weights_sha256(*network.weights))
