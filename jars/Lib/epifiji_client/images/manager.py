"""ImageJ's ROI Manager, of which two threads at once would make a broken one, or mix up its list (Jython 2.7)."""
from contextlib import contextmanager

from ij.plugin.frame import RoiManager
from java.awt import GraphicsEnvironment
from java.lang import System
from java.util.concurrent.locks import ReentrantLock

LOCK = "epifiji.roi_manager"
"""The property of the JVM with the lock. Not all scripts share modules."""


@contextmanager
def managing():
    """Keep other commands and navigators from the ROI Manager during the block. Never use it on the event thread."""
    with locked(LOCK):
        yield


def roi_manager():
    """Return the ROI Manager, which is opened if it is not open."""
    with managing():
        return RoiManager.getRoiManager()


def open_manager():
    """Return the ROI Manager if it is open, else None; without a window it never is."""
    if GraphicsEnvironment.isHeadless():
        return None
    with managing():
        return RoiManager.getInstance()


@contextmanager
def locked(name):
    """Keep other threads, of any script, out of blocks with this name."""
    properties = System.getProperties()
    properties.putIfAbsent(name, ReentrantLock())
    lock = properties.get(name)
    lock.lock()
    try:
        yield
    finally:
        lock.unlock()
