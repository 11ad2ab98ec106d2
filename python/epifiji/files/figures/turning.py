"""3D views: pictures from all sides, as a stack that ImageJ plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from epifiji.files.storage.atomic import replacing

FRAMES_PER_S = 10.0


def write_turning_view(path: Path, pictures: Iterator[np.ndarray]) -> None:
    """Write pictures (Y, X, 3), uint8, as a stack of RGB frames for ImageJ, in one step."""
    frames = np.stack(list(pictures))
    with replacing(path) as temporary:
        tifffile.imwrite(
            temporary,
            frames,
            imagej=True,
            photometric="rgb",
            metadata={"axes": "TYXS", "fps": FRAMES_PER_S, "loop": False},
        )
