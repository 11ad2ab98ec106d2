"""Random settings of simulations for training: plain movies, hard movies and movies with tissue edges; cysts."""

from __future__ import annotations

from typing import Any

import numpy as np

from epifiji.data.settings.cysts import CystSettings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.planning import room

Ranges = dict[str, tuple[float, float]]
"""Lowest and highest value of settings by name."""

PLAIN_RANGES: Ranges = {
    "cell_diameter_px": (15, 40),
    "area_spread": (0.2, 0.5),
    "stretch": (1, 1.5),
    "event_duration": (7, 18),
    "event_variety": (0.3, 1),
    "flow_px": (0, 0.6),
    "restlessness": (0.5, 1.8),
    "contrast": (5, 18),
    "haze": (0.05, 0.3),
    "junction_spread": (0.1, 0.35),
    "tricellular": (0.2, 1),
    "texture": (0.05, 0.3),
    "clouds": (0, 0.3),
    "inside_spread": (0, 0.08),
    "brightness": (30, 140),
    "photons": (100, 800),
    "camera_noise": (0.5, 3),
}
"""Ranges of the settings of plain movies; `flow_px` is in px for cells of 25 px and scales with the cells.

The cell diameter is 18 to 30 px in two of three movies.
"""

HARD_RANGES: dict[str, tuple[float, float]] = PLAIN_RANGES | {
    "flow_px": (0, 1),
    "restlessness": (0.5, 2.5),
    "event_variety": (0.6, 1),
    "drift_px": (0.1, 1.5),
    "unfocused_regions": (0.05, 0.4),
    "unfocused_frames": (0.01, 0.1),
    "bleaching": (0.1, 0.7),
    "unsteady_light": (0.01, 0.15),
    "contrast": (2, 8),
    "haze": (0.1, 0.9),
    "junction_spread": (0.1, 0.5),
    "texture": (0.05, 0.5),
    "clouds": (0, 0.8),
    "inside_spread": (0, 0.2),
    "brightness": (12, 120),
    "photons": (15, 150),
    "camera_noise": (1, 8),
}
"""Ranges of hard movies; each has some of the degradations."""

EDGE_RANGES: dict[str, tuple[float, float]] = {"no_tissue": (0.05, 0.55), "dark_regions": (0.05, 0.5)}
"""Ranges of movies with edges; all other settings are plain or hard."""

WIDTHS_PX: dict[str, tuple[float, float]] = {"membrane_px": (0.7, 1.8), "blur_px": (0.5, 2)}
"""Widths at a cell diameter of 25 px. They scale with the cells in half of the movies, with the square root in the others."""

_WIDE: dict[str, tuple[float, float]] = {
    "cell_diameter_px": (14.5, 45),
    "event_duration": (6, 20),
    "event_variety": (0.3, 2),
    "haze": (0.02, 0.6),
    "junction_spread": (0.05, 0.5),
    "tricellular": (0, 1.5),
}

WIDE_PLAIN_RANGES = PLAIN_RANGES | _WIDE | {"restlessness": (0.3, 2), "contrast": (4, 25), "brightness": (20, 160)}
"""Ranges of the plain movies of :func:`draw_wide_settings`.

A condition of benchmarks/epinet_scores.py that lies outside the ranges of :func:`draw_settings` lies outside these too.
"""

WIDE_HARD_RANGES = HARD_RANGES | {
    **_WIDE,
    "flow_px": (0, 1.25),
    "restlessness": (0.5, 2.9),
    "drift_px": (0.1, 1.7),
    "unfocused_regions": (0.05, 0.44),
    "unfocused_frames": (0.01, 0.115),
    "bleaching": (0.1, 0.75),
    "unsteady_light": (0.01, 0.19),
    "haze": (0.1, 0.98),
    "brightness": (11, 200),
    "photons": (13, 150),
    "camera_noise": (1, 8.5),
}
"""Ranges of the hard ones."""

WIDE_EDGE_RANGES: dict[str, tuple[float, float]] = {"no_tissue": (0.05, 0.58), "dark_regions": (0.05, 0.54)}

LOSSES: dict[str, tuple[float, tuple[float, float]]] = {
    "black_frames": (0.15, (0.02, 0.08)),
    "repeated_frames": (0.2, (0.02, 0.12)),
    "skipped_frames": (0.2, (0.05, 0.3)),
    "overexposure": (0.15, (1.5, 6)),
}
"""Of a movie of :func:`draw_wide_settings`: the probability that it has the setting at all, and the range of its values."""

SHORT_MOVIES, SHORT_FRAMES, USUAL_FRAMES = 0.35, (10, 25), (40, 70)
"""Share of short movies, and lengths of these and of the others."""

WIDE_SIDES_PX = (160, 280)

WIDE_EVENTS = {"extrusions": 1.5, "divisions": 1.5, "sops": 2.5}
"""More events than :func:`draw_settings` plans, by these factors; there may not be room for all."""

CYST_RANGES: dict[str, tuple[float, float]] = {
    "cell_width_um": (6, 11),
    "elongation": (1, 1.8),
    "deformation": (0, 0.08),
    "irregularity": (0.05, 0.3),
    "tilt": (0, 0.3),
    "pixel_size_um": (0.5, 0.8),
    "voxel_depth_um": (0.6, 1.2),
    "membrane_um": (0.25, 0.5),
    "blur_um": (0.25, 0.6),
    "blur_depth_um": (0.6, 1.8),
    "contrast": (4, 15),
    "membrane_spread": (0.1, 0.5),
    "attenuation": (0, 0.7),
    "brightness": (60, 200),
    "photons": (4, 400),
    "camera_noise": (0.5, 5),
}
"""Ranges of the settings of cysts."""

CELLS_OF_CYSTS = (20, 120)

HIGHEST_CELLS = 1.6
"""Largest height of a cell, in widths."""

_DEGRADATIONS = ("drift_px", "unfocused_regions", "unfocused_frames", "bleaching", "unsteady_light")
_MOST_EVENTS = 0.6  # of the available room
_DENSITY = 0.012  # most events and distractors per cell and frame
_WITHOUT_EVENTS = 0.15  # share of movies with distractors instead of events


def draw_settings(seed: int, frames: int = 60, height: int = 256, width: int = 256) -> SimulationSettings:
    """Draw the settings of a movie.

    About a third of the movies are plain, a third hard, and a third have tissue edges or dark regions. Events may lie
    near the movie's first and last frames and near the frame's edge. One of seven movies has no events, only
    distractors. Test movies are best drawn outside the ranges given in this module.

    Parameters
    ----------
    seed
        0 or more; also the movie's seed. The same seed gives the same settings.
    frames, height, width
        Size of the movie.

    Returns
    -------
    SimulationSettings
        Settings of a movie that has room for all its events.
    """
    random = np.random.default_rng([seed, 2])
    return _drawn(seed, random, (frames, height, width), (PLAIN_RANGES, HARD_RANGES, EDGE_RANGES))


def draw_wide_settings(seed: int) -> SimulationSettings:
    """Draw the settings of a movie of any size, from wider ranges than :func:`draw_settings` does.

    A third of the movies are short. Events lie up to the movie's first and last frames and the frame's edge. Some movies
    have black, repeated or skipped frames, or saturated pixels.

    Parameters
    ----------
    seed
        0 or more; also the movie's seed. The same seed gives the same settings.

    Returns
    -------
    SimulationSettings
        Settings of a movie that has room for all its events.
    """
    random = np.random.default_rng([seed, 3])
    frames = int(random.integers(*(SHORT_FRAMES if random.random() < SHORT_MOVIES else USUAL_FRAMES), endpoint=True))
    height, width = (int(random.integers(*WIDE_SIDES_PX, endpoint=True)) for _ in range(2))
    ranges = WIDE_PLAIN_RANGES, WIDE_HARD_RANGES, WIDE_EDGE_RANGES
    settings = _drawn(seed, random, (frames, height, width), ranges)
    changes: dict[str, Any] = {"margin_frames": 1, "margin_diameters": float(random.uniform(0, 0.4))}
    changes |= {name: round(factor * getattr(settings, name)) for name, factor in WIDE_EVENTS.items()}
    for name, (probability, ends) in LOSSES.items():
        if random.random() < probability:
            changes[name] = float(random.uniform(*ends))
    return settings.model_copy(update=changes)


def _drawn(
    seed: int, random: np.random.Generator, shape: tuple[int, int, int], ranges: tuple[Ranges, Ranges, Ranges]
) -> SimulationSettings:
    """Draw settings of a movie (frames, height, width) from the ranges of plain movies, of hard ones, and of edges."""
    plain, harder, edges = ranges
    frames, height, width = shape
    kind = str(random.choice(["plain", "hard", "edge"]))
    hard = kind == "hard" or (kind == "edge" and random.random() < 0.5)
    values = {name: float(random.uniform(*ends)) for name, ends in (harder if hard else plain).items()}
    if random.random() < 0.55:
        values["cell_diameter_px"] = float(random.uniform(18, 30))
    values["cell_diameter_px"] = min(values["cell_diameter_px"], min(height, width) / 4)
    for name in ("photons", "contrast", "brightness", "event_duration"):
        low, high = (harder if hard else plain)[name]
        values[name] = float(np.exp(random.uniform(np.log(low), np.log(high))))
    for name in _DEGRADATIONS:
        if name in values and random.random() < 0.5:
            del values[name]
    if random.random() < 0.6:
        values["stretch"] = 1.0
    if kind == "edge":
        values |= {name: float(random.uniform(*ends)) for name, ends in edges.items()}
        dropped = random.choice(["no_tissue", "dark_regions", ""])
        values.pop(str(dropped), None)
    size = values["cell_diameter_px"] / 25
    for name, ends in WIDTHS_PX.items():
        values[name] = float(random.uniform(*ends)) * (size if random.random() < 0.5 else np.sqrt(size))
    values["flow_px"] *= size
    values["bit_depth"] = int(random.choice([8, 16]))
    values["margin_frames"] = int(random.choice([1, 3]))
    values["margin_diameters"] = float(random.uniform(0, 0.6))
    values["separation_diameters"] = float(random.uniform(1.2, 2))
    settings = SimulationSettings(
        seed=seed, frames=frames, height=height, width=width, extrusions=0, divisions=0, sops=0, **values
    )
    return settings.model_copy(update=_counts(settings, random))


def _counts(settings: SimulationSettings, random: np.random.Generator) -> dict[str, int]:
    """Draw the numbers of events and distractors, which use at most a part of the room."""
    cells = settings.height * settings.width / (np.pi / 4 * settings.cell_diameter_px**2)
    cells *= 1 - settings.no_tissue
    free = room(settings, int(np.ceil(_DENSITY * cells * settings.frames)))
    most = _MOST_EVENTS * free * random.uniform(0.2, 1)
    shares = random.dirichlet([2.5, 1.8, 1.2, 1.2, 0.8])
    names = ("extrusions", "divisions", "sops", "shrinking_cells", "flickering_spots")
    if random.random() < _WITHOUT_EVENTS:
        shares[:3], shares[3:] = 0, shares[3:] / shares[3:].sum()
    counts = {name: int(share * most) for name, share in zip(names, shares, strict=True)}
    if shares[:3].any() and random.random() < 0.25:
        counts |= {"shrinking_cells": 0, "flickering_spots": 0}
    counts["small_cells"] = int(random.uniform(0, 0.05) * cells)
    counts["debris"] = int(random.choice([0, 1]) * random.uniform(0, 0.15) * settings.frames)
    return counts


def draw_cyst_settings(seed: int, **specified: Any) -> CystSettings:
    """Draw the settings of a cyst of 20 to 120 cells; the same seed gives the same settings.

    Parameters
    ----------
    seed
        0 or more; also the cyst's seed.
    **specified
        Values of settings that are not drawn.

    Returns
    -------
    CystSettings
        Settings of a cyst that has room for a lumen.
    """
    random = np.random.default_rng([seed, 4])
    values: dict[str, Any] = {name: float(random.uniform(*ends)) for name, ends in CYST_RANGES.items()}
    low, high = CYST_RANGES["photons"]
    values["photons"] = float(np.exp(random.uniform(np.log(low), np.log(high))))
    values["cells"] = int(random.integers(CELLS_OF_CYSTS[0], CELLS_OF_CYSTS[1] + 1))
    values["bit_depth"] = int(random.choice([8, 16]))
    share = float(random.uniform(0.5, 1))
    values |= specified
    # The lumen's radius is that of the middle minus half the height; at least a third of the middle's is kept.
    middle = values["cell_width_um"] * np.sqrt(values["cells"] / (4 * np.pi)) * values["elongation"] ** (-1 / 3)
    values.setdefault("cell_height_um", share * min(HIGHEST_CELLS * values["cell_width_um"], float(4 / 3 * middle)))
    return CystSettings(**values | {"seed": seed})
