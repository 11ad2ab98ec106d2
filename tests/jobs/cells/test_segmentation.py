"""Segmentation of images and movies: its result folder, workers, planes, and inputs that are refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import roifile
import tifffile
from PIL import Image

import epifiji
from command_line import run
from epifiji.data.errors import CancelledError, WrongInputError
from epifiji.data.movie import Movie
from epifiji.engine.simulation.movie import DEMO
from epifiji.files.labels import label_colours, read_cells
from epifiji.jobs.cells.compare import compare_cells
from voronoi_cells import membranes, voronoi_labels

ROOT = Path(__file__).resolve().parents[3]
SIDE, DIAMETER = 160, 22.0
FIXED: dict[str, Any] = {"cell_diameter": DIAMETER, "borders": "bright"}
TRUTH = np.stack([voronoi_labels(60, SIDE, seed) for seed in (1, 2, 3)])
PIXELS = np.stack([membranes(labels) for labels in TRUTH])


@pytest.fixture(scope="module")
def movie_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("movies") / "wing.tif"
    metadata = {"axes": "TYX", "unit": "um", "finterval": 300.0}
    tifffile.imwrite(path, PIXELS, imagej=True, metadata=metadata, resolution=(2, 2))
    return path


@pytest.fixture(scope="module")
def found(movie_file: Path) -> epifiji.Segmentation:
    return epifiji.segment(movie_file, **FIXED)


@pytest.fixture(scope="module")
def folder(found: epifiji.Segmentation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return found.save(out=tmp_path_factory.mktemp("results"), rois=True)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestTheResultFolder:
    def test_has_these_files(self, folder: Path) -> None:
        assert folder.name == "wing_cells"
        outlines = ["wing/handCorrection.tif", *(f"wing/wing000{n}/handCorrection.tif" for n in range(3))]
        assert names(folder) == ["cells.csv", "overlay.png", "run.json", *outlines, "wing_labels.tif", "wing_rois.zip"]

    def test_has_labels_that_every_reader_reads(self, folder: Path, found: epifiji.Segmentation) -> None:
        file = folder / "wing_labels.tif"
        assert np.array_equal(read_cells(file), np.asarray(found.labels))
        with tifffile.TiffFile(file) as tif:
            assert tif.pages.first.dtype == np.uint16
            assert tif.imagej_metadata["unit"] == "um"
            assert tif.imagej_metadata["finterval"] == 300
            assert np.array_equal(np.reshape(tif.pages.first.tags["ColorMap"].value, (3, 256)) // 257, label_colours())
        again = epifiji.read_movie(file, least_frames=1)
        assert (again.pixel_size_um, again.frame_interval_s) == (0.5, 300)

    def test_is_compared_with_annotated_cells_by_its_path(self, folder: Path, tmp_path: Path) -> None:
        tifffile.imwrite(tmp_path / "wing_masks.tif", TRUTH.astype(np.uint16))
        scores = compare_cells(folder, tmp_path / "wing_masks.tif")
        assert scores.f1.value > 0.8
        assert compare_cells(folder.parent, tmp_path).f1.value == scores.f1.value
        assert [one.name for one in scores.fields] == ["wing frame 1", "wing frame 2", "wing frame 3"]
        assert compare_cells(folder, folder / "wing_labels.tif").f1.value == 1

    def test_has_outlines_of_the_same_cells_as_tissue_analyzer_stores_them(self, folder: Path) -> None:
        file = folder / "wing" / "handCorrection.tif"
        outlines = tifffile.imread(file)
        assert outlines.dtype == np.uint8
        assert np.unique(outlines).tolist() == [0, 255]
        scores = compare_cells(file, folder / "wing_labels.tif", border="ignore", iou=0.7)
        assert scores.f1.value > 0.95

    def test_has_the_outlines_of_each_frame_in_a_folder_named_after_it(self, folder: Path, tmp_path: Path) -> None:
        stack = tifffile.imread(folder / "wing" / "handCorrection.tif")
        for n in range(3):
            assert np.array_equal(tifffile.imread(folder / "wing" / f"wing000{n}" / "handCorrection.tif"), stack[n])
        (tmp_path / "frames").mkdir()
        for n, name in enumerate(("t_9.tif", "t_10.tif")):
            tifffile.imwrite(tmp_path / "frames" / name, PIXELS[n])
        found = epifiji.segment(tmp_path / "frames", **FIXED)
        place = found.save(out=tmp_path)
        for lines, name in zip(found.outlines(), ("t_9", "t_10"), strict=True):
            assert np.array_equal(tifffile.imread(place / "frames" / name / "handCorrection.tif") > 0, lines)
        mine = tmp_path / "other" / "frames" / "t_10" / "handCorrection.tif"
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(WrongInputError, match=r"t_10/handCorrection\.tif exists and would be overwritten"):
            found.save(tmp_path / "other")
        assert mine.read_text() == "mine"

    def test_has_areas_of_pixels_that_are_not_square(self, tmp_path: Path) -> None:
        resolution, metadata = (2, 4), {"unit": "um"}
        tifffile.imwrite(tmp_path / "flat.tif", PIXELS[0], imagej=True, resolution=resolution, metadata=metadata)
        found = epifiji.segment(tmp_path / "flat.tif", **FIXED)
        (notice,) = found.notices
        expected = (
            "0.5 x 0.25 µm (x, y), which are not square: perimeters, elongations and orientations are those in pixels"
        )
        assert expected in notice
        place = found.save(out=tmp_path)
        with (place / "cells.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0])[-3:] == ["y_um", "x_um", "area_um2"]
        for row in rows:
            assert float(row["area_um2"]) == pytest.approx(int(row["area"]) / 8, abs=1e-3)
            assert float(row["y_um"]) == pytest.approx(float(row["y"]) / 4, abs=6e-3)

    def test_has_a_table_of_all_cells(self, folder: Path, found: epifiji.Segmentation) -> None:
        with (folder / "cells.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == [
            *("frame", "label", "y", "x", "area", "perimeter", "elongation", "orientation", "neighbours", "border"),
            *("y_um", "x_um", "area_um2", "perimeter_um", "time_min"),
        ]
        assert len(rows) == sum(found.counts)
        for t, labels in enumerate(np.asarray(found.labels)):
            here = [row for row in rows if row["frame"] == str(t + 1)]
            areas = np.bincount(labels.ravel())
            assert {int(row["label"]): int(row["area"]) for row in here} == {
                label: area for label, area in enumerate(areas.tolist()) if label and area
            }
            assert {row["time_min"] for row in here} == {str(5 * t)}
        assert all(float(row["area_um2"]) == pytest.approx(int(row["area"]) / 4, abs=1e-3) for row in rows)
        assert all(float(row["x_um"]) == pytest.approx(float(row["x"]) / 2, abs=6e-3) for row in rows)

    def test_has_a_polygon_of_each_cell_in_its_frame(self, folder: Path, found: epifiji.Segmentation) -> None:
        rois = roifile.roiread(folder / "wing_rois.zip")
        assert len(rois) == sum(found.counts)
        labels = np.asarray(found.labels)
        for roi in rois[::7]:
            frame, label = map(int, roi.name.split("-"))
            assert (roi.t_position, roi.position) == (frame, frame)
            box = np.argwhere(labels[frame - 1] == label)
            assert (roi.top, roi.left) == tuple(box.min(axis=0))
            assert (roi.bottom, roi.right) == tuple(box.max(axis=0) + 1)

    def test_has_a_record_to_repeat_the_run(self, folder: Path, movie_file: Path, found: epifiji.Segmentation) -> None:
        record = json.loads((folder / "run.json").read_text())
        assert record["task"] == "cells"
        assert record["counts"] == {"cells": sum(found.counts)}
        assert record["network"]["sha256"]
        settings = record["settings"]
        assert settings["seed_height"] is not None
        again = epifiji.segment(record["movie"]["file"], **settings)
        assert np.array_equal(np.asarray(again.labels), np.asarray(found.labels))

    def test_has_a_picture_of_three_frames(self, folder: Path) -> None:
        with Image.open(folder / "overlay.png") as picture:
            width, height = picture.size
            shown = np.asarray(picture)
        assert width > 2.5 * height
        assert (shown == (255, 110, 0)).all(axis=-1).sum() > 3000

    def test_is_not_overwritten_unasked(self, found: epifiji.Segmentation, tmp_path: Path) -> None:
        place = found.save(tmp_path / "wing_cells", rois=True)
        (place / "wing" / "mine.txt").write_text("keep")
        before = {name: (place / name).read_bytes() for name in names(place)}
        with pytest.raises(WrongInputError, match="exists and would be overwritten"):
            found.save(place)
        assert {name: (place / name).read_bytes() for name in names(place)} == before
        found.save(place, overwrite=True)
        assert names(place) == sorted(name for name in before if name != "wing_rois.zip")
        assert (place / "wing" / "mine.txt").read_text() == "keep"

    def test_does_not_take_the_place_of_events(self, found: epifiji.Segmentation, tmp_path: Path) -> None:
        (tmp_path / "run.json").write_text('{"movie": {"name": "wing"}}')
        with pytest.raises(WrongInputError, match="contains the events of a movie"):
            found.save(tmp_path, overwrite=True)
        assert names(tmp_path) == ["run.json"]

    def test_is_not_taken_for_events(self, folder: Path) -> None:
        for read in (
            epifiji.event_statistics,
            lambda place: epifiji.draw_events(place, 5),
            lambda place: epifiji.compare(place, place),
        ):
            with pytest.raises(WrongInputError, match="contains the cells of a segmentation, but events are needed"):
                read(folder)

    def test_is_not_there_after_cancelling(self, found: epifiji.Segmentation, tmp_path: Path) -> None:
        def cancel(done: float, doing: str) -> None:
            if done > 0.5:
                raise CancelledError

        with pytest.raises(CancelledError):
            found.save(tmp_path / "cells", report=cancel)
        assert not list(tmp_path.iterdir())


def test_cancelling_ends_between_frames() -> None:
    seen = []

    def cancel(done: float, doing: str) -> None:
        seen.append(doing)
        if done > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        epifiji.segment(PIXELS, report=cancel, **FIXED)
    assert set(seen) == {"loading epicells", "segmenting cells"}


def test_cells_do_not_depend_on_the_memory(found: epifiji.Segmentation, monkeypatch: pytest.MonkeyPatch) -> None:
    from epifiji.engine.networks.unet2d import predictor

    wide = np.tile(PIXELS[0], (4, 1))
    seen = []
    predict = predictor.UNet2D.__call__

    def watched(network: Any, frame: np.ndarray, at_once: int) -> np.ndarray:
        seen.append(at_once)
        return predict(network, frame, at_once)

    monkeypatch.setattr(predictor.UNet2D, "__call__", watched)
    monkeypatch.setattr(predictor, "BYTES_A_PIXEL", 9000)
    much, little = (epifiji.segment(wide, memory=memory, **FIXED) for memory in (100_000, 1200))
    assert np.array_equal(np.asarray(much.labels), np.asarray(little.labels))
    assert min(seen) < wide.size < max(seen)


def test_a_full_disk_leaves_nothing_behind(
    movie_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, *_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("epifiji.jobs.cells.segmentation.write_overlay", full)
    options = ["--cell-diameter", "22", "--borders", "bright", "--out", str(tmp_path)]
    code, _, error = run(["segment", str(movie_file), *options], monkeypatch, capsys)
    assert code == 2
    assert "wing_cells/overlay.png could not be read or written (No space left on device): the disk is full" in error
    assert not list(tmp_path.iterdir())


def test_workers_find_the_same_cells(found: epifiji.Segmentation) -> None:
    shared = epifiji.segment(PIXELS, workers=2, **FIXED)
    assert np.array_equal(np.asarray(shared.labels), np.asarray(found.labels))


def test_labels_above_16_bits_stay_exact(tmp_path: Path) -> None:
    labels = np.arange(300 * 300, dtype=np.int32).reshape(1, 300, 300)
    from epifiji.files.labels import write_labels

    write_labels(tmp_path / "many_labels.tif", labels)
    assert tifffile.imread(tmp_path / "many_labels.tif").dtype == np.float32
    assert np.array_equal(read_cells(tmp_path / "many_labels.tif"), labels)


def test_the_colours_of_labels_are_distinct() -> None:
    colours = label_colours().T.astype(int)
    assert colours[0].tolist() == [0, 0, 0]
    assert len(np.unique(colours, axis=0)) == 256
    assert np.abs(np.diff(colours[1:], axis=0)).sum(axis=1).min() > 100


class TestAStackOfPlanes:
    STACK = np.stack([PIXELS[0] // 3, PIXELS[0], PIXELS[0] // 2])

    def forms(self, folder: Path) -> dict[str, Path]:
        tifffile.imwrite(folder / "z.tif", self.STACK, imagej=True, metadata={"axes": "ZYX"})
        tifffile.imwrite(folder / "z.ome.tif", self.STACK, metadata={"axes": "ZYX"})
        with h5py.File(folder / "z.h5", "w") as file:
            file["pixels"] = self.STACK
            for n, axis in enumerate("zyx"):
                file["pixels"].dims[n].label = axis
        return {path.name: path for path in folder.iterdir()}

    def test_is_refused_with_what_to_do(self, tmp_path: Path) -> None:
        for path in self.forms(tmp_path).values():
            with pytest.raises(
                WrongInputError, match=r"has 3 planes \(Z\), but one plane is needed: specify --project max"
            ):
                epifiji.segment(path, **FIXED)

    def test_is_projected_if_asked(self, tmp_path: Path) -> None:
        for path in self.forms(tmp_path).values():
            projected = epifiji.segment(path, project="max", **FIXED)
            assert projected.movie.shape == (1, SIDE, SIDE)
            assert np.array_equal(projected.movie.frames(0, 1)[0], PIXELS[0])

    @pytest.mark.parametrize("axes", ["TZYX", "TZCYX"])
    def test_is_projected_at_each_time_point(self, tmp_path: Path, axes: str) -> None:
        stack = np.random.default_rng(0).integers(0, 255, (4, 3, 2, 20, 30), np.uint8)
        pixels = stack if "C" in axes else stack[:, :, 1]
        tifffile.imwrite(tmp_path / "m.tif", pixels, imagej=True, metadata={"axes": axes})
        movie = epifiji.read_movie(tmp_path / "m.tif", 2 if "C" in axes else None, least_frames=1, over_z="max")
        assert np.array_equal(np.asarray(movie), stack[:, :, 1].max(axis=1))
        with pytest.raises(WrongInputError, match=r"has 3 planes \(Z\)"):
            epifiji.segment(tmp_path / "m.tif", channel=2 if "C" in axes else None)


def test_pngs_and_jpegs_are_read_as_still_images(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "grey.png")
    Image.fromarray(PIXELS[0].astype(np.uint16) * 200).save(tmp_path / "deep.png")
    Image.fromarray(PIXELS[0]).convert("RGB").save(tmp_path / "equal.png")
    Image.fromarray(PIXELS[0]).convert("RGBA").save(tmp_path / "opaque.png")
    Image.fromarray(PIXELS[0]).save(tmp_path / "lossy.jpg", quality=95)
    for name in ("grey.png", "equal.png", "opaque.png"):
        assert np.array_equal(epifiji.read_movie(tmp_path / name, least_frames=1).frames(0, 1)[0], PIXELS[0])
    deep = epifiji.read_movie(tmp_path / "deep.png", least_frames=1)
    assert np.array_equal(deep.frames(0, 1)[0], PIXELS[0].astype(np.uint16) * 200)
    lossy = epifiji.read_movie(tmp_path / "lossy.jpg", least_frames=1).frames(0, 1)[0]
    assert np.abs(lossy.astype(int) - PIXELS[0]).mean() < 3
    with pytest.raises(WrongInputError, match="is a PNG picture"):
        epifiji.read_movie(tmp_path / "grey.png")


def colours(folder: Path) -> Any:
    Image.fromarray(np.stack([PIXELS[0], PIXELS[1], PIXELS[2]], -1)).save(folder / "rgb.png")
    return folder / "rgb.png"


def rgb_tiff(folder: Path) -> Any:
    tifffile.imwrite(folder / "rgb.tif", np.stack([PIXELS[0]] * 3, -1), photometric="rgb")
    return folder / "rgb.tif"


def hyperstack(folder: Path) -> Any:
    tifffile.imwrite(folder / "5d.tif", np.zeros((2, 3, 2, 9, 9), np.uint8), imagej=True, metadata={"axes": "TZCYX"})
    return folder / "5d.tif"


def text(folder: Path) -> Any:
    (folder / "notes.tif").write_text("no image")
    return folder / "notes.tif"


REFUSED: dict[str, tuple[Callable[[Path], Any], dict[str, Any], str]] = {
    "nan": (lambda _: np.where(PIXELS[0] > 100, np.nan, 1.0), FIXED, "pixels that are not numbers"),
    "complex": (lambda _: PIXELS[0].astype(complex), FIXED, "pixels of type complex128"),
    "texts": (lambda _: np.array([["a"]]), FIXED, "pixels of type|no array of numbers"),
    "four axes": (lambda _: np.zeros((2, 2, 9, 9)), FIXED, "four|axes"),
    "no pixels": (lambda _: np.zeros((0, 9)), FIXED, "no pixels"),
    "flat": (lambda _: np.full((90, 90), 7.0), {}, "diameter"),
    "one pixel": (lambda _: np.ones((1, 1), np.uint8), {}, "diameter"),
    "colours": (colours, FIXED, r"colour \(RGB\) image"),
    "rgb": (rgb_tiff, FIXED, r"colour \(RGB\) image"),
    "hyperstack": (hyperstack, FIXED, r"has 3 planes \(Z\)"),
    "hyperstack, projected": (hyperstack, FIXED | {"project": "max"}, "2 channels, but one is needed"),
    "text": (text, FIXED, "TIFF or HDF5 file was expected"),
    "missing": (lambda folder: folder / "none.tif", FIXED, "does not exist"),
    "a network for events": (lambda _: PIXELS[0], FIXED | {"network": "epinet"}, "one that segments cells is needed"),
    "colours in an array": (lambda _: np.stack([PIXELS[0]] * 3, -1), FIXED, r"last axis looks like colours"),
    "cells of a hundredth of a pixel": (lambda _: PIXELS[0], FIXED | {"cell_diameter": 0.01}, "--memory is 4000"),
    "too large a frame": (lambda _: np.zeros((3000, 3000), bool), FIXED | {"memory": 1500}, "specify --memory 2000 if"),
    "a wrong setting": (lambda _: PIXELS[0], {"borders": "grey"}, "borders is 'grey'"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_segmented_is_refused_in_a_sentence(tmp_path: Path, what: str) -> None:
    given, settings, words = REFUSED[what]
    image = given(tmp_path)
    with pytest.raises(WrongInputError, match=words) as refused:
        epifiji.segment(image, **settings)
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith(".")


TAKEN: dict[str, np.ndarray] = {
    "flat": np.full((40, 50), 7, np.uint8),
    "one pixel": np.ones((1, 1), np.float32),
    "smaller than a cell": PIXELS[0][:9, :7],
    "boolean": PIXELS[0] > 90,
    "one row": PIXELS[0][:1],
    "big-endian": PIXELS[0].astype(">u2"),
    "a double": PIXELS[0].astype(np.float64) * 1e300,
}


@pytest.mark.parametrize("what", TAKEN)
def test_odd_images_give_a_whole_result(tmp_path: Path, what: str) -> None:
    found = epifiji.segment(TAKEN[what], **FIXED)
    assert found.labels.shape == (1, *TAKEN[what].shape)
    if what == "flat":
        assert found.counts == [0]
        assert found.notices == (
            "No cells were found in image: check the channel, --borders and --cell-diameter, and whether there is tissue.",
        )
    folder = found.save(out=tmp_path, rois=True)
    assert folder.name == "image_cells"
    assert tifffile.imread(folder / "image_labels.tif").size == TAKEN[what].size


class TestTheCommand:
    def test_writes_a_folder_for_each_image(self, tmp_path: Path, monkeypatch, capsys) -> None:
        for n in range(2):
            Image.fromarray(PIXELS[n]).save(tmp_path / f"image{n}.png")
        (tmp_path / "bad.tif").write_bytes(b"none")
        images = [str(tmp_path / name) for name in ("image0.png", "bad.tif", "image1.png")]
        arguments = ["segment", *images, "--cell-diameter", "22", "--borders", "bright", "--json", "--rois"]
        code, out, error = run(arguments, monkeypatch, capsys)
        assert code == 2
        said = json.loads(out)
        assert [one["image"] for one in said["results"]] == ["image0", "image1"]
        assert len(said["failed"]) == 1
        assert "1 of 3 images could not be used" in error
        for n in range(2):
            assert (tmp_path / f"image{n}_cells" / f"image{n}_rois.zip").is_file()

    def test_refuses_a_file_as_folder_before_it_computes(self, tmp_path: Path, monkeypatch, capsys) -> None:
        Image.fromarray(PIXELS[0]).save(tmp_path / "image.png")
        (tmp_path / "out").write_text("a file")
        code, _, error = run(
            ["segment", str(tmp_path / "image.png"), "--out", str(tmp_path / "out")], monkeypatch, capsys
        )
        assert code == 2
        assert "is a file, but results go into a folder" in error
        assert sorted(path.name for path in tmp_path.iterdir()) == ["image.png", "out"]


def test_a_movie_in_memory_keeps_its_name_and_scale(tmp_path: Path) -> None:
    movie = Movie(PIXELS[:1], "mine", pixel_size_um=0.25)
    folder = epifiji.segment(movie, **FIXED).save(out=tmp_path)
    assert folder.name == "mine_cells"
    assert epifiji.read_movie(folder / "mine_labels.tif", least_frames=1).pixel_size_um == 0.25


def test_the_page_shows_a_picture_of_a_simulated_movie(tmp_path: Path) -> None:
    movie, _ = epifiji.simulate(**DEMO)
    folder = epifiji.segment(movie, cell_diameter="auto").save(out=tmp_path)
    picture = ROOT / "docs" / "images" / "segmentation.png"
    if os.environ.get("EPIFIJI_PICTURES"):
        shutil.copy(folder / "overlay.png", picture)
    assert f"images/{picture.name}" in (ROOT / "docs" / "howto" / "segment.md").read_text(encoding="utf-8")
    with Image.open(picture) as kept, Image.open(folder / "overlay.png") as made:
        assert kept.size == made.size
