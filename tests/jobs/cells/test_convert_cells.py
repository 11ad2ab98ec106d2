"""Cells as people make them: ROIs, Cellpose's files, COCO, labels of all kinds; converted without loss, or refused."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import pytest
import tifffile
from PIL import Image
from roifile import ROI_TYPE, ImagejRoi, roiwrite

import epifiji
from command_line import one_sentence, run_here
from epifiji.data.errors import WrongInputError
from epifiji.files.labelled_images import read_labelled_images
from epifiji.files.labels import read_cells
from epifiji.files.masks.rois import read_roi_cells
from epifiji.jobs.cells.convert import ENDINGS
from voronoi_cells import voronoi_labels

SIDE = 90


def odd_cells() -> np.ndarray:
    """Cells that touch; one with a hole, one in two pieces that meet at a corner, one of a pixel, one missing number."""
    labels = voronoi_labels(30, SIDE, 3).astype(np.int32)
    labels[:10] = 0
    holed, split = labels[60, 30], labels[60, 70]
    inside = np.argwhere(labels == holed).mean(axis=0).astype(int)
    labels[inside[0], inside[1] : inside[1] + 3] = 0
    labels[inside[0] + 1, inside[1]] = 41
    labels[1:3, 5:8] = labels[3, 8] = split
    labels[labels == labels[30, 50]] = 0
    return labels


CELLS = odd_cells()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image a.tif, and its cells in each format, converted one from the other."""
    place = tmp_path_factory.mktemp("converted")
    noise = np.random.default_rng(1).integers(1, 200, CELLS.shape).astype(np.uint8)
    tifffile.imwrite(place / "a.tif", noise, imagej=True, resolution=(4, 4), metadata={"unit": "um"})
    tifffile.imwrite(place / "a_masks.tif", CELLS.astype(np.uint16))
    for form in ENDINGS:
        last = epifiji.convert_cells(place / "a_masks.tif", to=form)
        assert last.counts == (len(np.unique(CELLS)) - 1,)
    return place


@pytest.mark.parametrize("form", ENDINGS)
def test_converted_cells_are_the_same_pixels(folder: Path, form: str) -> None:
    found = read_cells(folder / f"a{ENDINGS[form]}", (1, *CELLS.shape))
    # COCO knows no labels, only an order.
    expected = np.unique(CELLS, return_inverse=True)[1].reshape(CELLS.shape) if form == "coco" else CELLS
    assert np.array_equal(found, expected[None])


@pytest.mark.parametrize("form", ENDINGS)
def test_cells_of_any_form_are_compared_and_converted_to_labels(folder: Path, tmp_path: Path, form: str) -> None:
    file = folder / f"a{ENDINGS[form]}"
    assert epifiji.compare_cells(file, CELLS).ap.value == 1
    made = epifiji.convert_cells(file, folder / "a.tif", out=tmp_path)
    with tifffile.TiffFile(made.files[0]) as tif:
        assert tif.pages[0].tags["XResolution"].value == (4, 1)
        assert len(np.unique(tif.asarray())) == len(np.unique(CELLS))


@pytest.mark.parametrize("form", ["rois", "cellpose", "coco"])
def test_a_folder_of_images_may_have_its_cells_in_any_form(folder: Path, tmp_path: Path, form: str) -> None:
    for name in ("a.tif", f"a{ENDINGS[form]}"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (image,) = read_labelled_images(tmp_path)
    assert np.array_equal(np.asarray(image.cells) > 0, CELLS[None] > 0)
    # Labels count more than what other programs wrote in addition.
    (tmp_path / "a_labels.tif").write_bytes((folder / "a_labels.tif").read_bytes())
    assert read_labelled_images(tmp_path)[0].file.name == "a_labels.tif"


@pytest.mark.parametrize(
    ("bits", "ending"), [("uint8", "png"), ("uint16", "png"), ("uint8", "tif"), ("float32", "tif")]
)
def test_labels_of_all_depths_are_read(tmp_path: Path, bits: str, ending: str) -> None:
    pixels = CELLS.astype(bits)
    path = tmp_path / f"a_labels.{ending}"
    Image.fromarray(pixels).save(path) if ending == "png" else tifffile.imwrite(path, pixels)
    assert np.array_equal(read_cells(path)[0], CELLS)


def test_a_movie_is_converted_frame_by_frame(tmp_path: Path) -> None:
    movie = np.stack([CELLS, np.roll(CELLS, 3, 1), np.where(CELLS == 5, 0, CELLS)])
    tifffile.imwrite(tmp_path / "m_labels.tif", movie.astype(np.uint16), imagej=True, metadata={"axes": "TYX"})
    rois, seg = (epifiji.convert_cells(tmp_path / "m_labels.tif", to=form).files[0] for form in ("rois", "cellpose"))
    assert np.array_equal(read_cells(rois, movie.shape), movie)
    assert np.array_equal(read_cells(seg), movie)
    for form in ("png", "coco"):
        with pytest.raises(WrongInputError, match="3 frames, but [A-Z]+ files hold still images: choose tif, rois"):
            epifiji.convert_cells(tmp_path / "m_labels.tif", to=form)


class TestRois:
    def two(self, path: Path, **names: str) -> Path:
        """A polygon, a freehand selection with corners between pixels, and an oval; the first two overlap."""
        square = ImagejRoi.frompoints([[10, 10], [20, 10], [20, 20], [10, 20]])
        drawn = ImagejRoi.frompoints(np.array([[18.5, 12.5], [30.5, 12.5], [30.5, 24.5], [18.5, 24.5]]))
        drawn.roitype = ROI_TYPE.FREEHAND
        oval = ImagejRoi(roitype=ROI_TYPE.OVAL, left=40, top=40, right=60, bottom=60)
        for number, roi in enumerate((square, drawn, oval), 1):
            roi.name = names.get("name", "{:04d}-0100").format(number)
        path.unlink(missing_ok=True)
        roiwrite(path, [square, drawn, oval])
        return path

    def test_drawn_cells_are_filled_as_imagej_fills_them_and_cut_in_their_order(self, tmp_path: Path) -> None:
        said: list[str] = []
        found = read_roi_cells(self.two(tmp_path / "a.zip"), (1, SIDE, SIDE), "cut", said)[0]
        y, x = np.mgrid[:SIDE, :SIDE] + 0.5
        square = (x > 10) & (x < 20) & (y > 10) & (y < 20)
        drawn = (x > 18.5) & (x <= 30.5) & (y >= 12.5) & (y < 24.5)
        oval = (x - 50) ** 2 + (y - 50) ** 2 < 100
        assert np.array_equal(found, np.select([square, drawn, oval], [1, 2, 3]))
        assert said == [
            f"a.zip: {(square & drawn).sum()} pixels belonged to several cells, and were left to the cell that comes first."
        ]

    def test_overlapping_cells_are_refused_if_cutting_is_not_asked_for(self, tmp_path: Path) -> None:
        path = self.two(tmp_path / "drawn.zip")
        tifffile.imwrite(tmp_path / "image.tif", np.zeros((SIDE, SIDE), np.uint8))
        code, _, error = run_here("convert-cells", str(path), "--image", str(tmp_path / "image.tif"))
        assert code == 2
        assert "ROI 0002-0100 and drawn.zip, ROI 0001-0100 share 8 pixels" in one_sentence(error)
        code, out, error = run_here(
            "convert-cells", str(path), "--image", str(tmp_path / "image.tif"), "--overlaps", "cut", "--json"
        )
        assert (code, json.loads(out)["files"][0]["cells"], "8 pixels" in error) == (0, 3, True)
        assert (tmp_path / "image_labels.tif").is_file()

    def test_thousands_of_cells(self, tmp_path: Path) -> None:
        many = np.arange(1, 5001).reshape(50, 100).repeat(4, 0).repeat(4, 1).astype(np.int32)
        tifffile.imwrite(tmp_path / "many_labels.tif", many.astype(np.uint16))
        (file,) = epifiji.convert_cells(tmp_path / "many_labels.tif", to="rois").files
        assert np.array_equal(read_cells(file, (1, *many.shape))[0], many)

    def test_rois_need_their_image(self, tmp_path: Path) -> None:
        path = self.two(tmp_path / "RoiSet.zip")
        with pytest.raises(WrongInputError, match="do not say how large their image is: .* next to the image"):
            epifiji.convert_cells(path)
        with pytest.raises(WrongInputError, match="has no pixel in the image of 9 x 9 pixels"):
            read_roi_cells(path, (1, 9, 9))


class Evil:
    """An object whose unpickling would make a file."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("unpickled"),)


class TestCellpose:
    CONTENT: ClassVar[dict[str, Any]] = {
        "filename": PurePosixPath("/data/a.tif"),
        "img": np.zeros((2, SIDE, SIDE), np.float32),
        "colors": np.full((3, 3), 7, np.uint8),
        "outlines": CELLS.astype(np.uint16),
        "ismanual": np.array([True, False]),
        "flows": [np.zeros((1, 4, 4), np.uint8), [], np.float64(3)],
        "manual_changes": [],
        "est_diam": np.float32(17.5),
        "model_path": 0,
    }

    @pytest.mark.parametrize(
        "masks", [CELLS.astype(np.uint16), np.asfortranarray(CELLS.astype(np.int64)), CELLS.astype(">u4")]
    )
    def test_masks_are_read_without_unpickling(self, tmp_path: Path, masks: np.ndarray) -> None:
        np.save(tmp_path / "a_seg.npy", np.array(self.CONTENT | {"masks": masks}, object))
        assert np.array_equal(read_cells(tmp_path / "a_seg.npy")[0], CELLS)

    def test_what_is_written_is_what_cellpose_reads(self, folder: Path) -> None:
        content = np.load(folder / "a_seg.npy", allow_pickle=True).item()
        assert np.array_equal(content["masks"], CELLS)
        assert (content["masks"].dtype, content["filename"], len(content["ismanual"])) == (
            "uint16",
            "a.tif",
            CELLS.max(),
        )
        lines = content["outlines"] > 0
        assert np.array_equal(content["outlines"][lines], CELLS[lines])

    REFUSED: ClassVar[dict[str, tuple[Callable[[], bytes], str]]] = {
        "evil": (lambda: pickle.dumps(np.array({"masks": CELLS, "x": Evil()}, object), 4), "it names "),
        "no masks": (lambda: pickle.dumps(np.array({"img": CELLS}, object), 4), "'masks'"),
        "objects": (lambda: pickle.dumps(np.array({"masks": np.array([None])}, object), 4), "instead of numbers"),
        "far place": (lambda: b"\x80\x04Nr\xff\xff\xff\x7f.", "too many values"),
        "cut off": (lambda: pickle.dumps(np.array({"masks": CELLS}, object), 4)[:-500], "."),
        "reserved": (lambda: b"\x80\x05\x96\x00\x00\x00\x00\x00\x00\x00\x0f.", "."),
    }  # fmt: skip

    @pytest.mark.parametrize("what", REFUSED)
    def test_other_pickles_are_refused_and_never_run(
        self, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make, words = self.REFUSED[what]
        header = tmp_path / "header.npy"
        np.save(header, np.array({}, object))
        begin = header.read_bytes()[:128]
        assert begin.endswith(b"\n")
        (tmp_path / "a_seg.npy").write_bytes(begin + make())
        monkeypatch.chdir(tmp_path)
        with pytest.raises(WrongInputError, match=f"{words}.*is not unpickled: in Cellpose choose File > Save masks"):
            read_cells(tmp_path / "a_seg.npy")
        assert not Path("unpickled").exists()


class TestCoco:
    # pycocotools 2.0 wrote these run lengths for a cell of 9 x 40 pixels with a hole and a second piece.
    COMPRESSED = "c0720000K010O010O010O010O010O010O010O010O010O010O010O010O010O010O0104000000000000000000Q1JUO0000000;"

    def write(self, path: Path, *areas: Any, images: int = 1) -> Path:
        content = {
            "images": [{"id": n, "file_name": f"{n}.png", "height": 9, "width": 40} for n in range(images)],
            "annotations": [{"id": n, "image_id": n % images, "segmentation": one} for n, one in enumerate(areas)],
        }
        path.write_text(json.dumps(content))
        return path

    def test_compressed_run_lengths(self, tmp_path: Path) -> None:
        expected = np.zeros((9, 40), int)
        expected[1:8, 2:30] = expected[7, 33:38] = 1
        expected[3:5, 5:20] = 0
        path = self.write(tmp_path / "a.json", {"size": [9, 40], "counts": self.COMPRESSED})
        assert np.array_equal(read_cells(path)[0], expected)

    def test_a_file_of_several_images_becomes_one_file_for_each(self, tmp_path: Path) -> None:
        square, other = [[2, 2, 8, 2, 8, 7, 2, 7]], [[10, 1, 20, 1, 20, 5, 10, 5], [19, 1, 22, 1, 22, 5, 19, 5]]
        path = self.write(tmp_path / "all.json", square, other, images=2)
        with pytest.raises(WrongInputError, match="the cells of 2 images, but those of one are needed"):
            read_cells(path)
        made = epifiji.convert_cells(path, to="png")
        assert [one.name for one in made.files] == ["0_labels.png", "1_labels.png"]
        assert [(read_cells(one) > 0).sum() for one in made.files] == [30, 48]

    @pytest.mark.parametrize(
        ("area", "words"),
        [
            ([[1, 1, 5, 5]], "fewer than three points"),
            ([[1, 1, 5, "x", 5, 5]], "is no area"),
            ({"size": [9, 40], "counts": [1, 10**12]}, "do not fill the image"),
            ({"size": [9, 9**9], "counts": [1]}, "that of the image"),
            ([[100, 100, 200, 100, 200, 200]], "has no pixel in the image of 40 x 9 pixels"),
            (None, "no polygon"),
        ],
    )
    def test_broken_annotations_are_refused_in_a_sentence(self, tmp_path: Path, area: Any, words: str) -> None:
        path = self.write(tmp_path / "a.json", area)
        with pytest.raises(WrongInputError, match=words) as refused:
            read_cells(path)
        assert "annotation 1" in str(refused.value)

    @pytest.mark.parametrize("size", [{"height": 10**9}, {"height": None}, {"width": -1}, {"width": "9"}])
    def test_an_image_of_impossible_size_is_refused(self, tmp_path: Path, size: dict[str, Any]) -> None:
        content = json.loads(self.write(tmp_path / "a.json").read_text())
        content["images"][0] |= size
        (tmp_path / "a.json").write_text(json.dumps(content))
        with pytest.raises(WrongInputError, match="pixels, but at most 268435456 are expected"):
            read_cells(tmp_path / "a.json")

    @pytest.mark.parametrize("text", ["{", '{"a": 1}', "[" * 99999, '{"images": 3, "annotations": []}'])
    def test_other_json_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(WrongInputError, match=r"COCO's form|no TIFF or PNG"):
            read_cells(tmp_path / "a.json")

    def test_no_cells(self, tmp_path: Path) -> None:
        assert not read_cells(self.write(tmp_path / "a.json")).any()
        with pytest.raises(WrongInputError, match="no cells, but ImageJ opens no empty set of ROIs"):
            epifiji.convert_cells(tmp_path / "a.json", to="rois")


def test_more_cells_than_16_bits_can_number(tmp_path: Path) -> None:
    many = np.arange(1, 70_001, dtype=np.int32).reshape(200, 350).repeat(2, 0).repeat(2, 1)
    tifffile.imwrite(tmp_path / "many_labels.tif", many.astype(np.uint16))
    with pytest.raises(WrongInputError, match="more cells than 16 bits can number: save it with 32 bits"):
        read_cells(tmp_path / "many_labels.tif")
    tifffile.imwrite(tmp_path / "many_labels.tif", many)
    with pytest.raises(WrongInputError, match="up to 70000, but a PNG of 16 bits keeps 65535: write a TIFF"):
        epifiji.convert_cells(tmp_path / "many_labels.tif", to="png")
    (file,) = epifiji.convert_cells(tmp_path / "many_labels.tif", to="cellpose").files
    assert np.array_equal(read_cells(file)[0], many)


def test_cells_of_another_size_than_their_image_are_refused(folder: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((50, 60), np.uint8))
    code, _, error = run_here("convert-cells", str(folder / "a_seg.npy"), "--image", str(tmp_path / "b.tif"))
    assert (code, "90 x 90 pixels" in error, "60 x 50 pixels" in one_sentence(error)) == (2, True, True)
    code, _, error = run_here("convert-cells", str(folder / "a_masks.tif"))
    assert code == 2
    assert "a_labels.tif" in one_sentence(error)
