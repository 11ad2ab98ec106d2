"""The interface to a running ImageJ, embedded or Fiji, for the other parts of EpiFiji."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from epifiji.bridge.imagej import images, rois, scripts
from epifiji.bridge.imagej.guards import wait_until
from epifiji.bridge.imagej.java import Java
from epifiji.bridge.imagej.menu import OWN_COMMANDS
from epifiji.data.movie import Movie


class ImageJ:
    """A running ImageJ: the embedded one, or the user's Fiji.

    Parameters
    ----------
    context
        The SciJava context. pyimagej's gateway provides it: ``ImageJ(ij.context())`` uses an ImageJ that is already
        running.
    java
        The Java that it runs on, if EpiFiji chose it.
    notices
        Sentences for the user, such as why another Java was not used.

    Attributes
    ----------
    headless
        Whether it has no windows.
    version
        ImageJ's own version, such as ``1.54p``.
    """

    def __init__(self, context: Any, java: Java | None = None, notices: tuple[str, ...] = ()) -> None:
        from scyjava import jimport

        self.context = context
        self.java = java
        self.notices = notices
        self.headless = bool(jimport("java.awt.GraphicsEnvironment").isHeadless())
        self.version = str(jimport("ij.IJ").getVersion())

    def log(self, text: str) -> None:
        """Show a text in ImageJ's log; without a window nothing happens."""
        from scyjava import jimport

        if not self.headless:
            jimport("ij.IJ").log(text)

    def wait_until_closed(self, failure: str | None = None) -> None:
        """Wait until the user closes ImageJ's window; return at once if it has none.

        Fiji ends the process with exit code 0 when its window is closed, and this method does not return.

        Parameters
        ----------
        failure
            A sentence about an earlier failure. A Fiji's process then ends with this on standard error and exit code 1.
        """
        from scyjava import jimport

        if not self.headless:
            ends_process = jimport("java.lang.System").getProperty(OWN_COMMANDS) is None
            wait_until(lambda: jimport("ij.IJ").getInstance() is None, failure, ends_process)

    def run_macro(self, code: str, argument: str = "") -> str:
        """Run the code of an IJ macro.

        Parameters
        ----------
        code
            The macro.
        argument
            The text that its ``getArgument()`` returns.

        Returns
        -------
        str
            What the macro returns; empty if it returns nothing.

        Raises
        ------
        ImageJError
            If ImageJ reports an error, the macro ends with ``exit("why")`` or a command calls ``IJ.error``. Errors that
            ImageJ's commands do not report, such as a filter with an invalid number, cannot be detected.
        """
        return scripts.run_macro(code, argument, self.headless)

    def run_script(self, script: str | Path, /, **parameters: Any) -> dict[str, Any]:
        """Run a Jython script with ``#@`` parameters.

        Parameters
        ----------
        script
            A path that ends in ``.py``, or the code itself.
        **parameters
            Values of its parameters by name. Others have the script's default, never a value of an earlier run.

        Returns
        -------
        dict
            The script's ``#@output`` values by name: strings, numbers and their lists as Python objects, others as Java
            objects.

        Raises
        ------
        WrongInputError
            For a file that cannot be read, an unknown parameter, a missing one, or a value of another type.
        ImageJError
            If the script raises; Jython's traceback is in the exception's notes.
        """
        return scripts.run_script(self.context, script, parameters)

    def to_imageplus(self, movie: Movie) -> Any:
        """Copy a movie into an ``ij.ImagePlus``, which is not shown yet.

        Frames become T; pixel size (µm), frame interval (s) and name are kept. uint8, uint16 and float32 keep their
        type. Other types are converted to the smallest of these three that keeps every value. If none does, the pixels
        become float32, and a warning in the log and the image's property ``EpiFiji`` report this.

        Raises
        ------
        ImageJError
            If Java's memory is too small.
        """
        return images.to_imageplus(movie)

    def to_movie(self, image: Any) -> Movie:
        """Copy an ``ij.ImagePlus`` of 8, 16 or 32 bit into a movie (T, Y, X); virtual stacks too.

        The slices (Z) of a stack with one time point are taken as frames, which a notice of the movie reports.

        Raises
        ------
        WrongInputError
            For colours, several channels, Z and T at once, or fewer frames than a movie has.
        """
        return images.to_movie(image)

    def show_rois(self, image: Any, zips: Iterable[str | Path]) -> int:
        """Show the ROIs of zips with their names, positions and colours, in addition to those already shown.

        With a window the image is shown and the ROIs are appended to the ROI Manager. Without a window there is no
        manager, and they are added to the image's overlay.

        Returns
        -------
        int
            The number of ROIs.

        Raises
        ------
        WrongInputError
            If a file is not a zip of ImageJ ROIs; nothing is shown then.
        """
        return rois.show_rois(image, zips, self.headless)

    def save_tiff(self, image: Any, path: str | Path) -> None:
        """Write an image of one channel with its ROIs as an ImageJ TIFF; a file of that name is replaced.

        Raises
        ------
        WrongInputError
            If the folder does not exist.
        ImageJError
            If the file cannot be written.
        """
        images.save_tiff(image, Path(path))

    def save_picture(self, image: Any, frame: int, path: str | Path) -> None:
        """Draw one frame (0-based) of an image of one channel with its ROIs, as ImageJ's Flatten does, and write it as PNG.

        The image is not changed; a file of that name is replaced.

        Raises
        ------
        WrongInputError
            If there is no such frame or no such folder.
        ImageJError
            If the file cannot be written.
        """
        images.save_picture(image, frame, Path(path))
