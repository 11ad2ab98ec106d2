"""ImageJ in this process: the only part of EpiFiji that imports pyimagej, scyjava and JPype."""

from epifiji.bridge.imagej.errors import ImageJError
from epifiji.bridge.imagej.gateway import ImageJ
from epifiji.bridge.imagej.host import start_imagej

__all__ = ["ImageJ", "ImageJError", "start_imagej"]
