"""Segmented cells in ImageJ: labels as an image, outlines as an overlay, polygons in the ROI Manager (Jython 2.7)."""

from ij import IJ, ImagePlus, ImageStack
from ij.gui import ImageRoi, Overlay
from ij.io import RoiDecoder
from jarray import array, zeros
from java.awt import GraphicsEnvironment
from java.awt.image import BufferedImage, IndexColorModel
from java.io import ByteArrayOutputStream, FileInputStream
from java.lang import Byte
from java.util.zip import ZipInputStream

from epifiji_client.images.active import mark_figure
from epifiji_client.images.manager import managing, roi_manager
from epifiji_client.images.movies import unless_closed
from epifiji_client.images.rois import set_frame
from epifiji_client.screen.windows import put_free, put_right

OUTLINE = (255, 110, 0)
"""Orange, which differs from black, grey and white for people with any colour vision."""

LEAST_SECTION_PX = 200
"""Sections are shown so large that they are at least so many pixels of the screen wide or high."""

OPACITY = 110
"""Of the colours of cells over a stack, 0-255."""

OURS = "cells"
KIND = "epifiji.kind"


def show_cells(image, found):
    """Show an answer's labels as a new image, the outlines over the segmented image, and ROIs."""
    labels = IJ.openImage(found["labels"])
    image = unless_closed(image)
    if image is not None:
        labels.setCalibration(image.getCalibration().copy())
        show_outlines(image, _frames_of(found["outlines"]))
    labels.setDisplayRange(0, max(255, max([labels.getStack().getProcessor(n).getStats().max
                                            for n in range(1, labels.getStackSize() + 1)])))
    if image is not None and labels.getNFrames() > 1:
        labels.setPosition(1, 1, min(image.getT(), labels.getNFrames()))
    labels.show()
    if image is not None and image.getWindow() is not None and not GraphicsEnvironment.isHeadless():
        put_right(labels.getWindow(), image.getWindow())
    if found["rois"]:
        _show_rois(image, found["rois"])


def has_outlines(image):
    """Return whether an image shows the outlines of a segmentation."""
    return any(roi.getProperty(KIND) == OURS for roi in (image.getOverlay() or Overlay()).toArray())


def show_corrected(image, found):
    """Show the corrected outlines instead of those of the segmentation."""
    show_outlines(image, _frames_of(found["outlines"]))


def show_cyst(image, found, orthogonal):
    """Show an answer's labels as a new image, in colours over the stack, from all sides, in sections, and as ROIs."""
    labels, colours = IJ.openImage(found["labels"]), IJ.openImage(found["colours"])
    image, window = unless_closed(image), not GraphicsEnvironment.isHeadless()
    table = labels.getLuts()[0]
    if image is not None:
        labels.setCalibration(image.getCalibration().copy())
        planes = [colours.getStack().getProcessor(number).getPixels() for number in range(1, colours.getStackSize() + 1)]
        show_outlines(image, planes, lambda pixels, width, height: _coloured_roi(pixels, width, height, table))
        labels.setSlice(image.getCurrentSlice() if image.getStackSize() == labels.getStackSize() else 1)
    labels.show()
    if window and image is not None and image.getWindow() is not None:
        put_right(labels.getWindow(), image.getWindow())
    view = IJ.openImage(found["view"]) if found["view"] and window else None
    if view is not None:
        mark_figure(view, image)
        view.show()
        put_free(view.getWindow(), [shown.getWindow() for shown in (image, labels) if shown is not None] + [IJ.getInstance()])
    if orthogonal and window:
        _show_sections(labels, image, [one.getWindow() for one in (image, labels, view) if one is not None] + [IJ.getInstance()])
    elif window and image is not None and image.getWindow() is not None:
        IJ.selectWindow(image.getID())
    if found["rois"]:
        _show_rois(image, found["rois"])


def _show_sections(labels, image, others):
    """Open ImageJ's orthogonal views on labels whose planes are repeated until voxels are cubes.

    ImageJ would interpolate between planes, and numbers between those of two cells are those of others.
    """
    calibration, stack = labels.getCalibration().copy(), labels.getStack()
    planes = stack.getSize()
    count = max(planes, int(round(planes * calibration.pixelDepth / calibration.pixelWidth)))
    cubes = ImageStack(labels.getWidth(), labels.getHeight())
    for number in range(count):
        # The pixels are those of the labels, so they take no memory.
        cubes.addSlice(stack.getProcessor(1 + int((number + 0.5) * planes / count)))
    if count > planes:
        calibration.pixelDepth = calibration.pixelWidth
    shown = ImagePlus(labels.getTitle().replace("_labels", "_sections"), cubes)
    shown.setCalibration(calibration)
    shown.setLut(labels.getLuts()[0])
    shown.setDisplayRange(labels.getDisplayRangeMin(), labels.getDisplayRangeMax())
    shown.setSlice(1 + int((labels.getCurrentSlice() - 0.5) * count / planes))
    mark_figure(shown, image)
    shown.show()
    zoom = image.getCanvas().getMagnification() if image is not None and image.getCanvas() is not None else 1
    while zoom * max(shown.getWidth(), shown.getHeight()) < LEAST_SECTION_PX:
        zoom *= 2
    IJ.run(shown, "Set... ", "zoom=%d x=%d y=%d" % (round(100 * zoom), shown.getWidth() // 2, shown.getHeight() // 2))
    put_free(shown.getWindow(), others)
    if shown.getWindow().getX() == shown.getWindow().getY() == 0:
        # ImageJ puts the sections beside this window and below it once it has moved, and takes 0, 0 for its first place.
        shown.getWindow().setLocation(1, 1)
    IJ.run(shown, "Orthogonal Views", "")


def _coloured_roi(pixels, width, height, table):
    """Make a ROI that shows the pixels of a byte array in the colours of a lookup table, through which the image is seen."""
    bands = [zeros(256, "b") for _ in range(3)]
    table.getReds(bands[0])
    table.getGreens(bands[1])
    table.getBlues(bands[2])
    # 0 is no cell.
    opacity = array([0] + [_signed(OPACITY)] * 255, "b")
    return _picture_roi(pixels, width, height, IndexColorModel(8, 256, *(bands + [opacity])))


def show_outlines(image, frames, roi_of=None):
    """Lay outlines over an image, one picture for each frame; earlier ones are replaced, other ROIs stay.

    roi_of(pixels, width, height) makes the ROI of a picture.
    """
    overlay = Overlay()
    for roi in (image.getOverlay() or Overlay()).toArray():
        if roi.getProperty(KIND) != OURS:
            overlay.add(roi)
    for number, pixels in enumerate(frames, start=1):
        roi = (roi_of or outline_roi)(pixels, image.getWidth(), image.getHeight())
        if len(frames) > 1:
            set_frame(roi, number, image)
        overlay.add(roi)
    image.setOverlay(overlay)


def outline_roi(pixels, width, height):
    """Make a ROI that shows the pixels of a byte array that are not 0 in one colour, and the image at the others."""
    bands = [array([0, _signed(value)], "b") for value in OUTLINE + (255,)]
    return _picture_roi(pixels, width, height, IndexColorModel(8, 2, *bands))


def _picture_roi(pixels, width, height, colours):
    picture = BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, colours)
    picture.getRaster().setDataElements(0, 0, width, height, pixels)
    roi = ImageRoi(0, 0, picture)
    roi.setName(OURS)
    roi.setProperty(KIND, OURS)
    return roi


def _frames_of(path):
    """Return the pixels of a file of outlines, as a byte array of 0 and 1 for each frame."""
    opened = IJ.openImage(path)
    frames = []
    for number in range(1, opened.getStackSize() + 1):
        processor = opened.getStack().getProcessor(number)
        processor.min(0)
        processor.max(1)
        frames.append(processor.getPixels())
    return frames


def _show_rois(image, path):
    """Put polygons into the ROI Manager or, without a window, on the image's overlay."""
    rois = list(_rois_in(path))
    for roi in rois:
        if roi.getZPosition() > 0 and image is not None and image.getNFrames() == 1:
            # In a stack with only Z, ImageJ shows a ROI with positions along all axes in every plane.
            set_frame(roi, roi.getZPosition(), image)
    if GraphicsEnvironment.isHeadless():
        overlay = (image.getOverlay() if image is not None else None) or Overlay()
        for roi in rois:
            overlay.add(roi)
        if image is not None:
            image.setOverlay(overlay)
        return
    with managing():
        manager, known = roi_manager(), set(roi.getName() for roi in rois)
        old = [n for n, roi in enumerate(manager.getRoisAsArray()) if roi.getProperty(KIND) == OURS and roi.getName() in known]
        if old:
            manager.setSelectedIndexes(old)
            manager.runCommand("Delete")
        for roi in rois:
            # addRoi would rename ROIs after the frame that is shown.
            manager.add(image, roi, -1)


def _rois_in(path):
    archive = ZipInputStream(FileInputStream(path))
    buffer = zeros(65536, "b")
    try:
        entry = archive.getNextEntry()
        while entry is not None:
            content = ByteArrayOutputStream()
            count = archive.read(buffer)
            while count > 0:
                content.write(buffer, 0, count)
                count = archive.read(buffer)
            roi = RoiDecoder(content.toByteArray(), entry.getName()).getRoi()
            roi.setName(entry.getName()[:-len(".roi")])
            roi.setProperty(KIND, OURS)
            yield roi
            entry = archive.getNextEntry()
    finally:
        archive.close()


def _signed(value):
    """Return a byte of Java for a value from 0 to 255."""
    return value - 256 if value > Byte.MAX_VALUE else value
