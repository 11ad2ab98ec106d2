"""Pixel sizes and frame intervals, as ImageJ, OME, plain TIFFs and HDF5 tell them."""

from __future__ import annotations

import h5py
import pytest

from epifiji.files.movies import read_movie
from movie_files import FRAMES, save


class TestCalibration:
    @pytest.mark.parametrize(
        ("unit", "micrometres"),
        [
            *[(unit, 1.0) for unit in ("micron", "microns", "um", "\\u00B5m")],
            ("nm", 1e-3),
            ("mm", 1e3),
            ("cm", 1e4),
            ("inch", 25_400),
            ("pixel", None),
            ("furlong", None),
        ],
    )
    def test_units_of_imagej(self, tmp_path, unit, micrometres):
        path = save(tmp_path / "m.tif", imagej=True, resolution=(4, 4), metadata={"axes": "TYX", "unit": unit})
        assert read_movie(path).pixel_size_um == (pytest.approx(0.25 * micrometres) if micrometres else None)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ({"finterval": 90}, 90),
            ({"finterval": 1.5, "tunit": "min"}, 90),
            ({"finterval": 2, "tunit": "hours"}, 7200),
            ({"finterval": 500, "tunit": "ms"}, 0.5),
            ({"finterval": 0}, None),
            ({"finterval": 5, "tunit": "moons"}, None),
            ({"fps": 7}, None),
        ],
    )
    def test_frame_interval_of_imagej(self, tmp_path, header, seconds):
        path = save(tmp_path / "m.tif", imagej=True, metadata={"axes": "TYX", **header})
        assert read_movie(path).frame_interval_s == (pytest.approx(seconds) if seconds else None)

    @pytest.mark.parametrize(
        ("header", "size_um", "interval_s"),
        [
            ({"PhysicalSizeX": 0.2}, 0.2, None),
            ({"PhysicalSizeX": 200, "PhysicalSizeXUnit": "nm"}, 0.2, None),
            ({"PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm", "TimeIncrement": 5}, 0.2, 5),
            (
                {"PhysicalSizeX": 1, "PhysicalSizeXUnit": "pixel", "TimeIncrement": 5, "TimeIncrementUnit": "min"},
                None,
                300,
            ),
            ({"Plane": {"DeltaT": [0, 4.9, 10, 15.1, *range(20, 60, 5)]}}, None, 5),
        ],
    )
    def test_sizes_and_times_of_ome(self, tmp_path, header, size_um, interval_s):
        if "Plane" in header:
            header["Plane"] |= {"TheT": list(range(12)), "TheZ": [0] * 12, "TheC": [0] * 12}
        movie = read_movie(save(tmp_path / "m.ome.tif", metadata={"axes": "TYX", **header}))
        assert movie.pixel_size_um == (pytest.approx(size_um) if size_um else None)
        assert movie.frame_interval_s == (pytest.approx(interval_s, abs=0.2) if interval_s else None)

    @pytest.mark.parametrize(
        ("unit", "per_unit", "size_um"),
        [
            ("CENTIMETER", 40_000, 0.25),
            ("INCH", 101_600, 0.25),
            ("INCH", 300, None),
            ("CENTIMETER", 30, None),
            ("NONE", 4, None),
        ],
    )
    def test_resolution_of_a_plain_tiff_counts_unless_it_is_that_of_a_print(self, tmp_path, unit, per_unit, size_um):
        path = save(tmp_path / "m.tif", resolution=(per_unit, per_unit), resolutionunit=unit)
        assert read_movie(path).pixel_size_um == (pytest.approx(size_um) if size_um else None)

    def test_pixels_that_are_not_square_are_told_of(self, tmp_path):
        movie = read_movie(
            save(tmp_path / "m.tif", imagej=True, resolution=(4, 2), metadata={"axes": "TYX", "unit": "um"})
        )
        assert movie.pixel_size_um == pytest.approx(0.25)
        assert "0.25 x 0.5 µm (x, y), which are not square" in movie.notices[0]

    def test_the_element_size_of_hdf5(self, tmp_path):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset("data", data=FRAMES).attrs["element_size_um"] = [1.0, 0.3, 0.2]
        assert read_movie(tmp_path / "m.h5").pixel_size_um == pytest.approx(0.2)
