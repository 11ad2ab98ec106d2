"""TensorFlow, imported late and without its start-up messages.

It is in this folder because both the reader of checkpoints and the engine need it.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from epifiji.data.errors import WrongInputError

Tensor: TypeAlias = Any
"""A tensor or variable of TensorFlow, whose types mypy does not know."""

Tensors = Mapping[str, Tensor]
"""A network's arrays by name, on a device; see :data:`epifiji.data.network.Weights`."""

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
MOST_THREADS = 4096

_importing = threading.Lock()
_forked = threading.Event()


def import_tensorflow() -> Any:
    """Import TensorFlow (seconds, 0.4 GB: call it late) and let it find its devices; Keras is loaded when it is used.

    Raises
    ------
    WrongInputError
        If TensorFlow would wait forever, in a process that was forked from one in which it had computed, or would end
        the process because of a number of threads in the environment.
    """
    if _forked.is_set():
        raise WrongInputError(
            "this process was forked from one in which TensorFlow had computed, where it would wait forever: start "
            "processes by multiprocessing.get_context('spawn'), or detect in other processes alone."
        )
    with _importing:
        if "tensorflow" in sys.modules:
            return sys.modules["tensorflow"]
        _require_threads()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # oneDNN's convolutions take two thirds of the time of TensorFlow's own, in training half; by default TensorFlow
        # uses them only on processors with AVX-512.
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
        if not os.path.isabs(os.path.expanduser("~")):  # noqa: PTH111, PTH117 -- pathlib raises where there is no home
            # Without a home folder, Keras makes a folder with the name ~ in the working folder.
            os.environ.setdefault("KERAS_HOME", os.path.join(tempfile.gettempdir(), ".keras"))  # noqa: PTH118
        with _native_messages_dropped(), _keras_left_out(), _no_garbage_collected():
            import tensorflow as tf

            tf.config.list_physical_devices("GPU")
        tf.get_logger().setLevel("ERROR")
        return tf


def import_keras() -> Any:
    """Import Keras (0.9 s, 75 MB) with TensorFlow as its backend, whatever ``KERAS_BACKEND`` or the user's ``keras.json`` says.

    Raises
    ------
    WrongInputError
        If this process uses Keras with another backend already.
    """
    import_tensorflow()
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    with _no_garbage_collected():
        import keras

    if (backend := keras.config.backend()) != "tensorflow":
        raise WrongInputError(
            f"this process uses Keras with the backend {backend}, but a training needs TensorFlow: train in a process of its own."
        )
    return keras


def _require_threads() -> None:
    """Refuse numbers of threads for which TensorFlow ends the process; it ignores values that are not numbers."""
    for name in THREADS:
        value = os.environ.get(name, "").strip()
        if value.lstrip("+-").isdecimal() and not 0 <= int(value) <= MOST_THREADS:
            raise WrongInputError(
                f"the environment variable {name} is {value}, but a number of threads from 0 (as many as fit) to "
                f"{MOST_THREADS} is needed: set another, or none."
            )


def threads_within_operations() -> int:
    """Return how many threads an operation may use: ``TF_NUM_INTRAOP_THREADS``, or one for each core that this process may use.

    Raises
    ------
    WrongInputError
        If TensorFlow would end the process because of such a number.
    """
    _require_threads()
    value = os.environ.get(THREADS[0], "").strip()
    if value.lstrip("+").isdecimal() and int(value):
        return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _after_fork() -> None:
    """Record in a child process that it has TensorFlow's state without its threads; an import before the fork does no harm."""
    context = sys.modules.get("tensorflow.python.eager.context")
    # HACK: nothing public says whether TensorFlow has started its threads (tensorflow/tensorflow#8220).
    if getattr(getattr(context, "_context", None), "_initialized", False):
        _forked.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def _keras_left_out() -> Iterator[None]:
    """Keep TensorFlow from importing all of Keras, which costs 0.8 s and 75 MB, and which ``tf.keras`` imports when needed."""
    # HACK: TensorFlow imports only this module, and continues if it is missing (b/196254385 in tensorflow/__init__.py).
    name = "keras.src.optimizers"
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """Keep Python from searching for garbage among what modules define, which stays: a fifth of the time of their import."""
    if not gc.isenabled():
        yield
        return
    frozen = gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        # All objects count as old from now on; else the next search would look at all that are new.
        gc.freeze()
        if not frozen:
            gc.unfreeze()
        gc.enable()


@contextmanager
def _native_messages_dropped() -> Iterator[None]:
    """Drop what native code writes to standard error, which no setting of TensorFlow's silences; Python's errors still raise."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        # A program without standard error, such as Windows' pythonw, shows no messages.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
