"""A set-up of EpiFiji's Python with small packages: a lock, a server with its wheels, and a program in uv's place."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import shutil
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from epifiji.bridge.fiji.archive import this_system
from epifiji.bridge.imagej.jars import class_path
from epifiji.bridge.imagej.java import find_java
from jvm import FOR_SHORT_RUNS

LIB = Path(__file__).resolve().parents[2] / "jars" / "Lib"
VERSION = "9.8.7"
UV = """#!/bin/sh
# Makes an environment whose Python is a script. The file test.sh of the place replaces what they do.
behaviour="$(dirname "$0")/../../test.sh"
[ -f "$behaviour" ] && . "$behaviour"
if [ "$1" = venv ]; then
    for environment; do :; done
    mkdir -p "$environment/bin"
    echo "version_info = 3.12.3" > "$environment/pyvenv.cfg"
    cat > "$environment/bin/python" <<'END'
#!/bin/sh
set -- python
behaviour="$(dirname "$0")/../../../test.sh"
[ -f "$behaviour" ] && . "$behaviour"
echo '["3.12.3", "9.8.7", '${CARDS:-0}']'
END
    chmod +x "$environment/bin/python"
fi
echo "uv $1"
"""


@dataclass
class Packages:
    """Small wheels by name, and how the server answers requests for them."""

    wheels: dict[str, bytes]
    answer: Callable[[http.server.BaseHTTPRequestHandler, bytes], bool] = lambda request, content: False
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The requests: the path, and the range."""

    @property
    def lock(self) -> dict[str, Any]:
        def described(name: str, content: bytes) -> dict[str, Any]:
            address = f"https://files.pythonhosted.org/packages/{name}"
            package, version = name.split("-")[:2]
            digest = hashlib.sha256(content).hexdigest()
            return {"package": package, "version": version, "url": address, "size": len(content), "sha256": digest}

        pythons = {version: sorted(self.wheels) for version in ("3.11", "3.12", "3.13")}
        wheels = {name: described(name, content) for name, content in self.wheels.items()}
        return {"systems": dict.fromkeys((this_system(), f"{this_system()}-gpu"), pythons), "wheels": wheels}


def small_packages(size: int = 300_000) -> Packages:
    """Make uv's wheel, and three packages."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr("uv-1.0.data/scripts/uv", UV)
    return Packages({"uv-1.0-any.whl": buffer.getvalue(), **{f"p{i}-1.0-any.whl": bytes([i]) * size for i in range(3)}})


@contextmanager
def served(packages: Packages) -> Iterator[str]:
    """Serve wheels, also in part, and yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            packages.asked.append((self.path, self.headers.get("Range", "")))
            content = packages.wheels[self.path.rpartition("/")[2]]
            if packages.answer(self, content):
                return
            start = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:])

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def make_records(fiji: Path, packages: Packages) -> Path:
    """Write into a Fiji folder what the archive has of the set-up, with the real Jython modules; return jars/epifiji."""
    records = fiji / "jars" / "epifiji"
    records.mkdir(parents=True, exist_ok=True)
    (fiji / "jars" / "Lib").exists() or shutil.copytree(LIB, fiji / "jars" / "Lib")
    (records / "own.whl").write_bytes(b"EpiFiji")
    setup = {"epifiji": VERSION, "wheel": "own.whl", "sha256": hashlib.sha256(b"EpiFiji").hexdigest()}
    (records / "setup.json").write_text(json.dumps(setup))
    (records / "lock.json").write_text(json.dumps(packages.lock))
    return records


def jython(fiji: Path, code: str, env: Mapping[str, str], **given: object) -> subprocess.Popen[str]:
    """Start Jython code that uses a Fiji's modules; it gets the given values as `given`, and prints to standard output."""
    script = fiji / "script.py"
    script.write_text(f"import json, sys\ngiven = json.loads({json.dumps(given, default=str)!r})\n{code}")
    properties = {
        "python.path": fiji / "jars" / "Lib",
        "python.console.encoding": "UTF-8",
        "python.cachedir.skip": "true",
    }
    return subprocess.Popen(
        [
            str(find_java()[0].home / "bin" / "java"),
            *FOR_SHORT_RUNS,
            *(f"-D{name}={value}" for name, value in properties.items()),
            "-cp",
            os.pathsep.join(str(one) for one in class_path()),
            "org.python.util.jython",
            str(script),
        ],
        env={**os.environ, "LC_ALL": "C.UTF-8", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


ALL_FAILURES = """
import os, time
from java.io import File
from java.lang import System
from java.nio.file import Files
from epifiji_client.engine import python_record
from epifiji_client.engine.setup import set_up
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.python_record import complete, read_json
from epifiji_client.engine.setup import graphics_card
from epifiji_client.engine.setup.folders import Lock
from epifiji_client.engine.setup.set_up import SetUp

found = {}
records = python_record.records()
small = set_up.SPARE_BYTES
JAVA, ARCH = "java.specification.version", "os.arch"


def names(folder):
    return os.listdir(folder) if os.path.isdir(folder) else []


def left(place):
    inside = names(os.path.join(place, "9.8.7")) + names(os.path.join(place, "9.8.7-gpu"))
    environments = [path for path in inside if path.startswith("python-")]
    found = complete(place, "9.8.7") or complete(place, "9.8.7", gpu=True)
    return {"complete": found is not None, "environments": len(environments), "cache": "cache" in names(place)}


def attempt(name, place=None, behaviour="", job=None, **properties):
    place = place or os.path.join(given["places"], name)
    before = dict((key, System.getProperty(key)) for key in properties)
    for key, value in properties.items():
        System.setProperty(key, value)
    if behaviour:
        os.makedirs(place)
        with open(os.path.join(place, "test.sh"), "w") as file:
            file.write(behaviour)
    job = job or SetUp(place, lambda done, doing: None)
    started = time.time()
    try:
        job.run()
        found[name] = {"sentence": "", "kind": ""}
    except EngineError as error:
        found[name] = {"sentence": error.sentence, "kind": error.kind}
    found[name].update(left(place), took=time.time() - started, asks=True)
    for key, value in before.items():
        System.clearProperty(key) if value is None else System.setProperty(key, value)
    try:
        python_record.engine_python()
        found[name]["asks"] = False
    except EngineError:
        pass


def on(command, text, code=2):
    return "if [ $1 = %s ]; then echo '%s' >&2; exit %d; fi" % (command, text, code)


def cancelling(place, fraction):
    def progress(done, doing):
        if done >= fraction:
            job.cancel()
    job = SetUp(place, progress)
    return job


def moved(name, do):
    os.rename(os.path.join(records, name), os.path.join(records, "away"))
    try:
        do()
    finally:
        os.rename(os.path.join(records, "away"), os.path.join(records, name))


server, dead = {"EPIFIJI_PACKAGES": given["server"]}, {"EPIFIJI_PACKAGES": "http://127.0.0.1:1"}
no_name = {"EPIFIJI_PACKAGES": "http://packages.invalid"}
System.setProperty("EPIFIJI_PACKAGES", given["server"])
attempt("no network", **dead)
attempt("no name", **no_name)
attempt("dead proxy", **dict(no_name, **{"http.proxyHost": "127.0.0.1", "http.proxyPort": "1"}))
attempt("proxy with password", **dict(no_name, **{"http.proxyHost": "127.0.0.1", "http.proxyPort": given["proxy"]}))
attempt("not there", EPIFIJI_PACKAGES=given["server"] + "/missing")
attempt("changed", EPIFIJI_PACKAGES=given["server"] + "/changed")
attempt("interrupted", EPIFIJI_PACKAGES=given["server"] + "/interrupted")
python_record.forget()
place = os.path.join(given["places"], "full disk")
os.makedirs(os.path.join(place, "wheels"))
Files.createSymbolicLink(File(place, "wheels/p1-1.0-any.whl.part").toPath(), File("/dev/full").toPath())
attempt("full disk", place)
attempt("full while unpacking", behaviour=on("pip", "failed to write: No space left on device (os error 28)"))
set_up.SPARE_BYTES = 1 << 60
attempt("little room")
set_up.SPARE_BYTES = small
attempt("no rights", "/proc/epifiji")
attempt("no rights while unpacking", behaviour=on("venv", "failed to create directory: Permission denied (os error 13)"))
attempt("in use", behaviour=on("pip", "the file is being used by another process. (os error 32)"))
attempt("old Java", **{JAVA: "1.8"})
attempt("other processor", **{ARCH: "riscv64"})
attempt("no Python", behaviour=on("venv", "error: No interpreter found for Python >=3.11, <3.14 in search path"))
attempt("engine does not start", behaviour=on("python", "ImportError: DLL load failed", 1))
attempt("another failure", behaviour=on("pip", "error: something else"))
moved("lock.json", lambda: attempt("lock missing"))
moved("own.whl", lambda: attempt("wheel missing"))
with open(os.path.join(records, "own.whl"), "ab") as file:
    file.write("x")
attempt("wheel changed")
with open(os.path.join(records, "own.whl"), "wb") as file:
    file.write("EpiFiji")
place = os.path.join(given["places"], "at once")
os.makedirs(place)
with Lock(os.path.join(place, ".lock")):
    attempt("at once", place)
for number, fraction in enumerate((0.0, 0.02, 0.5, set_up.DOWNLOADED, set_up.UNPACKED_BY)):
    place = os.path.join(given["places"], "cancelled")
    attempt("cancelled %d" % number, place, job=cancelling(place, fraction))
attempt("continued", os.path.join(given["places"], "cancelled"))
python_record.forget()
def for_card(name, behaviour=""):
    place = os.path.join(given["places"], name)
    attempt(name, place, behaviour, SetUp(place, lambda done, doing: None, gpu=True))


graphics_card.CARDS = os.path.join(given["places"], "cards")
for_card("no card")
os.makedirs(os.path.join(graphics_card.CARDS, "0000:01:00.0"))
with open(os.path.join(graphics_card.CARDS, "0000:01:00.0", "information"), "w") as file:
    file.write("Model: \\t\\t NVIDIA RTX A4000\\nIRQ:   16\\n")
for_card("card not found")
for_card("for a card", "CARDS=1")
found["for a card"]["python"] = python_record.engine_python()[0]
found["for a card"]["known"] = python_record.is_for_card()
SetUp(os.path.join(given["places"], "for a card"), lambda done, doing: None).remove()
found["for a card"]["removed"] = not os.path.exists(os.path.join(given["places"], "for a card", "9.8.7-gpu"))
python_record.forget()
slow = os.path.join(given["places"], "cancelled while uv works")
os.makedirs(slow)
with open(os.path.join(slow, "test.sh"), "w") as file:
    file.write("[ $1 = pip ] && touch started && sleep 60")
job = SetUp(slow, lambda done, doing: None)
def press():
    while not os.path.exists(os.path.join(slow, "started")):
        time.sleep(0.05)
    job.cancel()
import threading
threading.Thread(target=press).start()
attempt("cancelled while uv works", slow, job=job)
print(json.dumps(found))
"""
"""Each failure of a set-up, one after the other in one process: what is reported, and what is left."""

SHARING = """
import os
from epifiji_client.engine import python_record
from epifiji_client.engine.python_record import complete, engine_python, read_json, write_json
from epifiji_client.engine.setup.set_up import SetUp

found = {}
place, setup = given["place"], python_record.record_file("setup.json")
SetUp(place, lambda done, doing: None).run()
found["first"] = engine_python()
write_json(setup, dict(read_json(setup), epifiji="9.9.9"))
found["known"] = complete(place, "9.9.9")
try:
    engine_python()
except python_record.NoPython as missing:
    found["asks"] = missing.sentence
# The small packages' Python reports version 9.8.7 whatever it is asked for.
SetUp(place, lambda done, doing: None).run()
found["second"] = engine_python()
found["both"] = [complete(place, version) is not None for version in ("9.8.7", "9.9.9")]
SetUp(place, lambda done, doing: None).remove()
found["left"] = [complete(place, version) is not None for version in ("9.8.7", "9.9.9")] + sorted(os.listdir(place))
write_json(setup, dict(read_json(setup), epifiji="9.8.7"))
python_record.forget()
from epifiji_client.engine.errors import EngineError
from epifiji_client.commands.engine_python import manage_python


def by_macro(**parameters):
    try:
        manage_python(parameters)
        return list(engine_python())
    except EngineError as error:
        return error.sentence


found["by macro"] = by_macro(action="set_up", folder=place)
found["repaired"] = by_macro(action="repair", folder=place)
found["removed"] = by_macro(action="remove", folder=place)
found["repaired from nothing"] = by_macro(action="repair", folder=place)
by_macro(action="remove", folder=place)
found["nothing"] = os.path.exists(place)
for name in ("mine", "other", "none"):
    found[name] = by_macro(python=given[name])
print(json.dumps(found))
"""

UNTIL_COMPLETE = """
from epifiji_client.engine import python_record
from epifiji_client.engine.setup.set_up import SetUp
job = SetUp(python_record.known_place(), lambda done, doing: None)
job.run()
print(json.dumps(python_record.engine_python()))
"""


def killed_when(process: subprocess.Popen[str], look: Callable[[], bool], patience_s: float = 60) -> None:
    """Kill a process as soon as something can be seen."""
    deadline = time.monotonic() + patience_s
    while not look():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it was not seen"
        time.sleep(0.02)
    process.kill()
    process.communicate()
