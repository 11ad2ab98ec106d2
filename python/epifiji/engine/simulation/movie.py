"""Simulation of a movie of an epithelium with known events, from a seed.

The courses and brightness of plain events are such that networks trained on pupal notum recognise them. The SOP in
particular, a compact bright spot, is the image that such networks respond to, not a model of an asymmetric division.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from epifiji.engine.simulation.lost_frames import lose, taken, times_of
from epifiji.engine.simulation.microscope import Microscope, Spot, membrane_px
from epifiji.engine.simulation.planning import FieldOfView, Outside, places
from epifiji.engine.simulation.power_diagram import Tissue
from epifiji.engine.simulation.real_outlines import RealOutlines

_LEAD_FRAMES = 20  # simulated before the first frame, so that an event may be in progress in it


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
"""The movie of ``epifiji demo``: small, with clear events."""


@dataclass(frozen=True)
class Simulation:
    """A simulated movie with the geometry that it was drawn from.

    Parameters
    ----------
    pixels
        (T, Y, X), uint8 or uint16.
    labels
        (T, Y, X), int32: number of the cell that contains each pixel, 0 outside the tissue. A cell keeps its number;
        daughters get new ones.
    events
        The true events, by class, frame and position.
    distractors
        What is not an event although it may look like one, by kind, frame and position.
    settings
        Settings of the simulation.
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
        0 or more. The same arguments give the same bytes on one machine with the same numpy and scipy.
    frames, height, width
        Size of the movie: at least 5 frames, and at least two cell diameters per side.
    cell_diameter_px
        Mean diameter of circles with the areas of the cells, 8–200 px.
    extrusions, divisions, sops
        Numbers of events, 0 or more.
    **settings
        The other settings of :class:`epifiji.data.settings.simulation.SimulationSettings`.

    Returns
    -------
    tuple[Movie, list[Event]]
        The movie, uint8 or uint16, and its events ``cell_death``, ``cell_division`` and ``cell_sop``. The frame of an
        extrusion is the first without apical area (people tend to mark it one or two frames earlier), of a division the
        first with two daughters, of an SOP the middle of the life of its bright spot, when it may divide
        asymmetrically. Events whose cell has left the field of view are not included.

    Raises
    ------
    WrongInputError
        If a setting is unknown or out of range, or there is no room for so many events.
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
    """Simulate as :func:`simulate` does, from settings or their values, and return the labels of the cells too.

    Parameters
    ----------
    settings
        What to simulate. Default: the settings in `values`.
    outlines
        (T, Y, X) or (1, Y, X): lines around real cells, which replace the simulated ones, scaled to the cell diameter.
        If the movie is longer they are shown forwards and backwards; a smooth flow moves a single frame.
    fewer
        If there is no room for all events and distractors, simulate fewer instead of raising an error.
    report
        Called with the progress; may raise to cancel.
    **values
        Settings by name.

    Raises
    ------
    WrongInputError
        As :func:`simulate` does, and if the outlines show no cells or too few for the field.
    """
    chosen = settings or parse_settings(SimulationSettings, values)
    _require_two_cells(chosen)
    if chosen.skipped_frames:
        regular = chosen.model_copy(update={"frames": times_of(chosen), "skipped_frames": 0.0})
        return _thinned(_simulated(regular, outlines, fewer, report), chosen)
    made = _simulated(chosen, outlines, fewer, report)
    return replace(made, pixels=lose(made.pixels, chosen))


def _simulated(chosen: SimulationSettings, outlines: np.ndarray | None, fewer: bool, report: Report) -> Simulation:
    """Simulate a movie of regular frames, none of which is lost."""
    planning, living, seeing = (np.random.default_rng(s) for s in np.random.SeedSequence(chosen.seed).spawn(3))
    view = FieldOfView(chosen)
    tissue: Tissue | RealOutlines
    if outlines is None:
        tissue = Tissue(chosen, living, view.views, membrane_px(chosen), view.edge)
        courses = _planned(chosen, view.outside, planning, fewer)
    else:
        tissue = RealOutlines(chosen, outlines, living, view.views, membrane_px(chosen))
        courses = _planned(chosen, tissue.outside, planning, fewer)
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
            microscope.move(np.round(view.views[frame]).astype(int) - np.round(view.views[frame - 1]).astype(int))
        scene = tissue.scene(frame, microscope.wait())
        spots: list[Spot] = [spot for course in courses for spot in course.spots(tissue, frame)]
        spots += [spot for speck in debris for spot in speck.spots(frame)]
        labels[frame], pixels[frame] = scene.labels, microscope.picture(scene, spots, frame)
        for course in courses:
            course.label(labels[frame], frame)
    distractors = _distractors(courses, debris, small, labels)
    if isinstance(tissue, RealOutlines):
        distractors += [Distractor("unclear", *place) for place in tissue.unclear(chosen.frames)]
    return Simulation(pixels, labels, _events(courses, labels), sorted(distractors), chosen)


def _thinned(made: Simulation, settings: SimulationSettings) -> Simulation:
    """Keep the frames that were taken; what happens at a skipped time is first seen in the next frame."""
    kept = taken(settings)
    events = [replace(event, frame=int(np.searchsorted(kept, event.frame))) for event in made.events]
    others = [one._replace(frame=int(np.searchsorted(kept, one.frame))) for one in made.distractors]
    pixels = lose(made.pixels[kept], settings)
    return Simulation(pixels, made.labels[kept], events, sorted(others), settings)


def _require_two_cells(settings: SimulationSettings) -> None:
    """Refuse a field of less than two cell diameters per side."""
    side = int(np.ceil(2 * settings.cell_diameter_px))
    for name in ("height", "width"):
        if getattr(settings, name) < side:
            raise WrongInputError(
                f"{name} is {getattr(settings, name)} px, but at least two cell diameters, {side} px, are needed: "
                f"specify a larger {name} or a smaller cell_diameter_px."
            )


def _planned(settings: SimulationSettings, outside: Outside, random: np.random.Generator, fewer: bool) -> list[Course]:
    """Plan all events and distractors that change single cells."""
    kinds: list[type[Course]] = [
        *settings.extrusions * [Extrusion],
        *settings.divisions * [Division],
        *settings.sops * [Sop],
        *settings.shrinking_cells * [Shrinking],
        *settings.flickering_spots * [Flicker],
    ]
    where = places(len(kinds), settings, outside, random, fewer)
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
