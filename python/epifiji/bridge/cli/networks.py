"""The command line's commands for networks: list, show, default, import, remove, export, fetch, cellpose."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json, say_table
from epifiji.bridge.cli.options import JsonOption, with_settings
from epifiji.bridge.known_networks import COLUMNS, card_of, members_note, notices_of, row_of
from epifiji.bridge.streams import note, plain, say
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.settings.jobs import ExportJob, NewNetworkJob

if TYPE_CHECKING:
    from epifiji.files.networks.zoo import Listed

networks_app = typer.Typer(help="List, show, choose, import, remove, export and fetch networks.", no_args_is_help=True)


@networks_app.command("list")
def networks_list(as_json: JsonOption = False) -> None:
    """List the networks that can be used by name."""
    from epifiji.files.networks.default import default_name
    from epifiji.files.networks.zoo import listed

    found = listed()
    notices = notices_of(found)
    if as_json:
        say_json({"default": default_name(), "networks": [_listed(one) for one in found], "notices": notices})
        return
    say_table(COLUMNS, [[plain(text) for text in row_of(one)] for one in found])
    for notice in notices:
        note(plain(notice))
    say(f"default: {plain(default_name())}")


@networks_app.command("default")
def networks_default(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The new default for events. Without a name, show the current one."),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to EpiNet, which comes with EpiFiji.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or choose the default network for events, which is EpiNet until you choose another."""
    from epifiji.files.networks.default import SHIPPED, default_name
    from epifiji.files.networks.store import find_network
    from epifiji.files.networks.zoo import set_default

    if reset and name is not None:
        raise WrongInputError(f"the network {name!r} and --reset were both given: give one of them.")
    if reset or name is not None:
        set_default(SHIPPED if name is None else name)
    chosen = default_name()
    if as_json:
        say_json({"default": chosen, "path": str(find_network())})
        return
    say(f"default: {plain(chosen)} ({find_network()})")


@networks_app.command("cellpose")
def networks_cellpose(
    python: Annotated[
        str | None,
        typer.Argument(
            metavar="PYTHON|DIR",
            help="A Python that has Cellpose 3, or the folder of its environment. Without it, show the current one.",
        ),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Forget the chosen Python.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or choose the Python in which Cellpose computes, if it is not installed in EpiFiji's own."""
    from epifiji.jobs.networks import cellpose_in_words, choose_cellpose

    if reset and python is not None:
        raise WrongInputError(f"the Python {python!r} and --reset were both given: give one of them.")
    with ProgressBar("cellpose", silent=as_json) as report:
        said = choose_cellpose(python, report) if reset or python is not None else cellpose_in_words(report)
    if as_json:
        say_json({"cellpose": said})
    else:
        say(plain(said))


@networks_app.command("remove")
def networks_remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete a network that you imported or trained."""
    from epifiji.files.networks.zoo import find_removable, remove_network

    place = find_removable(name)
    if not yes:
        if not sys.stdin.isatty():
            raise WrongInputError(f"nobody can be asked whether to delete {place} here: give --yes to delete it.")
        if not typer.confirm(f"Delete {place}?", err=True):
            raise CancelledError
    place, was_default = remove_network(name)
    say(f"removed: {place}")
    if was_default:
        say("It was the default network, which is EpiNet again.")


@networks_app.command("show")
def networks_show(network: Annotated[str, typer.Argument(metavar="NAME|DIR|ZIP")], as_json: JsonOption = False) -> None:
    """Show a network's card: what it finds, the scale it was trained for and where it came from."""
    from epifiji.files.networks.store import find_network, read_network

    place = find_network(network)
    if as_json:
        loaded = read_network(place)
        say_json(loaded.description.model_dump() | {"source": loaded.source, "sha256": loaded.sha256})
        return
    say(plain(card_of(place)).rstrip("\n"))


@networks_app.command("import")
@with_settings(NewNetworkJob)
def networks_import(
    *,
    network: Annotated[
        str,
        typer.Argument(
            metavar="DIR|ZIP|URL",
            help="A network of EpiFiji, DeXtrusion or EPySeg (.h5, .keras, SavedModel); an address needs --sha256.",
        ),
    ],
    name: Annotated[str | None, typer.Option("--name", help="Name to give it. Default: its own name.")] = None,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="HASH", help="The zip's SHA-256; another file is refused.")
    ] = None,
    overwrite: bool,
) -> None:
    """Import a network into your own folder, so that it can be used by name."""
    from epifiji.jobs.networks import import_network

    _say_added("imported", import_network(network, name, overwrite, sha256))


@networks_app.command("export")
@with_settings(ExportJob)
def networks_export(
    *,
    network: Annotated[str, typer.Argument(metavar="NAME|DIR|ZIP", help="An EpiNet.")],
    out: Path,
    author: Annotated[
        list[str] | None, typer.Option("--author", metavar="NAME", help="Who made it, for a package; give several.")
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--license", metavar="SPDX", help="Its licence, for a package, such as CC-BY-4.0.")
    ] = None,
    overwrite: bool,
) -> None:
    """Export an EpiNet for other programs, as an ONNX model or as a bioimage.io package."""
    from epifiji.jobs.export import export_network

    say(f"exported: {export_network(network, out, author or (), licence, overwrite)}")


@networks_app.command("fetch")
@with_settings(NewNetworkJob)
def networks_fetch(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="notum_all, notum_ExtSOPDiv, notum_ExtSOP or notum_Ext.")],
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", help="Address of the folder of NAME.zip. Default: the authors' repository."),
    ] = None,
    overwrite: bool,
) -> None:
    """Download a network from the repository of DeXtrusion's authors."""
    from epifiji.files.networks.zoo import AUTHORS_URL
    from epifiji.jobs.networks import fetch_network

    _say_added("fetched", fetch_network(name, base_url or AUTHORS_URL, overwrite))


def _say_added(what: str, place: Path) -> None:
    """Print where a network was stored and, for an ensemble, that its members are averaged."""
    say(f"{what}: {place}")
    if sentence := members_note(place):
        say(sentence)


def _listed(one: Listed) -> dict[str, Any]:
    known = one.description.model_dump(exclude={"name"}) if one.description else {}
    task = {"task": one.description.task} if one.description else {}
    return (
        {"name": one.name, "path": str(one.path), "origin": one.origin, "problem": one.problem}
        | task
        | {key: value for key, value in known.items() if key != "origin"}
    )
