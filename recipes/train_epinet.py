"""Makes the network that comes with EpiFiji: simulates movies with true events, and trains an EpiNet on them.

    python recipes/train_epinet.py simulate FOLDER [--outlines TIFF …]     several processes may share the work
    python recipes/train_epinet.py mine FOLDER --start epinet              what a network gets wrong is shown more often
    python recipes/train_epinet.py train FOLDER --start epinet --out weights.npz [--real ANNOTATED]
    python recipes/train_epinet.py pack FOLDER weights.npz python/epifiji/networks/epinet

Every job continues where it was interrupted. `--real` mixes annotated movies into the training, in the form that `epifiji
train` reads: whoever has some can make the next version. All use fixed seeds. `pack` chooses the thresholds on held-out
movies. No movie of benchmarks/ may be trained on.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.event_networks import EpiNetDescription
from epifiji.data.events import Event
from epifiji.data.labelled import AnnotatedMovie, TrainingMovie
from epifiji.data.movie import Movie
from epifiji.data.network import NOTHING, Network, Weights
from epifiji.data.settings.base import parse_settings
from epifiji.data.settings.simulation import NOMINAL_DURATION, SimulationSettings
from epifiji.data.settings.training import TrainingSettings
from epifiji.engine.metrics.events import match_events
from epifiji.engine.networks.epinet.model import REACH_FRAMES, new_weights
from epifiji.engine.networks.epinet.sampling import Sampler
from epifiji.engine.networks.epinet.training import epinet_loss
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings, draw_wide_settings
from epifiji.engine.training.mixing import Mixed
from epifiji.engine.training.trainer import PARTS_A_STEP, State, Trainer, drawn_ahead
from epifiji.files.networks.store import find_network, read_network, weights_sha256, write_network
from epifiji.files.outlines import read_outlines
from epifiji.files.storage.atomic import replacing
from epifiji.jobs.training.sources import prepare, read_sources

sys.path.insert(0, str(Path(__file__).parent))

from intensity import Worn

EVENTS = ("cell_death", "cell_sop", "cell_division")
FIRST_SEED, MOVIES, HELD_OUT = 40_000, 240, 24
STEPS, RATE, STEPS_WRITTEN = 3_000, 8e-4, 50
WITHIN_PX, WITHIN_FRAMES = 15, 4
THRESHOLDS, VOLUMES = range(130, 235, 5), (50, 100, 200, 300, 450, 600)
OF_OUTLINES = 0.25
"""Share of movies with real outlines, if there are any."""

MINED_TIMES = 3
"""How much more often a place is sampled that a network got wrong."""

PROVENANCE = (
    "Trained by EpiFiji's makers on simulated movies (epifiji.engine.simulation.random_settings), none of them real; BSD-3. "
    "See the card beside the weights."
)


def description(**described: Any) -> EpiNetDescription:
    known = {
        "name": "epinet",
        "classes": (NOTHING, *EVENTS),
        "frames_before": REACH_FRAMES,
        "frames_after": REACH_FRAMES + 1,
        "cell_diameter_px": 25,
        "event_duration_frames": 4.5,
        "provenance": PROVENANCE,
    }
    return EpiNetDescription(**(known | described))


def as_network(weights: Weights, **described: Any) -> Network:
    return Network(description(**described), (weights,), "", weights_sha256(weights))


def at_scale(settings: SimulationSettings, outlines: np.ndarray | None) -> TrainingMovie:
    """Simulate a movie; every second one is scaled as a detection does with its cell diameter and event duration."""
    made = simulate_tissue(settings, outlines, fewer=True)
    others = [Event(NOTHING, d.frame, d.y, d.x) for d in made.distractors if d.kind != "small_cell"]
    scaled = settings.seed % 2 == 0
    source = AnnotatedMovie(
        Movie(made.pixels, str(settings.seed)),
        tuple(made.events),
        tuple(others),
        classes=EVENTS,
        cell_diameter=settings.cell_diameter_px if scaled else None,
        event_duration=4.5 * settings.event_duration / NOMINAL_DURATION if scaled else None,
    )
    (movie,) = prepare([source], description(), TrainingSettings())
    levels = np.iinfo(made.pixels.dtype)
    pixels = np.clip(np.round(movie.pixels), levels.min, levels.max).astype(made.pixels.dtype)
    return replace(movie, pixels=pixels)


def simulate(folder: Path, seeds: range, outlines: list[Path], wide: float = 1.0) -> None:
    """Write movies with their events and places that look like events, in an order of this process's own.

    A share `wide` of them is drawn from the wide ranges, the others from the narrower ones.
    """
    drawn = [read_outlines(path) for path in outlines]
    for seed in np.random.default_rng(os.getpid()).permutation(list(seeds)).tolist():
        file = folder / f"{seed:05d}.npz"
        if file.exists():
            continue
        random = np.random.default_rng([seed, 4])
        settings = (draw_wide_settings if np.random.default_rng([seed, 6]).random() < wide else draw_settings)(seed)
        number = int(random.integers(len(drawn))) if drawn and random.random() < OF_OUTLINES else None
        try:
            movie = at_scale(settings, None if number is None else drawn[number])
        except WrongInputError:
            # The outlines show too few cells for a field of this size.
            movie = at_scale(settings, None)
        with replacing(file) as part:
            np.savez_compressed(part, pixels=movie.pixels, events=movie.events, marked=movie.nothing)
        print(file.name, *movie.pixels.shape, len(movie.events), "events", f"{time.process_time():.0f} s", flush=True)


def read_movies(files: Iterable[Path], mined: bool = False) -> list[TrainingMovie]:
    """Read simulated movies; with `mined`, places that a network got wrong are listed several times."""
    movies = []
    for file in files:
        if not file.exists():
            raise WrongInputError(
                f"{file} does not exist, but it should contain a simulated movie: run the job simulate with the same --movies."
            )
        with np.load(file) as kept:
            events, marked = kept["events"], kept["marked"]
            pixels = kept["pixels"]
        if mined and (wrong := mined_file(file)).exists():
            with np.load(wrong) as found:
                events = np.concatenate([events, *(MINED_TIMES - 1) * [found["missed"]]])
                marked = np.concatenate([marked, *MINED_TIMES * [found["false"]]])
        movies.append(TrainingMovie(pixels, events, marked, name=file.stem))
    return movies


def mined_file(file: Path) -> Path:
    return file.with_name(f"mined-{file.name}")


def mine(files: Iterable[Path], network: Network) -> None:
    """Write for each movie the events that a network misses and its false ones; events of another class count as both."""
    for file in files:
        if mined_file(file).exists():
            continue
        (movie,) = read_movies([file])
        found = epifiji.detect(Movie(movie.pixels), network).events
        missed, false = [], []
        for kind, name in enumerate(EVENTS):
            true = movie.events[movie.events[:, 0] == kind]
            these = [Event(name, int(t), y, x) for _, t, y, x in true]
            those = [e for e in found if e.event == name]
            matches = match_events(those, these, WITHIN_PX, WITHIN_FRAMES)
            missed.append(true[[event in matches.false_negatives for event in these]].reshape(-1, 4))
            false += [(event.frame, event.y, event.x) for event in matches.false_positives]
        with replacing(mined_file(file)) as part:
            np.savez(part, missed=np.concatenate(missed), false=np.array(false, float).reshape(-1, 3))
        print(
            file.name, sum(map(len, missed)), "missed,", len(false), f"false, {time.process_time():.0f} s", flush=True
        )


def read_state(out: Path, start: str | None) -> State:
    """Return the state of an interrupted training, or of a new one that starts from a network or from random weights."""
    if out.exists():
        arrays = read_weights(out)
        state = State(*({n[2:]: a for n, a in arrays.items() if n.startswith(p)} for p in ("w/", "a/", "m/")))
        state.step = int(arrays["step"])
        return state
    weights = new_weights(len(EVENTS), np.random.default_rng(0))
    if start is not None:
        weights = dict(network_of(start).weights[0])
    return State(weights, {name: values.copy() for name, values in weights.items()})


def network_of(start: str) -> Network:
    """Return a network by its name or folder, or the averaged weights that `train` wrote."""
    if not start.endswith(".npz"):
        return read_network(find_network(start))
    arrays = read_weights(Path(start))
    return as_network({name[2:]: values for name, values in arrays.items() if name.startswith("a/")})


def read_weights(file: Path) -> Weights:
    """Read the file of an interrupted or finished training."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            arrays = dict(kept)
    except (OSError, ValueError, EOFError, BadZipFile) as problem:
        raise WrongInputError(
            f"{file} cannot be read ({problem}), but a file that the job train wrote is expected: check the path."
        ) from problem
    if "step" not in arrays:
        raise WrongInputError(f"{file} has no weights of the job train, but these are expected: specify another file.")
    return arrays


def write_state(state: State, out: Path) -> None:
    held = {
        f"{p}/{n}": a
        for p, part in zip("wam", (state.weights, state.average, state.moments), strict=True)
        for n, a in part.items()
    }
    with replacing(out) as part, part.open("wb") as file:
        np.savez(file, step=state.step, **held)


def real_movies(folder: Path, diameter: str | None) -> list[TrainingMovie]:
    """Read annotated movies at the network's scale; events of other classes than EpiNet's are left out."""
    settings = parse_settings(TrainingSettings, {"cell_diameter": diameter})
    sources = [
        replace(
            source,
            events=tuple(e for e in source.events if e.event in EVENTS),
            classes=tuple(name for name in source.classes if name in EVENTS),
        )
        for source in read_sources([folder], settings)
    ]
    if not any(source.events for source in sources):
        raise WrongInputError(
            f"{folder} has no events of {', '.join(EVENTS)}, but EpiNet learns these: name files MOVIE_<class>.zip after them."
        )
    return prepare(sources, description(), settings)


def train(
    simulated: list[TrainingMovie], real: list[TrainingMovie], share: float, state: State, steps: int
) -> Iterator[int]:
    """Train for so many steps in all; yields the number of each step that is done."""
    random = np.random.default_rng(0)
    samplers = [(Worn(Sampler(simulated, len(EVENTS), random)), 1 - share if real else 1.0)]
    if real:
        samplers.append((Worn(Sampler(real, len(EVENTS), random)), share))
    trainer = Trainer(state, steps, RATE, epinet_loss)
    parts = drawn_ahead(Mixed(samplers, 1, state.step, PARTS_A_STEP), PARTS_A_STEP)
    while state.step < steps:
        trainer.step(next(parts))
        yield state.step
    parts.close()


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


def pack(weights: Weights, movies: list[TrainingMovie], folder: Path) -> None:
    """Write the network's folder; an existing card is kept."""
    best = chosen(as_network(weights), movies)
    thresholds, volumes = ({name: one[i] for name, one in best.items()} for i in (1, 2))
    card = folder / "card.md"
    text = card.read_text(encoding="utf-8") if card.exists() else None
    write_network(as_network(weights, thresholds=thresholds, min_volumes=volumes), folder, overwrite=True, text=text)
    print(read_network(folder).sha256)


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("simulate", "mine", "train", "pack"))
    parser.add_argument("folder", type=Path, help="where the simulated movies are")
    parser.add_argument("weights", type=Path, nargs="?", help="for pack: the file that train wrote")
    parser.add_argument("network", type=Path, nargs="?", help="for pack: the network's folder")
    parser.add_argument("--movies", type=int, default=MOVIES, help="movies, the held-out ones included")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="seed of the first movie")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="movies that pack chooses thresholds on")
    parser.add_argument(
        "--outlines", type=Path, nargs="*", default=[], help="for simulate: TIFFs of real outlines of cells"
    )
    parser.add_argument("--out", type=Path, default=Path("weights.npz"), help="for train: the file to write")
    parser.add_argument(
        "--start", help="for mine and train: a network such as epinet, or weights; default: random weights"
    )
    parser.add_argument(
        "--wide",
        type=float,
        default=1.0,
        help="for simulate: share of movies from the wide ranges, 0 to 1; others have 60 frames of 256 x 256 px",
    )
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--real", type=Path, help="for train: a folder of annotated movies")
    parser.add_argument("--cell-diameter", help="of the annotated movies, px, or auto; default: about 25")
    parser.add_argument(
        "--real-share", type=float, default=0.3, help="share of the parts from annotated movies, 0 to 1"
    )
    return parser


def run(arguments: argparse.Namespace) -> None:
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.movies)
    files = [arguments.folder / f"{seed:05d}.npz" for seed in seeds]
    if arguments.job != "simulate" and not 0 < arguments.held_out < arguments.movies:
        raise WrongInputError(
            f"--held-out is {arguments.held_out} of {arguments.movies} movies, but at least one is held out, and one trained on: "
            "give a number between."
        )
    learnt, held_out = files[: -arguments.held_out], files[-arguments.held_out :]
    if arguments.job == "simulate":
        arguments.folder.mkdir(parents=True, exist_ok=True)
        simulate(arguments.folder, seeds, arguments.outlines, arguments.wide)
    elif arguments.job == "mine":
        mine(learnt, network_of(arguments.start or "epinet"))
    elif arguments.job == "train":
        if not 0 < arguments.real_share <= 1:
            raise WrongInputError(
                f"--real-share is {arguments.real_share:g}, but it is a share above 0 and up to 1: give one."
            )
        real = real_movies(arguments.real, arguments.cell_diameter) if arguments.real else []
        state, began = read_state(arguments.out, arguments.start), time.perf_counter()
        for step in train(read_movies(learnt, mined=True), real, arguments.real_share, state, arguments.steps):
            if step % STEPS_WRITTEN == 0 or step == arguments.steps:
                loss, seconds = np.mean(state.losses[-STEPS_WRITTEN:]), time.perf_counter() - began
                print(
                    f"step {step}, {seconds:.0f} s, processor {time.process_time():.0f} s, loss {loss:.2f}", flush=True
                )
                write_state(state, arguments.out)
    else:
        weights = network_of(str(arguments.weights)).weights[0]
        pack(weights, read_movies(held_out), arguments.network)


def main() -> None:
    try:
        run(options().parse_args())
    except WrongInputError as problem:
        print(problem, file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
