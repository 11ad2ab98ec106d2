"""Models of Cellpose 1 to 3 as networks: found by name in Cellpose's folder, and read from its files."""

from __future__ import annotations

import os
from pathlib import Path

from epifiji.data.cellpose import LEARNT_SCALE, PREFIX, CellposeDescription, shapes
from epifiji.data.cellpose_python import KEY, choice_file
from epifiji.data.errors import WrongInputError
from epifiji.data.network import LONGEST_NAME, AnyNetwork, Network, array_problem
from epifiji.data.user_choice import written_choice
from epifiji.files.networks.torch_files import is_torch_file, torch_arrays, torch_shapes
from epifiji.files.storage.atomic import replacing

FOLDER_VARIABLE = "CELLPOSE_LOCAL_MODELS_PATH"
"""Cellpose's own variable for the folder of its models."""

LEAST_NAMES = ("diam_mean", "output.2.weight")
SAM = "W2"
"""An array of Cellpose 4, whose network is another one."""

CELLPOSE = "Cellpose (Stringer et al., Nature Methods 18, 100-106, 2021)"


def models_folder() -> Path:
    """Return the folder where Cellpose keeps its models; it may not exist."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named or os.path.expanduser("~/.cellpose/models"))  # noqa: PTH111 (Path's own raises without a home)


def named_models() -> list[tuple[str, Path]]:
    """List the models in Cellpose's folder that EpiFiji can use, such as ``cellpose:cyto3``, by name."""
    try:
        files = sorted(file for file in models_folder().iterdir() if file.is_file())
    except OSError:
        return []
    return [(f"{PREFIX}{file.name}", file) for file in files if is_torch_file(file) and not _problem(file)]


def store_python(python: str | None) -> None:
    """Store the path of a Python with Cellpose as the user's choice; None removes the choice."""
    file = choice_file()
    if python is None:
        file.unlink(missing_ok=True)
        return
    with replacing(file) as part:
        part.write_text(written_choice(KEY, python), encoding="utf-8")


def find_model(given: str) -> Path:
    """Return the file of a model, given as ``cellpose:`` and its name or its path.

    Raises
    ------
    WrongInputError
        If there is none.
    """
    name = given.removeprefix(PREFIX)
    for place in (models_folder() / name, models_folder() / f"{name}torch_0", Path(name)):
        if name and place.is_file():
            return place
    known = [one for one, _ in named_models()]
    raise WrongInputError(
        f"there is no model of Cellpose {name!r}, neither as a file nor in {models_folder()} "
        f"({', '.join(known) or 'which has none'}): open it in Cellpose once, which downloads it, or give the path of its file."
    )


def is_cellpose(path: Path) -> bool:
    """Return whether a file may be a model of Cellpose."""
    return path.is_file() and is_torch_file(path)


def read_cellpose_description(path: Path) -> CellposeDescription:
    """Read a model's description; see :func:`read_cellpose`."""
    return read_cellpose(path).description  # type: ignore[return-value]


def read_cellpose(path: Path) -> AnyNetwork:
    """Read a model of Cellpose 1 to 3.

    Raises
    ------
    WrongInputError
        If the file is none, or its arrays have other shapes.
    """
    if problem := _problem(path):
        raise WrongInputError(problem)
    weights = {name: values for name, values in torch_arrays(path).items() if name in shapes()}
    if wrong := array_problem(weights, shapes()):
        raise WrongInputError(f"{path} is no model of Cellpose that can be used: {wrong}; save it in Cellpose again.")
    network, cells = (float(weights[name][0]) for name in LEARNT_SCALE)
    if not (0 < network <= 2000 and 0 < cells <= 2000):
        raise WrongInputError(
            f"{path} was trained for cells of {cells:g} px at a scale of {network:g} px, which is impossible: save it in "
            "Cellpose again."
        )
    description = CellposeDescription(
        name=path.name[:LONGEST_NAME],
        cell_diameter_px=network,
        usual_diameter_px=cells,
        provenance=f"A model of {CELLPOSE}; see its authors for what it learnt from, and its licence.",
    )
    return Network(description, (weights,))


def _problem(path: Path) -> str:
    """Return why a file is no model of Cellpose 1 to 3, from the shapes of its arrays; an empty text if it is one."""
    try:
        found = torch_shapes(path)
    except WrongInputError as problem:
        return str(problem)
    except OSError as problem:
        return f"{path} cannot be read ({problem.strerror}), but a model of Cellpose is needed: check the path."
    if SAM in found:
        return (
            f"{path} is a model of Cellpose 4 (Cellpose-SAM), but those of Cellpose 1 to 3 can be used: segment in Cellpose, and "
            "read its _seg.npy, or choose another model."
        )
    lacking = [name for name in LEAST_NAMES if name not in found]
    wrong = next((name for name, shape in shapes().items() if name in found and found[name] != shape), None)
    if lacking or wrong:
        what = f"it has no {lacking[0]}" if lacking else f"{wrong} has the shape {found[str(wrong)]}"
        return (
            f"{path} is no model of Cellpose 1 to 3 for cells ({what}): EpiFiji reads such models, its own networks, "
            "DeXtrusion's and EPySeg's."
        )
    return ""
