"""The recipe of the network that ships: each of its jobs once, with tiny movies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

sys.path.append(str(Path(__file__).parents[2] / "recipes"))

import intensity
import train_epinet
from epifiji.data.events import Event
from epifiji.files.networks.store import read_network
from epifiji.files.rois.roi_files import write_rois
from epifiji.jobs.simulate import simulate_movies

RECIPES = Path(__file__).parents[2] / "recipes"
MOVIES = 3
COMMON = ("--movies", MOVIES, "--held-out", 1, "--first-seed", 1853)
"""Three short movies of a small part of a tissue, with two to four events each; the second one is rescaled."""


def run(*arguments: object) -> None:
    train_epinet.run(train_epinet.options().parse_args([str(one) for one in arguments]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("simulated")
    run("simulate", place, *COMMON)
    run("mine", place, *COMMON, "--start", "epinet")
    return place


def test_movies_are_simulated_once_with_events_inside(folder: Path) -> None:
    files = sorted(folder.glob("[0-9]*.npz"))
    assert len(files) == MOVIES
    before = [file.stat().st_mtime_ns for file in files]
    run("simulate", folder, *COMMON)
    assert [file.stat().st_mtime_ns for file in files] == before
    for movie in train_epinet.read_movies(files):
        assert (movie.events[:, 1:] >= 0).all()
        assert (movie.events[:, 1:] < movie.pixels.shape).all()


def test_movies_can_be_drawn_from_narrower_ranges_which_are_all_of_one_size(folder: Path, tmp_path: Path) -> None:
    run("simulate", tmp_path, "--movies", 1, "--held-out", 1, "--first-seed", 1853, "--wide", 0)
    wide, narrow = (train_epinet.read_movies([place / "01853.npz"])[0] for place in (folder, tmp_path))
    assert narrow.pixels.shape == (60, 256, 256)
    assert wide.pixels.shape == (13, 165, 193)


def test_what_a_network_gets_wrong_is_sampled_more_often(folder: Path) -> None:
    files = sorted(folder.glob("[0-9]*.npz"))
    wrong = sorted(folder.glob("mined-*.npz"))
    assert [file.name for file in wrong] == [f"mined-{file.name}" for file in files[:-1]]
    plain, mined = (train_epinet.read_movies(files[:-1], mined) for mined in (False, True))
    for one, other, file in zip(plain, mined, wrong, strict=True):
        with np.load(file) as kept:
            missed, false = kept["missed"], kept["false"]
        assert {tuple(row) for row in missed.tolist()} <= {tuple(row) for row in one.events.tolist()}
        assert len(other.events) == len(one.events) + (train_epinet.MINED_TIMES - 1) * len(missed)
        assert len(other.nothing) == len(one.nothing) + train_epinet.MINED_TIMES * len(false)


def test_a_training_continues_mixes_annotated_movies_and_becomes_a_network(folder: Path, tmp_path: Path) -> None:
    out, real = tmp_path / "weights.npz", tmp_path / "annotated"
    run("train", folder, *COMMON, "--start", "epinet", "--out", out, "--steps", 2)
    sizes = {"frames": 20, "height": 90, "width": 90, "cell_diameter_px": 18, "event_duration": 8}
    simulate_movies(real, **sizes, extrusions=1, divisions=0, sops=0, margin_frames=2, margin_diameters=0.4)
    given = train_epinet.network_of("epinet").weights[0]
    first = train_epinet.network_of(str(out)).weights[0]
    assert any((first[name] != given[name]).any() for name in first)
    run("train", folder, *COMMON, "--out", out, "--steps", 3, "--real", real, "--real-share", 0.5)
    with np.load(out) as kept:
        assert int(kept["step"]) == 3
    run("pack", folder, out, tmp_path / "network", *COMMON)
    network = read_network(tmp_path / "network")
    assert set(network.description.thresholds) == set(train_epinet.EVENTS)
    weights = train_epinet.network_of(str(out)).weights[0]
    np.testing.assert_allclose(network.weights[0]["answer/kernel"], weights["answer/kernel"], atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train", "missing"), "does not exist, but it should contain a simulated movie: run the job simulate"),
        (("train", "missing", "--real", "nowhere"), "nowhere does not exist, but a folder is needed that contains"),
        (
            ("train", "missing", "--real-share", "0"),
            "--real-share is 0, but it is a share above 0 and up to 1: give one.",
        ),
        (("train", "missing", "--held-out", "0"), "--held-out is 0 of 240 movies, but at least one is held out"),
        (("train", "missing", "--movies", "3", "--held-out", "3"), "--held-out is 3 of 3 movies"),
        (("train", "missing", "--start", "none.npz"), "none.npz cannot be read ("),
        (("train", "missing", "--out", "broken.npz"), "broken.npz cannot be read ("),
        (("pack", "missing", "other.npz", "new"), "other.npz has no weights of the job train"),
        (("train", "missing", "--real", "annotated"), "annotated has no events of cell_death, cell_sop, cell_division"),
    ],
)
def test_wrong_arguments_give_one_sentence(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_text("broken")
    np.savez(tmp_path / "other.npz", pixels=np.zeros(3))
    (tmp_path / "annotated").mkdir()
    tifffile.imwrite(tmp_path / "annotated" / "a.tif", np.zeros((20, 90, 90), np.uint8))
    write_rois(tmp_path / "annotated" / "a_mitosis.zip", [Event("mitosis", 9, 40.0, 40.0)], (255, 0, 0))
    command = [sys.executable, str(RECIPES / "train_epinet.py"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def frames(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((9, 40, 40)).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_intensities_change_as_described(seed: int) -> None:
    random, given = np.random.default_rng(seed), frames(seed)
    cut = intensity.saturate(given, random)
    assert 0.003 < (cut == cut.max()).mean() < 0.13
    assert (np.minimum(given, cut) == cut).all()
    low = intensity.cut_below(given, random)
    assert 0.03 < (low == low.min()).mean() < 0.55
    assert len(np.unique(intensity.coarsen(given, random))) <= 42
    noise = intensity.stripe(given, random) - given
    assert np.ptp(noise, 2).max() < 1e-6 or np.ptp(noise, (0, 1)).max() < 1e-6
    lost = intensity.lose(given, random)
    changed = np.flatnonzero((lost != given).any((1, 2)))
    assert 1 <= len(changed) <= 3
    assert all((lost[t] == 0).all() or (lost[t] == lost[t - 1]).all() for t in changed)


@pytest.mark.parametrize("seed", range(3))
def test_halos_and_noise_keep_the_light(seed: int) -> None:
    random, given = np.random.default_rng(seed), np.repeat(frames(seed), 4, 0)
    halo = intensity.glow(given, random)
    np.testing.assert_allclose(halo.mean(), given.mean(), rtol=0.02)
    assert halo.std() < given.std()
    assert intensity.sharpen(given, random).std() > given.std()
    even = np.full_like(given, 0.5)
    lumps = np.log(intensity.mottle(even, random) / 0.5)
    assert 0.09 < lumps.std() < 0.52
    noisy = intensity.multiply(even, np.random.default_rng(seed))
    photons = np.exp(np.random.default_rng(seed).uniform(np.log(8), np.log(150)))
    # Poisson noise alone has the variance mean / photons; a random gain doubles it.
    np.testing.assert_allclose(noisy.mean(), 0.5, rtol=0.02)
    np.testing.assert_allclose(noisy.var(), 2 * 0.5 / photons, rtol=0.05)
