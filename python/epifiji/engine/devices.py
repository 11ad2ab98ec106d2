"""Where TensorFlow computes."""

from __future__ import annotations

from epifiji.data.errors import WrongInputError
from epifiji.data.quiet_tensorflow import import_tensorflow
from epifiji.engine.network import BATCH_WINDOWS

GPU_BATCH_WINDOWS = 256
"""Windows classified at once on a GPU: 2,560 frames of 45 x 45 px, about 2 GB while they are computed."""


def choose_device(device: str) -> int:
    """Let TensorFlow use the CPU alone, or a GPU where there is one, and give how many windows to classify at once.

    Parameters
    ----------
    device
        ``cpu``, ``gpu`` or ``auto`` (a GPU where there is one). TensorFlow keeps to what was chosen first in a process.

    Raises
    ------
    WrongInputError
        Where a GPU is asked for and TensorFlow sees none.
    """
    tf = import_tensorflow()
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise WrongInputError(
            "device is gpu, but TensorFlow sees none here: use --device cpu, or install TensorFlow for your GPU with "
            "pip install 'tensorflow[and-cuda]'."
        )
    try:
        if device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        for gpu in gpus:
            # Other programs may need the GPU's memory too.
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # TensorFlow has computed something already and keeps to its devices.
        pass
    return GPU_BATCH_WINDOWS if tf.config.get_visible_devices("GPU") else BATCH_WINDOWS
