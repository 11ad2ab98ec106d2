"""Crops and rescales a movie in ImageJ together with its ROIs (Jython 2.7).

The engine computes the new positions. ROIs keep their names, groups, colours and kinds. ImageJ itself crops pixels.
"""
import re

from ij.gui import Overlay, PointRoi, Roi
from ij.plugin import Duplicator, RoiScaler
from java.awt import GraphicsEnvironment, Rectangle

from epifiji_client.commands.run import call, report
from epifiji_client.images.manager import managing, roi_manager
from epifiji_client.images.movies import layout_of, managed_rois, rois_of_events, saved_rois, shown_pixels
from epifiji_client.screen.log import log
from epifiji_client.images.rois import EVENTS, name_movie, rois_of_movie, set_frame, sign, sign_as

NUMBERED = re.compile(r"(\d{4,})-\d{4,}-\d{4,}(?!\d)")
COUNTER = 255
"""The bits of a point's counter; the higher bits are its index in the stack."""


class RoisOfMovie(object):
    """The ROIs of an image: those in the ROI Manager or, if there are none, those of its overlay."""

    def __init__(self, image):
        overlay = image.getOverlay()
        drawn = list(overlay.toArray()) if overlay is not None else []
        self.rois = [] if GraphicsEnvironment.isHeadless() else managed_rois(image)
        self.rois = self.rois or rois_of_movie(image, drawn)
        self.image = image
        self._points = [_points_of(roi, image) for roi in self.rois]

    def places(self):
        """Return frame (None for all frames), y and x of each point, for the engine."""
        return [place for points in self._points for place in points]

    def moved(self, places, image, ratios=(1, 1)):
        """Make new ROIs for another image at the engine's places, scaled by the ratios (y, x).

        Those outside are left out.
        """
        places, made = list(places), []
        for roi, points in zip(self.rois, self._points):
            new, places = places[:len(points)], places[len(points):]
            if [place for place in new if place is not None]:
                made.append(_moved(roi, points, new, image, ratios))
                sign_as(made[-1], roi, image)
        return made


def _points_of(roi, image):
    """Return the positions that are a ROI's events for the engine: its points, or the centre of an area."""
    if roi.getType() == Roi.POINT:
        polygon = roi.getFloatPolygon()
        whole = _frame_of(roi, image)
        return [(_frame_at(roi.getPointPosition(i), image) if roi.getPosition() == PointRoi.POINTWISE_POSITION else whole,
                 polygon.ypoints[i], polygon.xpoints[i]) for i in range(polygon.npoints)]
    bounds = roi.getFloatBounds()
    # An area's coordinates are the corners of pixels, a line's their centres.
    half = 0.0 if roi.isLine() else 0.5
    return [(_frame_of(roi, image), bounds.getCenterY() - half, bounds.getCenterX() - half)]


def _frame_of(roi, image):
    """Return a ROI's frame, from 1; None if it has none and is therefore in all frames.

    A position that the image does not have, such as a plane in an image without planes, is the frame in another axis
    order.
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
    """Return the frame of an index in the stack."""
    if index <= 0:
        return None
    return image.convertIndexToPosition(index)["CZT".index(layout_of(image)["time_axis"])]


def _index_of(frame, image):
    """Return the index of a frame in the stack, in the shown channel."""
    return shown_pixels(image).indices[frame - 1]


def _moved(roi, points, places, image, ratios):
    """Make a new ROI at new places; points whose place is None are left out."""
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


def make_files(job, parameters, image):
    """Let the engine write a new movie and its ROIs, from the input or from an open image."""
    pixels = shown_pixels(image) if image is not None else None
    from_image = image is not None and "events" not in parameters
    with saved_rois(RoisOfMovie(image).rois if from_image else []) as rois:
        made = call(job, {"settings": parameters, "manager": rois}, pixels)
    for notice in made["notices"]:
        log(notice)
    report("%d events%s; written into %s" % (made["events"], _outside(made["left_out"]), made["folder"]))


def cropped(image, part):
    """Crop all channels of an image to the engine's part, without its selection and overlay."""
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
    """Show a new image with its ROIs as overlay and, if replace is true, in the ROI Manager."""
    image.show()
    overlay = Overlay()
    for roi in rois:
        overlay.add(roi)
    image.setOverlay(overlay)
    if replace and not GraphicsEnvironment.isHeadless():
        with managing():
            manager = roi_manager()
            manager.reset()
            for roi in rois:
                manager.add(image, roi.clone(), -1)
    report("%d ROIs%s on %s" % (len(rois), _outside(left_out), image.getTitle()))


def new_rois(image, found, shown, ratios=(1, 1)):
    """Return the ROIs of a new image, and the number of those outside: from the results or, without results, from the old image."""
    if found["events"] is not None:
        rois, movie = rois_of_events(image, found["events"]), name_movie(image, None, image.getTitle())
        for roi, event in zip(rois, found["events"]["events"]):
            sign(roi, movie, EVENTS, event["event"])
        return rois, found["left_out"]
    rois = shown.moved(found["places"], image, ratios)
    return rois, len([place for place in found["places"] if place is None])


def _outside(count):
    return ", %d outside" % count if count else ""
