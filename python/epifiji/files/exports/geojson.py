"""Events and cells as GeoJSON in the form that QuPath reads and writes."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from epifiji.data.events import Event, by_class, colour_of
from epifiji.data.polygons import Polygon
from epifiji.files.rois.roi_files import shown_name

CELL = "cell"
PIXEL_CENTRE = 0.5
"""The centre of the first pixel: QuPath counts from the pixel's corner."""


def event_features(events: Sequence[Event], classes: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield a point for each event, with its class, scores and volume; `classes` are all those of the network."""
    groups = by_class(events)
    known = {*classes, *groups}
    for name, group in groups.items():
        for number, event in enumerate(group, 1):
            scores = {"score": event.score, "raw score": event.raw_score}
            place = {"type": "Point", "coordinates": [event.x + PIXEL_CENTRE, event.y + PIXEL_CENTRE]}
            measured = {key: score for key, score in scores.items() if not math.isnan(score)}
            measured |= {"volume": event.volume, "at border": int(event.border)}
            named = shown_name(event, number)
            yield _feature(place, event.frame, "annotation", named, name, colour_of(name, known), measured)


def cell_features(cells: Iterable[Polygon]) -> Iterator[dict[str, Any]]:
    """Yield a polygon for each cell."""
    for cell in cells:
        ring = [[float(x) + PIXEL_CENTRE, float(y) + PIXEL_CENTRE] for y, x in cell.corners]
        place = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        yield _feature(place, cell.frame, "detection", cell.name, CELL, cell.colour, {})


def _feature(
    place: dict[str, Any],
    frame: int,
    kind: str,
    name: str,
    class_name: str,
    colour: tuple[int, int, int],
    measured: dict[str, float],
) -> dict[str, Any]:
    # The same results get the same identifiers.
    identifier = uuid.uuid5(uuid.NAMESPACE_OID, f"{name} {frame} {place}")
    return {
        "type": "Feature",
        "id": str(identifier),
        "geometry": place | {"plane": {"c": -1, "z": 0, "t": frame}},
        "properties": {
            "objectType": kind,
            "name": name,
            "classification": {"name": class_name, "color": list(colour)},
            "measurements": measured,
        },
    }


def write_geojson(path: Path, features: Iterable[dict[str, Any]]) -> int:
    """Write features as one collection, one in each line, and return their number."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for feature in features:
            file.write(("," if count else "") + "\n" + json.dumps(feature, ensure_ascii=False, allow_nan=False))
            count += 1
        file.write("\n]}\n")
    return count
