"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from functools import cache
from math import inf
from pathlib import Path

import pytest

DEFAULT_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

SLOW = (
    "bridge/cli/test_demo.py",
    "bridge/cli/test_fiji_command.py",
    "bridge/cli/test_refused_input.py",
    "bridge/desktop/",
    "bridge/fiji/test_batch_macro.py",
    "bridge/fiji/test_desktop_worker.py",
    "bridge/fiji/test_requests",
    "bridge/fiji/test_set_up.py",
    "bridge/fiji/test_tour.py",
    "bridge/fiji/test_worker",
    "bridge/imagej/",
    "bridge/test_",
    "engine/cells/",
    "engine/networks/",
    "engine/simulation/",
    "engine/tiling/test_blocks.py",
    "engine/tiling/test_frame_sizes.py",
    "engine/tiling/test_levels_of_movies.py",
    "engine/tiling/test_maps.py",
    "engine/training/test_targets_and_losses.py",
    "engine/training/test_trainer.py",
    "engine/volumes/",
    "files/movies/test_sequences.py::TestCommandLine",
    "files/movies/test_sequences.py::TestReading::test_from_python",
    "files/movies/test_shown_movies.py",
    "files/networks/test_default_network.py",
    "files/networks/test_epyseg_files.py",
    "files/networks/test_dexnets.py::test_a_broken_checkpoint_is_refused",
    "files/networks/test_dexnets.py::test_the_authors_networks_are_imported",
    "files/networks/test_networks.py::test_a_fetched_network_is_checked_and_imported",
    "files/results/test_movie_identity.py",
    "files/results/test_one_folder_per_movie.py",
    "files/results/test_strangers.py",
    "files/results/test_writing_refused.py",
    "files/rois/test_layouts.py",
    "files/storage/test_all_or_nothing.py",
    "files/storage/test_archives.py::test_whatever_entries_come_nothing_gets_outside",
    "files/storage/test_left_over.py",
    "files/storage/test_slow_downloads.py",
    "jobs/cells/test_real_fields.py",
    "jobs/cells/test_cells_of_volumes.py",
    "jobs/cells/test_segment_with_epyseg.py",
    "jobs/cells/test_correct_cells.py::test_a_killed_process",
    "jobs/events/test_default_arithmetic.py",
    "jobs/test_train_epinet_recipe.py",
    "jobs/events/test_detect",
    "jobs/events/test_parity.py",
    "jobs/events/test_tissue.py",
    "jobs/events/test_real_movies.py",
    "jobs/events/test_review.py::test_a_review_of_20000",
    "jobs/events/test_review.py::test_a_review_that_was_cut_anywhere_is_refused",
    "jobs/events/test_review.py::test_step_by_step_a_review_has_the_counts",
    "jobs/events/test_statistics.py",
    "jobs/events/test_trial.py",
    "jobs/scoring/test_evaluate",
    "bridge/fiji/test_segment_requests.py",
    "jobs/cells/test_segmentation.py",
    "jobs/cells/test_segment_cysts.py",
    "jobs/studies/",
    "jobs/test_datasets.py::test_networks_are_evaluated",
    "jobs/test_executors.py",
    "jobs/test_export.py",
    "jobs/test_simulate_c",
    "jobs/training/test_train",
    "test_every_fault.py",
    "test_examples.py",
    "test_installing.py",
    "test_printed.py",
    "test_readme.py",
    "test_tutorial.py",
)
"""Beginnings of tests that the quick ring leaves out: those with TensorFlow, Java, a desktop, or long computations."""

if "PYTEST_XDIST_WORKER" in os.environ:
    # The processes of tests occupy all cores already; more threads of TensorFlow would only wait for each other.
    for _kind in ("INTRA", "INTER"):
        os.environ.setdefault(f"TF_NUM_{_kind}OP_THREADS", "1")

# What tests are collected from stays until the end: searching it for garbage takes a third of the collection's time.
gc.disable()

MOST_CORES = 8
"""Each process may take 4 GB: TensorFlow, and an ImageJ in a process of its own."""


@pytest.fixture(scope="session", autouse=True)
def home_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Neither read nor write the settings and data of whoever runs the tests; only downloaded libraries are shared.

    Unfinished runs are kept apart too: what one process of tests leaves would be continued by the same run in another.
    """
    from epifiji.data.own_folders import cache_folder

    libraries = cache_folder() / "java"
    folder = tmp_path_factory.mktemp("home")
    patch = pytest.MonkeyPatch()
    for name in ("CONFIG", "DATA", "CACHE"):
        patch.setenv(f"XDG_{name}_HOME", str(folder / name.lower()))
    if (own := cache_folder() / "java") != libraries:
        libraries.mkdir(parents=True, exist_ok=True)
        own.parent.mkdir(parents=True)
        own.symlink_to(libraries, target_is_directory=True)
    yield
    patch.undo()


@cache
def _name(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).as_posix()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run tests in one process for each core where folders are given, and in this process where files are named.

    There is one more for tests at a desktop, which wait for windows most of the time; the quick ring has none of them.
    """
    if any(".py" in argument for argument in config.args):
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_CORES) + (config.getoption("markexpr") != "quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Save the time to read files without quick tests."""
    quick = config.getoption("markexpr") == "quick"
    return True if quick and collection_path.is_file() and _name(collection_path).startswith(SLOW) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the quick ring, ``pytest -m quick``: every test that `SLOW` does not list; the others run first.

    Short tests come last, so that no process waits for another that has just started a long file. Of the long files every
    third is one at a desktop while there are some, so that two processes compute while one waits for windows.
    """
    computing, waiting = {}, {}
    for item in items:
        if f"{_name(item.path)}::{item.nodeid.partition('::')[2]}".startswith(SLOW):
            kind = waiting if hasattr(getattr(item, "module", None), "desktop") else computing
            kind.setdefault(item.path, len(kind))
        else:
            item.add_marker("quick")
    places = {path: 3 * place for path, place in waiting.items()} | {
        path: place + place // 2 + 1.5 for path, place in computing.items()
    }
    items.sort(key=lambda item: places.get(item.path, inf))


def pytest_collection_finish() -> None:
    """Search from now on only what is made later for garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def quick_tests_load_nothing_heavy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a quick test that is the first to load TensorFlow or a JVM."""
    before = {"tensorflow", "jpype"} & sys.modules.keys()
    yield
    loaded = ({"tensorflow", "jpype"} & sys.modules.keys()) - before
    if loaded and request.node.get_closest_marker("quick"):
        pytest.fail(f"a quick test loads {' and '.join(sorted(loaded))}: name it in SLOW in tests/conftest.py")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of networks, oracle files and real tissues; the test is skipped if it is absent."""
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
def epinet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An EpiNet with random weights, as a folder; processes that detect with it start without TensorFlow."""
    from epifiji.files.networks.store import write_network
    from small_networks import small_epinet

    return write_network(small_epinet(seed=11, name="small"), tmp_path_factory.mktemp("epinets") / "small")


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
    """Fail in CI if a test was skipped, since everything that tests need is present there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, which CI does not allow.", red=True)
