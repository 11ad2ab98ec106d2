"""What a user is told when something ends an EpiFiji command, whichever way it was asked."""

from __future__ import annotations

import errno
from typing import Literal

from epifiji.data.errors import CancelledError, ImageJError, WrongInputError

Kind = Literal["input", "cancelled", "failure"]
EXIT_CODES: dict[Kind, int] = {"input": 2, "cancelled": 130, "failure": 1}
UNFORESEEN = "something went wrong inside"

FREE_SPACE = "free some space there, or choose a folder on another disk"
GET_RIGHTS = "see to the right to write there, or choose another folder"
TO_DO = {
    errno.ENOSPC: FREE_SPACE,
    errno.EDQUOT: FREE_SPACE,
    errno.EACCES: GET_RIGHTS,
    errno.EPERM: GET_RIGHTS,
    errno.EROFS: GET_RIGHTS,
}


def told(error: BaseException) -> tuple[str, Kind]:
    """Give the sentence that tells of an exception, and whether it is the input's fault, the user's wish or a failure."""
    match error:
        case WrongInputError():
            return str(error), "input"
        case CancelledError() | KeyboardInterrupt():
            return f"cancelled; {str(error) or 'nothing was left behind.'}", "cancelled"
        case ImageJError():
            return str(error), "failure"
        case OSError():
            name = error.filename or "a file"
            what_to_do = TO_DO.get(error.errno or 0, "check the path and the disk, and try again")
            return f"{name} could not be read or written ({error.strerror or error}): {what_to_do}.", "failure"
        case MemoryError():
            return "the computer's memory is full: close other programs, or crop the movie.", "failure"
    return f"{UNFORESEEN} ({type(error).__name__}: {error}).", "failure"
