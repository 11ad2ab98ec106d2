"""Compares EpiFiji's cells of volumes with BiaPy's voxel for voxel, and makes the reference files of BiaPy's functions.

    python benchmarks/biapy_reference.py compare --biapy-python BIAPY_PYTHON      ten simulated cysts
    python benchmarks/biapy_reference.py reference --biapy-python BIAPY_PYTHON    replaces tests/reference_files/biapy/results.npz

BIAPY_PYTHON is the Python of an environment that contains BiaPy 3.7.1 (tests/reference_files/biapy/README.md says how to make
one); this script runs itself there, as `run FILE`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import types
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "tests" / "reference_files" / "biapy" / "results.npz"

CHOICES = {
    "cartocell": ((0.2, 0.2, 0.2), 5, 0.25, 2),
    "automatic": ((None, None, None), 10, None, 0),
    "strict": ((0.6, 0.15, 0.4), 0, 0.5, 0),
}
"""Thresholds of foreground, contour and growth; largest seed to remove, 0 for none; threshold and erosion of the mask."""


NOT_CALLED = {
    "bioimageio",
    "cv2",
    "edt",
    "fill_voids",
    "imgaug",
    "matplotlib",
    "mrcfile",
    "nibabel",
    "numba",
    "pydot",
    "pytorch_msssim",
    "sklearn",
    "tensorboardX",
    "timm",
    "torch",
    "torchmetrics",
    "torchvision",
    "xarray",
}
"""Libraries that BiaPy imports, but that the two functions do not call."""


def run(file: Path) -> None:
    """Add BiaPy's results to a file with maps; in BiaPy's environment."""
    instances, voronoi = biapy_functions()
    stored = dict(np.load(file))
    for name in [one for one in stored if one.startswith("maps/")]:
        data = stored[name].astype(np.float32) / np.float32(255)
        for choice, (thresholds, small, mask, erosion) in CHOICES.items():
            foreground, contour, growth = ("auto" if one is None else one for one in thresholds)
            cells = instances(
                data,
                ["F", "C", "M"],
                seed_channels=["F", "C"],
                seed_channel_ths=[foreground, contour],
                topo_surface_channel="F",
                growth_mask_channels=["F"],
                growth_mask_channel_ths=[growth],
                remove_before=small > 0,
                thres_small_before=small,
                verbose=False,
            )
            touching = voronoi(cells, data[..., 2], th=mask or 0, erode_size=erosion)
            case = name.removeprefix("maps/")
            stored |= {f"cells/{case}/{choice}": cells, f"touching/{case}/{choice}": touching}
    np.savez_compressed(file, **stored)


def biapy_functions() -> tuple[Any, Any]:
    """Import BiaPy's two functions; libraries that they do not call need not be installed."""

    class AnyClass(type):
        def __getattr__(cls, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return AnyClass(name, (Anything,), {})

    class Anything(metaclass=AnyClass):
        def __init__(self, *_: Any, **__: Any) -> None:
            pass

        def __call__(self, *_: Any, **__: Any) -> Any:
            return self

    class Absent(types.ModuleType):
        __path__ = ()

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return AnyClass(name, (Anything,), {})

    class AbsentModules:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            return ModuleSpec(name, self) if name.partition(".")[0] in NOT_CALLED else None

        def create_module(self, spec: ModuleSpec) -> types.ModuleType:
            return Absent(spec.name)

        def exec_module(self, module: types.ModuleType) -> None:
            pass

    package = find_spec("biapy")
    assert package is not None
    bare = types.ModuleType("biapy")
    bare.__path__ = list(package.submodule_search_locations or ())
    sys.modules["biapy"] = bare
    sys.meta_path.append(AbsentModules())
    from biapy.data.post_processing.post_processing import voronoi_on_mask, watershed_by_channels

    return watershed_by_channels, voronoi_on_mask


def ours(maps: np.ndarray, choice: str) -> tuple[np.ndarray, np.ndarray]:
    """EpiFiji's cells, before and after they touch."""
    from epifiji.engine.volumes import instances

    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    from cyst_maps import probabilities

    (foreground, contour, growth), small, mask_threshold, erosion = CHOICES[choice]
    inside, outline, mask = probabilities(maps)
    seeds = instances.without_small(instances.find_seeds(inside, outline, foreground, contour), small + 1)
    cells = instances.grow_seeds(seeds, -inside, instances.growth_region(inside, growth))
    return cells, instances.fill_by_voronoi(cells, mask, mask_threshold, erosion)


def results_of_biapy(python: str, maps: dict[str, np.ndarray], file: Path) -> dict[str, np.ndarray]:
    """Let BiaPy compute the cells of maps, by way of a file."""
    np.savez_compressed(file, **{f"maps/{name}": one for name, one in maps.items()})
    subprocess.run([python, __file__, "run", str(file)], check=True)
    return dict(np.load(file))


def simulated_maps(seeds: range, **settings: Any) -> dict[str, np.ndarray]:
    """Maps of simulated cysts of random settings."""
    import epifiji
    from epifiji.engine.simulation.random_settings import draw_cyst_settings

    sys.path.insert(0, str(ROOT / "tests" / "helpers"))
    from cyst_maps import predicted_maps

    made = (epifiji.simulate_cyst(draw_cyst_settings(seed, **settings)) for seed in seeds)
    return {str(cyst.settings.seed): predicted_maps(cyst, cyst.settings.seed) for cyst in made}


def compare(python: str) -> None:
    """Print for ten cysts how many voxels differ."""
    maps = simulated_maps(range(10), pixel_size_um=0.9, voxel_depth_um=1.2)
    with tempfile.TemporaryDirectory() as folder:
        theirs = results_of_biapy(python, maps, Path(folder) / "results.npz")
    print(
        "| cyst | voxels | choices | cells | different voxels, watershed | different voxels, Voronoi |\n|---|---|---|---|---|---|"
    )
    for name, one in maps.items():
        for choice in CHOICES:
            cells, touching = ours(one, choice)
            different = [
                int(np.count_nonzero(mine != theirs[f"{kind}/{name}/{choice}"]))
                for kind, mine in (("cells", cells), ("touching", touching))
            ]
            print(f"| {name} | {cells.size} | {choice} | {cells.max()} | {different[0]} | {different[1]} |", flush=True)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compare", "reference", "run"])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--biapy-python")
    given = parser.parse_args()
    if given.what == "run":
        run(given.file)
    elif given.what == "compare":
        compare(given.biapy_python)
    else:
        small = {"cells": 16, "cell_width_um": 8.0, "pixel_size_um": 1.1, "voxel_depth_um": 1.4, "margin_um": 3.0}
        results_of_biapy(given.biapy_python, simulated_maps(range(2), **small), REFERENCE)


if __name__ == "__main__":
    main()
