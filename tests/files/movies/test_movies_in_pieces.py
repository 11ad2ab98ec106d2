"""Movies of any length are read and written piece by piece, without keeping files open or memory filled."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from movie_files import FRAMES, assert_same, save

MEASURE = """
import sys
from epifiji.files.movies.movie_file import read_movie
def memory(field):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(field))) / 1024
movie = read_movie(sys.argv[1])
before = memory("VmRSS")
for start in range(0, movie.shape[0], 5):
    movie.frames(start, start + 5)
print(memory("VmHWM") - before)
"""


def empty_movie(path: Path) -> Path:
    """Make a movie of 300 frames, 1 MB each; all zeros, so that it needs no space on the disk."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            made = file.create_dataset("data", (300, 1000, 1000), "u1", chunks=(1, 1000, 1000), compression="lzf")
            for t in range(300):
                made[t] = 0
    elif path.stem == "compressed":
        frames = (np.zeros((1000, 1000), np.uint8) for _ in range(300))
        tifffile.imwrite(path, frames, shape=(300, 1000, 1000), dtype=np.uint8, compression="zstd", metadata=None)
    else:
        tifffile.memmap(path, shape=(300, 1000, 1000), dtype=np.uint8, metadata=None)
    return path


class TestReadingPieceByPiece:
    @pytest.mark.parametrize("name", ["plain.tif", "compressed.tif", "movie.h5"])
    def test_memory_does_not_grow_with_the_length_of_the_movie(self, tmp_path, name):
        if not Path("/proc/self/status").exists():
            pytest.skip("the memory of a process is read from /proc, which this system lacks")
        command = [sys.executable, "-c", MEASURE, str(empty_movie(tmp_path / name))]
        grown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
        assert float(grown) < 30

    @pytest.mark.parametrize("compression", [None, "zlib"])
    def test_slices_are_those_of_the_array(self, tmp_path, compression):
        pixels = read_movie(save(tmp_path / "movie.tif", compression=compression)).pixels
        bounds = [None, 0, 1, 5, 12, 40, -3]
        for start, stop in itertools.product(bounds, bounds):
            np.testing.assert_array_equal(pixels[start:stop], FRAMES[start:stop])
        np.testing.assert_array_equal(pixels[10:2:-3], FRAMES[10:2:-3])
        np.testing.assert_array_equal(np.asarray(pixels), FRAMES)

    def test_anything_but_a_slice_is_refused(self, tmp_path):
        pixels = read_movie(save(tmp_path / "movie.tif")).pixels
        with pytest.raises(TypeError, match=r"slices such as \[0:10\], not by 3"):
            pixels[3]

    @pytest.mark.parametrize("name", ["plain.tif", "compressed.tif", "movie.h5"])
    def test_threads_and_copies_read_the_same(self, tmp_path, name):
        if name == "movie.h5":
            with h5py.File(tmp_path / name, "w") as file:
                file["data"] = FRAMES
        else:
            save(tmp_path / name, compression="zlib" if name.startswith("c") else None)
        pixels = pickle.loads(pickle.dumps(read_movie(tmp_path / name).pixels))
        with ThreadPoolExecutor(8) as pool:
            for i, read in enumerate(pool.map(lambda i: pixels[i % 12 : i % 12 + 3], range(200))):
                np.testing.assert_array_equal(read, FRAMES[i % 12 : i % 12 + 3])

    def test_no_file_stays_open(self, tmp_path):
        for name in ("movie.tif", "movie.h5"):
            if name.endswith("h5"):
                h5py.File(tmp_path / name, "w").create_dataset("data", data=FRAMES).file.close()
            else:
                save(tmp_path / name, compression="zlib")
            movie = read_movie(tmp_path / name)
            movie.frames(0, 5)
            (tmp_path / name).rename(tmp_path / "moved")
            with (tmp_path / "moved").open("r+b"), h5py.File(tmp_path / "new.h5", "w"):
                pass


class TestWriting:
    @pytest.mark.parametrize("dtype", ["u1", "u2", "f4", ">u2", ">f4"])
    def test_what_was_written_is_read_back(self, tmp_path, dtype):
        movie = Movie((FRAMES % 251).astype(dtype), pixel_size_um=0.183, frame_interval_s=300.5)
        write_movie(movie, tmp_path / "out.tif")
        again = assert_same(tmp_path / "out.tif", movie.frames(0, 12))
        assert again.pixel_size_um == pytest.approx(0.183, rel=1e-6)
        assert again.frame_interval_s == 300.5
        assert again.notices == ()
        assert [path.name for path in tmp_path.iterdir()] == ["out.tif"]

    @pytest.mark.parametrize("name", ["out.tif", "out.ome.tif"])
    def test_the_header_is_imagejs(self, tmp_path, name):
        write_movie(Movie(FRAMES, pixel_size_um=0.5, frame_interval_s=60), tmp_path / name)
        with tifffile.TiffFile(tmp_path / name) as tif:
            header = tif.imagej_metadata
            assert tif.series[0].axes == "TYX"
            assert tif.pages.first.tags["XResolution"].value == (2, 1)
        assert (header["frames"], header["unit"], header["finterval"]) == (12, "um", 60)

    def test_an_unknown_scale_is_not_written(self, tmp_path):
        write_movie(Movie(FRAMES), tmp_path / "out.tif")
        again = read_movie(tmp_path / "out.tif")
        assert (again.pixel_size_um, again.frame_interval_s) == (None, None)

    @pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "u4", "i8", "f2", "f8"])
    def test_types_that_imagej_lacks_become_32_bit_floats(self, tmp_path, dtype):
        frames = (FRAMES % 101).astype(dtype) - np.array(50).astype(dtype) * (dtype[0] != "u")
        write_movie(Movie(frames), tmp_path / "out.tif")
        assert_same(tmp_path / "out.tif", frames.astype(np.float32))

    def test_whole_numbers_that_would_be_rounded_are_refused_and_nothing_is_left(self, tmp_path):
        with pytest.raises(
            WrongInputError, match=r"movie has whole numbers up to 16777217 or more.*scale the movie down"
        ):
            write_movie(Movie(np.full((6, 9, 9), 2**24 + 1, np.int32)), tmp_path / "out.tif")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("change", [lambda x: x * 1e40, lambda x: x + 1e12, lambda x: (x - 60) * 1e306])
    def test_doubles_whose_differences_would_be_lost_are_refused_and_nothing_is_left(self, tmp_path, change):
        with pytest.raises(WrongInputError, match=r"movie has values from .* 32-bit floats do not keep: subtract an"):
            write_movie(Movie(change((FRAMES % 101).astype(float))), tmp_path / "out.tif")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("change", [lambda x: x / 3e-30, lambda x: x / 7 + 1e3, lambda x: 0 * x + 1e9 / 3])
    def test_other_doubles_are_rounded(self, tmp_path, change):
        frames = change((FRAMES % 101).astype(float))
        write_movie(Movie(frames), tmp_path / "out.tif")
        assert_same(tmp_path / "out.tif", frames.astype(np.float32))

    def test_an_existing_file_stays(self, tmp_path):
        (tmp_path / "out.tif").write_text("mine")
        with pytest.raises(WrongInputError, match=r"out\.tif exists already, but nothing is overwritten"):
            write_movie(Movie(FRAMES), tmp_path / "out.tif")
        assert (tmp_path / "out.tif").read_text() == "mine"

    def test_a_folder_that_is_missing(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"none is not a folder, but out\.tif is to be written into it"):
            write_movie(Movie(FRAMES), tmp_path / "none" / "out.tif")

    def test_a_name_that_the_disk_refuses(self, tmp_path):
        with pytest.raises(WrongInputError, match=r"could not be written \(.+\): check the disk's space"):
            write_movie(Movie(FRAMES), tmp_path / ("x" * 252 + ".tif"))
        assert list(tmp_path.iterdir()) == []

    def test_a_fault_midway_leaves_nothing(self, tmp_path):
        class Stopped:
            shape, dtype = (200, 500, 1000), np.dtype(np.uint8)

            def __getitem__(self, frames: slice) -> np.ndarray:
                if frames.start > 100:
                    raise CancelledError
                return np.zeros((frames.stop - frames.start, 500, 1000), np.uint8)

        with pytest.raises(CancelledError):
            write_movie(Movie(Stopped()), tmp_path / "out.tif")
        assert list(tmp_path.iterdir()) == []
