"""Still images of cells with true labels: tissues of drawn or real outlines, in many stainings and imaging conditions.

Their purpose is to train and to test segmentation, so shapes, contrast and disturbances vary more than in real tissue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.label_images import at_outlines

DIAMETER_PX = 22.0
"""Diameter of the cells about which diameters are drawn."""

REAL_SHARE = 0.4
"""Share of images with real outlines, if there are any."""

_NEAREST = 6  # generators among which the nearest one is looked for when they have weights
_LEAST_TISSUE = 0.5  # share of a field with real outlines that must be tissue
_ATTEMPTS = 20


@dataclass(frozen=True)
class RealTissue:
    """Labels (Y, X) of a real tissue, 0 outside, and the typical diameter of its cells in pixels."""

    labels: np.ndarray
    diameter_px: float


def render_cells(
    random: np.random.Generator, side_px: int, real: Sequence[Sequence[RealTissue]] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Render an image of cells.

    Parameters
    ----------
    random
        All choices depend on it.
    side_px
        Side of the image.
    real
        Real tissues in groups; each group is as frequent as the others.

    Returns
    -------
    image : numpy.ndarray
        (Y, X), float32, not negative: borders are bright.
    labels : numpy.ndarray
        (Y, X), int32: the cell of each pixel, 0 where there is no tissue.
    """
    while True:
        if real and random.random() < REAL_SHARE:
            labels, diameter = _real_field(random, side_px, real)
        else:
            labels, diameter = _drawn_field(random, side_px)
        labels = _with_gaps(random, labels, diameter)
        edges = at_outlines(labels)
        if edges.any() and labels.any():
            return _image(random, labels, edges, diameter), labels


def _noise(random: np.random.Generator, shape: tuple[int, ...], grain_px: float) -> np.ndarray:
    """Draw noise of mean 0 and variance 1, smooth over `grain_px`."""
    from scipy import ndimage

    values: np.ndarray = ndimage.gaussian_filter(random.standard_normal(shape), grain_px, mode="wrap")
    values = values - values.mean()
    return values / (values.std() or 1.0)


def _drawn_field(random: np.random.Generator, side: int) -> tuple[np.ndarray, float]:
    """Draw a Voronoi or power diagram whose cells are stretched, wobble and differ in size; return its cells' diameter too."""
    from scipy.spatial import KDTree

    diameter = DIAMETER_PX * np.exp(random.uniform(-0.45, 0.45))
    whole = side + 4 * diameter
    generators = _relaxed(random, whole, diameter)
    count = len(generators)
    stretch = np.clip(np.exp(random.normal(0, 0.3)), 1 / 2.4, 2.4) if random.random() < 0.6 else 1.0
    turn = _rotation(random.uniform(0, np.pi))
    shear = turn @ np.diag([np.sqrt(stretch), 1 / np.sqrt(stretch)]) @ turn.T
    fine, grain = diameter * random.uniform(0, 0.07), diameter * random.uniform(0.1, 0.3)
    coarse = diameter * random.uniform(0, 0.22)
    moved = [
        fine * _noise(random, (side, side), grain) + coarse * _noise(random, (side, side), 2 * diameter)
        for _ in range(2)
    ]
    grid = np.moveaxis(np.mgrid[:side, :side].astype(float), 0, -1) + np.stack(moved, -1) - side / 2
    places = grid.reshape(-1, 2) @ shear.T + whole / 2
    weights = random.normal(0, 0.12 * diameter**2, count) if random.random() < 0.6 else np.zeros(count)
    distances, nearest = KDTree(generators).query(places, k=min(_NEAREST, count))
    owner = np.take_along_axis(nearest, np.argmin(distances**2 - weights[nearest], 1)[:, None], 1)
    return (owner.reshape(side, side) + 1).astype(np.int32), diameter


def _relaxed(random: np.random.Generator, whole: float, diameter: float) -> np.ndarray:
    """Draw generators (n, 2), moved to the middle of their cells a few times, some removed or doubled."""
    from scipy.spatial import KDTree

    count = max(8, int(whole**2 / (np.pi / 4 * diameter**2)))
    generators = random.random((count, 2)) * whole
    grid = np.stack(np.meshgrid(*[np.arange(0, whole, diameter / 6)] * 2, indexing="ij"), -1).reshape(-1, 2)
    for _ in range(1 + random.integers(0, 5)):
        owner = KDTree(generators).query(grid)[1]
        sizes = np.bincount(owner, minlength=count)
        middles = np.stack([np.bincount(owner, grid[:, axis], minlength=count) for axis in (0, 1)], -1)
        generators = np.where(sizes[:, None] > 0, middles / np.maximum(sizes, 1)[:, None], generators)
    if random.random() < 0.5:
        generators = generators[random.random(len(generators)) > random.uniform(0, 0.12)]
    if random.random() < 0.3:
        doubled = generators[random.random(len(generators)) < random.uniform(0, 0.2)]
        generators = np.concatenate([generators, doubled + random.normal(0, diameter * 0.25, doubled.shape)])
    return generators


def _real_field(
    random: np.random.Generator, side: int, real: Sequence[Sequence[RealTissue]]
) -> tuple[np.ndarray, float]:
    """Cut a field out of a real tissue, turned, mirrored, stretched and wobbling; return its cells' diameter too."""
    group = real[int(random.integers(len(real)))]
    tissue = group[int(random.integers(len(group)))]
    diameter = DIAMETER_PX * np.exp(random.uniform(-0.4, 0.45))
    scale, stretch = tissue.diameter_px / diameter, np.exp(random.normal(0, 0.2))
    change = _rotation(random.uniform(0, 2 * np.pi)) @ np.diag([scale * stretch, scale / stretch])
    if random.random() < 0.5:
        change[:, 0] *= -1
    shape = np.array(tissue.labels.shape)
    for _ in range(_ATTEMPTS):
        grid = np.moveaxis(np.mgrid[:side, :side] - side / 2, 0, -1) @ change.T + random.random(2) * shape
        wobble = np.stack([_noise(random, (side, side), diameter * 0.25) for _ in range(2)], -1)
        places = np.rint(grid + random.uniform(0, 0.06) * tissue.diameter_px * wobble).astype(int)
        inside = ((places >= 0) & (places < shape)).all(-1)
        ys, xs = np.moveaxis(places.clip(0, shape - 1), -1, 0)
        labels = np.where(inside, tissue.labels[ys, xs], 0)
        if (labels > 0).mean() > _LEAST_TISSUE:
            break
    return labels.astype(np.int32), diameter


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _with_gaps(random: np.random.Generator, labels: np.ndarray, diameter: float) -> np.ndarray:
    """Remove cells in patches from some fields, as at a tissue's edge."""
    if random.random() >= 0.35:
        return labels
    field = _noise(random, labels.shape, diameter * random.uniform(1.5, 4))
    sizes = np.bincount(labels.ravel())
    means = np.bincount(labels.ravel(), field.ravel()) / np.maximum(sizes, 1)
    kept: np.ndarray = np.where((means < np.quantile(field, random.uniform(0.05, 0.5)))[labels], 0, labels)
    return kept


def _image(random: np.random.Generator, labels: np.ndarray, edges: np.ndarray, diameter: float) -> np.ndarray:
    """Draw what a microscope shows of the cells."""
    from scipy import ndimage

    signal = _borders(random, labels, edges, diameter) + _interiors(random, labels, edges, diameter)
    signal += _clutter(random, labels, edges, diameter)
    signal = signal + random.uniform(0, 0.8) * ndimage.gaussian_filter(signal, random.uniform(4, 14))
    return _photographed(random, signal, diameter)


def _borders(random: np.random.Generator, labels: np.ndarray, edges: np.ndarray, diameter: float) -> np.ndarray:
    """Draw borders whose brightness and width differ from pair to pair of cells and along them."""
    from scipy import ndimage

    distance, (ys, xs) = ndimage.distance_transform_edt(~edges, return_indices=True)
    around = [np.roll(labels, step, axis) for step, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1))]
    lower, upper = np.minimum.reduce([*around, labels]), np.maximum.reduce([*around, labels])
    pairs, which = np.unique((lower.astype(np.int64) * (labels.max() + 1) + upper)[ys, xs], return_inverse=True)
    spread = random.uniform(0.05, 0.55)
    brightness = np.exp(spread * random.standard_normal(len(pairs)) - spread**2 / 2)
    if random.random() < 0.15:
        brightness[random.random(len(pairs)) < 0.08] *= 0.15
    smooth = ndimage.gaussian_filter(brightness[which.reshape(labels.shape)], 0.7)
    along = np.exp(random.uniform(0, 0.5) * _noise(random, labels.shape, random.uniform(1, 4)))
    width = diameter / DIAMETER_PX * random.uniform(0.5, 2.2)
    widths = width * np.exp(random.uniform(0, 0.25) * _noise(random, labels.shape, diameter))
    drawn: np.ndarray = np.exp(-0.5 * (np.maximum(distance - 0.5, 0) / widths) ** 2) * smooth * along
    if random.random() < 0.3:  # bright corners
        dense = ndimage.gaussian_filter(edges.astype(np.float32), diameter * 0.12)
        drawn = drawn + random.uniform(0.2, 1.0) * np.maximum(dense / dense.max() - 0.45, 0)
    return drawn


def _interiors(random: np.random.Generator, labels: np.ndarray, edges: np.ndarray, diameter: float) -> np.ndarray:
    """Draw cells' insides: staining of different strength, nuclei, and broken rims of nuclei."""
    from scipy import ndimage

    count, shape = labels.max() + 1, labels.shape
    level = np.exp(random.uniform(0, 0.6) * random.standard_normal(count))[labels]
    level[labels == 0] = random.uniform(0.1, 0.9)
    grain = np.exp(random.uniform(0, 0.35) * _noise(random, shape, random.uniform(1, diameter * 0.25)))
    drawn: np.ndarray = random.uniform(0, 0.55) * ndimage.gaussian_filter(level, random.uniform(0.5, 2)) * grain
    depth = ndimage.distance_transform_edt(~edges)
    greatest = np.zeros(count)
    np.maximum.at(greatest, labels.ravel(), depth.ravel())
    depth = depth / np.maximum(greatest[labels], 1)
    if random.random() < 0.25:
        nucleus = 1 / (1 + np.exp(-12 * (depth - random.uniform(0.3, 0.6))))
        drawn += random.uniform(-0.3, 0.5) * nucleus * (labels > 0)
    if random.random() < 0.35:
        depth = depth + random.uniform(0.02, 0.12) * _noise(random, shape, diameter * 0.15)
        rim = np.exp(-(((depth - random.uniform(0.3, 0.75, count)[labels]) / random.uniform(0.08, 0.2)) ** 2))
        broken = np.clip(_noise(random, shape, diameter * 0.25) + random.uniform(-0.5, 1), 0, 1.5)
        strength = np.maximum(0, random.uniform(-0.5, 1, count))[labels] * broken * (labels > 0)
        drawn += random.choice([1, 1, -0.7]) * random.uniform(0.2, 0.7) * strength * rim
    return drawn


def _clutter(random: np.random.Generator, labels: np.ndarray, edges: np.ndarray, diameter: float) -> np.ndarray:
    """Draw what is no border: filaments inside cells, spots, and another layer out of focus."""
    from scipy import ndimage

    shape, side = labels.shape, len(labels)
    drawn = np.zeros(shape)
    if random.random() < 0.3:
        fine = at_outlines(_drawn_field(random, side)[0]) & (ndimage.distance_transform_edt(~edges) > 2)
        present = np.clip(_noise(random, shape, diameter * 0.3) - random.uniform(0, 1), 0, 1.5)
        lines = ndimage.gaussian_filter(fine.astype(np.float32), random.uniform(0.5, 1.2))
        drawn += random.choice([1, -0.7]) * random.uniform(0.4, 1.6) * present * lines
    if random.random() < 0.35:
        count, sigma = int(random.integers(3, 60)), random.uniform(0.7, 2.2)
        spots = np.zeros(shape)
        spots[tuple(random.integers(0, side, (2, count)))] = np.exp(random.normal(0, 0.7, count))
        drawn += random.uniform(0.3, 1.2) * ndimage.gaussian_filter(spots, sigma) * 2 * np.pi * sigma**2
    if random.random() < 0.35:
        other = at_outlines(_drawn_field(random, side)[0]).astype(np.float32)
        drawn += 3 * random.uniform(0.05, 0.35) * ndimage.gaussian_filter(other, random.uniform(1.5, 5))
    return drawn


def _photographed(random: np.random.Generator, signal: np.ndarray, diameter: float) -> np.ndarray:
    """Blur an image, light it unevenly, and take it with a camera: photons, noise, saturation, other curves."""
    from scipy import ndimage

    shape = signal.shape
    image = ndimage.gaussian_filter(signal, random.uniform(0.3, 1.6) * diameter / DIAMETER_PX)
    if random.random() < 0.3:  # parts out of focus
        share = 1 / (1 + np.exp(-3 * _noise(random, shape, diameter * 2)))
        image = image * (1 - share) + ndimage.gaussian_filter(image, random.uniform(1, 3)) * share
    image = image * np.exp(random.uniform(0, 0.6) * _noise(random, shape, random.uniform(20, 60)))
    image = np.maximum(image + random.uniform(0, 0.6), 0)
    image = np.minimum(image / max(1e-6, np.percentile(image, 99.5)), 20)
    photons = np.exp(random.uniform(np.log(6), np.log(400)))
    image = random.poisson(image * photons) / photons
    if random.random() < 0.5:
        image = image + random.uniform(0, 0.12) * _noise(random, shape, random.uniform(0.01, 0.8))
    if random.random() < 0.3:
        image = ndimage.gaussian_filter(image, random.uniform(0.3, 0.8))
    if random.random() < 0.2:
        image = np.minimum(image, np.quantile(image, random.uniform(0.9, 0.99)))
    if random.random() < 0.3:
        image = np.maximum(image, 0) ** random.uniform(0.5, 1.6)
    taken: np.ndarray = np.maximum(image, 0).astype(np.float32)
    return taken
