"""EpiNet: frames one by one, in strips and in blocks give the same as the whole movie; detection uses it as any network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import epifiji
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie
from epifiji.data.network import Network
from epifiji.data.progress import silent
from epifiji.engine.networks.epinet.maps import WholeFrames
from epifiji.engine.networks.epinet.model import (
    BOXES,
    REACH_FRAMES,
    contrast,
    encode_frames,
    join_frames,
    places,
)
from epifiji.engine.networks.epinet.predictor import EpiNet
from epifiji.engine.tiling.blocks import Block, read_strip
from epifiji.files.networks.store import read_network, write_network
from small_networks import small_epinet

NETWORK = small_epinet(seed=3)
MOVIE = np.random.default_rng(5).integers(0, 200, (30, 90, 75)).astype(np.uint8)


def answered(block: Block, network: Network = NETWORK) -> np.ndarray:
    """Predict a block of the movie: (frames, rows, columns, classes) of its only member."""
    predictor = EpiNet(network)
    strip = read_strip(Movie(MOVIE), block, network.description, predictor)
    return predictor(strip, [block.of(places(MOVIE.shape))], silent)[0]


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return answered(Block(0, 30, 0, 90))


def test_frames_one_after_the_other_give_what_all_at_once_give(whole: np.ndarray) -> None:
    frames = np.pad(MOVIE, [(REACH_FRAMES, REACH_FRAMES), (0, 6), (0, 5)], "edge").astype(np.float32)
    weights = NETWORK.weights[0]
    logits = join_frames(weights, encode_frames(weights, contrast(frames))).numpy()[:, :23, :19]
    assert whole.shape == (30, 23, 19, 4)
    assert np.abs(whole[..., 1:] - 1 / (1 + np.exp(-logits))).max() < 1e-5
    assert np.ptp(whole[..., 1:]) > 0.1


def test_a_block_of_frames_gives_what_the_whole_movie_gives(whole: np.ndarray) -> None:
    assert np.array_equal(answered(Block(11, 20, 0, 90)), whole[11:20])


def test_a_strip_of_a_tall_movie_gives_what_the_whole_movie_gives() -> None:
    tall = np.random.default_rng(6).integers(0, 200, (8, 500, 50)).astype(np.uint8)
    predictor, grid = EpiNet(NETWORK), places(tall.shape)

    def strip(top: int, bottom: int) -> np.ndarray:
        block = Block(0, 8, top, bottom)
        return predictor(read_strip(Movie(tall), block, NETWORK.description, predictor), [block.of(grid)], silent)[0]

    everything = strip(0, 500)
    cut = np.concatenate([strip(0, 203), strip(203, 301), strip(301, 500)], 1)
    assert np.abs(cut - everything).max() < 1e-6


def test_contrast_is_that_of_the_neighbourhood() -> None:
    frame = np.random.default_rng(7).normal(100, 20, (1, 280, 280)).astype(np.float32)
    found = contrast(frame).numpy()[0, 140, 140]
    # The box around the pixel, of as many 4 x 4 px as the module says.
    at = 4 * (140 // 4)
    for box, channel in zip(BOXES, (1, 2), strict=True):
        low = at - 4 * (box // 2)
        part = frame[0, low : low + 4 * box, low : low + 4 * box]
        near = frame[0, at - 20 : at + 24, at - 20 : at + 24]
        expected = 0.5 * (frame[0, 140, 140] - part.mean()) / (part.std() + 0.02 * np.ptp(near))
        assert found[channel] == pytest.approx(expected, abs=1e-3)
    assert found[0] == pytest.approx((frame[0, 140, 140] - near.min()) / np.ptp(near), abs=1e-4)


def test_brightness_and_contrast_of_a_movie_have_no_effect(whole: np.ndarray) -> None:
    predictor, block = EpiNet(NETWORK), Block(0, 30, 0, 90)
    other = Movie((MOVIE.astype(np.float32) * 37 + 1000).astype(np.float32))
    strip = read_strip(other, block, NETWORK.description, predictor)
    found = predictor(strip, [block.of(places(MOVIE.shape))], silent)[0]
    assert np.abs(found - whole).max() < 1e-3


def test_a_map_is_interpolated_between_the_centres_of_its_answers() -> None:
    random = np.random.default_rng(8)
    answers = random.random((23, 19, 3)).astype(np.float32)
    map_of = WholeFrames((1, 90, 75), 1).combine(0, [(0, 0, np.concatenate([answers[..., :1], answers], -1))])
    assert map_of.shape == (3, 90, 75)
    ys, xs = np.meshgrid((np.arange(90) - 1.5) / 4, (np.arange(75) - 1.5) / 4, indexing="ij")
    for kind in range(3):
        expected = ndimage.map_coordinates(answers[..., kind], [ys, xs], order=1, mode="nearest")
        assert np.abs(map_of[kind] - 255 * expected).max() < 1.01


def test_members_are_averaged() -> None:
    votes = [(m, 0, np.full((4, 4, 3), value, np.float32)) for m, value in enumerate((0.2, 0.6))]
    assert (WholeFrames((1, 16, 16), 2).combine(0, votes) == int(255 * 0.4)).all()


def test_a_network_is_written_read_and_used(tmp_path: Path) -> None:
    read = read_network(write_network(NETWORK, tmp_path / "mine"))
    assert read.description.kind == "epinet"
    made, kept = (epifiji.detect(MOVIE, n, threshold=1, min_volume=1, maps="raw") for n in (NETWORK, read))
    assert made.maps["rawproba"]["cell_sop"].shape == MOVIE.shape
    for name in NETWORK.description.events:
        assert np.array_equal(made.maps["rawproba"][name][:], kept.maps["rawproba"][name][:])


def test_its_own_thresholds_are_the_defaults() -> None:
    network = small_epinet(seed=3, thresholds={"cell_death": 201}, min_volumes={"cell_death": 77})
    settings = epifiji.detect(MOVIE, network).record["settings"]
    assert (settings["threshold"]["cell_death"], settings["min_volume"]["cell_death"]) == (201, 77)
    given = epifiji.detect(MOVIE, network, threshold=133).record["settings"]
    assert (given["threshold"]["cell_death"], given["min_volume"]["cell_death"]) == (133, 77)


def test_the_authors_arithmetic_is_for_their_networks() -> None:
    with pytest.raises(WrongInputError, match="mode is 'compatible', which repeats what the authors' package does"):
        epifiji.detect(MOVIE, NETWORK, mode="compatible")


def test_wrong_weights_are_named() -> None:
    weights = dict(NETWORK.weights[0])
    weights["time_1/kernel"] = weights["time_1/kernel"][:3]
    with pytest.raises(WrongInputError, match="time_1/kernel has the shape"):
        EpiNet(Network(NETWORK.description, (weights,)))
    with pytest.raises(
        WrongInputError, match="uses 5 frames before .* made by an earlier EpiFiji: train it again, or use"
    ):
        EpiNet(small_epinet(frames_before=5))
    del weights["time_1/kernel"]
    with pytest.raises(WrongInputError, match="time_1/kernel is missing"):
        EpiNet(Network(NETWORK.description, (weights,)))
