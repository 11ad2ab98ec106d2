"""How a microscope sees a vertex model: tubes with puncta along the junctions, an Airy disc with a halo, and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.signal import fftconvolve
from scipy.special import j1
from skimage.draw import polygon

from vertex_movies.events import Spot
from vertex_movies.tissue import KNOTS, VertexTissue

PAD = 24  # px around the field that are drawn too


def airy(width: float, halo: float) -> np.ndarray:
    """Return a kernel: an Airy disc with this width at half its height (px), and a wide halo with this share of the light."""
    reach = int(np.ceil(5 * width)) + 12
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    r = np.hypot(y, x)
    u = np.maximum(3.8317 * r / (1.186 * width), 1e-6)
    disc = (2 * j1(u) / u) ** 2
    wide = np.exp(-r / (2.5 * width + 2))
    return (1 - halo) * disc / disc.sum() + halo * wide / wide.sum()


def smooth_field(shape: tuple[int, ...], sigma: float, random: np.random.Generator) -> np.ndarray:
    """Return a smooth random field of mean 0 and standard deviation 1."""
    found = gaussian_filter(random.standard_normal(shape), sigma, mode="wrap")
    return (found - found.mean()) / max(float(found.std()), 1e-9)


class Imaging:
    """Draws frames of a tissue.

    Parameters
    ----------
    look
        The settings of a movie, see :class:`vertex_movies.movie.Look`.
    tissue
        The cells.
    random
        Source of all random numbers.
    """

    def __init__(self, look: Any, tissue: VertexTissue, random: np.random.Generator) -> None:
        self.look, self.tissue, self.random = look, tissue, random
        self.shape = np.array([look.height, look.width])
        self.size = tuple(self.shape + 2 * PAD)
        scale = look.diameter / 24
        self.scale = scale
        width = look.psf_px * scale**0.7
        self.psf, self.blurred = airy(width, look.halo), airy(width * look.defocus, look.halo)
        line = np.zeros((61, 61))
        line[:, 30] = 1.0
        self.unit = float(fftconvolve(line, airy(width, 0.0), "same")[30].max())
        y, x = np.mgrid[0 : look.height, 0 : look.width]
        middle = np.hypot((y - look.height / 2) / look.height, (x - look.width / 2) / look.width)
        self.light = 1 - look.vignette * (middle / 0.707) ** 2
        if look.dark:
            shade = smooth_field(tuple(self.shape), 0.16 * look.height, random)
            self.light = self.light * np.where(shade > np.quantile(shade, 1 - look.dark), 0.28, 1.0)
            self.light = gaussian_filter(self.light, 6 * scale)
        depth = smooth_field(tuple(self.shape), 0.15 * look.height, random)
        self.out = np.clip((depth - np.quantile(depth, 1 - look.blurred_part)) * 4, 0, 1) if look.blurred_part else 0
        self.gain = 1 + look.pattern * random.standard_normal(tuple(self.shape))
        self.offsets = look.pattern * 30 * random.standard_normal(tuple(self.shape))
        self.clouds = [np.exp(look.clouds * smooth_field(self.size, 7 * scale, random)) for _ in range(2)]

    def outlines(self, corner: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return sides: cell, ends (n, 2) in the drawn field, bulge (n, 2) in px, for each side of a cell."""
        tissue = self.tissue
        pressure = np.array(
            [
                np.clip(0.2 * (tissue.target(n) - a), -0.03, 0.06) + 0.07 * tissue.cells[n].roundness
                for n, a in zip(tissue.numbers, tissue.areas.tolist(), strict=True)
            ]
        )
        centres = np.stack([tissue.centre(n) for n in tissue.numbers])
        middle = (self.shape - 1) / 2
        base = tissue.apart(centres - corner - middle) + middle + PAD
        start = base[tissue.slot] + tissue.apart(tissue.xy[tissue.vert] - centres[tissue.slot])
        end = start + tissue.edge
        outward = np.stack([tissue.edge[:, 1], -tissue.edge[:, 0]], 1)
        bend = pressure[tissue.slot] - pressure[tissue.slot[tissue.twin]]
        own = np.where(tissue.slot < tissue.slot[tissue.twin], 1, -1) * tissue.bright[tissue.junction, 2]
        return start, end, outward * (bend + own)[:, None], base

    def _deposit(self, image: np.ndarray, places: np.ndarray, light: np.ndarray) -> None:
        """Add light at places between pixels to the nearest four."""
        low = np.floor(places).astype(int)
        rest = places - low
        height, width = image.shape
        for dy in (0, 1):
            for dx in (0, 1):
                y, x = low[:, 0] + dy, low[:, 1] + dx
                share = (rest[:, 0] if dy else 1 - rest[:, 0]) * (rest[:, 1] if dx else 1 - rest[:, 1])
                ok = (y >= 0) & (y < height) & (x >= 0) & (x < width)
                image += np.bincount((y * width + x)[ok], (share * light)[ok], height * width).reshape(image.shape)

    def _junctions(self, image: np.ndarray, start: np.ndarray, end: np.ndarray, bulge: np.ndarray) -> None:
        tissue, look, random = self.tissue, self.look, self.random
        glow = np.array([tissue.cells[n].glow for n in tissue.numbers])
        shown = np.array([tissue.cells[n].shown for n in tissue.numbers])
        other = tissue.slot[tissue.twin]
        keep = (tissue.slot < other) & (shown[tissue.slot] | shown[other])
        rows = np.flatnonzero(keep)
        looks = tissue.bright[tissue.junction[rows]]
        # Each of the two cells has a membrane of its own, so a cell without fluorophore leaves half of the light.
        both = glow[tissue.slot[rows]] * shown[tissue.slot[rows]] + glow[other[rows]] * shown[other[rows]]
        bright = both / 2 * np.exp(look.spread / 0.25 * looks[:, 0] + looks[:, 3])
        size = tissue.size[rows]
        count = np.ceil(3 * size).astype(int) + 1
        edge = np.repeat(np.arange(len(rows)), count)
        s = (np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + 0.5) / count[edge]
        along = end[rows] - start[rows]
        normal = np.stack([along[:, 1], -along[:, 0]], 1) / np.maximum(size, 1e-6)[:, None]
        places = start[rows][edge] + along[edge] * s[:, None] + (4 * s * (1 - s))[:, None] * bulge[rows][edge]
        knots = tissue.knots[tissue.junction[rows]]
        grain = np.exp(0.25 * knots) + look.puncta * np.maximum(knots - 1.5, 0)
        at = s * (KNOTS - 1)
        low = np.minimum(at.astype(int), KNOTS - 2)
        here = grain[edge, low] * (1 - at + low) + grain[edge, low + 1] * (at - low)
        light = bright[edge] * here * (size / count)[edge] / self.unit
        half = (looks[:, 1] * look.tube * self.scale)[edge]
        for side, share in ((-1, 0.35), (0, 0.3), (1, 0.35)):
            away = side * half + 0.15 * random.standard_normal(len(edge))
            self._deposit(image, places + away[:, None] * normal[edge], share * light)

    def _spot(self, image: np.ndarray, place: np.ndarray, spot: Spot) -> None:
        """Draw a lump with a sharper rim than a Gaussian, of two to four overlapping blobs."""
        random = np.random.default_rng(spot.seed)
        reach = int(3 * spot.radius_px) + 4
        y0, x0 = np.round(place).astype(int)
        y, x = np.mgrid[y0 - reach : y0 + reach + 1, x0 - reach : x0 + reach + 1]
        lump = np.zeros(y.shape)
        for _ in range(int(random.integers(2, 5))):
            dy, dx = place + 0.35 * spot.radius_px * random.standard_normal(2)
            lump = np.maximum(lump, np.exp(-((((y - dy) ** 2 + (x - dx) ** 2) / spot.radius_px**2) ** 1.6)))
        ok = (y >= 0) & (y < image.shape[0]) & (x >= 0) & (x < image.shape[1])
        image[y[ok], x[ok]] += spot.bright * lump[ok]

    def frame(self, number: int, corner: np.ndarray, spots: Sequence[Spot], focus: float) -> tuple[np.ndarray, int]:
        """Draw a frame, of the camera's levels, and count the cells whose centre is in it.

        Parameters
        ----------
        number
            Number of the frame.
        corner
            The field's corner in the box (2,), px.
        spots
            Bright things.
        focus
            0 in focus to 1 out of focus.
        """
        tissue, look = self.tissue, self.look
        start, end, bulge, centres = self.outlines(corner)
        image = np.zeros(self.size)
        self._junctions(image, start, end, bulge)
        used = np.bincount(tissue.vert, minlength=len(tissue.xy))[tissue.vert]
        lit = np.array([tissue.cells[n].shown for n in tissue.numbers])[tissue.slot]
        dots = look.tricellular * np.exp(0.5 * tissue.dots[tissue.vert]) * lit / np.maximum(used, 1)
        self._deposit(image, start, 1.6 * dots * self.scale / self.unit)
        inside = np.zeros(self.size)
        middles = (start + end) / 2 + bulge
        for slot, cell in enumerate(tissue.numbers):
            state = tissue.cells[cell]
            if (
                not state.shown
                or (np.abs(centres[slot] - np.array(self.size) / 2) > np.array(self.size) / 2 + 30).any()
            ):
                continue
            sides = tissue.slot == slot
            path = np.stack([start[sides], middles[sides]], 1).reshape(-1, 2)
            rows, columns = polygon(path[:, 0], path[:, 1], self.size)
            inside[rows, columns] = state.inside * state.level
        turn = number * 0.05
        clouds = np.cos(turn) ** 2 * self.clouds[0] + np.sin(turn) ** 2 * self.clouds[1]
        image += inside * clouds * look.inside
        for spot in spots:
            middle = (self.shape - 1) / 2
            place = tissue.apart(spot.place - corner - middle) + middle + PAD
            if (place > 0).all() and (place < self.size).all():
                self._spot(image, place, spot)
        seen = self._blur(image, focus)
        levels = self._camera(seen + look.background, number)
        within = ((centres >= PAD) & (centres < self.shape + PAD)).all(1)
        return levels, int(within.sum())

    def _blur(self, image: np.ndarray, focus: float) -> np.ndarray:
        inner = (slice(PAD, -PAD),) * 2
        sharp = fftconvolve(image, self.psf, "same")[inner]
        out = np.clip(self.out + focus, 0, 1)
        if not np.any(out):
            return np.maximum(sharp, 0)
        wide = fftconvolve(image, self.blurred, "same")[inner]
        return np.maximum((1 - out) * sharp + out * wide, 0)

    def _camera(self, seen: np.ndarray, number: int) -> np.ndarray:
        look, random = self.look, self.random
        light = self.light * (1 - look.bleaching * number / max(1, look.frames - 1))
        light = light * np.exp(look.flicker * random.standard_normal())
        electrons = random.poisson(np.maximum(seen * light * look.photons, 0)).astype(float)
        if look.multiplied:
            electrons = random.gamma(np.maximum(electrons, 1e-3))
        levels = electrons / look.photons * look.bright * self.gain + self.offsets / 30 * look.read_noise
        levels += look.read_noise * random.standard_normal(levels.shape)
        levels += look.row_noise * random.standard_normal((levels.shape[0], 1))
        if look.bits == 8:
            return np.clip(np.round(levels + 8), 0, 255).astype(np.uint8)
        return np.clip(np.round(16 * levels + 200), 0, 4095).astype(np.uint16)
