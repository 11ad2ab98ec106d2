"""Jython scripts that the tests of the worker run in an ImageJ that Python did not start.

Each gets a JSON text as its argument, whose `report` names the file for its results.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plain_fiji import run_in_plain_fiji

LOOSE = {"threshold": 60, "min_volume": 20}

_COMMON = '''# -*- coding: utf-8 -*-
import json, os, time
from ij import IJ, WindowManager
from java.lang import Runtime, System, Thread
from epifiji_client.engine import connection
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.worker_process import stop
from epifiji_client.images.movies import Pixels

given = json.loads(argument)
LOOSE = "threshold=60 min_volume=20 "
SETTINGS = {"threshold": "60", "min_volume": "20", "network": given.get("network")}
found = {}


def kill(signal, process):
    Runtime.getRuntime().exec(["kill", "-" + signal, str(process)]).waitFor()


def described():
    return connection.call("describe", {})


def image_of(name):
    return IJ.openImage(os.path.join(given["movies"], name))


def ask(image=None, progress=None, **settings):
    """Detect without writing anything, as a dialog's command does."""
    return connection.call("detect", {"settings": dict(SETTINGS, **settings)}, Pixels(image), progress)


def places(answer):
    return [[event["frame"], event["x"], event["y"]] for event in answer["events"]]


def report():
    with open(given["report"], "w") as file:
        json.dump(found, file)
'''

IMAGES = (
    _COMMON
    + """
from ij import ImagePlus, VirtualStack
from ij.plugin import FileInfoVirtualStack


def command(image, options=""):
    WindowManager.setTempCurrentImage(image)
    IJ.run("Detect Epithelial Events...", "keep_going overwrite network=[%s] %s%s" % (given["network"], LOOSE, options))
    WindowManager.setTempCurrentImage(None)
    overlay = image.getOverlay()
    rois = [overlay.get(i) for i in range(overlay.size())] if overlay is not None else []
    frame = lambda roi: roi.getTPosition() or roi.getPosition()
    events = [[frame(roi), roi.getContainedFloatPoints().xpoints[0], roi.getContainedFloatPoints().ypoints[0]] for roi in rois]
    return {"error": System.getProperty("epifiji.error"), "events": events}


def signed():
    path = os.path.join(given["movies"], "signed.raw")
    IJ.run("Raw...", "open=[%s] image=[16-bit Signed] width=80 height=70 number=12 little-endian" % path)
    image = WindowManager.getCurrentImage()
    image.setTitle("signed")
    return image


def virtual():
    image = FileInfoVirtualStack.openVirtual(os.path.join(given["movies"], "8.tif"))
    assert image.getStack().isVirtual()
    return image


results = {}
for kind in ("8", "16", "32", "z", "nan", "one", "volume", "rgb"):
    results[kind] = command(image_of(kind + ".tif"))
results["channels"] = command(image_of("channels.tif"), "channel=2")
results["channels without a choice"] = command(image_of("channels.tif"))
results["third channel"] = command(image_of("channels.tif"), "channel=3")
results["virtual"] = command(virtual())
results["signed"] = command(signed(), "out=[%s]" % os.path.join(given["movies"], "..", "signed out"))
found["found"] = results
processes = [described()["process"]]

before = os.listdir("/dev/shm")
movie = image_of("8.tif")
kilobytes, java_kilobytes = [], []
for number in range(10):
    ask(movie, step_xy="20")
    with open("/proc/%d/status" % processes[0]) as file:
        kilobytes.append([int(line.split()[1]) for line in file if line.startswith("VmRSS")][0])
    System.gc()
    java_kilobytes.append((Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) // 1024)
found["kB"], found["Java's kB"] = kilobytes, java_kilobytes
found["shared"] = sorted(set(os.listdir("/dev/shm")) - set(before))

heard, together = set(), {}


def listening(done, doing):
    heard.add(doing)
    return False


threads = [Thread(lambda number=number: together.update({number: places(ask(image_of("8.tif"), listening, step_xy="6"))}))
           for number in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
found["together"], found["heard"] = [together[0], together[1]], sorted(heard)

try:
    ask(ImagePlus("huge", VirtualStack(10000, 10000, 10000)))
except EngineError as error:
    found["huge"] = error.sentence
from epifiji_client.commands.run import _Progress
progress = _Progress(None)
found["told"] = []
for done, seconds in ((0.0, 5), (0.25, 1), (0.25, 20), (0.5, 300), (0.999, 10)):
    progress.started = 0
    found["told"].append(progress._left(done, seconds))
processes.append(described()["process"])
found["processes"] = processes
report()
"""
)

LIFE = (
    _COMMON
    + '''
movie = image_of("8.tif")


class Cancel(object):
    """Asks to stop at a moment, and notes when."""

    def __init__(self, moment, also=None):
        self.moment, self.also, self.asked = moment, also, None

    def __call__(self, done, doing):
        if self.asked is None and self.moment(done, doing):
            if self.also:
                self.also()
            self.asked = time.time()
        return self.asked is not None


def cancelled(moment, also=None):
    progress = Cancel(moment, also)
    settings = {"step_xy": "1", "output": given["out"], "maps": "raw"}
    try:
        ask(movie, progress, **settings)
        kind = "finished"
    except EngineError as error:
        kind = error.kind
    seconds = time.time() - progress.asked
    left = os.listdir(given["out"])
    return [kind, seconds, left, described()["process"]]


def stopped_in_time(moment):
    """Cancel, again if it took so long on a busy computer that the engine was ended; note whether the engine was kept."""
    for attempt in range(4):
        if attempt:
            # The engine that was started instead has loaded nothing yet, and loading cannot be cancelled.
            ask(movie)
        process = described()["process"]
        kind, seconds, left, after = cancelled(moment)
        if after == process:
            break
    return [kind, seconds, left, after == process]


def looking(done, doing):
    return doing == "looking for events"


shared = set(os.listdir("/dev/shm"))
first = described()["process"]
found["stopped"] = [stop(), stop()]
found["restarted"] = [first, described()["process"]]

ask(movie)
second = described()["process"]
try:
    ask(movie, Cancel(lambda done, doing: looking(done, doing) and done > 0.1, lambda: kill("KILL", second)), step_xy="1")
except EngineError as error:
    found["killed"] = [error.kind, error.sentence]
found["after the kill"] = len(ask(movie)["events"])

found["cancelled"] = {
    "at once": stopped_in_time(lambda done, doing: True),
    "reading": stopped_in_time(lambda done, doing: doing != "reading the movie"),
    "early": stopped_in_time(looking),
    "middle": stopped_in_time(lambda done, doing: looking(done, doing) and done > 0.2),
}
found["after the cancelling"] = len(ask(movie)["events"])
found["cancelled by"] = third = described()["process"]
found["stuck"] = cancelled(looking, lambda: kill("STOP", third))
found["shared"] = sorted(set(os.listdir("/dev/shm")) - shared)
report()
'''
)

KILLED = (
    _COMMON
    + """
process = described()["process"]


def progress(done, doing):
    if doing == "looking for events" and done > 0.05 and not os.path.exists(given["progress"]):
        with open(given["progress"] + ".part", "w") as file:
            file.write(str(process))
        os.rename(given["progress"] + ".part", given["progress"])
    return False


ask(image_of("8.tif"), progress, step_xy="1", step_t="1", maps="clean", output=given["out"])
"""
)

TWO_AT_ONCE = (
    _COMMON
    + """
image = IJ.openImage(given["movie"])
WindowManager.setTempCurrentImage(image)
IJ.run("Detect Epithelial Events...", "network=[%s] out=[%s] %s" % (given["network"], given["out"], LOOSE))
rois = [image.getOverlay().get(i) for i in range(image.getOverlay().size())]
points = [roi.getContainedFloatPoints() for roi in rois]
found["events"] = [[roi.getTPosition() or roi.getPosition(), at.xpoints[0], at.ypoints[0]] for roi, at in zip(rois, points)]
found["process"] = described()["process"]
report()
"""
)

FULL_DISK = (
    _COMMON
    + """
errors = {}
for maps in ("none", "clean"):
    options = "keep_going input=[%s] out=[%s] network=[%s] maps=%s " % (given["movie"], given["full"], given["network"], maps)
    IJ.run("Detect Epithelial Events...", options + LOOSE)
    errors[maps] = System.getProperty("epifiji.error")
    found["written" if maps == "none" else "left"] = sorted(os.listdir(given["full"]))
    if maps == "none":
        IJ.run("Detect Epithelial Events...", options + LOOSE)
        errors["again"] = System.getProperty("epifiji.error")
        for folder, _, names in os.walk(given["full"]):
            for name in names:
                os.remove(os.path.join(folder, name))
        os.rmdir(os.path.join(given["full"], "8_epifiji"))
found["errors"] = errors
report()
"""
)

FAILING_PYTHONS = (
    _COMMON
    + """
with open(given["record"]) as file:
    good = json.load(file)
errors = {}


def failing(name, record):
    stop()
    with open(given["record"], "w") as file:
        file.write(record if isinstance(record, str) else json.dumps(record))
    options = "keep_going input=[%s] out=[%s] network=[%s]" % (given["movie"], given["out"], given["network"])
    IJ.run("Detect Epithelial Events...", options + " maps=raw")
    errors[name] = System.getProperty("epifiji.error")


for name in ("missing", "old", "silent", "without", "no program", "limited"):
    failing(name, dict(good, python=os.path.join(given["pythons"], name)))
failing("no object", "[]")
failing("no record", "")
failing("other version", dict(good, epifiji_version="0.0.1"))


class LateService(object):
    # Appose's service, which gives a task only after its process has ended.

    def __init__(self, service):
        self.service = service

    def __getattr__(self, name):
        return getattr(self.service, name)

    def task(self, *arguments):
        task = self.service.task(*arguments)
        for _ in range(600):
            if str(task.status) == "CRASHED":
                break
            Thread.sleep(50)
        return task


stop()
with open(given["record"], "w") as file:
    json.dump(dict(good, python=os.path.join(given["pythons"], "brief")), file)
worker = connection._Worker.find()
worker.service = LateService(worker.service)
try:
    worker.ask("detect", "{}", [], lambda done, doing: False)
except connection.EngineError as error:
    errors["brief"] = error.sentence
found["errors"] = errors
found["left"] = sorted(os.listdir(given["out"])) if os.path.isdir(given["out"]) else []
report()
"""
)


def run_script(fiji: Path, script: str, before: tuple[str, ...] = (), **given: object) -> dict[str, Any]:
    """Run one of these scripts in a separate JVM, and return its results; `before` are arguments before the command."""
    report = fiji / "found.json"
    report.unlink(missing_ok=True)
    ended = run_in_plain_fiji(fiji, script, json.dumps({"report": str(report), **given}, default=str), before=before)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert report.exists(), ended.stdout + ended.stderr
    return {**json.loads(report.read_text()), "out": ended.stdout, "err": ended.stderr}
