"""A movie of an epithelium with true events, from a seed.

Courses and brightness of plain events are such that networks trained on pupal notum recognise them. The SOP above all,
a compact bright spot, is the picture that such networks answer to and no model of an asymmetric division.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.events import Event
from epifiji.data.movie import Movie
from epifiji.data.progress import Report, silent
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.simulation import SimulationSettings
from epifiji.engine.simulation.distractors import Debris, Distractor, Flicker, Shrinking, make_small
from epifiji.engine.simulation.event_courses import Course, Division, EventCourse, Extrusion, Sop
from epifiji.engine.simulation.microscope import Microscope, Spot, membrane_px
from epifiji.engine.simulation.planning import Beyond, World, places
from epifiji.engine.simulation.power_diagram import Tissue
from epifiji.engine.simulation.real_outlines import RealOutlines

_LEAD_FRAMES = 20  # lived through before the first frame, so that an event may be under way in it


class Arguments(TypedDict):
    """Some of the arguments of :func:`simulate`."""

    seed: int
    frames: int
    height: int
    width: int
    extrusions: int
    divisions: int
    sops: int


DEMO: Arguments = {
    "seed": 6,
    "frames": 30,
    "height": 170,
    "width": 170,
    "extrusions": 5,
    "divisions": 3,
    "sops": 2,
}
"""The movie of ``epifiji demo``: small, and with events that are plain to see."""


@dataclass(frozen=True)
class Simulation:
    """A simulated movie with the geometry that it was drawn from.

    Parameters
    ----------
    pixels
        (T, Y, X), uint8 or uint16.
    labels
        (T, Y, X), int32: which cell owns a pixel, 0 where there is no tissue. A cell keeps its number; daughters get
        new ones.
    events
        The true events, by class, frame and place.
    distractors
        What is no event though it may look like one, by kind, frame and place.
    settings
        What it was made with.
    """

    pixels: np.ndarray
    labels: np.ndarray
    events: list[Event]
    distractors: list[Distractor]
    settings: SimulationSettings

    def __repr__(self) -> str:
        t, y, x = self.pixels.shape
        return (
            f"<Simulation: {t} frames of {x} x {y} px, {len(self.events)} events, {len(self.distractors)} distractors>"
        )


def simulate(
    seed: int = 0,
    frames: int = 30,
    height: int = 200,
    width: int = 200,
    cell_diameter_px: float = 25,
    extrusions: int = 5,
    divisions: int = 3,
    sops: int = 2,
    **settings: Any,
) -> tuple[Movie, list[Event]]:
    """Simulate a movie of an epithelium.

    Parameters
    ----------
    seed
        0 or more. The same arguments give the same bytes, on one machine with the same numpy and scipy.
    frames, height, width
        Size of the movie: at least 5 frames, and at least two cell diameters a side.
    cell_diameter_px
        Mean diameter of circles as large as the cells, 8–200 px.
    extrusions, divisions, sops
        Numbers of events, 0 or more.
    **settings
        The other settings of :class:`epifiji.data.settings.simulation.SimulationSettings`.

    Returns
    -------
    tuple[Movie, list[Event]]
        The movie, uint8 or uint16, and its events ``cell_death``, ``cell_division`` and ``cell_sop``. An extrusion's
        frame is the first without apical area (people tend to mark it one or two frames earlier), a division's the
        first with two daughters, an SOP's the middle of the life of its bright spot, when it may divide asymmetrically.
        An event whose cell has left the field of view is not among them.

    Raises
    ------
    WrongInputError
        Where a setting is unknown or out of range, or where there is no room for so many events.
    """
    sizes: dict[str, Any] = {
        "seed": seed,
        "frames": frames,
        "height": height,
        "width": width,
        "cell_diameter_px": cell_diameter_px,
    }
    result = simulate_tissue(**sizes, extrusions=extrusions, divisions=divisions, sops=sops, **settings)
    return Movie(result.pixels, name=f"simulated_{seed}"), result.events


def simulate_tissue(
    settings: SimulationSettings | None = None,
    outlines: np.ndarray | None = None,
    fewer: bool = False,
    report: Report = silent,
    **values: Any,
) -> Simulation:
    """Simulate as :func:`simulate` does, from settings or their values; tell also which cell owns a pixel.

    Parameters
    ----------
    settings
        What to simulate. Default: the settings in `values`.
    outlines
        (T, Y, X) or (1, Y, X): lines around real cells, which are then shown in place of simulated ones, scaled to
        the cell diameter. Where the movie is longer they go back and forth; a smooth flow moves a single frame.
    fewer
        Where there is no room for so many events and distractors, be content with fewer.
    report
        Called with progress; may raise to cancel.
    **values
        Settings by name.

    Raises
    ------
    WrongInputError
        As :func:`simulate` does, and where the outlines show no cells or too few for the field.
    """
    chosen = settings or parse_settings(SimulationSettings, values)
    _require_two_cells(chosen)
    planning, living, seeing = (np.random.default_rng(s) for s in np.random.SeedSequence(chosen.seed).spawn(3))
    world = World(chosen)
    tissue: Tissue | RealOutlines
    if outlines is None:
        tissue = Tissue(chosen, living, world.views, membrane_px(chosen), world.shore)
        courses = _planned(chosen, world.beyond, planning, fewer)
    else:
        tissue = RealOutlines(chosen, outlines, living, world.views, membrane_px(chosen))
        courses = _planned(chosen, tissue.beyond, planning, fewer)
    debris = [Debris(chosen, planning) for _ in range(chosen.debris)]
    small = make_small(tissue, chosen.small_cells, chosen.frames, living)
    microscope = Microscope(chosen, tissue.canvas, seeing)
    shape = (chosen.frames, chosen.height, chosen.width)
    pixels = np.empty(shape, np.uint8 if chosen.bit_depth == 8 else np.uint16)
    labels = np.empty(shape, np.int32)
    lead = max([_LEAD_FRAMES, *(course.duration - course.frame for course in courses)])
    for frame in range(-lead, chosen.frames):
        for course in courses:
            course.act(tissue, frame, courses)
        tissue.advance(frame)
        report((frame + lead) / (chosen.frames + lead), "simulating")
        if frame < 0:
            continue
        if frame:
            microscope.move(np.round(world.views[frame]).astype(int) - np.round(world.views[frame - 1]).astype(int))
        scene = tissue.scene(frame, microscope.wait())
        spots: list[Spot] = [spot for course in courses for spot in course.spots(tissue, frame)]
        spots += [spot for speck in debris for spot in speck.spots(frame)]
        labels[frame], pixels[frame] = scene.labels, microscope.picture(scene, spots, frame)
    distractors = _distractors(courses, debris, small, labels)
    if isinstance(tissue, RealOutlines):
        distractors += [Distractor("unclear", *place) for place in tissue.unclear(chosen.frames)]
    return Simulation(pixels, labels, _events(courses, labels), sorted(distractors), chosen)


def _require_two_cells(settings: SimulationSettings) -> None:
    """Refuse a field that is too small."""
    side = int(np.ceil(2 * settings.cell_diameter_px))
    for name in ("height", "width"):
        if getattr(settings, name) < side:
            raise WrongInputError(
                f"{name} is {getattr(settings, name)} px, but at least two cell diameters, {side} px, are needed: "
                f"give a larger {name} or a smaller cell_diameter_px."
            )


def _planned(settings: SimulationSettings, beyond: Beyond, random: np.random.Generator, fewer: bool) -> list[Course]:
    """Plan everything that befalls single cells."""
    kinds: list[type[Course]] = [
        *settings.extrusions * [Extrusion],
        *settings.divisions * [Division],
        *settings.sops * [Sop],
        *settings.shrinking_cells * [Shrinking],
        *settings.flickering_spots * [Flicker],
    ]
    where = places(len(kinds), settings, beyond, random, fewer)
    if len(where) < len(kinds):
        kinds = [kinds[index] for index in np.sort(random.permutation(len(kinds))[: len(where)])]
    return [kind(int(place[0]), place[1:], settings, random) for kind, place in zip(kinds, where, strict=True)]


def _events(courses: list[Course], labels: np.ndarray) -> list[Event]:
    found = [course.observed(labels) for course in courses if isinstance(course, EventCourse)]
    return sorted((event for event in found if event), key=lambda e: (e.event, e.frame, e.y, e.x))


def _distractors(courses: list[Course], debris: list[Debris], small: list[int], labels: np.ndarray) -> list[Distractor]:
    found = [course.observed(labels) for course in courses if isinstance(course, Shrinking | Flicker)]
    found += [speck.observed(labels.shape) for speck in debris]
    middle = len(labels) // 2
    for cell in small:
        y, x = np.nonzero(labels[middle] == cell)
        found.append(Distractor("small_cell", middle, float(y.mean()), float(x.mean())) if len(y) else None)
    return [distractor for distractor in found if distractor]
