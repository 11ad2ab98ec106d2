"""The networks at hand: listing them, and importing others from a folder, a zip or an address."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.names import wrong_file_name
from epifiji.data.network import LONGEST_NAME, AnyNetwork, Network, NetworkDescription
from epifiji.data.progress import Report, silent
from epifiji.files.networks.authors import AUTHORS_SHA256
from epifiji.files.networks.default import SHIPPED, choice_file, choose_default, default_name
from epifiji.files.networks.store import (
    available,
    find_network,
    hidden,
    is_shipped,
    own_card,
    read_description,
    read_network,
    user_folder,
    write_network,
)
from epifiji.files.storage.atomic import Change
from epifiji.files.storage.downloads import download, is_address, require_sha256
from epifiji.files.storage.writable import require_absent

AUTHORS_COMMIT = "de8b61191547b6358c21dc178f823c652163e862"
AUTHORS_URL = f"https://github.com/Image-Analysis-Hub/DeXtrusion/raw/{AUTHORS_COMMIT}/DeXNets"


@dataclass(frozen=True)
class Listed:
    """A network that has a name.

    Parameters
    ----------
    name, path
        Its name, and its path.
    description
        Its description; None if that cannot be read.
    origin
        Where it came from.
    problem
        Why it cannot be used; empty if it can.
    """

    name: str
    path: Path
    description: NetworkDescription | None
    origin: str
    problem: str = ""


def listed() -> list[Listed]:
    """Describe the networks with a name (:func:`~epifiji.files.networks.store.available`), without their weights."""
    found = []
    for name, path in available():
        try:
            described = read_description(path)
        except (WrongInputError, OSError) as problem:
            found.append(Listed(name, path, None, str(path), str(problem)))
            continue
        origin = "comes with EpiFiji" if is_shipped(path) else described.origin or str(path)
        found.append(Listed(name, path, described, origin))
    return found


Check = Callable[[AnyNetwork], object]


def accept(network: AnyNetwork) -> None:
    """Accept any network that could be read."""


def import_network(
    source: str | Path,
    name: str | None = None,
    overwrite: bool = False,
    sha256: str | None = None,
    check: Check = accept,
    report: Report = silent,
) -> Path:
    """Import a network of either form into the user's folder, where it can be used by name.

    Parameters
    ----------
    source
        A folder, a zip, a known name, or the address of a zip: ``https://…``, ``http://…``, ``file:///…``.
    name
        Its new name. Default: the name in its description.
    overwrite
        Whether a network of that name may be replaced.
    sha256
        Of the zip; needed for an address.
    check
        Called with the network before it is stored; raises if the network is not usable.
    report
        Called while a file is downloaded; may raise to cancel.

    Returns
    -------
    Path
        Its folder.

    Raises
    ------
    WrongInputError
        If an address comes without a hash or cannot be read, the hash differs, there is no network, or one of that name
        exists.
    """
    if not is_address(str(source)):
        path = find_network(source)
        if sha256:
            _require_hash(path, require_sha256(sha256, str(source)))
        return _imported(path, name, overwrite, f"{path.resolve()}", check)
    expected = require_sha256(sha256, str(source))
    require_room(name or "network")
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        file = download(str(source), Path(temporary), expected, report=report)
        return _imported(file, name, overwrite, f"{source} (SHA-256 {expected})", check)


def fetch_network(
    name: str,
    base_url: str = AUTHORS_URL,
    overwrite: bool = False,
    check: Check = accept,
    report: Report = silent,
) -> Path:
    """Download one of the authors' networks, check its SHA-256 and import it.

    Raises
    ------
    WrongInputError
        If the name is unknown, the address cannot be reached (the message says how to import a file instead), or the
        file is not the expected one.
    """
    if name not in AUTHORS_SHA256:
        raise WrongInputError(
            f"{name!r} is not one of the authors' networks: choose one of {', '.join(AUTHORS_SHA256)}."
        )
    require_room(name)
    address = f"{base_url}/{name}.zip"
    instead = (
        f"download {name}.zip from the folder DeXNets of github.com/Image-Analysis-Hub/DeXtrusion on any machine and run "
        f"'epifiji networks import {name}.zip'"
    )
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        file = download(address, Path(temporary), AUTHORS_SHA256[name], instead, report=report)
        return _imported(file, name, overwrite, address, check)


def require_room(name: str) -> None:
    """Refuse to continue if no network can be written into the user's folder, before one is downloaded or computed.

    Raises
    ------
    WrongInputError
        If so; the message names the folder and the reason.
    """
    instead = "make sure that you have write permission and free disk space, or set XDG_DATA_HOME to another folder"
    require_absent(user_folder(), [name], overwrite=True, instead=instead)


def require_name(name: str) -> str:
    """Return a name unchanged if it is valid for a network: a folder on every system, and not an option.

    Raises
    ------
    WrongInputError
        If it is not valid, or differs from one of the user's networks only in case, which some disks ignore.
    """
    plain = name.replace("_", "").replace("-", "").replace(".", "").isalnum()
    if not plain or name.startswith((".", "-")) or name.endswith("."):
        raise WrongInputError(
            f"{name!r} cannot name a network: use only letters, digits, '-', '_' and '.', neither '-' nor '.' first and no '.' "
            "last."
        )
    wrong = wrong_file_name(name)
    if wrong or len(name) > LONGEST_NAME:
        why = wrong or f"it has {len(name)} letters, more than {LONGEST_NAME}"
        raise WrongInputError(f"{name[:LONGEST_NAME]!r} cannot name a network, as {why}: choose another name.")
    own = user_folder()
    alike = next((path.name for path in own.glob("[!.]*") if path.name.casefold() == name.casefold()), name)
    if alike != name:
        raise WrongInputError(
            f"there is a network {alike!r} already, and some disks do not distinguish it from {name!r}: specify another --name."
        )
    return name


def set_default(name: str) -> str:
    """Make a network the default, and return its name.

    Raises
    ------
    WrongInputError
        If no network has that name, or it does not find events.
    """
    known = dict(available())
    if name not in known:
        names = [one.name for one in listed() if isinstance(one.description, EventNetworkDescription)]
        more = "; import it first, with 'epifiji networks import'" if Path(name).exists() else ""
        raise WrongInputError(
            f"there is no network {name!r} that could be the default: the names are {', '.join(names)}{more}."
        )
    described = read_description(known[name])
    if not isinstance(described, EventNetworkDescription):
        raise WrongInputError(
            f"{name} segments {described.task}, but the default is a network that finds events: choose another; for cells give "
            f"--network {name} where they are segmented."
        )
    choose_default(name)
    return name


def remove_network(name: str) -> tuple[Path, bool]:
    """Delete a network that was imported or trained.

    Returns
    -------
    Path
        Its folder, which no longer exists.
    bool
        Whether it was the default; EpiFiji's own network is the default then.

    Raises
    ------
    WrongInputError
        If there is no such network, or it is not in the user's folder.
    """
    path = find_removable(name)
    others = [place for known, place, _ in hidden() if known == name]
    was_default = _is_default(name) and not others
    with Change() as change:
        change.add(path.parent, folders=[path.name])
        if was_default:
            change.add(choice_file().parent, [choice_file().name])
    return path, was_default


def find_removable(name: str) -> Path:
    """Find a network of the user's own folder; see :func:`remove_network`."""
    known = dict(available())
    path, own = known.get(name), user_folder()
    if path is None:
        raise WrongInputError(f"there is no network {name!r}: the names are {', '.join(known)}.")
    if is_shipped(path):
        raise WrongInputError(
            f"the network {name!r} comes with EpiFiji and is not removed: name one that was imported."
        )
    if path.parent != own:
        raise WrongInputError(
            f"the network {name!r} lies in {path.parent}, the folder EPIFIJI_NETWORKS, and only those in {own} are "
            f"removed: delete {path} yourself."
        )
    return path


def _is_default(name: str) -> bool:
    try:
        return default_name() == name
    except WrongInputError:
        return False


def _imported(path: Path, name: str | None, overwrite: bool, origin: str, check: Check) -> Path:
    network = read_network(path)
    check(network)
    name = require_name(name or network.description.name)
    if name.casefold() == SHIPPED:
        raise WrongInputError(f"{name!r} is the name of the network that comes with EpiFiji: specify another --name.")
    described = network.description.model_copy(update={"name": name, "origin": origin})
    return write_network(Network(described, network.weights), user_folder() / name, overwrite, own_card(path))


def _require_hash(path: Path, sha256: str) -> None:
    """Refuse another file than the expected one."""
    if path.is_dir():
        raise WrongInputError(
            f"{path} is a folder, but a SHA-256 is that of a zip: leave --sha256 out, or specify the zip."
        )
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise WrongInputError(
            f"{path} has the SHA-256 {found}, but {sha256} was expected: get the file from its authors again."
        )
