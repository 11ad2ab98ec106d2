"""Makes the network that comes with EpiFiji: simulates movies with true events, and trains an EpiNet on them.

    python benchmarks/train_epinet.py simulate FOLDER                      about an hour on two cores
    python benchmarks/train_epinet.py train FOLDER --out weights.npz       an hour or two; continues an interrupted training
    python benchmarks/train_epinet.py pack FOLDER weights.npz python/epifiji/networks/epinet

All use fixed seeds. `pack` chooses the thresholds on held-out movies.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np

import epifiji
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.events import Event
from epifiji.data.labelled import TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING, Network
from epifiji.engine.metrics.events import match_events
from epifiji.engine.networks.epinet.model import REACH_FRAMES, new_weights
from epifiji.engine.networks.epinet.sampling import Sampler
from epifiji.engine.networks.epinet.training import epinet_loss
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings
from epifiji.engine.training.trainer import PARTS_A_STEP, State, Trainer, drawn_ahead
from epifiji.files.networks.store import find_network, read_network, weights_sha256, write_network

EVENTS = ("cell_death", "cell_sop", "cell_division")
FIRST_SEED, MOVIES, HELD_OUT = 30_000, 240, 24
STEPS, RATE = 12_000, 1.5e-3
WITHIN_PX, WITHIN_FRAMES = 15, 4
THRESHOLDS, VOLUMES = range(130, 235, 5), (50, 100, 200, 300, 450, 600)
PROVENANCE = (
    "Trained by EpiFiji's makers on simulated movies (epifiji.engine.simulation.random_settings), none of them real; BSD-3. "
    "See the card beside the weights."
)


def simulate(folder: Path, number: int) -> str:
    """Write one movie with its events, and with structures that look like events."""
    file = folder / f"{number:05d}.npz"
    if not file.exists():
        made = simulate_tissue(draw_settings(number))
        events = [(EVENTS.index(e.event), e.frame, e.y, e.x) for e in made.events]
        marked = [(d.frame, d.y, d.x) for d in made.distractors if d.kind != "small_cell"]
        part = folder / f".{number}.npz"
        np.savez(
            part,
            pixels=made.pixels,
            events=np.array(events, float).reshape(-1, 4),
            marked=np.array(marked, float).reshape(-1, 3),
        )
        part.rename(file)
    return file.name


def read_movies(files: Iterable[Path]) -> list[TrainingMovie]:
    movies = []
    for file in files:
        with np.load(file) as kept:
            movies.append(TrainingMovie(kept["pixels"], kept["events"], kept["marked"]))
    return movies


def train(movies: list[TrainingMovie], out: Path, steps: int, start: str | None) -> None:
    """Train from a network's weights or from random ones, and write weights and their average every hundred steps."""
    random = np.random.default_rng(0)
    if out.exists():
        with np.load(out) as kept:
            arrays = dict(kept)
        state = State(*({n[2:]: a for n, a in arrays.items() if n.startswith(p)} for p in ("w/", "a/", "m/")))
        state.step = int(arrays["step"])
        random = np.random.default_rng(state.step)
    else:
        weights = new_weights(len(EVENTS), random)
        if start is not None:
            weights = dict(read_network(find_network(start)).weights[0])
        state = State(weights, {name: values.copy() for name, values in weights.items()})
    trainer, started = Trainer(state, steps, RATE, epinet_loss), time.perf_counter()
    parts = drawn_ahead(Sampler(movies, len(EVENTS), random), PARTS_A_STEP)
    while state.step < steps:
        trainer.step(next(parts))
        if state.step % 100 == 0:
            print(
                f"step {state.step}, {time.perf_counter() - started:.0f} s, loss {np.mean(state.losses[-100:]):.2f}",
                flush=True,
            )
            held = {
                f"{p}/{n}": a
                for p, part in zip("wam", (state.weights, state.average, state.moments), strict=True)
                for n, a in part.items()
            }
            part = out.with_name(f".{out.name}")
            with part.open("wb") as file:
                np.savez(file, step=state.step, **held)
            part.rename(out)


def as_network(weights: dict[str, np.ndarray], **described: object) -> Network:
    known = {
        "name": "epinet",
        "classes": (NOTHING, *EVENTS),
        "frames_before": REACH_FRAMES,
        "frames_after": REACH_FRAMES + 1,
        "cell_diameter_px": 25,
        "event_duration_frames": 4.5,
        "provenance": PROVENANCE,
    }
    return Network(EpiNetDescription(**(known | described)), (weights,), "", weights_sha256(weights))


def chosen(network: Network, movies: list[TrainingMovie]) -> dict[str, tuple[float, int, int]]:
    """Return for each class the best F1 on movies, and the threshold and the minimum volume at which it is reached."""
    found: list[Event] = []
    true: list[Event] = []
    for number, movie in enumerate(movies):
        apart = 10_000 * number
        result = epifiji.detect(Movie(movie.pixels), network, threshold=126, min_volume=30)
        found += [replace(e, frame=e.frame + apart) for e in result.events]
        true += [Event(EVENTS[int(k)], int(t) + apart, y, x) for k, t, y, x in movie.events]
    best = {}
    for name in EVENTS:
        these = [e for e in true if e.event == name]
        scores = []
        for threshold, volume in product(THRESHOLDS, VOLUMES):
            those = [e for e in found if e.event == name and e.over(threshold) and e.volume > volume]
            pairs = len(match_events(those, these, WITHIN_PX, WITHIN_FRAMES).pairs)
            scores.append((2 * pairs / max(1, len(these) + len(those)), threshold, volume))
        # The middle of all that are nearly as good: the single best one may be due to chance.
        good = [one for one in scores if one[0] > max(scores)[0] - 0.005]
        middle = np.median([one[1:] for one in good], axis=0)
        best[name] = min(good, key=lambda one: abs(one[1] - middle[0]) / 5 + abs(np.log(one[2] / middle[1])))
        print(name, len(these), "events:", best[name], flush=True)
    return best


def pack(weights: dict[str, np.ndarray], movies: list[TrainingMovie], folder: Path) -> None:
    """Write the network's folder; an existing card is kept."""
    best = chosen(as_network(weights), movies)
    thresholds, volumes = ({name: one[i] for name, one in best.items()} for i in (1, 2))
    card = folder / "card.md"
    text = card.read_text(encoding="utf-8") if card.exists() else None
    write_network(as_network(weights, thresholds=thresholds, min_volumes=volumes), folder, overwrite=True, text=text)
    print(read_network(folder).sha256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("simulate", "train", "pack"))
    parser.add_argument("folder", type=Path, help="where the simulated movies are")
    parser.add_argument("weights", type=Path, nargs="?", help="for pack: the file that train wrote")
    parser.add_argument("network", type=Path, nargs="?", help="for pack: the network's folder")
    parser.add_argument("--out", type=Path, default=Path("weights.npz"), help="for train: the file to write")
    parser.add_argument("--start", help="the network to start from, such as epinet; default: random weights")
    parser.add_argument("--movies", type=int, default=MOVIES)
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + arguments.movies)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.job == "simulate":
        with ProcessPoolExecutor(os.cpu_count()) as workers:
            for name in workers.map(partial(simulate, arguments.folder), seeds):
                print(name, flush=True)
        return
    files = [arguments.folder / f"{seed:05d}.npz" for seed in seeds]
    if arguments.job == "train":
        train(read_movies(files[:-HELD_OUT]), arguments.out, arguments.steps, arguments.start)
        return
    with np.load(arguments.weights) as kept:
        weights = {name[2:]: kept[name] for name in kept.files if name.startswith("a/")}
    pack(weights, read_movies(files[-HELD_OUT:]), arguments.network)


if __name__ == "__main__":
    main()
