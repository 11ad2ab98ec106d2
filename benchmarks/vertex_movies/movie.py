"""A movie of a vertex model with its true events, from a seed.

An event's frame is what EpiFiji's own simulator calls so: of an extrusion the first without apical area, of a division the
first with two daughters, of an SOP the middle of its spot's life. Events outside the field are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from epifiji.data.events import Event
from vertex_movies.events import Course
from vertex_movies.imaging import PAD, Imaging
from vertex_movies.spots import KINDS, Debris
from vertex_movies.tissue import VertexTissue

LEAD = 22


@dataclass(frozen=True)
class Look:
    """All settings of a movie; brightness is relative to a membrane's."""

    seed: int
    frames: int = 60
    height: int = 256
    width: int = 256
    diameter: float = 24.0
    duration: float = 12.0  # frames from the begin of a typical extrusion to its end
    area_spread: float = 0.25
    restless: float = 1.0
    flow: float = 0.25  # px a frame
    drift: float = 0.0  # px a frame
    extrusions: int = 9
    divisions: int = 7
    sops: int = 6
    recoveries: int = 2
    swellings: int = 1
    blinks: int = 2
    faint_spots: int = 2
    debris: int = 2
    margin_frames: int = 4
    margin_px: float = 8.0
    psf_px: float = 2.2  # width at half height, for cells of 24 px
    halo: float = 0.15
    tube: float = 1.0
    spread: float = 0.25
    puncta: float = 0.5
    tricellular: float = 0.5
    inside: float = 0.08
    clouds: float = 0.2
    background: float = 0.03
    bright: float = 90.0  # levels of a membrane, of 255
    photons: float = 250.0
    multiplied: bool = False
    read_noise: float = 1.5
    row_noise: float = 0.3
    pattern: float = 0.02
    vignette: float = 0.15
    dark: float = 0.0
    cut_off: float = 0.0  # part of the field whose cells do not shine
    blurred_part: float = 0.0
    blurred_frames: float = 0.0
    defocus: float = 2.6
    bleaching: float = 0.0
    flicker: float = 0.02
    black_frames: int = 0
    repeated_frames: int = 0
    bits: int = 8


@dataclass(frozen=True)
class MadeMovie:
    """Pixels (T, Y, X), the events in them, places of look-alikes by kind, the mean number of cells, and the settings."""

    pixels: np.ndarray
    events: list[Event]
    lookalikes: list[tuple[str, int, float, float]]
    cells: float
    look: Look


def _planned(look: Look, tissue: VertexTissue, random: np.random.Generator) -> list[Course]:
    courses: list[Course] = []
    places: list[np.ndarray] = []
    apart = np.array([look.duration, 1.9 * look.diameter, 1.9 * look.diameter])
    low = np.array([look.margin_frames, look.margin_px, look.margin_px])
    high = np.array([look.frames - look.margin_frames, look.height - look.margin_px, look.width - look.margin_px])
    for kind, course in KINDS.items():
        for _ in range(getattr(look, kind)):
            for _ in range(200):
                place = random.uniform(low, high)
                if all((np.abs(place - other) > apart).any() for other in places):
                    places.append(place)
                    courses.append(course(int(place[0]), place[1:], look.duration, tissue, random))
                    break
    return courses


def _cut_off(look: Look, tissue: VertexTissue, corner: np.ndarray, random: np.random.Generator) -> None:
    """Let the cells beyond a wavy line be dark."""
    angle, waves = random.uniform(0, 2 * np.pi), random.uniform(0, 2 * np.pi, 2)
    across = np.array([np.sin(angle), np.cos(angle)])
    middle = np.array([look.height, look.width]) / 2
    depths = {}
    for number in tissue.numbers:
        rel = tissue.apart(tissue.centre(number) - corner - middle)
        along = rel @ np.array([across[1], -across[0]])
        wave = np.sin(along / (2.2 * look.diameter) + waves[0]) + 0.5 * np.sin(along / look.diameter + waves[1])
        depths[number] = rel @ across + 0.7 * look.diameter * wave
    edge = np.quantile(list(depths.values()), 1 - look.cut_off)
    for number, depth in depths.items():
        tissue.cells[number].shown = bool(depth < edge)


def make(look: Look) -> MadeMovie:
    """Make a movie; the same settings give the same movie."""
    planning, living, seeing = (np.random.default_rng([look.seed, n, 7]) for n in range(3))
    margin = 2 * max(PAD, round(1.3 * look.diameter))
    travel = round(look.drift * look.frames)
    box = np.array([look.height, look.width]) + margin + travel
    tissue = VertexTissue(box.astype(float), look.diameter, look.area_spread, look.restless, look.flow, living)
    tissue.measure()
    for cell in tissue.cells.values():
        cell.level = float(np.exp(0.25 * living.standard_normal()))
    way = planning.uniform(0, 2 * np.pi)
    heading = look.drift * np.array([np.sin(way), np.cos(way)])
    corner = np.full(2, margin / 2)
    if look.cut_off:
        _cut_off(look, tissue, corner, planning)
    courses = _planned(look, tissue, planning)
    lumps = [Debris(look.frames, box - margin, tissue.length, planning) for _ in range(look.debris)]
    imaging = Imaging(look, tissue, seeing)
    pixels, cells, focus = [], [], 0.0
    corners = {}
    for frame in range(-LEAD, look.frames):
        jitter = planning.normal(0, 0.4 * look.drift, 2) if look.drift else np.zeros(2)
        corner = corner + (heading if frame >= 0 else 0)
        corners[frame] = corner + jitter
        for course in courses:
            others = [c.where() for c in courses if c is not course and not c.done and c.cell in tissue.cells]
            course.act(frame, corner + heading * max(0, course.before), others)
        tissue.advance()
        if frame < 0:
            continue
        if look.blurred_frames and planning.random() < look.blurred_frames / 2.5 and focus <= 0:
            focus = float(planning.integers(2, 5))
        spots = [s for course in courses if course.cell is not None for s in course.spots(frame)]
        spots += [s for lump in lumps for s in lump.spots(frame, corners[frame])]
        image, count = imaging.frame(frame, corners[frame], spots, 1.0 if focus > 0 else 0.0)
        focus -= 1
        pixels.append(image)
        cells.append(count)
    made = _lose(np.stack(pixels), look, planning)
    events, others = _truth(courses, corners, tissue, look)
    return MadeMovie(made, events, others, float(np.mean(cells)), look)


def _truth(
    courses: list[Course], corners: dict[int, np.ndarray], tissue: VertexTissue, look: Look
) -> tuple[list, list]:
    """Return the events and the look-alikes in the field, sorted."""
    events, others = [], []
    middle = np.array([look.height - 1, look.width - 1]) / 2
    for course in courses:
        if course.found is None or not 0 <= course.found[0] < look.frames:
            continue
        frame, place = course.found
        y, x = tissue.apart(place - corners[frame] - middle) + middle
        if 0 <= y <= look.height - 1 and 0 <= x <= look.width - 1:
            if course.event:
                events.append(Event(course.event, frame, float(y), float(x)))
            else:
                others.append((type(course).__name__, frame, float(y), float(x)))
    return sorted(events, key=lambda e: (e.event, e.frame, e.y, e.x)), sorted(others)


def _lose(pixels: np.ndarray, look: Look, random: np.random.Generator) -> np.ndarray:
    """Make some frames black, and let others show the frame before."""
    lost = random.permutation(np.arange(1, look.frames))[: look.black_frames + look.repeated_frames]
    for number in sorted(lost[: look.repeated_frames].tolist()):
        pixels[number] = pixels[number - 1]
    for number in lost[look.repeated_frames :].tolist():
        pixels[number] = 0
    return pixels


def plain(seed: int) -> Look:
    """Draw the settings of a plain movie: well focused, with little noise."""
    random = np.random.default_rng([seed, 1])
    uniform = random.uniform
    look = Look(
        seed,
        frames=int(random.choice([50, 60, 80])),
        height=int(random.choice([220, 256, 300])),
        width=int(random.choice([220, 256, 300])),
        diameter=float(uniform(18, 34)),
        duration=float(uniform(9, 17)),
        area_spread=float(uniform(0.15, 0.35)),
        restless=float(uniform(0.6, 1.4)),
        flow=float(uniform(0, 0.4)),
        psf_px=float(uniform(1.9, 2.8)),
        halo=float(uniform(0.05, 0.25)),
        tube=float(uniform(0.6, 1.6)),
        spread=float(uniform(0.15, 0.45)),
        puncta=float(uniform(0.1, 1)),
        tricellular=float(uniform(0, 1)),
        inside=float(uniform(0.03, 0.15)),
        bright=float(uniform(50, 130)),
        photons=float(np.exp(uniform(np.log(120), np.log(600)))),
        multiplied=bool(random.random() < 0.4),
        vignette=float(uniform(0, 0.3)),
        bits=int(random.choice([8, 16])),
    )
    room = look.frames * look.height * look.width / (60 * 256 * 256) * (24 / look.diameter) ** 2
    counts = {
        "extrusions": 10,
        "divisions": 8,
        "sops": 6,
        "recoveries": 3,
        "swellings": 1,
        "blinks": 2,
        "faint_spots": 2,
    }
    return replace(look, **{name: max(2, round(count * min(room, 1.5))) for name, count in counts.items()})


HARSH = ("noise", "blur", "drift", "bleaching", "restless", "dark", "cut off", "lost", "saturated", "short")


def hard(seed: int) -> Look:
    """Draw the settings of a hard movie: each seed has one kind of hardness of `HARSH` for sure, and often others."""
    random = np.random.default_rng([seed, 2])
    uniform, look = random.uniform, plain(seed + 50_000)
    worse = {HARSH[seed % len(HARSH)], *(name for name in HARSH[:9] if random.random() < 0.25)}
    changes: dict[str, object] = {"seed": seed, "margin_frames": 2, "margin_px": 0.0}
    changes |= {"debris": 4, "recoveries": look.recoveries + 2}
    if "noise" in worse:
        changes |= {
            "photons": float(uniform(10, 30)),
            "read_noise": float(uniform(3, 6)),
            "row_noise": 1.5,
            "pattern": 0.06,
        }
    if "blur" in worse:
        changes |= {
            "blurred_part": float(uniform(0.15, 0.35)),
            "blurred_frames": 0.1,
            "psf_px": float(uniform(2.8, 3.6)),
        }
    if "drift" in worse:
        changes |= {"drift": float(uniform(0.5, 1.5)), "flicker": 0.12}
    if "bleaching" in worse:
        changes |= {"bleaching": float(uniform(0.4, 0.75)), "photons": min(look.photons, 150.0)}
    if "restless" in worse:
        changes |= {"restless": float(uniform(1.8, 2.6)), "flow": float(uniform(0.5, 1))}
    if "dark" in worse:
        changes |= {"dark": float(uniform(0.2, 0.45)), "clouds": 0.5}
    if "cut off" in worse:
        changes |= {"cut_off": float(uniform(0.2, 0.4))}
    if "lost" in worse:
        changes |= {"black_frames": int(random.integers(1, 3)), "repeated_frames": int(random.integers(1, 4))}
    if "saturated" in worse:
        changes |= {"bright": float(uniform(200, 300)), "bits": 8}
    if "short" in worse:
        changes |= {"frames": int(random.integers(14, 26))}
    look = replace(look, **changes)
    if look.frames < 30:
        look = replace(look, extrusions=5, divisions=4, sops=3, recoveries=2)
    return look
