"""The jobs that list networks with their cards, and import, fetch, export, remove one, or make it the default."""

from __future__ import annotations

from pathlib import Path

from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.network_commands import (
    ExportNetworkCommand,
    FetchNetworkCommand,
    ImportNetworkCommand,
    ManageNetworksCommand,
)
from epifiji.bridge.fiji.requests.registry import Answer, Request, job
from epifiji.bridge.known_networks import COLUMNS, card_of, members_note, notices_of, row_of
from epifiji.data.errors import WrongInputError
from epifiji.data.settings.base import parse_settings


@job("networks", commands.MANAGE)
def networks(_: Request) -> Answer:
    """Return a table of all networks by name, the default for events, and which can be removed or be the default."""
    from epifiji.data.event_networks import EventNetworkDescription
    from epifiji.files.networks.default import default_name
    from epifiji.files.networks.store import user_folder
    from epifiji.files.networks.zoo import listed

    found = listed()
    return {
        "columns": list(COLUMNS),
        "rows": [row_of(one) for one in found],
        "default": default_name(),
        "removable": [one.name for one in found if one.path.parent == user_folder()],
        "of_events": [one.name for one in found if isinstance(one.description, EventNetworkDescription)],
        "notices": notices_of(found),
    }


@job("network_card", commands.MANAGE)
def network_card(request: Request) -> Answer:
    """Return the card of the network with the name ``network``."""
    from epifiji.files.networks.store import find_network

    return {"card": card_of(find_network(request["network"]))}


@job("manage_networks", commands.MANAGE)
def manage_networks(request: Request) -> Answer:
    """Choose the default network or Cellpose's Python, or delete a network, as the ``settings`` specify."""
    from epifiji.files.networks.zoo import remove_network, set_default
    from epifiji.jobs.networks import choose_cellpose

    command = parse_settings(ManageNetworksCommand, request["settings"])
    done = []
    if command.default is not None:
        done.append(f"{set_default(command.default)} is the default network for events")
    if command.remove is not None:
        place, was_default = remove_network(command.remove)
        done.append(f"removed {place}" + ("; EpiNet is the default again" if was_default else ""))
    if command.cellpose is not None:
        done.append(choose_cellpose(None if command.cellpose == "none" else command.cellpose, request.report))
    return {"said": "; ".join(done)}


@job("import_network", commands.IMPORT)
def import_network(request: Request) -> Answer:
    """Import the network of ``settings``."""
    from epifiji.jobs.networks import import_network

    command = parse_settings(ImportNetworkCommand, request["settings"])
    if command.network is None:
        raise WrongInputError("No network was specified: choose its file, or give --network DIR.")
    place = import_network(command.network, command.name, command.overwrite, command.sha256, request.report)
    return _added("imported", place)


@job("fetch_network", commands.FETCH)
def fetch_network(request: Request) -> Answer:
    """Download the network of ``settings`` from the repository of DeXtrusion's authors."""
    from epifiji.files.networks.zoo import AUTHORS_URL
    from epifiji.jobs.networks import fetch_network

    command = parse_settings(FetchNetworkCommand, request["settings"])
    return _added(
        "fetched", fetch_network(command.name, command.base_url or AUTHORS_URL, command.overwrite, request.report)
    )


@job("export_network", commands.EXPORT_NETWORK)
def export_network(request: Request) -> Answer:
    """Export the network of ``settings`` for other programs."""
    from epifiji.files.networks.default import default_name
    from epifiji.jobs.export import export_network

    command = parse_settings(ExportNetworkCommand, request["settings"])
    if command.out is None:
        raise WrongInputError("No file was specified: give --out FILE, which ends with .onnx or .zip.")
    network = command.network or default_name()
    made = export_network(network, command.out, command.author or (), command.license, command.overwrite)
    return {"said": f"exported: {made}"}


def _added(what: str, place: Path) -> Answer:
    note = members_note(place)
    return {"name": place.name, "said": f"{what}: {place}" + (f". {note}" if note else "")}
