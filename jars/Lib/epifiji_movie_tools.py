"""A movie in ImageJ and the ROIs on it, cropped and rescaled together (Jython 2.7).

Where places come to lie is the engine's to say; ROIs keep names, groups, colours and kinds, and pixels that are only cropped stay
ImageJ's.
"""
import os
import re

from ij import IJ
from ij.gui import Overlay, PointRoi, Roi
from ij.plugin import Duplicator, RoiScaler
from ij.plugin.frame import RoiManager
from java.awt import GraphicsEnvironment, Rectangle

from epifiji_client import call, tell
from epifiji_images import layout_of, managed_rois, rois_of_events, saved_rois, shown_pixels
from epifiji_log import log
from epifiji_rois import EVENTS, name_movie, rois_of_movie, set_frame, sign, sign_as

NUMBERED = re.compile(r"(\d{4,})-\d{4,}-\d{4,}(?!\d)")
COUNTER = 255
"""The bits of a point's counter; its place in the stack is in those above."""


class RoisOfMovie(object):
    """The ROIs that go along with an image: those in the ROI Manager, or else those of its overlay."""

    def __init__(self, image):
        overlay = image.getOverlay()
        drawn = list(overlay.toArray()) if overlay is not None else []
        self.rois = [] if GraphicsEnvironment.isHeadless() else managed_rois(image)
        self.rois = self.rois or rois_of_movie(image, drawn)
        self.image = image
        self._points = [_points_of(roi, image) for roi in self.rois]

    def places(self):
        """Give frame (None where it is in all of them), y and x of each point, for the engine."""
        return [place for points in self._points for place in points]

    def moved(self, places, image, ratios=(1, 1)):
        """Make new ROIs for another image of what the engine said of the places, scaled by (y, x); without those outside."""
        places, made = list(places), []
        for roi, points in zip(self.rois, self._points):
            new, places = places[:len(points)], places[len(points):]
            if [place for place in new if place is not None]:
                made.append(_moved(roi, points, new, image, ratios))
                sign_as(made[-1], roi, image)
        return made


def _points_of(roi, image):
    """List what the engine takes for a ROI's events: its points, or the centre of an area."""
    if roi.getType() == Roi.POINT:
        polygon = roi.getFloatPolygon()
        whole = _frame_of(roi, image)
        return [(_frame_at(roi.getPointPosition(i), image) if roi.getPosition() == PointRoi.POINTWISE_POSITION else whole,
                 polygon.ypoints[i], polygon.xpoints[i]) for i in range(polygon.npoints)]
    bounds = roi.getFloatBounds()
    # An area's coordinates are those of its pixels' corners, a line's those of their centres.
    half = 0.0 if roi.isLine() else 0.5
    return [(_frame_of(roi, image), bounds.getCenterY() - half, bounds.getCenterX() - half)]


def _frame_of(roi, image):
    """Give a ROI's frame, from 1; None where it has none and so is in all of them.

    A position that the image cannot have, such as a plane where there are none, is the frame of another arrangement of it.
    """
    axis = layout_of(image)["time_axis"]
    if roi.hasHyperStackPosition():
        own = {"C": roi.getCPosition(), "Z": roi.getZPosition(), "T": roi.getTPosition()}
        most = {"C": image.getNChannels(), "Z": image.getNSlices(), "T": image.getNFrames()}
        beyond = [own[other] for other in "TZC" if other != axis and own[other] > most[other]]
        if own[axis] <= 1 and beyond:
            return beyond[0]
        if own[axis] > 0:
            return own[axis]
    elif roi.getPosition() > 0:
        return _frame_at(roi.getPosition(), image)
    named = NUMBERED.match(roi.getName() or "")
    return int(named.group(1)) if named else None


def _frame_at(index, image):
    """Give the frame of a place in the stack."""
    if index <= 0:
        return None
    return image.convertIndexToPosition(index)["CZT".index(layout_of(image)["time_axis"])]


def _index_of(frame, image):
    """Give the place of a frame in the stack, in the channel that is shown."""
    return shown_pixels(image).indices[frame - 1]


def _moved(roi, points, places, image, ratios):
    """Make one new ROI; of several points those that are not None."""
    ratio_y, ratio_x = ratios
    left = [place for place in places if place is not None]
    frame, y, x = left[0]
    if roi.getType() == Roi.POINT:
        made = _point_roi(left)
        made.copyAttributes(roi)
        counters = [counter & COUNTER for counter, place in zip(roi.getCounters(), places) if place is not None]
        if roi.getPosition() == PointRoi.POINTWISE_POSITION:
            made.setCounters([counter | _index_of(t or 1, image) << 8 for counter, (t, _, _) in zip(counters, left)])
            return made
        if any(counters):
            made.setCounters(counters)
    elif ratios == (1, 1):
        made = roi.clone()
        made.translate(x - points[0][2], y - points[0][1])
    else:
        made = RoiScaler.scale(roi, ratio_x, ratio_y, False)
        if roi.isLine():
            made.translate((ratio_x - 1) / 2, (ratio_y - 1) / 2)
    if frame is not None:
        set_frame(made, frame, image)
    return made


def _point_roi(places):
    xs, ys = [place[2] for place in places], [place[1] for place in places]
    if all(value == int(value) for value in xs + ys):
        return PointRoi([int(x) for x in xs], [int(y) for y in ys], len(places))
    return PointRoi(xs, ys, len(places))


def with_selection(parameters, image):
    """Give the bounds of a selected area where a macro or a person gave no place."""
    roi = image.getRoi()
    if roi is None or not roi.isArea() or set(parameters) & set(("x", "y", "width", "height")):
        return parameters
    bounds = roi.getBounds().intersection(Rectangle(image.getWidth(), image.getHeight()))
    return dict(parameters, x=str(bounds.x), y=str(bounds.y), width=str(bounds.width), height=str(bounds.height))


def make_files(job, parameters, image):
    """Have the engine write a new movie and its ROIs: of the input, or of an image that is open."""
    pixels = shown_pixels(image) if image is not None else None
    along = image is not None and "events" not in parameters
    with saved_rois(RoisOfMovie(image).rois if along else []) as rois:
        made = call(job, {"settings": parameters, "manager": rois}, pixels)
    for notice in made["notices"]:
        log(notice)
    tell("%d events%s; written into %s" % (made["events"], _outside(made["left_out"]), made["folder"]))


def cropped(image, part):
    """Crop an image as the engine said, all its channels, without its selection or overlay."""
    selection, overlay = image.getRoi(), image.getOverlay()
    count, height, width = part["shape"]
    first, last = part["first"], part["first"] + count - 1
    try:
        image.setOverlay(None)
        image.setRoi(Rectangle(part["x"], part["y"], width, height))
        ranges = {"C": (1, image.getNChannels()), "Z": (1, 1), "T": (1, 1)}
        ranges[shown_pixels(image).layout["time_axis"]] = (first, last)
        made = Duplicator().run(image, *(ranges["C"] + ranges["Z"] + ranges["T"]))
    finally:
        image.setRoi(selection)
        image.setOverlay(overlay)
    made.deleteRoi()
    made.setTitle(part["name"])
    return made


def show_with_rois(image, rois, left_out, replace):
    """Show a new image with its ROIs, as overlay and, where that is wanted, in the ROI Manager."""
    image.show()
    overlay = Overlay()
    for roi in rois:
        overlay.add(roi)
    image.setOverlay(overlay)
    if replace and not GraphicsEnvironment.isHeadless():
        manager = RoiManager.getRoiManager()
        manager.reset()
        for roi in rois:
            manager.add(image, roi.clone(), -1)
    tell("%d ROIs%s on %s" % (len(rois), _outside(left_out), image.getTitle()))


def new_rois(image, found, along, ratios=(1, 1)):
    """Give the ROIs of a new image, and how many are left out: of the events that were named, or of those that went along."""
    if found["events"] is not None:
        rois, movie = rois_of_events(image, found["events"]), name_movie(image, None, image.getTitle())
        for roi, event in zip(rois, found["events"]["events"]):
            sign(roi, movie, EVENTS, event["event"])
        return rois, found["left_out"]
    rois = along.moved(found["places"], image, ratios)
    return rois, len([place for place in found["places"] if place is None])


def open_and_remove(file_name, folder):
    """Open an image that the engine left for this, and remove its file."""
    try:
        return IJ.openImage(file_name)
    finally:
        os.remove(file_name)
        os.rmdir(folder)


def _outside(count):
    return ", %d outside" % count if count else ""
