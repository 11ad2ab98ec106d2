"""Fiji opened from Python, with the engine inside: for Python, for a macro, or with its window until it is closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from epifiji.bridge.fiji.manifest import installed_python
from epifiji.bridge.imagej import ImageJ, start_imagej
from epifiji.bridge.imagej.host import fiji_folder
from epifiji.data.errors import ImageJError, WrongInputError
from epifiji.data.progress import Report, silent


def open_imagej(fiji: str | Path | None = None, headless: bool = True, report: Report = silent) -> ImageJ:
    """Start ImageJ in this process with the engine inside, or give the one that was started before.

    Parameters
    ----------
    fiji
        A Fiji folder, or a Maven coordinate such as ``sc.fiji:fiji``, which pyimagej then opens. Without it the embedded
        ImageJ starts, which needs nothing but this package (and, for its first start, the internet).
    headless
        False opens ImageJ's window.
    report
        Told how far the first start's fetching of Java libraries is.

    Raises
    ------
    WrongInputError
        Where this process has an ImageJ of another kind (there is one JVM in a process, for ever), `fiji` is no Fiji, or
        a window is asked for where none can be.
    ImageJError
        Where no Java will do, the libraries cannot be fetched, or ImageJ does not start.
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
    """Open ImageJ with the engine inside, run a macro where one is given, and wait until the window is closed.

    Parameters
    ----------
    fiji
        A Fiji folder into which EpiFiji was installed. Default: the embedded ImageJ.
    headless
        Whether to do without a window, and end with the macro.
    macro, argument
        An IJ macro's file, and what its ``getArgument()`` gives.
    movies
        Images that ImageJ opens first, as its File > Open does; the macro finds the last one active.
    report
        Receives the progress of the first start's fetching of Java libraries.
    say
        Receives what the macro returned, if anything, before the window is closed: a Fiji ends the process then.

    Raises
    ------
    WrongInputError
        Where `fiji` is no Fiji or lacks EpiFiji, the macro cannot be read, or there is nothing to do without a window.
    ImageJError
        Where ImageJ does not start or the macro fails.
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
    """Give the macro code that opens a file, on the macro's first line, so that its line numbers stay."""
    if not movie.is_file():
        raise WrongInputError(f"{movie} is no file, but a movie is to be opened: check the path.")
    # ImageJ runs in another folder.
    path = str(movie.absolute()).replace("\\", "\\\\").replace('"', '\\"')
    return f'open("{path}"); '


def _read(macro: Path) -> str:
    try:
        # ImageJ reads macros so too.
        return macro.read_text(encoding="iso-8859-1")
    except OSError as error:
        raise WrongInputError(f"The macro {macro} cannot be read ({error.strerror}): check the path.") from None
