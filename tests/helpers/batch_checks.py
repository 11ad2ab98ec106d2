"""Checks of the batch macro that run in a process with an embedded ImageJ; see :mod:`jvm`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from desktop import focus, press, wait_for, windows
from epifiji.bridge.imagej import ImageJ, ImageJError
from imagej_window import clear_status, status, wait_for_the_macro

MACRO = Path(__file__).resolve().parents[2] / "fiji" / "macros" / "epifiji" / "batch_detect.ijm"
SETTINGS = "threshold=0 min_volume=0"
# Windows at every pixel and frame last long enough to be cancelled; an EpiNet would be ready before the key arrives.
SLOW = f"input=movies output=never {SETTINGS} network=[%s] step_xy=1 step_t=1 mode=exact"
DIALOG = "Detect Epithelial Events in a Folder"

REFUSED = {
    "nothing": "",
    "unreadable": "input=[a b",
    "no output": "input=none",
    "no input": "output=out",
    "input in a value": "output=[x input=none]",
    "missing folder": "input=[no such] output=out",
    "empty folder": "input=none output=out",
    "bracket": "input=twins output=[a] b]",
    "bad value": "step_xy=ten input=[batch/Filme für später] output=out keep_going",
    "twins": "input=twins output=out",
    "unknown parameter": "input=twins output=out netwrk=3",
    "given twice": "input=twins output=out input=none",
}


def run_batch(imagej: ImageJ, argument: str) -> str:
    """Run the macro and return the reason of its failure."""
    try:
        imagej.run_macro(MACRO.read_text(encoding="ascii"), argument)
    except ImageJError as error:
        return str(error)
    return "no error"


def refused_arguments(imagej: ImageJ, folder: Path) -> Any:
    answers = {}
    for name, argument in REFUSED.items():
        imagej.run_macro(f'print("== {name}");')
        answers[name] = run_batch(imagej, argument)
    imagej.run_macro('print("== end");')
    return answers


def nothing_to_do(imagej: ImageJ, folder: Path) -> Any:
    """Return how a run ended, and the times of the files before and after it."""

    def times() -> dict[str, int]:
        return {str(file): file.stat().st_mtime_ns for file in folder.glob("there/*/*")}

    before = times()
    ended = run_batch(imagej, "input=[whole/Filme für später] output=there")
    return {"ended": ended, "before": before, "after": times()}


def many_movies(imagej: ImageJ, folder: Path) -> Any:
    """Detect in a folder with a damaged movie and one that is there twice, then again without them; return the errors."""
    answers = []
    command = f"folder=many subfolders out=[found in many] network=small {SETTINGS}"
    for _ in range(2):
        imagej.run_macro(f'print("== many {len(answers)}");')
        try:
            imagej.run_macro(f'run("Detect in Many Movies...", "{command}");')
            answers.append("no error")
        except ImageJError as error:
            answers.append(str(error))
        for file in [*folder.glob("many/a broken.tif"), *folder.glob("many/inner.tif/inner.tif")]:
            file.unlink()
    imagej.run_macro('run("Pool Results of Movies...", "results=[found in many] out=pooled table=false");')
    return answers


def meanwhile(act: Callable[[], None], run: Callable[[], Any]) -> None:
    """Call a function while a macro runs, and check that it succeeded."""
    problems: list[BaseException] = []

    def acting() -> None:
        try:
            act()
        except BaseException as problem:
            problems.append(problem)

    thread = threading.Thread(target=acting)
    thread.start()
    run()
    thread.join()
    if problems:
        raise problems[0]


def log() -> str:
    from scyjava import jimport

    text = jimport("ij.IJ").getLog()
    jimport("ij.IJ").log("\\Clear")
    return "" if text is None else str(text)


def filled_dialog(imagej: ImageJ, folder: Path) -> Any:
    from scyjava import jimport

    def fill() -> None:
        wait_for("the dialog", lambda: windows(DIALOG))
        shown = jimport("java.awt.Window").getWindows()
        dialog = next(one for one in shown if hasattr(one, "getStringFields") and one.isVisible())
        texts = (str(folder / "movies") + "/", str(folder / "results"), SETTINGS)
        for field, text in zip(dialog.getStringFields(), texts, strict=True):
            field.setText(text)
        focus(DIALOG)
        press("Return")

    meanwhile(fill, lambda: run_batch(imagej, ""))
    return log()


def cancelled(imagej: ImageJ, folder: Path, cancel: Callable[[], None]) -> Any:
    """Cancel the detection in the first of two movies with the DeXNet in the folder `slow`."""

    def act() -> None:
        wait_for("a detection", lambda: "(Esc cancels)" in status())
        cancel()

    clear_status()
    meanwhile(act, lambda: run_batch(imagej, SLOW % (folder / "slow")))
    wait_for_the_macro()
    return {"log": log(), "results": [path.name for path in folder.glob("never/*")]}


def cancelled_by_a_key(imagej: ImageJ, folder: Path) -> Any:
    def escape() -> None:
        focus("ImageJ")
        press("Escape")

    return cancelled(imagej, folder, escape)


def cancelled_by_the_command(imagej: ImageJ, folder: Path) -> Any:
    """Cancel as by Escape in a window whose keys do not reach the macro."""
    from scyjava import jimport

    return cancelled(imagej, folder, lambda: jimport("ij.IJ").setKeyDown(27))
