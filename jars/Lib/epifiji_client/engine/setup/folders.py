"""Folders of a set-up: a lock for one set-up at a time, and folders that are made, measured and deleted (Jython 2.7)."""
import os

from java.io import File, IOException, RandomAccessFile
from java.nio.channels import OverlappingFileLockException
from java.nio.file import Files

from epifiji_client.engine.errors import EngineError
from epifiji_client.engine.setup.downloads import NO_PERMISSION, written_why


class Lock(object):
    """A lock on a file, which ends with the process: two Fijis must not set up the same place at once."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        try:
            self.file = RandomAccessFile(self.path, "rw")
        except IOException as error:
            raise EngineError(written_why(error.getMessage() or "", os.path.dirname(self.path)) or NO_PERMISSION % os.path.dirname(self.path), "input")
        try:
            held = self.file.getChannel().tryLock()
        except OverlappingFileLockException:
            held = None
        if held is None:
            self.file.close()
            raise EngineError("Another Fiji sets up EpiFiji's Python in %s at this moment: wait until it is complete, and try again."
                              % os.path.dirname(self.path), "input")

    def __exit__(self, *error):
        self.file.close()


def make(folder):
    """Make a folder that can be written."""
    try:
        Files.createDirectories(File(folder).toPath(), [])
    except IOException as error:
        raise EngineError(written_why(error.getMessage() or "", folder) or NO_PERMISSION % folder, "input")
    if not Files.isWritable(File(folder).toPath()):
        raise EngineError(NO_PERMISSION % folder, "input")
    return folder


def size_of(place):
    return sum(size_of(child) for child in place.listFiles() or []) if place.isDirectory() else place.length()


def delete(place):
    """Delete a file or folder; links are not followed. What cannot be deleted stays."""
    if place.isDirectory() and not Files.isSymbolicLink(place.toPath()):
        for child in place.listFiles() or []:
            delete(child)
    place.delete()
