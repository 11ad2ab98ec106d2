"""The window of a detection in many movies, with real clicks; see :mod:`jvm` and :mod:`desktop`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from desktop import click, close, focus, picture, press, wait_for, windows
from epifiji.bridge.fiji.commands import DETECT_MANY
from epifiji.bridge.imagej import ImageJ
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from imagej_window import start_command

TITLE, DIALOG, PLOTS = "Detection in Many Movies", "Detect in Many Movies", "Plot Event Statistics"
MOVIES, KILLED = "movies_of_2026", "killed"
BROKEN, TWICE = "damaged", "notum_2"
FINISHED = ("done", "done before", "failed", "refused", "cancelled")


def make_movies(folder: Path, movie: Movie) -> None:
    """Make two conditions of movies: a long one to pause in, which is there twice, short ones, and a damaged one."""
    for place in ("control", "drug"):
        (folder / MOVIES / place).mkdir(parents=True)

    def write(path: Path, *rows: slice) -> None:
        write_movie(Movie(movie.frames(rows[0].start, rows[0].stop)[:, rows[1]], "x", 0.2, 300.0), path)

    long = slice(0, movie.shape[0]), slice(None)
    write(folder / MOVIES / "control" / "notum_1.tif", *long)
    write(folder / MOVIES / "drug" / f"{TWICE}.tif", *long)
    write(folder / MOVIES / "control" / f"{TWICE}.tif", slice(0, 12), slice(0, 100))
    write(folder / MOVIES / "drug" / "notum_1.tif", slice(12, 24), slice(0, 100))
    write(folder / "whole.tif", slice(12, 24), slice(60, None))
    damaged = (folder / "whole.tif").read_bytes()[:5000]
    (folder / MOVIES / "drug" / f"{BROKEN}.tif").write_bytes(damaged)


def window() -> Any:
    from scyjava import jimport

    shown = [one for one in jimport("java.awt.Window").getWindows() if one.isShowing()]
    return next((one for one in shown if str(getattr(one, "getTitle", str)()) == TITLE), None)


def part(kind: str, of: Callable[[Any], bool] = lambda _: True, inside: Any = None) -> Any:
    """Return the first component of a class within the window, or within another one."""
    pending = [inside if inside is not None else window()]
    while pending:
        one = pending.pop()
        if one is not None and str(one.getClass().getSimpleName()).startswith(kind) and of(one):
            return one
        pending += list(one.getComponents()) if hasattr(one, "getComponents") else []
    return None


def button(text: str) -> Any:
    return part("JButton", lambda one: str(one.getText()) == text)


def click_button(text: str) -> None:
    found = wait_for(f"the button {text}", lambda: (one := button(text)) is not None and one.isEnabled() and one)
    place = found.getLocationOnScreen()
    click(place.x + 12, place.y + 10)


def table() -> Any:
    return part("", lambda one: hasattr(one, "getRowHeight"))


def rows() -> list[list[str]]:
    shown = table()
    return [
        [str(shown.getValueAt(y, x) or "") for x in range(shown.getColumnCount())] for y in range(shown.getRowCount())
    ]


def states() -> dict[str, str]:
    """Return the state of each movie by its condition and name."""
    return {f"{row[1]}/{row[0]}": row[2] for row in rows()}


def select(row: int) -> None:
    shown = table()
    place = shown.getLocationOnScreen()
    wait_for("the selection", lambda: int(shown.getSelectedRow()) == row or click(
        place.x + 30, place.y + int((row + 0.5) * shown.getRowHeight())))  # fmt: skip


def details() -> str:
    return str(part("JTextArea").getText())


def start_many(folder: Path, more: str = "") -> None:
    """Fill the dialog of the command, and begin."""
    from scyjava import jimport

    start_command(DETECT_MANY)
    wait_for("the dialog", lambda: windows(DIALOG))
    shown = jimport("java.awt.Window").getWindows()
    dialog = next(one for one in shown if hasattr(one, "getStringFields") and one.isVisible())
    dialog.getStringFields()[0].setText(str(folder))
    for field, text in zip(dialog.getStringFields()[2:], more.split(), strict=False):
        field.setText(text)
    focus(DIALOG)
    press("Return")
    wait_for("the window", lambda: windows(TITLE))
    wait_for("its rows", lambda: table() is not None and table().getRowCount())


def detected_in_many(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Pause, continue, ask at Escape, retry, pool, plot, open, and start again; one movie is damaged and one is there twice."""
    from scyjava import jimport

    seen: dict[str, Any] = {}
    movies = folder / MOVIES
    start_many(movies)
    wait_for("a percentage", lambda: any("%" in one for one in states().values()))
    click_button("Pause")
    wait_for("the pause", lambda: button("Resume") is not None)
    seen["paused"] = states()
    start_command(DETECT_MANY)
    wait_for("a line in the log", lambda: "close its window before you start another" in str(jimport("ij.IJ").getLog()))
    seen["second"] = windows(DIALOG)
    focus(TITLE)
    # The long movie is paused: the others pass too quickly to be met in the middle.
    press("Escape")
    wait_for("the question", lambda: len(windows(TITLE)) == 2)
    press("Return")
    wait_for("the question's end", lambda: len(windows(TITLE)) == 1)
    click_button("Resume")
    wait_for("another movie", lambda: list(states().values())[:1] == ["done"])
    focus(TITLE)
    picture(folder / "many_running.png", TITLE)
    wait_for("the end", lambda: set(states().values()) <= set(FINISHED) and button("Retry Failed").isEnabled())
    seen["ended"] = states()
    seen["pooled"] = sorted(file.name for file in (movies / "pooled").iterdir())
    select(next(number for number, row in enumerate(rows()) if row[0] == BROKEN))
    seen["reason"] = wait_for("the reason", lambda: (text := details()) and not text.startswith("Select") and text)
    focus(TITLE)
    picture(folder / "many_done.png", TITLE)
    (movies / "drug" / f"{BROKEN}.tif").write_bytes((folder / "whole.tif").read_bytes())
    click_button("Retry Failed")
    wait_for("another end", lambda: list(states().values()).count("done") == 4 and button("Pool").isEnabled())
    seen["retried"] = states()
    click_button("Pool")
    for title, name in (
        ("Pooled events", "pooled"),
        ("Pooled movies", "pooled_movies"),
        ("Pooled conditions", "pooled_conditions"),
    ):
        focus(title)
        time.sleep(0.5)
        picture(folder / f"{name}.png", title)
    for title in ("Pooled movies", "Pooled conditions"):
        jimport("ij.WindowManager").getWindow(title).close(False)
    jimport("ij.WindowManager").getImage("Pooled events").close()
    focus(TITLE)
    select(0)
    click_button("Plots...")
    wait_for("the dialog", lambda: windows(PLOTS))
    shown = jimport("java.awt.Window").getWindows()
    dialog = next(one for one in shown if hasattr(one, "getStringFields") and one.isVisible())
    seen["plots of"] = Path(str(dialog.getStringFields()[0].getText())).name
    focus(PLOTS)
    press("Escape")
    wait_for("the dialog's end", lambda: not windows(PLOTS))
    focus(TITLE)
    click_button("Open")
    name = str(rows()[0][0])
    focus(f"Navigator of {name}.tif")
    press("Escape")
    close(f"Navigator of {name}.tif")
    jimport("ij.WindowManager").getImage(f"{name}.tif").close()
    jimport("ij.plugin.frame.RoiManager").getRoiManager().reset()
    focus(TITLE)
    press("Escape")
    wait_for("the window's end", lambda: not windows(TITLE))
    before = _times(movies)
    start_many(movies)
    wait_for("the end", lambda: set(states().values()) <= set(FINISHED) and button("Pool").isEnabled())
    seen["again"] = states()
    click_button("Pool")
    wait_for("the question", lambda: len(windows(TITLE)) == 2)
    press("Escape")
    wait_for("the question's end", lambda: len(windows(TITLE)) == 1)
    click_button("Close")
    wait_for("the window's end", lambda: not windows(TITLE))
    seen["unchanged"] = before == _times(movies)
    return seen


def killed_in_many(imagej: ImageJ, folder: Path) -> None:
    """Cancel the detection in two movies during the first; begin again, and end the process during the second."""
    short = read_movie(folder / MOVIES / "control" / "notum_1.tif")
    there = short.frames(0, short.shape[0])
    # Long enough to be met in the middle on a fast computer.
    for name, times in (("a", 4), ("b", 8)):
        (folder / KILLED).mkdir(exist_ok=True)
        pixels = np.concatenate([there, there[::-1]] * times)
        write_movie(Movie(pixels, "x", 0.2, 300.0), folder / KILLED / f"{name}.tif")
    start_many(folder / KILLED)
    wait_for("the first movie", lambda: "%" in rows()[0][2])
    click_button("Cancel")
    wait_for("the end", lambda: list(states().values()) == ["cancelled"] * 2 and not button("Cancel").isEnabled())
    assert button("Retry Failed").isEnabled()
    assert not button("Open").isEnabled()
    select(0)
    wait_for("the reason", lambda: details() == "Cancelled; the same command continues later.")
    click_button("Close")
    wait_for("the window's end", lambda: not windows(TITLE))
    start_many(folder / KILLED)
    wait_for("the second movie", lambda: rows()[0][2] == "done" and "%" in rows()[1][2])
    os.kill(os.getpid(), signal.SIGKILL)


def _times(folder: Path) -> dict[str, int]:
    return {
        str(file): file.stat().st_mtime_ns
        for file in folder.rglob("*")
        if file.is_file() and "pooled" not in file.parts
    }
