"""Networks with many confident predictions, and annotated movies to score them on."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

import epifiji
from epifiji.data.events import Event, by_class
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.files.movies.movie_file import write_movie
from epifiji.files.networks.store import write_network
from epifiji.files.rois.roi_files import write_rois
from small_networks import small_network

LOOSE = {"mode": "exact", "min_volume": 20}


def lively_network(seed: int, name: str, **described: object) -> Network:
    """Make a random network with many confident predictions; these seeds give events of two classes."""
    network = small_network(1, seed=seed, name=name, **described)
    network.weights[0]["dense_2/kernel"] *= 6
    return network


def lively_networks(folder: Path) -> tuple[Path, Path]:
    first, second = (write_network(lively_network(seed, f"net{seed}"), folder / f"net{seed}") for seed in (15, 25))
    return first, second


def annotated_movies(folder: Path, network: Path) -> Path:
    """Make two movies annotated with the most confident events of the first network, some moved, and with events that none finds.

    The second movie has no ROI file of cell_sop.
    """
    for number in (7, 8):
        field = gaussian_filter(np.random.default_rng(number).normal(size=(12, 100, 110)), (1, 3, 3))
        pixels = (255 * (field - field.min()) / (field.max() - field.min())).astype(np.uint8)
        path = folder / f"noise_{number}.tif"
        write_movie(Movie(pixels), path)
        found = epifiji.detect(path, network, threshold=174, **LOOSE).events
        moved = [replace(event, y=round(event.y) + i % 3, x=round(event.x)) for i, event in enumerate(found)]
        planted = Event("cell_death", 6, 3.0 * number, 90.0), Event("cell_sop", 6, 90.0, 3.0 * number)
        for event, group in by_class([*moved, *planted]).items():
            if (event, number) != ("cell_sop", 8):
                write_rois(folder / f"noise_{number}_{event}.zip", group)
    return folder


def numbers(counts: object) -> tuple[int, ...]:
    return tuple(getattr(counts, name) for name in ("true_positives", "false_positives", "false_negatives"))


@cache
def detected(movie: Path, network: Path, threshold: int) -> list[Event]:
    return epifiji.detect(movie, network, threshold=threshold, **LOOSE).events
