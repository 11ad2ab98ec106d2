"""Detection in real tissue, with the authors' networks and EpiNet, from the command line to ImageJ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

import epifiji
from command_line import run_here
from epifiji.data.movie import Movie
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.networks.store import shipped_network
from epifiji.files.results.events_table import read_events
from jvm import run_checks


def detect(movie: Path, network: Path, out: Path, *options: str) -> dict:
    code, out_text, error = run_here(
        "detect", str(movie), "--network", str(network), "--out", str(out), "--json", *options
    )
    assert code == 0, error
    (result,) = json.loads(out_text)["results"]
    return result


@pytest.fixture(scope="module")
def wing_disc(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("wing") / "out"
    movie, network = shared_data / "movies" / "wingdisc_8f.tif", shared_data / "dexnets" / "notum_all.zip"
    return detect(movie, network, out, "--maps", "raw"), out / "wingdisc_8f_epifiji"


def test_the_visible_division_of_the_wing_disc_is_found(wing_disc: tuple[dict, Path]) -> None:
    result, out = wing_disc
    divisions = [e for e in read_events(out / "events.csv") if e.event == "cell_division"]
    assert any(np.hypot(e.y - 29, e.x - 156) < 10 and 5 <= e.frame + 1 <= 7 for e in divisions)
    assert result["notices"] == [
        "wingdisc_8f has 8 frames, fewer than 10, so the network sees the first and last one many times: "
        "interpret the events with caution."
    ]


def events_in_imagej(imagej: Any, folder: Path) -> list[list]:
    """Open the movie and its ROI zips, and read back name, x, y and frame of each ROI in ImageJ."""
    movie, out = (Path(line) for line in (folder / "paths.txt").read_text().splitlines())
    image = imagej.to_imageplus(read_movie(movie))
    imagej.show_rois(image, sorted(out.glob("*_cell_*.zip")))
    overlay = image.getOverlay()
    shown = [overlay.get(i) for i in range(overlay.size())]
    imagej.save_picture(image, 5, folder / "frame_6.png")
    return [[str(r.getName()), float(r.getXBase()), float(r.getYBase()), int(r.getTPosition())] for r in shown]


def test_its_rois_open_in_imagej(wing_disc: tuple[dict, Path], shared_data: Path, tmp_path: Path) -> None:
    _, out = wing_disc
    (tmp_path / "paths.txt").write_text(f"{shared_data / 'movies' / 'wingdisc_8f.tif'}\n{out}")
    shown = run_checks([events_in_imagej], tmp_path)[events_in_imagej]
    found = read_events(out / "events.csv")
    assert len(shown) == len(found) > 0
    for name, x, y, t in shown:
        near = [e for e in found if abs(e.x - x) <= 1 and abs(e.y - y) <= 1 and e.frame + 1 == t]
        assert len(near) == 1
        assert name == f"{t:04d}-{round(y):04d}-{round(x):04d}"
    assert (tmp_path / "frame_6.png").read_bytes().startswith(b"\x89PNG")


def test_every_voxel_of_a_real_map_belongs_to_a_window(wing_disc: tuple[dict, Path]) -> None:
    _, out = wing_disc
    divisions = tifffile.imread(out / "wingdisc_8f_cell_division_rawproba.tif")
    assert divisions.shape == (8, 199, 206)
    # The authors' windows leave 16 pixels of each edge at 0; here the division near the upper edge reaches into them.
    assert divisions[:, :16].max() > 125


def test_a_longer_movie_runs_to_the_end(shared_data: Path, tmp_path: Path) -> None:
    outlines = tifffile.imread(shared_data / "tissues" / "eyedisc_outlines_120f.tif")[:40, 250:350, 350:470]
    random = np.random.default_rng(0)
    membranes = gaussian_filter((outlines > 0).astype(np.float32), (0, 1.2, 1.2))
    membranes = membranes / membranes.max() * 150 + 20
    noisy = np.clip(random.poisson(membranes) + random.normal(0, 4, membranes.shape), 0, 255).astype(np.uint8)
    write_movie(Movie(noisy, "eye_disc", frame_interval_s=300.0), tmp_path / "eye_disc.tif")
    result = detect(tmp_path / "eye_disc.tif", shared_data / "dexnets" / "notum_ExtSOP.zip", tmp_path / "out")
    assert set(result["counts"]) == {"cell_death", "cell_sop"}
    events = read_events(tmp_path / "out" / "eye_disc_epifiji" / "events.csv")
    assert len(events) == sum(result["counts"].values())
    assert all(0 <= e.frame < 40 and 0 <= e.y < 100 and 0 <= e.x < 120 for e in events)


def test_epinet_finds_the_divisions_that_can_be_seen_in_a_wing_disc(shared_data: Path) -> None:
    movie = read_movie(shared_data / "movies" / "wingdisc_8f.tif")
    found = epifiji.detect(movie, shipped_network()).events
    # Seen by eye: rounded up and dark, then two daughters.
    for frame, y, x in ((6, 27, 156), (4, 189, 191)):
        near = [e for e in found if np.hypot(e.y - y, e.x - x) < 10 and abs(e.frame - frame) <= 2]
        assert [e.event for e in near] == ["cell_division"]
    assert len(found) <= 3
