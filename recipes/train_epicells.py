"""Makes the network for cells that comes with EpiFiji: renders images of cells with true labels, and trains a U-Net on them.

    python recipes/train_epicells.py render FOLDER --data DATA         a quarter of an hour on one core
    python recipes/train_epicells.py train FOLDER --out weights.npz    an hour on one core
    python recipes/train_epicells.py pack weights.npz python/epifiji/networks/epicells

DATA is the folder of the tests' data: the outlines of an eye disc, a pupal notum and zebrafish tissues are rendered
with other tissues, which are drawn. No image of a microscope is learnt from. All use fixed seeds. The settings of the
separation were chosen on five corneal images (see the card).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from epifiji.data.cell_networks import SeparationChoices, UNet2DDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.label_images import at_outlines
from epifiji.engine.cells.outlines import drawn_lines, label_outlines
from epifiji.engine.networks.unet2d.model import new_weights
from epifiji.engine.networks.unet2d.training import cell_loss, targets_of
from epifiji.engine.simulation.rendered_cells import DIAMETER_PX, RealTissue, render_cells
from epifiji.engine.training.trainer import State, Trainer, drawn_ahead
from packing import pack

FIRST_SEED, IMAGES, SIDE_PX = 5_000_000, 16_000, 160
CROP_PX, BATCH, STEPS, RATE = 144, 8, 12_000, 2e-3
EYE_DISC_STEP = 6
CHOICES = SeparationChoices(seed_height=0.2, merge_below=0.5, tissue_threshold=0.5, least_area=0.1)
PROVENANCE = (
    "Trained by EpiFiji's makers on rendered images of cells, with drawn tissues and with outlines of real ones; BSD-3. "
    "See the card beside the weights."
)


def real_tissues(data: Path) -> list[list[RealTissue]]:
    """Read the outlines of real tissues, as groups."""
    eye = tifffile.imread(data / "tissues" / "eyedisc_outlines_120f.tif")[::EYE_DISC_STEP]
    notum = tifffile.imread(data / "tissues" / "pupal_notum_segmentation.tif")
    others = sorted((data / "segmentation" / "tissue2d" / "outlines_forsys").glob("*.tif"))
    groups = [list(eye), [notum], [tifffile.imread(path) for path in others]]
    return [[tissue for outlines in group for tissue in _tissues(outlines)] for group in groups]


def _tissues(outlines: np.ndarray) -> Iterator[RealTissue]:
    try:
        labels = label_outlines(drawn_lines(outlines))
    except WrongInputError:
        return
    areas = np.bincount(labels.ravel())[1:]
    yield RealTissue(labels, float(2 * np.sqrt(np.median(areas[areas > 0]) / np.pi)))


def render(folder: Path, data: Path) -> None:
    """Render all images and keep them."""
    folder.mkdir(parents=True, exist_ok=True)
    real = real_tissues(data)
    shape = (IMAGES, SIDE_PX, SIDE_PX)
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.float16, shape)
    labels = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.int16, shape)
    for number in range(IMAGES):
        image, cells = render_cells(np.random.default_rng(FIRST_SEED + number), SIDE_PX, real)
        images[number] = image
        labels[number] = np.unique(np.concatenate([[0], cells.ravel()]), return_inverse=True)[1][1:].reshape(
            cells.shape
        )


@dataclass(frozen=True)
class Batch:
    """Images and targets of one step."""

    images: np.ndarray
    targets: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """See :class:`epifiji.engine.training.trainer.Arrays`."""
        return self.images, self.targets


def batches(folder: Path, seed: int) -> Iterator[Batch]:
    """Draw batches: crops, turned and mirrored."""
    images, labels = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("images", "labels"))
    random = np.random.default_rng(seed)
    while True:
        drawn = [_crop(images, labels, random) for _ in range(BATCH)]
        yield Batch(*(np.stack(parts) for parts in zip(*drawn, strict=True)))


def _crop(images: np.ndarray, labels: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    number, turns, mirrored = int(random.integers(len(images))), int(random.integers(4)), random.random() < 0.5
    cells = np.asarray(labels[number])
    # Distances are those of whole cells, so the image is cut afterwards.
    whole = np.asarray(images[number], np.float32), targets_of(cells, at_outlines(cells))
    top, left = random.integers(0, SIDE_PX - CROP_PX + 1, 2)
    image, targets = (np.rot90(one[top : top + CROP_PX, left : left + CROP_PX], turns) for one in whole)
    return (image[::-1], targets[::-1]) if mirrored else (image, targets)


def train(folder: Path, out: Path, steps: int) -> None:
    """Train from random weights, and keep the averaged weights."""
    weights = new_weights(np.random.default_rng(1))
    state = State(weights, {name: values.copy() for name, values in weights.items()})
    trainer = Trainer(state, steps, RATE, cell_loss)
    for parts in drawn_ahead(batches(folder, 5), 1):
        trainer.step(parts)
        if state.step % 500 == 0 or state.step == steps:
            print(f"step {state.step}: loss {np.mean(state.losses[-500:]):.4f}", flush=True)
            np.savez(out, **state.average)
        if state.step == steps:
            return


def described(name: str) -> UNet2DDescription:
    """Return the description of the network."""
    return UNet2DDescription(name=name, cell_diameter_px=DIAMETER_PX, choices=CHOICES, provenance=PROVENANCE)


def main() -> None:
    """Run one of the three steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    one = steps.add_parser("render")
    one.add_argument("folder", type=Path)
    one.add_argument("--data", type=Path, required=True)
    one = steps.add_parser("train")
    one.add_argument("folder", type=Path)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--steps", type=int, default=STEPS)
    one = steps.add_parser("pack")
    one.add_argument("weights", type=Path)
    one.add_argument("place", type=Path)
    given = parser.parse_args()
    if given.step == "render":
        render(given.folder, given.data)
    elif given.step == "train":
        train(given.folder, given.out, given.steps)
    else:
        pack(described(given.place.name), given.weights, given.place)


if __name__ == "__main__":
    main()
