"""Makes the reference files of EPySeg's networks: what EPySeg's own code computes with a network of seeded weights.

Run by hand, with the Python of an environment that contains EPySeg 0.1.52 (tests/reference_files/epyseg/README.md says how
to make one):

    EPYSEG_PYTHON benchmarks/epyseg_reference.py train     trains the last layers, if they are to change
    EPYSEG_PYTHON benchmarks/epyseg_reference.py run       replaces the results

EPySeg's trained networks are not used: they are not part of its package.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

os.environ |= {"SM_FRAMEWORK": "tf.keras", "QT_QPA_PLATFORM": "offscreen", "TF_CPP_MIN_LOG_LEVEL": "2"}
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))

from epyseg_networks import (  # noqa: E402
    REFERENCE,
    TRAINED,
    layers,
    linknet_weights,
    random_maps,
    tissue,
)

IMAGES = {"tiles": ((300, 270), 1), "small": ((96, 112), 2)}
"""Sizes and seeds; the first needs two tiles along Y, and the second is smaller than a tile."""

MAP_STEP = 9
"""Every ninth pixel of the maps along each axis is kept."""

REFINED = {0: (120, 140), 1: (64, 200), 2: (31, 33), 3: (150, 90), 4: (12, 70), 5: (9, 13), 6: (83, 35), 7: (40, 1)}
"""Seeds and sizes of random maps to refine."""

NORMALISATION = {"method": "Rescaling (min-max normalization)", "range": [0, 1], "individual_channels": True}
REFINEMENT = "default (slow/robust) (epyseg pre-trained model only!)"
PASSES = {"single": None, "averaged": "mean"}


def keras_model(weights: dict[str, np.ndarray]) -> Any:
    """Build EPySeg's network with Keras."""
    import segmentation_models

    model = segmentation_models.Linknet(
        "vgg16", input_shape=(None, None, 1), encoder_weights=None, classes=7, activation="sigmoid"
    )
    with_weights = [layer for layer in model.layers if layer.weights]
    for layer, (name, parts) in zip(with_weights, layers(), strict=True):
        assert name in (layer.name, "head"), (name, layer.name)
        layer.set_weights([weights[f"{name}/{part}"] for part in parts])
    return model


def targets(distance: np.ndarray) -> np.ndarray:
    """Draw what the maps are to show: outlines of rising thickness, two inverted ones, seeds and inverted seeds."""
    outlines = [distance < reach for reach in (1, 1.5, 2.5)]
    seeds = distance > 4
    return np.stack([*outlines, ~outlines[1], ~outlines[2], seeds, ~seeds], -1).astype(np.float32)


def train() -> None:
    """Train the last decoder block and the last convolution on drawn images, and store them in 16 bits."""
    import tensorflow as tf

    model = keras_model(linknet_weights(trained=False))
    drawn = [tissue((160, 160), seed) for seed in range(10, 22)]
    images = np.stack([(pixels - pixels.min()) / np.float32(np.ptp(pixels)) for pixels, _ in drawn])[..., None]
    wanted = np.stack([targets(distance) for _, distance in drawn])
    features = tf.keras.Model(model.input, model.get_layer("decoder_stage3_add").output).predict(images, batch_size=2)
    entering = tf.keras.Input(features.shape[1:])
    x = entering
    start = [layer.name for layer in model.layers].index("decoder_stage4a_conv")
    for layer in model.layers[start:]:
        if isinstance(layer, tf.keras.layers.BatchNormalization):
            layer.momentum = 0.9
        x = layer(x)
    last = tf.keras.Model(entering, x)
    last.compile(tf.keras.optimizers.Adam(3e-3), "binary_crossentropy")
    last.fit(features, wanted, batch_size=2, epochs=60, verbose=2)
    names = [(name, parts) for name, parts in layers() if name.startswith(("decoder_stage4", "head"))]
    trained = {}
    for layer, (name, parts) in zip([layer for layer in last.layers if layer.weights], names, strict=True):
        for part, values in zip(parts, layer.get_weights(), strict=True):
            trained[f"{name}/{part}"] = values.astype(np.float16)
    np.savez_compressed(REFERENCE / TRAINED, **trained)


def epyseg(model: Path, image: np.ndarray, passes: str | None, refined: bool) -> np.ndarray:
    """Let EPySeg predict an image in a folder, as its users do, and read the file that it writes."""
    import tifffile
    from epyseg.deeplearning.augmentation.generators import data
    from epyseg.deeplearning.deepl import EZDeepLearning

    # EPySeg seeds Python's random numbers with a date, which Python 3.11 refuses; a prediction uses no random numbers.
    data.datetime = SimpleNamespace(now=time.time)
    with tempfile.TemporaryDirectory() as folder:
        tifffile.imwrite(Path(folder) / "image.tif", image)
        program = EZDeepLearning()
        program.load_or_build(model=str(model))
        shapes = program.get_inputs_shape(), program.get_outputs_shape()
        settings = {
            "default_input_tile_width": 256,
            "default_input_tile_height": 256,
            "tile_width_overlap": 32,
            "tile_height_overlap": 32,
            "input_normalization": NORMALISATION,
        }
        generator = program.get_predict_generator(
            inputs=[folder], input_shape=shapes[0], output_shape=shapes[1], clip_by_frequency=None, **settings
        )
        program.predict(
            generator,
            shapes[1],
            predict_output_folder=str(Path(folder) / "predict"),
            hq_predictions=passes,
            hq_pred_options="all",
            post_process_algorithm=REFINEMENT if refined else None,
        )
        result = np.squeeze(tifffile.imread(Path(folder) / "predict" / "image.tif"))
    return np.moveaxis(result, 0, -1) if result.ndim == 3 and len(result) == 7 else result


def refined(maps: np.ndarray) -> np.ndarray:
    """Refine maps with EPySeg."""
    from epyseg.img import Img
    from epyseg.postprocess.refine_v2 import RefineMaskUsingSeeds

    given = Img(maps.astype(np.float32) / np.float32(255), dimensions="hwc")
    return np.asarray(RefineMaskUsingSeeds().process(input=given, mode=REFINEMENT)) > 0


def run() -> None:
    """Store what EPySeg computes."""
    results: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "linknet.h5"
        keras_model(linknet_weights()).save(model)
        for name, (shape, seed) in IMAGES.items():
            results[f"{name}/image"], _ = tissue(shape, seed)
            for passes, projection in PASSES.items():
                if (name, passes) == ("tiles", "averaged"):
                    continue
                start = time.perf_counter()
                maps = epyseg(model, results[f"{name}/image"], projection, refined=False)
                print(name, passes, maps.shape, maps.dtype, f"{time.perf_counter() - start:.1f} s")
                results[f"{name}/{passes}/maps"] = maps[::MAP_STEP, ::MAP_STEP]
                outlines = epyseg(model, results[f"{name}/image"], projection, refined=True) > 0
                results[f"{name}/{passes}/outlines"] = np.packbits(outlines)
                print(outlines.shape, f"{outlines.mean():.3f} on lines")
                if (name, passes) == ("small", "single"):
                    results["levels/maps"] = np.rint(255 * maps).astype(np.uint8)
    results["levels/outlines"] = np.packbits(refined(results["levels/maps"]))
    for seed, shape in REFINED.items():
        outlines = refined(random_maps(shape, seed))
        print(shape, f"{outlines.mean():.3f} on lines")
        results[f"random/{seed}/outlines"] = np.packbits(outlines)
        results[f"random/{seed}/shape"] = np.array(shape)
    np.savez_compressed(REFERENCE / "results.npz", **results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "run"))
    {"train": train, "run": run}[parser.parse_args().what]()
    print({file.name: f"{file.stat().st_size / 1000:.0f} kB" for file in REFERENCE.iterdir()})


if __name__ == "__main__":
    main()
