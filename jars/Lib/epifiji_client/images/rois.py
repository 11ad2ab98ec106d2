"""EpiFiji's ROIs, distinguished from the user's ROIs (Jython 2.7).

EpiFiji marks its ROIs by properties, which ImageJ keeps in the ROI Manager, in overlays and in files. They name the
movie that the ROI belongs to and the state in which it was made. ROIs that the user moved or renamed since are the
user's work, and so are all ROIs without these properties: neither are ever removed. An image has the names of its movie
too. It can have several, one from its file and one from the image that was open first.
"""
import os
import re
import string

from java.io import FileInputStream
from java.net import URLDecoder, URLEncoder
from java.security import DigestInputStream, MessageDigest
from java.util import UUID
from jarray import zeros

from epifiji_client.engine.errors import EngineError
from epifiji_client.screen.log import log

MOVIE, KIND, CLASS, MADE = "epifiji.movie", "epifiji.kind", "epifiji.class", "epifiji.made"
EVENTS, COMPARISON = "events", "comparison"
IMAGE_MOVIES = "EpiFiji movies"
"""The property of an image with the names of its movie, separated by spaces."""

KEY_LENGTH = 16
"""A movie's name begins with its key: the beginning of the file's SHA-256, or a key that begins with `NO_FILE`.

Its title follows.
"""

NO_FILE = "w"
LARGEST_FILE = 1 << 31
"""The SHA-256 of larger files is not computed; they are identified only by their names."""

NUMBER_ADDED = re.compile(r"(?<=[\d)])-\d+$")
PLAIN = string.ascii_letters + string.digits + "_.-() "
"""Characters of which only blanks and brackets are encoded."""

_classes = {}
"""Classes as ROIs have them."""

SAME_PX = 0.02
"""Positions that differ by less are equal: files and ROIs round fractions of a pixel differently."""


def movies_of(image):
    """Return the names of an image's movie."""
    return ((image.getProperty(IMAGE_MOVIES) if image is not None else None) or "").split()


def name_movie(image, key, title):
    """Return the name of the movie that an answer belongs to, and store it with the image.

    Key is empty if the engine knows none.
    """
    known = movies_of(image)
    if not key and known:
        return known[0]
    name = "%s_%s" % ((key or NO_FILE + str(UUID.randomUUID()).replace("-", ""))[:KEY_LENGTH], _quoted(title))
    if image is not None and name[:KEY_LENGTH] not in [one[:KEY_LENGTH] for one in known]:
        image.setProperty(IMAGE_MOVIES, " ".join(known + [name]))
    return name


def rois_of_movie(image, rois):
    """Return those of the ROIs that belong to an image's movie: the user's ROIs, and EpiFiji's events of this movie.

    The image may be None; EpiFiji's ROIs must then be of one movie.
    """
    movies = dict((roi.getProperty(MOVIE)[:KEY_LENGTH], roi.getProperty(MOVIE)) for roi in rois if roi.getProperty(MOVIE))
    if not movies or image is None and len(movies) == 1:
        return rois
    if image is None:
        raise EngineError("The ROIs belong to %d movies (%s), and no image is open: open the movie whose events you want to use."
                          % (len(movies), _titles(movies.values())), "input")
    known = [movie[:KEY_LENGTH] for movie in movies_of(image)]
    if not set(known) & set(movies):
        known = _recognised(image, movies)
    kept = [roi for roi in rois if not roi.getProperty(MOVIE) or roi.getProperty(MOVIE)[:KEY_LENGTH] in known]
    others = [movies[key] for key in movies if key not in known]
    if others and not kept:
        raise EngineError("The ROIs belong to the movie %s, and the active image is %s: activate the image of that movie, or name "
                          "results." % (_titles(others), image.getTitle()), "input")
    if len(kept) < len(rois):
        log("%d ROIs were left out: they belong to the movie %s" % (len(rois) - len(kept), _titles(others)))
    return kept


def events_among(rois):
    """Return the ROIs without those of a comparison; if there are no others, return all."""
    return [roi for roi in rois if roi.getProperty(KIND) != COMPARISON] or rois


def _recognised(image, movies):
    """Find the movie of an image that was opened again: by its file, or by its title if the movie's file is not known."""
    info = image.getOriginalFileInfo()
    path = os.path.join(info.directory or "", info.fileName or "") if info is not None and not image.changes else ""
    digest = _digest(path) if os.path.isfile(path) and os.path.getsize(path) <= LARGEST_FILE else None
    same_title = [key for key in movies if image.getTitle().startswith(_title(movies[key]))]
    found = [digest] if digest in movies else [key for key in same_title if digest is None or key.startswith(NO_FILE)]
    if len(found) != 1:
        return []
    image.setProperty(IMAGE_MOVIES, " ".join(movies_of(image) + [movies[found[0]]]))
    return found


def _digest(path):
    """Compute the key of a file."""
    digest, buffer = MessageDigest.getInstance("SHA-256"), zeros(1 << 20, "b")
    stream = DigestInputStream(FileInputStream(path), digest)
    try:
        while stream.read(buffer) >= 0:
            pass
    finally:
        stream.close()
    return "".join(["%02x" % (byte & 255) for byte in digest.digest()])[:KEY_LENGTH]


def _titles(movies):
    return ", ".join(sorted(set([_title(movie) for movie in movies])))


def _title(movie):
    return unquoted(movie[KEY_LENGTH + 1:])


def sign(roi, movie, kind, event):
    """Mark a ROI as EpiFiji's, in the state that it has now."""
    roi.setProperty(MOVIE, movie)
    roi.setProperty(KIND, kind)
    if event not in _classes:
        _classes[event] = _quoted(event)
    roi.setProperty(CLASS, _classes[event])
    roi.setProperty(MADE, _state(roi))


def set_frame(roi, frame, image):
    """Put a ROI into a frame (from 1) of an image; the image is None if it is not open."""
    # Both positions: in a stack with only T, ImageJ uses the index in the stack, and in a hyperstack the frame.
    roi.setPosition(frame)
    channels = image.getNChannels() if image is not None else 1
    if image is None or image.getNFrames() > 1:
        roi.setPosition(0 if channels > 1 else 1, 1, frame)
    elif channels > 1 and image.getNSlices() > 1:
        roi.setPosition(0, frame, 1)


def sign_as(made, roi, image):
    """Mark a ROI that was made from another one for a new image as EpiFiji's, if the other one is."""
    # A clone shares its properties with the original. EpiFiji's ROIs are points, which are made new instead.
    if roi.getProperty(MOVIE) and made.getProperty(MOVIE) is None and not is_edited(roi):
        sign(made, name_movie(image, None, image.getTitle()), roi.getProperty(KIND), unquoted(roi.getProperty(CLASS)))


def plan_update(rois, movies, kind, new):
    """Return which ROIs to remove (indexes) and which new ones to add when events of a movie are shown, and how many were edited.

    Earlier ROIs of the movie and the kind are removed, unless the user moved or renamed them. A new ROI that equals the
    original of an edited one is not added.
    """
    keys = [movie[:KEY_LENGTH] for movie in movies]
    removed, origins, edited = [], {}, 0
    for index, roi in enumerate(rois):
        if (roi.getProperty(MOVIE) or "")[:KEY_LENGTH] not in keys or roi.getProperty(KIND) != kind:
            continue
        if not is_edited(roi):
            removed.append(index)
            continue
        edited += 1
        where, place = _place(roi.getProperty(MADE) or "")
        origins.setdefault((roi.getProperty(CLASS), where), []).append(place)
    return removed, [roi for roi in new if not _is_known(roi, origins)] if origins else new, edited


def _is_known(roi, origins):
    where, (x, y) = _place(roi.getProperty(MADE))
    known = origins.get((roi.getProperty(CLASS), where), [])
    return any([abs(x - other_x) <= SAME_PX and abs(y - other_y) <= SAME_PX for other_x, other_y in known])


def is_edited(roi):
    """Return whether a ROI of EpiFiji was moved or renamed since it was made."""
    made, now = roi.getProperty(MADE) or "", _state(roi)
    return made != now and (made.split("@")[0] != now.split("@")[0] or is_moved(roi))


def is_moved(roi):
    """Return whether a ROI of EpiFiji was moved since it was made, to another place or frame."""
    (where, place), (where_now, place_now) = _place(roi.getProperty(MADE) or ""), _place(_state(roi))
    return where != where_now or max([abs(a - b) for a, b in zip(place, place_now)]) > SAME_PX


def marks_of(roi):
    """Return what a ROI of EpiFiji and its copies have in common; None for other ROIs."""
    made = roi.getProperty(MADE)
    return None if made is None else (made, roi.getProperty(CLASS), roi.getProperty(MOVIE))


def _state(roi):
    """Return a ROI's name and position as a text.

    In zips ImageJ adds a number to names that occur twice; it is left out.
    """
    bounds, name = roi.getFloatBounds(), roi.getName() or ""
    if "-" in name:
        name = NUMBER_ADDED.sub("", name)
    return "%s@%d-%d-%d-%d@%.3f@%.3f" % (
        _quoted(name), roi.getPosition(), roi.getCPosition(), roi.getZPosition(), roi.getTPosition(),
        bounds.getCenterX(), bounds.getCenterY())


def _place(state):
    """Return the position in the stack, and (x, y), from the text of _state."""
    parts = state.split("@")
    return (parts[1], (float(parts[2]), float(parts[3]))) if len(parts) == 4 else ("", (0.0, 0.0))


def _quoted(text):
    """Encode a text in characters that ROI properties keep."""
    if not text.strip(PLAIN):
        # Nothing is left. Names of thousands of events are encoded in half the time.
        return text.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
    # As urllib.quote, which takes Jython most of a second to import. Java encodes blanks and stars as web forms do.
    return URLEncoder.encode(text, "UTF-8").replace("+", "%20").replace("*", "%2A")


def unquoted(text):
    """Decode a text of a ROI's properties."""
    whole = re.sub("%(?![0-9A-Fa-f]{2})", "%25", text)
    return URLDecoder.decode(whole.replace("+", "%2B"), "UTF-8")


def remove_from_manager(manager, indexes):
    """Remove the ROIs at ascending indexes from the ROI Manager."""
    if not indexes:
        return
    if len(indexes) == manager.getCount():
        manager.reset()
        return
    manager.setSelectedIndexes(indexes)
    # If nothing were selected, ImageJ would delete all ROIs.
    if list(manager.getSelectedIndexes()) != indexes:
        raise EngineError("The ROI Manager did not select EpiFiji's earlier ROIs: delete them there, and try again.")
    manager.runCommand("Delete")
