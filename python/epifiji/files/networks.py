"""Networks as folders: ``network.json``, one weights file a member, and a card for people.

Here they are read, written, found by name, imported from the authors' form and fetched from their repository.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from epifiji.data.errors import WrongInputError
from epifiji.data.network import DEXNET, EPINET, Network, NetworkDescription, Weights
from epifiji.files.archives import unpack
from epifiji.files.dexnets import is_dexnet, read_dexnet

DESCRIPTION = "network.json"
CARD = "card.md"
FOLDER_VARIABLE = "EPIFIJI_NETWORKS"
SHIPPED = "epinet"
"""Name of the network that comes with EpiFiji."""

AUTHORS_COMMIT = "de8b61191547b6358c21dc178f823c652163e862"
AUTHORS_URL = f"https://github.com/Image-Analysis-Hub/DeXtrusion/raw/{AUTHORS_COMMIT}/DeXNets"
AUTHORS_SHA256 = {
    "notum_all": "774818cf4ffc8bdbb9ad143572f08cefb932cd89422463832850cc2e8b12186a",
    "notum_ExtSOPDiv": "0755490748d7334058539229cd532922e7655ae774b255881e7273b121f45d30",
    "notum_ExtSOP": "c22414ada113a092dde972ca19dc0e1b5ea1369d7578293869218677acab8162",
    "notum_Ext": "9e4666c9b54b362d64081a890c22831e857c922eb6bbf34f9d1dc921342dee92",
}
"""The authors' networks in their repository, at that commit."""

FETCH_TIMEOUT_S = 30
HOW_TO_GET_ONE = (
    "get one of DeXtrusion's with 'epifiji networks fetch notum_all', or download notum_all.zip from the folder DeXNets of "
    "github.com/Image-Analysis-Hub/DeXtrusion and run 'epifiji networks import notum_all.zip'"
)

SHIPPED_FOLDER = Path(str(resources.files("epifiji"))) / "networks"


def user_folder() -> Path:
    """Give the folder where imported networks are kept; it may not exist yet."""
    import platformdirs

    return Path(platformdirs.user_data_path("epifiji", appauthor=False)) / "networks"


def available() -> list[tuple[str, Path]]:
    """List the networks that have a name: those in the folder named by EPIFIJI_NETWORKS, the shipped one, the imported ones.

    Each folder's are sorted by name, without regard to case; of several with one name the first counts.
    """
    named, own = os.environ.get(FOLDER_VARIABLE), user_folder()
    found: dict[str, Path] = {}
    for place in ([Path(named)] if named else []) + [SHIPPED_FOLDER, own]:
        if place.is_dir():
            for path in sorted(place.iterdir(), key=lambda p: (p.name.lower(), p.name)):
                if not path.name.startswith(".") and _is_network(path):
                    found.setdefault(path.stem if path.is_file() else path.name, path)
    return list(found.items())


def find_network(given: str | Path | None = None) -> Path:
    """Find a network by name, or check that a folder or zip is there; without either, give the first available one.

    Raises
    ------
    WrongInputError
        Where there is none, saying how to get one.
    """
    known = dict(available())
    if given is None:
        return next(iter(known.values()))
    if str(given) in known:
        return known[str(given)]
    path = Path(given)
    if path.exists():
        return path
    raise WrongInputError(
        f"there is no network {str(given)!r}: give a folder, a zip, or one that is known by name ({', '.join(known)}), or "
        f"{HOW_TO_GET_ONE}."
    )


def read_network(path: Path) -> Network:
    """Read a network from its folder or zip, in the project's form or the authors'.

    Raises
    ------
    WrongInputError
        Where it is neither, or its parts do not fit.
    """
    if path.is_file():
        if not zipfile.is_zipfile(path):
            raise WrongInputError(f"{path} is no network: give a network's folder or a zip of it.")
        if any(f"/{name}".endswith(f"/{DESCRIPTION}") for name in _zip_names(path)):
            with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
                wanted = (DESCRIPTION, *(_weights_name(member) for member in range(64)))
                return _read_folder(unpack(path, Path(temporary), wanted), path)
        return _identified(read_dexnet(path), path)
    if (path / DESCRIPTION).is_file():
        return _read_folder(path, path)
    if path.is_dir() and is_dexnet(path):
        return _identified(read_dexnet(path), path)
    raise WrongInputError(
        f"{path} holds no network: give a folder with {DESCRIPTION}, or one of the authors' with config.cfg, or a zip of either."
    )


def write_network(
    network: Network, folder: Path, overwrite: bool = False, more: Callable[[Path], object] | None = None
) -> Path:
    """Write a network as a folder, under a temporary name first; `more` is told where to put further files.

    Raises
    ------
    WrongInputError
        Where the folder exists and may not be overwritten.
    """
    if folder.exists() and not overwrite:
        raise WrongInputError(f"{folder} exists: choose another name, or --overwrite to replace it.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".epifiji-", dir=folder.parent))
    try:
        hashes = []
        for member, weights in enumerate(network.weights):
            file = partial / _weights_name(member)
            np.savez_compressed(file, **dict(weights))  # type: ignore[arg-type]
            hashes.append(hashlib.sha256(file.read_bytes()).hexdigest())
        description = network.description.model_copy(update={"weights_sha256": tuple(hashes)})
        (partial / DESCRIPTION).write_text(description.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (partial / CARD).write_text(card(description), encoding="utf-8")
        if more is not None:
            more(partial)
        partial.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def import_network(path: Path, name: str | None = None, overwrite: bool = False) -> Path:
    """Bring a network of either form into the user's folder, where it is known by name."""
    network = read_network(path)
    name = require_name(name or network.description.name)
    described = network.description.model_copy(update={"name": name})
    return write_network(Network(described, network.weights), user_folder() / name, overwrite)


def require_name(name: str) -> str:
    """Give a name back that can name a network.

    Raises
    ------
    WrongInputError
        Where it cannot.
    """
    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum() or name.startswith("."):
        raise WrongInputError(f"{name!r} cannot name a network: use letters, digits, '-', '_' and '.' alone.")
    return name


def fetch_network(name: str, base_url: str = AUTHORS_URL, overwrite: bool = False) -> Path:
    """Download one of the authors' networks, check its SHA-256 and import it.

    Raises
    ------
    WrongInputError
        Where the name is unknown, the address cannot be reached (saying how to import a file instead), or the file is not
        the expected one.
    """
    if name not in AUTHORS_SHA256:
        raise WrongInputError(f"{name!r} is none of the authors' networks: choose one of {', '.join(AUTHORS_SHA256)}.")
    address = f"{base_url}/{name}.zip"
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        file = Path(temporary) / f"{name}.zip"
        try:
            with urllib.request.urlopen(address, timeout=FETCH_TIMEOUT_S) as answer:
                file.write_bytes(answer.read(LARGEST_DOWNLOAD_BYTES))
        except (urllib.error.URLError, OSError) as problem:
            reason = getattr(problem, "reason", problem)
            raise WrongInputError(
                f"{address} cannot be reached ({reason}): download {name}.zip from the folder DeXNets of "
                f"github.com/Image-Analysis-Hub/DeXtrusion on any machine and run 'epifiji networks import {name}.zip'."
            ) from problem
        found = hashlib.sha256(file.read_bytes()).hexdigest()
        if found != AUTHORS_SHA256[name]:
            raise WrongInputError(
                f"{address} gave a file with SHA-256 {found}, but {AUTHORS_SHA256[name]} was expected: it was not kept; "
                "try again later, or import a file that you trust with 'epifiji networks import'."
            )
        return import_network(file, name, overwrite)


LARGEST_DOWNLOAD_BYTES = 100_000_000


def card(description: NetworkDescription) -> str:
    """Write what a person wants to know of a network before using it."""
    looks = {
        DEXNET: f"windows of {description.window_frames} frames of {description.window_size_px} x "
        f"{description.window_size_px} px",
        EPINET: f"whole frames, {description.window_frames} of them at once",
    }
    return (
        f"# {description.name}\n\n"
        f"Finds: {', '.join(description.events)}.\n\n"
        f"{description.provenance}\n\n"
        f"- Looks at {looks[description.kind]}.\n"
        f"- Trained for cells of {description.cell_diameter_px:g} px and events of "
        f"{description.event_duration_frames:g} frames.\n"
        f"- Averages {description.members} network{'s' if description.members > 1 else ''}.\n"
    )


def weights_sha256(*members: Weights) -> str:
    """Hash members' numbers, the same in whatever form they are stored."""
    digest = hashlib.sha256()
    for weights in members:
        for key in sorted(weights):
            digest.update(key.encode())
            digest.update(str(weights[key].shape).encode())
            digest.update(np.ascontiguousarray(weights[key], np.float32).tobytes())
    return digest.hexdigest()


def _weights_name(member: int) -> str:
    return f"weights_{member}.npz"


def _zip_names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def _is_network(path: Path) -> bool:
    if path.is_dir():
        return (path / DESCRIPTION).is_file() or is_dexnet(path)
    return path.suffix == ".zip" and zipfile.is_zipfile(path)


def _identified(network: Network, path: Path) -> Network:
    return Network(network.description, network.weights, str(path), weights_sha256(*network.weights))


def _read_folder(folder: Path, source: Path) -> Network:
    """Read a folder in the project's form."""
    try:
        description = NetworkDescription(**json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")))
    except (ValidationError, ValueError, TypeError, OSError) as problem:
        first = problem.errors()[0] if isinstance(problem, ValidationError) else None
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(problem)
        raise WrongInputError(
            f"{source}: {DESCRIPTION} cannot be read ({reason}): import the network again."
        ) from problem
    members = tuple(_read_weights(folder, source, member, description) for member in range(description.members))
    return _identified(Network(description, members), source)


def _read_weights(folder: Path, source: Path, member: int, description: NetworkDescription) -> Weights:
    """Read one member's arrays and check that the file is the one that the description means."""
    name = _weights_name(member)
    try:
        data = (folder / name).read_bytes()
        with np.load(folder / name, allow_pickle=False) as arrays:
            weights = {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise WrongInputError(f"{source}: {name} cannot be read ({problem}): import the network again.") from problem
    if (
        member < len(description.weights_sha256)
        and hashlib.sha256(data).hexdigest() != description.weights_sha256[member]
    ):
        raise WrongInputError(
            f"{source}: {name} is not the file that {DESCRIPTION} describes (its SHA-256 differs): import the network again."
        )
    return weights
