"""What a user is told when something ends an EpiFiji command, whichever way it was asked."""

from __future__ import annotations

import errno
import os
from typing import Literal

from epifiji.data.errors import CancelledError, ImageJError, WrongInputError
from epifiji.data.interrupts import Interrupted

Kind = Literal["input", "cancelled", "failure"]
EXIT_CODES: dict[Kind, int] = {"input": 2, "cancelled": 130, "failure": 1}
UNFORESEEN = "something went wrong inside"

FREE_SPACE = "the disk is full", "free some space there, or choose a folder on another disk"
QUOTA = "your share of the disk is used up", FREE_SPACE[1]
NO_RIGHT = "you may not read or write there", "see to the right to read and write there, or choose another folder"
IN_USE = "another program has it open", "close it there, and try again"
REASONS = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: QUOTA,
    errno.EACCES: NO_RIGHT,
    errno.EPERM: NO_RIGHT,
    errno.EROFS: ("the disk is read-only", "choose a folder on another disk"),
    errno.EBUSY: IN_USE,
    errno.ETXTBSY: IN_USE,
    errno.ENAMETOOLONG: ("the name is too long for the disk", "shorten the names of the movie and its folders"),
    errno.EFBIG: ("neither the disk nor your account allows a file so large", "choose a folder on another disk"),
    errno.ENOENT: ("it is not there", "check the path, and whether its disk is connected"),
    errno.ENOTDIR: ("a part of its path is a file", "check the path"),
    errno.EISDIR: ("it is a folder", "move the folder away, or give another name"),
    errno.ELOOP: ("its links lead in a circle", "give the file or the folder itself"),
    errno.EINVAL: ("the disk does not take the name or the place", "give another name"),
    errno.EILSEQ: ("the disk does not take the letters of the name", "give another name"),
}
"""What a user can mend: why a file could not be read or written, and what to do."""

IN_USE_ON_WINDOWS = (32, 33)

FULL_MEMORY = {"tensorflow.ResourceExhaustedError"}
BROKEN = "a file is damaged, or of another kind than its name says ({said}): get it again, or save it anew."
LOST = "the connection to dask's workers was lost ({said}): see whether they run, and try again."
DAMAGED = {
    "zipfile.BadZipFile",
    "zlib.error",
    "_lzma.LZMAError",
    "struct.error",
    "_csv.Error",
    "json.JSONDecodeError",
    "builtins.UnicodeDecodeError",
    "builtins.EOFError",
    "tifffile.TiffFileError",
    "PIL.UnidentifiedImageError",
}
"""What readers of files raise and should have said in their own words, with the file's name."""

LOST_WORKERS = {"distributed.CommClosedError", "distributed.KilledWorker", "distributed.FutureCancelledError"}


def told(error: BaseException) -> tuple[str, Kind]:
    """Give the sentence that tells of an exception, and whether it is the input's fault, the user's wish or a failure."""
    match error:
        case WrongInputError():
            return str(error), "input"
        case CancelledError() | Interrupted() | KeyboardInterrupt():
            return f"cancelled; {str(error) or 'nothing was left behind.'}", "cancelled"
        case ImageJError():
            return str(error), "failure"
        case OSError():
            return _of_the_system(error)
        case RuntimeError() if str(error).startswith("Symlink loop"):
            return f"a link leads to itself ({_said(error)}): give the file or the folder itself.", "input"
    return _of_a_library(error)


def _of_the_system(error: OSError) -> tuple[str, Kind]:
    """Tell of what the operating system refused."""
    if isinstance(error, TimeoutError | ConnectionError):
        return f"a connection ended or did not answer ({_said(error)}): check the network, and try again.", "failure"
    kinds = _kinds(error)
    if kinds & LOST_WORKERS:
        return LOST.format(said=_said(error)), "failure"
    if kinds & DAMAGED:
        return BROKEN.format(said=_said(error)), "input"
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "a file"
    known = IN_USE if getattr(error, "winerror", None) in IN_USE_ON_WINDOWS else REASONS.get(error.errno or 0)
    reason = error.strerror or _said(error)
    if known is None:
        return f"{name} could not be read or written ({reason}): check the path and the disk, and try again.", "failure"
    return f"{name} could not be read or written ({reason}): {known[0]}; {known[1]}.", "input"


def _of_a_library(error: BaseException) -> tuple[str, Kind]:
    """Tell of what a library raised that its caller should have said in its own words."""
    kinds = _kinds(error)
    sentence, kind = f"{UNFORESEEN} ({type(error).__name__}: {_said(error)}).", "failure"
    if isinstance(error, ModuleNotFoundError):
        sentence = (
            f"the package {error.name} is missing in this Python, or in part: install EpiFiji again with 'pip install "
            "--force-reinstall epifiji'."
        )
    elif isinstance(error, MemoryError) or kinds & FULL_MEMORY:
        sentence = "the computer's memory is full: close other programs, or crop the movie."
    elif kinds & DAMAGED:
        sentence, kind = BROKEN.format(said=_said(error)), "input"
    elif kinds & LOST_WORKERS:
        sentence = LOST.format(said=_said(error))
    return sentence, "input" if kind == "input" else "failure"


def _kinds(error: BaseException) -> set[str]:
    """Name an exception's classes with the package that they are of, so that none has to be imported for it."""
    return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}


def _said(error: BaseException) -> str:
    """Give what an exception says, in one line; its kind where it says nothing."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
