"""Measures how long a user waits while thousands of touching cells are corrected, on a virtual display.

    python benchmarks/correction_speed.py [--cells 5000] [--side 2048] [--frames 3]

The cells are a power diagram, so all of them touch. Times are measured from the key, the click or the end of the drag,
sent to the X server as a keyboard and a mouse send them, until the last change on the screen: the sentence of the window
and the picture on the image. ``idle`` is what the measurement itself adds, from a picture of the screen that is the same
until the next one is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

TESTS = Path(__file__).resolve().parents[1] / "tests" / "helpers"
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]

STEPS = 12
SETTLED_S = 0.4
"""The screen is settled if nothing changed for so long."""

LOOK_S = 0.005
TIMEOUT_S = 900
ZOOM = 1


class Person:
    """A person at the image: keys and the mouse by Java's robot, and times until the screen shows the result."""

    def __init__(self, image: Any) -> None:
        from scyjava import jimport

        self.image, self.canvas = image, image.getCanvas()
        self.robot, self.hash = jimport("java.awt.Robot")(), jimport("java.util.Arrays").hashCode
        self.rectangle = jimport("java.awt.Rectangle")
        self.button = jimport("java.awt.event.InputEvent").BUTTON1_DOWN_MASK
        self.took: dict[str, list[float]] = {}

    def screen(self) -> tuple[int, ...]:
        """Return a number for what the canvas and the window show."""
        from correct_checks import texts

        corner = self.canvas.getLocationOnScreen()
        size = min(500, self.canvas.getWidth()), min(400, self.canvas.getHeight())
        shown = self.robot.createScreenCapture(self.rectangle(corner.x, corner.y, *size))
        return self.hash(shown.getRaster().getDataBuffer().getData()), *map(hash, texts())

    def timed(self, what: str, act: Callable[[], object], said: bool = True, patience_s: float = 20.0) -> None:
        """Measure the time from an action until the last change on the screen; if `said`, the window's text changes too."""
        from correct_checks import texts

        before, changed, sentence = self.screen(), None, texts()
        started = time.perf_counter()
        act()
        while changed is None or time.perf_counter() - changed < SETTLED_S or (said and texts() == sentence):
            seen, now = self.screen(), time.perf_counter()
            if seen != before:
                before, changed = seen, now
            assert now - started < patience_s, texts()
            time.sleep(LOOK_S)
        self.took.setdefault(what, []).append(changed - started)

    def key(self, name: str) -> None:
        """Press a key, by Java's name."""
        from scyjava import jimport

        code = getattr(jimport("java.awt.event.KeyEvent"), f"VK_{name}")
        self.robot.keyPress(code)
        self.robot.keyRelease(code)

    def to(self, point: Sequence[float]) -> None:
        """Move the mouse to a point (y, x) of the image."""
        from correct_checks import on_screen

        self.robot.mouseMove(*on_screen(self.image, *point))
        time.sleep(0.15)

    def click(self) -> None:
        """Click with the left button."""
        self.robot.mousePress(self.button)
        self.robot.mouseRelease(self.button)

    def drag(self, points: Sequence[Sequence[float]]) -> Callable[[], None]:
        """Draw a line, and return the action that ends it."""
        self.to(points[0])
        self.robot.mousePress(self.button)
        for point in points[1:]:
            self.to(point)
        time.sleep(0.1)
        return partial(self.robot.mouseRelease, self.button)

    def scroll(self, by: int) -> None:
        """Drag with the space bar held."""
        from scyjava import jimport

        space, corner = jimport("java.awt.event.KeyEvent").VK_SPACE, self.canvas.getLocationOnScreen()
        self.robot.keyPress(space)
        time.sleep(0.1)
        self.robot.mouseMove(corner.x + 200, corner.y + 200)
        self.robot.mousePress(self.button)
        self.timed("scroll", partial(self.robot.mouseMove, corner.x + 200 + by, corner.y + 200), said=False)
        self.robot.mouseRelease(self.button)
        self.robot.keyRelease(space)


def corrected(_: Any, folder: Path) -> dict[str, list[float]]:
    """Correct cells by keys and the mouse, and measure the times until the picture is shown."""
    from scyjava import jimport

    from correct_checks import CORRECT, start, texts
    from desktop import wait_for, windows

    IJ, place = jimport("ij.IJ"), Path(os.environ["EPIFIJI_TEST_FIELDS"])
    plan = json.loads((place / "plan.txt").read_text())
    image = IJ.openImage(str(place / "dense.tif"))
    image.show()
    wait_for("the image", lambda: windows(str(image.getTitle())))
    IJ.run(image, "Set... ", f"zoom={100 * ZOOM} x=1024 y=1024")
    image.getWindow().setLocation(465, 102)
    wait_for("the magnification", lambda: image.getCanvas().getMagnification() == ZOOM)
    IJ.runMacro('run("Check EpiFiji Installation");')
    person = Person(image)
    started = time.perf_counter()
    start(image, place / "dense_labels.tif")
    person.took["opening"] = [time.perf_counter() - started]
    started = time.perf_counter()
    for _ in range(10):
        person.screen()
    person.took["idle"] = [(time.perf_counter() - started) / 10]
    for cell in plan[:STEPS]:
        _correct(person, cell)
    for number in range(STEPS):
        person.timed("next frame", partial(person.key, "RIGHT" if number % 4 < 2 else "LEFT"))
    assert "frame 1" in texts()[1], texts()
    person.to(plan[0]["inside"])
    for name in ("MINUS", "EQUALS") * 3:
        person.timed("zoom", partial(person.key, name), said=False)
    for number in range(STEPS):
        person.scroll(40 if number % 2 else -40)
    started = time.perf_counter()
    person.key("ESCAPE")
    wait_for("the end", lambda: not windows(CORRECT))
    wait_for("the result", (place / "dense_corrected_labels.tif").exists)
    person.took["end, corrected labels written"] = [time.perf_counter() - started]
    return person.took


def _correct(person: Person, cell: dict[str, Any]) -> None:
    """Merge, split, delete and draw a cell."""
    from correct_checks import texts
    from desktop import wait_for

    person.to(cell["border"])
    person.timed("merge", person.click)
    assert "merged" in texts()[0], texts()
    person.timed("undo", partial(person.key, "Z"))
    person.timed("split", person.drag(cell["across"]))
    assert "split" in texts()[0], texts()
    person.timed("undo", partial(person.key, "Z"))
    person.to(cell["inside"])
    person.timed("show a cell", person.click)
    person.timed("delete", partial(person.key, "D"))
    assert "deleted" in texts()[0], texts()
    person.key("F")
    wait_for("the freehand tool", lambda: "Drag around" in texts()[0])
    person.timed("draw a cell", person.drag(cell["around"]))
    assert "added" in texts()[0], texts()


def dense_labels(count: int, side: int, seed: int = 0) -> np.ndarray:
    """Label each pixel (side, side) by the cell of a power diagram, from 1."""
    from scipy import ndimage
    from scipy.spatial import cKDTree

    random = np.random.default_rng(seed)
    points, spread = random.uniform(0, side, (count, 2)), side / np.sqrt(count)
    weights = random.uniform(0, (0.4 * spread) ** 2, count)
    pixels = np.indices((side, side)).reshape(2, -1).T
    labels = np.zeros((side, side), np.int32)
    for _ in range(3):
        # The cell with the least |x - p|² - w is the nearest of points that are lifted by the root of max(w) - w.
        lifted = np.column_stack([points, np.sqrt(weights.max() - weights)])
        labels = cKDTree(lifted).query(np.column_stack([pixels, np.zeros(len(pixels))]))[1].reshape(side, side) + 1
        kept = np.unique(labels)
        points, weights = np.array(ndimage.center_of_mass(labels > 0, labels, kept)), weights[kept - 1]
    return labels.astype(np.int32)


def plan_of(labels: np.ndarray, count: int) -> list[dict[str, Any]]:
    """Plan where to click and draw for some cells in the middle of the image."""
    middle = np.array(labels.shape) // 2
    plan: list[dict[str, Any]] = []
    for cell in np.unique(labels[middle[0] - 150 : middle[0] + 150, middle[1] - 200 : middle[1] + 200]):
        rows, columns = np.nonzero(labels == cell)
        y = int(np.median(rows))
        here = np.sort(columns[rows == y])
        if len(here) < 15 or here[-1] - here[0] != len(here) - 1:
            continue
        left, right, x = int(here[0]), int(here[-1]), int(np.median(here))
        angles = np.linspace(0, 2 * np.pi, 9)
        around = [(y + 6 * np.sin(angle), x + 6 * np.cos(angle)) for angle in angles]
        plan.append({
            "border": (y, right + 0.5), "inside": (y - 1, x), "across": [(y, left - 1), (y, x), (y, right + 1)], "around": around,
        })  # fmt: skip
    assert len(plan) >= count, len(plan)
    return plan[:: len(plan) // count]


def make_movie(folder: Path, cells: int, side: int, frames: int) -> int:
    """Write a movie of touching cells with labels, and return the number of cells."""
    import tifffile

    from epifiji.files.labels import write_labels
    from voronoi_cells import membranes

    labels = np.stack([dense_labels(cells, side, seed) for seed in range(frames)])
    write_labels(folder / "dense_labels.tif", labels)
    shown = np.stack([membranes(frame) for frame in labels])
    tifffile.imwrite(folder / "dense.tif", shown, imagej=True, metadata={"axes": "TYX"})
    (folder / "plan.txt").write_text(json.dumps(plan_of(labels[0], STEPS)))
    return len(np.unique(labels[0]))


def main() -> None:
    """Measure, and print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=5_000)
    parser.add_argument("--side", type=int, default=2_048)
    parser.add_argument("--frames", type=int, default=3)
    given = parser.parse_args()
    from desktop import desktop
    from jvm import AS_FIJI, run_checks

    with tempfile.TemporaryDirectory() as name, desktop() as display:
        folder = Path(name)
        count = make_movie(folder, given.cells, given.side, given.frames)
        env = {
            "DISPLAY": display,
            AS_FIJI: "1",
            "EPIFIJI_TEST_FIELDS": str(folder),
            "PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(__file__).parent)]),
        }
        corrected.__module__ = Path(__file__).stem
        done = run_checks([corrected], folder, headless=False, env=env, timeout_s=TIMEOUT_S)
    print(f"load {os.getloadavg()[0]:.1f}; {count} cells in {given.side} x {given.side} px, {given.frames} frames")
    seen = done.values.get("corrected", {})
    if "opening" not in seen:
        sys.exit(f"{seen}\n{done.err}")
    for what, took in seen.items():
        print(f"  {what}: {statistics.median(took):.3f} s (worst of {len(took)}: {max(took):.3f} s)")


if __name__ == "__main__":
    main()
