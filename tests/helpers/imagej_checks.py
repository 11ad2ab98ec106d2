"""Checks of the embedded ImageJ that run inside a JVM, and the process that most of them share; see :mod:`jvm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from epifiji.bridge.fiji.open import open_imagej
from epifiji.bridge.imagej import ImageJ, ImageJError
from epifiji.bridge.imagej.compiled_client import compile_once, compiled_folder
from epifiji.bridge.imagej.menu import client_folder
from epifiji.data.errors import WrongInputError
from image_checks import (
    calibration_in_imagej,
    frames_of_another_byte_order,
    grey_image,
    images_of_imagej,
    refused_files,
    rois_in_overlay,
    round_trips,
    rounded_pixels,
    signed_image,
    virtual_stack,
)
from jvm import Finished, run_checks_once
from outline_checks import cells_in_imagej, filled_in_imagej
from refusals import refusals
from tools_desktop_checks import REVIEW_MACRO


def start(imagej: ImageJ, _: Path) -> dict[str, Any]:
    assert imagej.java is not None
    return {
        "headless": imagej.headless,
        "version": imagej.version,
        "java": [imagej.java.source, str(imagej.java.home), imagej.java.version],
        "notices": imagej.notices,
        "java_home": os.environ.get("JAVA_HOME"),
        "path": os.environ["PATH"],
    }


def opened_again(imagej: ImageJ, _: Path) -> dict[str, Any]:
    other = {}
    for name, arguments in {"window": {"headless": not imagej.headless}, "fiji": {"fiji": "sc.fiji:fiji"}}.items():
        with pytest.raises(WrongInputError) as refused:
            open_imagej(**arguments)
        other[name] = str(refused.value)
    return {"same": open_imagej(headless=imagej.headless) is imagej, **other}


def macro_value(imagej: ImageJ, _: Path) -> list[str]:
    return [imagej.run_macro('return "seen " + getArgument();', "this"), imagej.run_macro("x = 1;")]


def filtered(imagej: ImageJ, _: Path) -> str:
    code = 'newImage("ramp", "8-bit ramp", 256, 9, 1); run("Mean...", "radius=2"); return "" + getValue(100, 4);'
    return imagej.run_macro(code)


def plugins_folder(imagej: ImageJ, _: Path) -> str:
    return imagej.run_macro('return getDirectory("plugins");')


FAILING_MACROS = {
    "unknown function": 'x = 1;\ny = nonsense(2);\nprint("went on");',
    "syntax": "x = (",
    "unknown command": 'run("No Such Command");',
    "command without an image": 'run("Scale...", "x=0.5 y=0.5 create");',
    "function without an image": "getDimensions(w, h, c, z, t);",
    "exit with a text": 'exit("no movie today");',
    "exit with a sum": 'name = "a.tif";\nn = 3;\nexit("cannot read " + name + " of " + n);',
    "exit with a function": 'exit(toUpperCase("no"));',
    "exit in a function": 'f("deep");\nfunction f(what) {\n  exit(what);\n}',
    "missing file": 'open("/no/such/file.tif");\nprint("went on");',
    "exception in Java": 'x = call("java.lang.Integer.parseInt", "seven");',
    "command of EpiFiji's in a loop": 'for (i = 0; i < 2; i++) {\n  run("Detect Epithelial Events...", "nonsense=3");\n}',
    "headless dialog": 'Dialog.create("a");\nDialog.addNumber("b", 1);\nDialog.show();',
    "ROI Manager": 'roiManager("count");',
}


def failing_macros(imagej: ImageJ, _: Path) -> dict[str, str]:
    return refusals(imagej, FAILING_MACROS)


WRONG_OPTIONS = {
    "unknown": "netwrk=x",
    "no file": "input=[/no/such movie.tif]",
    "no value": "network",
    "other choice": "maps=all",
    "no truth": "save=maybe",
    "unclosed": "output=[unclosed",
}


def wrong_options(imagej: ImageJ, _: Path) -> dict[str, str]:
    detect = 'newImage("8", "8-bit", 60, 60, 8); run("Detect Epithelial Events...", "{}"); print("detected");'
    return refusals(imagej, {name: detect.format(options) for name, options in WRONG_OPTIONS.items()})


def ending_macros(imagej: ImageJ, _: Path) -> list[str]:
    codes = ("exit();", "exit;", 'if (true)\n  exit;\nprint("went on");', "f();\nfunction f() {\n  exit();\n}")
    return [imagej.run_macro(code) for code in codes] + [imagej.run_macro('return "still works";')]


SCRIPT = """#@ Integer frames
#@ Double (value=2.5) interval
#@ String (choices={"death", "division"}, value="death") kind
#@ Boolean (required=false) flag
#@ ImagePlus image
#@ LogService log
#@output String text
#@output Double duration
#@output things
# a letter outside ASCII: \u00e9
text = "%d %s %s %d %s" % (frames, kind, flag, image.getWidth(), log is not None)
duration = frames * interval
things = [1, "two", {"three": 3.5}]
"""


def script_outputs(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    path = folder / "Count_Frames.py"
    path.write_text(SCRIPT, encoding="utf-8")
    image = grey_image(imagej)
    given = imagej.run_script(path, frames=np.int64(4), interval=3, kind="division", flag=True, image=image)
    return {"given": given, "defaults": imagej.run_script(SCRIPT, frames="12", image=image)}


FAILING_SCRIPTS = {
    "exception": ("x = 1\nraise ValueError('a bad number')\n", {}),
    "exception in Java": ("from java.lang import Integer\nInteger.parseInt('seven')\n", {}),
    "syntax": ("x = (\n", {}),
    "error shown": ("from ij import IJ\nIJ.error('this movie is too short')\n", {}),
    "missing": ("#@ Integer frames\n", {}),
    "unknown": ("#@ Integer frames\n", {"frames": 2, "farmes": 3}),
    "type": ("#@ Integer frames\n", {"frames": "many"}),
    "fraction": ("#@ Integer frames\n", {"frames": 2.5}),
    "choice": ('#@ String (choices={"death", "division"}) kind\n', {"kind": "birth"}),
    "file": ("/no/such/script.py", {}),
}


def failing_scripts(imagej: ImageJ, _: Path) -> dict[str, Any]:
    said = {}
    for name, (script, parameters) in FAILING_SCRIPTS.items():
        with pytest.raises((ImageJError, WrongInputError)) as failure:
            imagej.run_script(script, **parameters)
        said[name] = [failure.type.__name__, str(failure.value), getattr(failure.value, "__notes__", [])]
    return said


def remembered_parameter(imagej: ImageJ, _: Path) -> dict[str, Any]:
    script = "#@ Integer (value=1) frames\n#@output int n\nn = frames\n"
    return {"first": imagej.run_script(script, frames=9), "then": imagej.run_script(script)}


def context_of_another(imagej: ImageJ, _: Path) -> dict[str, Any]:
    other = ImageJ(imagej.context)
    return {"macro": other.run_macro('return "a";'), "script": other.run_script("#@output int n\nn = 1\n")}


def refused_macros(imagej: ImageJ, _: Path) -> list[str]:
    """Run the macro of a review without a window, with several arguments."""
    said = []
    for argument in ("", "rois=[a.zip]"):
        with pytest.raises(ImageJError) as failure:
            imagej.run_macro(REVIEW_MACRO.read_text(encoding="ascii"), argument)
        said.append(str(failure.value))
    return said


def image_needed_and_none_open(imagej: ImageJ, _: Path) -> None:
    imagej.run_macro('run("Close All");\nsaveAs("tiff", "x.tif");')


def diagnosis(_: ImageJ, __: Path) -> list[Any]:
    from dataclasses import asdict

    from epifiji.bridge.doctor import diagnose

    return [asdict(finding) for finding in diagnose()]


WINDOW_MACROS = ("unknown function", "syntax", "unknown command", "function without an image")


def failing_macros_with_a_window(imagej: ImageJ, _: Path) -> dict[str, str]:
    return refusals(imagej, {name: FAILING_MACROS[name] for name in WINDOW_MACROS})


HEADLESS = [
    start,
    opened_again,
    macro_value,
    filtered,
    failing_macros,
    wrong_options,
    ending_macros,
    script_outputs,
    failing_scripts,
    remembered_parameter,
    round_trips,
    calibration_in_imagej,
    rounded_pixels,
    frames_of_another_byte_order,
    images_of_imagej,
    signed_image,
    virtual_stack,
    rois_in_overlay,
    refused_files,
    context_of_another,
    filled_in_imagej,
    cells_in_imagej,
    refused_macros,
    image_needed_and_none_open,
]


def headless_process(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Run the checks that need no window, with this machine's Java; the last one ends the process.

    They run once for all test modules, also if several processes share these.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return run_checks_once(HEADLESS, shared / "checks_without_a_window")


def patched_classes(_: ImageJ, __: Path) -> dict[str, Any]:
    """Return the first entry of Java's class path, and whether ImageJ's classes are patched."""
    from scyjava import jimport

    path = str(jimport("java.lang.System").getProperty("java.class.path")).split(os.pathsep)
    fields = [str(field.getName()) for field in jimport("ij.IJ").class_.getDeclaredFields()]
    return {"first": Path(path[0]).name, "patched": "_hooks" in fields}


def client_module(_: ImageJ, __: Path) -> str:
    """Return the file from which Jython loads a module of the client, as a command of the menu does."""
    from scyjava import jimport

    interpreter = jimport("org.python.util.PythonInterpreter")()
    interpreter.getSystemState().dont_write_bytecode = True
    interpreter.exec_("from epifiji_client.screen import words\nfile = words.__file__")
    return str(interpreter.get("file"))


def client_compiled_later(_: ImageJ, __: Path) -> bool:
    """Remove the file that is in the place of the compiled client, and compile it as the next start would."""
    place = compiled_folder(client_folder())
    blocked = place.parent.is_file()
    place.parent.unlink()
    compile_once(client_folder(), place)
    return blocked
