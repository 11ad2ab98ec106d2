"""Retraining a DeXNet on windows around events, similar to its authors' training.

Windows are cut around events of each class and around places without events, the same number of each, shifted by up to
a fifth of their half size and two frames; as many are at random positions. In contrast to the authors' training, every
window is drawn independently, batch norms do not change, all members learn from the same windows, and the rate is low.
For a window whose content is unknown, the target is the prediction of the parent network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from epifiji.data.event_networks import EventNetworkDescription
from epifiji.data.labelled import TrainingMovie
from epifiji.data.network import Weights
from epifiji.data.tensorflow_import import Tensor, Tensors, import_tensorflow
from epifiji.engine.backend.devices import multiplies_bfloat16
from epifiji.engine.networks.dexnet.model import DENSE, classify_features, encode
from epifiji.engine.tiling.windows import ROUNDING, normalised
from epifiji.engine.training.augmentation import changed, turned

WINDOWS = 16
"""Windows per part, which is one unit of training."""

SHIFT_OF_HALF, SHIFT_FRAMES = 0.2, 2
CONTROLS = 0.4
"""Share of windows at random positions."""

TRIES = 20
"""Attempts to find a window without any event, before the last one is used."""

LEAST_PROBABILITY = 1e-6

Teacher = Callable[[np.ndarray], np.ndarray]
"""Predicts for windows (n, frames, side, side), uint8, probabilities (n, classes) of the classes that it knows, nothing first."""


@dataclass(frozen=True)
class Windows:
    """Windows (n, frames, side, side), uint8, normalised, and targets (n, classes), float32: each a distribution."""

    pixels: np.ndarray
    answers: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays in the form of a loss's arguments."""
        return self.pixels, self.answers


class WindowSampler:
    """Draws windows at random.

    Parameters
    ----------
    movies
        At the network's scale; at least one, none smaller than a window.
    description
        Of the network to train; its classes begin with those that the teacher knows.
    random
        Source of all random numbers.
    without
        Names of augmentations to leave out.
    teacher
        Predicts the targets of windows whose content is unknown.
    """

    def __init__(
        self,
        movies: Sequence[TrainingMovie],
        description: EventNetworkDescription,
        random: np.random.Generator,
        without: frozenset[str],
        teacher: Teacher,
    ) -> None:
        self._movies, self._description, self._random = movies, description, random
        self._without, self._teacher = without, teacher
        kinds = range(len(description.events))
        targets = [[(n, e) for n, m in enumerate(movies) for e in m.events if int(e[0]) == kind] for kind in kinds]
        targets.append([(n, np.array([-1, *place])) for n, movie in enumerate(movies) for place in movie.nothing])
        self._targets = [target for target in targets if target]
        self._areas = np.array([movie.pixels.size for movie in movies], float)

    def reseed(self, random: np.random.Generator) -> None:
        """Use this source of random numbers from now on."""
        self._random = random

    def draw(self) -> Windows:
        """Draw some windows."""
        cut, answers, known = zip(*(self._window() for _ in range(WINDOWS)), strict=True)
        pixels, answered = normalised(np.stack(cut), ROUNDING), np.stack(answers)
        if not all(known):
            asked = ~np.array(known)
            predicted = self._teacher(pixels[asked])
            answered[asked] = np.pad(predicted, [(0, 0), (0, answered.shape[1] - predicted.shape[1])])
        return Windows(pixels, answered)

    def _window(self) -> tuple[np.ndarray, np.ndarray, bool]:
        """Return an augmented window, its target, and whether its content is known."""
        random, described = self._random, self._description
        half = described.window_half_size_px
        if self._targets and random.random() >= CONTROLS:
            targets = self._targets[random.integers(len(self._targets))]
            number, event = targets[random.integers(len(targets))]
            shift = max(1, round(SHIFT_OF_HALF * half))
            place = np.round(event[1:]).astype(int) + random.integers(
                [-SHIFT_FRAMES, -shift, -shift], [SHIFT_FRAMES + 1, shift + 1, shift + 1]
            )
            kind = int(event[0])
            known = kind < 0 or self._movies[number].is_annotated(kind)
        else:
            number = int(random.choice(len(self._movies), p=self._areas / self._areas.sum()))
            place, known = self._anywhere(self._movies[number])
            kind = -1
        answer = np.zeros(len(described.classes), np.float32)
        answer[kind + 1] = 1
        return self._changed(_cut(self._movies[number].pixels, place, described)), answer, known

    def _anywhere(self, movie: TrainingMovie) -> tuple[np.ndarray, bool]:
        """Choose a place without an event in its window, and return it with whether it is known that there is none."""
        shape, half = np.array(movie.pixels.shape), self._description.window_half_size_px
        reach = np.array([self._description.frames_before, half, half])
        for _ in range(TRIES):
            place = self._random.integers([0, 0, 0], shape)
            if not (np.abs(movie.events[:, 1:] - place) <= reach).all(1).any():
                break
        return place, movie.is_known(place)

    def _changed(self, window: np.ndarray) -> np.ndarray:
        (window,) = turned((window,), self._random, self._without)
        return changed(window, self._random, self._without)


def _cut(pixels: np.ndarray, place: np.ndarray, description: EventNetworkDescription) -> np.ndarray:
    """Cut a window around a place, moved into the field; first and last frames are repeated."""
    count, height, width = pixels.shape
    half = description.window_half_size_px
    y, x = (int(np.clip(p, half, n - 1 - half)) - half for p, n in zip(place[1:], (height, width), strict=True))
    side = description.window_size_px
    ts = np.clip(np.arange(place[0] - description.frames_before, place[0] + description.frames_after), 0, count - 1)
    cut = pixels[ts[0] : ts[-1] + 1, y : y + side, x : x + side][ts - ts[0]]
    return np.asarray(cut, np.float64)


def together(members: Sequence[Weights]) -> Weights:
    """Collect the arrays of all members in one dictionary, as ``<member>/<array>``."""
    return {f"{number}/{name}": values for number, member in enumerate(members) for name, values in member.items()}


def apart(weights: Weights) -> tuple[Weights, ...]:
    """Undo :func:`together`."""
    members: dict[int, Weights] = {}
    for name, values in weights.items():
        number, array = name.split("/", 1)
        members.setdefault(int(number), {})[array] = values
    return tuple(members[number] for number in sorted(members))


def grown(member: Weights, classes: int, random: np.random.Generator) -> Weights:
    """Extend a member's last layer to this number of classes; the new ones are improbable for all inputs."""
    kernel, bias = member[f"dense_{DENSE - 1}/kernel"], member[f"dense_{DENSE - 1}/bias"]
    more = classes - bias.size
    spread = float(kernel.std()) or 1.0
    new_kernel = 0.1 * spread * random.standard_normal((kernel.shape[0], more))
    new_bias = np.full(more, bias.min() - 2)
    return {name: values.copy() for name, values in member.items()} | {
        f"dense_{DENSE - 1}/kernel": np.concatenate([kernel, new_kernel], 1).astype(np.float32),
        f"dense_{DENSE - 1}/bias": np.concatenate([bias, new_bias]).astype(np.float32),
    }


def is_norm(name: str) -> bool:
    """Return whether an array belongs to a batch norm."""
    return "/norm_" in name


def window_loss(weights: Tensors, pixels: Tensor, answers: Tensor) -> Tensor:
    """Return the cross-entropy of the members' predictions for windows, summed over the members."""
    tf = import_tensorflow()
    precision = "bfloat16" if multiplies_bfloat16() else "float32"
    count, frames, side, _ = pixels.shape
    total = 0.0
    for member in range(1 + max(int(name.split("/", 1)[0]) for name in weights)):
        own = {name.split("/", 1)[1]: values for name, values in weights.items() if name.startswith(f"{member}/")}
        features = encode(own, tf.reshape(pixels, (count * frames, side, side)), precision)
        found = classify_features(own, tf.reshape(features, (count, frames, features.shape[-1])))
        entropy = -tf.reduce_sum(answers * tf.math.log(tf.maximum(found, LEAST_PROBABILITY)), -1)
        total += tf.reduce_mean(entropy)
    return total
