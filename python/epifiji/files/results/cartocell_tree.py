"""The result tree of CartoCell's tutorial: configurations, networks, and a folder of results for each run.

The tutorial names the folder of the last labels in two ways; as BiaPy 3, it is ``per_image_post_processing`` here and not
``per_image_instances_voronoi``. Networks are folders of EpiFiji's form, and the steps of the watershed have the volume's
name, so that several volumes have theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.files.labels import write_labels
from epifiji.files.storage.atomic import replacing
from epifiji.files.storage.writable import plain_name

MAPS, INSTANCES, POST_PROCESSED = "per_image", "per_image_instances", "per_image_post_processing"
WATERSHED, CHARTS, AUGMENTED, EVALUATION = "watershed", "charts", "aug", "evaluation"


@dataclass(frozen=True)
class CartoCellTree:
    """The places of a job's run.

    Parameters
    ----------
    folder
        Of the job: ``<result folder>/<job>``.
    run
        Number of the run.
    """

    folder: Path
    run: int

    @property
    def name(self) -> str:
        """Of the run, such as ``cartocell_1``."""
        return f"{self.folder.name}_{self.run}"

    @property
    def network(self) -> Path:
        """The folder of the run's network."""
        return self.folder / "checkpoints" / f"model_weights_{self.name}"

    @property
    def results(self) -> Path:
        """The folder of the run's results."""
        return self.folder / "results" / self.name

    def keep_config(self, config: Path) -> None:
        """Copy a configuration, as a record of the run and to recognise whether it is continued.

        Raises
        ------
        WrongInputError
            If the run was begun with another one of that name.
        """
        place = self.folder / "config_files" / f"{config.stem}_{self.run}{config.suffix}"
        content = config.read_bytes()
        if place.exists() and place.read_bytes() != content:
            raise WrongInputError(
                f"{place} differs from {config}, so results of two configurations would mix: specify another number of the run, "
                "or another --out."
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        with replacing(place) as temporary:
            temporary.write_bytes(content)

    def keep_origin(self, made: Path, origin: Mapping[str, Any]) -> None:
        """Record of what a network or a file of cells is made, before it is made.

        Parameters
        ----------
        made
            In the folder of the job.
        origin
            Plain JSON values, such as hashes of volumes, by what they are of.

        Raises
        ------
        WrongInputError
            If it was made of something else.
        """
        place = self.folder / "config_files" / f"origins_{self.run}.json"
        name = made.relative_to(self.folder).as_posix()
        known = json.loads(place.read_bytes()) if place.exists() else {}
        # Tuples become lists.
        origin = json.loads(json.dumps(origin))
        if made.exists() and known.get(name) != origin:
            before = known.get(name, {})
            changed = [what for what, value in origin.items() if before.get(what) != value]
            raise WrongInputError(
                f"{made} was made of other data than those given now (different: {', '.join(changed)}), so results "
                "would mix: specify another number of the run, or another --out."
            )
        if known.get(name) != origin:
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as temporary:
                temporary.write_text(json.dumps({**known, name: origin}, indent=1), encoding="utf-8")

    def file(self, part: str, volume: str, ending: str = "") -> Path:
        """Return the file of a volume in a folder of the results."""
        return self.results / part / (plain_name(f"{volume}{ending}") + ".tif")

    def write_maps(self, volume: Image, maps: np.ndarray) -> None:
        """Write maps (channels, Z, Y, X), 0 to 1, as an ImageJ hyperstack of 8 bits."""
        place = self.file(MAPS, volume.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        levels = np.stack([np.round(255 * np.asarray(maps[:, z])).astype(np.uint8) for z in range(maps.shape[1])])
        with replacing(place) as temporary:
            tifffile.imwrite(temporary, levels, imagej=True, metadata={"axes": "ZCYX"})

    def write_labels(self, part: str, volume: Image, labels: np.ndarray, ending: str = "") -> None:
        """Write labels (Z, Y, X) with the volume's voxel size."""
        place = self.file(part, volume.name, ending)
        place.parent.mkdir(parents=True, exist_ok=True)
        write_labels(place, labels, spacing=volume.spacing)

    def write_augmented(self, parts: Sequence[np.ndarray]) -> None:
        """Write parts of volumes (Z, Y, X), float32, as the training receives them."""
        for number, part in enumerate(parts, start=1):
            place = self.file(AUGMENTED, f"sample_{number}")
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as temporary:
                tifffile.imwrite(temporary, part, imagej=True, metadata={"axes": "ZYX"})

    def copy_charts(self, charts: Mapping[str, Path]) -> None:
        """Copy pictures into the folder of charts, by the endings of their names."""
        for ending, picture in charts.items():
            place = self.results / CHARTS / f"{self.name}_{ending}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as temporary:
                temporary.write_bytes(picture.read_bytes())
