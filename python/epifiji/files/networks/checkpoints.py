"""Reading the numbers of TensorFlow checkpoints, which SavedModel folders contain, without their graphs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from epifiji.data.errors import WrongInputError
from epifiji.data.tensorflow_import import import_tensorflow

CHECKPOINT = "variables/variables"
INDEX, DATA = f"{CHECKPOINT}.index", f"{CHECKPOINT}.data-00000-of-00001"
LARGEST_INDEX_BYTES = 1_000_000
"""The authors' have 3,000 bytes; an index may be compressed, and declares the sizes of arrays."""


def checkpoint_arrays(folder: Path, places: Iterable[str], what: str, largest_bytes: int) -> dict[str, np.ndarray]:
    """Read arrays by name, after checking that the data file is as large as its index declares.

    Parameters
    ----------
    folder
        A SavedModel folder.
    places
        Names of the variables in the checkpoint.
    what
        What the folder is expected to be, for messages.
    largest_bytes
        Limit of the data file.

    Raises
    ------
    WrongInputError
        If a file is missing, too large or broken, or a variable is missing or has no 32-bit numbers.
    """
    for file in (INDEX, DATA):
        if not (folder / file).is_file():
            raise WrongInputError(f"the network {folder.name} has no {file}: import it again from its authors.")
    tf = import_tensorflow()
    suffix = "/.ATTRIBUTES/VARIABLE_VALUE"
    places = tuple(places)
    size = (folder / DATA).stat().st_size
    if (folder / INDEX).stat().st_size > LARGEST_INDEX_BYTES or size > largest_bytes:
        raise _no_checkpoint(folder, f"it is far larger than {what}'s")
    try:
        reader = tf.train.load_checkpoint(str(folder / CHECKPOINT))
        shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
        missing = next((place for place in places if place + suffix not in shapes), None)
        wrong = missing is None and any(dtypes[place + suffix] != tf.float32 for place in places)
        promised = 0 if missing else sum(4 * math.prod(shapes[place + suffix]) for place in places)
        if not missing and not wrong and promised <= size:
            return {place: np.asarray(reader.get_tensor(place + suffix)) for place in places}
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError, TypeError) as problem:
        raise _no_checkpoint(folder, (str(problem).splitlines() or [type(problem).__name__])[0][:120]) from problem
    if missing:
        raise WrongInputError(
            f"the checkpoint of network {folder.name} has no {missing}, so it is not {what}: import it again from its authors."
        )
    raise _no_checkpoint(
        folder,
        "its numbers do not have 32 bits" if wrong else f"its index declares {promised} bytes, but it has {size}",
    )


def _no_checkpoint(folder: Path, reason: str) -> WrongInputError:
    return WrongInputError(
        f"the checkpoint of network {folder.name} cannot be read ({reason}): import it again from its authors."
    )
