"""Random settings of simulations for training: plain movies, hard movies and movies with tissue edges; cysts."""

from __future__ import annotations

from typing import Any

import numpy as np

from epifiji.data.settings.cysts import CystSettings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.planning import room

PLAIN_RANGES: dict[str, tuple[float, float]] = {
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
    kind = str(random.choice(["plain", "hard", "edge"]))
    hard = kind == "hard" or (kind == "edge" and random.random() < 0.5)
    values = {name: float(random.uniform(*ends)) for name, ends in (HARD_RANGES if hard else PLAIN_RANGES).items()}
    if random.random() < 0.55:
        values["cell_diameter_px"] = float(random.uniform(18, 30))
    values["cell_diameter_px"] = min(values["cell_diameter_px"], min(height, width) / 4)
    for name in ("photons", "contrast", "brightness", "event_duration"):
        low, high = (HARD_RANGES if hard else PLAIN_RANGES)[name]
        values[name] = float(np.exp(random.uniform(np.log(low), np.log(high))))
    for name in _DEGRADATIONS:
        if name in values and random.random() < 0.5:
            del values[name]
    if random.random() < 0.6:
        values["stretch"] = 1.0
    if kind == "edge":
        values |= {name: float(random.uniform(*ends)) for name, ends in EDGE_RANGES.items()}
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
