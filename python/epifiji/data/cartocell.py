"""CartoCell's configurations, which BiaPy publishes as YAML files, with their meaning for a training and a prediction.

The known keys are those of BiaPy's templates ``cartocell_training.yaml`` and ``cartocell_inference.yaml``, older and newer
ones. A key that is not listed here is refused, so that nothing is silently left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from epifiji.data.errors import WrongInputError

IGNORED = {
    "SYSTEM.NUM_CPUS": "all processors are used",
    "SYSTEM.NUM_WORKERS": "all processors are used",
    "DATA.REFLECT_TO_COMPLETE_SHAPE": "volumes are always completed",
    "DATA.TRAIN.IN_MEMORY": "volumes to learn from are in memory",
    "DATA.VAL.IN_MEMORY": "volumes to learn from are in memory",
    "DATA.TEST.IN_MEMORY": "volumes to predict are read in blocks",
    "AUGMENTOR.BRIGHTNESS_FACTOR": "EpiFiji's own range is used",
    "MODEL.LOAD_CHECKPOINT": "a prediction loads a network, and a training begins with random weights",
    "TRAIN.ENABLE": "train, predict or run says what is done",
    "TRAIN.OPTIMIZER": "AdamW is used",
    "TRAIN.PATIENCE": "--patience counts validations instead of epochs",
    "TRAIN.LR_SCHEDULER.NAME": "the rate rises and then falls like a cosine",
    "LOSS.CLASS_REBALANCE": "contours count more in the loss",
    "TEST.ENABLE": "train, predict or run says what is done",
    "TEST.EVALUATE": "cysts are evaluated if there are labels",
    "TEST.MATCHING_STATS": "all scores are computed",
    "TEST.STATS.PER_PATCH": "all scores are computed",
    "TEST.STATS.MERGE_PATCHES": "all scores are computed",
    "TEST.STATS.FULL_IMG": "all scores are computed",
    "TEST.FULL_IMG": "blocks overlap so that they do not show",
    "TEST.VERBOSE": "the progress is shown",
}
"""Keys without an effect, and why."""

AUGMENTATIONS = {
    "AUGMENTOR.RANDOM_ROT": "rotation",
    "AUGMENTOR.ELASTIC": "elastic",
    "AUGMENTOR.BRIGHTNESS": "brightness",
}
FLIPS = ("AUGMENTOR.VFLIP", "AUGMENTOR.HFLIP", "AUGMENTOR.ZFLIP")

NEVER = ("zoom", "blur", "noise")
"""Augmentations that BiaPy's templates do not have."""

THRESHOLDS = {
    "PROBLEM.INSTANCE_SEG.DATA_MW_TH_BINARY_MASK": "foreground_threshold",
    "PROBLEM.INSTANCE_SEG.DATA_MW_TH_CONTOUR": "contour_threshold",
    # BiaPy limits the growth of seeds by it, in the map of the inside; its Voronoi diagram has Otsu's threshold of the mask.
    "PROBLEM.INSTANCE_SEG.DATA_MW_TH_FOREGROUND": "growth_threshold",
}
"""Keys of thresholds, and the settings of :class:`epifiji.data.settings.cysts.InstanceSettings` that they are."""

THRESHOLDS_TYPE = "PROBLEM.INSTANCE_SEG.DATA_MW_TH_TYPE"

OLDER = {
    "DATA.TRAIN.MASK_PATH": "DATA.TRAIN.GT_PATH",
    "DATA.VAL.MASK_PATH": "DATA.VAL.GT_PATH",
    "DATA.TEST.MASK_PATH": "DATA.TEST.GT_PATH",
    "PROBLEM.INSTANCE_SEG.DATA_REMOVE_SMALL_OBJ": "PROBLEM.INSTANCE_SEG.DATA_REMOVE_SMALL_OBJ_BEFORE",
}
"""Older names of keys."""


def _one_of(*choices: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        text = "".join(value) if isinstance(value, list) else value
        if not isinstance(text, str) or text.lower() not in [one.lower() for one in choices]:
            raise ValueError(" or ".join(choices))
        return text.lower()

    return read


def _flag(value: Any) -> bool:
    if value is not True and value is not False:
        raise ValueError("True or False")
    return bool(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a path")
    return value


def _number(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            found = float(value) if not isinstance(value, bool) else float("nan")
        except (TypeError, ValueError):
            found = float("nan")
        if not low <= found <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return found

    return read


def _numbers(value: Any) -> tuple[float, ...]:
    """Read a list, or a text such as ``(80, 80, 80, 1)``."""
    if isinstance(value, str) and re.fullmatch(r"\s*[(\[]?[\d\s.,]+[)\]]?\s*", value):
        value = [float(one) for one in re.findall(r"[\d.]+", value)]
    if not isinstance(value, list) or not value or not all(type(one) in (int, float) for one in value):
        raise ValueError("numbers such as (80, 80, 80, 1)")
    return tuple(value)


def _each_or_one(value: Any) -> tuple[float, ...]:
    return (float(value),) if type(value) in (int, float) else _numbers(value)


KEYS: dict[str, Callable[[Any], Any]] = {
    "PROBLEM.TYPE": _one_of("INSTANCE_SEG"),
    "PROBLEM.NDIM": _one_of("3D"),
    "PROBLEM.INSTANCE_SEG.DATA_CHANNELS": _one_of("BCM"),
    THRESHOLDS_TYPE: _one_of("manual", "auto"),
    **dict.fromkeys(THRESHOLDS, _number(0, 1)),
    "PROBLEM.INSTANCE_SEG.DATA_REMOVE_BEFORE_MW": _flag,
    "PROBLEM.INSTANCE_SEG.DATA_REMOVE_SMALL_OBJ_BEFORE": _number(1, 1e6),
    "DATA.PATCH_SIZE": _numbers,
    "DATA.TRAIN.PATH": _text,
    "DATA.TRAIN.GT_PATH": _text,
    "DATA.VAL.FROM_TRAIN": _flag,
    "DATA.VAL.PATH": _text,
    "DATA.VAL.GT_PATH": _text,
    "DATA.TEST.PATH": _text,
    "DATA.TEST.GT_PATH": _text,
    "DATA.TEST.LOAD_GT": _flag,
    "DATA.TEST.PADDING": _numbers,
    "AUGMENTOR.ENABLE": _flag,
    **dict.fromkeys((*AUGMENTATIONS, *FLIPS), _flag),
    "MODEL.ARCHITECTURE": _one_of("resunet"),
    "MODEL.FEATURE_MAPS": _numbers,
    "MODEL.DROPOUT_VALUES": _each_or_one,
    "MODEL.Z_DOWN": _each_or_one,
    "PATHS.CHECKPOINT_FILE": _text,
    "TRAIN.LR": _number(1e-9, 0.1),
    "TRAIN.BATCH_SIZE": _number(1, 64),
    "TRAIN.EPOCHS": _number(1, 1e6),
    "TEST.AUGMENTATION": _flag,
    "TEST.POST_PROCESSING.VORONOI_ON_MASK": _flag,
    "TEST.POST_PROCESSING.CLEAR_BORDER": lambda value: _one_of("False")(str(value)),
}
"""Keys that have an effect, and what reads their value."""


@dataclass(frozen=True)
class CartoCellConfig:
    """A configuration: the values of the keys that have an effect, and the keys that have none.

    Parameters
    ----------
    name
        Of the file.
    values
        By their whole keys, such as ``MODEL.FEATURE_MAPS``.
    ignored
        Keys without an effect that the file has, and why.
    """

    name: str
    values: Mapping[str, Any]
    ignored: Mapping[str, str]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key that has an effect."""
        return self.values.get(key, default)

    def need(self, key: str) -> Any:
        """Return the value of a key that is necessary.

        Raises
        ------
        WrongInputError
            If the file has none.
        """
        if key not in self.values:
            raise WrongInputError(f"{self.name} has no {key}, but it is needed here: add it.")
        return self.values[key]

    @property
    def features(self) -> tuple[int, ...]:
        """Number of features at each level."""
        return tuple(int(one) for one in self.get("MODEL.FEATURE_MAPS", (52, 68, 84)))

    @property
    def z_steps(self) -> tuple[int, ...]:
        """By how much planes become fewer at each level but the first; a single number is for all."""
        given = tuple(int(one) for one in self.get("MODEL.Z_DOWN", (1,)))
        return given * (len(self.features) - 1) if len(given) == 1 else given

    @property
    def instances(self) -> dict[str, Any]:
        """Thresholds and sizes, as settings of :class:`epifiji.data.settings.cysts.InstanceSettings`."""
        under = "PROBLEM.INSTANCE_SEG."
        least = self.get(f"{under}DATA_REMOVE_SMALL_OBJ_BEFORE", 5)
        found: dict[str, Any] = {
            "least_seed_voxels": int(least) if self.get(f"{under}DATA_REMOVE_BEFORE_MW", False) else 1,
            # As BiaPy with a map of the mask.
            "mask_erosion_voxels": 0,
        }
        found |= {name: self.get(key) for key, name in THRESHOLDS.items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def without(self) -> tuple[str, ...]:
        """Augmentations that are switched off."""
        on = self.get("AUGMENTOR.ENABLE", False)
        off = [name for key, name in AUGMENTATIONS.items() if not (on and self.get(key, False))]
        return (*NEVER, *off, *(() if on and any(self.get(key, False) for key in FLIPS) else ("flip",)))

    def training(self, volumes: int) -> dict[str, Any]:
        """Return settings of :class:`epifiji.data.settings.cyst_training.CystTrainingSettings` for so many volumes.

        In an epoch one part of each volume is learnt from; a batch has an even number of parts.
        """
        batch = 2 * max(1, round(self.get("TRAIN.BATCH_SIZE", 2) / 2))
        patch = self.get("DATA.PATCH_SIZE", (80, 80, 80))[:3]
        dropout = self.get("MODEL.DROPOUT_VALUES", (0.1,))
        return {
            "steps": max(10, round(self.get("TRAIN.EPOCHS", 1300) * max(1, volumes / batch))),
            "rate": self.get("TRAIN.LR"),
            "batch_size": batch,
            "patch": tuple(int(one) for one in patch),
            "dropout": float(dropout[0]),
            "without": self.without,
        }


def _close_key(given: str) -> str | None:
    """Return the known key that a mistyped one resembles, in its last part too: keys of one section begin alike."""
    ends = given.rsplit(".", 1)[-1]
    for known in get_close_matches(given, [*KEYS, *IGNORED, *OLDER], 5):
        if get_close_matches(ends, [known.rsplit(".", 1)[-1]]):
            return known
    return None


def parse_config(content: object, name: str) -> CartoCellConfig:
    """Convert the content of a YAML file.

    Raises
    ------
    WrongInputError
        If a key is unknown, or a value is invalid; the message names the first.
    """
    if not isinstance(content, dict):
        raise WrongInputError(f"{name} has no entries, but a configuration of CartoCell is expected: give one.")
    values: dict[str, Any] = {}
    ignored: dict[str, str] = {}
    for given, value in _flat(content):
        key = OLDER.get(given, given)
        if key in IGNORED:
            ignored[given] = IGNORED[key]
        elif key not in KEYS:
            close = _close_key(given)
            hint = f": it may be {close}" if close else ": leave it out"
            raise WrongInputError(f"{name} has the key {given}, which EpiFiji does not know{hint}.")
        else:
            try:
                values[key] = KEYS[key](value)
            except ValueError as problem:
                raise WrongInputError(
                    f"{given} in {name} is {value!r}, but it must be {problem}: correct it."
                ) from problem
    if values.get(THRESHOLDS_TYPE) == "auto":
        unused = [key for key in THRESHOLDS if values.pop(key, None) is not None]
        ignored |= dict.fromkeys(unused, f"{THRESHOLDS_TYPE} is auto")
    config = CartoCellConfig(name, values, ignored)
    _require_consistent(config)
    return config


def _flat(content: Mapping[Any, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in content.items():
        whole = f"{before}{key}"
        found += _flat(value, f"{whole}.") if isinstance(value, dict) else [(whole, value)]
    return found


def _require_consistent(config: CartoCellConfig) -> None:
    if config.get(THRESHOLDS_TYPE) == "manual":
        for key in THRESHOLDS:
            config.need(key)
    levels, steps = len(config.features), config.z_steps
    for wrong, key, expected in (
        (not 2 <= levels <= 6, "MODEL.FEATURE_MAPS", "two to six numbers"),
        (len(steps) != levels - 1 or not set(steps) <= {1, 2}, "MODEL.Z_DOWN", f"1 or 2, once or {levels - 1} times"),
        (
            len(set(config.get("MODEL.DROPOUT_VALUES", (0,)))) > 1,
            "MODEL.DROPOUT_VALUES",
            "the same number at all levels",
        ),
        (len(config.get("DATA.PATCH_SIZE", (1,) * 3)) not in (3, 4), "DATA.PATCH_SIZE", "three sides and a channel"),
        (len(config.get("DATA.TEST.PADDING", (1,) * 3)) != 3, "DATA.TEST.PADDING", "three numbers"),
    ):
        if wrong:
            raise WrongInputError(
                f"{key} in {config.name} is {list(config.get(key))}, but it must be {expected}: correct it."
            )
