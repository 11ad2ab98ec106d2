"""Measures how long a user waits in the navigator of many events, on a virtual display.

    python benchmarks/navigator_speed.py [--events 20000]

Times are measured from a key press, sent to the X server as a keyboard sends it, until the window shows the result. The
movie is played at 10 frames/s, and the frames are counted that are painted with their rings.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

KEYS, PLAYED_S = 40, 10
LOOK_S = 0.005
TIMEOUT_S = 900
CLASSES = ("cell_death", "cell_sop", "cell_division")


def _timed(press: Callable[[], None], look: Callable[[], Any], pause_s: float = 0.15) -> float:
    """Return the time from a key press until what is looked at changes."""
    time.sleep(pause_s)
    before = look()
    started = time.perf_counter()
    press()
    while look() == before:
        assert time.perf_counter() - started < 30, before
        time.sleep(LOOK_S)
    return time.perf_counter() - started


def navigated(imagej: Any, _: Path) -> dict[str, Any]:
    """Open the navigator, press keys, filter and play, and measure the times until the window changes."""
    from scyjava import jimport

    from desktop import click, focus, wait_for
    from desktop_checks import manager, open_movie
    from navigator_checks import NAVIGATOR, navigator, parts

    image = open_movie()
    imagej.run_macro('run("Check EpiFiji Installation");')
    results = os.environ["EPIFIJI_TEST_RESULTS"]
    seen: dict[str, Any] = {}
    started = time.perf_counter()
    imagej.run_macro(f'run("Open Epithelial Events...", "results=[{results}] table=false navigator=false");')
    seen["ROIs into the ROI Manager"] = [time.perf_counter() - started]
    manager().reset()
    image.setOverlay(None)
    started = time.perf_counter()
    code = f'run("Open Epithelial Events...", "results=[{results}] table=false navigator=true");'
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the navigator", navigator, 120)
    seen["opening"] = [time.perf_counter() - started]
    focus(NAVIGATOR)
    shown = parts(navigator(), "javax.swing.JLabel")
    head = next(label for label in shown if " of " in str(label.getText()) and "frame" in str(label.getText()))
    count = next(label for label in shown if str(label.getText()).endswith(" shown"))
    robot, KeyEvent = jimport("java.awt.Robot")(), jimport("java.awt.event.KeyEvent")

    def key(code: int) -> Callable[[], None]:
        return lambda: (robot.keyPress(code), robot.keyRelease(code))  # type: ignore[func-returns-value]

    # ROIs are put into the ROI Manager, and found there, meanwhile.
    seen["first key"] = [_timed(key(KeyEvent.VK_DOWN), head.getText)]
    seen["next event"] = [_timed(key(KeyEvent.VK_DOWN), head.getText) for _ in range(KEYS)]
    seen["decision, and next event"] = [
        _timed(key(KeyEvent.VK_Y if number % 2 else KeyEvent.VK_N), head.getText) for number in range(KEYS)
    ]
    seen["undo"] = [_timed(key(KeyEvent.VK_U), head.getText) for _ in range(KEYS // 2)]
    field = parts(navigator(), "javax.swing.JTextField")[0]
    place = field.getLocationOnScreen()
    click(place.x + 30, place.y + 8)
    letters = [KeyEvent.VK_D, KeyEvent.VK_E, KeyEvent.VK_BACK_SPACE, KeyEvent.VK_BACK_SPACE]
    seen["filter, each letter"] = [_timed(key(code), count.getText) for code in letters * (KEYS // 4)]
    robot.keyPress(KeyEvent.VK_ESCAPE)
    robot.keyRelease(KeyEvent.VK_ESCAPE)
    box = parts(navigator(), "javax.swing.JCheckBox")[0]
    seen["class hidden or shown"] = [_timed(box.doClick, count.getText) for _ in range(KEYS // 4)]
    header = parts(navigator(), "javax.swing.table.JTableHeader")[0]
    corner = header.getLocationOnScreen()
    seen["sorted"] = [
        _timed(lambda column=column: click(corner.x + 30 + 75 * column, corner.y + 8), head.getText)
        for column in (2, 2, 3, 3, 0, 2)
    ]
    return {"took": seen, **_played(image)}


def _played(image: Any) -> dict[str, Any]:
    """Play the movie, and return the frames per second and how long the event thread was busy at worst (s)."""
    from scyjava import jimport

    jimport("ij.IJ").run(image, "Animation Options...", "speed=10")
    # The thread that starts it plays it.
    jimport("ij.IJ").doCommand("Start Animation [\\]")
    queue, nothing = jimport("java.awt.EventQueue"), _nothing()
    frames, waits, last, started = 0, [], int(image.getCurrentSlice()), time.perf_counter()
    while time.perf_counter() - started < PLAYED_S:
        before = time.perf_counter()
        queue.invokeAndWait(nothing)
        waits.append(time.perf_counter() - before)
        now = int(image.getCurrentSlice())
        frames, last = frames + (now != last), now
        time.sleep(0.02)
    image.getWindow().setAnimate(False)
    return {"frames": frames / PLAYED_S, "waits": waits}


def _nothing() -> Any:
    import jpype

    return jpype.JProxy("java.lang.Runnable", dict={"run": lambda: None})


def make_results(folder: Path, count: int) -> None:
    """Make a movie of 200 x 512 x 512 with events of three classes."""
    import json

    import numpy as np

    from epifiji.data.events import Event
    from epifiji.data.movie import Movie
    from epifiji.files.movies.movie_file import write_movie
    from epifiji.files.results.events_table import write_events

    random = np.random.default_rng(2)
    write_movie(Movie(random.integers(0, 255, (200, 512, 512), dtype=np.uint8), "noise"), folder / "noise.tif")
    results = folder / "noise_epifiji"
    results.mkdir()
    places = zip(
        random.integers(200, size=count), *random.uniform(5, 500, (2, count)), random.random(count), strict=True
    )
    found = [Event(CLASSES[i % 3], int(t), y, x, round(score, 4)) for i, (t, y, x, score) in enumerate(places)]
    write_events(results / "events.csv", found)
    (results / "run.json").write_text(json.dumps({"movie": {"name": "noise", "file": str(folder / "noise.tif")}}))


def main() -> None:
    """Measure, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    count = parser.parse_args().events
    from desktop import desktop
    from jvm import AS_FIJI, run_checks

    with tempfile.TemporaryDirectory() as name, desktop() as display:
        folder = Path(name)
        make_results(folder, count)
        env = {
            "DISPLAY": display,
            AS_FIJI: "1",
            "EPIFIJI_TEST_MOVIE": str(folder / "noise.tif"),
            "EPIFIJI_TEST_RESULTS": str(folder / "noise_epifiji"),
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(__file__).parent)]),
        }
        navigated.__module__ = Path(__file__).stem
        done = run_checks([navigated], folder, headless=False, env=env, timeout_s=TIMEOUT_S)
    print(f"load {os.getloadavg()[0]:.1f}; {count} events")
    seen = done.values.get("navigated", {})
    if "took" not in seen:
        sys.exit(f"{seen}\n{done.err}")
    for what, took in seen["took"].items():
        print(f"  {what}: {statistics.median(took):.3f} s (worst of {len(took)}: {max(took):.3f} s)")
    print(
        f"  played at 10 frames/s: {seen['frames']:.1f} frames/s; event thread busy {max(seen['waits']):.3f} s at worst"
    )


if __name__ == "__main__":
    main()
