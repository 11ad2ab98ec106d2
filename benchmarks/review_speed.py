"""Measures how long a user waits in a review of many events, and for the threshold sliders, on a virtual display.

    python benchmarks/review_speed.py [--events 5000] [--decided]

The time is measured from a key press, sent to the X server as a keyboard sends it, until the window shows the next
event. The window is polled every 5 ms and not more often, because polling shares the processor and Python's lock with
the review.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path.insert(0, str(TESTS))

KEYS = 100
SLOW_S = 0.2
LOOK_S = 0.005
MAP = (100, 512, 512)


def review(imagej: Any, _: Path) -> dict[str, Any]:
    """Open a review, press keys, and measure the times until the window changes."""
    from scyjava import jimport

    from desktop import focus, press, wait_for
    from desktop_checks import open_movie
    from review_checks import REVIEW, _labels, _picture

    open_movie()
    imagej.run_macro('run("Check EpiFiji Installation");')
    code = f'run("Review Epithelial Events...", "results=[{os.environ["EPIFIJI_TEST_RESULTS"]}]");'
    started, used = time.perf_counter(), time.process_time()
    jimport("ij.macro.MacroRunner")(code)
    wait_for("the review", lambda: _shown(_picture))
    opened, used = time.perf_counter() - started, time.process_time() - used
    focus(REVIEW)
    took, robot, KeyEvent = [], jimport("java.awt.Robot")(), jimport("java.awt.event.KeyEvent")
    for number in range(KEYS):
        before = _labels()[0]
        # If all events are decided, the same event stays: only another decision changes the window.
        key = KeyEvent.VK_Y if number % 2 else KeyEvent.VK_N
        time.sleep(0.1)
        started = time.perf_counter()
        # xdotool would be a new process, whose start takes longer than everything else.
        robot.keyPress(key)
        robot.keyRelease(key)
        while _labels()[0] == before:
            time.sleep(LOOK_S)
        took.append(time.perf_counter() - started)
    press("Escape")
    wait_for("the end", lambda: not _shown(_picture))
    return {"opened": opened, "used": used, "took": took}


def _shown(look: Any) -> bool:
    try:
        return look().getIcon() is not None
    except StopIteration:
        return False


def sliders(imagej: Any, _: Path) -> dict[str, Any]:
    """Move the sliders, and measure the times until the shown events change."""
    from scyjava import jimport, jinstance

    from desktop import focus, press, wait_for, windows
    from desktop_checks import start_command

    title = "Adjust Event Thresholds"
    jimport("ij.IJ").createImage("map", "8-bit", MAP[2], MAP[1], MAP[0]).show()
    jimport("ij.IJ").getImage().setProperty("EpiFiji results", os.environ["EPIFIJI_TEST_MAPS"])
    jimport("ij.IJ").getImage().setDimensions(1, 1, MAP[0])
    start_command("Adjust Event Thresholds...")
    focus(title)
    started = time.perf_counter()
    press("Return")

    def frames() -> list[Any]:
        found = jimport("java.awt.Window").getWindows()
        return [w for w in found if w.isVisible() and jinstance(w, "javax.swing.JFrame") and str(w.getTitle()) == title]

    wait_for("the sliders", frames)
    opened = time.perf_counter() - started
    panel = frames()[0].getContentPane().getComponent(0)
    movie = jimport("ij.IJ").getImage()
    shown = [c for c in panel.getComponents() if jinstance(c, "javax.swing.JSlider")]
    took: dict[str, list[float]] = {"probability": [], "volume": [], "distance": []}
    for name, slider, steps in (
        ("probability", shown[0], range(130, 200, 7)),
        ("volume", shown[1], range(20, 120, 10)),
    ):
        for value in steps:
            before = movie.getOverlay()
            started = time.perf_counter()
            slider.setValue(value)
            while movie.getOverlay() is before or (
                movie.getOverlay() is not None and movie.getOverlay().equals(before)
            ):
                time.sleep(0.002)
            took[name].append(time.perf_counter() - started)
    for value in (12, 15, 20):
        before = movie.getOverlay()
        started = time.perf_counter()
        shown[2].setValue(value)
        while movie.getOverlay().equals(before):
            time.sleep(0.01)
        took["distance"].append(time.perf_counter() - started)
    wait_for("the window", lambda: windows(title))
    return {"opened": opened, "took": took, "events": int(movie.getOverlay().size())}


def make_results(folder: Path, count: int, decided: bool) -> None:
    """Make a movie with many events, and a map with blobs of which a few per cent are positive, as in a detection."""
    from scipy.ndimage import gaussian_filter

    from epifiji.data.events import Event
    from epifiji.data.movie import Movie
    from epifiji.data.review import Action, Review
    from epifiji.files.movies.movie_file import write_movie
    from epifiji.files.results.events_table import write_events
    from epifiji.files.results.result_folder import write_map
    from epifiji.files.results.reviews import write_review
    from epifiji.jobs.events.review import start_review

    random = np.random.default_rng(2)
    write_movie(Movie(random.integers(0, 255, (200, 512, 512), dtype=np.uint8), "noise"), folder / "noise.tif")
    events = folder / "noise_epifiji"
    maps = folder / "map_epifiji"
    events.mkdir()
    maps.mkdir()
    places = zip(random.integers(200, size=count), *random.uniform(30, 480, (2, count)), strict=True)
    write_events(events / "events.csv", [Event("cell_death", int(t), y, x, 0.8) for t, y, x in places])
    if decided:
        _, review = start_review(events)
        kept = [Action(number, "keep") for number in range(len(review.items))]
        write_review(events / "review.csv", Review(review.detected, kept))
    (events / "run.json").write_text(json.dumps({"movie": {"name": "noise", "file": str(folder / "noise.tif")}}))
    blobs = np.zeros(MAP, np.float32)
    for t, y, x in zip(*(random.integers(side, size=600) for side in MAP), strict=True):
        blobs[t, y, x] = random.uniform(0.5, 1.5)
    blobs = gaussian_filter(blobs, (2, 8, 8))
    level = 125 / np.quantile(blobs, 0.97)
    write_map(
        maps / "map_cell_death_rawproba.tif",
        (np.minimum(255, b * level).astype(np.uint8) for b in blobs),
        MAP,
    )
    positive = np.mean(blobs * level > 125)
    print(f"map {MAP}: {100 * positive:.1f} % positive")


def main() -> None:
    """Measure, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--decided", action="store_true", help="all events are already decided")
    count, decided = parser.parse_args().events, parser.parse_args().decided
    from desktop import desktop
    from jvm import run_checks

    with tempfile.TemporaryDirectory() as name, desktop() as display:
        folder = Path(name)
        make_results(folder, count, decided)
        env = {
            "DISPLAY": display,
            "EPIFIJI_TEST_MOVIE": str(folder / "noise.tif"),
            "EPIFIJI_TEST_RESULTS": str(folder / "noise_epifiji"),
            "EPIFIJI_TEST_MAPS": str(folder / "map_epifiji"),
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(__file__).parent)]),
        }
        review.__module__ = sliders.__module__ = Path(__file__).stem
        done = run_checks([review, sliders], folder, headless=False, env=env)
    print(f"load {os.getloadavg()[0]:.1f}")
    for check in (review, sliders):
        if "took" not in done.values.get(check.__name__, {}):
            sys.exit(f"{check.__name__}: {done.values.get(check.__name__)}\n{done.err}")
    seen = done[review]
    median, worst = statistics.median(seen["took"]), max(seen["took"])
    slow = [f"{took:.3f} s at key {number}" for number, took in enumerate(seen["took"], start=1) if took > SLOW_S]
    print(
        f"review of {count} events: opened in {seen['opened']:.2f} s ({seen['used']:.2f} s of CPU); "
        f"next event after {median:.3f} s (worst {worst:.3f} s)"
    )
    print(f"  over {SLOW_S} s: {', '.join(slow) or 'none'}")
    seen = done[sliders]
    print(f"sliders of a map {MAP}: opened in {seen['opened']:.2f} s, {seen['events']} events")
    for name, took in seen["took"].items():
        print(f"  {name}: {statistics.median(took):.3f} s (worst {max(took):.3f} s)")


if __name__ == "__main__":
    main()
