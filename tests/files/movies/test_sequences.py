"""Movies with one file per frame."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

import epifiji
from epifiji.bridge.cli.main import app
from epifiji.data.errors import WrongInputError
from epifiji.files.movies.movie_file import file_sha256, file_state, movie_name, read_movie
from movie_files import FRAMES, assert_same, save

NAMES = [f"frame_{t + 1}.tif" for t in range(12)]
"""Not padded with zeros: in alphabetical order 10 comes before 2."""


def frames(folder: Path, names: list[str] = NAMES, pixels: np.ndarray = FRAMES, **options) -> Path:
    folder.mkdir(exist_ok=True)
    for name, frame in zip(names, pixels, strict=True):
        save(folder / name, frame, **options)
    return folder


def refusal(path: Path | str, channel: int | None = None) -> str:
    with pytest.raises(WrongInputError) as refused:
        read_movie(path, channel)
    return str(refused.value)


class TestReading:
    @pytest.mark.parametrize("pattern", ["", "*.tif", "frame_*", "frame_*.tif", "*_?*.tif"])
    def test_a_folder_or_a_pattern_in_natural_order(self, tmp_path, pattern):
        movie = assert_same(frames(tmp_path / "frames") / pattern)
        assert "12 files were read as the frames of one movie, from frame_1.tif to frame_12.tif" in movie.notices[0]
        assert movie.path == tmp_path / "frames" / pattern
        assert len(movie.notices) == 1

    def test_any_part_of_it(self, tmp_path):
        movie = read_movie(frames(tmp_path / "frames"))
        np.testing.assert_array_equal(movie.frames(4, 9), FRAMES[4:9])

    @pytest.mark.parametrize(
        ("pattern", "name"),
        [
            ("", "my frames"),
            ("*.tif", "my frames"),
            ("*", "my frames"),
            ("frame_*.tif", "frame"),
            ("a_*_c1.tif", "a_c1"),
        ],
    )
    def test_its_name(self, tmp_path, pattern, name):
        (tmp_path / "my frames").mkdir()
        assert movie_name(tmp_path / "my frames" / pattern) == name

    def test_the_calibration_is_that_of_the_first(self, tmp_path):
        folder = frames(tmp_path / "frames", imagej=True, resolution=(4, 4), metadata={"unit": "um", "finterval": 90})
        movie = read_movie(folder)
        assert (movie.pixel_size_um, movie.frame_interval_s) == (pytest.approx(0.25), 90)

    def test_other_files_of_a_folder_do_not_count(self, tmp_path):
        folder = frames(tmp_path / "frames")
        (folder / "notes.txt").write_text("a")
        (folder / "._frame_1.tif").write_bytes(b"macOS")
        (folder / "frames_epifiji").mkdir()
        assert_same(folder)

    def test_a_file_whose_name_looks_like_a_pattern_is_that_file(self, tmp_path):
        movie = assert_same(save(tmp_path / "movie[1].tif"))
        assert movie.notices == ()

    @pytest.mark.parametrize("photometric", ["miniswhite", "minisblack"])
    def test_pixels_as_they_are_shown(self, tmp_path, photometric):
        inverted = photometric == "miniswhite"
        movie = assert_same(frames(tmp_path / "f", photometric=photometric), 65_535 - FRAMES if inverted else FRAMES)
        assert any("inverted" in notice for notice in movie.notices) == inverted

    def test_compressed_frames(self, tmp_path):
        assert_same(frames(tmp_path / "frames", compression="zlib", predictor=True))

    def test_from_python(self, tmp_path, network_folder):
        folder = frames(
            tmp_path / "frames", [f"{t:03}.tif" for t in range(12)], np.repeat(np.repeat(FRAMES, 4, 1), 3, 2)
        )
        one = save(tmp_path / "one.tif", np.repeat(np.repeat(FRAMES, 4, 1), 3, 2))
        settings = {"network": str(network_folder), "threshold": 0, "min_volume": 0}
        found, expected = (epifiji.detect(path, **settings).events for path in (str(folder / "*.tif"), one))
        assert len(expected) > 0
        assert found == expected


class TestNames:
    def test_a_missing_number_is_reported(self, tmp_path):
        folder = frames(tmp_path / "f", [f"a{t:02}.tif" for t in (*range(5), *range(7, 14))])
        assert "have 1 gap, the first at 5" in assert_same(folder).notices[1]

    def test_steps_of_another_size_are_no_gaps(self, tmp_path):
        assert len(assert_same(frames(tmp_path / "f", [f"a{t:03}.tif" for t in range(0, 120, 10)])).notices) == 1

    def test_names_that_count_channels_too_are_reported(self, tmp_path):
        names = [f"t{t}_c{c}.tif" for t in range(6) for c in (1, 2)]
        folder = frames(tmp_path / "f", names)
        assert "count two things, 6 x 2 files" in assert_same(folder).notices[1]
        assert_same(folder / "t*_c2.tif", FRAMES[1::2])


class TestRefused:
    def test_a_pattern_without_files(self, tmp_path):
        assert f"No file has a name like {tmp_path / '*.tif'}" in refusal(tmp_path / "*.tif")

    def test_a_folder_without_frames(self, tmp_path):
        assert "or a folder of TIFF files with one frame each" in refusal(tmp_path)

    def test_frames_of_another_size(self, tmp_path):
        folder = frames(tmp_path / "f")
        save(folder / "frame_5.tif", FRAMES[4, :9])
        sentence = refusal(folder)
        assert "frame_5.tif has pixels (9, 34) of type uint16 in frame 5" in sentence

    def test_frames_of_another_type(self, tmp_path):
        folder = frames(tmp_path / "f")
        save(folder / "frame_5.tif", FRAMES[4].astype(np.float32))
        assert "of type float32 in frame 5" in refusal(folder)

    def test_one_frame_that_is_inverted(self, tmp_path):
        folder = frames(tmp_path / "f")
        save(folder / "frame_5.tif", FRAMES[4], photometric="miniswhite")
        assert "first in frame 5" in refusal(folder)

    def test_movies(self, tmp_path):
        save(tmp_path / "a.tif")
        save(tmp_path / "b.tif")
        assert "a.tif has 12 images, but each file of a movie in several files has one grey frame" in refusal(tmp_path)

    def test_colours(self, tmp_path):
        folder = tmp_path / "f"
        folder.mkdir()
        for name in NAMES:
            tifffile.imwrite(folder / name, np.zeros((9, 9, 3), np.uint8), photometric="rgb", metadata=None)
        assert "frame_1.tif has 3 values in each pixel (colours)" in refusal(folder)

    def test_pictures_that_are_no_tiff(self, tmp_path):
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        assert "a.png is not a TIFF" in refusal(tmp_path / "*.png")

    def test_a_frame_that_is_cut_off(self, tmp_path):
        folder = frames(tmp_path / "f")
        whole = (folder / "frame_7.tif").read_bytes()
        (folder / "frame_7.tif").write_bytes(whole[:-100])
        assert f"{folder / 'frame_7.tif'} is cut off" in refusal(folder)

    def test_too_few_frames(self, tmp_path):
        assert "has 3 frames, but at least 5 are needed" in refusal(frames(tmp_path / "f", NAMES[:3], FRAMES[:3]))


class TestIdentity:
    def test_the_hash_is_that_of_all_files(self, tmp_path):
        folder = frames(tmp_path / "f")
        parts = b"".join(hashlib.sha256((folder / name).read_bytes()).digest() for name in NAMES)
        assert file_sha256(folder) == file_sha256(folder / "*.tif") == hashlib.sha256(parts).hexdigest()

    def test_another_frame_changes_hash_and_state(self, tmp_path):
        folder = frames(tmp_path / "f")
        before = file_sha256(folder), file_state(folder)
        (folder / "frame_12.tif").unlink()
        assert file_sha256(folder) != before[0]
        assert file_state(folder) != before[1]


class TestCommandLine:
    def detect(self, network: Path, *arguments: str) -> str:
        done = CliRunner().invoke(app, ["detect", "--network", str(network), *arguments])
        return f"{done.exit_code} {done.output} {done.exception or ''}"

    def test_a_quoted_pattern(self, tmp_path, network_folder):
        folder = frames(tmp_path / "f", pixels=np.repeat(np.repeat(FRAMES, 4, 1), 3, 2))
        assert self.detect(network_folder, str(folder / "frame_*.tif")).startswith("0")
        assert (folder / "frame_epifiji" / "events.csv").is_file()

    def test_frames_named_one_by_one(self, tmp_path, network_folder):
        folder = frames(tmp_path / "f")
        said = self.detect(network_folder, *(str(folder / name) for name in NAMES))
        assert "12 files with one frame each were named" in said
        assert f"'{folder / 'frame_*.tif'}'" in said
        assert sorted(file.name for file in folder.iterdir()) == sorted(NAMES)

    def test_a_pattern_of_movies_that_no_shell_expanded(self, tmp_path, network_folder):
        for name in ("a", "b"):
            save(tmp_path / f"{name}.tif", np.repeat(np.repeat(FRAMES, 4, 1), 3, 2))
        assert self.detect(network_folder, str(tmp_path / "*.tif")).startswith("0")
        assert (tmp_path / "a_epifiji" / "events.csv").is_file()
        assert (tmp_path / "b_epifiji" / "events.csv").is_file()
