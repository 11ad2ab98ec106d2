"""Maps from windows' probabilities: both arithmetics compared with sums written out voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest

from engine_runs import maps_of
from epifiji.data.movie import Movie
from epifiji.engine.networks.dexnet.compatible import Compatible
from epifiji.engine.networks.dexnet.model import Classifier
from epifiji.engine.tiling.maps import Arithmetic, Exact
from small_networks import small_network

SHAPE = (9, 62, 75)
STEPS = [(10, 2), (3, 1), (25, 3), (17, 5)]


def all_votes(arithmetic: Arithmetic, seed: int = 0) -> dict[tuple[int, int], np.ndarray]:
    """Assign probabilities to every window of every member."""
    random = np.random.default_rng(seed)
    return {
        (member, int(t)): random.dirichlet([0.3] * 4, (len(grid.ys), len(grid.xs))).astype(np.float32)
        for member, grid in enumerate(arithmetic.grids)
        for t in grid.frames
    }


def combined(arithmetic: Arithmetic, votes: dict[tuple[int, int], np.ndarray], frame: int) -> np.ndarray:
    chosen = [(m, int(t), votes[m, int(t)]) for m in range(len(arithmetic.grids)) for t in arithmetic.voting(m, frame)]
    return arithmetic.combine(frame, chosen)


@pytest.mark.parametrize(("step_xy", "step_t"), STEPS)
def test_compatible_maps_are_the_authors_sums(step_xy: int, step_t: int) -> None:
    members = 2
    arithmetic = Compatible(SHAPE, small_network(members).description, step_xy, step_t)
    votes = all_votes(arithmetic)
    padded = (SHAPE[0] + 10, *SHAPE[1:])
    total, count = np.zeros((*padded, 3), np.float16), np.zeros(padded, np.uint8)
    for m in range(members):
        late, inward = m * step_xy // members, m * step_t // members
        times = [5 + late + i * step_t for i in range(-(-(padded[0] - 10 - late) // step_t))]
        rows, columns = (
            [22 + inward + i * step_xy for i in range(-(-(n - 45 - inward) // step_xy))] for n in SHAPE[1:]
        )
        for t in times:
            for i, y in enumerate(rows):
                for j, x in enumerate(columns):
                    block = slice(t - 1, t + 2), slice(y - 6, y + 7), slice(x - 6, x + 7)
                    total[block] += votes[m, t - 5][i, j, 1:].astype(np.float16)
                    count[block] += 1
    expected = np.zeros_like(total)
    seen = count > 0
    expected[seen] = total[seen] / count[seen][:, None]
    expected = (expected * np.float16(255)).astype(np.uint8)[5:-5]
    for frame in range(SHAPE[0]):
        assert np.array_equal(combined(arithmetic, votes, frame), expected[frame].transpose(2, 0, 1))


@pytest.mark.parametrize(("step_xy", "step_t"), STEPS)
def test_exact_maps_are_weighted_means(step_xy: int, step_t: int) -> None:
    arithmetic = Exact(SHAPE, small_network(2).description, step_xy, step_t)
    votes = all_votes(arithmetic)
    fade = max(8, 0.8 * step_xy)
    reach = max(1, -(-step_t // 2))
    for frame in (0, 4, SHAPE[0] - 1):
        result = combined(arithmetic, votes, frame)
        for y, x in [(0, 0), (22, 22), (30, 41), (61, 74), (39, 10)]:
            total, weight = np.zeros(3), 0.0
            for m, grid in enumerate(arithmetic.grids):
                for t in grid.frames[np.abs(grid.frames - frame) <= reach]:
                    for i, centre_y in enumerate(grid.ys):
                        for j, centre_x in enumerate(grid.xs):
                            near_y, near_x = np.clip(y, grid.ys[0], grid.ys[-1]), np.clip(x, grid.xs[0], grid.xs[-1])
                            w = max(0, 1 - abs(near_y - centre_y) / fade) * max(0, 1 - abs(near_x - centre_x) / fade)
                            total += w * votes[m, int(t)][i, j, 1:]
                            weight += w
            beyond = [max(0, 22 - p, p - (n - 23)) for p, n in ((y, SHAPE[1]), (x, SHAPE[2]))]
            trust = 1 - max(beyond) / 23
            assert np.abs(result[:, y, x] - np.floor(255 * trust * total / weight)).max() <= 1


@pytest.mark.parametrize(("step_xy", "step_t"), [*STEPS, (1, 1), (60, 8)])
@pytest.mark.parametrize("shape", [(5, 45, 45), SHAPE, (12, 90, 46)])
def test_exact_maps_have_a_value_everywhere_at_any_step(shape: tuple[int, int, int], step_xy: int, step_t: int) -> None:
    arithmetic = Exact(shape, small_network(2).description, step_xy, step_t)
    certain = np.array([0, 1, 1, 1], np.float32)
    votes = {
        (m, int(t)): np.broadcast_to(certain, (len(g.ys), len(g.xs), 4))
        for m, g in enumerate(arithmetic.grids)
        for t in g.frames
    }
    for frame in range(shape[0]):
        result = combined(arithmetic, votes, frame)
        assert (result[:, 22:-22, 22:-22] >= 254).all()
        assert result.min() >= 255 // 23 - 1


def test_the_order_of_a_members_windows_does_not_matter_in_exact_maps() -> None:
    network = small_network(2)
    movie = Movie(np.random.default_rng(5).integers(0, 255, (7, 50, 52), np.uint8))
    both = Exact(movie.shape, network.description, 10, 2)
    one = np.stack(list(maps_of(movie, Classifier(network), both)))
    small_batches = np.stack(list(maps_of(movie, Classifier(network, batch=3), both)))
    assert np.abs(one.astype(int) - small_batches).max() <= 1


@pytest.mark.parametrize("kind", [Exact, Compatible])
def test_maps_come_frame_by_frame_and_report_progress(kind: type) -> None:
    network = small_network(2)
    movie = Movie(np.random.default_rng(6).integers(0, 255, (43, 50, 52), np.uint8))
    arithmetic = kind(movie.shape, network.description, 10, 2)
    told: list[float] = []
    frames = []
    classifier = Classifier(network)
    for frame in maps_of(movie, classifier, arithmetic, report=lambda done, _: told.append(done)):
        frames.append(frame)
        assert told[-1] < 1 or len(frames) > 20
    assert len(frames) == 43
    assert told == sorted(told)
    assert told[-1] == 1
    expected = {
        (m, int(t)): _classified(movie, classifier, m, int(t), grid)
        for m, grid in enumerate(arithmetic.grids)
        for t in grid.frames
    }
    for t, frame in enumerate(frames):
        assert np.array_equal(frame, combined(arithmetic, expected, t))


def _classified(movie: Movie, classifier: Classifier, member: int, t: int, grid: object) -> np.ndarray:
    """Classify windows cut from a movie that is padded here."""
    padded = np.pad(movie.frames(0, movie.shape[0]), ((5, 5), (0, 0), (0, 0)), mode="edge")
    windows = [padded[t : t + 10, y - 22 : y + 23, x - 22 : x + 23] for y in grid.ys for x in grid.xs]
    scaled = [(255 * ((w - w.min()) / float(w.max() - w.min()))).astype(np.uint8) for w in windows]
    return classifier(member, np.stack(scaled)).reshape(len(grid.ys), len(grid.xs), -1)
