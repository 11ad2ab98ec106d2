"""Movies read from every supported kind of file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.movie_file import file_sha256, movie_name, read_movie, split_path
from epifiji.files.movies.tiff import ContiguousFrames, PagedFrames
from movie_files import FRAMES, assert_same, save, two_ome_files

IMAGEJ_FILES = Path(__file__).parents[2] / "reference_files" / "movies"


class TestFilesThatImageJSaved:
    """Image number i (from 1) holds 100 + i at y 3, x 2 and i elsewhere: see MakeMovies.java."""

    @pytest.mark.parametrize(
        ("name", "channel", "dtype", "marks", "interval_s"),
        [
            ("imagej_time_uint16", None, np.uint16, range(101, 109), 300.0),
            ("imagej_time_float32", None, np.float32, range(101, 109), 150.0),
            ("imagej_z_uint8", None, np.uint8, range(101, 109), None),
            ("imagej_channels_uint16", 1, np.uint16, range(101, 113, 2), 90.0),
            ("imagej_channels_uint16", 2, np.uint16, range(102, 113, 2), 90.0),
        ],
    )
    def test_pixels_and_calibration_are_those_that_were_saved(self, name, channel, dtype, marks, interval_s):
        movie = read_movie(IMAGEJ_FILES / f"{name}.tif", channel)
        expected = np.array(marks, dtype)[:, None, None] * np.ones((1, 5, 6), dtype) - dtype(100)
        expected[:, 3, 2] += dtype(100)
        np.testing.assert_array_equal(movie.frames(0, 99), expected)
        assert movie.dtype == dtype
        assert movie.pixel_size_um == pytest.approx(0.25, rel=1e-4)
        assert movie.frame_interval_s == (pytest.approx(interval_s) if interval_s else None)
        assert movie.name == name
        assert movie.path == IMAGEJ_FILES / f"{name}.tif"

    def test_planes_with_one_time_point_are_taken_as_time_and_reported(self):
        path = IMAGEJ_FILES / "imagej_z_uint8.tif"
        assert read_movie(path).notices == (f"{path} has 8 planes (Z) and one time point: they were taken as time.",)

    def test_many_channels_with_one_time_point_are_taken_as_time_and_reported(self, tmp_path):
        path = save(tmp_path / "movie.tif", imagej=True, metadata={"axes": "CYX"})
        notice = f"{path} has 12 channels and one time point: they were taken as time."
        assert assert_same(path).notices == (notice,)

    def test_a_stack_that_says_it_is_time_needs_no_notice(self):
        assert read_movie(IMAGEJ_FILES / "imagej_time_uint16.tif").notices == ()


class TestFilesFromElsewhere:
    @pytest.mark.parametrize(
        "name",
        [
            "oracle/movie.tif",
            "oracle/movie2_uint16.tif",
            "movies/wingdisc_8f.tif",
            "movies/wingdisc_8f_labels.tif",
            "oracle/default/movie_cell_death_rawproba.tif",
        ],
    )
    def test_a_shared_movie_has_the_pixels_that_tifffile_reads(self, shared_data, name):
        assert_same(shared_data / name, tifffile.imread(shared_data / name))

    def test_frames_from_the_middle_of_a_long_movie(self, shared_data):
        path = shared_data / "tissues" / "eyedisc_outlines_120f.tif"
        movie = read_movie(path)
        assert movie.shape == (120, 619, 836)
        np.testing.assert_array_equal(movie.frames(57, 60), tifffile.imread(path, key=[57, 58, 59]))


class TestTiff:
    @pytest.mark.parametrize("byteorder", ["<", ">"])
    @pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "f2", "f4", "f8"])
    def test_every_real_type_in_both_byte_orders(self, tmp_path, dtype, byteorder):
        frames = FRAMES.astype(dtype) if dtype != "f2" else (FRAMES % 2048).astype(dtype)
        pixels = read_movie(save(tmp_path / "movie.tif", frames, byteorder=byteorder)).pixels
        assert pixels.dtype == np.dtype(dtype)
        assert pixels.dtype.isnative
        np.testing.assert_array_equal(pixels[0:12], frames)

    @pytest.mark.parametrize("byteorder", ["<", ">"])
    @pytest.mark.parametrize("compression", ["none", "zlib", "lzw", "zstd", "packbits", "lzma"])
    def test_every_compression_of_bytes_in_both_byte_orders(self, tmp_path, compression, byteorder):
        path = save(tmp_path / "movie.tif", compression=compression, byteorder=byteorder)
        kind = ContiguousFrames if compression == "none" else PagedFrames
        assert isinstance(assert_same(path).pixels, kind)

    @pytest.mark.parametrize("compression", ["lerc", "png", "jpeg2000", "jpegxl"])
    def test_every_lossless_compression_of_images(self, tmp_path, compression):
        lossless = {"compressionargs": {"lossless": True}} if compression == "jpegxl" else {}
        assert_same(save(tmp_path / "movie.tif", compression=compression, **lossless))

    def test_jpeg_is_read_as_tifffile_reads_it(self, tmp_path):
        path = save(tmp_path / "movie.tif", (FRAMES >> 8).astype(np.uint8), compression="jpeg")
        assert_same(path, tifffile.imread(path))

    @pytest.mark.parametrize(
        "options", [{"bigtiff": True}, {"tile": (16, 16)}, {"predictor": True, "compression": "lzw"}]
    )
    def test_bigtiff_tiles_and_predictors(self, tmp_path, options):
        assert_same(save(tmp_path / "movie.tif", **options))

    def test_pages_that_lie_scattered_in_the_file(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
            for i, frame in enumerate(FRAMES):
                writer.write(frame, contiguous=False, metadata=None, description="x" * (i % 3))
        assert_same(tmp_path / "movie.tif")

    def test_pages_of_which_some_are_compressed(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
            for i, frame in enumerate(FRAMES):
                compression = "zlib" if i in {3, 5} else None
                writer.write(frame, contiguous=False, metadata=None, compression=compression, rowsperstrip=21)
        assert_same(tmp_path / "movie.tif")

    def test_a_volume_in_one_page(self, tmp_path):
        assert_same(save(tmp_path / "movie.tif", volumetric=True, tile=(4, 16, 16)))

    def test_bits_become_0_and_255_as_imagej_shows_them(self, tmp_path):
        assert_same(save(tmp_path / "movie.tif", FRAMES > 30_000), np.where(FRAMES > 30_000, 255, 0).astype(np.uint8))

    def test_the_extension_does_not_matter(self, tmp_path):
        assert_same(save(tmp_path / "movie.dat"))

    def test_one_channel_may_be_chosen_as_channel_1(self, tmp_path):
        assert_same(save(tmp_path / "movie.tif"), channel=1)

    def test_a_single_further_image_such_as_a_thumbnail_is_left_out_and_reported(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "movie.ome.tif") as writer:
            writer.write(FRAMES, metadata={"axes": "TYX"})
            writer.write(FRAMES[0, ::2, ::2], metadata={"axes": "YX"})
        (notice,) = assert_same(tmp_path / "movie.ome.tif").notices
        assert "contains 2 images: the first was read" in notice

    def test_an_ome_description_that_is_not_xml_is_reported(self, tmp_path):
        path = save(tmp_path / "movie.tif", description='<?xml version="1.0"?><OME><Image></OME')
        (notice,) = assert_same(path).notices
        assert "does not fit its pages: they were taken as frames" in notice

    def test_an_ome_movie_in_two_files_is_read_from_either(self, tmp_path):
        first, second = two_ome_files(tmp_path)
        assert_same(first)
        assert_same(second)


class TestAxes:
    @given(
        order=st.permutations("TCZ"),
        channels=st.integers(1, 3),
        frames=st.integers(5, 7),
        over_z=st.booleans(),
        compressed=st.booleans(),
    )
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_ome_tiffs_with_any_order_of_axes(self, tmp_path, order, channels, frames, over_z, compressed):
        sizes = {"T": 1 if over_z else frames, "Z": frames if over_z else 1, "C": channels}
        array = np.random.default_rng(1).integers(0, 255, (*(sizes[a] for a in order), 9, 8)).astype(np.uint8)
        path = save(
            tmp_path / "movie.ome.tif",
            array,
            metadata={"axes": "".join(order) + "YX"},
            compression="zlib" if compressed else None,
        )
        for channel in range(1, channels + 1):
            expected = np.take(array, channel - 1, axis=order.index("C")).reshape(frames, 9, 8)
            movie = assert_same(path, expected, channel)
            assert len(movie.notices) == over_z

    @given(order=st.permutations("TCZYX"), channels=st.integers(1, 3), labels=st.sampled_from(["ilastik", "hdf5"]))
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_hdf5_datasets_with_labelled_axes_in_any_order(self, tmp_path, order, channels, labels):
        sizes = {"T": 6, "Z": 1, "C": channels, "Y": 9, "X": 8}
        array = np.random.default_rng(1).random([sizes[a] for a in order])
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            dataset = file.create_dataset("data", data=array)
            if labels == "ilastik":
                dataset.attrs["axistags"] = json.dumps({"axes": [{"key": axis.lower()} for axis in order]})
            else:
                for dimension, axis in zip(dataset.dims, order, strict=True):
                    dimension.label = axis
        expected = array.transpose([order.index(axis) for axis in "TCZYX"])[:, channels - 1, 0]
        movie = assert_same(f"{tmp_path / 'movie.h5'}:/data", expected, channels)
        np.testing.assert_array_equal(movie.pixels[::-2], expected[::-2])

    @pytest.mark.parametrize("shape", [(12, 1, 21, 34), (1, 12, 1, 21, 34, 1), (12, 21, 34)])
    def test_hdf5_axes_of_length_1_do_not_count(self, tmp_path, shape):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["data"] = FRAMES.reshape(shape)
        assert_same(tmp_path / "movie.h5")

    def test_imagej_hyperstack_with_channels_that_is_compressed(self, tmp_path):
        frames = np.stack([FRAMES, FRAMES + 1], axis=1)
        path = save(tmp_path / "movie.tif", frames, imagej=True, metadata={"axes": "TCYX"}, compression="zlib")
        assert_same(path, FRAMES, channel=1)
        assert_same(path, FRAMES + 1, channel=2)


class TestHdf5:
    @pytest.mark.parametrize("name", ["movie.h5", "movie.hdf5", "movie.H5"])
    @pytest.mark.parametrize("dataset", ["/data", "data", "/deep/er/data"])
    def test_a_named_dataset(self, tmp_path, name, dataset):
        with h5py.File(tmp_path / name, "w") as file:
            file[dataset] = FRAMES
            file["other"] = FRAMES + 1
        movie = assert_same(f"{tmp_path / name}:{dataset}")
        full = Path(f"{tmp_path / name}:/{dataset.lstrip(chr(47))}")
        assert (movie.name, movie.path, movie.notices) == ("movie", full, ())

    def test_the_only_fitting_dataset_is_found_and_named(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["volume/image"] = FRAMES
            file["times"] = np.arange(12.0)
            file["names"] = np.array([[["a"]]], dtype="S3")
            file["shape"] = "none"
        (notice,) = assert_same(tmp_path / "movie.h5").notices
        assert "/volume/image was read, the only dataset" in notice

    @pytest.mark.parametrize("dtype", [">u2", "<f8", ">f4", "i1"])
    @pytest.mark.parametrize("options", [{}, {"chunks": (3, 7, 34)}, {"compression": "gzip", "shuffle": True}])
    def test_types_byte_orders_and_storage(self, tmp_path, dtype, options):
        frames = FRAMES.astype(dtype)
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file.create_dataset("data", data=frames, **options)
        assert_same(tmp_path / "movie.h5", frames.astype(frames.dtype.newbyteorder("=")))

    def test_bits_become_0_and_255(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["data"] = FRAMES > 9
        assert_same(tmp_path / "movie.h5", np.where(FRAMES > 9, 255, 0).astype(np.uint8))

    def test_a_file_that_begins_with_a_block_of_another_writer(self, tmp_path):
        with h5py.File(tmp_path / "movie.mat", "w", userblock_size=512) as file:
            file["data"] = FRAMES
        with (tmp_path / "movie.mat").open("r+b") as stream:
            stream.write(b"MATLAB 7.3 MAT-file")
        assert_same(tmp_path / "movie.mat")


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "file", "dataset"),
        [
            ("movie.tif", "movie.tif", None),
            ("movie.h5", "movie.h5", None),
            ("movie.h5:", "movie.h5", None),
            ("movie.h5:/data", "movie.h5", "/data"),
            ("a/b.HDF5:x/y", "a/b.HDF5", "x/y"),
            ("C:\\x.h5", "C:\\x.h5", None),
            ("C:\\x.h5:/data", "C:\\x.h5", "/data"),
            ("C:\\x.h5:\\group\\data", "C:\\x.h5", "/group/data"),
            ("C:\\x.tif", "C:\\x.tif", None),
            ("runs.h5/movie.tif", "runs.h5/movie.tif", None),
            ("runs.h5/movie.h5:/data", "runs.h5/movie.h5", "/data"),
            ("10:30.tif", "10:30.tif", None),
        ],
    )
    def test_a_dataset_is_split_off_and_a_drive_is_not(self, path, file, dataset):
        assert split_path(path) == (Path(file), dataset)

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("a/movie.tif", "movie"),
            ("movie.TIFF", "movie"),
            ("movie.ome.tif", "movie"),
            ("movie.ome.tiff", "movie"),
            ("day.2.tif", "day.2"),
            ("movie.h5:/group/data", "movie"),
            ("movie.hdf5", "movie"),
            ("movie.dat", "movie"),
            ("movie", "movie"),
            (".tif", "movie"),
        ],
    )
    def test_results_are_named_only_after_the_file(self, path, name):
        assert movie_name(path) == name

    def test_sha256_is_that_of_the_whole_file(self, tmp_path):
        (tmp_path / "m.h5").write_bytes(bytes(range(256)) * 9999)
        expected = hashlib.sha256(bytes(range(256)) * 9999).hexdigest()
        assert file_sha256(tmp_path / "m.h5") == expected
        assert file_sha256(f"{tmp_path / 'm.h5'}:/data") == expected

    def test_sha256_of_a_missing_file(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"none\.tif does not exist"):
            file_sha256(tmp_path / "none.tif")
