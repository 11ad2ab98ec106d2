"""Makes the prefilter of fast mode: movies, the predictions of the authors' networks, and a network that is trained on these.

    python benchmarks/train_prefilter.py label FOLDER --network notum_all.zip --outlines outlines.tif python
    benchmarks/train_prefilter.py train FOLDER --network notum_all.zip --out python/epifiji/networks/dexnet_screen.npz

Both use fixed seeds. Labelling 60 movies takes about half an hour on two cores, training 40 minutes. ``train --start
SCREEN`` continues from an existing prefilter.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

from epifiji.data.movie import Movie
from epifiji.data.progress import silent
from epifiji.data.tensorflow_import import import_tensorflow
from epifiji.engine.backend.layers import STRIDE
from epifiji.engine.networks.dexnet.fast import Fast
from epifiji.engine.networks.dexnet.prefilter import REACH_FRAMES, frame_features, logits, shapes
from epifiji.engine.simulation.movie import simulate_tissue
from epifiji.engine.simulation.random_settings import draw_settings
from epifiji.engine.tiling.blocks import Block, read_strip
from epifiji.engine.tiling.windows import Grid
from epifiji.files.networks.store import find_network, read_network, weights_sha256
from epifiji.files.outlines import read_outlines
from epifiji.jobs.networks import loaded_for_events

MOVIES, SIDE_PX, FRAMES, STEP_PX = 60, 230, 46, 12
FIRST_SEED = 50_000
CROP_FRAMES, CROP_PX, CROPS, WINDOWS = 24, 144, 2, 4096
STEPS, LEARNING_RATE = 3500, 3e-3


def tissue(number: int, random: np.random.Generator, outlines: Path) -> np.ndarray:
    """Make a movie.

    Of six, four are simulated tissues, one has real outlines with the simulator's imaging, one is a replay.
    """
    if number % 6 == 5:
        return degraded(replay(outlines, random), random)
    settings = draw_settings(FIRST_SEED + number, FRAMES, SIDE_PX, SIDE_PX)
    drawn = None
    if number % 6 == 2:
        drawn = read_outlines(outlines)
        first = int(random.integers(0, len(drawn) - FRAMES))
        drawn = drawn[first : first + FRAMES]
    pixels = simulate_tissue(settings, drawn, fewer=True).pixels.astype(np.float32)
    return np.clip(255 * pixels / pixels.max(), 0, 255).astype(np.uint8)


def replay(outlines: Path, random: np.random.Generator) -> np.ndarray:
    """Show a part of real outlines as membranes, at a scale drawn at random."""
    side = SIDE_PX + 30
    drawn = tifffile.imread(outlines)
    t, y, x = (int(random.integers(0, n - m)) for n, m in zip(drawn.shape, (FRAMES, side, side), strict=True))
    part = drawn[t : t + FRAMES, y : y + side, x : x + side] > 0
    part = ~part if part.mean() > 0.5 else part
    texture = ndimage.gaussian_filter(random.standard_normal(part.shape), (3, 4, 4))
    membranes = [
        ndimage.gaussian_filter(
            np.exp(-(ndimage.distance_transform_edt(~frame) ** 2) / 2.88) * np.exp(0.25 * noise / texture.std()), 0.8
        )
        for frame, noise in zip(part, texture, strict=True)
    ]
    scale = random.uniform(0.8, 1.3)
    movie = ndimage.zoom(np.stack(membranes), (1, scale, scale), order=1)
    light = np.clip(15 + 160 * movie / np.quantile(movie, 0.999), 0, None)
    return np.clip(random.poisson(3 * light) / 3, 0, 255).astype(np.uint8)


def degraded(movie: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Degrade a movie at random: blur, bleaching, shading, a tissue edge, defocus, bright spots, drift and noise."""
    x = movie / np.float32(255)
    count, height, width = x.shape
    if random.random() < 0.6:
        sigma = random.uniform(0.3, 1.2)
        x = ndimage.gaussian_filter(x, (0, sigma, sigma))
    if random.random() < 0.6:
        x = x ** random.uniform(0.6, 1.6)
    if random.random() < 0.5:
        x = x * np.exp(-random.uniform(0, 1.2) * np.arange(count) / count)[:, None, None]
    if random.random() < 0.6:
        shade = ndimage.gaussian_filter(random.standard_normal((height, width)), 40)
        x = x * np.exp(0.35 * shade / shade.std())
    if random.random() < 0.35:
        edge = ndimage.gaussian_filter(random.standard_normal((height, width)), 50)
        x = x / (1 + np.exp(-12 * (edge - np.quantile(edge, 0.25)) / edge.std()))
    if random.random() < 0.5:
        for t in np.flatnonzero(random.random(count) < 0.1):
            x[t] = ndimage.gaussian_filter(x[t], random.uniform(0.8, 2))
    if random.random() < 0.4:
        rows, columns = np.ogrid[:height, :width]
        for _ in range(random.integers(1, 8)):
            t, y, at = (random.integers(0, n) for n in x.shape)
            spot = np.exp(-((rows - y) ** 2 + (columns - at) ** 2) / (2 * random.uniform(1.5, 4) ** 2))
            x[t : t + random.integers(2, 20)] += random.uniform(0.3, 1) * spot
    x = x + random.uniform(0, 0.07) * random.standard_normal(x.shape) * (0.4 + x)
    if random.random() < 0.3:
        way = np.cumsum(random.normal(0, 0.6, (count, 2)), 0)
        x = np.stack([ndimage.shift(f, step, order=1, mode="reflect") for f, step in zip(x, way, strict=True)])
    return np.clip(255 * (x - x.min()) / (x.max() - x.min()), 0, 255).astype(np.uint8)


def label(arguments: argparse.Namespace) -> None:
    """Make movies and store the network's predictions at positions all over each: (n, 3 + events) t, y, x, probabilities."""
    network = read_network(find_network(arguments.network))
    predictor = Fast(loaded_for_events(network, "fast"), None)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.movies):
        file = arguments.folder / f"{number:03d}.npz"
        if file.exists():
            continue
        random = np.random.default_rng(1000 + number)
        movie = Movie(tissue(number, random, arguments.outlines))
        rows = []
        for member in range(network.description.members):
            places = [np.arange(22 + random.integers(0, STEP_PX), n - 22, STEP_PX) for n in movie.shape[1:]]
            grids = [Grid(np.empty(0, int), *places) for _ in network.weights]
            grids[member] = Grid(np.arange(member, movie.shape[0], 2), *places)
            strip = read_strip(movie, Block(0, movie.shape[0], 0, movie.shape[1]), network.description, predictor)
            answers = predictor.everywhere(strip, grids, silent)[member][..., 1:]
            where = np.stack(np.meshgrid(grids[member].frames, *places, indexing="ij"), -1)
            rows.append(np.concatenate([where, answers], -1).reshape(-1, 3 + answers.shape[-1]))
        np.savez_compressed(file, movie=movie.frames(0, movie.shape[0]), labels=np.concatenate(rows).astype(np.float32))
        print(file, movie.shape, flush=True)


def crop(movie: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crop a part, in 70 % of cases around an event, flip it, and change its contrast.

    Return it with the labels inside.
    """
    padded = np.pad(movie, ((REACH_FRAMES, REACH_FRAMES), (0, 0), (0, 0)), "edge")
    size = np.array([CROP_FRAMES, CROP_PX, CROP_PX])
    most = np.array(padded.shape) - size
    events = np.flatnonzero(labels[:, 3:].max(1) > 0.3)
    start = random.integers(0, most + 1)
    if len(events) and random.random() < 0.7:
        inside = random.integers([4, 30, 30], [CROP_FRAMES - 14, CROP_PX - 30, CROP_PX - 30])
        start = np.clip(labels[random.choice(events), :3].astype(int) - inside, 0, most)
    part = padded[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))].astype(np.float32)
    found = labels.copy()
    found[:, :3] -= start
    t, y, x = found[:, :3].T
    edge = 21
    kept = (t >= 0) & (t < CROP_FRAMES - 2 * REACH_FRAMES)
    kept &= (np.minimum(y, x) >= edge) & (np.maximum(y, x) < CROP_PX - edge)
    found = found[kept]
    for axis in (1, 2):
        if random.random() < 0.5:
            part, found[:, axis] = np.flip(part, axis), CROP_PX - 1 - found[:, axis]
    if random.random() < 0.5:
        part, found[:, 1:3] = part.transpose(0, 2, 1), found[:, 2:0:-1]
    part = 255 * (part / 255) ** random.uniform(0.8, 1.25) * random.uniform(0.3, 3) + random.uniform(-50, 50)
    return np.ascontiguousarray(part, np.float32), found[random.permutation(len(found))[:WINDOWS]]


def train(arguments: argparse.Namespace) -> None:
    """Train a prefilter on the labelled movies, and write it with the hashes of its networks."""
    tf = import_tensorflow()
    import keras

    random = np.random.default_rng(0)
    network = read_network(find_network(arguments.network))
    events = network.description.events
    data = [dict(np.load(file)) for file in sorted(arguments.folder.glob("*.npz"))]
    weights = {}
    known = dict(np.load(arguments.start)) if arguments.start else {}
    for name, shape in shapes(len(events)).items():
        start = random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        start = np.full(shape, -4.0 if name == "answer/bias" else 0.0) if name.endswith("bias") else start
        start = known.get(name, start)
        weights[name] = keras.Variable(start.astype(np.float32), name=name.replace("/", "_"))
    variables = list(weights.values())
    most = LEARNING_RATE / 2 if known else LEARNING_RATE
    rate = keras.optimizers.schedules.CosineDecay(1e-4, arguments.steps, warmup_target=most, warmup_steps=60)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=1e-3, global_clipnorm=1.0)
    optimizer.build(variables)

    def answers(movie: Any) -> Any:
        features = frame_features(weights, movie)
        count, height, width, depth = tf.unstack(tf.shape(features))
        flat = logits(weights, tf.reshape(features, (count, height * width, depth)))
        return tf.reshape(flat, (-1, height, width, len(events)))

    @tf.function(
        input_signature=[
            tf.TensorSpec((CROP_FRAMES, CROP_PX, CROP_PX), tf.float32),
            tf.TensorSpec((None, 3 + len(events)), tf.float32),
        ],
        autograph=False,
    )
    def gradients(movie: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([v.value for v in variables])
            places = tf.cast(labels[:, 0], tf.int32), (labels[:, 1] - 1.5) / STRIDE, (labels[:, 2] - 1.5) / STRIDE
            at, truth = interpolated(tf, answers(movie), *places), labels[:, 3:]
            loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=at) * (1 + 12 * truth)
            loss = tf.reduce_mean(tf.reduce_sum(loss, -1))
        return loss, tape.gradient(loss, [v.value for v in variables])

    started, losses = time.perf_counter(), []
    for step in range(arguments.steps):
        total: list[Any] = []
        for _ in range(CROPS):
            one = data[int(random.integers(len(data)))]
            loss, found = gradients(*crop(one["movie"], one["labels"], random))
            losses.append(float(loss))
            total = [a + b for a, b in zip(total, found, strict=True)] if total else found
        optimizer.apply([gradient / CROPS for gradient in total], variables)
        if step % 100 == 99:
            print(
                f"step {step + 1}, {time.perf_counter() - started:.0f} s, loss {np.mean(losses[-200:]):.3f}", flush=True
            )
    arrays = {name: variable.numpy() for name, variable in weights.items()}
    served = np.array([weights_sha256(member) for member in network.weights])
    np.savez_compressed(arguments.out, classes=np.array(events), served=served, **arrays)


def interpolated(tf: Any, values: Any, t: Any, y: Any, x: Any) -> Any:
    """Interpolate values (n, Y, X, classes) linearly at places between pixels."""
    height, width = tf.unstack(tf.cast(tf.shape(values)[1:3], tf.float32))
    y, x = tf.clip_by_value(y, 0.0, height - 1.001), tf.clip_by_value(x, 0.0, width - 1.001)
    top, left = tf.cast(tf.floor(y), tf.int32), tf.cast(tf.floor(x), tf.int32)
    down, right = (y - tf.floor(y))[:, None], (x - tf.floor(x))[:, None]

    def at(dy: int, dx: int) -> Any:
        return tf.gather_nd(values, tf.stack([t, top + dy, left + dx], -1))

    return (1 - down) * ((1 - right) * at(0, 0) + right * at(0, 1)) + down * ((1 - right) * at(1, 0) + right * at(1, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("label", "train"))
    parser.add_argument("folder", type=Path, help="where the labelled movies are")
    parser.add_argument("--network", required=True, help="name, folder or zip of the network to predict")
    parser.add_argument("--movies", type=int, default=MOVIES, help="for label: the number of movies")
    parser.add_argument("--start", type=Path, help="for train: the file of a prefilter to start from")
    parser.add_argument("--steps", type=int, default=STEPS, help="for train: the number of steps")
    parser.add_argument("--outlines", type=Path, help="for label: a TIFF (T, Y, X) of real cell outlines")
    parser.add_argument("--out", type=Path, help="for train: the prefilter's file to write")
    arguments = parser.parse_args()
    (label if arguments.job == "label" else train)(arguments)


if __name__ == "__main__":
    main()
