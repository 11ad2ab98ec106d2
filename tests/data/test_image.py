"""Images of any axes, and movies as one kind of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from epifiji.data.errors import WrongInputError
from epifiji.data.image import Image
from epifiji.data.movie import Movie

VOLUME = np.arange(4 * 5 * 6, dtype=">u2").reshape(4, 5, 6)


class Slices:
    """Pixels that are read in slices of the first axis, as from a file, and the length of the longest slice."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels, self.shape, self.dtype, self.longest = pixels, pixels.shape, pixels.dtype, 0

    def __getitem__(self, positions: slice) -> np.ndarray:
        part = self._pixels[positions]
        self.longest = max(self.longest, len(part))
        return part


def refusal(*given: object, **described: object) -> str:
    with pytest.raises(WrongInputError) as refused:
        Image(*given, **described)
    return str(refused.value)


@pytest.mark.parametrize("axes", ["YX", "TYX", "ZYX", "CYX", "TZYX", "ZCYX", "TZCYX"])
def test_an_image_is_read_piece_by_piece_whatever_its_axes(axes: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 999, range(3, 3 + len(axes))).astype(np.float32)
    lazy = Slices(pixels)
    image = Image(lazy, "one", axes=axes)
    pieces = list(image.chunks(megabytes=1.5 * pixels[0].nbytes / 1e6))
    assert lazy.longest == 1
    assert [start for start, _ in pieces] == list(range(len(pixels)))
    assert np.array_equal(np.concatenate([piece for _, piece in pieces]), pixels)
    assert np.array_equal(np.asarray(image), pixels)
    assert image.sha256() == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert image.shape == pixels.shape
    assert image.require_finite() == ()


def test_pixels_are_read_in_native_byte_order() -> None:
    image = Image(VOLUME, axes="ZYX")
    assert image.dtype == np.dtype("=u2")
    assert image.part(1, 3).dtype == image.dtype
    assert np.array_equal(image.part(1, 3), VOLUME[1:3])


def test_each_axis_has_its_own_spacing() -> None:
    volume = Image(VOLUME, "cyst", 0.2, axes="ZYX", voxel_depth_um=1.5)
    assert volume.spacing == {"Z": 1.5, "Y": 0.2, "X": 0.2}
    assert Image(VOLUME, "wide", 0.2, axes="CYX", pixel_height_um=0.3).spacing == {"C": None, "Y": 0.3, "X": 0.2}
    assert Movie(VOLUME, "wing", 0.2, 300.0).spacing == {"T": 300.0, "Y": 0.2, "X": 0.2}
    assert list(Image(VOLUME[0], axes="YX").spacing.values()) == [None, None]


def test_an_image_says_in_a_line_what_it_is() -> None:
    assert repr(Image(VOLUME[0], "still", axes="YX")) == "<Image still: 6 x 5 px, >u2>"
    assert (
        repr(Image(VOLUME, "cyst", 0.2, axes="ZYX", voxel_depth_um=1.5))
        == "<Image cyst: 4 planes of 6 x 5 px, >u2, 0.2 µm a pixel, 1.5 µm a plane>"
    )
    assert repr(Image(VOLUME[None], axes="TZYX")) == "<Image image: 1 frames of 4 planes of 6 x 5 px, >u2>"
    assert (
        repr(Movie(VOLUME, "wing", 0.2, 300.0))
        == "<Movie wing: 4 frames of 6 x 5 px, >u2, 0.2 µm a pixel, 300 s a frame>"
    )


@pytest.mark.parametrize("axes", ["", "XY", "YXT", "ZTYX", "TTYX", "AYX", "X", "tyx"])
def test_axes_that_are_none_are_refused(axes: str) -> None:
    assert f"was given the axes {axes!r}, but they are letters out of T, Z, C, Y, X" in refusal(VOLUME, axes=axes)


def test_pixels_that_do_not_fit_are_refused_in_a_sentence() -> None:
    assert refusal(VOLUME, "still", axes="YX") == (
        "still is an array of shape (4, 5, 6), but an image has the two axes (Y, X): give an array of these axes."
    )
    assert "has the shape (0, 6) and so no pixels: give an image that is not empty" in refusal(VOLUME[0, :0], axes="YX")
    assert "pixels of type complex64, but real numbers are needed" in refusal(np.ones((5, 6), "c8"), axes="YX")
    assert "has 1 masked pixels" in refusal(np.ma.masked_equal(VOLUME[0], 3), axes="YX")
    assert refusal(5, axes="YX") == (
        "an image was given as int, which is no array of numbers (Y, X), but an array is needed: give one."
    )
    assert "a list of 2 paths was given, but one image is used at a time" in refusal(["a.tif", "b.tif"], axes="YX")


@pytest.mark.parametrize(
    ("axes", "words"), [("YX", "row 3"), ("ZYX", "plane 3"), ("TYX", "frame 3"), ("CYX", "channel 3")]
)
def test_a_pixel_that_is_no_number_is_refused_with_its_place(axes: str, words: str) -> None:
    pixels = np.ones((5,) * len(axes), np.float32)
    pixels[2, ..., 1] = np.inf
    with pytest.raises(WrongInputError, match=rf"not numbers \(NaN or infinite\), first in {words}, but"):
        Image(pixels, axes=axes).require_finite()


class TestMovies:
    def test_a_movie_is_an_image_with_time(self) -> None:
        movie = Movie(VOLUME, "wing")
        assert isinstance(movie, Image)
        assert movie.axes == "TYX"
        assert np.array_equal(movie.frames(1, 3), VOLUME[1:3])

    def test_a_changed_copy_is_a_movie_too(self) -> None:
        changed = replace(Movie(VOLUME, "wing", 0.2), pixels=VOLUME[:2], frame_interval_s=60.0)
        assert type(changed) is Movie
        assert (len(changed), changed.axes, changed.pixel_size_um, changed.frame_interval_s) == (2, "TYX", 0.2, 60.0)

    def test_a_single_frame_is_a_movie_until_more_are_needed(self) -> None:
        still = Movie(VOLUME[:1], "still")
        assert still.require_frames(1) is still
        with pytest.raises(WrongInputError) as refused:
            still.require_frames()
        assert str(refused.value) == (
            "still has 1 frame, but at least 5 are needed (10 or more are better): give a movie, not a still image."
        )

    def test_a_movie_has_its_own_words(self) -> None:
        with pytest.raises(WrongInputError) as refused:
            Movie(VOLUME[0], "still")
        assert str(refused.value) == (
            "still is an array of shape (5, 6), but a movie has the three axes (T, Y, X): give one channel and one plane over "
            "time."
        )
        with pytest.raises(WrongInputError) as refused:
            Movie(5)
        assert str(refused.value) == (
            "a movie was given as int, which is no array of numbers (T, Y, X), but a file's path, an array or a Movie "
            "is needed: give one of them."
        )
