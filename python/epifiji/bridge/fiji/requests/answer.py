"""What ImageJ's commands ask of the engine, and what they get: JSON both ways, beside blocks of pixels.

A request gives the same answer whether it comes from an ImageJ in this process or through a worker. The answer is either
``{"result": …}`` or ``{"error": sentence, "kind": …}``, where the kind is ``input`` (the user can mend it), ``cancelled`` or
``failure``.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import traceback
from collections.abc import Callable
from functools import partial

from epifiji.bridge.failures import told
from epifiji.bridge.fiji import commands
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.fiji.requests import (  # noqa: F401 - importing them registers their jobs
    comparison,
    detection,
    evaluation,
    identity,
    movie,
    registry,
    review,
    score,
    statistics,
    threshold,
    training,
)
from epifiji.bridge.fiji.requests.registry import JOBS, Answer, Blocks, Job, Request
from epifiji.bridge.fiji.words import in_fijis_words
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.data.progress import Report

VERSION = importlib.metadata.version("epifiji")
"""What is running, also where another version was installed since."""


SAID = frozenset({"notices", "said"})
"""What of a result is shown to people as it is."""


def answer(job: str, request: str, blocks: Blocks, report: Report) -> str:
    """Do a job.

    Parameters
    ----------
    job
        One of `JOBS`.
    request
        A JSON object; see the job's function. ``dialog`` says whether a person was asked in a dialog: messages then name
        settings by its labels, else by the keys of a macro's options; see :mod:`epifiji.bridge.fiji.words`.
    blocks
        Pixels of the request's image, as bytes (uint8, one axis), whole frames in each.
    report
        Told of progress; may raise to cancel.

    Returns
    -------
    str
        A JSON object, whatever happens.
    """
    words: Callable[[str], str] = str
    try:
        asked = json.loads(request)
        words = partial(
            in_fijis_words, label=JOBS[job].label if job in JOBS else None, dialog=bool(asked.get("dialog"))
        )
        result = _job(job).do(Request(asked, blocks, report))
        for key in SAID.intersection(result):
            result[key] = [words(text) for text in result[key]] if isinstance(result[key], list) else words(result[key])
        return json.dumps({"result": result}, allow_nan=False)
    except Exception as error:
        sentence, kind = told(error)
        unforeseen = kind == "failure" and not isinstance(error, ImageJError)
        details = traceback.format_exc() if unforeseen else ""
        return json.dumps({"error": words(sentence), "kind": kind, "details": details})


def _job(name: str) -> Job:
    if name not in JOBS:
        raise WrongInputError(
            f"There is no job {name!r}: the scripts in Fiji do not fit this EpiFiji, install both anew."
        )
    return JOBS[name]


def describe_commands() -> Answer:
    """Describe all menu commands, as the client's dialogs and macros need them."""
    return {label: described(label) for label in COMMANDS}


@registry.job("describe")
def _describe(_: Request) -> Answer:
    """Say who answers, and which networks there are."""
    from epifiji.files.networks.store import names_default_first

    return {
        "version": VERSION,
        "python": platform.python_version(),
        "process": os.getpid(),
        "commands": describe_commands(),
        "networks": names_default_first(),
    }


@registry.job("diagnose", commands.CHECK)
def _diagnose(request: Request) -> Answer:
    """Look at the installation: ``fiji`` is the folder of the ImageJ that asks, where it has one."""
    from dataclasses import asdict

    from epifiji.bridge.doctor import diagnose

    return {"findings": [asdict(finding) for finding in diagnose(request.get("fiji"), inside=True)]}
