"""Pixel sizes and frame intervals from ImageJ, OME, plain TIFFs and HDF5."""

from __future__ import annotations

import h5py
import pytest

from epifiji.bridge.pixels import calibration_of_image
from epifiji.files.movies.movie_file import read_movie
from movie_files import FRAMES, save


class TestCalibration:
    @pytest.mark.parametrize(
        ("unit", "micrometres"),
        [
            *[(unit, 1.0) for unit in ("micron", "microns", "um", "\\u00B5m", "micrometers", "Micrometres")],
            *[(unit, 1e-3) for unit in ("nm", "nanometers", "nanometre")],
            ("mm", 1e3),
            ("cm", 1e4),
            ("inch", 25_400),
            ("pixel", None),
            ("furlong", None),
        ],
    )
    def test_units_of_imagej(self, tmp_path, unit, micrometres):
        per_unit = 4 * (micrometres or 1)
        path = save(tmp_path / "m.tif", imagej=True, resolution=[per_unit] * 2, metadata={"axes": "TYX", "unit": unit})
        movie = read_movie(path)
        assert movie.pixel_size_um == (pytest.approx(0.25, rel=1e-4) if micrometres else None)
        assert any("furlong" in notice for notice in movie.notices) == (unit == "furlong")

    @pytest.mark.parametrize(
        ("unit", "per_unit", "said"),
        [
            ("inch", 300, "84.6667 µm wide (0.00333333 inch)"),
            ("inch", 72, "352.778 µm wide"),
            ("cm", 118, "84.7458 µm wide"),
            ("mm", 4, "250 µm wide (0.25 mm)"),
            ("m", 2, "500000 µm wide"),
            ("nm", 4, "0.00025 µm wide"),
        ],
    )
    def test_an_implausible_pixel_size_is_not_used_and_reported(self, tmp_path, unit, per_unit, said):
        path = save(
            tmp_path / "m.tif", imagej=True, resolution=(per_unit, per_unit), metadata={"axes": "TYX", "unit": unit}
        )
        movie = read_movie(path)
        (notice,) = movie.notices
        assert movie.pixel_size_um is None
        assert f"{path} has pixels {said}" in notice

    @pytest.mark.parametrize(
        ("header", "said"),
        [
            ({"finterval": -5}, "has a negative frame interval (-5 sec)"),
            ({"finterval": 1e9}, "has frames 1e+09 s apart"),
            ({"finterval": 2, "tunit": "ns"}, "has frames 2e-09 s apart"),
            ({"finterval": 5, "tunit": "moons"}, 'gives its frame interval in "moons"'),
        ],
    )
    def test_an_implausible_frame_interval_is_not_used_and_reported(self, tmp_path, header, said):
        movie = read_movie(save(tmp_path / "m.tif", imagej=True, metadata={"axes": "TYX", **header}))
        (notice,) = movie.notices
        assert movie.frame_interval_s is None
        assert said in notice

    @pytest.mark.parametrize("written", ["300,5", "NaN", "Infinity", "five"])
    def test_a_frame_interval_that_is_not_a_number_is_not_used_and_reported(self, tmp_path, written):
        """ImageJ shows 0 s for them, or the text."""
        header = f"ImageJ=1.54p\nimages=12\nframes=12\nunit=micron\nfinterval={written}\n"
        movie = read_movie(save(tmp_path / "m.tif", description=header, resolution=(4, 4)))
        (notice,) = movie.notices
        assert (movie.frame_interval_s, movie.pixel_size_um) == (None, 0.25)
        assert "as frame interval, but a number with a decimal point is needed" in notice

    def test_dots_per_inch_of_an_open_image_are_no_pixel_size(self):
        read = calibration_of_image(1 / 300, 1 / 300, "inch", "inch", 0, "sec")
        assert read.x_um is None
        assert "84.6667 µm wide" in read.notices("a")[0]

    def test_sides_in_two_units(self):
        read = calibration_of_image(0.2, 250, "micron", "nm", 2, "min")
        assert (read.x_um, read.y_um, read.interval_s) == (pytest.approx(0.2), pytest.approx(0.25), 120)

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

    def test_pixels_that_are_not_square_are_reported(self, tmp_path):
        movie = read_movie(
            save(tmp_path / "m.tif", imagej=True, resolution=(4, 2), metadata={"axes": "TYX", "unit": "um"})
        )
        assert movie.pixel_size_um == pytest.approx(0.25)
        assert "0.25 x 0.5 µm (x, y), which are not square" in movie.notices[0]
        assert movie.spacing == {"T": movie.frame_interval_s, "Y": 0.5, "X": 0.25}

    def test_the_element_size_of_hdf5(self, tmp_path):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset("data", data=FRAMES).attrs["element_size_um"] = [1.0, 0.3, 0.2]
        assert read_movie(tmp_path / "m.h5").pixel_size_um == pytest.approx(0.2)
