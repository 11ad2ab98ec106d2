"""Jython scripts that tests/bridge/fiji/test_desktop_worker.py runs in an ImageJ with windows that Python did not start.

Each gets a JSON text as its argument, and prints its results on a line that begins with `seen`. Keys are real ones, by
xdotool.
"""

from __future__ import annotations

_COMMON = """# what a person would do and see
import json, os, re, shutil, time
from ij import Executer, IJ, WindowManager
from ij.macro import Interpreter, MacroRunner
from ij.plugin.frame import RoiManager
from java.awt import Window
from java.lang import Runtime
from epifiji_client.engine import connection
from epifiji_client.images import movies
from epifiji_client.images.movies import Pixels, show_events, show_maps

given = json.loads(argument)
LOOSE = "threshold=130 min_volume=100 table=false"
SLOW = 'run("Detect Epithelial Events...", "step_xy=1 step_t=1 mode=exact %s");'
found = {}


def wait_for(look):
    for _ in range(20 * given.get("patience_s", 180)):
        if look():
            return
        time.sleep(0.05)
    System.out.println("seen " + json.dumps({"waited for": look.__doc__ or look.func_name, "found": found}))
    System.exit(1)


def press(title, *keys):
    window = ["xdotool", "search", "--onlyvisible", "--name", "^" + re.escape(title), "windowactivate", "--sync"]
    wait_for(lambda: Runtime.getRuntime().exec(window).waitFor() == 0)
    for key in keys:
        Runtime.getRuntime().exec(["xdotool", "key", key]).waitFor()
        time.sleep(0.3)


def status():
    return " ".join(part.getText() for part in IJ.getInstance().getStatusBar().getComponents() if hasattr(part, "getText"))


def done():
    said = status()
    if "looking for events" not in said:
        return -1
    return float(re.search(r"(\\d+) %", said).group(1)) / 100 if " %" in said else 0.01


def opened():
    image = IJ.openImage(given["movie"])
    image.show()
    return image


def rois():
    return [[roi.getName(), roi.getTPosition(), roi.getFloatPolygon().xpoints[0], roi.getFloatPolygon().ypoints[0]]
            for roi in RoiManager.getRoiManager().getRoisAsArray()]


def titles():
    return [window.getTitle() for window in Window.getWindows() if window.isShowing() and hasattr(window, "getTitle")]


def close(image):
    image.changes = False
    image.close()


def report():
    System.out.println("seen " + json.dumps(found))
"""

DIALOG = (
    _COMMON
    + """
opened()
Executer("Detect Epithelial Events...", None)
wait_for(lambda: "Navigator of noise.tif" in titles())
found.update(rois=rois(), shown=IJ.getImage().getTitle(), python=connection.engine_python())
report()
"""
)

ESCAPE = (
    _COMMON
    + """
image = opened()
manager = RoiManager.getRoiManager()
manager.addRoi(movies.PointRoi(3, 4))
MacroRunner('run("Detect Epithelial Events...", "%s");' % LOOSE)
wait_for(lambda: len(rois()) > 1 and Interpreter.getInstance() is None)
before = rois()
found["moments"] = []
for moment in (0.0, 0.1, 0.25):
    IJ.showStatus("")
    MacroRunner(SLOW % LOOSE)
    wait_for(lambda: done() > moment)
    press("noise.tif")
    wait_for(lambda: image.getWindow().isFocused())
    pressed = time.time()
    press("noise.tif", "Escape")
    wait_for(lambda: System.getProperty("epifiji.error").startswith("It was cancelled"))
    took = time.time() - pressed
    wait_for(lambda: Interpreter.getInstance() is None)
    time.sleep(2.5)  # ImageJ kills the thread of a macro that has not ended after two seconds, and shows the reason
    found["moments"].append({"took": took, "same": rois() == before, "locked": image.isLocked(), "titles": titles(),
                             "overlay": image.getOverlay() is not None and image.getOverlay().size()})
IJ.showStatus("")
manager.reset()
MacroRunner('run("Detect Epithelial Events...", "%s");' % LOOSE)
wait_for(lambda: len(rois()) > 0 and Interpreter.getInstance() is None)
found["next"] = len(rois())
report()
"""
)

REFUSED = (
    _COMMON
    + """
from ij.gui import MultiLineLabel
from java.lang import Class


def labels(container):
    for part in container.getComponents():
        if isinstance(part, MultiLineLabel):
            yield part
        elif hasattr(part, "getComponents"):
            for label in labels(part):
                yield label


MacroRunner('run("Detect Epithelial Events...", "netwrk=x"); File.saveString("", "%s");' % given["out"])
wait_for(lambda: "EpiFiji" in titles())
box = [window for window in Window.getWindows() if window.isShowing() and getattr(window, "title", None) == "EpiFiji"][0]
lines = Class.forName("ij.gui.MultiLineLabel").getDeclaredField("lines")
lines.setAccessible(True)
found["said"] = " ".join(line.strip() for label in labels(box) for line in lines.get(label))
press("EpiFiji", "Return")
wait_for(lambda: Interpreter.getInstance() is None)
time.sleep(1)
found["titles"] = titles()
report()
"""
)
"""A macro with a wrong option, in an ImageJ whose scripts inherit the options of the macro's thread."""

CLOSED = (
    _COMMON
    + '''
class Closing(object):
    """Closes the image at a moment, as a person may."""

    def __init__(self, image, moment):
        self.image, self.moment = image, moment

    def __call__(self, done, doing):
        if (doing == "reading the movie") == (self.moment == "reading") and self.image.getWindow() is not None:
            close(self.image)
        return False


folders = []
for moment, block in (("reading", 20000), ("searching", 1 << 29)):
    connection.LARGEST_BLOCK = block
    image = opened()
    settings = {"threshold": "130", "min_volume": "100", "maps": "raw"}
    answer = connection.call("detect", {"settings": settings}, Pixels(image), Closing(image, moment), folders)
    left_open = image.getWindow() is not None
    show_events(image, answer, True, True)
    show_maps(image, answer)
    maps = IJ.getImage()
    positions = sorted(set((roi.getZPosition(), roi.getTPosition() > 0) for roi in RoiManager.getRoiManager().getRoisAsArray()))
    found[moment] = {"open": left_open, "rois": rois(), "maps": [maps.getTitle(), maps.getNFrames()], "positions": positions,
                     "known": folders == [answer["maps_folder"]]}
    close(maps)
    shutil.rmtree(folders.pop())
report()
'''
)

REVIEW = (
    _COMMON
    + """
image = opened()
for label, options, keys in (
    ("Review Epithelial Events", "review=[%s]" % given["out"], ("y", "n", "y", "Escape")),
    ("Score Events at Random", "number=3 output=[%s]" % given["out"], ("y", "n", "y", "Escape")),
):
    # ImageJ finds commands by their full labels.
    command = label + "..."
    MacroRunner('run("%s", "results=[%s] half_size=15 zoom=2 before=2 after=2 %s");' % (command, given["results"], options))
    press(label)
    time.sleep(1)
    press(label, *keys)
    wait_for(lambda: not [window for window in Window.getWindows()
                          if window.isShowing() and (getattr(window, "title", None) or "").startswith(label)])
    time.sleep(1)
navigator = "Navigator of " + image.getTitle()
MacroRunner('run("Open Epithelial Events...", "results=[%s] table=false navigator");' % given["results"])
wait_for(lambda: navigator in titles())
press(navigator, "n")
wait_for(lambda: os.path.exists(os.path.join(given["results"], "review.csv")))
close(image)
wait_for(lambda: os.path.exists(os.path.join(given["results"], "reviewed")) and navigator not in titles())
found["processes"] = connection.call("describe", {})["process"]
report()
"""
)

CORRECT = (
    _COMMON
    + """
image = opened()
IJ.run(image, "Set... ", "zoom=400 x=0 y=0")
# The window manager moves a window that would leave the screen, and does not always say so.
image.getWindow().setLocation(200, 120)
folder = os.path.dirname(given["movie"])


def mouse(y, x, *more):
    canvas = image.getCanvas()
    place = canvas.getLocationOnScreen()
    at = [str(int(place.x + canvas.screenXD(x + 0.5))), str(int(place.y + canvas.screenYD(y + 0.5)))]
    Runtime.getRuntime().exec(["xdotool", "mousemove"] + at + list(more)).waitFor()


def steps():
    file = os.path.join(folder, "wing_corrections.json")
    return len(json.load(open(file))["corrections"]) if os.path.exists(file) else 0


MacroRunner('run("Correct Cells...", "cells=[%s]");' % given["cells"])
wait_for(lambda: image.getOverlay() is not None and image.getOverlay().size() == 1)
press(image.getTitle())
for what, points in given["repairs"]:
    before = steps()
    for y, x in points:
        mouse(y, x, "sleep", "0.1", "click", "1") if what == "click" else mouse(y, x)
    if what == "delete":
        press(image.getTitle(), "d")
    wait_for(lambda: steps() == before + 1)
found["processes"] = connection.call("describe", {})["process"]
press(image.getTitle(), "Escape")
wait_for(lambda: os.path.exists(os.path.join(folder, "wing_corrected_labels.tif")))
report()
"""
)
