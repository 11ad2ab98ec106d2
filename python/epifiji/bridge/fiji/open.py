"""Fiji opened from Python in the same process as the engine: for Python code, for a macro, or until its window is closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from epifiji.bridge.fiji.manifest import installed_python
from epifiji.bridge.imagej import ImageJ, start_imagej
from epifiji.bridge.imagej.host import fiji_folder
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.data.progress import Report, silent


def open_imagej(fiji: str | Path | None = None, headless: bool = True, report: Report = silent) -> ImageJ:
    """Start ImageJ in this process with the engine inside, or return the one that was started before.

    Parameters
    ----------
    fiji
        A Fiji folder, or a Maven coordinate such as ``sc.fiji:fiji``; pyimagej opens both. Default: the embedded
        ImageJ, which needs only this package and, for its first start, the internet.
    headless
        Whether ImageJ runs without a window.
    report
        Receives the progress of downloading Java libraries at the first start.

    Raises
    ------
    WrongInputError
        If this process runs another ImageJ already (a process can start only one JVM), `fiji` is not a Fiji folder, or
        a window is requested but cannot be opened.
    ImageJError
        If there is no suitable Java, the libraries cannot be downloaded, or ImageJ does not start.
    """
    from epifiji.bridge.fiji.requests.answer import answer

    return start_imagej(fiji, headless, report, answer)


def run_fiji(
    fiji: Path | None,
    headless: bool,
    macro: Path | None,
    argument: str,
    report: Report = silent,
    movies: Sequence[Path] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Open ImageJ with the engine inside, run the macro if there is one, and wait until the window is closed.

    Parameters
    ----------
    fiji
        A Fiji folder into which EpiFiji was installed. Default: the embedded ImageJ.
    headless
        Whether to open no window, and to end after the macro.
    macro, argument
        The file of an IJ macro, and the text that its ``getArgument()`` returns.
    movies
        Images that ImageJ opens first, as File > Open does. The last one is the active image when the macro starts.
    report
        Receives the progress of downloading Java libraries at the first start.
    say
        Receives the value that the macro returns, if any. It is called before the window is closed, because Fiji ends
        the process then.

    Raises
    ------
    WrongInputError
        If `fiji` is not a Fiji folder or EpiFiji is not installed in it, a file cannot be read, or `headless` is True
        and there is no macro.
    ImageJError
        If ImageJ does not start or the macro fails.
    """
    if headless and macro is None:
        raise WrongInputError("Without a window there is nothing to do but to run a macro: give --macro FILE too.")
    if fiji is not None and installed_python(fiji_folder(fiji))[0] is None:
        raise WrongInputError(f"{fiji} has no EpiFiji in it: run 'epifiji install-fiji' with this folder first.")
    code = "".join(map(_opening, movies)) + (_read(macro) if macro is not None else "")
    imagej = open_imagej(fiji, headless, report)
    try:
        value = imagej.run_macro(code, argument) if code else ""
    except ImageJError as error:
        imagej.log(str(error))
        imagej.wait_until_closed(failure=str(error))
        raise
    if value:
        say(value)
    imagej.wait_until_closed()


def _opening(movie: Path) -> str:
    """Return macro code that opens a file. It adds no line, so that the line numbers in error messages are right."""
    if not movie.is_file():
        raise WrongInputError(f"{movie} is no file, but a movie is to be opened: check the path.")
    # ImageJ's working folder may be another one.
    path = str(movie.absolute()).replace("\\", "\\\\").replace('"', '\\"')
    return f'open("{path}"); '


def _read(macro: Path) -> str:
    try:
        # The encoding that ImageJ uses for macros.
        return macro.read_text(encoding="iso-8859-1")
    except OSError as error:
        raise WrongInputError(f"The macro {macro} cannot be read ({error.strerror}): check the path.") from None
