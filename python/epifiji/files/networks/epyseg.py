"""Reading EPySeg's networks from what Keras writes: ``.h5`` and ``.keras`` files, and SavedModel folders.

Only arrays are read, each after its shape was checked. The model's description in such files, which may contain code, is
not built, and a SavedModel's graph is neither loaded nor run.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from epifiji.data.cell_networks import EPySegDescription
from epifiji.data.errors import WrongInputError
from epifiji.data.linknet import FIRST, HEAD, MAPS, WIDTH, convolutions
from epifiji.data.network import LONGEST_NAME, Network, Weights
from epifiji.files.networks.checkpoints import checkpoint_arrays
from epifiji.files.storage.archives import read_limited, require_ordinary, unpack

ENDINGS = (".h5", ".hdf5", ".keras")
SAVED_MODEL, METADATA = "saved_model.pb", "keras_metadata.pb"
CONFIG, WEIGHTS = "config.json", "model.weights.h5"

LARGEST_TEXT_BYTES = 5_000_000
LARGEST_CHECKPOINT_BYTES = 1_000_000_000
"""A network has 81 MB, with the state of its training three times as much."""

MOST_LAYERS = 1_000
DEEPEST = 4
"""Limits for groups in an HDF5 file; EPySeg's networks have 90 layers, whose arrays lie two groups deep."""

SIGMOID = "sigmoid"
PARTS = {"moving_mean": "mean", "moving_variance": "variance"}
"""Keras's names of arrays that have others here."""

ORDER = {"conv2d": ("kernel", "bias"), "batch_normalization": ("gamma", "beta", "mean", "variance")}
"""The arrays of layers in Keras's newer files, which number them."""

KNOWN_MD5 = {
    "98c8a51f3365e77c07a4f9e95669c259": "Linknet-vgg16-sigmoid-v2",
    "266ca9acd9d7a4fe74a473e17952fb6c": "Linknet-vgg16-sigmoid",
}
"""The networks that EPySeg 0.1.52 downloads, by the hashes in its code."""

WHAT = "an EPySeg network"


@dataclass(frozen=True)
class _Stored:
    """An array in a file."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def is_keras_model(path: Path) -> bool:
    """Return whether a file or folder is a model of Keras, by its name or that of a file in it."""
    if path.is_dir():
        return (path / SAVED_MODEL).is_file()
    return path.is_file() and path.suffix.lower() in ENDINGS


def read_epyseg(path: Path) -> Network[EPySegDescription]:
    """Read a network of EPySeg from a model or weights that Keras saved.

    Raises
    ------
    WrongInputError
        If the file is broken, or holds another model.
    """
    require_ordinary(path)
    if path.is_dir():
        weights = _read_saved_model(path)
    elif path.suffix.lower() == ".keras":
        weights = _read_keras(path)
    else:
        with _opened(path, path) as file:
            weights = _read_hdf5(file, path)
    name = path.resolve().name if path.is_dir() else path.stem.removesuffix(".weights")
    return Network(EPySegDescription(name=name[:LONGEST_NAME], provenance=_provenance(path)), (weights,))


def _provenance(path: Path) -> str:
    form = "A network in the form of EPySeg (Aigouy et al., Development 147, dev194589, 2020), read from"
    if path.is_dir():
        return f"{form} the folder {path.resolve().name}."
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    known = f", that of EPySeg's {KNOWN_MD5[md5]}" if md5 in KNOWN_MD5 else ""
    return f"{form} {path.name} (MD5 {md5}{known})."


def _read_saved_model(folder: Path) -> Weights:
    """Read the checkpoint of a SavedModel folder, whose variables are numbered by layer."""
    metadata = folder / METADATA
    if metadata.is_file() and b'"sigmoid"' not in read_limited(metadata, LARGEST_TEXT_BYTES, "a model's description"):
        raise _another_model(folder, "it does not end in a sigmoid")
    keras = {ours: theirs for theirs, ours in PARTS.items()}
    places = {}
    for number, (layer, parts) in enumerate(_layers()):
        for part in parts:
            places[f"layer_with_weights-{number}/{keras.get(part, part)}"] = f"{layer}/{part}"
    arrays = checkpoint_arrays(folder, places, WHAT, LARGEST_CHECKPOINT_BYTES)
    found = {key: arrays[place] for place, key in places.items()}
    _require_shapes(folder, {key: values.shape for key, values in found.items()})
    return found


def _read_keras(path: Path) -> Weights:
    """Read a ``.keras`` file: a zip of the model's description and an HDF5 file."""
    with tempfile.TemporaryDirectory(prefix="epifiji-") as temporary:
        folder = unpack(path, Path(temporary), (CONFIG, WEIGHTS))
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file():
                raise _another_model(path, f"it contains no {name}")
        text = read_limited(folder / CONFIG, LARGEST_TEXT_BYTES, "a model's description")
        try:
            last = json.loads(text)["config"]["layers"][-1]["config"]["activation"]
        except (ValueError, LookupError, TypeError, RecursionError):
            last = None
        if last != SIGMOID:
            raise _another_model(path, "it does not end in a sigmoid")
        with _opened(folder / WEIGHTS, path) as file:
            return _read_hdf5(file, path)


@contextmanager
def _opened(file: Path, source: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; errors name `source`, from which it was unpacked."""
    if not h5py.is_hdf5(file):
        raise WrongInputError(
            f"{source} is not an HDF5 file, but a model that Keras saved as one is expected: download it again, or save it again "
            "in EPySeg."
        )
    try:
        with h5py.File(file, "r") as opened:
            yield opened
    except WrongInputError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, MemoryError) as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0][:120]
        raise WrongInputError(
            f"{source} cannot be read ({reason}): download it again, or save it again in EPySeg."
        ) from problem


def _read_hdf5(file: h5py.File, path: Path) -> Weights:
    """Read the arrays of a model, of weights alone, or of Keras's newer files, which number the layers."""
    newer = _group(file, "layers", path)
    if newer is not None:
        stored = _numbered(newer, path)
    else:
        model = _group(file, "model_weights", path)
        stored = _named(file if model is None else model, path)
    _require_shapes(path, {key: array.shape for key, array in stored.items()})
    return {key: array.read().astype(np.float32, copy=False) for key, array in stored.items()}


def _named(model: h5py.Group, path: Path) -> dict[str, _Stored]:
    """Find arrays by the names of their layers, in each of which they are named in a group or several."""
    if len(model) > MOST_LAYERS:
        raise _another_model(path, f"it has {len(model)} layers")
    expected = dict(_layers())
    others = [name for name in model if name not in expected and _arrays(model, name, path)]
    heads = {others[0]: HEAD} if len(others) == 1 else {}
    found: dict[str, _Stored] = {}
    for name in (*expected, *heads):
        for keras, array in _arrays(model, name, path).items():
            part = keras.removesuffix(":0")
            found[f"{heads.get(name, name)}/{PARTS.get(part, part)}"] = array
    if f"{HEAD}/kernel" in found and SIGMOID not in model:
        raise _another_model(path, "it does not end in a sigmoid")
    return found


def _numbered(layers: h5py.Group, path: Path) -> dict[str, _Stored]:
    """Find arrays by the numbers of their layers among those of their kind."""
    found: dict[str, _Stored] = {}
    counts = dict.fromkeys(ORDER, 0)
    for layer, parts in _layers():
        kind = next(kind for kind, order in ORDER.items() if parts == order[: len(parts)])
        name = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
        arrays = _arrays(layers, name, path)
        found |= {f"{layer}/{part}": arrays[str(n)] for n, part in enumerate(parts) if str(n) in arrays}
    kind, count = next(iter(counts.items()))
    if f"{kind}_{count}" in layers:
        raise _another_model(path, f"it has more than {count} convolutions")
    return found


def _layers() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the layers with weights, in Keras's order, and the names of their arrays."""
    for convolution in convolutions():
        parts: dict[str, list[str]] = {}
        for name in convolution.shapes:
            layer, _, part = name.rpartition("/")
            parts.setdefault(layer, []).append(part)
        yield from ((layer, tuple(names)) for layer, names in parts.items())


def _group(file: h5py.Group, name: str, path: Path) -> h5py.Group | None:
    found = _item(file, name, path)
    return found if isinstance(found, h5py.Group) else None


def _item(group: h5py.Group, name: str, path: Path) -> h5py.Group | h5py.Dataset | None:
    """Return an entry of a group; one that leads to another file or place is refused."""
    link = group.get(name, getlink=True)
    if link is not None and not isinstance(link, h5py.HardLink):
        raise _another_model(path, f"its entry {name} refers to another place")
    return group.get(name)


def _arrays(group: h5py.Group, name: str, path: Path, depth: int = DEEPEST) -> dict[str, _Stored]:
    """Find the arrays of a layer by the last parts of their names."""
    item = _item(group, name, path)
    if isinstance(item, h5py.Dataset):
        if item.is_virtual or item.external or item.dtype.kind != "f":
            raise _another_model(path, f"{item.name} does not contain numbers of its own")
        return {name: _Stored(item.shape or (), lambda: np.asarray(item[()]))}
    found: dict[str, _Stored] = {}
    if isinstance(item, h5py.Group) and depth and len(item) <= MOST_LAYERS:
        for child in item:
            found |= _arrays(item, child, path, depth - 1)
    return found


def _require_shapes(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse another network than EPySeg's, by the first array that is missing or has another shape."""
    first = shapes.get(f"{FIRST}/kernel", ())
    if len(first) != len((*"YX", "in", "out")):
        raise _another_model(path, f"it has no layer {FIRST}")
    if first[2] != 1:
        raise _another_model(path, f"it takes images of {first[2]} channels")
    width = first[3] if first[3] % 4 == 0 else WIDTH
    last = shapes.get(f"{HEAD}/bias", (len(MAPS),))
    for layer in convolutions(width):
        for key, expected in layer.shapes.items():
            if key not in shapes:
                raise _another_model(path, f"it has no {key}" if key.split("/")[0] != HEAD else "it has no last layer")
            if layer.name == HEAD and last != (len(MAPS),):
                raise _another_model(path, f"the number of its maps is {' x '.join(map(str, last))}")
            if shapes[key] != expected:
                raise _another_model(path, f"its {key} has the shape {shapes[key]} instead of {expected}")


def _another_model(path: Path, reason: str) -> WrongInputError:
    return WrongInputError(
        f"{path} is not {WHAT} ({reason}), and other models of Keras and TensorFlow are not read, because they may contain code: "
        "use a Linknet of EPySeg with one channel and seven maps, or a network that EpiFiji trained."
    )
