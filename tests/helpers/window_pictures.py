"""Every window of the menu's commands and of the review macro, with a picture of each.

See :mod:`jvm` and :mod:`desktop`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from complete_check_checks import boxes_checked
from correct_checks import CORRECT, act, end, open_image, repairs_of, result_of, start
from cysts_checks import with_preview as cysts_segmented
from desktop import close, focus, picture, press, wait_for, windows
from desktop_checks import press_button
from desktop_checks import said as text_of
from dialogs_on_screen import NAME, dialog_texts, open_dialog, pressed
from epifiji.bridge.fiji.commands import COMMANDS
from epifiji.bridge.fiji.dialogs import described
from epifiji.bridge.imagej import ImageJ
from epifiji.files.results.events_table import read_events
from imagej_window import manager, runnable, start_command
from navigator_checks import thresholds_changed_and_undone
from networks_window import networks_managed
from planted_events import opinions_as_measured, write_opinions
from tools_desktop_checks import REVIEW_MACRO, _question, _shown, _to_the_question

FIELD = "wing"
"""Name of the image whose cells are corrected."""

REVIEW, SCORE, ADJUST = "Review Epithelial Events", "Score Events at Random", "Adjust Event Thresholds"
SEGMENT, PREVIEW = "Segment Epithelium", "Preview of Segmentation"
DIALOGS = [label for label in COMMANDS if any(one["page"] != "macro" for one in described(label)["parameters"])]


def slug(label: str) -> str:
    """Return the name of the picture of a command's window."""
    return label.rstrip(".").lower().replace(" ", "_")


def _image(title: str) -> Any:
    from scyjava import jimport

    return jimport("ij.WindowManager").getImage(title)


def _start(image: str, code: str) -> None:
    """Run a macro that waits for a user, on a separate thread."""
    from scyjava import jimport

    jimport("ij.macro.MacroRunner")(f'selectImage("{image}"); {code}')


def dialogs(imagej: ImageJ, folder: Path) -> dict[str, dict[str, list[str]]]:
    """Open the dialog of every command, with its second page, and cancel it."""
    imagej.run_macro(f'open("{folder / NAME}.tif"); run("Set... ", "zoom=200");')
    seen: dict[str, dict[str, list[str]]] = {}
    for label in DIALOGS:
        title = label.rstrip(".")
        start_command(label)
        dialog = wait_for(title, lambda title=title: open_dialog(title))
        focus(title)
        time.sleep(0.3)
        picture(folder / f"{slug(label)}.png", title)
        seen[label] = {"first": dialog_texts(dialog)}
        boxes = [box for box in (dialog.getCheckboxes() or []) if str(box.getLabel()) == "More settings"]
        if boxes:
            boxes[0].setState(True)
            dialog.getButtons()[0].dispatchEvent(pressed(dialog.getButtons()[0]))
            page = wait_for(
                "the second page", lambda t=title, d=dialog: (p := open_dialog(t)) is not None and p != d and p
            )
            focus(title)
            time.sleep(0.3)
            picture(folder / f"{slug(label)}_more.png", title)
            seen[label]["more"] = dialog_texts(page)
            press("Escape")
            # Cancel on the second page returns to the first, with its values.
            first = wait_for(
                "the first page", lambda t=title, d=page: (p := open_dialog(t)) is not None and p != d and p
            )
            focus(title)
            assert dialog_texts(first) == seen[label]["first"], label
            assert next(box for box in first.getCheckboxes() if str(box.getLabel()) == "More settings").getState()
        press("Escape")
        wait_for("the dialog's end", lambda title=title: open_dialog(title) is None)
    return seen


def shown(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Show the windows of opened results, comparisons and plots."""
    from scyjava import jimport

    results, out = folder / f"{NAME}_epifiji", folder / "known_epifiji"
    movie = _image(f"{NAME}.tif")
    imagej.run_macro(
        f'selectImage("{NAME}.tif"); run("Compare Event ROIs...", "detected=[{results}] reference=[{out}] curve");'
    )
    overlay = [str(roi.getName()) for roi in manager().getRoisAsArray()]
    movie.setSlice(FRAME)
    table, curve = f"Comparison of {NAME}", f"{NAME}-curve"
    _front(folder, table, "comparison_table")
    _front(folder, curve, "comparison_curve")
    _front(folder, f"{NAME}.tif", "comparison_movie")
    manager().reset()
    imagej.run_macro(f'selectImage("{NAME}.tif"); run("Plot Event Statistics...", "results=[{results}]");')
    for name in ("rate", "density", "neighbours", "per_cell"):
        _front(folder, f"{NAME}-{name}", f"plot_{name}")
    _front(folder, f"Statistics of {NAME}", "plot_table")
    titles = [str(title) for title in jimport("ij.WindowManager").getImageTitles()]
    for title in titles:
        if title != f"{NAME}.tif":
            _image(title).close()
    imagej.run_macro(f'selectImage("{NAME}.tif"); run("Open Epithelial Events...", "results=[{results}]");')
    _front(folder, f"Events of {NAME}_epifiji", "events_table")
    _place("ROI Manager", 700, 300, (330, 320))
    _front(folder, "ROI Manager", "manager")
    imagej.run_macro(f'selectImage("{NAME}.tif"); run("Show Event Probability Maps...", "results=[{results}]");')
    maps = _image(f"{NAME}-maps")
    maps.setT(FRAME)
    imagej.run_macro('run("Set... ", "zoom=300");')
    _front(folder, f"{NAME}-maps", "maps")
    maps.close()
    imagej.run_macro(f'selectImage("{NAME}.tif"); run("Show Event Gallery...", "results=[{results}] rows=4");')
    gallery = f"{NAME}-gallery"
    _front(folder, gallery, "gallery")
    _image(gallery).close()
    for made, code in {
        "crop": 'run("Crop Movie and Events...", "x=20 y=20 width=110 height=90 first_frame=4 last_frame=26");',
        "rescaled": 'run("Rescale Movie and Events...", "factor_xy=2");',
    }.items():
        imagej.run_macro(f'selectImage("{NAME}.tif"); {code}')
        image = _image(f"{NAME}_{made}")
        imagej.run_macro(f'selectImage("{image.getTitle()}"); run("Set... ", "zoom=200");')
        image.setT(FRAME - 3 if made == "crop" else FRAME)
        _front(folder, str(image.getTitle()), made)
        image.changes = False
        image.close()
    return {"outcomes": overlay, "titles": titles, "sizes": {t: _sizes(t) for t in TABLES}}


FRAME = 10
TABLES = (f"Comparison of {NAME}", f"Statistics of {NAME}", f"Events of {NAME}_epifiji")


def _sizes(title: str) -> dict[str, Any]:
    """Return the width of a table's window, and whether it shows all columns."""
    from scyjava import jimport, jinstance

    window = jimport("ij.WindowManager").getWindow(title)
    bars = [part for part in window.getTextPanel().getComponents() if jinstance(part, "java.awt.Scrollbar")]
    across = [bar for bar in bars if int(bar.getOrientation()) == 0]
    return {
        "width": int(window.getWidth()),
        "hidden": max(int(b.getMaximum()) - int(b.getVisibleAmount()) for b in across),
        "narrow": _narrow_columns(window.getTextPanel()),
    }


def _narrow_columns(panel: Any) -> list[str]:
    """Return the headings of columns that are narrower than one of their cells, whose end the next column then hides."""
    canvas = next(part for part in panel.getComponents() if str(part.getClass().getName()).endswith("TextCanvas"))
    widths, font = _private(panel, "iColWidth"), _private(canvas, "fFont")
    metrics = canvas.getFontMetrics(font)
    headings = str(panel.getColumnHeadings()).split("\t")
    rows = [headings, *(str(panel.getLine(row)).split("\t") for row in range(panel.getLineCount()))]
    return [
        heading
        for i, heading in enumerate(headings)
        if any(int(metrics.stringWidth(row[i])) > int(widths[i]) for row in rows if i < len(row))
    ]


def _private(owner: Any, name: str) -> Any:
    field = owner.getClass().getDeclaredField(name)
    field.setAccessible(True)
    return field.get(owner)


def _is_cut_off(title: str) -> bool:
    """Return whether the screen ends before an image's window does."""
    from scyjava import jimport

    screen = jimport("java.awt.GraphicsEnvironment").getLocalGraphicsEnvironment().getMaximumWindowBounds()
    return not bool(screen.contains(_image(title).getWindow().getBounds()))


def _place(title: str, x: int, y: int, size: tuple[int, int] | None = None) -> None:
    """Move one of ImageJ's windows, and make it large enough for its contents."""
    from scyjava import jimport

    for window in jimport("java.awt.Window").getWindows():
        if window.isVisible() and str(getattr(window, "getTitle", str)()) == title:
            window.setLocation(x, y)
            if size is not None:
                window.setSize(*size)
                window.validate()


def _screen(path: Path) -> None:
    """Save a picture of the screen without the empty parts around the windows."""
    picture(path)
    subprocess.run(["mogrify", "-trim", "+repage", str(path)], check=True)


def _front(folder: Path, title: str, name: str) -> None:
    """Bring a window to the front and save its picture."""
    focus(title)
    _repaint(title)
    time.sleep(0.5)
    picture(folder / f"{name}.png", title)


def _repaint(title: str) -> None:
    """Clear and draw an image's window: ImageJ draws its subtitle over the earlier one where another window covered it."""
    image = _image(title)
    if image is not None:
        image.getWindow().repaint()


def previewed(_: ImageJ, folder: Path) -> bool:
    """Open the preview of a segmentation, and close it."""
    from scyjava import jimport

    jimport("ij.IJ").selectWindow(f"{NAME}.tif")
    start_command(f"{SEGMENT}...")
    wait_for("the dialog", lambda: open_dialog(SEGMENT))
    focus(SEGMENT)
    press("Return")
    wait_for("the preview", lambda: windows(PREVIEW))
    _front(folder, PREVIEW, "segmentation_preview")
    close(PREVIEW)
    return _image(f"{NAME}.tif").getOverlay() is None


def cells_compared(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    """Show the windows of a comparison of cells."""
    imagej.run_macro(
        f'open("{folder / "segmented"}.tif"); open("{folder / "annotated"}.tif"); selectImage("segmented.tif");'
    )
    _start("segmented.tif", 'run("Compare Cells...");')
    dialog = wait_for("the dialog", lambda: open_dialog("Compare Cells"))
    fields = [str(field.getText()) for field in dialog.getStringFields()]
    _front(folder, "Compare Cells", "compare_cells")
    press("Return")
    wait_for("the picture", lambda: _image("annotated_cells"))
    wait_for("the table", lambda: windows("Comparison of cells"))
    cut_off = _is_cut_off("annotated_cells")
    _front(folder, "annotated_cells", "cells_compared")
    _front(folder, "AP over IoU", "cells_curve")
    _front(folder, "Comparison of cells", "cells_table")
    for title in ("annotated_cells", "AP over IoU", "segmented.tif", "annotated.tif"):
        _image(title).close()
    imagej.run_macro('selectWindow("Comparison of cells"); run("Close");')
    return {"fields": fields, "cut off": cut_off}


def navigated(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Show the navigator beside its movie, with some decisions, and other thresholds meanwhile; all of it is undone."""
    from scyjava import jimport

    title, movie = f"Navigator of {NAME}.tif", _image(f"{NAME}.tif")
    # The results of the other checks stay as they are.
    results = Path(shutil.copytree(folder / f"{NAME}_epifiji", folder / "navigated" / f"{NAME}_epifiji"))
    write_opinions(results, opinions_as_measured(read_events(results / "events.csv")))
    _start(f"{NAME}.tif", f'run("Open Epithelial Events...", "results=[{results}] table=false navigator");')
    focus(title)
    time.sleep(1)
    press("y", "n", "y", delay_ms=400)
    jimport("ij.IJ").run(movie, "Set... ", "zoom=300")
    size = movie.getWindow().getSize()
    movie.getWindow().setLocation(20, 100)
    _place(title, 30 + int(size.width), 100)
    for name, shown_title in (("movie", f"{NAME}.tif"), ("window", title)):
        focus(shown_title)
        time.sleep(0.5)
        picture(folder / f"{name}.png", shown_title)
    both = [str(folder / f"{name}.png") for name in ("movie", "window")]
    subprocess.run(["convert", "-background", "white", *both, "+append", str(folder / "navigator.png")], check=True)
    for one in both:
        Path(one).unlink()
    focus(title)
    press("u", "u", delay_ms=400)
    time.sleep(0.5)
    counts = thresholds_changed_and_undone(title, results / "events.csv", results / "review.csv")
    press("u")
    time.sleep(1)
    close(title)
    time.sleep(0.5)
    jimport("ij.IJ").run(movie, "Set... ", "zoom=200")
    return {"review": (results / "review.csv").exists(), "counts": counts}


def scored(_: ImageJ, folder: Path) -> dict[str, Any]:
    """The review as a montage and as a loop, with a missed event being added, its summary, and a score."""
    results = folder / f"{NAME}_epifiji"
    _start(f"{NAME}.tif", f'run("{REVIEW}...", "results=[{results}]");')
    focus(REVIEW)
    time.sleep(1)
    press("y", "y", "n", "Right", "Right")
    time.sleep(1)
    picture(folder / "review.png", REVIEW)
    press("a")
    time.sleep(0.5)
    picture(folder / "review_add.png", REVIEW)
    press("Escape", "Escape")
    wait_for("the summary", lambda: windows(f"Review of {NAME}"))
    _front(folder, f"Review of {NAME}", "review_summary")
    summary = _sizes(f"Review of {NAME}")
    _start(f"{NAME}.tif", f'run("{REVIEW}...", "results=[{results}] loop zoom=6");')
    focus(REVIEW)
    time.sleep(1)
    picture(folder / "review_loop.png", REVIEW)
    press("Escape")
    wait_for("the end", lambda: not windows(REVIEW))
    time.sleep(1)
    _start(f"{NAME}.tif", f'run("{SCORE}...", "results=[{results}] number=4");')
    focus(SCORE)
    time.sleep(1)
    press("y", "n", "y", "y")
    time.sleep(1)
    picture(folder / "score.png", SCORE)
    press("Escape")
    wait_for("the score", lambda: windows(f"Score of {NAME}"))
    _front(folder, f"Score of {NAME}", "score_table")
    return {"summary": summary, "score": _sizes(f"Score of {NAME}")}


def discarded(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Move sliders of one class and discard the change, by the button and by closing the window: nothing is changed."""
    from scyjava import jimport

    movie, results = _image(f"{NAME}.tif"), folder / f"{NAME}_epifiji"
    kept = jimport("ij.gui.Overlay")(jimport("ij.gui.Roi")(1, 1, 5, 5))
    movie.setOverlay(kept)
    files = {file.name: file.read_bytes() for file in results.iterdir() if file.is_file()}
    rois, found = int(manager().getCount()), []
    movie.setProperty("EpiFiji results", str(results))
    for way in ("button", "closed"):
        jimport("ij.IJ").selectWindow(f"{NAME}.tif")
        start_command(f"{ADJUST}...")
        wait_for("the dialog", lambda: open_dialog(ADJUST))
        focus(ADJUST)
        press("Return")
        wait_for("the sliders", lambda: not movie.getOverlay().equals(kept))
        focus(ADJUST)
        time.sleep(1)
        before = int(movie.getOverlay().size())
        press("Down", "Down", "Return", "Tab")
        press(*["Right"] * 130, delay_ms=12)
        wait_for("fewer events", lambda before=before: movie.getOverlay().size() < before)
        others = {str(roi.getStrokeColor()) for roi in movie.getOverlay().toArray()}
        picture(folder / "sliders.png", ADJUST)
        if way == "button":
            press_button("Discard")
        else:
            close(ADJUST)
        wait_for("the end", lambda: not windows(ADJUST))
        wait_for("the overlay of before", lambda: movie.getOverlay() is not None and movie.getOverlay().equals(kept))
        found.append({"before": before, "colours": len(others)})
    after = {file.name: file.read_bytes() for file in results.iterdir() if file.is_file()}
    movie.setOverlay(None)
    return {"ways": found, "files": files == after, "rois": int(manager().getCount()) == rois}


def macro(_: ImageJ, folder: Path) -> dict[str, Any]:
    """Show the review macro's crops and its two questions, which do not cover the crops."""
    from scyjava import jimport

    IJ = jimport("ij.IJ")
    manager().reset()
    IJ.run("Close All")
    for window in jimport("ij.WindowManager").getAllNonImageWindows() or []:
        window.dispose()
    _place("ImageJ", 30, 30)
    argument = f"movie=[{folder / NAME}.tif] rois=[{folder / NAME}_cell_death.zip]"
    thread = jimport("java.lang.Thread")(runnable(lambda: IJ.runMacroFile(str(REVIEW_MACRO), argument)), "Run$_macro")
    thread.start()
    said, hidden = [], []
    total = int(os.environ["EPIFIJI_TEST_DEATHS"])
    wait_for("the first event", lambda: _shown(1, total))
    _to_the_question()
    said.append(text_of(_question()))
    time.sleep(0.5)
    hidden.append(bool(_question().getBounds().intersects(IJ.getImage().getWindow().getBounds())))
    _screen(folder / "macro.png")
    press("y")
    wait_for("the second event", lambda: _shown(2, total))
    _to_the_question()
    press("Escape")
    wait_for("the question after Esc", lambda: (d := _question()) is not None and text_of(d).startswith("Undo"))
    _to_the_question()
    said.append(text_of(_question()))
    _screen(folder / "macro_stop.png")
    press("n")
    wait_for("the end", lambda: "not reviewed" in str(IJ.getLog() or ""))
    thread.join(10_000)
    return {"said": said, "hidden": hidden}


def corrected(_: ImageJ, folder: Path) -> str:
    """A correction of cells: some are corrected, and others still have errors."""
    image = open_image(folder / f"{FIELD}.tif")
    start(image, folder / f"{FIELD}_labels.tif")
    for what, points in repairs_of(folder / f"{FIELD}.tif")[1:4]:
        said = act(image, what, points)
    # ImageJ's own window is behind the image then.
    _place("ImageJ", 500, 150)
    _place(CORRECT, 20, 102)
    focus(CORRECT)
    focus(f"{FIELD}.tif")
    _repaint(f"{FIELD}.tif")
    time.sleep(0.5)
    _screen(folder / "correct.png")
    end(result_of(folder / f"{FIELD}.tif"))
    image.close()
    _place("ImageJ", 530, 0)
    return said


PICTURES = [
    corrected,
    dialogs,
    previewed,
    cysts_segmented,
    networks_managed,
    shown,
    cells_compared,
    navigated,
    boxes_checked,
    scored,
    discarded,
    macro,
]
