"""The graphics card that the engine could use, if this computer has one (Jython 2.7)."""
import io
import os

from java.io import File

CARDS = "/proc/driver/nvidia/gpus"
"""Where NVIDIA's driver describes its cards on Linux, a folder for each."""

IN_WINDOWS = "/usr/lib/wsl/lib/nvidia-smi"
"""Linux inside Windows has this program of Windows's driver, and no description of the card."""


def graphics_card():
    """Return the name of an NVIDIA card of this Linux; None if there is none."""
    for name in sorted(File(CARDS).list() or []):
        try:
            with io.open(os.path.join(CARDS, name, "information"), encoding="utf-8", errors="replace") as file:
                lines = dict(line.split(u":", 1) for line in file if u":" in line)
        except (IOError, OSError):
            continue
        return lines.get(u"Model", u"NVIDIA").strip()
    return "NVIDIA" if File(IN_WINDOWS).isFile() else None
