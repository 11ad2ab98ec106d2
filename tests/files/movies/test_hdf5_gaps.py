"""HDF5 files in which pixels are missing, and those of Imaris and BigDataViewer."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.files.movies.movie_file import read_movie
from movie_files import FRAMES, assert_same


def refusal(path: Path) -> str:
    with pytest.raises(WrongInputError) as refused:
        read_movie(path)
    return str(refused.value)


def virtual(path: Path, source: Path, frames: int = 12) -> Path:
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(FRAMES.shape, "u2")
        layout[:frames] = h5py.VirtualSource(source.name, "movie", (frames, *FRAMES.shape[1:]))
        file.create_virtual_dataset("movie", layout)
    return path


def stored(path: Path, frames: np.ndarray = FRAMES) -> Path:
    with h5py.File(path, "w") as file:
        file["movie"] = frames
    return path


class TestVirtualDatasets:
    def test_with_its_source(self, tmp_path):
        assert_same(virtual(tmp_path / "v.h5", stored(tmp_path / "source.h5")))

    def test_without_its_source(self, tmp_path):
        sentence = refusal(virtual(tmp_path / "v.h5", tmp_path / "gone.h5"))
        assert "1 cannot be found or are too short, such as movie of gone.h5" in sentence

    def test_with_a_source_that_is_too_short(self, tmp_path):
        assert "are too short" in refusal(virtual(tmp_path / "v.h5", stored(tmp_path / "source.h5", FRAMES[:7])))

    def test_with_a_source_for_some_frames(self, tmp_path):
        movie = read_movie(virtual(tmp_path / "v.h5", stored(tmp_path / "source.h5", FRAMES[:7]), 7))
        assert any(f"a source for {7 * 21 * 34} of its {12 * 21 * 34} pixels" in notice for notice in movie.notices)

    def test_whose_source_is_in_the_same_file(self, tmp_path):
        with h5py.File(tmp_path / "v.h5", "w") as file:
            file["parts/source"] = FRAMES
            layout = h5py.VirtualLayout(FRAMES.shape, "u2")
            layout[:] = h5py.VirtualSource(".", "parts/source", FRAMES.shape)
            file.create_virtual_dataset("movie", layout)
        assert_same(f"{tmp_path / 'v.h5'}:/movie")


class TestPixelsThatWereNeverWritten:
    @pytest.mark.parametrize("chunks", [None, (1, 21, 34), (4, 8, 8)])
    def test_none_at_all(self, tmp_path, chunks):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset("movie", FRAMES.shape, "u2", chunks=chunks)
        assert "its pixels were never written" in refusal(tmp_path / "m.h5")

    @pytest.mark.parametrize(
        ("chunks", "written", "said"),
        [
            ((1, 21, 34), slice(0, 7), "5 of 12 frames that were not completely written (frames 8 to 12)"),
            ((1, 8, 8), slice(1, None), "1 of 12 frames that were not completely written (frame 1)"),
            ((4, 21, 34), slice(4, 8), "8 of 12 frames that were not completely written (frames 1 to 4, 9 to 12)"),
        ],
    )
    def test_some_frames(self, tmp_path, chunks, written, said):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset("movie", FRAMES.shape, "u2", chunks=chunks)[written] = FRAMES[written]
        movie = read_movie(tmp_path / "m.h5")
        np.testing.assert_array_equal(movie.frames(0, 12)[written], FRAMES[written])
        assert any(said in notice for notice in movie.notices)

    def test_a_corner_of_one_frame(self, tmp_path):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            made = file.create_dataset("movie", FRAMES.shape, "u2", chunks=(1, 8, 8))
            made[:5], made[6:], made[5, 8:] = FRAMES[:5], FRAMES[6:], FRAMES[5, 8:]
        assert any("(frame 6)" in notice for notice in read_movie(tmp_path / "m.h5").notices)

    def test_those_of_another_channel_do_not_matter(self, tmp_path):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            made = file.create_dataset("movie", (12, 2, 21, 34), "u2", chunks=(1, 1, 21, 34))
            made[:, 0] = FRAMES
            for axis, label in enumerate("tcyx"):
                made.dims[axis].label = label
        assert len(assert_same(tmp_path / "m.h5", channel=1).notices) == 1
        with pytest.raises(WrongInputError, match="never written"):
            read_movie(tmp_path / "m.h5", 2)

    def test_an_external_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with h5py.File("m.h5", "w") as file:
            file.create_dataset("movie", data=FRAMES, external=[("pixels.raw", 0, FRAMES.nbytes)])
        assert_same(tmp_path / "m.h5")
        (tmp_path / "pixels.raw").write_bytes((tmp_path / "pixels.raw").read_bytes()[:1000])
        assert f"pixels.raw, which has 1000 of {FRAMES.nbytes} bytes" in refusal(tmp_path / "m.h5")
        (tmp_path / "pixels.raw").unlink()
        assert "pixels.raw, which is missing" in refusal(tmp_path / "m.h5")


def characters(text: str) -> np.ndarray:
    """Write a text in Imaris's form."""
    return np.array([c.encode() for c in text], "S1")


def imaris(path: Path, pixels: np.ndarray = FRAMES[:, None, None], padding: int = 0) -> Path:
    """Write pixels (T, C, Z, Y, X) in Imaris's form, with a coarser copy and its sizes."""
    with h5py.File(path, "w") as file:
        for t, channels in enumerate(pixels):
            for c, volume in enumerate(channels):
                at = f"TimePoint {t}/Channel {c}/Data"
                padded = np.pad(volume, ((0, 0), (0, padding), (0, padding)))
                file[f"DataSet/ResolutionLevel 0/{at}"] = padded
                file[f"DataSet/ResolutionLevel 1/{at}"] = padded[:, ::2, ::2]
            if t:
                file["DataSetInfo/TimeInfo"].attrs[f"TimePoint{t + 1}"] = characters(f"2026-01-01 00:{2 * t:02}:00.000")
            else:
                file.create_group("DataSetInfo/TimeInfo").attrs["TimePoint1"] = characters("2026-01-01 00:00:00.000")
        info = file.create_group("DataSetInfo/Image")
        _, _, z, y, x = pixels.shape
        said = {"X": x, "Y": y, "Z": z, "Unit": "um", "ExtMin0": 0, "ExtMax0": x / 4, "ExtMin1": 0, "ExtMax1": y / 4}
        for name, value in said.items():
            info.attrs[name] = characters(str(value))
    return path


def bigdataviewer(path: Path, pixels: np.ndarray = FRAMES[:, None]) -> Path:
    """Write pixels (T, C, Y, X) in BigDataViewer's form: unsigned numbers in a signed type, one setup per channel."""
    with h5py.File(path, "w") as file:
        for t, channels in enumerate(pixels):
            for c, frame in enumerate(channels):
                for level in range(2):
                    file[f"t{t:05}/s{c:02}/{level}/cells"] = frame[None, :: 1 + level, :: 1 + level].view(np.int16)
    return path


class TestTimePoints:
    @pytest.mark.parametrize("padding", [0, 11])
    def test_imaris(self, tmp_path, padding):
        movie = assert_same(imaris(tmp_path / "m.ims", padding=padding))
        assert (movie.pixel_size_um, movie.frame_interval_s) == (pytest.approx(0.25), 120)
        assert (movie.name, movie.notices) == ("m", ())

    def test_imaris_with_two_channels(self, tmp_path):
        path = imaris(tmp_path / "m.ims", np.stack([FRAMES, FRAMES[::-1]], 1)[:, :, None])
        assert assert_same(path, FRAMES[::-1], 2).layout.channels == 2
        assert "has 2 channels, but one is needed" in refusal(path)

    def test_imaris_with_planes(self, tmp_path):
        sentence = refusal(imaris(tmp_path / "m.ims", np.stack([FRAMES, FRAMES], 1)[:, None]))
        assert "has 12 time points and 2 planes (Z), but a movie has one plane" in sentence

    def test_an_imaris_stack_of_one_time_point(self, tmp_path):
        (notice,) = assert_same(imaris(tmp_path / "m.ims", FRAMES[None, None])).notices
        assert "12 planes (Z) and one time point" in notice

    def test_a_time_point_that_is_missing(self, tmp_path):
        path = imaris(tmp_path / "m.ims")
        with h5py.File(path, "a") as file:
            del file["DataSet/ResolutionLevel 0/TimePoint 5/Channel 0/Data"]
        assert "TimePoint 5/Channel 0/Data is missing" in refusal(path)

    def test_bigdataviewer(self, tmp_path):
        large = FRAMES + np.uint16(5000)
        assert_same(bigdataviewer(tmp_path / "m.h5", large[:, None]), large)

    def test_bigdataviewer_with_two_setups_and_a_pixel_size_in_its_xml(self, tmp_path):
        path = bigdataviewer(tmp_path / "m.h5", np.stack([FRAMES, FRAMES[::-1]], 1))
        said = "<SpimData><voxelSize><unit>micrometer</unit><size>0.25 0.25 1.0</size></voxelSize></SpimData>"
        (tmp_path / "m.xml").write_text(said)
        assert assert_same(path, FRAMES[::-1], 2).pixel_size_um == 0.25

    def test_time_points_that_were_never_written(self, tmp_path):
        path = imaris(tmp_path / "m.ims")
        with h5py.File(path, "a") as file:
            for t in (3, 4, 11):
                name = f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel 0/Data"
                del file[name]
                file.create_dataset(name, (1, 21, 34), "u2", chunks=(1, 8, 8))
        (notice,) = read_movie(path).notices
        assert "3 of 12 time points that were not completely written (frames 4 to 5, 12)" in notice


@pytest.mark.parametrize(("shape", "said"), [((64, 80, 12), True), ((12, 64, 80), False), ((64, 80, 60), False)])
def test_axes_without_names_that_look_turned_are_reported(tmp_path, shape, said):
    stored(tmp_path / "m.h5", np.ones(shape, np.uint8))
    assert any("they are (Y, X, T)" in notice for notice in read_movie(tmp_path / "m.h5").notices) == said
