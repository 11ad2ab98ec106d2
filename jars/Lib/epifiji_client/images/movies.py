"""Movies that are open in ImageJ: their pixels for the engine, and the display of the engine's results (Jython 2.7)."""
import copy
import os
import re
from contextlib import contextmanager

from ij import CompositeImage, IJ, ImagePlus, ImageStack, Macro, WindowManager
from ij.gui import Overlay, PointRoi, Roi, TextRoi
from ij.io import RoiEncoder
from ij.process import LUT
from java.awt import Color, Font, GraphicsEnvironment
from java.io import BufferedOutputStream, File, FileOutputStream
from java.nio import ByteOrder
from java.util.zip import ZipEntry, ZipOutputStream

from epifiji_client.engine.errors import EngineError
from epifiji_client.screen.log import log
from epifiji_client.images.active import active_image, mark_figure
from epifiji_client.images.frames import frames_are_channels, require_one_plane, shape_of
from epifiji_client.images.manager import managing, open_manager, roi_manager
from epifiji_client.images.rois import EVENTS, events_among, movies_of, name_movie, plan_update, remove_from_manager, rois_of_movie, set_frame, sign
from epifiji_client.screen.windows import put_below, put_right, show_table

RESULTS = "EpiFiji results"
"""The image property with the folder of its results."""

STROKE_WIDTH = 3
SYMBOL_SIZE = 5
"""ImageJ's "XXL": a circle around the event that does not hide it."""

FAINTEST = 30
"""Map levels up to this are drawn black."""

MANAGER_WIDTH = 300
"""Wide enough for names with scores, which ImageJ's default width cuts off."""

BETWEEN_EVENTS, BETWEEN_VALUES = "/", ":"
"""What separates events, and their values, in an answer's text."""

BEHIND_TEXT = Color(0, 0, 0, 140)


class Pixels(object):
    """The frames of one channel of an image, to be sent to the engine."""

    def __init__(self, image, channel=None):
        self.image = image
        self.title = image.getTitle()
        self.bits = image.getBitDepth()
        if self.bits not in (8, 16, 32) or image.getType() == ImagePlus.COLOR_256:
            raise EngineError("%s is a colour image, but one grey value in each pixel is needed: use Image > Type > 8-bit, or "
                              "split its channels." % self.title, "input")
        channels, planes, frames = image.getNChannels(), image.getNSlices(), image.getNFrames()
        as_channels = channel is None and frames_are_channels(image)
        if channels > 1 and channel is None and not as_channels:
            raise EngineError("%s has %d channels, but one is needed: choose a channel from 1 to %d, or split them."
                              % (self.title, channels, channels), "input")
        if channel is not None and not 1 <= channel <= channels:
            raise EngineError("%s has %d channel%s, but channel %d was asked for: give another."
                              % (self.title, channels, "s"[:channels > 1], channel), "input")
        require_one_plane(image)
        self.frames = channels if as_channels else max(planes, frames)
        axis = "C" if as_channels else "Z" if planes > 1 else "T"
        self.notices = []
        if axis != "T":
            self.notices.append("%s has %d %s and one time point: they were taken as time."
                                % (self.title, self.frames, "channels" if as_channels else "planes (Z)"))
        self.layout = {"time_axis": axis, "channels": 1 if as_channels else channels, "channel": channel or 1}
        self.indices = [image.getStackIndex(t if as_channels else channel or 1, min(t, planes), min(t, frames))
                        for t in range(1, self.frames + 1)]
        self.frame_bytes = image.getWidth() * image.getHeight() * self.bits // 8

    def portions(self, largest):
        """Return (first frame, number of frames) of blocks with at most largest bytes."""
        step = max(1, largest // self.frame_bytes)
        return [(first, min(step, self.frames - first)) for first in range(0, self.frames, step)]

    @contextmanager
    def kept(self):
        """Keep the pixels during the block, even if the image is closed meanwhile."""
        self.image.setIgnoreFlush(True)
        try:
            yield
        finally:
            self.image.setIgnoreFlush(False)
            if self.image.getWindow() is not None and self.image.getWindow().isClosed():
                self.image.flush()

    def write(self, buffer, first, count):
        """Write frames into a buffer of bytes, little-endian."""
        stack = self.image.getStack()
        buffer.order(ByteOrder.LITTLE_ENDIAN)
        typed = {8: buffer, 16: buffer.asShortBuffer(), 32: buffer.asFloatBuffer()}[self.bits]
        for index in self.indices[first:first + count]:
            typed.put(stack.getPixels(index))

    def lut(self):
        """Return the channel's lookup table: 256 red, then 256 green, then 256 blue values."""
        luts = self.image.getLuts()
        return [colour & 255 for colour in luts[min(self.layout["channel"], len(luts)) - 1].getBytes()]

    def description(self):
        """Return what the engine needs besides the pixels, as JSON types."""
        calibration = self.image.getCalibration()
        return {
            "title": self.title,
            "shape": [self.frames, self.image.getHeight(), self.image.getWidth()],
            "bits": self.bits,
            "signed": bool(calibration.isSigned16Bit()),
            "file": file_of(self.image),
            "notices": self.notices,
            "layout": self.layout,
            "lut": self.lut(),
            "calibration": {
                "pixel_width": calibration.pixelWidth,
                "pixel_height": calibration.pixelHeight,
                "x_unit": calibration.getXUnit(),
                "y_unit": calibration.getYUnit(),
                "interval": calibration.frameInterval,
                "time_unit": calibration.getTimeUnit(),
            },
        }


def shown_pixels(image, kind=Pixels):
    """Return the pixels of the channel that an image shows; kind is Pixels or a class derived from it."""
    return kind(image, image.getC() if image.getNChannels() > 1 and not frames_are_channels(image) else None)


def requested_pixels(image, channel, kind=Pixels):
    """Return the pixels of the channel that a user or a macro specified as text, which may be empty; kind as in shown_pixels.

    In the dialog the shown channel is the default. A macro must specify it, so that its result is always the same.
    """
    if channel or GraphicsEnvironment.isHeadless() or Macro.getOptions() is not None:
        return kind(image, int(channel) if channel.isdigit() else None)
    pixels = shown_pixels(image, kind)
    if image.getNChannels() > 1 and pixels.layout["time_axis"] != "C":
        pixels.notices.append("%s has %d channels: channel %d was used, which is shown."
                              % (image.getTitle(), image.getNChannels(), image.getC()))
    return pixels


def only_frame_in_view(image, pixels):
    """Return the frame of some pixels that is in view."""
    one = copy.copy(pixels)
    one.indices, one.frames = [pixels.indices[frame_in_view(image, pixels) - 1]], 1
    return one


def frame_in_view(image, pixels):
    """Return the number of the frame in view, from 1."""
    return image.getC() if pixels.layout["time_axis"] == "C" else max(image.getZ(), image.getT())


def current_image(needed=True):
    """Return the active image, or the movie of the active figure; None if there is none and none is needed."""
    image = active_image()
    if image is None and needed:
        if WindowManager.getCurrentImage() is not None:
            raise EngineError("The active image is a figure whose movie is not open, but a movie is needed: click on the movie, then "
                              "choose this again.", "input")
        raise EngineError("No image is open, but a movie is needed: open one with File > Open..., then choose this again.", "input")
    return image


def unless_closed(image):
    """Return an image, or None if it was closed, because it then has neither pixels nor frames."""
    return image if image is not None and image.getProcessor() is not None else None


def file_of(image):
    """Return the file that an image was opened from; None if there is none or the pixels were changed."""
    info = image.getOriginalFileInfo()
    if info is None or image.changes or not info.directory or not info.fileName:
        return None
    # Fiji's launcher opens relative paths, and the engine's working folder differs.
    path = File(info.directory, info.fileName).getAbsolutePath()
    return path if os.path.isfile(path) else None


def layout_of(image):
    """Return the layout of an image's frames in its stack; None if it is not a movie."""
    try:
        return shown_pixels(image).layout
    except EngineError:
        return None


def require_shape(image, shape, what):
    """Refuse an image whose shape (T, Y, X) differs; what names the things that belong to a movie of that shape."""
    if shape and shape_of(image) != shape:
        raise EngineError("%s belong to a movie of %d frames of %d x %d pixels (T, Y, X), but %s has %d of %d x %d: open the movie "
                          "in which they were found." % tuple([what] + shape + [image.getTitle()] + shape_of(image)), "input")


def show_events(image, answer, replace, table, kind=EVENTS, reviewed=(), visible=True):
    """Show events as ROIs: in the ROI Manager or, without a window, as the image's overlay.

    They replace EpiFiji's earlier ROIs of the same movie and kind, and the reviewed ROIs. All others stay, unless
    replace is true. If the image is None or was closed, only the ROI Manager shows the events. If visible is false, the movie
    goes on showing only the ROIs of the ROI Manager that it did.
    """
    image = unless_closed(image)
    answer = dict(answer, events=events_of(answer))
    rois = rois_of_events(image, answer)
    movie = name_shown(image, answer)
    for roi, event in zip(rois, answer["events"]):
        sign(roi, movie, kind, event["event"])
    movies = [movie] + movies_of(image)
    if GraphicsEnvironment.isHeadless():
        if image is not None:
            _overlay(image, rois, replace, movies, kind)
        return
    with managing():
        _manage(image if image is not None and image.getWindow() is not None else None, rois, replace, movies, kind, reviewed, visible)
    if table:
        show_table("Events of %s" % answer["name"], answer["columns"], answer["rows"])
        put_below(WindowManager.getWindow("Events of %s" % answer["name"]), open_manager())
    if image is not None and answer.get("folder"):
        image.setProperty(RESULTS, answer["folder"])


def name_shown(image, answer):
    """Return the name of the movie of an answer with events, and store it with the image; the image may be None."""
    return name_movie(image, answer.get("movie_key"), answer.get("movie_name") or answer["name"])


def events_of(answer):
    """Return the events of an answer, which has them as a text if they may be thousands: Jython is slow with JSON."""
    if "names" not in answer:
        return answer["events"]
    events = []
    for name, values in zip(answer["names"].split(BETWEEN_EVENTS), answer["text"].split(BETWEEN_EVENTS)):
        if values:
            event, frame, y, x = values.split(BETWEEN_VALUES, 4)[:4]
            events.append({"name": name, "event": event, "frame": int(frame), "y": float(y), "x": float(x)})
    return events


def rois_of_events(image, answer):
    """Make a ROI for each event of an answer, positioned for an image or for None."""
    kinds = dict((kind["name"], (kind["group"], Color(*kind["colour"]))) for kind in answer["classes"])
    return [_roi(event, kinds[event["event"]], image) for event in answer["events"]]


def _roi(event, kind, image):
    group, colour = kind
    x, y = event["x"], event["y"]
    whole = x == int(x) and y == int(y)
    roi = PointRoi(int(x), int(y)) if whole else PointRoi(x, y)
    roi.setName(event["name"])
    set_frame(roi, event["frame"], image)
    roi.setGroup(group)
    roi.setStrokeColor(colour)
    roi.setStrokeWidth(STROKE_WIDTH)
    roi.setPointType(PointRoi.CIRCLE)
    roi.setSize(SYMBOL_SIZE)
    return roi


def _overlay(image, rois, replace, movies, kind):
    overlay = (None if replace else image.getOverlay()) or Overlay()
    removed, rois, edited = plan_update(list(overlay.toArray()), movies, kind, rois)
    for index in reversed(removed):
        overlay.remove(index)
    for roi in rois:
        overlay.add(roi)
    image.setOverlay(overlay)
    _log_edited(edited)


def wide_manager():
    """Return the ROI Manager, which is opened if it is not open, wide enough for the names of events."""
    manager = roi_manager()
    if manager.getWidth() < MANAGER_WIDTH:
        manager.setSize(MANAGER_WIDTH, manager.getHeight())
        manager.validate()
    return manager


def _manage(image, rois, replace, movies, kind, reviewed, visible):
    manager = wide_manager()
    if replace:
        manager.reset()
    remove_from_manager(manager, [index for index, roi in enumerate(manager.getRoisAsArray()) if any([roi is one for one in reviewed])])
    removed, rois, edited = plan_update(list(manager.getRoisAsArray()), movies, kind, rois)
    remove_from_manager(manager, removed)
    _log_edited(edited)
    for roi in rois:
        # addRoi would rename ROIs after the frame that is shown.
        manager.add(image, roi, -1)
    if image is not None and rois and visible:
        manager.runCommand(image, "Show All")


def _log_edited(count):
    if count:
        log("%d ROI%s that you moved or renamed stay%s, and the events that they were made from were not added again"
               % (count, "s"[:count > 1], "s"[:count == 1]))


def show_maps(image, answer):
    """Show an answer's maps in colour over a movie, or over each other if there is no movie.

    The movie may be None or closed. The new image is called <movie>-maps.
    """
    shown = _composite(unless_closed(image), answer["maps"], answer["name"])
    mark_figure(shown, unless_closed(image))
    shown.show()
    if not GraphicsEnvironment.isHeadless():
        put_below(shown.getWindow(), IJ.getInstance())
        put_right(shown.getWindow(), open_manager())


def _composite(image, maps, name):
    opened = [IJ.openImage(one["file"]) for one in maps]
    colours = [one["colour"] for one in maps]
    height, width, frames = opened[0].getHeight(), opened[0].getWidth(), opened[0].getStackSize()
    bits = image.getBitDepth() if image is not None else 8
    pixels = shown_pixels(image) if image is not None else None
    stack = ImageStack(width, height)
    for t in range(1, frames + 1):
        if pixels is not None:
            stack.addSlice("movie", image.getStack().getProcessor(pixels.indices[t - 1]).duplicate())
        for one, shown in zip(maps, opened):
            processor = shown.getStack().getProcessor(t)
            stack.addSlice(one["event"], {8: processor, 16: processor.convertToShort(False), 32: processor.convertToFloat()}[bits])
    channels = len(opened) + (pixels is not None)
    flat = ImagePlus("%s-maps" % name, stack)
    flat.setDimensions(channels, 1, frames)
    result = CompositeImage(flat, CompositeImage.COMPOSITE)
    result.setCalibration((image if image is not None else opened[0]).getCalibration().copy())
    if pixels is not None:
        _set_look(result, 1, LUT.createLutFromColor(Color.WHITE), image.getDisplayRangeMin(), image.getDisplayRangeMax())
    for channel, colour in enumerate(colours, start=channels - len(opened) + 1):
        _set_look(result, channel, LUT.createLutFromColor(Color(*colour)), FAINTEST, 255)
    result.setOverlay(_legend(maps, height))
    result.setPosition(1, 1, image.getT() if image is not None and image.getNFrames() > 1 else 1)
    return result


def _legend(maps, height):
    """Draw a legend in the upper left corner: the colours of the classes, and the meaning of the brightness."""
    font = Font("SansSerif", Font.BOLD, max(6, min(14, height // 20)))
    step, legend = font.getSize() + 3, Overlay()
    texts = [one["event"] for one in maps] + ["probability %.2g to 1" % (FAINTEST / 255.0)]
    for line, text in enumerate(texts):
        name = TextRoi(step + 6, 3 + line * step, text, font)
        name.setStrokeColor(Color.WHITE)
        name.setFillColor(BEHIND_TEXT)
        legend.add(name)
    for line, one in enumerate(maps):
        swatch = Roi(3, 4 + line * step, step - 2, step - 2)
        swatch.setName(one["event"])
        swatch.setFillColor(Color(*one["colour"]))
        legend.add(swatch)
    return legend


@contextmanager
def saved_manager(image, needed=True):
    """Save the ROI Manager's events of an image's movie as a temporary zip, and yield its path.

    None if there are none.
    """
    with saved_rois(events_among(managed_rois(image)) if needed else []) as path:
        yield path


def managed_rois(image):
    """Return the ROI Manager's ROIs that belong to an image's movie; see rois_of_movie."""
    manager = open_manager()
    return rois_of_movie(image, list(manager.getRoisAsArray())) if manager is not None else []


@contextmanager
def saved_rois(rois):
    """Save ROIs as a temporary zip, and yield its path; None if there are no ROIs."""
    if not rois:
        yield None
        return
    file = File.createTempFile("epifiji-", ".zip")
    try:
        archive = ZipOutputStream(BufferedOutputStream(FileOutputStream(file)))
        # The manager's own Save would be recorded in the macro recorder. Each ROI has its own folder, as names may
        # repeat.
        for number, roi in enumerate(rois):
            archive.putNextEntry(ZipEntry("%d/%s.roi" % (number, (roi.getName() or "event").replace("/", "_"))))
            archive.write(RoiEncoder.saveAsByteArray(roi))
            archive.closeEntry()
        archive.close()
        yield file.getPath()
    finally:
        file.delete()


def _set_look(image, channel, lut, low, high):
    lut.min, lut.max = low, high
    image.setChannelLut(lut, channel)
