"""Files in the form of PyTorch's ``save``, written without PyTorch, and models of Cellpose in that form."""

from __future__ import annotations

import io
import pickle
import sys
import types
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from epifiji.data.cellpose import LEARNT_SCALE, shapes


class _Tensor:
    """Pickled as PyTorch pickles a tensor whose numbers are stored under a key."""

    def __init__(self, key: str, values: np.ndarray) -> None:
        self.key, self.values = key, values

    def __reduce__(self) -> tuple[Any, ...]:
        torch = sys.modules["torch"]
        steps = tuple(step // 4 for step in self.values.strides)
        storage = ("storage", torch.FloatStorage, self.key, "cpu", self.values.size)
        arguments = (_Stored(storage), 0, self.values.shape, steps, False, OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class _Stored(tuple[Any, ...]):
    def __new__(cls, values: tuple[Any, ...]) -> _Stored:
        return super().__new__(cls, (values,))


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> Any:
        return value[0] if isinstance(value, _Stored) else None


@contextmanager
def _names_of_torch() -> Iterator[None]:
    """Give the names that such a pickle contains to empty functions and classes."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})

    def _rebuild_tensor_v2() -> None: ...

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch.FloatStorage, utils._rebuild_tensor_v2 = storage, _rebuild_tensor_v2  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": utils})
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name) if module is None else sys.modules.update({name: module})


def write_torch_zip(path: Path, content: bytes, numbers: Mapping[str, bytes] | None = None) -> None:
    """Write a zip in PyTorch's form around a pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", content)
        archive.writestr("model/byteorder", "little")
        for key, data in (numbers or {}).items():
            archive.writestr(f"model/data/{key}", data)


def write_torch_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of 32 bits as PyTorch does."""
    tensors = OrderedDict((name, _Tensor(str(n), values)) for n, (name, values) in enumerate(arrays.items()))
    stream = io.BytesIO()
    with _names_of_torch():
        _Pickler(stream, 2).dump(tensors)
    write_torch_zip(path, stream.getvalue(), {one.key: one.values.tobytes() for one in tensors.values()})


def cellpose_arrays(seed: int = 0, diameter_px: float = 30.0, cells_px: float = 17.0) -> dict[str, np.ndarray]:
    """Draw the arrays of a network of Cellpose."""
    random = np.random.default_rng(seed)
    found = {name: random.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes().items()}
    scale = zip(LEARNT_SCALE, (diameter_px, cells_px), strict=True)
    return found | {name: np.array([value], np.float32) for name, value in scale}
