"""Fixtures that several tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings and data of whoever runs the tests are neither read nor written; only fetched libraries are kept."""
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    for name in ("CONFIG", "DATA"):
        patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
    yield
    patch.undo()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of networks, oracle files and real tissues; the test is skipped where it is absent."""
    folder = Path(os.environ.get("EPIFIJI_TEST_DATA", DEFAULT_DATA))
    if not (folder / "oracle").is_dir():
        pytest.skip(f"no test data in {folder}: set EPIFIJI_TEST_DATA to the folder that holds oracle/ and dexnets/")
    return folder


@pytest.fixture(scope="session")
def network_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network with random weights, as a folder."""
    from epifiji.files.networks.store import write_network
    from small_networks import small_network

    return write_network(small_network(2, seed=11), tmp_path_factory.mktemp("networks") / "small")


@pytest.fixture(scope="session")
def movie_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short calibrated movie of smooth noise."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from epifiji.data.movie import Movie
    from epifiji.files.movies.movie_file import write_movie

    field = gaussian_filter(np.random.default_rng(7).normal(size=(12, 70, 80)), (1, 3, 3))
    pixels = (255 * (field - field.min()) / (field.max() - field.min())).astype(np.uint8)
    path = tmp_path_factory.mktemp("movies") / "noise.tif"
    write_movie(Movie(pixels, "noise", 0.2, 300.0), path)
    return path


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let no test be skipped in CI, where everything that tests need is present."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, which CI does not allow.", red=True)
