"""Layout of the movie to which ROIs belong: from the record of the run, or from the movie next to them."""

from __future__ import annotations

from pathlib import Path

from epifiji.data.errors import WrongInputError
from epifiji.data.stack_layout import StackLayout
from epifiji.files.movies.movie_file import EXTENSION, movie_name, read_movie
from epifiji.files.results.movie_identity import find_movie
from epifiji.files.results.places import folder_of
from epifiji.files.results.result_folder import read_record
from epifiji.files.results.reviews import result_folders


def layout_of(place: Path) -> StackLayout | None:
    """Find the layout of the movie of a ROI file or a result folder; None if the movie is unknown.

    Raises
    ------
    WrongInputError
        If there is a record that cannot be read.
    """
    folder = folder_of(place)
    for results in result_folders(folder):
        record = read_record(results)
        if record.movie.layout is not None:
            return StackLayout(**record.movie.layout.model_dump())
        if file := find_movie(record, results):
            return _layout_of_movie(file, record.settings.channel)
    if place.is_dir():
        return None
    movies = [file for file in folder.glob("*") if EXTENSION.search(file.name)]
    named = [file for file in movies if place.stem.startswith(f"{movie_name(file)}_")]
    return _layout_of_movie(max(named, key=lambda file: len(movie_name(file)))) if named else None


def _layout_of_movie(file: str | Path, channel: int | None = None) -> StackLayout | None:
    """Read the layout of frames in a movie's file, for any of its channels; None if it cannot be read."""
    for number in (channel, 1):
        try:
            return read_movie(file, number).layout
        except WrongInputError:
            continue
    return None
