"""Runs checks in separate processes, because a process can have only one JVM.

A check is a function of a test module that takes the running ImageJ and a folder, and returns a value that JSON can
represent.
"""

from __future__ import annotations

import faulthandler
import importlib
import inspect
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 800
STACKS_S = 60
"""How long before its time is up a process that does not end prints what all its threads are doing."""

FOR_SHORT_RUNS = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:+UnlockDiagnosticVMOptions",
    "-XX:-BytecodeVerificationRemote",
)
"""Options of Java: better compilation, threads that collect garbage, and the check of each of 6,000 classes that compilers made
take more time than they save in short runs."""

SHORT_EPIFIJI = (
    sys.executable,
    "-c",
    f"import scyjava, sys; scyjava.config.add_options({list(FOR_SHORT_RUNS)!r});"
    "from epifiji.bridge.cli.main import main; sys.argv[0] = 'epifiji'; main()",
)
"""The command line with these options, before its arguments: half the processor time where it starts ImageJ."""

SHORT_JAVA = {"JAVA_TOOL_OPTIONS": " ".join(FOR_SHORT_RUNS)}
"""Environment variables that give Java these options, for a program that must be started as users start it."""

AS_FIJI = "EPIFIJI_JAVA_AS_FIJI"
"""The environment variable with which Java compiles and collects garbage as in Fiji, for measurements of time."""

JAVA_SCALE, IMAGEJ_SCALE = (int(os.environ.get(f"EPIFIJI_{whose}_SCALE", "1")) for whose in ("JAVA", "IMAGEJ"))
"""Scaling of windows, 1 or 2: by Java, as on a screen with small pixels, or by ImageJ's "GUI scale"."""

Check = Callable[[Any, Path], Any]


@dataclass(frozen=True)
class Finished:
    """The results of a process: its folder, the checks' values by name, and how it ended.

    A check that raised has the value ``{"raised": type, "message": text, "notes": texts}``.
    """

    folder: Path
    values: dict[str, Any]
    code: int
    out: str
    err: str

    def __getitem__(self, check: Check) -> Any:
        assert check.__name__ in self.values, f"{check.__name__} did not run; code {self.code}:\n{self.out}\n{self.err}"
        return self.values[check.__name__]


def run_checks(
    checks: Sequence[Check],
    folder: Path,
    headless: bool = True,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Finished:
    """Run checks in one new process with an embedded ImageJ, in `folder`, with the environment variables `env`."""
    names = [f"{check.__module__}:{check.__name__}" for check in checks]
    report = folder / "values.json"
    folders = dict.fromkeys(
        [str(Path(__file__).parent), *(str(Path(inspect.getfile(check)).parent) for check in checks)]
    )
    process = subprocess.run(
        [sys.executable, __file__, str(report), "headless" if headless else "window", str(timeout_s), *names],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")]),
            **(env or {}),
        },
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    values = json.loads(report.read_text()) if report.exists() else {}
    return Finished(folder, values, process.returncode, process.stdout, process.stderr)


def run_checks_once(checks: Sequence[Check], folder: Path) -> Finished:
    """Run checks without a window, or wait until another process of the tests has run them in the same folder."""
    from desktop import wait_for

    report = folder.with_name(f"{folder.name}_finished.json")
    try:
        folder.mkdir()
    except FileExistsError:
        wait_for("the end of the checks in another process", report.exists, TIMEOUT_S)
    else:
        done = run_checks(checks, folder)
        written = report.with_suffix(".part")
        written.write_text(json.dumps([done.values, done.code, done.out, done.err]))
        written.replace(report)
    return Finished(folder, *json.loads(report.read_text()))


def _end_with_stacks(seconds: float) -> None:
    """After some seconds, print the stacks of all threads and Java's windows, and end the process.

    Without it, a process that waits forever, such as for a box that nobody closes, would leave nothing to see.
    """
    import jpype

    time.sleep(seconds)
    faulthandler.dump_traceback(all_threads=True)
    if jpype.isJVMStarted():
        for thread, stack in dict(jpype.java.lang.Thread.getAllStackTraces()).items():
            print(f"\n{thread} {thread.getState()}", *map(str, stack), sep="\n    ", file=sys.stderr)
        for window in jpype.java.awt.Window.getWindows():
            print(f"window {window.isShowing()}: {window}", file=sys.stderr)
    print(f"ended after {seconds:g} s", file=sys.stderr, flush=True)
    os._exit(1)


def _main(report: str, mode: str, timeout_s: str, *names: str) -> None:
    import scyjava

    from epifiji.bridge.fiji.open import open_imagej

    limit_s = max(float(timeout_s) - STACKS_S, STACKS_S)
    threading.Thread(target=_end_with_stacks, args=(limit_s,), daemon=True).start()
    scyjava.config.add_options(
        [*(() if AS_FIJI in os.environ else FOR_SHORT_RUNS), f"-Dsun.java2d.uiScale={JAVA_SCALE}"]
    )
    imagej = open_imagej(headless=mode == "headless")
    scyjava.jimport("ij.Prefs").setGuiScale(float(IMAGEJ_SCALE))
    values: dict[str, Any] = {}
    for name in names:
        module, _, function = name.partition(":")
        try:
            values[function] = getattr(importlib.import_module(module), function)(imagej, Path.cwd())
        except Exception as error:
            notes = getattr(error, "__notes__", [])
            values[function] = {"raised": type(error).__name__, "message": str(error), "notes": notes}
        Path(report).write_text(json.dumps(values))


if __name__ == "__main__":
    _main(*sys.argv[1:])
