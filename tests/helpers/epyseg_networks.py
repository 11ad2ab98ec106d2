"""EPySeg's network with weights that a seed determines, images for it, and maps to refine.

It needs numpy alone and none of EpiFiji, as `benchmarks/epyseg_reference.py` uses it in EPySeg's own environment. All
numbers come from uniform random ones by additions, multiplications and divisions, so they are the same on all machines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

REFERENCE = Path(__file__).resolve().parents[1] / "reference_files" / "epyseg"
BLOCKS = ((2, 1), (2, 2), (3, 4), (3, 8), (3, 8))
TRAINED = "trained.npz"
"""The arrays of the last decoder block and of the last convolution, which were trained, so that the maps show outlines."""


def layers(width: int = 64, channels: int = 1, maps: int = 7) -> list[tuple[str, dict[str, tuple[int, ...]]]]:
    """List the layers with weights by Keras's names, and the shapes of their arrays in Keras's order."""
    found: list[tuple[str, dict[str, tuple[int, ...]]]] = []

    def convolution(name: str, side: int, entering: int, leaving: int, normalised: bool) -> None:
        kernel = {"kernel": (side, side, entering, leaving)}
        found.append((name, kernel if normalised else {**kernel, "bias": (leaving,)}))
        if normalised:
            parts = ("gamma", "beta", "mean", "variance")
            found.append((name.removesuffix("_conv") + "_bn", dict.fromkeys(parts, (leaving,))))

    entering = channels
    for block, (count, factor) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            convolution(f"block{block}_conv{number}", 3, entering, factor * width, False)
            entering = factor * width
    for number in (1, 2):
        convolution(f"center_block{number}_conv", 3, entering, entering, True)
    for stage, leaving in enumerate((8 * width, 8 * width, 4 * width, 2 * width, width // 4)):
        narrow = entering // 4
        convolution(f"decoder_stage{stage}a_conv", 1, entering, narrow, True)
        convolution(f"decoder_stage{stage}b_conv", 3, narrow, narrow, True)
        convolution(f"decoder_stage{stage}c_conv", 1, narrow, leaving, True)
        entering = leaving
    convolution("head", 3, entering, maps, False)
    return found


def linknet_weights(width: int = 64, seed: int = 5, trained: bool = True) -> dict[str, np.ndarray]:
    """Make the network's arrays, float32, by names such as ``block1_conv1/kernel``."""
    random = np.random.RandomState(seed)
    weights = {}
    for name, shapes in layers(width):
        for part, shape in shapes.items():
            values = random.random_sample(shape)
            if part == "kernel":
                # This range keeps the size of signals from layer to layer.
                values = (2 * values - 1) * np.sqrt(6 / np.prod(shape[:-1]))
            elif part in ("gamma", "variance"):
                values = 0.5 + values
            else:
                values = 0.2 * values - 0.1
            weights[f"{name}/{part}"] = values.astype(np.float32)
    if trained:
        with np.load(REFERENCE / TRAINED) as file:
            weights |= {key: file[key].astype(np.float32) for key in file.files}
    return weights


def tissue(shape: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells with bright borders.

    Returns
    -------
    numpy.ndarray
        (Y, X), uint8.
    numpy.ndarray
        (Y, X), float: the distance from the border between two cells, in pixels.
    """
    random = np.random.RandomState(seed)
    size = 20 + 10 * random.random_sample()
    rows, columns = (int(side / size) + 3 for side in shape)
    grid = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2)
    sites = (grid - 1 + 0.7 * random.random_sample(grid.shape)) * size
    places = np.stack(np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij"), -1)
    first = np.full(shape, np.inf)
    nearest = np.zeros((*shape, 2))
    for site in sites:
        away = ((places - site) ** 2).sum(-1)
        nearer = away < first
        nearest[nearer] = site
        first = np.minimum(first, away)
    distance = np.full(shape, np.inf)
    for site in sites:
        apart = np.sqrt(((nearest - site) ** 2).sum(-1))
        away = ((places - site) ** 2).sum(-1)
        other = apart > 0
        distance[other] = np.minimum(distance[other], (away - first)[other] / (2 * apart[other]))
    border = 1 / (1 + (distance / 1.5) ** 2)
    uneven = smoothed(random.random_sample(shape), 40)
    speckles = smoothed(random.random_sample(shape), 1)
    pixels = 20 + 150 * border * (0.1 + uneven) + 70 * speckles
    return np.floor(np.clip(pixels, 0, 255)).astype(np.uint8), distance


def smoothed(values: np.ndarray, reach: int) -> np.ndarray:
    """Average the square around each pixel twice, and scale to the range from 0 to 1."""
    for _ in range(2):
        for axis in (0, 1):
            padded = np.pad(values, [(reach, reach) if one == axis else (0, 0) for one in (0, 1)], mode="reflect")
            parts = [np.take(padded, np.arange(values.shape[axis]) + at, axis) for at in range(2 * reach + 1)]
            values = sum(parts[1:], parts[0]) / len(parts)
    return (values - values.min()) / (values.max() - values.min())


def random_maps(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Make maps to refine, (Y, X, 7), uint8: noise with many gaps and loose ends."""
    random = np.random.RandomState(seed)
    maps = []
    common = smoothed(random.random_sample(shape), 3)
    for number in range(7):
        mixed = common + 0.5 * smoothed(random.random_sample(shape), 1 + number % 3)
        ridge = 1 - np.minimum(1, np.abs(mixed - mixed.mean()) * (9 - number))
        ridge = ridge * (0.3 + 0.7 * smoothed(random.random_sample(shape), 6))
        maps.append(1 - ridge if number in (3, 4, 5) else ridge)
    return np.floor(255 * np.stack(maps, -1)).astype(np.uint8)


KERAS = {"mean": "moving_mean", "variance": "moving_variance"}


def write_hdf5(file: Path, weights: dict[str, np.ndarray], alone: bool = False, last: str = "sigmoid") -> Path:
    """Write a model as Keras 2 does, or its weights alone, with the groups and names that EPySeg's files have."""
    import h5py

    with h5py.File(file, "w") as opened:
        model = opened if alone else opened.create_group("model_weights")
        for name in ("input_1", "block1_pool", "decoder_stage0_upsampling", last, "top_level_model_weights"):
            model.create_group(name)
        for key, values in weights.items():
            layer, part = key.split("/")
            layer = "conv2d_3" if layer == "head" else layer
            model[f"{layer}/{layer}/{KERAS.get(part, part)}:0"] = values
        if not alone:
            opened.attrs["model_config"] = '{"class_name": "Functional"}'
            opened["optimizer_weights/Adam/iteration:0"] = np.int64(5)
    return file


def write_saved_model(folder: Path, weights: dict[str, np.ndarray]) -> Path:
    """Write a SavedModel folder, whose checkpoint numbers the layers as Keras 2 does."""
    import tensorflow as tf

    module = tf.Module()
    numbers: dict[str, int] = {}
    for key, values in weights.items():
        layer, part = key.split("/")
        number = numbers.setdefault(layer, len(numbers))
        name = f"layer_with_weights-{number}"
        if not hasattr(module, name):
            setattr(module, name, tf.Module())
        setattr(getattr(module, name), KERAS.get(part, part), tf.Variable(values))
    tf.saved_model.save(module, str(folder))
    return folder


def keras_model(keras: object, weights: dict[str, np.ndarray], width: int) -> object:
    """Build the network with Keras 3 layers."""
    layer = keras.layers  # type: ignore[attr-defined]

    def convolved(x: object, name: str, normalised: bool = True) -> object:
        kernel = weights[f"{name}/kernel"]
        options = {"padding": "same", "use_bias": not normalised, "name": name}
        x = layer.Conv2D(kernel.shape[-1], kernel.shape[0], **options)(x)
        x = layer.BatchNormalization(name=name.replace("_conv", "_bn"))(x) if normalised else x
        return layer.Activation("relu", name=name.replace("_conv", "_relu"))(x)

    given = x = keras.Input((None, None, 1))  # type: ignore[attr-defined]
    skips = []
    for block, (count, _) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            x = convolved(x, f"block{block}_conv{number}", normalised=False)
        skips.append(x)
        x = layer.MaxPooling2D(2, name=f"block{block}_pool")(x)
    for number in (1, 2):
        x = convolved(x, f"center_block{number}_conv")
    for stage in range(5):
        x = layer.UpSampling2D(2)(convolved(x, f"decoder_stage{stage}a_conv"))
        x = convolved(convolved(x, f"decoder_stage{stage}b_conv"), f"decoder_stage{stage}c_conv")
        x = layer.Add()([x, skips[4 - stage]]) if stage < 4 else x
    x = layer.Activation("sigmoid", name="sigmoid")(layer.Conv2D(7, 3, padding="same")(x))
    model = keras.Model(given, x)  # type: ignore[attr-defined]
    for one, (name, parts) in zip([one for one in model.layers if one.weights], layers(width), strict=True):
        one.set_weights([weights[f"{name}/{part}"] for part in parts])
    return model
