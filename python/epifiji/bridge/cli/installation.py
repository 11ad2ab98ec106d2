"""The command line's commands for this installation and Fiji: doctor, fiji, install-fiji, uninstall-fiji, fiji-archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from epifiji.bridge.cli.console import ProgressBar, say_json
from epifiji.bridge.cli.options import JsonOption
from epifiji.bridge.streams import say

installation_app = typer.Typer()

FijiArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Fiji's folder: it contains jars and plugins.")]


@installation_app.command()
def doctor(
    fiji: Annotated[Path | None, typer.Option("--fiji", metavar="DIR", help="A Fiji folder to check too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Check this installation: Python, TensorFlow, ONNX Runtime, Java, ImageJ, networks. Report what is wrong and what to do."""
    from dataclasses import asdict

    from epifiji.bridge.doctor import diagnose

    findings = diagnose(fiji=fiji)
    if as_json:
        say_json({"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            say(f"{finding.state:<8} {finding.name}: {finding.what}" + (f" -> {finding.do}" if finding.do else ""))
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(2)


@installation_app.command("fiji")
def fiji(
    movies: Annotated[
        list[Path] | None, typer.Argument(metavar="MOVIE", help="Movies to open, before the macro runs.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--fiji", metavar="DIR", help="A Fiji with EpiFiji installed. Default: the embedded ImageJ."),
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Without a window; needs --macro.")] = False,
    macro: Annotated[Path | None, typer.Option("--macro", metavar="FILE", help="An IJ macro to run.")] = None,
    argument: Annotated[
        str, typer.Option("--argument", metavar="TEXT", help="The text that the macro's getArgument() returns.")
    ] = "",
) -> None:
    """Open Fiji, or the embedded ImageJ, with EpiFiji's commands in Plugins > EpiFiji."""
    from epifiji.bridge.fiji.open import run_fiji

    with ProgressBar("fiji") as report:
        run_fiji(folder, headless, macro, argument, report, movies or (), say)


@installation_app.command("install-fiji")
def install_fiji(
    folder: FijiArgument,
    python: Annotated[
        Path | None,
        typer.Option("--python", metavar="FILE", help="The Python that runs the engine. Default: this one."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Install EpiFiji's menu commands and macros into a Fiji, or update them."""
    from epifiji.bridge.fiji.install import install_fiji as run

    with ProgressBar("install", silent=as_json) as report:
        installation = run(folder, python, report)
    _say_installation(installation, as_json)
    if not as_json and installation.unchanged:
        say(f"unchanged: this EpiFiji is already installed in {installation.folder}.")
    elif not as_json:
        say(f"installed in {installation.folder}: start Fiji again to see EpiFiji in its menu Plugins.")


@installation_app.command("uninstall-fiji")
def uninstall_fiji(folder: FijiArgument, as_json: JsonOption = False) -> None:
    """Remove what install-fiji put into a Fiji, except files that were changed since."""
    from epifiji.bridge.fiji.install import uninstall_fiji as run

    installation = run(folder)
    _say_installation(installation, as_json)
    if not as_json:
        say(f"removed from {installation.folder}.")


@installation_app.command("fiji-archive")
def fiji_archive(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The folder that the archive is written into.")
    ] = Path(),
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            help="Include the packages of Python for this system and Python, so that Fiji needs no network.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier archive.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a zip that is unpacked over a Fiji folder. Fiji then sets up EpiFiji's Python by itself."""
    from epifiji.bridge.fiji.archive import make_archive

    with ProgressBar("archive", silent=as_json) as report:
        archive = make_archive(out, offline, overwrite, report)
    if as_json:
        say_json({"archive": str(archive), "bytes": archive.stat().st_size})
    else:
        say(f"{archive}, {archive.stat().st_size / 1e6:.1f} MB: unpack it over Fiji's folder, and start Fiji.")


def _say_installation(installation: Any, as_json: bool) -> None:
    """Print what was written into a Fiji folder, left there and removed from it."""
    if as_json:
        say_json(installation.to_dict())
        return
    for step in (*installation.written, *installation.left, *installation.removed):
        say(f"{step.what:<10} {step.path}")
