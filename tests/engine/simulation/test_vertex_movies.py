"""The movies of a vertex model that networks are scored on: the model stays a tissue, and the truth is what happens in it."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

from vertex_movies.movie import HARSH, Look, MadeMovie, hard, make, plain
from vertex_movies.tissue import VertexTissue

ROOT = Path(__file__).parents[3]
SMALL = Look(
    3,
    frames=24,
    height=110,
    width=130,
    diameter=20.0,
    duration=9.0,
    extrusions=3,
    divisions=2,
    sops=1,
    recoveries=0,
    debris=0,
    margin_px=0.0,
)


def tissue(seed: int = 1) -> VertexTissue:
    return VertexTissue(np.array([150.0, 170.0]), 20.0, 0.25, 1.0, 0.3, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def made() -> MadeMovie:
    return make(SMALL)


def is_closed(cells: VertexTissue) -> None:
    """Check Euler's formula of a torus, V - E + F = 0, and that the cells cover the box once."""
    vertices, edges = len(np.unique(cells.vert)), len(cells.vert) / 2
    assert vertices - edges + len(cells.numbers) == 0
    assert (cells.vert[cells.nxt][cells.twin] == cells.vert).all()
    np.testing.assert_allclose(cells.areas.sum() * cells.length**2, cells.box.prod(), rtol=1e-9)
    assert (cells.areas > 0).all()


def test_cells_cover_the_box_while_junctions_are_exchanged() -> None:
    cells = tissue()
    before = cells.twin.copy()
    for _ in range(60):
        cells.restless = 2.5
        cells.advance()
    is_closed(cells)
    assert len(before) != len(cells.twin) or (before != cells.twin).any()


def test_a_cell_that_collapses_leaves_its_neighbours_around_one_vertex() -> None:
    cells = tissue()
    number = next(n for n in cells.numbers if len(cells.loops[n]) == 6)
    count = len(cells.numbers)
    vertex = cells.collapse(number)
    assert vertex is not None
    is_closed(cells)
    assert (len(cells.numbers), len(cells.around(vertex))) == (count - 1, 6)
    for _ in range(60):
        cells.advance()
    is_closed(cells)
    assert cells.degree.max() <= 4  # the rosette is resolved


def test_a_cell_that_is_split_becomes_two_with_its_area() -> None:
    cells = tissue()
    number = next(n for n in cells.numbers if len(cells.loops[n]) == 6)
    area, loop = cells.area(number), cells.loops[number]
    first = cells.add_on_side(
        number, loop[0], cells.xy[loop[0]] + 0.5 * cells.apart(cells.xy[loop[1]] - cells.xy[loop[0]])
    )
    opposite = loop[4]
    end = loop[(loop.index(opposite) + 1) % len(loop)]
    way = cells.apart(cells.xy[end] - cells.xy[opposite])
    second = cells.add_on_side(number, opposite, cells.xy[opposite] + 0.5 * way)
    cells.rebuild()
    daughters = cells.split(number, first, second)
    is_closed(cells)
    np.testing.assert_allclose(sum(cells.area(d) for d in daughters), area, rtol=1e-9)


def test_the_movie_has_its_events_in_order(made: MadeMovie) -> None:
    assert made.pixels.shape == (24, 110, 130)
    assert {e.event for e in made.events} == {"cell_death", "cell_division", "cell_sop"}
    assert made.events == sorted(made.events, key=lambda e: (e.event, e.frame, e.y, e.x))
    for event in made.events:
        assert 0 <= event.frame < 24
        assert 0 <= event.y <= 109
        assert 0 <= event.x <= 129


def test_a_spot_is_bright_at_the_event_of_an_sop() -> None:
    made = make(replace(SMALL, extrusions=0, divisions=0, sops=2, blinks=0, faint_spots=0, swellings=0))
    assert made.events
    for event in made.events:
        y, x = round(event.y), round(event.x)
        centre = made.pixels[event.frame, max(0, y - 2) : y + 3, max(0, x - 2) : x + 3]
        assert centre.max() > np.quantile(made.pixels[event.frame], 0.97)


def test_the_same_seed_gives_the_same_movie(made: MadeMovie) -> None:
    again = make(SMALL)
    assert again.events == made.events
    np.testing.assert_array_equal(again.pixels, made.pixels)


def test_frames_are_lost_as_asked(made: MadeMovie) -> None:
    lost = make(replace(SMALL, black_frames=2, repeated_frames=3)).pixels
    assert (lost.reshape(24, -1).max(1) == 0).sum() == 2
    assert (lost[1:] == lost[:-1]).all((1, 2)).sum() == 3
    assert (made.pixels[1:] != made.pixels[:-1]).any((1, 2)).all()


def test_every_kind_of_hardness_is_drawn() -> None:
    looks = [hard(seed) for seed in range(len(HARSH))]
    assert looks[HARSH.index("short")].frames <= 25
    assert looks[HARSH.index("lost")].black_frames > 0
    assert looks[HARSH.index("saturated")].bright >= 200
    assert plain(5) == plain(5) != plain(6)


def test_movies_for_scoring_share_no_code_with_those_for_training() -> None:
    for path in (ROOT / "benchmarks" / "vertex_movies").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("epifiji"):
                assert node.module == "epifiji.data.events", path
            assert not isinstance(node, ast.Import) or "epifiji" not in ast.unparse(node), path
    for folder in ("python", "recipes"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert "vertex_movies" not in text, path
            assert "vertex_scores" not in text, path
