"""Checks that ROIs are where ImageJ shows them, for every order of the movie's axes; see :mod:`jvm`."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epifiji.bridge.imagej import ImageJ
from epifiji.data.events import Event
from epifiji.data.stack_layout import StackLayout
from epifiji.files.rois.roi_files import read_rois, write_rois

SIDE = 12
AXES = "CZT"


@st.composite
def arrangements(draw: st.DrawFn) -> tuple[StackLayout, int, bool]:
    """Return layouts, their numbers of frames, and whether the image is opened as a hyperstack."""
    axis, frames = draw(st.sampled_from(AXES)), draw(st.integers(5, 9))
    channels = 1 if axis == "C" else draw(st.integers(1, 3))
    layout = StackLayout(axis, channels, draw(st.integers(1, channels)))
    return layout, frames, draw(st.booleans())


def opened(layout: StackLayout, frames: int, hyperstack: bool) -> Any:
    from scyjava import jimport

    image = jimport("ij.IJ").createImage("movie", "8-bit black", SIDE, SIDE, frames * layout.channels)
    lengths = {"C": layout.channels, "Z": 1, "T": 1} | {layout.time_axis: frames}
    image.setDimensions(*(lengths[axis] for axis in AXES))
    image.setOpenAsHyperStack(hyperstack)
    image.show()
    return image


def closed(image: Any) -> None:
    image.changes = False
    image.close()


def shown_frame(image: Any, layout: StackLayout) -> int:
    """Return the frame, from 0, that ImageJ shows."""
    return int(image.convertIndexToPosition(image.getCurrentSlice())[AXES.index(layout.time_axis)]) - 1


def go_to(image: Any, layout: StackLayout, frame: int, channel: int) -> None:
    """Show a frame and a channel."""
    place = {"C": channel, "Z": 1, "T": 1} | {layout.time_axis: frame + 1}
    image.setPosition(*(place[axis] for axis in AXES))


def written_rois(_: ImageJ, folder: Path) -> int:
    """ImageJ's ROI Manager goes to the frame of each ROI of a zip that was written for the movie's layout."""
    from scyjava import jimport

    manager = jimport("ij.plugin.frame.RoiManager").getRoiManager()
    tried = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arrangements(), st.data())
    def hold(arrangement: tuple[StackLayout, int, bool], data: st.DataObject) -> None:
        layout, frames, hyperstack = arrangement
        wanted = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=4))
        path = folder / "movie_cell_death.zip"
        write_rois(path, [Event("cell_death", frame, 3, 4 + row) for row, frame in enumerate(wanted)], None, layout)
        image = opened(layout, frames, hyperstack)
        manager.reset()
        manager.open(str(path))
        try:
            for row, frame in enumerate(wanted):
                go_to(image, layout, data.draw(st.integers(0, frames - 1)), 1)
                manager.select(image, row)
                assert shown_frame(image, layout) == frame, (layout, hyperstack, frame)
        finally:
            closed(image)
        assert [event.frame for event in read_rois(path, "cell_death", layout)] == wanted
        tried.append(arrangement)

    hold()
    return len(tried)


def placed_by_imagej(_: ImageJ, folder: Path) -> int:
    """ROIs that ImageJ places on the shown frame are read in that frame, in all four ways of placing them."""
    from scyjava import jimport

    encoder, point, area = jimport("ij.io.RoiEncoder"), jimport("ij.gui.PointRoi"), jimport("ij.gui.Roi")
    tried = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(arrangements(), st.data())
    def hold(arrangement: tuple[StackLayout, int, bool], data: st.DataObject) -> None:
        layout, frames, hyperstack = arrangement
        moments = st.tuples(st.integers(0, frames - 1), st.integers(1, layout.channels))
        wanted = data.draw(st.lists(moments, min_size=4, max_size=7))
        image = opened(layout, frames, hyperstack)
        rois, expected = [], []
        try:
            for make, (frame, channel) in zip((point, lambda x, y: area(x, y, 3, 3)), wanted[:2], strict=True):
                go_to(image, layout, frame, channel)
                assert shown_frame(image, layout) == frame
                # As the ROI Manager's Add does, and by the number of the slice.
                for place in (image, image.getCurrentSlice()):
                    roi = make(5.0, 5.0)
                    roi.setPosition(place)
                    rois.append(roi)
                    expected.append([frame])
            many = point()
            for x, (frame, channel) in enumerate(wanted[2:]):
                go_to(image, layout, frame, channel)
                many.addPoint(image, float(x + 1), 2.0)
            rois.append(many)
            expected.append([frame for frame, _ in wanted[2:]])
        finally:
            closed(image)
        path = folder / "drawn_cell_death.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for number, roi in enumerate(rois):
                archive.writestr(f"{number}.roi", bytes(encoder.saveAsByteArray(roi)))
        found = [event.frame for event in read_rois(path, "cell_death", layout)]
        assert found == [frame for frames_of_roi in expected for frame in frames_of_roi], (layout, hyperstack, wanted)
        tried.append(arrangement)

    hold()
    return len(tried)


LAYOUTS = [written_rois, placed_by_imagej]
