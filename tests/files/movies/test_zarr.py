"""Zarr folders: OME-Zarr as ome-zarr writes it, plain arrays, and what is refused."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.movie_file import file_sha256, file_state, is_there, movie_name, read_movie, split_path
from epifiji.files.movies.sequences import named_movies
from epifiji.files.training_data import read_training_folder
from movie_files import FRAMES, assert_same, refusal, write_zarr

REFERENCE = Path(__file__).parents[2] / "reference_files" / "zarr"
OME_PIXELS = (np.arange(6 * 2 * 8 * 10) * 37 % 65_521).astype(np.uint16).reshape(6, 2, 1, 8, 10)
"""What make_ome_zarr.py wrote, (T, C, Z, Y, X)."""

AXES = {
    "t": {"name": "t", "type": "time", "unit": "second"},
    "c": {"name": "c", "type": "channel"},
    "z": {"name": "z", "type": "space", "unit": "micrometer"},
    "y": {"name": "y", "type": "space", "unit": "micrometer"},
    "x": {"name": "x", "type": "space", "unit": "micrometer"},
}


def described(folder: Path, letters: str, path: str = "0", **changes) -> Path:
    """Describe an array of a folder as the image of OME-NGFF 0.4, with a scale of 2, 3, ... along its axes."""
    scale = [float(n) for n in range(2, 2 + len(letters))]
    levels = [{"path": path, "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
    image = {"version": "0.4", "axes": [AXES[axis] for axis in letters], "datasets": levels} | changes
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps({"multiscales": [image]}))
    return folder


def changed(folder: Path, name: str = ".zarray", **entries) -> Path:
    """Change entries of a description."""
    file = folder / name
    file.write_text(json.dumps(json.loads(file.read_text()) | entries))
    return folder


class TestOmeZarr:
    @pytest.mark.parametrize("version", ["0.4", "0.5"])
    def test_what_its_own_writer_wrote(self, tmp_path, version):
        folder = tmp_path / "movie.ome.zarr"
        with zipfile.ZipFile(REFERENCE / f"ome_zarr_{version}.zip") as packed:
            packed.extractall(folder)
        movie = assert_same(folder, OME_PIXELS[:, 1, 0], channel=2)
        assert (movie.pixel_size_um, movie.frame_interval_s, movie.name) == (0.25, 300, "movie")
        assert (movie.layout.channels, movie.layout.channel, movie.notices) == (2, 2, ())
        assert "choose it with --channel N (1 to 2)" in refusal(folder)
        assert "channel 3 was asked for" in refusal(folder, 3)
        labels = read_movie(folder / "labels" / "cells")
        np.testing.assert_array_equal(labels.frames(0, 6), OME_PIXELS[:, 0, 0] > 999)

    def test_planes_are_refused_or_projected(self, tmp_path):
        pixels = np.random.default_rng(1).integers(0, 99, (6, 3, 8, 9)).astype(np.uint8)
        folder = described(write_zarr(tmp_path / "movie.zarr", pixels, inside="0", chunks=(4, 2, 8, 9)), "tzyx")
        assert "6 time points and 3 planes (Z)" in refusal(folder)
        projected = read_movie(folder, over_z="max")
        np.testing.assert_array_equal(projected.frames(1, 5), pixels[1:5].max(axis=1))
        assert (projected.frame_interval_s, projected.pixel_height_um, projected.pixel_size_um) == (2, 4, 5)

    def test_the_scale_of_all_levels_and_other_units(self, tmp_path):
        axes = [{**AXES["t"], "unit": "hour"}, {**AXES["y"], "unit": "nanometer"}, {**AXES["x"], "unit": "nanometer"}]
        of_all = [{"type": "scale", "scale": [0.25, 100, 100]}]
        folder = described(
            write_zarr(tmp_path / "movie.zarr", inside="0"), "tyx", axes=axes, coordinateTransformations=of_all
        )
        movie = read_movie(folder)
        assert (movie.frame_interval_s, movie.pixel_height_um, movie.pixel_size_um) == (1800, 0.3, 0.4)

    def test_axes_without_units_give_no_scale(self, tmp_path):
        folder = described(write_zarr(tmp_path / "movie.zarr", inside="0"), "tyx", axes=["t", "y", "x"])
        movie = assert_same(folder)
        assert (movie.frame_interval_s, movie.pixel_size_um, movie.notices) == (None, None, ())

    def test_the_only_image_below_the_folder_is_read(self, tmp_path):
        folder = tmp_path / "converted.zarr"
        described(write_zarr(folder / "0", inside="0"), "tyx")
        movie = assert_same(folder)
        assert str(movie.path) == f"{folder}:/0"
        assert movie.notices[0] == f"{folder}:/0 was read, the only image of {folder}."
        assert read_movie(movie.path).frames(3, 4).tolist() == FRAMES[3:4].tolist()


class TestArrays:
    @pytest.mark.parametrize("version", [2, 3])
    @pytest.mark.parametrize("dtype", ["u1", ">u2", "f4", "b1"])
    def test_types_and_slices(self, tmp_path, version, dtype):
        pixels = (FRAMES % 200).astype(dtype)
        movie = read_movie(write_zarr(tmp_path / "movie.zarr", pixels, version, chunks=(5, 16, 16)))
        expected = pixels.astype(np.uint8) * 255 if dtype == "b1" else pixels
        np.testing.assert_array_equal(movie.pixels[2:9], expected[2:9])
        np.testing.assert_array_equal(movie.pixels[10:1:-3], expected[10:1:-3])
        assert movie.dtype.isnative

    def test_shards(self, tmp_path):
        assert_same(write_zarr(tmp_path / "movie.zarr", version=3, chunks=(1, 21, 34), shards=(4, 21, 34)))

    def test_names_of_axes_in_any_order(self, tmp_path):
        turned = np.ascontiguousarray(FRAMES[:, None].transpose(3, 1, 2, 0))
        names = ["x", "channel", "row", "time"]
        assert_same(write_zarr(tmp_path / "three.zarr", turned, 3, dimension_names=names))
        named_by_xarray = {"_ARRAY_DIMENSIONS": names}
        assert_same(write_zarr(tmp_path / "two.zarr", turned, attributes=named_by_xarray))
        assert "no names of its axes" in refusal(
            write_zarr(tmp_path / "none.zarr", np.stack([turned, turned], 1)[..., None])
        )

    def test_one_of_several_is_chosen(self, tmp_path):
        folder = write_zarr(write_zarr(tmp_path / "two.zarr", inside="a/raw"), FRAMES[::-1], inside="b")
        sentence = refusal(folder)
        assert "has 2 images or arrays, but one movie is needed: add its path, as in two.zarr/b" in sentence
        assert "it has b 12x21x34, a/raw 12x21x34." in sentence
        assert_same(folder / "a", FRAMES)
        assert_same(folder / "b", FRAMES[::-1])
        assert_same(f"{folder}:/a/raw", FRAMES)
        assert "has no array or group c, but one of its images was expected" in refusal(folder / "c")

    def test_missing_chunks_have_the_fill_value(self, tmp_path):
        folder = write_zarr(tmp_path / "movie.zarr", fill_value=7, compressors=None)
        (folder / "3.0.0").unlink()
        expected = FRAMES.copy()
        expected[3] = 7
        assert_same(folder, expected)
        for chunk in folder.glob("*.0.0"):
            chunk.unlink()
        assert "its pixels were never written" in refusal(folder)


class TestPaths:
    def test_of_a_folder_and_of_an_image_in_it(self):
        for path in ("d/movie.ome.zarr", "d/movie.ome.zarr/"):
            assert split_path(path) == (Path("d/movie.ome.zarr"), None)
        for path in ("d/movie.zarr/a/0", "d/movie.zarr:/a/0", "d/movie.zarr:a/0/", r"d/movie.zarr\a\0"):
            assert split_path(path) == (Path("d/movie.zarr"), "a/0")
        assert split_path("runs.zarr/movie.tif") == (Path("runs.zarr/movie.tif"), None)
        assert split_path("runs.zarr/movie.h5:/data") == (Path("runs.zarr/movie.h5"), "/data")
        assert movie_name("d/movie.ome.zarr/a/0") == "movie"

    def test_a_folder_of_another_name_is_recognised(self, tmp_path):
        movie = assert_same(write_zarr(tmp_path / "movie"))
        assert movie.name == "movie"

    def test_hash_and_state_are_those_of_all_files(self, tmp_path):
        folder = write_zarr(tmp_path / "movie.zarr", compressors=None)
        hash_before, state_before = file_sha256(folder), file_state(folder)
        assert read_movie(folder).file_state == state_before
        (folder / ".DS_Store").write_bytes(b"a file manager was here")
        assert (file_sha256(folder), file_state(folder)) == (hash_before, state_before)
        shutil.copytree(folder, tmp_path / "copy.zarr")
        assert file_sha256(tmp_path / "copy.zarr/") == hash_before
        (folder / "4.0.0").rename(folder / "x")
        (folder / "5.0.0").rename(folder / "4.0.0")
        (folder / "x").rename(folder / "5.0.0")
        assert file_sha256(folder) != hash_before
        assert file_state(folder) != state_before
        assert is_there(folder)
        assert not is_there(tmp_path / "other.zarr")

    def test_movies_of_a_pattern_and_of_a_training_folder(self, tmp_path):
        folder = write_zarr(tmp_path / "a.zarr")
        assert named_movies([str(tmp_path / "*.zarr")]) == [str(folder)]
        (found,) = read_training_folder(tmp_path)
        assert found.movie.name == "a"

    @pytest.mark.parametrize("address", ["https://example.org/movie.zarr", "s3://bucket/movie.zarr/0"])
    def test_addresses_are_refused(self, address):
        assert "is an address, but movies are read from this computer's folders: download it first" in refusal(address)


class TestRefused:
    def test_a_folder_that_is_missing_or_has_no_array(self, tmp_path):
        assert "does not exist, but a Zarr folder was expected" in refusal(tmp_path / "movie.zarr")
        (tmp_path / "movie.zarr").mkdir()
        assert "contains no image in the Zarr format" in refusal(tmp_path / "movie.zarr")

    def test_a_damaged_chunk_or_description(self, tmp_path):
        folder = write_zarr(tmp_path / "movie.zarr")
        (folder / "0.0.0").write_bytes(b"not what was compressed")
        assert "could not be read" in refusal(folder)
        assert "a whole Zarr folder was expected: copy the whole folder again" in refusal(folder)
        (folder / ".zarray").write_text("{")
        assert ".zarray is damaged" in refusal(folder)

    @pytest.mark.parametrize("name", ["movie.zarr", "movie.zarr.zip", "movie.ozx"])
    def test_a_zipped_folder(self, tmp_path, name):
        shutil.copy(REFERENCE / "ome_zarr_0.4.zip", tmp_path / name)
        assert "is a zipped Zarr folder, but the folder itself is read: unpack it" in refusal(tmp_path / name)

    @pytest.mark.parametrize("codec", [{"id": "pickle"}, {"id": "json2"}, {"id": "imagecodecs_jpeg2k"}, "zlib", 3])
    @pytest.mark.parametrize("place", ["compressor", "filters"])
    def test_codecs_that_are_not_of_numbers(self, tmp_path, codec, place):
        folder = write_zarr(tmp_path / "movie.zarr", compressors=None)
        ran = tmp_path / "ran"
        (folder / "0.0.0").write_bytes(pickle.dumps(_Executed(str(ran))))
        changed(folder, **{place: [codec] if place == "filters" else codec})
        assert "is stored with the codec" in refusal(folder)
        assert not ran.exists()

    def test_codecs_within_shards(self, tmp_path):
        folder = write_zarr(tmp_path / "movie.zarr", version=3, chunks=(1, 21, 34), shards=(4, 21, 34))
        text = (folder / "zarr.json").read_text()
        (folder / "zarr.json").write_text(text.replace('"zstd"', '"numcodecs.pickle"'))
        assert "is stored with the codec 'numcodecs.pickle'" in refusal(folder)

    @pytest.mark.parametrize(
        ("entries", "words"),
        [
            ({"dtype": "|O"}, "values of type |O, but pixels are real numbers"),
            ({"dtype": [["a", "<u2"]]}, "but pixels are real numbers"),
            ({"dtype": "<c8"}, "but pixels are real numbers"),
            ({"shape": [12, 2**40, 2**40]}, "a frame has at most"),
            ({"shape": [2**50, 21, 34]}, "a frame has at most"),
            ({"chunks": [1, 2**20, 2**20]}, "a chunk is decoded as a whole"),
            ({"shape": [12, -1, 34]}, "as shape, but whole numbers are needed"),
            ({"chunks": [1, 21]}, "one positive number for each axis"),
            ({"chunks": [0, 21, 34]}, "one positive number for each axis"),
        ],
    )
    def test_impossible_descriptions(self, tmp_path, entries, words):
        assert words in refusal(changed(write_zarr(tmp_path / "movie.zarr"), **entries))

    @pytest.mark.parametrize("path", ["../secret.zarr", "/etc", "a/../../secret.zarr", "C:/data", "..\\secret.zarr"])
    def test_paths_out_of_the_folder(self, tmp_path, path):
        write_zarr(tmp_path / "secret.zarr")
        folder = described(write_zarr(tmp_path / "movie.zarr", inside="0"), "tyx", path)
        assert "outside of the folder" in refusal(folder)
        assert "outside of the folder" in refusal(f"{folder}:/0/../../secret.zarr")

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    @pytest.mark.parametrize("version", [2, 3])
    def test_links_out_of_the_folder(self, tmp_path, version):
        folder = write_zarr(tmp_path / "movie.zarr", version=version, compressors=None)
        chunk = folder / ("0.0.0" if version == 2 else "c/0/0/0")
        chunk.replace(tmp_path / "secret")
        chunk.symlink_to(tmp_path / "secret")
        assert "is a link that leads out of" in refusal(folder)
        linked = tmp_path / "linked.zarr"
        linked.mkdir()
        (linked / "0").symlink_to(write_zarr(tmp_path / "other.zarr"))
        assert "is a link that leads out of" in refusal(described(linked, "tyx"))

    def test_a_movie_that_changes_while_it_is_read(self, tmp_path):
        folder = write_zarr(tmp_path / "movie.zarr")
        movie = read_movie(folder)
        changed(folder, shape=[6, 21, 34])
        with pytest.raises(WrongInputError, match="has changed since it was opened"):
            movie.frames(0, 3)
        shutil.rmtree(folder)
        with pytest.raises(WrongInputError, match="does not exist|has changed"):
            movie.frames(0, 3)


class _Executed:
    """An object whose unpickling makes a file."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)
