"""Pixel size and frame interval, as the headers of TIFF files tell them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any
from xml.etree import ElementTree

MICROMETRES = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    r"\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "å": 1e-4,
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
"""A unit of length (lower case) in µm. ImageJ writes µ as an escape; µ has two code points."""

SECONDS = {
    "ns": 1e-9,
    "µs": 1e-6,
    "μs": 1e-6,
    "us": 1e-6,
    r"\u00b5s": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
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
"""A unit of time (lower case) in seconds."""

LARGEST_PIXEL_UM = 20.0
"""A pixel above this shows no cells: a header that says so gives the resolution of a print."""


@dataclass(frozen=True)
class Calibration:
    """Side of a pixel in x and y (µm) and time between frames (s); None where the file does not say."""

    x_um: float | None = None
    y_um: float | None = None
    interval_s: float | None = None

    def notices(self, source: str) -> tuple[str, ...]:
        """Say of the file `source` that its pixels are not square, where they are not."""
        if self.x_um is None or self.y_um is None or math.isclose(self.x_um, self.y_um, rel_tol=0.01):
            return ()
        return (
            f"{source} has pixels of {self.x_um:g} x {self.y_um:g} µm (x, y), which are not square: lengths in µm "
            "use the first.",
        )


def quantity(value: Any, unit: Any, units: Mapping[str, float]) -> float | None:
    """Convert a positive, finite number with its unit; None for anything else, such as pixels as a unit."""
    number = _number(value) * units.get(str(unit).strip().lower(), math.nan)
    return number if math.isfinite(number) and number > 0 else None


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def from_tiff(imagej: Mapping[str, Any], tag_unit: int, pixels_per_unit: tuple[float, float]) -> Calibration:
    """Read the resolution tags of a TIFF that is not OME's, with ImageJ's description where there is one.

    Parameters
    ----------
    imagej
        ImageJ's description: `unit` names the unit of the resolution tags, `finterval` is a time in `tunit`. Empty
        for other TIFFs.
    tag_unit
        The tag ResolutionUnit, 2 for inch and 3 for centimetre. It counts only where ImageJ names no unit, and not
        where it describes a print.
    pixels_per_unit
        The tags XResolution and YResolution; 0 where they are absent.
    """
    unit = imagej.get("unit", {2: "inch", 3: "cm"}.get(tag_unit))
    x, y = (quantity(1 / n if n else None, unit, MICROMETRES) for n in pixels_per_unit)
    if "unit" not in imagej and max(x or 0, y or 0) > LARGEST_PIXEL_UM:
        x = y = None
    return Calibration(x, y, quantity(imagej.get("finterval"), imagej.get("tunit", "sec"), SECONDS))


def from_ome(xml: str) -> Calibration:
    """Read the first image of an OME description: its physical sizes and time increment, with OME's default units.

    Where there is no time increment, the median step between the planes' times stands in.
    """
    pixels = next((e for e in ElementTree.fromstring(xml).iter() if e.tag.endswith("Pixels")), None)
    if pixels is None:
        return Calibration()
    get = pixels.attrib.get
    return Calibration(
        quantity(get("PhysicalSizeX"), get("PhysicalSizeXUnit", "µm"), MICROMETRES),
        quantity(get("PhysicalSizeY"), get("PhysicalSizeYUnit", "µm"), MICROMETRES),
        quantity(get("TimeIncrement"), get("TimeIncrementUnit", "s"), SECONDS) or _median_step(pixels),
    )


def _median_step(pixels: ElementTree.Element) -> float | None:
    """Compute the median time (s) between frames from the planes of the first channel and the first Z."""
    times = {}
    for plane in (e.attrib for e in pixels if e.tag.endswith("Plane")):
        if plane.get("TheZ") == plane.get("TheC") == "0" and plane.get("TheT", "").isdigit():
            unit = SECONDS.get(plane.get("DeltaTUnit", "s").lower(), math.nan)
            times[int(plane["TheT"])] = _number(plane.get("DeltaT")) * unit
    steps = [(times[b] - times[a]) / (b - a) for a, b in pairwise(sorted(times))]
    return quantity(median(steps), "s", SECONDS) if steps else None
