"""Makes the files of this folder with ome-zarr's own writer: pip install ome-zarr==0.18.0, then run this file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_image, write_labels

PIXELS = (np.arange(6 * 2 * 8 * 10) * 37 % 65_521).astype(np.uint16).reshape(6, 2, 1, 8, 10)
"""(T, C, Z, Y, X); the tests compute the same."""
SCALE = {"t": 5.0, "c": 1.0, "z": 1.0, "y": 0.25, "x": 0.25}
UNITS = {"t": "minute", "z": "micrometer", "y": "micrometer", "x": "micrometer"}


def main() -> None:
    """Write an image of two channels with two levels and labels, in both versions of the format."""
    for version, form in (("0.4", FormatV04()), ("0.5", FormatV05())):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place, "movie.ome.zarr")
            group = zarr.open_group(folder, mode="w", zarr_format=form.zarr_format)
            options = {"axes": "tczyx", "scale_factors": [2], "scale": SCALE, "axes_units": UNITS, "fmt": form}
            chunks = {"chunks": (1, 1, 1, 8, 10)}
            write_image(PIXELS, group, storage_options=chunks, **options)
            write_labels((PIXELS[:, :1] > 999).astype(np.uint8), group, name="cells", storage_options=chunks, **options)
            shutil.make_archive(str(Path(__file__).with_name(f"ome_zarr_{version}")), "zip", folder)


if __name__ == "__main__":
    main()
