"""Answers to the requests of ImageJ's commands.

Requests and answers are JSON; pixels come as separate blocks of memory.

The answer to a request is the same whether it comes from an ImageJ in this process or through a worker: either
``{"result": …}`` or ``{"error": sentence, "kind": …}``. The kind is ``input`` (the user can correct it), ``cancelled``
or ``failure``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import traceback
from collections.abc import Callable
from functools import partial

from epifiji.bridge.failures import describe_failure
from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.client_folder import handed_over
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.messages import in_fiji_terms, refused_in_units
from epifiji.bridge.fiji.requests import (  # noqa: F401 - importing them registers their jobs
    cells,
    cells_around,
    comparison,
    complete_check,
    correction,
    cysts,
    detection,
    evaluation,
    export,
    identity,
    many,
    movie,
    networks,
    registry,
    reports,
    review,
    score,
    segmentation,
    statistics,
    studies,
    threshold,
    training,
    trial,
)
from epifiji.bridge.fiji.requests.registry import JOBS, Answer, Blocks, Job, Request
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.data.progress import Report
from epifiji.data.settings.base import WrongSettingError

VERSION = importlib.metadata.version("epifiji")
"""The version that is running; another one may have been installed since."""


SENTENCES = frozenset({"notices", "reasons", "said"})
"""The keys of a result whose sentences are shown to the user unchanged."""


def answer(job: str, request: str, blocks: Blocks, report: Report) -> str:
    """Do a job.

    Parameters
    ----------
    job
        One of `JOBS`.
    request
        A JSON object; see the job's function. If ``dialog`` is true, messages name settings by the dialog's labels,
        otherwise by the keys of a macro's options; see :mod:`epifiji.bridge.fiji.messages`. ``scale`` has how many pixels
        are one µm (``length``) and how many frames one minute (``time``), if the dialog showed settings in these units.
    blocks
        Pixels of the request's image, as bytes (uint8, one axis), whole frames in each.
    report
        Receives progress; may raise to cancel.

    Returns
    -------
    str
        A JSON object. Errors are part of it; nothing is raised. ``temporary`` lists the folders that the client removes at
        the end of its command.
    """
    translate: Callable[[str], str] = str
    label: str | None = None
    scale: dict[str, float] = {}
    try:
        asked = json.loads(request)
        label, scale = JOBS[job].label if job in JOBS else None, asked.get("scale") or {}
        translate = partial(in_fiji_terms, label=label, dialog=bool(asked.get("dialog")))
        with handed_over() as temporary:
            result = _job(job).do(Request(asked, blocks, report))
            for key in SENTENCES.intersection(result):
                text = result[key]
                result[key] = [translate(one) for one in text] if isinstance(text, list) else translate(text)
            return json.dumps({"result": result, "temporary": temporary}, allow_nan=False)
    except Exception as error:
        sentence, kind = describe_failure(error)
        if isinstance(error, WrongSettingError):
            sentence = refused_in_units(error, label, scale)
        unexpected = kind == "failure" and not isinstance(error, ImageJError)
        details = traceback.format_exc() if unexpected else ""
        return json.dumps({"error": translate(sentence), "kind": kind, "details": details})


def _job(name: str) -> Job:
    if name not in JOBS:
        raise WrongInputError(
            f"There is no job {name!r}: the scripts in Fiji do not match this EpiFiji, install both again."
        )
    return JOBS[name]


def describe_commands() -> Answer:
    """Describe all menu commands, as the client's dialogs and macros need them."""
    return {label: described(label) for label in COMMANDS}


@registry.job("describe")
def _describe(_: Request) -> Answer:
    """Describe the engine: version, Python, process, and the networks of each task, the default one first."""
    from epifiji.data.cell_networks import CellNetworkDescription
    from epifiji.data.volume_networks import VolumeNetworkDescription
    from epifiji.files.networks.default import SHIPPED_FOR_CELLS
    from epifiji.files.networks.store import names_default_first
    from epifiji.files.networks.zoo import listed

    found = listed()
    of_cells, of_volumes = (
        {one.name for one in found if isinstance(one.description, kind)}
        for kind in (CellNetworkDescription, VolumeNetworkDescription)
    )
    names = names_default_first()

    return {
        "version": VERSION,
        "python": platform.python_version(),
        "process": os.getpid(),
        "networks": [name for name in names if name not in of_cells | of_volumes],
        "cell_networks": sorted(of_cells, key=lambda name: (name != SHIPPED_FOR_CELLS, name.lower())),
        "volume_networks": sorted(of_volumes, key=str.lower),
    }


@registry.job("describe_command")
def _describe_command(request: Request) -> Answer:
    """Describe the menu command with the label ``command``.

    Every command asks for it, so it reads no networks.
    """
    label = request["command"]
    if label not in COMMANDS:
        raise WrongInputError(
            f"There is no command {label!r}: the scripts in Fiji do not match this EpiFiji, install both again."
        )
    return described(label)


@registry.job("diagnose", commands.CHECK)
def _diagnose(request: Request) -> Answer:
    """Check the installation: ``fiji`` is the folder of the ImageJ that sent the request, if it has one."""
    from dataclasses import asdict

    from epifiji.bridge.doctor import diagnose

    return {"findings": [asdict(finding) for finding in diagnose(request.get("fiji"), inside=True)]}
