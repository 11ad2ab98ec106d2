"""An ImageJ in a JVM that Python did not start, with EpiFiji installed as in a Fiji: its scripts use the engine in a worker.

A few lines of Jython replace SciJava's way of making commands of scripts. ImageJ, Jython, Appose, the scripts, the
client and the worker are the real ones.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from epifiji.bridge.fiji.install import install_fiji
from epifiji.bridge.imagej.compiled_client import compiled_folder
from epifiji.bridge.imagej.jars import class_path, patched_jars
from epifiji.bridge.imagej.java import find_java
from epifiji.bridge.imagej.menu import client_folder
from jvm import FOR_SHORT_RUNS

TIMEOUT_S = 600

HOST = """
import os, sys, time, traceback
from java.awt import EventQueue, GraphicsEnvironment
from java.lang import System, Thread
from java.util.concurrent import ConcurrentHashMap
from net.imagej.patcher import LegacyHooks, LegacyInjector

HEADLESS = GraphicsEnvironment.isHeadless()
LegacyInjector.preinit()
from ij import CommandListener, Executer, IJ, ImageJ, Menus
from org.python.util import PythonInterpreter

FOLDER = os.path.join(System.getProperty("plugins.dir"), "scripts", "Plugins", "EpiFiji")
LABELS = dict((name[:-3].replace("_", " "), os.path.join(submenu, name))
              for submenu, _, names in os.walk(FOLDER) for name in names if name.endswith(".py"))
CALLERS = ConcurrentHashMap()


class Commands(CommandListener):
    def commandExecuting(self, command):
        if command not in LABELS:
            return command
        PythonInterpreter().execfile(LABELS[command])
        return None


class Hooks(LegacyHooks):
    def getThreadAncestors(self):
        # A script's thread inherits the options of the macro's thread.
        caller = CALLERS.get(Thread.currentThread())
        return [] if caller is None else [caller]

    def interceptRunPlugIn(self, name, argument):
        if name not in LABELS:
            return None
        thread = Thread(lambda: self.run_script(name), "SciJava-Thread-0")
        CALLERS.put(thread, Thread.currentThread())
        thread.start()
        thread.join()
        return ""

    def run_script(self, command):
        # As in SciJava, exceptions are logged, and listeners are notified of the script's end on the event thread.
        try:
            PythonInterpreter().execfile(LABELS[command])
        except:
            traceback.print_exc()
        EventQueue.invokeAndWait(lambda: None)


if HEADLESS:
    Executer.addCommandListener(Commands())
else:
    LegacyInjector.installHooks(IJ.getClassLoader(), Hooks())
    ImageJ(ImageJ.EMBEDDED)
    for label in LABELS:
        Menus.getCommands().put(label, label)
macro, argument = [text.decode("utf-8") for text in (sys.argv + [""])[1:3]]  # Jython gives bytes
with open(macro) as file:
    code = file.read()
if macro.endswith(".py"):
    exec(code)
else:
    text = code.decode("utf-8")  # paths of movies may contain any character
    thread = Thread(lambda: IJ.runMacro(text, argument), "Run$_macro")
    thread.start()
    thread.join()
System.exit(0)  # as Fiji does after a macro, however that ended
"""


def make_plain_fiji(folder: Path, python: Path | None = None) -> Path:
    """Make a folder with ImageJ, Jython and EpiFiji in it."""
    install_fiji(_imagej(folder), python)
    _add_compiled_client(folder / "jars" / "Lib")
    return folder


def _add_compiled_client(lib: Path) -> None:
    """Add what Jython compiled for an embedded ImageJ: in each of these Fijis it would compile and keep the same.

    It uses what was compiled from a source of the same time.
    """
    kept = compiled_folder(client_folder())
    for compiled in kept.rglob("*$py.class"):
        source = compiled.with_name(compiled.name.replace("$py.class", ".py"))
        installed = lib / source.relative_to(kept)
        shutil.copyfile(compiled, installed.with_name(compiled.name))
        times = source.stat()
        os.utime(installed, ns=(times.st_atime_ns, times.st_mtime_ns))


def make_unpacked_fiji(folder: Path, archive: Path) -> Path:
    """Make a folder with ImageJ and Jython, over which the archive of EpiFiji was unpacked."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(_imagej(folder))
    return folder


def _imagej(folder: Path) -> Path:
    (folder / "plugins").mkdir(parents=True)
    (folder / "macros").mkdir()
    (folder / "jars").mkdir()
    (folder / "luts").mkdir()
    (folder / "luts" / "Glasbey.lut").write_bytes(bytes(range(256)) * 3)
    for jar in class_path():
        shutil.copyfile(jar, folder / "jars" / jar.name)
    (folder / "host.py").write_text(HOST)
    return folder


def command_line(
    fiji: Path, macro: Path, argument: str = "", headless: bool = True, options: Sequence[str] = FOR_SHORT_RUNS
) -> list[str]:
    """Return the command that starts this ImageJ, with these options of Java, and runs a macro or a Jython script."""
    java = find_java(window=not headless)[0]
    properties = {
        "java.awt.headless": str(headless).lower(),
        "plugins.dir": fiji,
        "user.home": fiji,  # tests neither read nor write the preferences of the user who runs them
        "python.path": fiji / "jars" / "Lib",
        "python.console.encoding": "UTF-8",
        "python.cachedir.skip": "true",
    }
    return [
        str(java.home / "bin" / "java"),
        "--add-opens=java.base/java.lang=ALL-UNNAMED",
        *options,
        *(f"-D{name}={value}" for name, value in properties.items()),
        "-cp",
        os.pathsep.join(map(str, [*(patched_jars() if headless else []), *sorted((fiji / "jars").glob("*.jar"))])),
        "org.python.util.jython",
        str(fiji / "host.py"),
        str(macro),
        argument,
    ]


def run_in_plain_fiji(
    fiji: Path,
    code: str,
    argument: str = "",
    headless: bool = True,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    before: Sequence[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a macro, or a Jython script if the first line is a Python comment, and wait until ImageJ has ended.

    `before` are arguments before the command, for a program that runs it.
    """
    file = fiji / ("code.py" if code.startswith("#") else "code.ijm")
    file.write_text(code, encoding="utf-8")
    return subprocess.run(
        [*before, *command_line(fiji, file, argument, headless)],
        cwd=fiji,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(run_in_plain_fiji(make_plain_fiji(Path(sys.argv[1])), sys.argv[2]).returncode)
