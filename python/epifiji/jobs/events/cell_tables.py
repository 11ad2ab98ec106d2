"""Tables of events per cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from epifiji.data.statistics import ClassStatistics, Extent
from epifiji.data.tissue import CellBins, Tissue, share
from epifiji.engine.events.cell_bins import bin_events, mean_interval, poisson_interval
from epifiji.files.figures.plots import class_colour, class_name
from epifiji.files.figures.quantities import Quantity

HUNDRED = 100


def cell_summary(found: ClassStatistics, tissue: Tissue, extent: Extent) -> dict[str, float | None]:
    """Return the number of cells and the events per 100 cells and unit of time, each with its 95 % interval.

    The interval of the rate combines those of the events (Poisson) and of the number of cells (its variation between
    segmented frames): its ends are the ends of the one divided by the opposite ends of the other.
    """
    counts = tissue.counts[tissue.region.of_frame[tissue.frames] >= 0]
    cells, fewest, most = mean_interval(counts)
    time = int(tissue.region.observed.sum()) * extent.rate_time / HUNDRED
    events = len(found.places)
    low, high = (float(end) for end in poisson_interval(np.array(events)))
    exposure = float(tissue.counts_over_time[tissue.region.observed].sum()) * extent.rate_time / HUNDRED
    unit = rate_unit(extent)
    known = np.isfinite(fewest)
    return {
        "cells": cells,
        "cells, 2.5 %": fewest if known else None,
        "cells, 97.5 %": most if known else None,
        unit: events / exposure if exposure else None,
        f"{unit}, 2.5 %": low / (time * (most if known else cells)) if exposure else None,
        f"{unit}, 97.5 %": high / (time * fewer) if (fewer := fewest if known else cells) else None,
    }


def rate_in_words(found: ClassStatistics, tissue: Tissue, extent: Extent) -> str:
    """Write the rate of events per cell with its interval."""
    unit, row = rate_unit(extent), cell_summary(found, tissue, extent)
    rate, low, high = (row[f"{unit}{end}"] for end in ("", ", 2.5 %", ", 97.5 %"))
    of_what = unit.removeprefix("events ")
    return f"{rate:.3g} {of_what} (95 %: {low:.3g} to {high:.3g})" if None not in (rate, low, high) else f"- {of_what}"


def rate_unit(extent: Extent) -> str:
    """Name the rate of events per cell."""
    return f"events per {HUNDRED} cells and {extent.rate_unit}"


def cell_rows(classes: Mapping[str, ClassStatistics], bins: CellBins, extent: Extent) -> Iterator[dict[str, Any]]:
    """Yield a row for each class, bin of time and square; frames are counted from 1, both ends included."""
    length, area = extent.length, extent.length**2
    for name, found in classes.items():
        events = bin_events(found.places, bins)
        rates = share(events * float(HUNDRED), bins.exposure * extent.rate_time)
        for t, y, x in np.ndindex(*events.shape):
            yield {
                "event": name,
                "first frame": int(bins.times[t]) + 1,
                "last frame": int(bins.times[t + 1]),
                **_bounds("y", bins.rows[y : y + 2] * length, extent.length_unit),
                **_bounds("x", bins.columns[x : x + 2] * length, extent.length_unit),
                "events": int(events[t, y, x]),
                "cells": float(bins.cells[t, y, x]),
                f"mean area ({extent.area_unit})": _defined(bins.area_px[t, y, x] * area),
                "mean elongation": _defined(bins.elongation[t, y, x]),
                rate_unit(extent): _defined(rates[t, y, x]),
            }


def _bounds(axis: str, ends: np.ndarray, unit: str) -> dict[str, float]:
    return {f"{axis} from ({unit})": float(ends[0]), f"{axis} to ({unit})": float(ends[1])}


def _defined(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def quantities(classes: Mapping[str, ClassStatistics], bins: CellBins, extent: Extent) -> list[Quantity]:
    """Return what is drawn: events per cell of each class, and the cells' number, area and elongation."""
    in_space, over_time = (0,), (1, 2)
    scale = HUNDRED / extent.rate_time
    drawn = []
    for name, found in classes.items():
        events = bin_events(found.places, bins)
        exposure = bins.exposure.sum(axis=over_time)
        rates = [share(ends * scale, exposure) for ends in poisson_interval(events.sum(axis=over_time))]
        drawn.append(
            Quantity(
                f"{class_name(name)}: {rate_unit(extent)}",
                rate_unit(extent).removeprefix("events "),
                class_colour(name, classes),
                share(events.sum(axis=in_space) * scale, bins.exposure.sum(axis=in_space)),
                share(events.sum(axis=over_time) * scale, exposure),
                *rates,
            )
        )
    observed = np.maximum(1, bins.observed.sum())
    number = bins.cells.sum(axis=over_time)
    number = np.where(bins.observed > 0, number, np.nan)
    drawn.append(Quantity("cells", "cells", None, bins.exposure.sum(axis=in_space) / observed, number))
    for title, unit, values in (
        ("mean area", extent.area_unit, bins.area_px * extent.length**2),
        ("mean elongation", "long by short axis", bins.elongation),
    ):
        drawn.append(Quantity(title, unit, None, bins.mean(values, in_space), bins.mean(values, over_time)))
    return drawn
