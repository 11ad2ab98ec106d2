"""The JVM of this process, with the embedded ImageJ or the user's Fiji in it. A process can have only one JVM."""

from __future__ import annotations

import colorsys
import locale
import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej.compiled_client import compile_once, compiled_folder
from epifiji.bridge.imagej.errors import ImageJError, java_errors, java_message
from epifiji.bridge.imagej.gateway import ImageJ
from epifiji.bridge.imagej.guards import watch_java
from epifiji.bridge.imagej.in_process_engine import Answer, end_jobs, register_engine
from epifiji.bridge.imagej.jars import class_path, patched_folder, patched_jars
from epifiji.bridge.imagej.java import Java, find_java, major_version
from epifiji.bridge.imagej.menu import add_commands, client_folder
from epifiji.data.errors import WrongInputError
from epifiji.data.own_folders import data_folder
from epifiji.data.progress import Report, silent
from epifiji.files.storage.atomic import Change

MAVEN_COORDINATE = re.compile(r"[\w.-]+:[\w.-]+(:[\w.+:-]+)?")

ALIASES = ("ij.ImagePlus", "ij.measure.ResultsTable", "ij.plugin.frame.RoiManager")
"""Classes that a script's parameters may name without their package, as in Fiji."""

GROUP_COLOURS = "luts/Glasbey.lut"
PREFERENCES = "IJ_Prefs.txt"

_lock = threading.Lock()
_opened: dict[tuple[str, bool], ImageJ] = {}


def start_imagej(
    fiji: str | Path | None = None, headless: bool = True, report: Report = silent, answer: Answer | None = None
) -> ImageJ:
    """Start ImageJ in this process, or return the one started before; see :func:`epifiji.bridge.fiji.open.open_imagej`.

    `answer` answers the requests of EpiFiji's commands in ImageJ. Without it there is no engine in this process.
    """
    fiji = _checked(fiji)
    with _lock:
        asked = (str(fiji or ""), headless)
        if asked not in _opened:
            _require_no_jvm(asked)
            if not headless:
                _require_display(embedded=fiji is None)
            _opened[asked] = _start_embedded(headless, report) if fiji is None else _start_fiji(fiji, headless)
        if answer is not None:
            register_engine(answer)
        return _opened[asked]


def fiji_folder(path: str | Path) -> Path:
    """Check that a folder contains a Fiji or ImageJ, that is its jar and a folder ``plugins``, and return its absolute path.

    Raises
    ------
    WrongInputError
        If it does not contain one.
    """
    folder = Path(path).expanduser().absolute()
    if not folder.is_dir():
        raise WrongInputError(
            f"{path} is no folder, but Fiji's is needed: give the folder that contains jars and plugins."
        )
    has_jar = (folder / "ij.jar").is_file() or any(folder.glob("jars/ij-*.jar"))
    if not has_jar or not (folder / "plugins").is_dir():
        raise WrongInputError(
            f"{path} is no Fiji (it lacks {'plugins' if has_jar else 'jars/ij-*.jar'}), but the folder that contains jars "
            "and plugins is needed: it is often called Fiji or Fiji.app."
        )
    return folder


def has_imagej2(folder: Path) -> bool:
    """Return whether a Fiji folder contains ImageJ2, which pyimagej needs."""
    return any(folder.glob("jars/imagej-legacy-*.jar"))


def window_problem(embedded: bool = True) -> str | None:
    """Return why ImageJ cannot open windows here; None if no reason is known."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return "there is no display (DISPLAY is not set)"
    if sys.platform == "darwin" and embedded:
        return "on macOS Python cannot show the windows of an embedded ImageJ"
    return None


def _checked(fiji: str | Path | None) -> str | Path | None:
    """Return a Maven coordinate as str, or a checked Fiji folder as Path."""
    if isinstance(fiji, str) and not Path(fiji).exists() and MAVEN_COORDINATE.fullmatch(fiji):
        return fiji
    if fiji is None:
        return None
    folder = fiji_folder(fiji)
    if not has_imagej2(folder):
        raise WrongInputError(
            f"{fiji} is an ImageJ without ImageJ2 (jars/imagej-legacy-*.jar), which Python needs to open it: give a Fiji, or "
            "leave it out to use the embedded ImageJ."
        )
    return folder


def _require_no_jvm(asked: tuple[str, bool]) -> None:
    import scyjava

    for fiji, headless in _opened:
        raise WrongInputError(
            f"{_called(*asked)} was requested, but this process already runs {_called(fiji, headless)}, and a process can "
            "have only one JVM: request the same again, or start a new Python."
        )
    if scyjava.jvm_started():
        raise WrongInputError(
            f"{_called(*asked)} was requested, but this process already runs a JVM that other code started: start a new "
            "Python, or use its ImageJ with epifiji.bridge.imagej.ImageJ(ij.context())."
        )


def _called(fiji: str, headless: bool) -> str:
    return f"{f'the Fiji {fiji}' if fiji else 'the embedded ImageJ'} {'without a' if headless else 'with its'} window"


def _require_display(embedded: bool) -> None:
    problem = window_problem(embedded)
    if problem:
        raise WrongInputError(
            f"ImageJ was to open its window, but {problem}: use headless=True, or start this from a desktop."
        )


def _start_embedded(headless: bool, report: Report) -> ImageJ:
    java, notices = find_java(window=not headless)
    jars = class_path(report)
    report(1.0, "starting ImageJ")
    sources = client_folder()
    compiled = compiled_folder(sources)
    options = {
        "java.awt.headless": str(headless).lower(),
        "plugins.dir": _home(),
        "python.path": compiled if compiled.is_dir() else sources,
        "java.util.prefs.userRoot": _home(),
    }
    patched = patched_jars() if headless else []
    _start_jvm(java, [*patched, *jars], [f"-D{name}={value}" for name, value in options.items()])
    from scyjava import jimport, when_jvm_stops

    with java_errors("Starting ImageJ"):
        if headless:
            _patch_classes()
        _keep_preferences_apart()
        context = jimport("org.scijava.Context")(jimport("org.scijava.plugin.PluginIndex")())
        when_jvm_stops(context.dispose)
        _add_jython(context)
        compile_once(sources, compiled)
        if not headless:
            window = jimport("ij.ImageJ")
            window(window.EMBEDDED)
        add_commands(window=not headless)
        return _ready(ImageJ(context, java, notices))


def _patch_classes() -> None:
    """Patch ImageJ's classes, so that they need no windows, and keep them: it takes half the time of a start."""
    import jpype
    from scyjava import jimport

    patcher = jimport("net.imagej.patcher.LegacyInjector")
    # It returns at once if the classes on the class path are patched.
    patcher.preinit()
    if not patched_jars():
        # Without permission or room to write, the next start takes as long as this one.
        with suppress(OSError, jpype.JException), Change() as change:
            jar = change.add(patched_folder()) / "ij-headless.jar"
            patcher.writeJar(jimport("java.io.File")(str(jar)), True, False)


def _ready(imagej: ImageJ) -> ImageJ:
    from scyjava import when_jvm_stops

    watch_java(lambda: end_jobs(0))
    when_jvm_stops(_leave_java)
    return imagej


def _leave_java() -> None:
    """Let the process end while Java threads still run, as those of ImageJ's filters, windows and plugins often do.

    HACK: JPype either waits for all of them, or leaves its reference queue running, whose thread then calls a Python
    that has ended and aborts the process. So the queue is stopped here.
    """
    import jpype

    jpype.JClass("org.jpype.ref.JPypeReferenceQueue").getInstance().stop()
    jpype.config.destroy_jvm = False


def _add_jython(context: Any) -> None:
    """Register Jython as a script language, and ImageJ's types for its parameters.

    In Fiji, SciJava's plugins do this.
    """
    from scyjava import jimport

    jython = jimport("org.scijava.script.AdaptedScriptLanguage")(jimport("org.python.jsr223.PyScriptEngineFactory")())
    scripts = context.service("org.scijava.script.ScriptService")
    scripts.getIndex().add(jython, True)
    for name in ALIASES:
        scripts.addAlias(jimport(name).class_)


def _keep_preferences_apart() -> None:
    """Give the embedded ImageJ its own preferences, separate from those of an ImageJ that the user has.

    HACK: ImageJ 1.54p has no option for their folder. It looks for a file in the working folder, in its own folder and
    in the home folder.
    """
    import platformdirs
    from scyjava import jimport

    folder = Path(platformdirs.user_config_path("epifiji", appauthor=False)) / "imagej"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        # If there is no file here yet, ImageJ moves the one in the home folder.
        (folder / PREFERENCES).touch()
    field = jimport("ij.Prefs").class_.getDeclaredField("prefsDir")
    field.setAccessible(True)
    field.set(None, str(folder))


def _home() -> Path:
    """Make the folder in which the embedded ImageJ looks for plugins.

    Without it, ImageJ uses those in the working folder.
    """
    home = data_folder() / "imagej"
    with suppress(OSError):
        for name in ("plugins", "macros", "luts"):
            (home / name).mkdir(parents=True, exist_ok=True)
        if not (home / GROUP_COLOURS).exists():
            (home / GROUP_COLOURS).write_bytes(_group_colours())
    return home


def _group_colours() -> bytes:
    """Make the colour table that ImageJ reads when a ROI gets a group: 256 hues, each far from its neighbours.

    Fiji has a file of this name. ImageJ from Maven has none, and logs an error.
    """
    golden = (5**0.5 - 1) / 2
    colours = [colorsys.hsv_to_rgb(group * golden % 1, 0.9, 1 - 0.4 * (group % 2)) for group in range(256)]
    return bytes(round(255 * colour[channel]) for channel in range(3) for colour in colours)


def _start_fiji(fiji: str | Path, headless: bool) -> ImageJ:
    """Open a Fiji through pyimagej, on its own Java if that is suitable."""
    import imagej
    import scyjava

    folder = fiji if isinstance(fiji, Path) else None
    java, notices = find_java(window=not headless, fiji=folder)
    if folder and any(folder.glob("jars/imglib2-imglyb-*.jar")):
        # HACK: importing pyimagej requests this jar from SciJava's repository even if the folder contains it.
        scyjava.config.endpoints.clear()
    # With "never" pyimagej 1.8.0 fails; "auto" takes the Java of the environment, which is the one chosen here.
    scyjava.config.set_java_constraints(fetch="auto", version=str(major_version(java.version)))
    scyjava.config.add_kwargs(jvmpath=str(java.library))
    try:
        with _environment(java):
            gateway = imagej.init(str(fiji), mode="headless" if headless else "interactive")
        if gateway and not headless:
            gateway.ui().showUI()
        context = gateway.context() if gateway else None
    except Exception as error:
        raise ImageJError(
            f"{fiji} did not start on Java {java.version} ({java.home}): {java_message(error)}."
        ) from error
    if context is None:
        raise ImageJError(f"{fiji} contains no ImageJ2, which pyimagej needs: give a Fiji, or leave it out.")
    return _ready(ImageJ(context, java, notices))


def _start_jvm(java: Java, jars: Iterable[Path], options: Iterable[str]) -> None:
    import scyjava

    scyjava.config.endpoints.clear()
    scyjava.config.set_java_constraints(fetch="never", version=str(major_version(java.version)))
    scyjava.config.add_classpath(*map(str, jars))
    scyjava.config.add_kwargs(jvmpath=str(java.library))
    # The patcher of ImageJ's classes defines them by reflection.
    scyjava.config.add_options(["--add-opens=java.base/java.lang=ALL-UNNAMED", "-Dfile.encoding=UTF-8", *options])
    if major_version(java.version) >= 24:
        # Java prints warnings about what JPype and Jython do, which no user can act on.
        quiet = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]
        scyjava.config.add_options(quiet)
    try:
        with _environment(java):
            scyjava.start_jvm()
    except Exception as error:
        raise ImageJError(f"Java {java.version} in {java.home} did not start: {error}") from error


@contextmanager
def _environment(java: Java) -> Iterator[None]:
    """Let scyjava, which reads JAVA_HOME and the PATH, find only the chosen Java.

    In the locale C, Python encodes file names in UTF-8, but Java only reads ASCII names.
    """
    names_in_utf8 = {} if _encodes_names_as_python() else {"LC_ALL": "C.UTF-8"}
    before = {name: os.environ.get(name) for name in ("JAVA_HOME", "PATH", *names_in_utf8)}
    os.environ["JAVA_HOME"] = str(java.home)
    os.environ["PATH"] = os.pathsep.join([str(java.home / "bin"), before["PATH"] or ""])
    os.environ.update(names_in_utf8)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _encodes_names_as_python() -> bool:
    """Return whether Java, which uses the locale's encoding, encodes file names as Python does."""
    python = sys.getfilesystemencoding().lower()
    return sys.platform != "linux" or python != "utf-8" or locale.getencoding().lower() == python
