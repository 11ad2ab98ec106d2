"""The connection of scripts in ImageJ with EpiFiji's Python engine (Jython 2.7).

call() uses the engine in this process if ImageJ was started from Python, otherwise a separate worker process. The
worker is started once, runs as long as ImageJ, and is shared by all scripts.
"""
import json

from java.awt import GraphicsEnvironment
from java.io import File
from java.lang import Class, ClassNotFoundException, Exception as JavaException, IllegalStateException, System, Thread
from java.util import ArrayList, HashMap
from java.util.concurrent import ConcurrentLinkedQueue
from java.util.function import BiFunction, Consumer

from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.python_record import NoPython, engine_python, how_to_repair, own_setup
from epifiji_client.engine.worker_process import appose, forget, running_worker

ENGINE_HERE = "epifiji.engine"
CANCEL_TIMEOUT_MS = 1500
POLL_MS = 20
LARGEST_BLOCK = 1 << 29
SPARE_MEMORY = 1 << 24
SIGNALLED = 128
ENDS = ("COMPLETION", "CANCELATION", "FAILURE", "CRASH")
TASK = """
from epifiji.bridge.fiji import worker
task.outputs["version"] = worker.VERSION
if worker.VERSION == version:
    worker.do_task(task, job, request, blocks)
"""


def call(job, request, image=None, progress=None, temporary=None):
    """Do a job and return its result, a dictionary.

    request consists of JSON types. image is a Pixels of images.movies, whose pixels are sent too. progress(done, doing)
    receives the progress and returns whether to stop. Folders with files for the caller, which removes them at its end, are
    appended to the list temporary. Raises EngineError if the job fails.
    """
    engine = _EngineHere.find() or _Worker.find()
    blocks = []
    try:
        if image is not None:
            request = dict(request, image=image.description())
            with image.kept():
                _write(engine, image, blocks, progress)
        answer = json.loads(engine.ask(job, json.dumps(request), blocks, progress or (lambda done, doing: False)))
    finally:
        for block in blocks:
            engine.release(block)
    if "error" in answer:
        raise EngineError(answer["error"], answer["kind"], answer.get("details", ""))
    if temporary is not None:
        temporary += answer.get("temporary", [])
    return answer["result"]


def _write(engine, image, blocks, progress):
    """Write the pixels into blocks of memory, and append the blocks to the list."""
    engine.require_room(image.frame_bytes * image.frames)
    for first, count in image.portions(LARGEST_BLOCK):
        block = engine.block(image.frame_bytes * count)
        blocks.append(block)
        image.write(engine.buffer(block), first, count)
        if progress and progress(0, "reading the movie"):
            raise EngineError("cancelled", "cancelled")


def is_inside_python():
    """Return whether Python started this JVM; it must not be ended from here then."""
    try:
        Class.forName("org.jpype.JPypeContext")
        return True
    except ClassNotFoundException:
        return False


class _Report(BiFunction):
    """The function that the engine in this process calls with progress; it returns true to stop the engine."""

    def __init__(self, progress):
        self.progress = progress

    def apply(self, done, doing):
        return bool(self.progress(done, doing))


class _EngineHere(object):
    """The engine in this process: a function from a map to a JSON text."""

    def __init__(self, function):
        self.function = function

    @staticmethod
    def find():
        function = System.getProperties().get(ENGINE_HERE)
        return _EngineHere(function) if function is not None else None

    def require_room(self, size):
        pass

    def block(self, size):
        block = self.function.apply(_map(allocate=size))
        if block is None:
            raise EngineError("The computer's memory is full: close other programs, or crop the movie.")
        return block

    def buffer(self, block):
        return block

    def release(self, block):
        self.function.apply(_map(release=block))

    def ask(self, job, request, blocks, progress):
        return self.function.apply(_map(job=job, request=request, blocks=ArrayList(blocks), report=_Report(progress)))


class _Updates(Consumer):
    """Receives a task's events on Appose's thread; the script's thread reads them."""

    def __init__(self):
        self.queue, self.started, self.ended = ConcurrentLinkedQueue(), False, False

    def accept(self, event):
        kind = str(event.responseType)
        self.started = self.started or kind != "CRASH"
        if event.message is not None:
            self.queue.add((event.current / 1000.0, event.message))
        self.ended = self.ended or kind in ENDS


class _Worker(object):
    """A Python process with Appose's protocol on its standard input and output."""

    def __init__(self, service, python, version):
        self.service, self.python, self.version = service, python, version

    @staticmethod
    def find():
        try:
            python, version = engine_python()
        except NoPython as missing:
            python, version = _asked_for(missing)
        return _Worker(running_worker(python), python, version)

    def require_room(self, size):
        """Check the shared memory first: on Linux, writing into more than there is ends the JVM."""
        place = File("/dev/shm")
        if place.isDirectory() and place.getUsableSpace() < size + SPARE_MEMORY:
            raise EngineError("The movie needs %d MB of shared memory, but %s has %d MB left: crop the movie, give its "
                              "file as input in a macro, or make %s larger."
                              % (size >> 20, place, place.getUsableSpace() >> 20, place), "input")

    def block(self, size):
        NDArray, _ = appose()
        self.require_room(size)
        try:
            return NDArray(NDArray.DType.UINT8, NDArray.Shape(NDArray.Shape.Order.C_ORDER, [size]))
        except JavaException as error:
            raise EngineError("Shared memory of %d MB could not be allocated (%s): close other programs, or crop the movie."
                              % (size >> 20, error.getMessage()))

    def buffer(self, block):
        return block.buffer()

    def release(self, block):
        block.close()

    def ask(self, job, request, blocks, progress):
        task = self.service.task(TASK, _map(job=job, request=request, blocks=ArrayList(blocks), version=self.version))
        updates = _Updates()
        try:
            task.listen(updates)
            task.start()
        except IllegalStateException:
            # The process ended since the task was made, and Appose has already marked the task as crashed.
            self.service.waitFor()
        self._wait(task, updates, progress)
        status = str(task.status)
        if status == "COMPLETE" and task.outputs.get("version") == self.version:
            return task.outputs.get("answer")
        forget(self.service)
        if status == "COMPLETE":
            self.service.close()
            raise EngineError("This Fiji has the scripts of EpiFiji %s, but its Python %s has EpiFiji %s: run 'epifiji "
                              "install-fiji' with the folder of this Fiji from there, and start Fiji again."
                              % (self.version, self.python, task.outputs.get("version")))
        if status == "FAILED":
            self.service.close()
            raise EngineError("EpiFiji's engine does not match these scripts (%s): %s." % (_last_line(task.error), how_to_repair()),
                              details=task.error)
        raise EngineError(self._why_it_ended(updates.started), details="\n".join(self.service.errorLines()))

    def _why_it_ended(self, started):
        """Return a sentence on why the worker ended; started: whether it had started the task."""
        code = self.service.waitFor()
        message = _last_line("\n".join(self.service.errorLines())) or "without a message"
        if not started:
            return "The Python %s did not start EpiFiji's engine (%s): %s." % (self.python, message, how_to_repair())
        return ("EpiFiji's engine ended during its work (%s); memory may have been full: close other programs or crop "
                "the movie, and try again." % ("signal %d" % (code - SIGNALLED) if code > SIGNALLED else message))

    def _wait(self, task, updates, progress):
        """Wait for the task's end and pass on its progress.

        If a cancelled task does not stop, its process is killed.
        """
        done, doing, deadline = 0.0, "starting the engine", None
        # NB: the task's status cannot be used here, because Appose sets it before the outputs.
        while not updates.ended:
            if not self.service.isAlive():
                # Appose does not report this to a task that started too late.
                self.service.waitFor()
                return
            Thread.sleep(POLL_MS)
            while not updates.queue.isEmpty():
                done, doing = updates.queue.poll()
            if deadline is None and progress(done, doing):
                deadline = System.currentTimeMillis() + CANCEL_TIMEOUT_MS
                task.cancel()
            if deadline is not None and System.currentTimeMillis() > deadline:
                forget(self.service)
                self.service.kill()
                self.service.waitFor()
                raise EngineError("cancelled", "cancelled")


def _map(**values):
    result = HashMap()
    for key, value in values.items():
        result.put(key, value)
    return result


def _asked_for(missing):
    """Ask the user for a Python, if this Fiji has windows and can set one up; else raise the error."""
    if own_setup() is None or GraphicsEnvironment.isHeadless():
        raise missing
    from epifiji_client.engine.setup.window import ask
    ask(None if missing.is_first else missing.sentence)
    return engine_python()


def _last_line(text):
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
