"""Volumes that are open in ImageJ: stacks of planes (Z), for the engine (Jython 2.7)."""
from epifiji_client.engine.errors import EngineError
from epifiji_client.images.frames import frames_are_channels
from epifiji_client.images.movies import Pixels


class VolumePixels(Pixels):
    """The planes of one channel of an image, to be sent to the engine."""

    def __init__(self, image, channel=None):
        title, planes, frames = image.getTitle(), image.getNSlices(), image.getNFrames()
        if planes > 1 and frames > 1:
            raise EngineError("%s has %d planes (Z) in each of %d frames, but one volume is needed: keep one frame with "
                              "Image > Duplicate..." % (title, planes, frames), "input")
        if planes == 1 and frames == 1 and not frames_are_channels(image):
            raise EngineError("%s has a single plane, but a volume has several (Z): open a stack of planes." % title, "input")
        Pixels.__init__(self, image, channel)
        axis = self.layout["time_axis"]
        # What is said about time concerns movies.
        self.notices = []
        if axis != "Z":
            self.notices.append("%s has %d %s and a single plane: they were taken as planes (Z)."
                                % (title, self.frames, "channels" if axis == "C" else "time points"))

    def description(self):
        """Return what the engine needs besides the pixels, as JSON types."""
        described, calibration = Pixels.description(self), self.image.getCalibration()
        described["calibration"].update(pixel_depth=calibration.pixelDepth, z_unit=calibration.getZUnit())
        return described
