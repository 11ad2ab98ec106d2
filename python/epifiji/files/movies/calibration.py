"""Pixel size and frame interval from the headers of movie files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import SupportsFloat
from xml.etree import ElementTree

from epifiji.data.image import NOT_SQUARE, are_square

MICROMETRES = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    r"\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "micrometers": 1.0,
    "micrometres": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "nanometers": 1e-3,
    "nanometres": 1e-3,
    "å": 1e-4,
    "angstrom": 1e-4,
    "picometer": 1e-6,
    "pm": 1e-6,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25_400.0,
    "in": 25_400.0,
}
"""Units of length (lower case) in µm. ImageJ writes µ as an escape; µ has two code points."""

SECONDS = {
    "ns": 1e-9,
    "µs": 1e-6,
    "μs": 1e-6,
    "us": 1e-6,
    r"\u00b5s": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "nanosecond": 1e-9,
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "mins": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86_400.0,
    "day": 86_400.0,
    "days": 86_400.0,
}
"""Units of time (lower case) in seconds."""

INCH = frozenset({"inch", "inches", "in", '"'})
NO_UNIT = frozenset({"", "pixel", "pixels", "px", "none", "null"})

LEAST_PIXEL_UM, LARGEST_PIXEL_UM = 0.005, 20.0
"""Smallest and largest plausible side of a pixel; others come from a wrong unit, or describe a print."""
LARGEST_DEPTH_UM = 100.0
"""Largest plausible distance between planes, the smallest being that of a pixel; others come from a wrong unit."""
LARGEST_PIXEL_IN_INCHES_UM = 5.0
"""The largest pixel if the unit is inch: 5080 dots per inch, more than printers and scanners have."""
LEAST_INTERVAL_S, LARGEST_INTERVAL_S = 1e-3, 86_400.0
"""Smallest and largest plausible time between frames."""


@dataclass(frozen=True)
class Calibration:
    """Side of a pixel in x and y (µm), time between frames (s), distance between planes (µm); None if not in the file."""

    x_um: float | None = None
    y_um: float | None = None
    interval_s: float | None = None
    z_um: float | None = None
    doubted: tuple[str, ...] = ()
    """Entries of the file that are not used, each as the end of a sentence."""

    def notices(self, source: str) -> tuple[str, ...]:
        """Describe the entries of the file `source` that are not used, and pixels that are not square."""
        return tuple(f"{source} {doubt}" for doubt in self.doubted) + self._not_square(source)

    def _not_square(self, source: str) -> tuple[str, ...]:
        if are_square(self.x_um, self.y_um):
            return ()
        return (
            f"{source} has pixels of {self.x_um:g} x {self.y_um:g} µm (x, y), {NOT_SQUARE}: lengths in µm "
            "use the first.",
        )


def quantity(value: object, unit: object, units: Mapping[str, float]) -> float | None:
    """Convert a positive, finite number with its unit; None for anything else, such as a unit of pixels."""
    number = _number(value) * units.get(str(unit).strip().lower(), math.nan)
    return number if math.isfinite(number) and number > 0 else None


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str | bytes | SupportsFloat) else math.nan
    except (TypeError, ValueError):
        return math.nan


def checked(
    sizes: tuple[object, object], unit: object, interval: object, time_unit: object, depth: object = None
) -> Calibration:
    """Convert sides of a pixel (x, y), a distance between planes and a time between frames with their units.

    Implausible values are left out; the distance between planes is if the sides of a pixel are.
    """
    name, time_name = str(unit).strip(), str(time_unit).strip()
    x, y, z = (quantity(size, name, MICROMETRES) for size in (*sizes, depth))
    read = Calibration(x, y, quantity(interval, time_name, SECONDS), z)
    doubted = []
    largest = LARGEST_PIXEL_IN_INCHES_UM if name.lower() in INCH else LARGEST_PIXEL_UM
    sides = [side for side in (read.x_um, read.y_um) if side is not None]
    if sides and (min(sides) < LEAST_PIXEL_UM or max(sides) > largest):
        read = replace(read, x_um=None, y_um=None, z_um=None)
        doubted.append(
            f"has pixels {sides[0]:g} µm wide ({_number(sizes[0]):g} {name}), which is not plausible for cells: no "
            "pixel size is used; set it in Fiji with Image > Properties..."
        )
    elif not sides and _number(sizes[0]) > 0 and name.lower() not in NO_UNIT | MICROMETRES.keys():
        doubted.append(f'gives its pixel size in "{name}", which is not a known unit of length: no pixel size is used.')
    if read.z_um is not None and not LEAST_PIXEL_UM <= read.z_um <= LARGEST_DEPTH_UM:
        doubted.append(
            f"has planes {read.z_um:g} µm apart ({_number(depth):g} {name}), which is not plausible for cells: no distance "
            "between planes is used; set it in Fiji with Image > Properties..."
        )
        read = replace(read, z_um=None)
    if read.interval_s is not None and not LEAST_INTERVAL_S <= read.interval_s <= LARGEST_INTERVAL_S:
        doubted.append(
            f"has frames {read.interval_s:g} s apart ({_number(interval):g} {time_name}), which is not plausible for "
            "cells: no frame interval is used; set it in Fiji with Image > Properties..."
        )
        read = replace(read, interval_s=None)
    elif _number(interval) < 0:
        doubted.append(f"has a negative frame interval ({_number(interval):g} {time_name}): it is not used.")
    elif interval is not None and not math.isfinite(_number(interval)):
        doubted.append(
            f"has {str(interval)[:20]!r} as frame interval, but a number with a decimal point is needed: it is not "
            "used; set it in Fiji with Image > Properties..."
        )
    elif _number(interval) > 0 and read.interval_s is None and time_name.lower() not in NO_UNIT:
        doubted.append(f'gives its frame interval in "{time_name}", which is not a known unit of time: it is not used.')
    return replace(read, doubted=tuple(doubted))


def from_tiff(imagej: Mapping[str, object], tag_unit: int, pixels_per_unit: tuple[float, float]) -> Calibration:
    """Read the resolution tags of a TIFF that is not OME's, with ImageJ's description if there is one.

    Parameters
    ----------
    imagej
        ImageJ's description: `unit` is the unit of the resolution tags and of `spacing`, the distance between planes, whose
        sign ImageJ ignores; `yunit` and `zunit` are those of y and of `spacing` if they differ from it; `finterval` is a time
        in `tunit`. Empty for other TIFFs.
    tag_unit
        The tag ResolutionUnit, 2 for inch and 3 for centimetre. It is used only if ImageJ's description has no unit,
        and the size is not that of a print.
    pixels_per_unit
        The tags XResolution and YResolution; 0 if they are absent.
    """
    sizes = tuple(1 / n if n else None for n in pixels_per_unit)
    interval, time_unit = imagej.get("finterval"), imagej.get("tunit", "sec")
    if "unit" in imagej:
        x_unit, spacing = imagej["unit"], abs(_number(imagej.get("spacing")))
        y, z = (
            in_units_of(_number(size), imagej.get(name, x_unit), x_unit)
            for size, name in ((sizes[1], "yunit"), (spacing, "zunit"))
        )
        return checked((sizes[0], y), x_unit, interval, time_unit, z)
    unit = {2: "inch", 3: "cm"}.get(tag_unit, "")
    read = checked((sizes[0], sizes[1]), unit, None, "")
    # Nearly every TIFF has dots per inch, which say nothing about the specimen.
    times = checked((None, None), "", interval, time_unit)
    return Calibration(read.x_um, read.y_um, times.interval_s, doubted=times.doubted)


def from_ome(xml: str) -> Calibration:
    """Read the first image of an OME description: its physical sizes and time increment, with OME's default units.

    If there is no time increment, the median step between the planes' times is used.
    """
    pixels = next((e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("Pixels")), None)
    if pixels is None:
        return Calibration()
    get = pixels.attrib.get
    x_unit = get("PhysicalSizeXUnit", "µm")
    x, y, z = (_number(get(f"PhysicalSize{axis}")) for axis in "XYZ")
    y, z = (in_units_of(size, get(f"PhysicalSize{axis}Unit", "µm"), x_unit) for axis, size in (("Y", y), ("Z", z)))
    interval: object = get("TimeIncrement")
    time_unit = get("TimeIncrementUnit", "s")
    if quantity(interval, time_unit, SECONDS) is None:
        interval, time_unit = _median_step(pixels), "s"
    return checked((x, y), x_unit, interval, time_unit, z)


def _ratio_of_units(unit: str, other: str) -> float:
    """Return how many of the `other` unit of length a unit is; 1 if they are the same, NaN if one is unknown."""
    if unit == other:
        return 1.0
    return MICROMETRES.get(unit.strip().lower(), math.nan) / MICROMETRES.get(other.strip().lower(), math.nan)


def in_units_of(size: float, unit: object, other: object) -> float:
    """Convert a length into another unit; see :func:`checked`, which takes one unit for both sides."""
    return size * _ratio_of_units(str(unit), str(other))


def _median_step(pixels: ElementTree.Element) -> float | None:
    """Compute the median time (s) between frames from the planes of the first channel and the first Z."""
    times = {}
    for plane in (e.attrib for e in pixels if e.tag.endswith("Plane")):
        if plane.get("TheZ") == plane.get("TheC") == "0" and plane.get("TheT", "").isdigit():
            unit = SECONDS.get(plane.get("DeltaTUnit", "s").lower(), math.nan)
            times[int(plane["TheT"])] = _number(plane.get("DeltaT")) * unit
    steps = [(times[b] - times[a]) / (b - a) for a, b in pairwise(sorted(times))]
    return quantity(median(steps), "s", SECONDS) if steps else None
