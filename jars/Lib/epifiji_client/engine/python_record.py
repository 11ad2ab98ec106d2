"""The Python that runs EpiFiji's engine: what is recorded of it in this Fiji, and where it is set up (Jython 2.7).

A *place* is a folder for Pythons that were set up from Fiji, one of each version of EpiFiji, or two if it has a graphics card:

    0.1.0/complete.json     written last: without it, nothing else of this version is used
    0.1.0/python-.../       the environment of Python
    0.1.0/log.txt           what the set-up did
    0.1.0-gpu/              the same with packages for a graphics card
    wheels/, cache/         packages of a set-up that is not complete yet
    uv/, python/            the program that builds environments, and the Pythons that it downloaded

Several Fijis may share a place. The record jars/epifiji/python.json has the Python that this Fiji uses.
"""
import io
import json
import os
import sys

from java.io import File
from java.nio.file import Files, StandardCopyOption

from epifiji_client.engine.errors import EngineError

INSTALL_AGAIN = (
    "install EpiFiji in a Python of version 3.11 to 3.13 and run 'epifiji install-fiji' with the folder of this Fiji from there"
)
SET_UP = "Plugins > EpiFiji > Engine > EpiFiji's Python... sets it up"
FOR_CARD = "-gpu"
UNPACK_AGAIN = "unpack EpiFiji's archive over this Fiji again"


class NoPython(EngineError):
    """There is no Python for the engine; Fiji can set one up if it was installed from the archive.

    is_first tells whether there was none before.
    """

    is_first = False


def records():
    """Return the folder of EpiFiji's records in this Fiji, as a text: jars/epifiji, beside jars/Lib."""
    here = __file__ if isinstance(__file__, unicode) else __file__.decode(sys.getfilesystemencoding() or "utf-8")
    package = File(here).getAbsoluteFile().getParentFile().getParentFile()
    return package.getParentFile().getParentFile().getPath() + File.separator + "epifiji"


def record_file(name):
    return os.path.join(records(), name)


def read_json(path):
    """Read a JSON file; None if there is none that can be read."""
    try:
        with io.open(path, encoding="utf-8") as file:
            return json.load(file)
    except (IOError, OSError, ValueError):
        return None


def write_json(path, value):
    """Write a JSON file in one step: it is complete whenever the process ends."""
    partial = path + ".partial"
    with io.open(partial, "w", encoding="utf-8") as file:
        file.write(unicode(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)) + u"\n")
    Files.move(File(partial).toPath(), File(path).toPath(), [StandardCopyOption.REPLACE_EXISTING])


def how_to_repair():
    """Return what to do if the Python of the engine does not work."""
    return INSTALL_AGAIN if own_setup() is None else "Plugins > EpiFiji > Engine > EpiFiji's Python... repairs it"


def own_setup():
    """Return what the archive says about this EpiFiji: epifiji, its version, and wheel and its sha256; None without archive."""
    return read_json(record_file("setup.json"))


def default_place():
    return os.path.join(File(records()).getParentFile().getParent(), "epifiji")


def known_place():
    """Return the place that this Fiji uses; by default a folder in Fiji's own."""
    return (read_json(record_file("python.json")) or {}).get("folder") or default_place()


def complete(place, version, gpu=False):
    """Return the record of a Python that was set up completely for a version of EpiFiji; None if there is none."""
    folder = os.path.join(place, version + (FOR_CARD if gpu else ""))
    found = read_json(os.path.join(folder, "complete.json"))
    if not isinstance(found, dict) or not File(folder, found.get("python", "")).isFile():
        return None
    return dict(found, python=os.path.join(folder, found["python"]), gpu=gpu)


def use(python, python_version, version, place=None, gpu=False):
    """Record the Python that this Fiji uses."""
    value = {"python": python, "python_version": python_version, "epifiji_version": version}
    if gpu:
        value["gpu"] = True
    try:
        write_json(record_file("python.json"), dict(value, folder=place) if place else value)
    except (IOError, OSError, Exception) as error:
        raise EngineError("%s cannot be written (%s): get permission to write into Fiji's folder, or move Fiji into a folder of "
                          "your own." % (record_file("python.json"), error), "input")


def is_for_card():
    """Return whether the Python that this Fiji uses was set up for a graphics card."""
    return bool((read_json(record_file("python.json")) or {}).get("gpu"))


def forget():
    """Remove the record of the Python that this Fiji uses."""
    File(record_file("python.json")).delete()


def engine_python():
    """Return the Python that runs the engine, and its version of EpiFiji.

    Raises NoPython if there is none for this version of EpiFiji.
    """
    record, setup = read_json(record_file("python.json")), own_setup()
    known = isinstance(record, dict) and record.get("python") and record.get("epifiji_version")
    fits = known and (setup is None or record["epifiji_version"] == setup["epifiji"])
    if fits and File(record["python"]).isFile():
        return record["python"], record["epifiji_version"]
    if setup is None:
        if fits:
            raise NoPython("EpiFiji's Python %s no longer exists: %s." % (record["python"], INSTALL_AGAIN))
        raise NoPython("This Fiji has no record of the Python that runs EpiFiji (%s): %s." % (record_file("python.json"), INSTALL_AGAIN))
    for place in (known_place(), default_place()):
        # Packages for a card are only there because a user wanted them.
        found = complete(place, setup["epifiji"], gpu=True) or complete(place, setup["epifiji"])
        if found is not None:
            use(found["python"], found["python_version"], setup["epifiji"], place, found["gpu"])
            return found["python"], setup["epifiji"]
    if fits:
        raise NoPython("EpiFiji's Python %s no longer exists: %s again." % (record["python"], SET_UP), "input")
    if known:
        raise NoPython("This Fiji has EpiFiji %s, but its Python has EpiFiji %s: %s."
                       % (setup["epifiji"], record["epifiji_version"], SET_UP), "input")
    missing = NoPython("This Fiji has no Python that runs EpiFiji yet: %s." % SET_UP, "input")
    missing.is_first = True
    raise missing
