"""Preferences of another ImageJ in the user's home folder have no effect, and are not changed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import epifiji
from desktop import desktop
from desktop_checks import DETECT, open_movie, roi_table
from epifiji.bridge.imagej import ImageJ
from epifiji.data.events import EVENT_COLOURS
from folders import names
from imagej_window import manager
from jvm import Finished, run_checks
from plain_fiji import make_plain_fiji, run_in_plain_fiji
from small_networks import chosen
from window_pictures import _sizes

ODD = r"""prefs.options=2143289343
prefs.options2=32767
measurements=16777215
precision=9
div-by-zero=NaN
fcolor=\#FF0000
bcolor=\#00FF00
roicolor=\#00FF00
showcolor=\#FF00FF
menu.size=24
gui.scale=1.5
threads=1
jpeg=5
ij.x=-3000
ij.y=5000
ap.options=255
new.fill=2
new.type=3
.point.type=3
.point.size=6
.roicolor=4
.pcolor=102
.label.format=1
.rm.associate=false
.rm.center=true
.rm.usenames=true
.bs.background=2147483647
.threshold.raw=true
.binary.black=true
.tw.font.size=8
.group.names=apple,pear,plum
.manager.loc=-5000,-5000
.results.loc=-4000,9000
.results.width=20
.log.loc=6000,6000
.recorder.mode=JavaScript
"""
"""What ImageJ may remember of its windows and options: every switch but the one that opens a socket, colours, sizes, places."""

REMEMBERED = ".epifiji.detect_epithelial_events.threshold=7\n"


def own_preferences(_: Any, __: Path) -> dict[str, Any]:
    """Return ImageJ's values of some preferences, and their folder."""
    from scyjava import jimport

    prefs = jimport("ij.Prefs")
    remembered = str(prefs.get("epifiji.detect_epithelial_events.threshold", "none"))
    return {"remembered": remembered, "folder": str(prefs.getPrefsDir())}


@pytest.fixture
def odd_home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    for place in (home / ".imagej" / "IJ_Prefs.txt", home / "IJ_Prefs.txt", tmp_path / "IJ_Prefs.txt"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(ODD + REMEMBERED)
    return home


def test_the_embedded_imagej_has_its_own_preferences(tmp_path: Path, odd_home: Path) -> None:
    """It uses neither those in the home folder nor those in the working folder, which ImageJ would prefer."""
    env = {"JAVA_TOOL_OPTIONS": f"'-Duser.home={odd_home}'", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    seen: Finished = run_checks([own_preferences], tmp_path, env=env)
    assert seen[own_preferences] == {"remembered": "none", "folder": str(tmp_path / "config" / "epifiji" / "imagej")}
    for place in (odd_home / ".imagej", odd_home, tmp_path):
        assert (place / "IJ_Prefs.txt").read_text() == ODD + REMEMBERED


def detected_in_a_window(imagej: ImageJ, _: Path) -> dict[str, Any]:
    """Detect events and return the manager's ROIs (type, name, group, colour, place and position) and the table."""
    open_movie()
    imagej.run_macro(f'run("{DETECT}", "threshold=130 min_volume=100");')
    kinds = [[str(roi.getTypeAsString()), int(roi.getPointType())] for roi in manager().getRoisAsArray()]
    rois = [kind + roi for kind, roi in zip(kinds, roi_table(), strict=True)]
    # A table's scrollbars follow its size when it is drawn.
    end = time.monotonic() + 20
    while (size := _sizes("Events of noise"))["hidden"] > 0 and time.monotonic() < end:
        time.sleep(0.1)
    return {"rois": rois, "table": size}


@pytest.fixture(scope="module")
def of_homes(tmp_path_factory: pytest.TempPathFactory, movie_file: Path, epinet_folder: Path) -> list[Finished]:
    """Run a detection with new preferences, and with unusual ones in ImageJ's folder and in the home folder."""
    finished = []
    with desktop() as display:
        for odd in (False, True):
            folder = tmp_path_factory.mktemp("odd" if odd else "clean")
            config = folder / "config"
            own = chosen("small", config)
            places = [folder / "home" / ".imagej", config / "epifiji" / "imagej"]
            for place in places:
                place.mkdir(parents=True)
                (place / "IJ_Prefs.txt").write_text(ODD if odd else "")
            (places[0] / "IJ_Prefs.txt").chmod(0o444)
            env = {
                "DISPLAY": display,
                "EPIFIJI_TEST_MOVIE": str(movie_file),
                "EPIFIJI_NETWORKS": str(epinet_folder.parent),
                "JAVA_TOOL_OPTIONS": f"'-Duser.home={folder / 'home'}'",
                **own,
            }
            finished.append(run_checks([detected_in_a_window], folder, headless=False, env=env))
    return finished


def test_events_become_the_same_rois_with_any_preferences(
    of_homes: list[Finished], movie_file: Path, epinet_folder: Path
) -> None:
    """They are the ROIs of an ImageJ with new preferences, and the events of Python."""
    clean, odd = (finished[detected_in_a_window]["rois"] for finished in of_homes)
    assert odd == clean
    events = epifiji.detect(movie_file, epinet_folder, threshold=130, min_volume=100).events
    assert events
    for (kind, _, name, _, colour, place, (*_, t, _)), event in zip(odd, events, strict=True):
        assert kind == "Point"
        assert name.startswith(f"{event.event} ")
        assert place == pytest.approx([event.x, event.y], abs=1e-3)
        assert t == event.frame + 1
        assert tuple(colour) == EVENT_COLOURS[event.event]


def test_the_preferences_in_the_home_folder_are_not_changed(of_homes: list[Finished]) -> None:
    folder = of_homes[1].folder / "home" / ".imagej"
    assert names(folder) == ["IJ_Prefs.txt"]
    assert (folder / "IJ_Prefs.txt").read_text() == ODD


def test_a_table_with_a_larger_font_has_room_for_its_columns(of_homes: list[Finished]) -> None:
    clean, odd = (finished[detected_in_a_window]["table"] for finished in of_homes)
    assert clean["width"] < odd["width"]
    assert odd["hidden"] <= 0 or odd["width"] >= 1280


NAMES = "Flügel 翅"


def opened_by_its_name(imagej: ImageJ, folder: Path) -> list[str]:
    """Open and save a movie with ImageJ in a folder whose name is not ASCII."""
    code = f'open("{folder}/{NAMES}.tif"); saveAs("tiff", "{folder}/{NAMES} 2.tif"); return getTitle();'
    return [imagej.run_macro(code), *(path.name for path in folder.glob("* 2.tif"))]


def test_names_of_files_are_the_same_to_java_and_python(tmp_path: Path, movie_file: Path) -> None:
    """In the locale C, which scripts, containers and cron use, Python encodes names in UTF-8, and Java must do so too."""
    folder = tmp_path / NAMES
    folder.mkdir()
    (folder / f"{NAMES}.tif").write_bytes(movie_file.read_bytes())
    seen = run_checks([opened_by_its_name], folder, env={"LC_ALL": "C"})
    assert seen[opened_by_its_name] == [f"{NAMES} 2.tif"] * 2


def test_results_of_a_movie_opened_by_a_relative_path_are_next_to_it(
    tmp_path: Path, movie_file: Path, epinet_folder: Path
) -> None:
    """The worker's working folder differs from ImageJ's; a network's path is relative to ImageJ's too."""
    fiji = make_plain_fiji(tmp_path / "Fiji")
    (fiji / "movies").mkdir()
    (fiji / "movies" / "noise.tif").write_bytes(movie_file.read_bytes())
    (fiji / "nets").mkdir()
    (fiji / "nets" / "own").symlink_to(epinet_folder)
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
