"""The frames of an image of any kind, on the axis that is taken as time (Jython 2.7)."""
from epifiji_client.engine.errors import EngineError

LEAST_FRAMES = 5
"""If an image without Z and T has at least this number of channels, they are taken as frames."""


def frames_are_channels(image):
    """Return whether an image has many channels, and neither Z nor T: the channels are then the frames of a movie."""
    return image.getNChannels() >= LEAST_FRAMES and image.getNSlices() == image.getNFrames() == 1


def require_one_plane(image):
    """Refuse an image with several planes in each of several frames."""
    planes, frames = image.getNSlices(), image.getNFrames()
    if planes > 1 and frames > 1:
        raise EngineError("%s has %d planes (Z) in each of %d frames, but a movie has one plane over time: project it with "
                          "Image > Stacks > Z Project..." % (image.getTitle(), planes, frames), "input")


def shape_of(image):
    """Return the shape (T, Y, X) of an image; without T, Z or many channels are taken as T."""
    frames = image.getNChannels() if frames_are_channels(image) else max(image.getNFrames(), image.getNSlices())
    return [frames, image.getHeight(), image.getWidth()]


def axis_of(image):
    """Return the axis along which the frames of an image lie: T, Z or C."""
    return "C" if frames_are_channels(image) else "Z" if image.getNSlices() > 1 else "T"


class Frames(object):
    """The frames of an image, in whichever channel it shows."""

    def __init__(self, image):
        require_one_plane(image)
        self.image, self.count = image, shape_of(image)[0]

    def in_view(self):
        """Return the number of the frame in view, from 1."""
        channel, plane, frame = self._position()
        return channel if frames_are_channels(self.image) else max(plane, frame)

    def show(self, number):
        """Show a frame in the channel in view."""
        image, channel = self.image, self._position()[0]
        if frames_are_channels(image):
            image.setPosition(number, 1, 1)
        elif image.getNSlices() > 1:
            image.setPosition(channel, number, 1)
        else:
            image.setPosition(channel, 1, number)

    def _position(self):
        # Unlike ImageJ's own method, this is safe while an image is closed.
        _, _, channels, planes, _ = self.image.getDimensions(False)
        index = self.image.getCurrentSlice() - 1
        return index % channels + 1, index // channels % planes + 1, index // (channels * planes) + 1
