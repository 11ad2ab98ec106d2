"""The commands that killed_commands.py kills, and their inputs."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

JAVA = Path.home() / ".cache" / "epifiji" / "java"


@dataclass
class Command:
    """A command to kill, the commands that are run before it, and a command that reads its results."""

    name: str
    arguments: list[str]
    before: list[list[str]]
    read: list[str]
    repeats: bool = True
    """Whether the command gives the same result if it is run again."""

    stop_at: str = ""
    """At the first rename with such a name the command is killed once beforehand, so that kept parts of its run exist."""


def write_inputs(place: Path) -> None:
    """Write a movie, networks, a folder of annotated movies and an empty Fiji."""
    import tifffile
    from scipy.ndimage import gaussian_filter

    from epifiji.files.networks.store import write_network
    from labelled_movies import write_blinking
    from small_networks import small_network

    noise = gaussian_filter(np.random.default_rng(7).normal(size=(12, 70, 80)), (1, 3, 3))
    pixels = (255 * (noise - noise.min()) / np.ptp(noise)).astype(np.uint8)
    tifffile.imwrite(place / "wing.tif", pixels, imagej=True, metadata={"axes": "TYX"})
    for seed in (15, 2):
        network = write_network(small_network(1, seed=seed, name="brought"), place / f"net_{seed}")
        shutil.make_archive(str(place / f"net_{seed}"), "zip", network)
    for number in range(3):
        write_blinking(place / "annotated", f"spots{number}", number)
    for name in ("plugins", "jars", "macros", "scripts/Plugins"):
        (place / "Fiji" / name).mkdir(parents=True)
    (place / "Fiji" / "jars" / "ij-1.54p.jar").touch()
    (place / "home" / ".cache" / "epifiji").mkdir(parents=True)
    (place / "home" / ".cache" / "epifiji" / "java").symlink_to(JAVA)


def commands(place: Path) -> list[Command]:
    """List the commands to kill."""
    movie, results, fiji = str(place / "wing.tif"), str(place / "wing_epifiji"), str(place / "Fiji")
    low = ["--threshold", "100", "--min-volume", "0"]
    small = ["--network", str(place / "net_15"), "--mode", "exact", "--step-xy", "20", "--step-t", "4"]
    earlier = ["epifiji", "detect", movie, *small, *low, "--maps", "clean"]
    compared = ["epifiji", "compare", results, results, "--json"]
    again = ["epifiji", "detect", movie, "--threshold", "1", "--min-volume", "0", "--maps", "raw", "--overwrite"]
    reviewed = ["epifiji", "compare", results, f"{results}/reviewed", "--json"]
    detect = [*again, "--network", str(place / "net_2"), *small[2:]]
    retrain = [
        "epifiji",
        "retrain",
        str(place / "net_15"),
        str(place / "annotated"),
        "--name",
        "mine",
        "--steps",
        "10",
        "--keep",
        "0",
    ]
    bring = ["epifiji", "networks", "import", "--name", "brought"]
    listed, show = ["epifiji", "networks", "list"], ["epifiji", "networks", "show"]
    begin = ["review_begin", json.dumps({"settings": {"results": results}})]
    keep, reject = (
        ["review_act", json.dumps({"review": f"{results}/review.csv", "what": what, "item": item, "seconds": 1})]
        for item, what in enumerate(("keep", "reject"))
    )
    end = ["review_end", json.dumps({"review": f"{results}/review.csv"})]
    install, installed = ["epifiji", "install-fiji", fiji], ["installed", fiji]
    first, second = str(place / "net_15.zip"), str(place / "net_2.zip")
    return [
        Command("detect", detect, [earlier], compared),
        Command("detect with EpiNet", again, [earlier], compared),
        Command("detect with EpiNet, blocks kept", again, [earlier], compared, stop_at="wing_epifiji"),
        Command("rois", ["epifiji", "rois", results, "--threshold", "130", "--overwrite"], [earlier], compared),
        Command("review, a decision", reject, [earlier, begin, keep], compared, repeats=False),
        Command("review, its end", end, [earlier, begin, keep, end, reject], reviewed),
        Command(
            "retrain",
            [*retrain, "--overwrite", "--seed", "2"],
            [retrain],
            [*show, "mine"],
            repeats=False,
            stop_at="networks/.epifiji-X/journal",
        ),
        Command(
            "retrain, the first",
            [*retrain, "--out", str(place / "out" / "reports")],
            [],
            listed,
            repeats=False,
            stop_at=".epifiji-X/journal",
        ),
        Command("networks import", [*bring, second], [], listed),
        Command("networks import --overwrite", [*bring, second, "--overwrite"], [[*bring, first]], [*show, "brought"]),
        Command(
            "networks remove",
            ["epifiji", "networks", "remove", "brought", "--yes"],
            [[*bring, first], ["epifiji", "networks", "default", "brought"]],
            listed,
            repeats=False,
        ),
        Command("install-fiji", install, [], installed),
        Command("install-fiji, newer", install, [install, ["outdated", fiji]], installed),
        Command("uninstall-fiji", ["epifiji", "uninstall-fiji", fiji], [install], installed, repeats=False),
    ]


def do(arguments: Sequence[str]) -> None:
    """Run a step in this process; a command of the command line ends the process."""
    what, *rest = arguments
    if what == "epifiji":
        from epifiji.bridge.cli.main import main

        sys.argv = list(arguments)
        main()
    elif what == "installed":
        from epifiji.bridge.fiji.manifest import installed_paths

        installed_paths(Path(rest[0]))
    elif what == "outdated":
        make_outdated(Path(rest[0]))
    else:
        from epifiji.bridge.fiji.requests.answer import answer

        answered = json.loads(answer(what, rest[0], [], lambda done, doing: None))
        if "error" in answered:
            sys.stderr.write(f"epifiji: {answered['error']}\n")
            sys.exit({"input": 2}.get(answered["kind"], 1))


def make_outdated(fiji: Path) -> None:
    """Make an installation look like one of an earlier EpiFiji, with other contents and a file that no longer exists."""
    from epifiji.bridge.fiji.manifest import MANIFEST

    manifest = json.loads((fiji / MANIFEST).read_text())
    for name in [*list(manifest["files"])[::7], "scripts/Plugins/EpiFiji/Gone.py"]:
        (fiji / name).write_bytes(b"earlier")
        manifest["files"][name] = hashlib.sha256(b"earlier").hexdigest()
    (fiji / MANIFEST).write_text(json.dumps(manifest))


def import_everything() -> None:
    """Import the modules that commands import late, so that forks need not import them."""
    from epifiji.data.tensorflow_import import import_tensorflow

    import_tensorflow()
    import matplotlib.pyplot  # noqa: F401
    import tifffile  # noqa: F401

    import epifiji.bridge.cli.main
    import epifiji.bridge.fiji.requests.answer
    import epifiji.jobs.events.detect
    import epifiji.jobs.training.train  # noqa: F401
