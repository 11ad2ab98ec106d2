"""Sets up EpiFiji's Python in a folder, from the packages of the lock that came with the archive (Jython 2.7).

uv, a program from the package index, finds or downloads a Python and builds the environment. Every package is compared with
its SHA-256. The environment is used only when its record has been written, after everything else, so an interrupted
set-up leaves nothing that could be used; what was downloaded is kept, and the next set-up continues with it.
"""
import io
import json
import os
import time

from java.io import BufferedReader, File, InputStreamReader, IOException
from java.lang import ProcessBuilder, Runtime, System, Thread
from java.nio.file import Files, StandardCopyOption
from java.util.concurrent import TimeUnit
from java.util.zip import ZipFile

from epifiji_client.engine import python_record
from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.python_record import FOR_CARD, UNPACK_AGAIN, complete, read_json, record_file, write_json
from epifiji_client.engine.setup.downloads import Download, IN_USE, OFFLINE, sha256_of, written_why
from epifiji_client.engine.setup.folders import Lock, delete, make, size_of
from epifiji_client.engine.setup.graphics_card import graphics_card
from epifiji_client.screen.words import duration

OLDEST_JAVA = 11
SPARE_BYTES = 200 << 20
"""The room that a set-up needs besides the packages."""

UNPACKED = {False: 4.3, True: 2.0}
"""How many times their size the packages take when they are unpacked; those for a graphics card are hardly compressed."""

SYSTEMS = (("linux", ("amd64", "x86_64"), "linux-x86_64"), ("mac", ("aarch64", "arm64"), "macos-arm64"),
           ("windows", ("amd64", "x86_64"), "windows-x86_64"))
OF_OTHERS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_INDEX", "UV_INDEX_URL", "UV_DEFAULT_INDEX")
"""Variables of the environment that would lead to other Pythons or packages."""

TRY = """
import importlib.metadata, json, platform, sys
sys.modules["keras.src.optimizers"] = None
import tensorflow
import epifiji.bridge.fiji.worker
cards = len(tensorflow.config.list_physical_devices("GPU"))
print(json.dumps([platform.python_version(), importlib.metadata.version("epifiji"), cards]))
"""
"""Without Keras, as the engine imports TensorFlow: to compile Keras takes three times as long as all of TensorFlow."""

DOWNLOADED, UNPACKED_BY = 0.85, 0.93
"""The progress when everything is downloaded, and when it is unpacked."""

POLL_MS = 50

NO_CARD = ("This computer has no graphics card that EpiFiji can use (it needs one of NVIDIA's, with its driver, on Linux): set up EpiFiji's "
           "Python without one.")
CARD_NOT_FOUND = ("TensorFlow does not find the graphics card (%s): update NVIDIA's driver and try again, or set up EpiFiji's Python without "
                  "the card.")


def system_name(gpu=False):
    """Return the lock's name of this system, or of its packages for a graphics card; None if the lock has no packages for it."""
    system, processor = System.getProperty("os.name").lower(), System.getProperty("os.arch").lower()
    name = next((name for start, processors, name in SYSTEMS if system.startswith(start) and processor in processors), None)
    return name + FOR_CARD if name and gpu else name


def java_problem():
    """Return a sentence if this Fiji's Java is too old; None if it is not."""
    version = System.getProperty("java.specification.version")
    if int(version.split(".")[1 if version.startswith("1.") else 0]) >= OLDEST_JAVA:
        return None
    return ("This Fiji runs on Java %s, but EpiFiji needs Java %d or newer: download a new Fiji, which contains one."
            % (version, OLDEST_JAVA))


def usable_card(lock):
    """Return the name of this computer's graphics card if there are packages for it; None if not."""
    return graphics_card() if system_name(gpu=True) in lock["systems"] else None


def download_size(lock, gpu=False):
    """Return the size of the packages for this system, in bytes; those in the archive count too."""
    pythons = lock["systems"].get(system_name(gpu) or "", {})
    return max([sum(lock["wheels"][name]["size"] for name in names) for names in pythons.values()] or [0])


def read_lock():
    setup, lock = python_record.own_setup(), read_json(record_file("lock.json"))
    if not setup or not lock or not File(record_file(setup.get("wheel", ""))).isFile():
        raise EngineError("This Fiji's EpiFiji is incomplete (%s or a file that it names is missing): %s."
                          % (record_file("setup.json" if not setup else "lock.json"), UNPACK_AGAIN), "input")
    return setup, lock


class SetUp(object):
    """A set-up in a place; run() does it, and cancel() ends it from another thread.

    progress(done, doing) receives the fraction that is done and what is being done; log(line) each line of the log. With
    gpu the packages are those for an NVIDIA graphics card.
    """

    def __init__(self, place, progress, log=lambda line: None, gpu=False):
        self.place, self.progress, self.show_line = File(place).getAbsolutePath(), progress, log
        self.download, self.process, self.cancelled, self.log_file = Download(), None, False, None
        self.gpu, self.system = gpu, system_name(gpu)

    def cancel(self):
        self.cancelled = True
        self.download.cancel()
        _end(self.process)

    def run(self):
        """Set up the Python, and record that this Fiji uses it; raise EngineError with a sentence if that fails."""
        problem = java_problem()
        if problem:
            raise EngineError(problem, "input")
        self.setup, self.lock = read_lock()
        if self.gpu and usable_card(self.lock) is None:
            raise EngineError(NO_CARD, "input")
        if self.system is None:
            raise EngineError("There are no ready-made packages for this system (%s on %s): use a Python of your own with EpiFiji in it."
                              % (System.getProperty("os.name"), System.getProperty("os.arch")), "input")
        self.version = self.setup["epifiji"]
        self.folder = os.path.join(self.place, self.version + (FOR_CARD if self.gpu else ""))
        make(self.folder)
        with Lock(os.path.join(self.place, ".lock")):
            try:
                found = complete(self.place, self.version, self.gpu) or self._build()
            except IOException as error:
                raise EngineError(self._why(error.getMessage() or str(error)), "input", str(error))
            python_record.use(found["python"], found["python_version"], self.version, self.place, self.gpu)
        return found

    def remove(self):
        """Remove this version's Python, and what other versions do not need either."""
        self.version = read_lock()[0]["epifiji"]
        if not File(self.place).isDirectory():
            return
        with Lock(os.path.join(self.place, ".lock")):
            own = [self.version, self.version + FOR_CARD]
            for record in [File(os.path.join(self.place, name), "complete.json") for name in own]:
                if record.exists() and not record.delete():
                    raise EngineError(IN_USE % record.getPath(), "input")
            left = [name for name in (File(self.place).list() or []) if File(os.path.join(self.place, name), "complete.json").exists()]
            gone = own + ["wheels", "cache"] + ([] if left else ["uv", "python"])
            for name in gone:
                delete(File(self.place, name))
        if any(File(self.place, name).exists() for name in gone):
            raise EngineError(IN_USE % ("A file in " + self.place), "input")
        if not left:
            File(self.place, ".lock").delete()
            File(self.place).delete()

    def _build(self):
        self.started = time.time()
        self.log_file = io.open(os.path.join(self.folder, "log.txt"), "a", encoding="utf-8")
        environment = os.path.join(self.folder, "python-%d" % System.currentTimeMillis())
        try:
            self._say(u"EpiFiji %s, %s, %s" % (self.version, self.system, time.strftime("%Y-%m-%d %H:%M")))
            self._delete_attempts(environment)
            self._require_room()
            self._check_own_wheel()
            self.progress(0.0, "fetching uv, which builds the environment")
            uv = self._uv()
            version = self._python(uv, environment)
            names = [name for name in self.lock["systems"][self.system][version] if self.lock["wheels"][name]["package"] != "uv"]
            wheels = self._wheels(names)
            self._install(uv, environment, wheels)
            python = _python_of(environment)
            found = self._try(python)
            found["python"] = os.path.relpath(python, self.folder)
            self._check_cancelled()
            write_json(os.path.join(self.folder, "complete.json"), found)
            self._say(u"complete after %d s" % (time.time() - self.started))
        except (EngineError, IOException) as error:
            self._say(u"%s" % (getattr(error, "sentence", None) or error.getMessage()))
            delete(File(environment))
            delete(File(self.place, "cache"))
            raise
        finally:
            self.log_file.close()
        # uv of a killed set-up may have written on for a while.
        self._delete_attempts(environment)
        for name in ("wheels", "cache"):
            delete(File(self.place, name))
        return complete(self.place, self.version, self.gpu)

    def _delete_attempts(self, current):
        for name in File(self.folder).list() or []:
            if name.startswith("python-") and name != os.path.basename(current):
                delete(File(self.folder, name))

    def _require_room(self):
        needed = int(download_size(self.lock, self.gpu) * (1 + UNPACKED[self.gpu])) + SPARE_BYTES - size_of(File(self.place, "wheels"))
        room = File(self.folder).getUsableSpace()
        if room < needed:
            raise EngineError("EpiFiji's Python needs %d MB while it is set up, but the disk of %s has %d MB left: free some space there, or "
                              "choose a folder on another disk." % (needed >> 20, self.place, room >> 20), "input")

    def _check_own_wheel(self):
        wheel = record_file(self.setup["wheel"])
        if sha256_of(wheel) != self.setup["sha256"]:
            raise EngineError("%s is damaged (its SHA-256 differs): %s." % (wheel, UNPACK_AGAIN), "input")

    def _wheel(self, name, progress):
        """Return the path of a wheel: from the archive, or downloaded."""
        wheel = self.lock["wheels"][name]
        in_archive = record_file(os.path.join("wheels", name))
        if File(in_archive).isFile():
            if sha256_of(in_archive) != wheel["sha256"]:
                raise EngineError("%s is damaged (its SHA-256 differs): %s." % (in_archive, UNPACK_AGAIN), "input")
            progress(wheel["size"])
            return in_archive
        target = os.path.join(make(os.path.join(self.place, "wheels")), name)
        self._check_cancelled()
        self.download.get(wheel["url"], target, wheel["size"], wheel["sha256"], progress)
        return target

    def _uv(self):
        """Return the path of uv, which is taken out of its wheel."""
        pythons = self.lock["systems"][self.system]
        name = next(name for name in sorted(pythons.values())[0] if self.lock["wheels"][name]["package"] == "uv")
        program = "uv.exe" if self.system.startswith("windows") else "uv"
        place = File(os.path.join(self.place, "uv", self.lock["wheels"][name]["version"]), program)
        if place.isFile():
            return place.getPath()
        wheel = ZipFile(self._wheel(name, lambda count: None))
        try:
            entry = next(one for one in wheel.entries() if one.getName().endswith("/scripts/" + program))
            make(place.getParent())
            partial = File(place.getPath() + ".part")
            Files.copy(wheel.getInputStream(entry), partial.toPath(), [StandardCopyOption.REPLACE_EXISTING])
        finally:
            wheel.close()
        partial.setExecutable(True)
        if not partial.renameTo(place):
            raise EngineError(IN_USE % place.getPath(), "input")
        return place.getPath()

    def _python(self, uv, environment):
        """Make an environment with a Python for which the lock has packages, and return that Python's version, as 3.12."""
        pythons = self.lock["systems"][self.system]
        offline = [version for version, names in pythons.items() if all(File(record_file(os.path.join("wheels", name))).isFile() for name in names)]
        numbers = sorted(int(version.split(".")[1]) for version in offline or pythons)
        self.progress(0.02, "finding a Python, or downloading one")
        self._uv_run(uv, ["venv", "--no-project", "--python", ">=3.%d,<3.%d" % (numbers[0], numbers[-1] + 1), environment])
        with io.open(os.path.join(environment, "pyvenv.cfg"), encoding="utf-8") as file:
            found = dict(line.split(u" = ", 1) for line in file.read().splitlines() if u" = " in line)
        return ".".join((found.get("version_info") or found["version"]).split(".")[:2])

    def _wheels(self, names):
        sizes, done = [self.lock["wheels"][name]["size"] for name in names], [0]
        whole, started, begun, paths = float(sum(sizes)), time.time(), [None], []

        def progress(here, before):
            bytes_done = before + here
            if begun[0] is None:
                begun[0] = bytes_done
            spent, came = time.time() - started, bytes_done - begun[0]
            left = ", %s left" % duration(spent * (whole - bytes_done) / came) if spent > 2 and came > 0 else ""
            self.progress(0.04 + (DOWNLOADED - 0.04) * bytes_done / whole, "downloading: %d of %d MB%s" % (bytes_done / 1e6, whole / 1e6, left))

        for name, size in zip(names, sizes):
            paths.append(self._wheel(name, lambda here: progress(here, done[0])))
            done[0] += size
            self._say(u"%s" % name)
        return paths

    def _install(self, uv, environment, wheels):
        self.progress(DOWNLOADED, "unpacking %d packages" % len(wheels))
        listed = os.path.join(environment, "packages.txt")
        with io.open(listed, "w", encoding="utf-8") as file:
            file.write(u"\n".join([File(path).toPath().toUri().toString() for path in wheels + [record_file(self.setup["wheel"])]]))
        self._uv_run(uv, ["pip", "install", "--python", _python_of(environment), "--no-deps", "--no-index", "--offline", "-r", listed])

    def _try(self, python):
        """Start the engine once, and return what the record says."""
        self.progress(UNPACKED_BY, "starting the engine for the first time")
        lines = self._run([python, "-I", "-c", TRY], "EpiFiji's new Python does not start the engine")
        try:
            python_version, version, cards = json.loads(lines[-1])
        except (ValueError, IndexError, TypeError):
            raise EngineError("EpiFiji's new Python does not start the engine (%s): try again." % (lines or ["no answer"])[-1], "input")
        if self.gpu and not cards:
            raise EngineError(CARD_NOT_FOUND % graphics_card(), "input")
        return {"python_version": python_version, "epifiji_version": version}

    def _uv_run(self, uv, arguments):
        self._run([uv] + arguments, "EpiFiji's Python could not be built", {
            "UV_CACHE_DIR": os.path.join(self.place, "cache"),
            "UV_PYTHON_INSTALL_DIR": os.path.join(self.place, "python"),
            "UV_PYTHON_INSTALL_BIN": "0", "UV_NO_CONFIG": "1", "UV_NATIVE_TLS": "1", "UV_SYSTEM_CERTS": "1", "UV_NO_PROGRESS": "1",
        })

    def _run(self, command, failed, variables=None):
        """Run a program, and return the lines that it printed; they go into the log."""
        self._check_cancelled()
        builder = ProcessBuilder([unicode(part) for part in command])
        environment = builder.environment()
        for name in OF_OTHERS:
            environment.remove(name)
        environment.putAll(variables or {})
        environment.put("PYTHONUTF8", "1")
        environment.put("TF_CPP_MIN_LOG_LEVEL", "2")
        builder.directory(File(self.place)).redirectErrorStream(True)
        self.process = process = builder.start()
        ending = Thread(lambda: _end(process))
        Runtime.getRuntime().addShutdownHook(ending)
        try:
            process.getOutputStream().close()
            reader, lines = BufferedReader(InputStreamReader(process.getInputStream(), "UTF-8")), []
            while True:
                line = reader.readLine()
                if line is None:
                    break
                lines.append(line)
                self._say(line)
            while not process.waitFor(POLL_MS, TimeUnit.MILLISECONDS):
                pass
        except IOException:
            self._check_cancelled()
            raise
        finally:
            if not process.isAlive():
                Runtime.getRuntime().removeShutdownHook(ending)
        self._check_cancelled()
        if process.exitValue() != 0:
            text = " ".join(line.strip() for line in lines[-12:])
            raise EngineError(self._why(text, failed), "input", "\n".join(lines))
        return lines

    def _why(self, text, failed="EpiFiji's Python could not be set up"):
        written = written_why(text, self.place)
        if written:
            return written
        lower = text.lower()
        if "no interpreter found" in lower or "failed to download https" in lower or "failed to fetch" in lower or "error sending request" in lower:
            return "There is no Python 3.11 to 3.13 on this computer, and none could be downloaded: %s, or install a Python first." % OFFLINE
        return "%s (%s): try again, or choose another folder." % (failed, text.strip().rstrip(".")[-300:])

    def _check_cancelled(self):
        if self.cancelled:
            raise EngineError("cancelled", "cancelled")

    def _say(self, line):
        if self.log_file is not None and not self.log_file.closed:
            self.log_file.write(u"%6.1f s  %s\n" % (time.time() - self.started, line))
            self.log_file.flush()
        self.show_line(line)


def _python_of(environment):
    windows = os.path.join(environment, "Scripts", "python.exe")
    return windows if (system_name() or "").startswith("windows") else os.path.join(environment, "bin", "python")


def _end(process):
    """End a program and those that it started."""
    if process is not None:
        for child in process.toHandle().descendants().toArray():
            child.destroyForcibly()
        process.destroyForcibly()
