"""The sentence that a user sees when an exception ends an EpiFiji command, on the command line and in Fiji alike."""

from __future__ import annotations

import errno
import os
from typing import Literal

from epifiji.data.errors import CancelledError, ImageJError, WrongInputError
from epifiji.data.interrupts import Interrupted

Kind = Literal["input", "cancelled", "failure"]
EXIT_CODES: dict[Kind, int] = {"input": 2, "cancelled": 130, "failure": 1}
UNEXPECTED = "something went wrong inside"

FREE_SPACE = "the disk is full", "free some space there, or choose a folder on another disk"
QUOTA = "your share of the disk is used up", FREE_SPACE[1]
NO_PERMISSION = "you may not read or write there", "get permission to read and write there, or choose another folder"
IN_USE = "another program has it open", "close it there, and try again"
REASONS = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: QUOTA,
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: ("the disk is read-only", "choose a folder on another disk"),
    errno.EBUSY: IN_USE,
    errno.ETXTBSY: IN_USE,
    errno.ENAMETOOLONG: ("the name is too long for the disk", "shorten the names of the movie and its folders"),
    errno.EFBIG: ("neither the disk nor your account allows a file so large", "choose a folder on another disk"),
    errno.ENOENT: ("it does not exist", "check the path, and whether its disk is connected"),
    errno.ENOTDIR: ("a part of its path is a file", "check the path"),
    errno.EISDIR: ("it is a folder", "move the folder away, or give another name"),
    errno.ELOOP: ("its links lead in a circle", "give the file or the folder itself"),
    errno.EINVAL: ("the disk does not accept the name or the place", "give another name"),
    errno.EILSEQ: ("the disk does not accept the characters of the name", "give another name"),
}
"""Errors that a user can correct: why a file could not be read or written, and what to do."""

IN_USE_ON_WINDOWS = (32, 33)

FULL_MEMORY = {"tensorflow.ResourceExhaustedError"}
BROKEN = "a file is damaged, or of another kind than its name says ({reason}): get it again, or save it again."
LOST = "the connection to dask's workers was lost ({reason}): check whether they run, and try again."
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
"""Exceptions of file readers. A job should catch them and name the file; this is the fallback."""

LOST_WORKERS = {"distributed.CommClosedError", "distributed.KilledWorker", "distributed.FutureCancelledError"}


def describe_failure(error: BaseException) -> tuple[str, Kind]:
    """Describe an exception for the user.

    Returns
    -------
    str
        One sentence: what happened, and what to do.
    Kind
        ``input`` if the user can correct it, ``cancelled`` if the user cancelled, otherwise ``failure``.
    """
    match error:
        case WrongInputError():
            return str(error), "input"
        case CancelledError() | Interrupted() | KeyboardInterrupt():
            return f"cancelled; {str(error) or 'nothing was left behind.'}", "cancelled"
        case ImageJError():
            return str(error), "failure"
        case OSError():
            return _describe_system_error(error)
        case RuntimeError() if str(error).startswith("Symlink loop"):
            return f"a link leads to itself ({_message(error)}): give the file or the folder itself.", "input"
    return _describe_library_error(error)


def _describe_system_error(error: OSError) -> tuple[str, Kind]:
    if isinstance(error, TimeoutError | ConnectionError):
        return f"a connection ended or did not answer ({_message(error)}): check the network, and try again.", "failure"
    kinds = _class_names(error)
    if kinds & LOST_WORKERS:
        return LOST.format(reason=_message(error)), "failure"
    if kinds & DAMAGED:
        return BROKEN.format(reason=_message(error)), "input"
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "a file"
    known = IN_USE if getattr(error, "winerror", None) in IN_USE_ON_WINDOWS else REASONS.get(error.errno or 0)
    reason = error.strerror or _message(error)
    if known is None:
        return f"{name} could not be read or written ({reason}): check the path and the disk, and try again.", "failure"
    return f"{name} could not be read or written ({reason}): {known[0]}; {known[1]}.", "input"


def _describe_library_error(error: BaseException) -> tuple[str, Kind]:
    """Describe an exception of a library that its caller did not catch."""
    kinds = _class_names(error)
    sentence, kind = f"{UNEXPECTED} ({type(error).__name__}: {_message(error)}).", "failure"
    if isinstance(error, ModuleNotFoundError):
        sentence = (
            f"the package {error.name} is missing in this Python, or in part: install EpiFiji again with 'pip install "
            "--force-reinstall epifiji'."
        )
    elif isinstance(error, MemoryError) or kinds & FULL_MEMORY:
        sentence = "the computer's memory is full: close other programs, or crop the movie."
    elif kinds & DAMAGED:
        sentence, kind = BROKEN.format(reason=_message(error)), "input"
    elif kinds & LOST_WORKERS:
        sentence = LOST.format(reason=_message(error))
    return sentence, "input" if kind == "input" else "failure"


def _class_names(error: BaseException) -> set[str]:
    """Return the names of an exception's classes with their packages, so that no package has to be imported to compare."""
    return {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}


def _message(error: BaseException) -> str:
    """Return an exception's message in one line, or its class name if it has none."""
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
