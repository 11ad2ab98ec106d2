"""Fluorescence microscopy of a simulated tissue: E-cadherin at the cells' junctions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.epithelium import REFERENCE_DIAMETER_PX, Scene

_MEMBRANE_SIGMA_PX, _BLUR_SIGMA_PX = 1.1, 0.9
_HAZE_SIGMA_PX, _INSIDE_SIGMA_PX = 7.0, 1.5
_PATCH_SIGMA_PX, _TEXTURE_SIGMA_PX, _BEND_SIGMA_PX, _REGION_SIGMA_PX, _CLOUD_SIGMA_PX = 40.0, 2.0, 6.0, 30.0, 4.0
_PATCH_SPREAD = 0.15  # standard deviation of the logarithm
_UNFOCUSED_SIGMA_PX = (1.5, 3.5)
_DARKNESS = (0.03, 0.35)  # fraction of light in dark regions
_TURN = 0.02  # change of regions, radians per frame
_GAIN_16_BIT, _OFFSET_16_BIT = 16, 100
_SPOT_REACH = 6  # standard deviations


def membrane_px(settings: SimulationSettings) -> float:
    """Return the standard deviation of a membrane's profile, px."""
    return settings.membrane_px or _MEMBRANE_SIGMA_PX * settings.cell_diameter_px / REFERENCE_DIAMETER_PX


class Spot(NamedTuple):
    """A round bright spot."""

    y: float
    x: float
    brightness: float
    """1 = that of a membrane."""
    sigma_px: float
    sharpness: float = 1.0
    """1: a Gaussian; more: flat with a sharp rim; less: a peak with a wide foot."""


class Camera(Protocol):
    """The settings of light and camera that all simulations share."""

    @property
    def brightness(self) -> float:
        """Grey levels of a membrane, of 255."""

    @property
    def photons(self) -> float:
        """Photons from a membrane's pixel."""

    @property
    def camera_noise(self) -> float:
        """Standard deviation in grey levels, of 255."""

    @property
    def bit_depth(self) -> int:
        """8 or 16."""


def count_photons(light: np.ndarray, camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Simulate a camera that counts the photons of light, in grey levels of 0–255, as uint8 or uint16 of the same shape."""
    photons = camera.photons / camera.brightness
    counted = random.poisson(photons * light) / photons
    counted += camera.camera_noise * random.standard_normal(counted.shape, np.float32)
    if camera.bit_depth == 8:
        return np.clip(np.round(counted), 0, 255).astype(np.uint8)
    return np.clip(np.round(_GAIN_16_BIT * counted + _OFFSET_16_BIT), 0, 65535).astype(np.uint16)


class Microscope:
    """The field of view over a tissue, with noise images that change slowly from frame to frame.

    Parameters
    ----------
    settings
        Optics, light and camera.
    shape
        Height and width (Y, X) of the noise images, at least those of the field.
    random
        Source of all random numbers.
    """

    def __init__(self, settings: SimulationSettings, shape: tuple[int, int], random: np.random.Generator) -> None:
        self.settings, self.shape, self.random = settings, shape, random
        self.scale = scale = settings.cell_diameter_px / REFERENCE_DIAMETER_PX
        self.blur_px = settings.blur_px or _BLUR_SIGMA_PX * scale
        self.patches = np.exp(_PATCH_SPREAD * self._noise(_PATCH_SIGMA_PX))
        self.texture = self._noise(_TEXTURE_SIGMA_PX)
        self.bends = np.stack([self._noise(_BEND_SIGMA_PX) for _ in range(2)])
        self.clouds = self._noise(_CLOUD_SIGMA_PX) if settings.clouds else self.patches
        self.dark = _Region(self, settings.dark_regions)
        self.unfocused = _Region(self, settings.unfocused_regions)
        self.darkness = random.uniform(*_DARKNESS)
        self.out_of_focus_px = scale * random.uniform(*_UNFOCUSED_SIGMA_PX)
        self.lost_px = _lost_focus(settings, random) * scale
        self.gains = np.exp(settings.unsteady_light * random.standard_normal(settings.frames))
        self.gains *= (1 - settings.bleaching) ** np.linspace(0, 1, settings.frames)

    def move(self, step: np.ndarray) -> None:
        """Move the tissue's texture and the displacements of its membranes with the field, by whole px (2,)."""
        if step.any():
            self.texture = np.roll(self.texture, -step, (0, 1))
            self.bends = np.roll(self.bends, -step, (1, 2))

    def wait(self) -> np.ndarray:
        """Advance by one frame; return the displacements of the membranes (2, Y, X), px."""
        self.texture = 0.8 * self.texture + 0.6 * self._noise(_TEXTURE_SIGMA_PX)
        news = np.stack([self._noise(_BEND_SIGMA_PX) for _ in range(2)])
        self.bends = 0.96 * self.bends + 0.28 * news
        if self.settings.clouds:
            self.clouds = 0.9 * self.clouds + 0.44 * self._noise(_CLOUD_SIGMA_PX)
        return self.bends * np.float32(self.scale)

    def picture(self, scene: Scene, spots: Sequence[Spot], frame: int) -> np.ndarray:
        """Take an image (Y, X), uint8 or uint16, of the tissue."""
        settings = self.settings
        height, width = scene.labels.shape
        signal = scene.membranes * np.exp(settings.texture * self.texture[:height, :width])
        for spot in spots:
            _shine(signal, spot)
        inside = scene.inside
        if settings.clouds:
            inside = inside * np.exp(settings.clouds * self.clouds[:height, :width])
        light = settings.overexposure * self._light(signal, inside, frame)
        image = count_photons(light, settings, self.random)
        if settings.overexposure > 1 and settings.bit_depth == 16:
            np.minimum(image, _GAIN_16_BIT * 255 + _OFFSET_16_BIT, out=image)
        return image

    def _light(self, signal: np.ndarray, inside: np.ndarray, frame: int) -> np.ndarray:
        """Blur a signal (Y, X; 1 = a membrane), add haze and shading; returns grey levels of 0–255."""
        from scipy.ndimage import gaussian_filter

        settings = self.settings
        height, width = signal.shape
        sharp = gaussian_filter(signal, np.hypot(self.blur_px, self.lost_px[frame]))
        if settings.unfocused_regions:
            far = self.unfocused.at(frame)[:height, :width]
            sharp += far * (gaussian_filter(signal, np.hypot(self.blur_px, self.out_of_focus_px)) - sharp)
        cell = gaussian_filter(inside, _INSIDE_SIGMA_PX * self.scale) if np.ptp(inside) else inside
        haze = settings.haze * gaussian_filter(sharp, _HAZE_SIGMA_PX * self.scale, truncate=3)
        light: np.ndarray = sharp + cell * (haze + 1 / (settings.contrast - 1))
        light *= self.gains[frame] * settings.brightness * self.patches[:height, :width]
        if settings.dark_regions:
            light *= 1 - (1 - self.darkness) * self.dark.at(frame)[:height, :width]
        return light

    def _noise(self, sigma_px: float) -> np.ndarray:
        """Return smooth noise (Y, X), of mean 0 and standard deviation 1."""
        from scipy.ndimage import gaussian_filter

        white = self.random.standard_normal(self.shape, np.float32)
        sigma = sigma_px * self.scale
        # White noise after a Gaussian filter has the standard deviation 1 / (2 sqrt(pi) sigma).
        noise: np.ndarray = gaussian_filter(white, sigma, mode="wrap", truncate=3) * np.float32(
            2 * np.sqrt(np.pi) * sigma
        )
        return noise


class _Region:
    """A part of the field with soft borders that changes slowly."""

    def __init__(self, microscope: Microscope, share: float) -> None:
        self.share = share
        self.waves = [microscope._noise(_REGION_SIGMA_PX) for _ in range(2)] if share else []

    def at(self, frame: int) -> np.ndarray:
        """Return each pixel's membership of the region in this frame (Y, X), 0–1."""
        one, other = self.waves
        height = one * np.float32(np.cos(_TURN * frame)) + other * np.float32(np.sin(_TURN * frame))
        height -= np.quantile(height[::4, ::4], 1 - self.share)
        return 1 / (1 + np.exp(-6 * height / max(float(height.std()), 1e-6)))


def _lost_focus(settings: SimulationSettings, random: np.random.Generator) -> np.ndarray:
    """Draw the defocus of each frame (n,), px at the reference diameter; a loss of focus lasts 1–3 frames."""
    lost = np.zeros(settings.frames)
    while settings.unfocused_frames and np.mean(lost > 0) < settings.unfocused_frames:
        start = int(random.integers(settings.frames))
        lost[start : start + random.integers(1, 4)] = random.uniform(*_UNFOCUSED_SIGMA_PX)
    return lost


def _shine(signal: np.ndarray, spot: Spot) -> None:
    """Add a spot to a signal (Y, X)."""
    reach = _SPOT_REACH * spot.sigma_px
    window = tuple(slice(max(0, int(at - reach)), max(0, int(at + reach) + 2)) for at in (spot.y, spot.x))
    part = signal[window]
    if part.size:
        y, x = np.ogrid[
            window[0].start : window[0].start + part.shape[0], window[1].start : window[1].start + part.shape[1]
        ]
        near = ((y - spot.y) ** 2 + (x - spot.x) ** 2) / (2 * spot.sigma_px**2)
        part += spot.brightness * np.exp(-(near if spot.sharpness == 1 else near**spot.sharpness))
