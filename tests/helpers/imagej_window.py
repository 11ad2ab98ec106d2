"""The main window of ImageJ in a process with windows: its commands, status line, ROI Manager and last error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop import wait_for


def start_command(label: str) -> None:
    """Start a command as its menu item does: on a thread of its own."""
    from scyjava import jimport

    jimport("ij.Executer")(label, None)


def runnable(do: Callable[[], object]) -> Any:
    """Make Java's Runnable of a function."""
    from jpype import JImplements, JOverride

    @JImplements("java.lang.Runnable")
    class Run:
        @JOverride
        def run(self) -> None:
            do()

    return Run()


def on_event_thread(do: Callable[[], object]) -> None:
    """Call a function on the thread that shows and changes Swing's parts, and wait for it."""
    from scyjava import jimport

    jimport("javax.swing.SwingUtilities").invokeAndWait(runnable(do))


def manager() -> Any:
    from scyjava import jimport

    return jimport("ij.plugin.frame.RoiManager").getRoiManager()


def status() -> str:
    """Return the text of ImageJ's status line, for which there is no public method."""
    from scyjava import jimport

    panel = jimport("ij.IJ").getInstance().getStatusBar()
    labels = [part for part in panel.getComponents() if hasattr(part, "getText")]
    return " ".join(str(label.getText()) for label in labels)


def shown_titles() -> list[str]:
    """Return the titles of all visible windows, dialogs too; unlike ImageJ's list, also while windows are being closed."""
    from scyjava import jimport

    return [str(getattr(w, "getTitle", str)()) for w in jimport("java.awt.Window").getWindows() if w.isShowing()]


def clear_status() -> None:
    """Remove what an earlier command left in the status line, which would look like the progress of the next one."""
    from scyjava import jimport

    jimport("ij.IJ").showStatus("")
    wait_for("an empty status line", lambda: "(Esc cancels)" not in status())


def wait_for_the_macro() -> None:
    """Wait for the end of the macro that runs, also for ImageJ to have noticed it.

    After Escape, ImageJ's event thread looks every 5 ms whether no macro runs any more, and kills all macros after two
    seconds. A macro that is started between two looks is killed with them; a user cannot be so quick.
    """
    from scyjava import jimport

    wait_for("the macro's end", lambda: jimport("ij.macro.Interpreter").getInstance() is None)
    on_event_thread(lambda: None)


def error() -> str:
    """Return the error message of the last command, which macros can read."""
    from scyjava import jimport

    return str(jimport("java.lang.System").getProperty("epifiji.error", ""))
