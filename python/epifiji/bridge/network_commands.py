"""The command line's commands for networks: list, show, import, fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from epifiji.bridge.console import say, say_json, say_table

networks_app = typer.Typer(help="List, show, import and fetch networks.", no_args_is_help=True)

OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace a network of that name.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")]


@networks_app.command("list")
def networks_list(as_json: JsonOption = False) -> None:
    """List the networks that are known by name."""
    from epifiji.files.networks import available

    found = available()
    if as_json:
        say_json({"networks": [{"name": name, "path": str(path)} for name, path in found]})
    else:
        say_table(("name", "place"), found)


@networks_app.command("show")
def networks_show(network: Annotated[str, typer.Argument(metavar="NAME|DIR|ZIP")], as_json: JsonOption = False) -> None:
    """Show what a network finds, the scale it was trained for and where it came from."""
    from epifiji.files.networks import card, find_network, read_network

    loaded = read_network(find_network(network))
    if as_json:
        say_json(loaded.description.model_dump() | {"source": loaded.source, "sha256": loaded.sha256})
    else:
        say(f"{card(loaded.description)}- SHA-256 of its weights: {loaded.sha256}\n- Read from {loaded.source}")


@networks_app.command("import")
def networks_import(
    network: Annotated[Path, typer.Argument(metavar="DIR|ZIP", help="A network of the authors' or of EpiFiji.")],
    name: Annotated[str | None, typer.Option("--name", help="Name to give it; its own where not given.")] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Bring a network into your own folder, where it is known by name."""
    from epifiji.files.networks import find_network, import_network

    say(f"imported: {import_network(find_network(network), name, overwrite)}")


@networks_app.command("fetch")
def networks_fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="notum_all, notum_ExtSOPDiv, notum_ExtSOP or notum_Ext.")],
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="Where NAME.zip lies, if not at its authors'.")
    ] = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Fetch a network from the repository of DeXtrusion's authors."""
    from epifiji.files.networks import AUTHORS_URL, fetch_network

    say(f"fetched: {fetch_network(name, base_url or AUTHORS_URL, overwrite)}")
