"""Messages for failures inside ImageJ and the JVM."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from epifiji.data.errors import ImageJError, WrongInputError


@contextmanager
def java_errors(doing: str) -> Iterator[None]:
    """Convert a Java exception in the block to an :class:`ImageJError` that begins with `doing`."""
    import jpype

    try:
        yield
    except (WrongInputError, ImageJError):
        raise
    except jpype.JException as error:
        raise ImageJError(f"{doing} failed: {java_message(error)}.") from error


def java_message(error: BaseException) -> str:
    """Return a Java exception's message, or its class if it has none, without a full stop."""
    import jpype

    if not isinstance(error, jpype.JException):
        return str(error)
    kind = str(error.getClass().getSimpleName())
    if kind == "OutOfMemoryError":
        megabytes = int(jpype.java.lang.Runtime.getRuntime().maxMemory()) // 2**20
        return f"Java's memory of {megabytes} MB is full; close images, or give it more with JAVA_TOOL_OPTIONS=-Xmx8g"
    message = str(error.getMessage() or "").strip().rstrip(".")
    return message if kind in ("RuntimeException", "Exception") and message else f"{kind}: {message}".rstrip(": ")
