"""Files that are not movies: each is refused in one sentence that names it, what was expected and what to do."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.movie_file import read_movie
from movie_files import FRAMES, assert_same, refusal, save, two_ome_files


def hyperstack(path: Path, axes: str, shape: tuple[int, ...], **options) -> Path:
    return save(path, np.zeros(shape, np.uint8), imagej=True, metadata={"axes": axes}, **options)


class TestNoMovieAtAll:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "is empty (0 bytes)"),
            (b"\x89PNG\r\n\x1a\n" + bytes(99), "is a PNG picture"),
            (b"\xff\xd8\xff\xe0" + bytes(99), "is a JPEG picture"),
            (b"RIFF" + bytes(99), "is an AVI film"),
            (b"ZISRAWFILE" + bytes(99), "is a Zeiss CZI file"),
            (b"\x70\0\0\0" + bytes(99), "is a Leica LIF file"),
            (b"\xda\xce\xbe\x0a" + bytes(99), "is a Nikon ND2 file"),
            (b"frame,x,y\n1,2,3\n", "is something else"),
            (b"II", "is something else"),
            (b"II*\0", "could not be read"),
            (b"II*\0\x08\0\0\0", "is cut off: it has no whole page"),
            (b"MM\0*\xff\xff\xff\xff" + bytes(99), "is cut off: it has no whole page"),
            (b"\x89HDF\r\n\x1a\n" + bytes(99), "could not be read"),
        ],
    )
    def test_content_of_another_kind(self, tmp_path, content, words):
        (tmp_path / "movie.tif").write_bytes(content)
        sentence = refusal(tmp_path / "movie.tif")
        assert f"{tmp_path / 'movie.tif'} {words}" in sentence
        assert "TIFF or HDF5 file was expected" in sentence or "a whole file is needed" in sentence

    @pytest.mark.parametrize(
        ("content", "words", "do"),
        [
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
                "a pointer of Git LFS",
                "git lfs pull",
            ),
            (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page", "download the movie again"),
            (b"<HTML>403</HTML>", "a web page", "download the movie again"),
            (gzip.compress(b"II*\0" + bytes(99), mtime=0), "compressed (gzip)", "unpack it"),
        ],
    )
    def test_for_a_placeholder_of_a_movie_fiji_is_not_suggested(self, tmp_path, content, words, do):
        (tmp_path / "movie.tif").write_bytes(content)
        sentence = refusal(tmp_path / "movie.tif")
        assert f"is {words}" in sentence
        assert do in sentence
        assert "Fiji" not in sentence

    def test_a_zip(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "rois.zip", "w") as archive:
            archive.writestr("a.roi", "a")
        assert "is a zip, but a TIFF or HDF5 file was expected: open it in Fiji" in refusal(tmp_path / "rois.zip")

    def test_a_folder(self, tmp_path):
        assert f"{tmp_path} is a folder, but a TIFF or HDF5 file was expected: specify one" in refusal(tmp_path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "movie.tif")
        assert "is not an ordinary file" in refusal(tmp_path / "movie.tif")

    @pytest.mark.parametrize("name", ["none.tif", "none.h5", "none.h5:/data", "no/folder.tif"])
    def test_a_file_that_is_missing(self, tmp_path, name):
        file = str(tmp_path / name).removesuffix(":/data")
        assert f"{file} does not exist, but a TIFF or HDF5 file was expected: check" in refusal(str(tmp_path / name))

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no Unix permissions")
    def test_a_file_that_may_not_be_read(self, tmp_path):
        path = save(tmp_path / "movie.tif")
        path.chmod(0)
        administrator = os.geteuid() == 0
        if administrator:
            os.seteuid(65534)
        try:
            assert "may not be read by this user, but read permission is needed" in refusal(path)
        finally:
            if administrator:
                os.seteuid(0)


class TestAxesThatAreNoMovie:
    def test_several_channels_without_a_choice(self, tmp_path):
        path = hyperstack(tmp_path / "movie.tif", "TCYX", (6, 3, 9, 9))
        assert refusal(path) == f"{path} has 3 channels, but one is needed: choose it with --channel N (1 to 3)."

    @pytest.mark.parametrize(
        ("header", "channels"),
        [
            ({"software": "SI.VERSION_MAJOR = 2020\nSI.hChannels.channelSave = [1;2]\n"}, 2),
            ({"software": "SI.VERSION_MAJOR = 2020\nSI.hChannels.channelSave = [1;3;4]\n"}, 3),
            ({"software": "SI.VERSION_MAJOR = 2020\nSI.hChannels.channelSave = 2\n"}, 1),
            ({"description": "state.configPath=x\rstate.acq.savingChannel1=1\rstate.acq.savingChannel2=1\r"}, 2),
            ({"description": "state.configPath=x\rstate.acq.savingChannel1=0\rstate.acq.savingChannel2=1\r"}, 1),
        ],
    )
    def test_alternating_channels_of_scanimage(self, tmp_path, header, channels):
        path = save(tmp_path / "movie.tif", **header)
        if channels == 1:
            assert_same(path)
        else:
            assert f"{path} contains alternating frames of {channels} channels" in refusal(path)

    def test_a_channel_that_is_not_there(self, tmp_path):
        path = hyperstack(tmp_path / "movie.tif", "TCYX", (6, 3, 9, 9))
        assert refusal(path, 4) == f"{path} has 3 channels, but channel 4 was asked for: choose 1 to 3."

    def test_a_channel_of_a_movie_that_has_one(self, tmp_path):
        assert "has one channel, but channel 2 was asked for: leave it out" in refusal(save(tmp_path / "m.tif"), 2)

    @pytest.mark.parametrize("channel", [0, -1])
    def test_a_channel_below_1(self, tmp_path, channel):
        assert f"Channel {channel} was asked for, but channels are counted from 1" in refusal(
            save(tmp_path / "m.tif"), channel
        )

    def test_channels_without_time_that_are_too_few_for_frames(self, tmp_path):
        path = hyperstack(tmp_path / "movie.tif", "CYX", (4, 9, 9))
        assert "has 4 channels and a single time point" in refusal(path)
        assert "Re-order Hyperstack" in refusal(path)

    @pytest.mark.parametrize("channels", [4, 8])
    def test_one_channel_of_a_single_time_point(self, tmp_path, channels):
        path = hyperstack(tmp_path / "movie.tif", "CYX", (channels, 9, 9))
        assert "has 1 frame, but at least 5 are needed" in refusal(path, 2)

    @pytest.mark.parametrize("planar", ["contig", "separate"])
    def test_colours(self, tmp_path, planar):
        frames = np.zeros((6, 9, 8, 3) if planar == "contig" else (6, 3, 9, 8), np.uint8)
        tifffile.imwrite(tmp_path / "movie.tif", frames, photometric="rgb", planarconfig=planar)
        sentence = refusal(tmp_path / "movie.tif")
        assert "is a colour (RGB) image with 3 values in each pixel, but one grey value is needed" in sentence
        assert sentence == refusal(tmp_path / "movie.tif", 1)

    @pytest.mark.parametrize("channels", [1, 2])
    def test_planes_and_time(self, tmp_path, channels):
        path = hyperstack(tmp_path / "movie.tif", "TZCYX", (6, 4, channels, 9, 9))
        sentence = refusal(path)
        assert "has 6 time points and 4 planes (Z), but a movie has one plane over time" in sentence
        assert "Z Project..." in sentence

    def test_planes_and_time_in_ome(self, tmp_path):
        path = save(tmp_path / "movie.ome.tif", np.zeros((4, 6, 9, 9), np.uint8), metadata={"axes": "ZTYX"})
        assert "has 4 planes (Z) and 6 time points" in refusal(path)

    def test_rows_and_columns_that_are_not_the_last_axes(self, tmp_path):
        path = save(tmp_path / "movie.tif", metadata={"axes": "YXT"})
        assert "has the axes YXT, but rows and columns (YX) have to be the last: save it again in Fiji" in refusal(path)

    @pytest.mark.parametrize(("frames", "words"), [(1, "has 1 frame,"), (4, "has 4 frames,")])
    def test_too_few_frames(self, tmp_path, frames, words):
        assert f"short {words} but at least 5 are needed" in refusal(save(tmp_path / "short.tif", FRAMES[:frames]))

    def test_complex_pixels(self, tmp_path):
        path = save(tmp_path / "m.tif", FRAMES.astype(np.complex64))
        assert "pixels of type complex64, but real numbers are needed" in refusal(path)

    def test_several_movies_in_one_file(self, tmp_path):
        with tifffile.TiffWriter(tmp_path / "movie.ome.tif") as writer:
            writer.write(FRAMES, metadata={"axes": "TYX"})
            writer.write(FRAMES[:, :9], metadata={"axes": "TYX"})
        sentence = refusal(tmp_path / "movie.ome.tif")
        assert "contains 2 images (12 x 21 x 34 (TYX), 12 x 9 x 34 (TYX)), but one movie was expected" in sentence

    @pytest.mark.parametrize("odd", [3, 20])
    @pytest.mark.parametrize("shape", [(21, 17), (10, 34)])
    def test_pages_of_different_sizes(self, tmp_path, odd, shape):
        with tifffile.TiffWriter(tmp_path / "movie.tif") as writer:
            for i in range(30):
                frame = np.zeros(shape if i == odd else (21, 34), np.uint16)
                writer.write(frame, contiguous=False, metadata=None)
        sentence = refusal(tmp_path / "movie.tif")
        assert "all frames of a movie must be alike" in sentence

    def test_an_ome_movie_of_which_a_file_is_missing(self, tmp_path):
        first, second = two_ome_files(tmp_path)
        second.unlink()
        assert "in several files, but 1 of them, such as second.ome.tif, could not be found: put all" in refusal(first)

    def test_a_part_of_an_ome_movie_that_another_file_describes(self, tmp_path):
        description = '<OME><BinaryOnly MetadataFile="set.companion.ome" UUID="urn:uuid:1"/></OME>'
        path = save(tmp_path / "part.ome.tif", description=description, ome=False)
        assert "one part of an OME-TIFF that set.companion.ome describes" in refusal(path)

    def test_an_ome_description_with_more_images_than_the_file(self, tmp_path):
        description = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZCT" Type="uint16" SizeX="34" SizeY="21" SizeZ="1" SizeC="1" SizeT="15">'
            '<TiffData IFD="0" PlaneCount="12"/></Pixels></Image></OME>'
        )
        path = save(tmp_path / "movie.ome.tif", description=description, ome=False)
        assert "is cut off: its OME description promises more images than it has" in refusal(path)


class TestCutOff:
    @pytest.mark.parametrize(
        "options", [{}, {"imagej": True}, {"compression": "zlib"}, {"ome": True}, {"bigtiff": True}]
    )
    def test_wherever_a_tiff_is_cut_it_is_refused_or_whole_in_its_pixels(self, tmp_path, options):
        metadata = {"axes": "TYX"} if options.get("imagej") or options.get("ome") else None
        whole = save(tmp_path / "whole.tif", metadata=metadata, **options).read_bytes()
        path = tmp_path / "movie.tif"
        read = 0
        for length in range(0, len(whole), 211):
            path.write_bytes(whole[:length])
            try:
                frames = read_movie(path).frames(0, 99)
            except WrongInputError as error:
                assert str(path) in str(error)
            else:
                read += 1
                np.testing.assert_array_equal(frames, FRAMES)
        assert read <= 1

    def test_pixels_that_are_missing_are_found_at_once(self, tmp_path):
        data = save(tmp_path / "movie.tif", compression="zlib").read_bytes()
        (tmp_path / "movie.tif").write_bytes(data[:-300])
        size = len(data)
        assert f"it has {size - 300} of the {size} bytes that its pixels need" in refusal(tmp_path / "movie.tif")

    def test_a_single_header_for_all_pixels_as_imagej_writes_above_4_gb(self, tmp_path):
        path = save(tmp_path / "movie.tif", imagej=True, truncate=True, metadata={"axes": "TYX"})
        np.testing.assert_array_equal(read_movie(path).frames(0, 99), FRAMES)
        path.write_bytes(path.read_bytes()[:-1000])
        assert "is cut off: its header promises 12 images and it has 1" in refusal(path)

    def test_a_single_header_for_all_pixels_as_tifffile_writes_it(self, tmp_path):
        path = save(tmp_path / "movie.tif", truncate=True, metadata={"axes": "TYX"})
        np.testing.assert_array_equal(read_movie(path).frames(0, 99), FRAMES)
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:-1000])
        assert f"it has {size - 1000} of the {size} bytes that its pixels need" in refusal(path)

    def test_an_imagej_header_with_more_pages_than_the_file(self, tmp_path):
        path = save(tmp_path / "movie.tif", imagej=True, metadata={"axes": "TYX"}, compression="zlib")
        path.write_bytes(path.read_bytes().replace(b"frames=12", b"frames=15").replace(b"images=12", b"images=15"))
        assert "is cut off: its header promises 15 images and it has 12" in refusal(path)

    def test_a_list_of_pages_that_ends_early(self, tmp_path):
        data = save(tmp_path / "movie.tif", compression="zlib").read_bytes()
        (tmp_path / "movie.tif").write_bytes(data[: len(data) // 2])
        assert "is cut off: its list of pages breaks off after page" in refusal(tmp_path / "movie.tif")

    def test_an_ome_description_at_the_end_that_is_missing(self, tmp_path):
        path = save(tmp_path / "m.ome.tif", np.zeros((6, 2, 9, 9), np.uint8), metadata={"axes": "TCYX"})
        path.write_bytes(path.read_bytes()[:-20])
        assert "its description (axes, channels) is not in it" in refusal(path)

    def test_compressed_data_that_are_damaged(self, tmp_path):
        path = save(tmp_path / "movie.tif", compression="zlib", rowsperstrip=21)
        with tifffile.TiffFile(path) as tif:
            places = [page.dataoffsets[0] for page in tif.pages]
        data = bytearray(path.read_bytes())
        data[places[7] : places[7] + 40] = bytes(40)
        path.write_bytes(data)
        movie = read_movie(path)
        with pytest.raises(
            WrongInputError, match=r"movie\.tif could not be read \(.+\), but a whole TIFF or HDF5 file was"
        ):
            movie.frames(5, 9)

    def test_a_compression_that_nobody_knows(self, tmp_path):
        path = save(tmp_path / "movie.tif", compression="zlib")
        with tifffile.TiffFile(path, mode="r+") as tif:
            for page in tif.pages:
                page.tags["Compression"].overwrite(65000)
        assert f"{path} could not be read (" in refusal(path)

    def test_hdf5(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["data"] = FRAMES
        data = (tmp_path / "movie.h5").read_bytes()
        (tmp_path / "movie.h5").write_bytes(data[:-2000])
        assert "movie.h5 could not be read (" in refusal(tmp_path / "movie.h5")
        assert "truncated file" in refusal(tmp_path / "movie.h5")

    @pytest.mark.parametrize("name", ["movie.tif", "movie.h5"])
    def test_a_file_that_is_cut_or_removed_while_it_is_read(self, tmp_path, name):
        path = tmp_path / name
        if name == "movie.h5":
            with h5py.File(path, "w") as file:
                file["data"] = FRAMES
        else:
            save(path)
        movie = read_movie(path)
        os.truncate(path, 5000)
        with pytest.raises(WrongInputError, match=f"{name} has changed since it was opened"):
            movie.frames(0, 5)
        path.unlink()
        with pytest.raises(WrongInputError, match=f"{name} does not exist"):
            movie.frames(0, 5)

    def test_nothing_but_the_sentence_is_printed(self, tmp_path):
        data = save(tmp_path / "movie.tif", imagej=True, truncate=True, metadata={"axes": "TYX"}).read_bytes()
        (tmp_path / "movie.tif").write_bytes(data[:-1000])
        code = (
            "import sys\nfrom epifiji.files.movies.movie_file import read_movie\n"
            "try: read_movie(sys.argv[1])\nexcept ValueError as error: print(error)"
        )
        command = [sys.executable, "-c", code, str(tmp_path / "movie.tif")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr == ""
        assert done.stdout.count("\n") == 1


class TestHdf5:
    @pytest.fixture
    def several(self, tmp_path) -> Path:
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["raw/movie"] = FRAMES
            file["labels"] = FRAMES
            file["times"] = np.arange(12.0)
            file["points"] = np.zeros((6, 9, 9), [("x", "f4"), ("y", "f4")])
            file["names"] = np.full((6, 9, 9), b"a", "S3")
            file["waves"] = np.zeros((6, 9, 9), np.complex64)
            file["cells"] = np.zeros((6, 3, 9, 9))
        return tmp_path / "movie.h5"

    def test_several_datasets_are_listed(self, several):
        sentence = refusal(several)
        assert "has 2 datasets that can be movies, but one is needed: add its name, as in movie.h5:/labels;" in sentence
        assert "it has /labels 12x21x34, /raw/movie 12x21x34." in sentence

    @pytest.mark.parametrize(
        ("dataset", "words"),
        [
            ("/none", "has no dataset /none, but one of its datasets was expected: it has /cells 6x3x9x9, /labels"),
            ("/raw", "has a group /raw, which is not a dataset"),
            ("/times", "/times has the shape (12,), but a movie has the three axes (T, Y, X)"),
            ("/cells", "/cells has the shape (6, 3, 9, 9), but a movie has the three axes (T, Y, X)"),
            ("/points", "but pixels are real numbers: choose another dataset"),
            ("/names", "/names has values of type |S3, but pixels are real numbers"),
            ("/waves", "/waves has values of type complex64, but pixels are real numbers"),
        ],
    )
    def test_a_dataset_that_is_no_movie(self, several, dataset, words):
        assert words in refusal(f"{several}:{dataset}")

    def test_a_file_without_a_movie(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            file["times"] = np.arange(12.0)
        assert "has no dataset of three axes (T, Y, X) with real numbers" in refusal(tmp_path / "movie.h5")
        assert "it has /times 12." in refusal(tmp_path / "movie.h5")

    def test_an_empty_file(self, tmp_path):
        h5py.File(tmp_path / "movie.h5", "w").close()
        assert "it has none." in refusal(tmp_path / "movie.h5")

    def test_many_datasets_are_not_all_listed(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            for i in range(30):
                file[f"t{i:05}/cells"] = np.zeros((6, 9, 9))
        assert "has 30 datasets that can be movies" in refusal(tmp_path / "movie.h5")
        assert refusal(tmp_path / "movie.h5").endswith("/t00007/cells 6x9x9 and 22 more.")

    def test_a_dataset_of_a_tiff(self, tmp_path):
        path = save(tmp_path / "movie.h5")
        assert "is a TIFF, but only HDF5 files have datasets: leave out :/data." in refusal(f"{path}:/data")

    def test_labelled_channels_without_a_choice(self, tmp_path):
        with h5py.File(tmp_path / "movie.h5", "w") as file:
            dataset = file.create_dataset("data", data=np.zeros((6, 9, 9, 2)))
            dataset.attrs["axistags"] = '{"axes": [{"key": "t"}, {"key": "y"}, {"key": "x"}, {"key": "c"}]}'
        path = tmp_path / "movie.h5"
        assert refusal(path) == f"{path}:/data has 2 channels, but one is needed: choose it with --channel N (1 to 2)."
