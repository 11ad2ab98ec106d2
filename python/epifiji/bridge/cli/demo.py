"""The command `demo`: an example movie, its events, and how ImageJ shows them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from epifiji.bridge.fiji.open import open_imagej
from epifiji.data.errors import WrongInputError
from epifiji.data.progress import Report, silent
from epifiji.engine.simulation.movie import DEMO, simulate
from epifiji.files.movies.movie_file import read_movie, write_movie
from epifiji.files.results.result_folder import result_folder, roi_file
from epifiji.jobs.events.detect import detect
from epifiji.jobs.events.result import Result
from epifiji.jobs.networks import event_network_of

NAME = "epifiji_demo"


@dataclass(frozen=True)
class Demo:
    """The files and the result of the demonstration."""

    movie_file: Path
    folder: Path
    imagej_file: Path
    imagej_picture: Path
    result: Result
    planted: int


def run_demo(out: Path | None, network: str | None, overwrite: bool, report: Report = silent) -> Demo:
    """Make the example movie, open it in the embedded ImageJ, find its events and show them there.

    Raises
    ------
    WrongInputError
        If there is no network, or the folder holds an earlier demonstration and `overwrite` is False.
    ImageJError
        If no Java can run ImageJ, or ImageJ does not start.
    """
    found = event_network_of(network)
    place = out if out is not None else _free_folder()
    movie_file = place / f"{NAME}.tif"
    folder = result_folder(NAME, place)
    if movie_file.exists() and not overwrite:
        raise WrongInputError(f"{movie_file} exists: give another --out, or --overwrite to replace the demonstration.")
    report(0, "starting ImageJ")
    imagej = open_imagej(report=report)
    report(0, "making a movie of a tissue")
    movie, planted = simulate(**DEMO)
    place.mkdir(parents=True, exist_ok=True)
    if movie_file.exists():
        movie_file.unlink()
    write_movie(movie, movie_file)
    image = imagej.to_imageplus(read_movie(movie_file))
    result = detect(movie_file, found, report)
    result.save(folder, overwrite)
    zips = [folder / roi_file(result.movie.name, event) for event, count in result.counts.items() if count]
    imagej.show_rois(image, zips)
    imagej_file, imagej_picture = folder / f"{NAME}_imagej.tif", folder / f"{NAME}_imagej.png"
    imagej.save_tiff(image, imagej_file)
    imagej.save_picture(image, _busiest_frame(result), imagej_picture)
    return Demo(movie_file, folder, imagej_file, imagej_picture, result, len(planted))


def _free_folder() -> Path:
    """Return a name for a new folder in the working folder."""
    number = 1
    while (place := Path(NAME if number == 1 else f"{NAME}_{number}")).exists():
        number += 1
    return place


def _busiest_frame(result: Result) -> int:
    """Return the frame with the most events, or the middle frame if there are none."""
    frames = Counter(event.frame for event in result.events)
    return frames.most_common(1)[0][0] if frames else result.movie.shape[0] // 2
