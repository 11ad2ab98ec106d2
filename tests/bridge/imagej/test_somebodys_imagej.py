"""What lies in the home of somebody who has an ImageJ of her own changes nothing here, and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jvm import Finished, run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji

ODD = """.divider.pos=1
.point.type=3
.points.size=4
.roicolor=4
.pcolor=102
.options=2147483647
.options2=-1
.epifiji.detect_epithelial_events.threshold=7
"""


def own_preferences(_: Any, __: Path) -> dict[str, Any]:
    """What ImageJ takes from its preferences, and where they lie."""
    from scyjava import jimport

    prefs = jimport("ij.Prefs")
    remembered = str(prefs.get("epifiji.detect_epithelial_events.threshold", "none"))
    return {"remembered": remembered, "folder": str(prefs.getPrefsDir())}


@pytest.fixture
def odd_home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for place in (home / ".imagej" / "IJ_Prefs.txt", home / "IJ_Prefs.txt", tmp_path / "IJ_Prefs.txt"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(ODD)
    return home


def test_the_embedded_imagej_has_preferences_of_its_own(tmp_path: Path, odd_home: Path) -> None:
    """Neither the home's, nor those of the working folder, which ImageJ would take first."""
    env = {"JAVA_TOOL_OPTIONS": f"-Duser.home={odd_home}", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    seen: Finished = run_checks([own_preferences], tmp_path, env=env)
    assert seen[own_preferences] == {"remembered": "none", "folder": str(tmp_path / "config" / "epifiji" / "imagej")}
    for place in (odd_home / ".imagej", odd_home, tmp_path):
        assert (place / "IJ_Prefs.txt").read_text() == ODD


def test_a_movie_opened_by_a_relative_path_is_saved_beside_it(
    tmp_path: Path, movie_file: Path, network_folder: Path
) -> None:
    """The worker runs in another folder than ImageJ; a network's path is ImageJ's too."""
    fiji = make_plain_fiji(tmp_path / "Fiji")
    (fiji / "movies").mkdir()
    (fiji / "movies" / "noise.tif").write_bytes(movie_file.read_bytes())
    (fiji / "nets").mkdir()
    (fiji / "nets" / "own").symlink_to(network_folder)
    code = """# Fiji's launcher gives ImageJ such an image.
from ij import IJ, WindowManager
image = IJ.openImage("movies/noise.tif")
image.getOriginalFileInfo().directory = "movies/"
WindowManager.setTempCurrentImage(image)
IJ.runMacro('run("Detect Epithelial Events...", "network=nets/own save threshold=130 min_volume=100");')
"""
    done = run_in_plain_fiji(fiji, code)
    record = fiji / "movies" / "noise_epifiji" / "run.json"
    assert record.is_file(), done.stdout + done.stderr
    assert json.loads(record.read_text())["movie"]["name"] == "noise"
