"""Selection of the device and the runtime that compute."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.tensorflow_import import import_tensorflow
from epifiji.engine.backend.onnx_runtime import has_onnxruntime

GPU_BATCH_WINDOWS = 256
"""Windows classified at once on a GPU: 2,560 frames of 45 x 45 px, which need about 2 GB while they are computed."""

TENSORFLOW, ONNX_RUNTIME = "TensorFlow", "ONNX Runtime"
"""What computes a network; ``run.json`` names it."""

BFLOAT16_FLAG = "amx_bf16"
"""Linux's name of the instructions that multiply matrices of bfloat16. With AVX-512's alone (``avx512_bf16``), oneDNN's
convolutions take 1.2 to 1.8 times as long in bfloat16 as in float32, and a step of EpiNet's training 1.5 times."""


@dataclass(frozen=True)
class Device:
    """What computes."""

    batch: int
    """Windows to classify at once."""

    precision: str
    """The type in which fast mode computes: ``bfloat16`` if that is faster, else ``float32``."""

    only_cpu: bool = False
    """Whether the user asked for the CPU; other programs than TensorFlow may find a GPU that it does not."""

    onnx: bool = False
    """Whether ONNX Runtime computes the networks that have a graph in ONNX: on a CPU, if it is installed."""


def choose_device(device: str) -> Device:
    """Restrict TensorFlow to the CPU, or let it use a GPU if there is one, and return the choice.

    TensorFlow is not imported, which takes seconds, where it cannot find a GPU.

    Parameters
    ----------
    device
        ``cpu``, ``gpu`` or ``auto`` (a GPU if there is one). TensorFlow keeps the first choice until its process ends.

    Raises
    ------
    WrongInputError
        If ``gpu`` is requested and TensorFlow finds none.
    """
    if device != "gpu" and not gpu_possible():
        return _processor(device)
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise WrongInputError(
            "device is gpu, but TensorFlow finds none here: use --device cpu, or install TensorFlow for your GPU with "
            "pip install 'tensorflow[and-cuda]'."
        )
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        for gpu in gpus:
            # Other programs may need the GPU's memory too: without growth TensorFlow reserves all of it.
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # TensorFlow has already computed something and keeps its devices.
        pass
    if tf.config.get_visible_devices("GPU"):
        return Device(GPU_BATCH_WINDOWS, "float32")
    return _processor(device)


def _processor(device: str) -> Device:
    precision = "bfloat16" if multiplies_bfloat16() else "float32"
    return Device(BATCH_WINDOWS, precision, device == "cpu", has_onnxruntime())


def gpu_possible() -> bool:
    """Return whether TensorFlow might find a GPU; only TensorFlow itself knows whether it does.

    On Linux a card has a file in /dev. On Windows and on a Mac only plugins compute on one, which are in a folder of that name.
    """
    if "tensorflow" in sys.modules:
        return True
    if any((Path(folder) / "tensorflow-plugins").is_dir() for folder in sys.path):
        return True
    return sys.platform == "linux" and any(any(DEVICES.glob(name)) for name in CARDS)


DEVICES, CARDS = Path("/dev"), ("nvidia*", "nvhost*", "nvmap", "dxg", "kfd")
"""Where Linux shows cards, and the names: NVIDIA's, those of its small computers, that of Windows' Linux, and AMD's."""


@cache
def multiplies_bfloat16() -> bool:
    """Return whether the CPU multiplies matrices of bfloat16; other CPUs are slower with it than with float32.

    Only Linux reports them in a file; on other systems the result is False.
    """
    if sys.platform != "linux":
        return False
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.startswith("flags") and BFLOAT16_FLAG in line.split() for line in lines)


BATCH_WINDOWS = 16
"""Windows classified at once. 8 take a sixth longer than 32, and these 3 %; but 32 need 50 to 90 MB more."""
