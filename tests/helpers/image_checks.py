"""Checks of images that run inside a JVM, and the expected values; see :mod:`jvm`."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
from PIL import Image

from epifiji.bridge.imagej import ImageJ, ImageJError
from epifiji.data.errors import WrongInputError
from epifiji.data.movie import Movie

SHAPE = (7, 20, 30)
MARK = 60
"""Difference between the largest and smallest of red, green and blue above which a pixel of a grey movie is a ROI's."""

DTYPES = {
    "bool": 8,
    "uint8": 8,
    "uint16": 16,
    "float32": 32,
    "int8": 32,
    "int16": 32,
    "int32": 32,
    "uint32": 32,
    "float16": 32,
    "float64": 32,
}
"""Types of movies, and the bits of the ImageJ image that keeps the values of :func:`pixels`."""


def pixels(dtype: str) -> np.ndarray:
    """Return integers (7, 20, 30): all values of 8-bit types, and values up to 2^24 of others, which float32 can represent."""
    count = int(np.prod(SHAPE))
    if np.dtype(dtype).kind == "b":
        return (np.arange(count).reshape(SHAPE) % 3 == 0).astype(dtype)
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
    low, high = (max(info.min, -(2**24)), min(info.max, 2**24)) if info else (-2048, 2048)
    return np.linspace(low, high, count).round().reshape(SHAPE).astype(dtype)


def roi(frame: int, y: int, x: int, bare: bool = False) -> roifile.ImagejRoi:
    """Make a ROI in the format of DeXtrusion's authors, or one without a position in the stack; `frame` counts from 0."""
    return roifile.ImagejRoi(
        roitype=roifile.ROI_TYPE.POINT,
        name=f"{frame + 1:04d}-{y:04d}-{x:04d}",
        version=227,
        top=y,
        left=x,
        n_coordinates=1,
        integer_coordinates=np.zeros((1, 2), np.int32),
        position=0 if bare else frame + 1,
        c_position=1,
        z_position=1,
        t_position=frame + 1,
        stroke_width=3,
        stroke_color=b"\xff\xff\x00\x00",
    )


ROIS = {"first.zip": [(2, 12, 20), (4, 60, 45)], "second.zip": [(2, 30, 70), (2, 30, 70, True)]}
NAMES = ["0003-0012-0020", "0005-0060-0045", "0003-0030-0070", "0003-0030-0070"]
PLACES = [[20, 12, 1, 1, 3], [45, 60, 1, 1, 5], [70, 30, 1, 1, 3], [70, 30, 1, 1, 3]]
"""Names, and x, y, channel, z and t positions of the ROIs."""


def write_zips(folder: Path) -> list[Path]:
    for name, places in ROIS.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            for number, place in enumerate(places):
                archive.writestr(f"{number}/{roi(*place).name}.roi", roi(*place).tobytes())
    return [folder / name for name in ROIS]


def grey_image(imagej: ImageJ) -> Any:
    return imagej.to_imageplus(Movie(np.full((6, 80, 90), 40, np.uint8), "grey", 0.5, 300))


def described(rois: Any) -> dict[str, list[Any]]:
    names = [str(r.getName()) for r in rois]
    ends = [(r.getCPosition(), r.getZPosition(), r.getTPosition()) for r in rois]
    corners = [(r.getBounds().x, r.getBounds().y) for r in rois]
    return {"names": names, "places": [list(map(int, c + e)) for c, e in zip(corners, ends, strict=True)]}


def marks(picture: Path) -> set[tuple[int, int]]:
    """Return y and x, in tens, of the places at which a picture of a grey movie has colours."""
    colours = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    return {(int(y) // 10, int(x) // 10) for y, x in np.argwhere(np.ptp(colours, axis=2) > MARK)}


def round_trips(imagej: ImageJ, _: Path) -> dict[str, Any]:
    seen = {}
    for dtype in DTYPES:
        array = pixels(dtype)
        image = imagej.to_imageplus(Movie(array, "a movie", 0.325, 90.5))
        back = imagej.to_movie(image)
        stack = image.getStack()
        seen[dtype] = {
            "bits": int(image.getBitDepth()),
            "dimensions": [int(n) for n in image.getDimensions()],
            "voxel": float(stack.getVoxel(29, 3, 5)),
            "expected voxel": float(array[5, 3, 29]),
            "statement": image.getProp("EpiFiji"),
            "equal": bool(np.array_equal(back.pixels, array)),
            "back": [back.name, back.pixel_size_um, back.frame_interval_s, list(back.notices)],
        }
    return seen


def calibration_in_imagej(imagej: ImageJ, _: Path) -> list[Any]:
    calibration = imagej.to_imageplus(Movie(pixels("uint8"), "a movie", 0.325, 90.5)).getCalibration()
    sides = [float(calibration.pixelWidth), float(calibration.pixelHeight), str(calibration.getUnit())]
    return [*sides, float(calibration.frameInterval), str(calibration.getTimeUnit())]


def rounded_pixels(imagej: ImageJ, _: Path) -> dict[str, Any]:
    array = pixels("float64") + 1 / 3
    image = imagej.to_imageplus(Movie(array, "thirds"))
    worst = np.abs(np.asarray(imagej.to_movie(image).pixels, np.float64) - array).max()
    return {"bits": int(image.getBitDepth()), "statement": str(image.getProp("EpiFiji")), "worst": float(worst)}


def frames_of_another_byte_order(imagej: ImageJ, _: Path) -> bool:
    array = pixels("uint16")
    return bool(np.array_equal(imagej.to_movie(imagej.to_imageplus(Movie(array.astype(">u2")))).pixels, array))


IMAGES = {
    "stack": 'newImage("t-stack.ome.tif", "8-bit ramp", 20, 10, 6);',
    "time": 'newImage("time", "16-bit ramp", 20, 10, 1, 1, 6); setVoxelSize(200, 250, 1, "nm"); Stack.setFrameInterval(2);'
    'Stack.setTUnit("min");',
    "colours": 'newImage("colours", "RGB ramp", 20, 10, 6);',
    "indexed": 'newImage("indexed", "RGB black", 20, 10, 1); random("seed", 1);'
    'for (i = 0; i < 200; i++) setPixel(i % 20, floor(i / 20), 16777215 * random()); run("8-bit Color", "number=256");',
    "channels": 'newImage("channels", "8-bit ramp", 20, 10, 2, 1, 6);',
    "volume": 'newImage("volume", "8-bit ramp", 20, 10, 1, 2, 6);',
    "still": 'newImage("still", "8-bit ramp", 20, 10, 1);',
}


def images_of_imagej(imagej: ImageJ, _: Path) -> dict[str, Any]:
    from scyjava import jimport

    seen: dict[str, Any] = {}
    for name, code in IMAGES.items():
        imagej.run_macro(code)
        image = jimport("ij.WindowManager").getCurrentImage()
        try:
            movie = imagej.to_movie(image)
        except WrongInputError as error:
            seen[name] = str(error)
        else:
            notices = list(movie.notices)
            seen[name] = [movie.name, list(movie.shape), movie.pixel_size_um, movie.frame_interval_s, notices]
        image.close()
    return seen


def signed_image(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    array = np.linspace(-32768, 32767, 6 * 10 * 20).round().astype(np.int16).reshape(6, 10, 20)
    array.astype("<i2").tofile(folder / "signed.raw")
    imagej.run_macro(
        f'run("Raw...", "open=[{folder / "signed.raw"}] image=[16-bit Signed] width=20 height=10 number=6 little-endian");'
    )
    movie = imagej.to_movie(jimport("ij.WindowManager").getCurrentImage())
    return {"dtype": str(movie.dtype), "equal": bool(np.array_equal(movie.pixels, array))}


def virtual_stack(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    tifffile.imwrite(folder / "virtual.tif", pixels("uint16"), imagej=True, metadata={"axes": "TYX"})
    image = jimport("ij.plugin.FileInfoVirtualStack").openVirtual(str(folder / "virtual.tif"))
    movie = imagej.to_movie(image)
    virtual = bool(image.getStack().isVirtual())
    return {"virtual": virtual, "equal": bool(np.array_equal(movie.pixels, pixels("uint16")))}


def rois_in_overlay(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    image = grey_image(imagej)
    shown = imagej.show_rois(image, write_zips(folder))
    for frame in range(6):
        imagej.save_picture(image, frame, folder / f"frame{frame}.png")
    imagej.save_tiff(image, folder / "with rois.tif")
    again = imagej.show_rois(image, [folder / "first.zip"])
    after = [str(image.getTitle()), int(image.getT()), int(image.getOverlay().size())]
    return {"shown": shown, "again": again, "after": after, **described(image.getOverlay().toArray()[:4])}


def refused_files(imagej: ImageJ, folder: Path) -> dict[str, str]:
    (folder / "text.zip").write_text("no zip")
    for name, entry, content in (("none.zip", "readme.txt", b""), ("broken.zip", "1.roi", b"Iout")):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(entry, content)
    image = grey_image(imagej)
    calls = {
        name: lambda name=name: imagej.show_rois(image, [name])
        for name in ("no.zip", "text.zip", "none.zip", "broken.zip")
    }
    calls["frame"] = lambda: imagej.save_picture(image, 6, "x.png")
    calls["folder"] = lambda: imagej.save_tiff(image, "no/such/x.tif")
    said = {}
    for name, call in calls.items():
        with pytest.raises((WrongInputError, ImageJError)) as refused:
            call()
        said[name] = str(refused.value)
    return {**said, "overlay": str(image.getOverlay())}


def rois_in_manager(imagej: ImageJ, folder: Path) -> dict[str, Any]:
    from scyjava import jimport

    manager = jimport("ij.plugin.frame.RoiManager").getRoiManager()
    manager.addRoi(jimport("ij.gui.Roi")(1, 2, 3, 4))
    image = grey_image(imagej)
    shown = imagej.show_rois(image, write_zips(folder))
    image.setT(3)
    for frame in range(6):
        imagej.save_picture(image, frame, folder / f"frame{frame}.png")
    imagej.save_tiff(image, folder / "with rois.tif")
    if shutil.which("import"):
        subprocess.run(["import", "-window", "root", str(folder / "desktop.png")], check=False)
    listed = [str(manager.getName(index)) for index in range(manager.getCount())]
    title = [str(image.getTitle()), bool(image.isVisible())]
    return {"shown": shown, "listed": listed, "title": title, **described(manager.getRoisAsArray()[1:])}
