"""Events as spots in the XML format of TrackMate 7, which its command *Load a TrackMate file* opens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from epifiji.data.events import Event, by_class, colour_of
from epifiji.files.rois.roi_files import shown_name

VERSION = "7.11.1"
"""The version of TrackMate whose format is written; later versions read it too."""

PLACED_BY_HAND = -1.0
"""The quality and the raw score of an event without a score, which is also that of spots that are added by hand in TrackMate."""

NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

SPOT_FEATURES = (
    ("QUALITY", "Quality", "Quality", "QUALITY", False),
    ("POSITION_X", "X", "X", "POSITION", False),
    ("POSITION_Y", "Y", "Y", "POSITION", False),
    ("POSITION_Z", "Z", "Z", "POSITION", False),
    ("POSITION_T", "T", "T", "TIME", False),
    ("FRAME", "Frame", "Frame", "NONE", True),
    ("RADIUS", "Radius", "R", "LENGTH", False),
    ("VISIBILITY", "Visibility", "Visibility", "NONE", True),
    ("MANUAL_SPOT_COLOR", "Manual spot color", "Spot color", "NONE", True),
    ("EVENT_CLASS", "Event class", "Class", "NONE", True),
    ("EVENT_VOLUME", "Event volume", "Volume", "NONE", True),
    ("EVENT_BORDER", "At the border", "Border", "NONE", True),
    ("EVENT_RAW_SCORE", "Raw score", "Raw score", "NONE", False),
)
"""Key, name, short name, dimension, and whether values are integers. The last four are EpiFiji's own."""

EDGE_FEATURES = (
    ("SPOT_SOURCE_ID", "Source spot ID", "Source ID", "NONE", True),
    ("SPOT_TARGET_ID", "Target spot ID", "Target ID", "NONE", True),
    ("LINK_COST", "Edge cost", "Cost", "COST", False),
)
TRACK_FEATURES = (
    ("TRACK_INDEX", "Track index", "Index", "NONE", True),
    ("TRACK_ID", "Track ID", "ID", "NONE", True),
)
"""Features of edges and tracks that TrackMate always declares, also if there are no tracks."""

DISPLAY = {
    "name": "EpiFiji",
    "spotUniformColor": "204, 51, 204, 255",
    "spotColorByType": "SPOTS",
    "spotColorByFeature": "MANUAL_SPOT_COLOR",
    "spotDisplayRadius": 1.0,
    "spotDisplayedAsRoi": True,
    "spotMin": 0.0,
    "spotMax": 1.0,
    "spotShowName": True,
    "trackMin": 0.0,
    "trackMax": 10.0,
    "trackColorByType": "DEFAULT",
    "trackColorByFeature": "UNIFORM_COLOR",
    "trackUniformColor": "204, 204, 51, 255",
    "undefinedValueColor": "0, 0, 0, 255",
    "missingValueColor": "89, 89, 89, 255",
    "highlightColor": "51, 230, 51, 255",
    "trackDisplayMode": "FULL",
    "colormap": "Jet",
    "limitZDrawingDepth": False,
    "drawingZDepth": 10.0,
    "fadeTracks": True,
    "fadeTrackRange": 30,
    "useAntialiasing": True,
    "spotVisible": True,
    "trackVisible": True,
    "font": {"name": "Arial", "style": 1, "size": 12},
    "lineThickness": 1.0,
    "selectionLineThickness": 4.0,
    "trackschemeBackgroundColor1": "128, 128, 128, 255",
    "trackschemeBackgroundColor2": "192, 192, 192, 255",
    "trackschemeForegroundColor": "0, 0, 0, 255",
    "trackschemeDecorationColor": "0, 0, 0, 255",
    "trackschemeFillBox": False,
    "spotFilled": False,
    "spotTransparencyAlpha": 1.0,
}
"""TrackMate's own display settings, with spots in the colours of their classes and with their names."""


@dataclass(frozen=True)
class ShownMovie:
    """The movie of exported events.

    Parameters
    ----------
    shape
        (T, Y, X) in frames and pixels.
    file
        Its file, or None if it is unknown.
    pixel_size_um, frame_interval_s
        Side of a pixel in µm and time between frames in s; None if unknown.
    """

    shape: tuple[int, int, int]
    file: Path | None = None
    pixel_size_um: float | None = None
    frame_interval_s: float | None = None


def write_trackmate(
    path: Path, events: Sequence[Event], movie: ShownMovie, radius_px: float, log: str, classes: Iterable[str] = ()
) -> None:
    """Write events as spots without tracks.

    Positions are in µm and seconds, or in pixels and frames if the movie is not calibrated. A spot has its event's score as
    quality, the event's name, and the colour of its class.

    Parameters
    ----------
    path
        The file to write.
    events
        Any number, in any order.
    radius_px
        Radius of all spots in pixels.
    log
        What TrackMate shows as the log of the session.
    classes
        All classes of the network, on which the colours of its own classes depend.
    """
    root = Element("TrackMate", version=VERSION)
    SubElement(root, "Log").text = _text(log)
    length, time = float(movie.pixel_size_um or 1), float(movie.frame_interval_s or 1)
    root.append(_model(events, movie, length, time, radius_px * length, classes))
    root.append(_settings(movie, length, time, radius_px * length))
    SubElement(root, "GUIState", state="ConfigureViews")
    SubElement(root, "DisplaySettings").text = json.dumps(DISPLAY, indent=2)
    indent(root)
    ElementTree(root).write(path, encoding="UTF-8", xml_declaration=True)


def _model(
    events: Sequence[Event], movie: ShownMovie, length: float, time: float, radius: float, classes: Iterable[str]
) -> Element:
    units = {
        "spatialunits": "µm" if movie.pixel_size_um else "pixel",
        "timeunits": "sec" if movie.frame_interval_s else "frame",
    }
    model = Element("Model", units)
    declared = SubElement(model, "FeatureDeclarations")
    for kind, features in (("Spot", SPOT_FEATURES), ("Edge", EDGE_FEATURES), ("Track", TRACK_FEATURES)):
        of_kind = SubElement(declared, f"{kind}Features")
        for key, name, short, dimension, is_int in features:
            described = {"feature": key, "name": name, "shortname": short, "dimension": dimension}
            SubElement(of_kind, "Feature", described | {"isint": str(is_int).lower()})
    spots = SubElement(model, "AllSpots", nspots=str(len(events)))
    groups = by_class(events)
    known = {*classes, *groups}
    named = [
        (event, shown_name(event, number), index)
        for index, group in enumerate(groups.values(), 1)
        for number, event in enumerate(group, 1)
    ]
    identifier = 0
    for frame, together in groupby(sorted(named, key=lambda one: one[0].frame), lambda one: one[0].frame):
        in_frame = SubElement(spots, "SpotsInFrame", frame=str(frame))
        for event, name, index in together:
            spot = {
                "ID": str(identifier),
                "name": _text(name),
                "QUALITY": _score(event.score),
                "POSITION_X": repr(float(event.x * length)),
                "POSITION_Y": repr(float(event.y * length)),
                "POSITION_Z": "0.0",
                "POSITION_T": repr(float(frame * time)),
                "FRAME": str(frame),
                "RADIUS": repr(radius),
                "VISIBILITY": "1",
                "MANUAL_SPOT_COLOR": str(_java_colour(colour_of(event.event, known))),
                "EVENT_CLASS": str(index),
                "EVENT_VOLUME": str(event.volume),
                "EVENT_BORDER": str(int(event.border)),
                "EVENT_RAW_SCORE": _score(event.raw_score),
            }
            SubElement(in_frame, "Spot", spot)
            identifier += 1
    SubElement(model, "AllTracks")
    SubElement(model, "FilteredTracks")
    return model


def _settings(movie: ShownMovie, length: float, time: float, radius: float) -> Element:
    frames, height, width = movie.shape
    settings = Element("Settings")
    image = {
        "filename": _text(movie.file.name) if movie.file else "",
        "folder": _text(f"{movie.file.absolute().parent}/") if movie.file else "",
        "width": str(width),
        "height": str(height),
        "nslices": "1",
        "nframes": str(frames),
        "pixelwidth": repr(length),
        "pixelheight": repr(length),
        "voxeldepth": "1.0",
        "timeinterval": repr(time),
    }
    SubElement(settings, "ImageData", image)
    ends = {"xend": width - 1, "yend": height - 1, "zend": 0, "tend": frames - 1}
    bounds = dict.fromkeys(("xstart", "ystart", "zstart", "tstart"), 0) | ends
    SubElement(settings, "BasicSettings", {key: str(value) for key, value in bounds.items()})
    SubElement(settings, "DetectorSettings", DETECTOR_NAME="MANUAL_DETECTOR", RADIUS=repr(radius))
    # Only larger qualities pass, and spots that are placed by hand have a negative one.
    SubElement(settings, "InitialSpotFilter", feature="QUALITY", value=repr(PLACED_BY_HAND - 1), isabove="true")
    SubElement(settings, "SpotFilterCollection")
    SubElement(settings, "TrackerSettings", TRACKER_NAME="MANUAL_TRACKER")
    SubElement(settings, "TrackFilterCollection")
    analyzers = SubElement(settings, "AnalyzerCollection")
    SubElement(SubElement(analyzers, "SpotAnalyzers"), "Analyzer", key="Manual spot color")
    SubElement(analyzers, "EdgeAnalyzers")
    SubElement(analyzers, "TrackAnalyzers")
    return settings


def _score(score: float) -> str:
    return repr(PLACED_BY_HAND if math.isnan(score) else float(score))


def _java_colour(colour: tuple[int, int, int]) -> int:
    """Return an opaque colour as Java stores it: 32 bits with a sign."""
    red, green, blue = colour
    return (red << 16 | green << 8 | blue) - (1 << 24)


def _text(text: str) -> str:
    """Replace the characters that XML cannot contain."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
