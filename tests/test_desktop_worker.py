"""Detection with a window in an ImageJ that Python did not start: the dialog by real keys, the events through the worker."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import epifiji
from desktop import desktop, focus, press, type_text
from plain_fiji import TIMEOUT_S, command_line, make_plain_fiji

WATCH = """# what a person would look at
import json
from ij import Executer, IJ, WindowManager
from ij.plugin.frame import RoiManager

IJ.openImage(argument).show()
Executer("Detect Epithelial Events...", None)
for _ in range(1200):
    Thread.sleep(100)
    if WindowManager.getFrame("Events of noise") is not None:
        break
manager = RoiManager.getRoiManager()
rois = [[roi.getName(), roi.getTPosition(), roi.getFloatPolygon().xpoints[0], roi.getFloatPolygon().ypoints[0]]
        for roi in manager.getRoisAsArray()]
System.out.println("seen " + json.dumps({"rois": rois, "shown": IJ.getImage().getTitle()}))
"""


def test_a_dialog_by_keys_gives_the_same_events(tmp_path: Path, movie_file: Path, network_folder: Path) -> None:
    fiji = make_plain_fiji(tmp_path / "Fiji")
    script = tmp_path / "watch.py"
    script.write_text(WATCH)
    with desktop() as display, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", display)
        patch.setenv("EPIFIJI_NETWORKS", str(network_folder.parent))
        process = subprocess.Popen(
            command_line(fiji, script, str(movie_file), headless=False),
            cwd=fiji,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            focus("Detect Epithelial Events")
            press("Tab", "Tab", "Tab", "Tab")
            type_text("130")
            press("Tab")
            type_text("100")
            press("Return")
            out, error = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
    assert "seen " in out, error
    seen = json.loads(out.split("seen ", 1)[1].splitlines()[0])
    events = epifiji.detect(movie_file, network_folder, threshold=130, min_volume=100).events
    assert len(seen["rois"]) == len(events) > 0
    for (name, t, x, y), event in zip(seen["rois"], events, strict=True):
        assert name.startswith(event.event)
        assert (t, x, y) == pytest.approx((event.frame + 1, event.x, event.y), abs=1e-3)
